"""What is said of one record by a look at both orgs: the ladder from equal to what nothing explains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.convert import Json
from daemon.core.digest import digest_value
from daemon.core.ends import Waiting
from daemon.core.record import Change, format_instant
from daemon.core.steps import Link, LinkState
from daemon.core.verdict import Difference, Looked, Standing, differences, verdict
from tests.core import make

CITY = Difference(field="City", wanted="Pune", shown="Goa")
HELD = Waiting(source_id="1", attempts=1, modified_time=make.T0, state="held", code="INVALID_DATA")
DUE = replace(HELD, state="due")


def link(state: LinkState = "live", wanted: Json = "Pune", **more: Any) -> Link:
    digests = {"City": digest_value(wanted, make.SECRET)}
    return Link(entity_id="e", target_id="7", whole="x", by_field=digests, state=state, modified_time=make.T0, **more)


def looked(**more: Any) -> Looked:
    given: dict[str, Any] = {
        "link": link(),
        "change": Change(position=make.at(), values={}),
        "there": {"id": "7", "Modified_Time": format_instant(make.T0)},
        "standing": Standing(),
        "later": False,
        "keep": True,
    }
    return Looked(**given | more)


@pytest.mark.parametrize(
    ("kind", "settings", "seen"),
    [
        ("equal", {}, {}),
        ("equal", {}, {"later": True}),
        ("held", {}, {"standing": Standing(waiting=HELD)}),
        ("held", {}, {"standing": Standing(waiting=HELD), "differences": (CITY,), "later": True}),
        ("in_flight", {}, {"differences": (CITY,), "later": True}),
        ("in_flight", {}, {"differences": (CITY,), "standing": Standing(unanswered=True)}),
        ("due", {}, {"standing": Standing(waiting=DUE), "differences": (CITY,)}),
        ("dropped", {}, {"standing": Standing(dropped=True), "differences": (CITY,)}),
        ("missing", {}, {"link": None, "there": None}),
        ("missing", {}, {"link": link("deleted"), "there": None}),
        ("gone", {}, {"there": None}),
        ("left", {"gone": "leave"}, {"there": None}),
        ("differs", {}, {"differences": (CITY,)}),
        ("kept", {"drift": "keep"}, {"differences": (CITY,)}),
        ("differs", {"drift": "keep"}, {"differences": (CITY,), "link": link(wanted="Goa")}),
        ("own_form", {}, {"differences": (Difference(field="City", wanted="Pune ", shown="Pune"),)}),
        ("own_form", {}, {"differences": (Difference(field="Age", wanted=1.004, shown=1.0),)}),
        ("differs", {}, {"differences": (Difference(field="Age", wanted=1.5, shown=1.0),)}),
        ("differs", {}, {"differences": (CITY, Difference(field="A", wanted="x ", shown="x"))}),
        ("filtered", {}, {"keep": False}),
        ("filtered", {"unmatched": "follow"}, {"keep": False, "link": None}),
        ("equal", {"unmatched": "follow"}, {"keep": False}),
        ("outlived", {"unmatched": "delete"}, {"keep": False}),
        ("filtered", {"unmatched": "delete"}, {"keep": False, "there": None}),
        ("deleted_in_source", {}, {"change": None}),
        ("outlived", {"deletes": "delete"}, {"change": None}),
        ("in_flight", {"deletes": "delete"}, {"change": None, "later": True}),
        ("due", {"deletes": "delete"}, {"change": None, "standing": Standing(waiting=DUE)}),
        ("deleted_in_source", {"deletes": "flag"}, {"change": None, "link": link("flagged")}),
        ("deleted_in_source", {"deletes": "delete"}, {"change": None, "there": None}),
    ],
)
def test_each_sight_has_its_word(kind: str, settings: dict[str, Any], seen: dict[str, Any]) -> None:
    stream = replace(make.stream(), **settings)
    assert verdict(looked(**seen), stream, make.SECRET) == kind


def test_an_own_form_is_only_believed_while_nobody_has_touched_the_record() -> None:
    spaces = (Difference(field="City", wanted="Pune ", shown="Pune"),)
    later = {"id": "7", "Modified_Time": format_instant(make.at(60).modified_time)}
    assert verdict(looked(differences=spaces, there=later), make.stream(), make.SECRET) == "differs"


def test_only_judged_fields_are_compared_and_choices_as_a_set() -> None:
    wanted: dict[str, Json] = {"A": ["x", "y"], "B": 1, "C": {"id": "5", "module": "M"}, "D": None}
    shown: dict[str, Json] = {"A": ["y", "x"], "B": 2, "C": {"id": "5"}, "D": "z", "E": "theirs"}
    found = differences(wanted, shown, {"A", "B", "C", "D", "E"}, make.SECRET)
    assert found == (Difference(field="B", wanted=1, shown=2), Difference(field="D", wanted=None, shown="z"))
    assert differences(wanted, shown, {"A", "C"}, make.SECRET) == ()
