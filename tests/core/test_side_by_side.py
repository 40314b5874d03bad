"""How a field of a record stands to its counterpart's, and what comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from daemon.core.digest import OWED, digest_value
from daemon.core.fitting import FieldRule
from daemon.core.outlook import Outlook, outlook
from daemon.core.reach import Match
from daemon.core.rules import Expression, Template
from daemon.core.side_by_side import Agreed, FieldNow, Today, readable, side_by_side
from daemon.core.translate import translate
from daemon.core.unmet import Progress, why_unmet
from tests.core.make import SECRET, T0, at, fields, known, rule, stream

PLAIN = rule("T")


def stands(one: FieldRule, record: dict[str, Any], there: dict[str, Any] | None, agreed: Any = None) -> FieldNow:
    of = fields(one)
    [shown] = side_by_side(record, there, translate(record, of, known()), of, agreed or Agreed())
    return shown


def confirmed(value: str | None, **more: Any) -> Agreed:
    return Agreed(by_field={"T": OWED if value is None else digest_value(value, SECRET)}, key=SECRET, **more)


@pytest.mark.parametrize(
    ("one", "record", "there", "agreed", "standing"),
    [
        (PLAIN, {"T": "a"}, {"T": "a"}, None, "equal"),
        (PLAIN, {"T": ""}, {"T": None}, None, "equal"),
        (rule("T", "multiselect"), {"T": ["a", "b"]}, {"T": ["b", "a"]}, None, "equal"),
        (PLAIN, {"T": "a"}, {"T": "b"}, None, "differs"),
        (PLAIN, {"T": "new"}, {"T": "old"}, confirmed("old"), "differs"),
        (PLAIN, {"T": "old"}, {"T": "theirs"}, confirmed("old"), "changed there"),
        (PLAIN, {"T": "new"}, {"T": "theirs"}, confirmed("old"), "changed in both"),
        (PLAIN, {"T": "a"}, {"T": "b"}, confirmed(None), "differs"),
        (PLAIN, {"T": "a"}, {"T": "b"}, confirmed("b", drifted=frozenset({"T"})), "changed there"),
        (PLAIN, {"T": "a"}, None, None, "new"),
        (rule("T", owner="target"), {"T": "a"}, {"T": "b"}, None, "kept"),
        (rule("T", owner="fill-blank"), {"T": "a"}, {"T": "b"}, None, "kept"),
        (rule("T", owner="fill-blank"), {"T": "a"}, {"T": ""}, None, "differs"),
        (rule("T", owner="newest"), {"T": "a"}, {"T": "b"}, None, "either"),
        (rule("T", "lookup", parent="P"), {"T": {"id": "9"}}, {"T": None}, None, "waits"),
        (rule("T", "number"), {"T": ["many"]}, {"T": 1}, None, "fault"),
        (rule("T", "owner"), {"T": None}, {"T": {"id": "7"}}, None, "left"),
        (rule("T", "lookup", parent="P", matches={"P": Match(module="P", field="F")}), {}, {}, None, "not asked"),
    ],
)
def test_a_field_stands_by_what_both_hold_what_was_confirmed_and_who_has_the_say(
    one: FieldRule, record: dict[str, Any], there: dict[str, Any] | None, agreed: Agreed | None, standing: str
) -> None:
    assert stands(one, record, there, agreed).standing == standing


def test_values_are_shown_as_people_read_them() -> None:
    made = stands(rule("T", source=Template(text="{A} {B}")), {"A": "x", "B": "y"}, {"T": "x"})
    assert (made.made_of, made.source, made.wanted, made.target) == (("A", "B"), "A x; B y", "x y", "x")
    parent = stands(
        rule("T", "lookup", parent="P"), {"T": {"id": "9", "name": "Zylker"}}, {"T": {"id": "5", "name": "Z"}}
    )
    assert (parent.source, parent.wanted, parent.target) == ("Zylker (9)", None, "Z (5)")
    assert parent.about == "P 9 has no counterpart yet"
    assert stands(rule("T", source=Expression(text="upper(A)")), {"A": "x"}, None).wanted == "X"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ([], None),
        (False, "false"),
        (0, "0"),
        ({"id": "1"}, "1"),
        ({"id": "1", "name": "A"}, "A (1)"),
        ([{"name": "hot", "id": "1", "color_code": None}, {"name": "new"}], "hot, new"),
        (["a", "b"], "a, b"),
        ({}, "{}"),
        ([{"Qty": 1}], '{"Qty":1}'),
    ],
)
def test_a_value_as_people_read_it(value: object, text: str | None) -> None:
    assert readable(value) == text


def today(*standings: str, source: int | None = 0, target: int | None = 0, matches: bool | None = True) -> Today:
    one = {"field": "T", "made_of": (), "source": None, "wanted": None, "target": None}
    return Today(
        source_at=None if source is None else T0 + timedelta(seconds=source),
        target_at=None if target is None else T0 + timedelta(seconds=target),
        matches=matches,
        fields=tuple(FieldNow(**one, standing=standing) for standing in standings),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("seen", "settings", "ahead"),
    [
        (today("equal"), {}, None),
        (today("equal", "kept", source=60), {}, None),
        (today("differs", source=60), {}, ("poll", "reads its latest change")),
        (today("differs"), {}, ("comparison", "finds the difference, and it is brought over")),
        (today("changed there"), {}, ("comparison", 'holds it for a person (drift = "report")')),
        (today("changed there", source=60), {}, ("comparison", 'holds it for a person (drift = "report")')),
        (today("changed in both", source=60), {}, ("poll", "reads its latest change")),
        (today("changed in both"), {}, ("comparison", 'holds it for a person (drift = "report")')),
        (today("changed there"), {"drift": "keep"}, ("comparison", 'leaves it as it is (drift = "keep")')),
        (today("equal", target=None), {}, ("comparison", 'finds that its counterpart is gone (gone = "hold")')),
        (today(source=None), {}, ("nothing", 'it is not in a any more (deletes = "ignore")')),
        (today(source=None), {"deletes": "flag"}, ("poll", "sees that it was deleted, and marks its counterpart")),
        (today("differs", matches=False), {}, ("nothing", 'it does not match the filter (unmatched = "stop")')),
        (
            today("differs", matches=False),
            {"unmatched": "follow"},
            ("comparison", "finds the difference, and it is brought over"),
        ),
    ],
)
def test_what_comes_of_a_difference(seen: Today, settings: dict[str, Any], ahead: tuple[Any, str] | None) -> None:
    found = outlook(stream(**settings), seen, T0 + timedelta(seconds=30), linked=True, live=True)
    assert found == (None if ahead is None else Outlook(by=ahead[0], does=ahead[1]))


def test_without_a_counterpart_a_later_version_is_the_next_poll_s_and_a_deletion_nobody_s() -> None:
    unlinked = outlook(stream(), today("new", source=60, target=None), T0, linked=False, live=False)
    assert unlinked == Outlook(by="poll", does="reads its latest change")
    assert outlook(stream(), today("new", target=None), T0, linked=False, live=False) is None
    gone = outlook(stream(deletes="delete"), today(source=None, target=None), T0, linked=True, live=False)
    assert gone is not None
    assert gone.by == "nothing"


def reached(seconds: int = 0, *, has_run: bool = True, caught_up: bool = True, trouble: str | None = None) -> Progress:
    return Progress(position=at(seconds), has_run=has_run, caught_up_at=T0 if caught_up else None, trouble=trouble)


@pytest.mark.parametrize(
    ("progress", "matches", "reason", "said"),
    [
        (None, True, "never run", "orgsync once, or orgsync run"),
        (reached(has_run=False, trouble="no key"), True, "never run", "it is stopped: no key"),
        (reached(60), False, "filtered", "[routes.a-b.modules.Contacts] where = 'Age > 1'"),
        (reached(-60), False, "filtered", "leaves it out"),
        (reached(-60), True, "not read yet", "has read to 2026-03-01 11:59:00 UTC: it comes by itself"),
        (reached(-60, caught_up=False), True, "not read yet", "still on its first pass"),
        (reached(-60, trouble="a fuse"), True, "stopped", "it is stopped: a fuse"),
        (reached(60), True, "passed", "orgsync resync a-b/Contacts"),
    ],
)
def test_why_a_record_of_the_source_is_not_known(
    progress: Progress | None, matches: bool, reason: str, said: str
) -> None:
    found = why_unmet(stream(where="Age > 1"), at(), progress, matches=matches)
    assert found[0] == reason
    assert said in found[1]
