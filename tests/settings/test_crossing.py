"""Routes that carry a module twice or in a circle."""

from __future__ import annotations

from typing import Any

import pytest

OWNERS = "without owners for its fields two sides would overwrite each other; owners are not in this version"


def settings(*streams: str, orgs: str = "a b c") -> str:
    """`r1: a.Leads > b.Leads` for each stream."""
    tables = [
        f'[orgs.{org}]\ndata_center = "in"\nclient_id = "x"\nclient_secret = {{ env = "INDIA_SECRET" }}'
        for org in orgs.split()
    ]
    for name, ends in (stream.split(": ") for stream in streams):
        (source, module), (target, other) = (end.split(".") for end in ends.split(" > "))
        header = f'[routes.{name}]\nsource = "{source}"\ntarget = "{target}"'
        tables += [] if any(header in t for t in tables) else [header]
        tables.append(f'[routes.{name}.modules.{module}]\nkey = "K"\ntarget_module = "{other}"')
    return "\n".join(tables)


@pytest.mark.parametrize(
    "streams",
    [
        (
            "r1: a.Leads > b.Leads",
            "r1: a.Deals > b.Deals",
            "r2: c.Leads > b.Leads",
        ),  # two vendors, one target, same key
        ("r1: a.Leads > b.Leads", "r2: a.Leads > c.Leads"),  # hub and spoke
        ("r1: a.Leads > b.Leads", "r2: b.Leads > c.Leads", "r3: a.Leads > c.Leads"),  # no way back
        ("r1: a.Leads > b.Leads", "r2: b.Deals > a.Deals"),  # both ways, other modules
        ("r1: a.Leads > b.Contacts", "r2: b.Leads > a.Leads"),  # both ways, but not the same records
        ("r1: a.Leads > b.Contacts", "r1: a.Contacts > b.Contacts"),
    ],
)
def test_allowed(house: Any, streams: tuple[str, ...]) -> None:
    assert len(house.load(settings(*streams)).streams()) == len(streams)


@pytest.mark.parametrize(
    ("streams", "path", "circle"),
    [
        (
            ("r1: a.Leads > b.Leads", "r2: b.Leads > a.Leads"),
            "routes.r2.modules.Leads",
            "b/Leads -> a/Leads -> b/Leads",
        ),
        (
            ("r1: a.Leads > b.Contacts", "r2: b.Contacts > a.Leads"),
            "routes.r2.modules.Contacts",
            "b/Contacts -> a/Leads -> b/Contacts",
        ),
        (
            ("r1: a.Leads > b.Leads", "r2: b.Leads > c.Leads", "r3: c.Leads > a.Leads"),
            "routes.r3.modules.Leads",
            "c/Leads -> a/Leads -> b/Leads -> c/Leads",
        ),
    ],
)
def test_circle(house: Any, streams: tuple[str, ...], path: str, circle: str) -> None:
    (problem,) = house.problems(settings(*streams))
    assert (problem.path, problem.found) == (path, f"routes in a circle: {circle}")
    assert (problem.allowed, problem.hint) == ("each module in one direction", OWNERS)


def test_twice(house: Any) -> None:
    (problem,) = house.problems(settings("r1: a.Leads > b.Leads", "r2: a.Leads > b.Contacts"))
    assert problem.path == "routes.r2.modules.Leads"
    assert problem.found == "Leads from a to b, which routes.r1.modules.Leads carries too"
    assert problem.allowed == "one route for each source, target and module"


def test_circles_are_seen_beside_other_mistakes(house: Any) -> None:
    text = settings("r1: a.Leads > b.Leads", "r2: b.Leads > a.Leads").replace('key = "K"', "key = 5")
    assert [p.path for p in house.problems(text)] == [
        "routes.r1.modules.Leads.key",
        "routes.r2.modules.Leads.key",
        "routes.r2.modules.Leads",
    ]
