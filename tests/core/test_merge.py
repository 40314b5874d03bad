"""Both ways: what counts as an edit, and who wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.core.convert import Json
from daemon.core.digest import digest_value, digest_values
from daemon.core.edits import NOTHING, Basis, Column, Dated, Edit, Edits, Held, Mark, People, edits
from daemon.core.fieldmap import FieldMap
from daemon.core.merge import Merged, Sides, merge
from daemon.core.record import Change, format_instant
from daemon.core.rules import Constant, Stream, Template
from tests.core.make import SECRET, T0, at, fields, rule

ME, PERSON = {"id": "1", "name": "orgsync"}, {"id": "2", "name": "Pat"}
MAP = replace(
    fields(rule("City", owner="newest"), rule("Owner", "owner", owner="newest")),
    kinds={"City": "text", "Owner": "owner"},
)
STREAM = Stream(
    address="a-b/Leads",
    route="a-b",
    source="a",
    target="b",
    source_module="Leads",
    target_module="Leads",
    key="Key",
    circle=("b-a/Leads",),
)


def digest(value: Json) -> str:
    return digest_value(value, SECRET)


def dated(value: Json, seconds: int = -60) -> Dated:
    return Dated(digest=digest(value), at=T0 + timedelta(seconds=seconds))


def change(city: str | None, seconds: int = 0, by: dict[str, str] = PERSON) -> Change:
    return Change(position=at(seconds), values={"City": city, "Owner": None, "Modified_By": by})


def basis(city: str, mark: Mark | None = None, held: Held | None = None) -> Basis:
    return Basis(
        columns={"City": Column(agreed=dated(city), mark=mark), "Owner": Column(agreed=dated(None))},
        held={"City": held or Held(digest=digest(city))},
    )


def edit(seconds: int = 0, **came: str) -> Edit:
    """An edit that came through these orgs, which held this city each."""
    return Edit(came={org: {"City": digest(city)} for org, city in came.items()}, at=T0 + timedelta(seconds=seconds))


def made_over(what: Edit, who: str = "Pat", **held: str) -> Edit:
    """A person's edit of a value that these orgs held like this."""
    return replace(what, over=edit(0, **held).came, meant=True, by=who)


def written(city: str, seconds: int, **came: str) -> Mark:
    return Mark(digest=digest(city), at=T0 + timedelta(seconds=seconds), edit=edit(seconds - 4, **came))


def found(now: Change, known: Basis) -> Edits:
    return edits(now, MAP, known, "b", People(me="1"), SECRET)


def decided(now: Change, known: Basis, there: str | None, seconds: int, by: Any = PERSON, **stream: Any) -> Merged:
    values: dict[str, Json] = {"City": now.values["City"]}  # type: ignore[dict-item]
    seen = {"City": there, "Modified_Time": format_instant(T0 + timedelta(seconds=seconds)), "Modified_By": by}
    return merge(frozenset({"City"}), seen, sides_of(now, values, known, **stream))


def sides_of(now: Change, values: dict[str, Json], known: Basis, fields: FieldMap = MAP, **stream: Any) -> Sides:
    return Sides(
        change=now,
        values=values,
        digests=digest_values(values, fields.version, SECRET),
        edits=found(now, known),
        stream=replace(STREAM, **stream),
        fields=fields,
        basis=known,
        confirmed={},
        people=People(me="1"),
        key=SECRET,
    )


def test_a_value_that_both_sides_agreed_on_is_no_edit() -> None:
    assert found(change("Graz"), basis("Graz")).fields == {}


def test_another_value_is_an_edit_that_came_through_no_org() -> None:
    assert found(change("Linz"), basis("Graz")).fields == {"City": made_over(edit())}


def test_what_orgsync_wrote_and_came_from_the_target_is_no_edit_in_whatever_form_it_is_stored() -> None:
    echo = basis("Graz", written("Graz", 5, b="graz"))
    assert found(change("GRAZ", 5, ME), echo) == Edits(
        columns={"City": dated("GRAZ", 1), "Owner": dated(None)},
        fields={},
        looped={"City": digest("graz")},
        settles=True,
        at=T0 + timedelta(seconds=5),
    )


@pytest.mark.parametrize(("seconds", "by"), [(5, PERSON), (6, ME)])
def test_in_another_second_or_by_somebody_else_it_is_an_edit(seconds: int, by: dict[str, str]) -> None:
    echo = basis("Graz", written("Graz", 5, b="graz"))
    assert found(change("GRAZ", seconds, by), echo).fields == {"City": made_over(edit(seconds), by["name"], b="graz")}


def test_what_orgsync_wrote_and_came_from_elsewhere_goes_on_with_the_orgs_that_it_came_through() -> None:
    passing = basis("Graz", written("Linz", 5, c="LINZ", d="linz"))
    assert found(change("Linz", 5, ME), passing).fields == {"City": edit(1, c="LINZ", d="linz")}
    assert found(change("Wien", 9), passing).fields == {"City": made_over(edit(9), c="LINZ", d="linz")}


def test_an_edit_is_later_than_what_it_was_made_over_whatever_the_clocks_say() -> None:
    passing = basis("Graz", written("Linz", 5, c="LINZ"))  # edited in c at second 1, whose clock is ahead
    assert found(change("Wien", -30), passing).columns["City"] == replace(dated("Wien", 1), meant=True)


def test_an_edit_goes_over_where_the_target_holds_what_was_agreed() -> None:
    merged = decided(change("Linz"), basis("Graz"), "Graz", 9)
    assert (merged.names, merged.lost, merged.pact.conflicts) == ({"City"}, frozenset(), ())
    assert merged.pact.sent == {"City": made_over(edit(a="Linz"))}


def test_the_same_edit_on_both_sides_is_agreed_and_not_written() -> None:
    merged = decided(change("Linz"), basis("Graz"), "Linz", 9)
    assert (merged.names, merged.pact.conflicts, merged.is_idle) == (frozenset(), (), False)
    assert merged.pact.at == T0 + timedelta(seconds=9)


@pytest.mark.parametrize(("seconds", "wins"), [(-1, True), (1, False)])
def test_of_two_edits_the_later_record_wins_and_the_winner_notes_the_conflict(seconds: int, wins: bool) -> None:
    merged = decided(change("Linz"), basis("Graz"), "Wien", seconds)
    assert (merged.names, merged.lost) == ((frozenset({"City"}), frozenset()) if wins else (frozenset(), {"City"}))
    assert [(c.rule, c.source_author, c.target_author) for c in merged.pact.conflicts] == (
        [("newest", "Pat", "Pat")] if wins else []
    )
    assert ("City" in merged.pact.columns) is wins


@pytest.mark.parametrize(("primary", "wins"), [("a", True), ("b", False), (None, True)])
def test_in_one_second_the_org_that_the_primary_route_starts_from_wins(primary: str | None, wins: bool) -> None:
    merged = decided(change("Linz"), basis("Graz"), "Wien", 0, primary=primary)
    assert (bool(merged.names), [c.rule for c in merged.pact.conflicts]) == (wins, ["primary"] if wins else [])


def test_the_form_that_the_target_made_of_our_write_is_no_edit_there() -> None:
    known = basis("Graz", held=Held(digest=digest("Graz"), at=T0 + timedelta(seconds=3)))
    assert decided(change("Linz"), known, "GRAZ", 3, ME).pact.conflicts == ()
    assert decided(change("Linz"), known, "GRAZ", 3, PERSON).lost == {"City"}


def test_a_value_that_is_back_in_the_target_is_as_new_as_the_edit_that_brought_it_back() -> None:
    theirs = Column(agreed=dated("Graz"), mark=written("Linz", 5, a="Linz"))  # Graz, then Linz by us, then Graz again
    known = replace(basis("Roma"), theirs={"City": (theirs,)})
    assert decided(change("Wien", 20), known, "Graz", 24).lost == {"City"}


def test_a_lookup_that_is_only_translated_anew_gives_way_to_an_edit_of_the_target() -> None:
    lookup = replace(MAP, rules=(rule("City", "lookup", owner="newest"), *MAP.rules[1:]))
    known = basis("Graz", held=Held(digest=digest("Roma")))
    assert decided(change("Graz", 9), known, "Graz", 3).lost == frozenset()
    seen = {"City": {"id": "7"}, "Modified_Time": format_instant(T0), "Modified_By": PERSON}
    values: dict[str, Json] = {"City": {"id": "5"}}
    merged = merge(frozenset({"City"}), seen, sides_of(change("Graz", 9), values, known, lookup))
    assert (merged.names, merged.lost, merged.pact.conflicts) == (frozenset(), {"City"}, ())


@pytest.mark.parametrize(("mine", "theirs", "goes"), [("Linz", None, True), (None, "Wien", False)])
def test_before_the_first_agreement_a_blank_gives_way_without_a_conflict(
    mine: str | None, theirs: str | None, goes: bool
) -> None:
    for seconds in (-1, 1):
        merged = decided(change(mine), NOTHING, theirs, seconds)
        assert (bool(merged.names), bool(merged.lost), merged.pact.conflicts) == (goes, not goes, ())


def test_a_person_whom_nobody_stands_for_is_no_value_to_carry() -> None:
    now = Change(position=at(), values={"City": "Graz", "Owner": {"id": "9"}, "Modified_By": PERSON})
    assert decided(now, basis("Graz"), "Graz", 9).names == frozenset()


def test_a_newest_field_without_a_source_field_counts_as_the_sources() -> None:
    constant = rule("Region", source=Constant(value="North"), owner="newest")
    made = rule("Name", source=Template(text="{First_Name}"), owner="newest")
    found = fields(constant, made, rule("Level", source=Constant(value="Local"), owner="target"))
    assert (found.newest, found.lasting, found.made_once) == ({"Name"}, {"Region"}, {"Level"})
