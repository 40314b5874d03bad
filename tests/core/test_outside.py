"""A record outside its stream's filter: left alone, followed or deleted, by what this stream has carried."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.record import WireRecord
from daemon.core.rules import Unmatched
from daemon.core.steps import Delete, Keep, Link, LinkState, Step, Update
from tests.core.make import change, fields, link, plan_one

OUT = change(Last_Name="new", Stage="Lost")
MAP = fields(where="Stage = 'Won'")
THERE: WireRecord = {"id": "901", "Last_Name": "old", "Stage": "Won"}
MINE = link({"Last_Name": "old", "Stage": "Won"})


def outside(
    unmatched: Unmatched,
    mine: Link | None = MINE,
    found: tuple[WireRecord, ...] | None = None,
    ended: frozenset[str] = frozenset(),
) -> Step:
    links = {} if mine is None else {"1": mine}
    candidates = {} if found is None else {"1": found}
    return plan_one(OUT, field_map=MAP, links=links, found=candidates, ended=ended, unmatched=unmatched)


FILTERED = Keep(change=OUT, outcome="filtered")


def test_one_that_was_carried_goes_by_the_setting() -> None:
    assert outside("stop") == FILTERED
    followed = outside("follow")
    assert isinstance(followed, Update)
    assert followed.target_id == "901"
    assert outside("delete") == Delete(change=OUT, target_id="901")


@pytest.mark.parametrize("unmatched", ["stop", "follow", "delete"])
@pytest.mark.parametrize("mine", [None, replace(MINE, agreed=False, whole=None)])
def test_one_that_was_never_carried_or_by_another_stream_only_is_left_alone(
    unmatched: Unmatched, mine: Link | None
) -> None:
    assert outside(unmatched, mine) == FILTERED


@pytest.mark.parametrize("unmatched", ["stop", "follow", "delete"])
@pytest.mark.parametrize("state", ["deleted", "gone"])
def test_nothing_is_made_for_one_whose_counterpart_ended(unmatched: Unmatched, state: LinkState) -> None:
    assert outside(unmatched, replace(MINE, state=state)) == FILTERED


def test_what_an_uncertain_write_left_behind_is_the_streams_own() -> None:
    kept = outside("stop", None, (THERE,))
    assert isinstance(kept, Keep)
    assert kept.target_id == "901"
    assert isinstance(outside("follow", None, (THERE,)), Update)
    assert outside("delete", None, (THERE,)) == Delete(change=OUT, target_id="901", doubted=True)
    assert outside("delete", None, ()) == FILTERED


@pytest.mark.parametrize("unmatched", ["stop", "follow", "delete"])
def test_a_deletion_of_ours_that_was_done_after_all_is_noted(unmatched: Unmatched) -> None:
    done = Keep(change=OUT, outcome="deleted", target_id="901")
    assert outside(unmatched, MINE, (), frozenset({"1"})) == done
    assert outside("delete", MINE, ()) == done  # whoever did it


def test_one_that_is_flagged_is_followed_or_deleted_too() -> None:
    flagged = replace(MINE, state="flagged", whole=None, agreed=False)
    assert isinstance(outside("follow", flagged), Update)
    assert outside("delete", flagged) == Delete(change=OUT, target_id="901")
