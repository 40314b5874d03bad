"""Routes that carry a module twice or in a circle."""

from __future__ import annotations

from typing import Any

import pytest


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
    ("streams", "path", "ways"),
    [
        (("r1: a.Leads > b.Leads", "r2: b.Leads > a.Leads"), "routes.r1.modules.Leads", "r1/Leads r2/Leads"),
        (("r1: a.Leads > b.Contacts", "r2: b.Contacts > a.Leads"), "routes.r1.modules.Leads", "r1/Leads r2/Contacts"),
        (
            ("r1: a.Leads > b.Leads", "r2: b.Leads > c.Leads", "r3: c.Leads > a.Leads"),
            "routes.r1.modules.Leads",
            "r1/Leads r2/Leads r3/Leads",
        ),
    ],
)
def test_a_circle_without_owners_is_refused_once(house: Any, streams: tuple[str, ...], path: str, ways: str) -> None:
    (problem,) = house.problems(settings(*streams))
    shown = ", ".join(f"{way} ('source')" for way in ways.split())
    assert (problem.path, problem.found) == (f"{path}.owner", f"every field goes round in a circle: {shown}")
    assert problem.allowed == '"newest" on every way round, or "target" or "fill-blank" on one of them'


def both(there: str, back: str) -> str:
    text = settings("r1: a.Leads > b.Leads", "r2: b.Leads > a.Leads").replace('key = "K"', 'key = "K"\nTHERE', 1)
    head, _, tail = text.rpartition('key = "K"')
    return f'{head}key = "K"\n{back}{tail}'.replace("THERE", there)


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ('owner = "newest"', 'owner = "newest"'),
        ('owner = "source"', 'owner = "target"'),
        ('owner = "fill-blank"', 'owner = "source"'),
        ('fields = ["Email"]', 'fields = ["Phone"]'),
        ('fields = { Town = "City" }\nowner = "newest"', 'fields = { City = "Town" }\nowner = "newest"'),
        (
            'fields = { Amount = { expression = "Amount * Rate" } }\nowner = "newest"',
            'fields = ["Amount"]\nowner = "newest"',
        ),
        (
            'fields = { City = "City", Region = { constant = "North" } }\nowner = "newest"',
            'fields = ["City"]\nowner = "newest"',
        ),
        ('fields = { Email = "Email", Phone = { source = "Phone", owner = "target" } }', 'fields = ["Phone"]'),
        ('except = ["Email"]\nowner = "target"', 'fields = ["Email"]'),
    ],
)
def test_a_circle_with_one_owner_for_every_field_is_allowed(house: Any, there: str, back: str) -> None:
    there_, back_ = house.load(both(there, back)).streams()
    assert (there_.circle, back_.circle) == (("r2/Leads",), ("r1/Leads",))
    assert [(o.key, o.org, o.module) for o in back_.origins] == [("K", "a", "Leads")]
    assert there_.primary == back_.primary == "a"


@pytest.mark.parametrize(
    ("there", "back", "field"),
    [
        ('owner = "newest"', 'owner = "source"', "every field"),
        ('fields = ["Email"]', 'fields = { Email = { expression = "lower(Email)" } }', "the field Email"),
        ('fields = { City = "Town" }', 'fields = { Town = "City" }', "the field City"),
        (
            'owner = "newest"\nfields = { "*" = "*", Email = { source = "Email", owner = "source" } }',
            'owner = "newest"',
            "the field Email",
        ),
    ],
)
def test_a_field_with_two_owners_is_named(house: Any, there: str, back: str, field: str) -> None:
    (problem,) = house.problems(both(there, back))
    assert problem.found.startswith(f"{field} goes round in a circle: r")


def test_the_primary_route_wins_ties(house: Any) -> None:
    text = both('owner = "newest"', 'owner = "newest"').replace("[routes.r2]", "[routes.r2]\nprimary = true")
    assert [stream.primary for stream in house.load(text).streams()] == ["b", "b"]


def test_a_circle_without_a_key_is_refused(house: Any) -> None:
    text = both('owner = "newest"', 'owner = "newest"').replace('key = "K"', 'key = "none"', 1)
    assert [problem.path for problem in house.problems(text)] == ["routes.r1.modules.Leads.key"]


def test_twice(house: Any) -> None:
    (problem,) = house.problems(settings("r1: a.Leads > b.Leads", "r2: a.Leads > b.Contacts"))
    assert problem.path == "routes.r2.modules.Leads"
    assert problem.found == "Leads from a to b, which routes.r1.modules.Leads carries too"
    assert problem.allowed == "one route for each source, target and module"


@pytest.mark.parametrize(("key", "what"), [("notes = true", "notes"), ('attachments = "1d"', "attachments")])
def test_what_hangs_at_records_goes_one_way_only(house: Any, key: str, what: str) -> None:
    ways = both(f'owner = "newest"\n{key}', f'owner = "newest"\n{key}')
    assert [p.path for p in house.problems(ways)] == [f"routes.{r}.modules.Leads.{what}" for r in ("r1", "r2")]
    assert house.load(both(f'owner = "newest"\n{key}', 'owner = "newest"')).streams()[0].circle == ("r2/Leads",)


@pytest.mark.parametrize("given", ['owner = "newest"', 'fields = { Email = { source = "Email", owner = "newest" } }'])
def test_newest_without_a_route_back_is_refused(house: Any, given: str) -> None:
    text = settings("r1: a.Leads > b.Leads").replace('key = "K"', f'key = "K"\n{given}')
    (problem,) = house.problems(text)
    assert (problem.path, problem.found) == ("routes.r1.modules.Leads.owner", '"newest", and no route leads back')


@pytest.mark.parametrize(
    ("there", "back", "lost"),
    [
        ('fields = ["City"]\nowner = "newest"', 'fields = ["City"]\nowner = "target"', "City"),
        ('fields = ["City"]\nowner = "newest"', 'fields = ["City"]\nowner = "fill-blank"', "City"),
        ('fields = ["City", "Phone"]\nowner = "newest"', 'fields = ["Phone"]\nowner = "newest"', "City"),
        ('fields = ["City", "Phone"]\nowner = "newest"', 'fields = ["Email"]', "City, Phone"),
        ('fields = ["City"]\nowner = "newest"', 'fields = { City = { constant = "Linz" } }', "City"),
        (
            'fields = { Amount = { expression = "Amount * Rate" } }\nowner = "newest"',
            'fields = ["Phone"]',
            "Amount",
        ),
        ('owner = "newest"', 'owner = "fill-blank"', 'what "*" stands for'),
        ('owner = "newest"', 'fields = ["City"]\nowner = "newest"', 'what "*" stands for'),
    ],
)
def test_a_newest_field_that_the_way_back_does_not_bring_back_is_refused(
    house: Any, there: str, back: str, lost: str
) -> None:
    (problem,) = house.problems(both(there, back))
    assert problem.path == "routes.r1.modules.Leads.owner"
    assert problem.found == f'"newest", and no route brings edits of {lost} back'


def test_a_newest_field_may_come_back_by_way_of_a_third_org(house: Any) -> None:
    ring = settings("r1: a.Leads > b.Leads", "r2: b.Leads > c.Leads", "r3: c.Leads > a.Leads")
    newest = ring.replace('key = "K"', 'key = "K"\nowner = "newest"\nfields = ["City"]')
    assert len(house.load(newest).streams()) == 3
    cut = newest.replace('fields = ["City"]', 'fields = ["City", "Phone"]', 1)
    (problem,) = house.problems(cut)
    assert problem.found == '"newest", and no route brings edits of Phone back'
