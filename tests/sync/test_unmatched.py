"""Records that stop matching the filter of their stream, and match again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.emulator import Emulator
from tests.sync.pair import DEADLINE, LAG, Pair, add_key, make_settings, opened, running_pair
from tests.sync.test_deletes import state

WAIT = DEADLINE + LAG.total_seconds() + 6
STREAM = "india-to-us/Leads"
LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
PUNE = "City = 'Pune'"


def filtering(folder: Path, unmatched: str, **stream: Any) -> Any:
    given = {"modules": ("Leads",), "where": PUNE, "fuse": LOOSE, **stream}
    return running_pair(folder, unmatched=unmatched, **given)


def lead(pair: Pair, name: str = "A", city: str = "Pune") -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", "City": city})


def leave(pair: Pair, source_id: str, name: str = "gone") -> None:
    pair.a.edit("Leads", source_id, {"City": "Delhi", "Last_Name": name})


def settle(pair: Pair, rounds: int = 3) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def names(pair: Pair) -> list[str]:
    return sorted(str(row["Last_Name"]) for row in pair.b.records("Leads"))


def test_by_default_a_record_that_stops_matching_is_left_as_it_is_in_b(tmp_path: Path) -> None:
    with filtering(tmp_path, "stop") as pair:
        mine = lead(pair)
        pair.once()
        leave(pair, mine)
        assert pair.once()[STREAM].outcomes == {"filtered": 1}
        assert (names(pair), state(pair, mine)) == (["A"], "live")


def test_followed_records_are_written_though_they_stopped_matching_but_none_is_made(tmp_path: Path) -> None:
    with filtering(tmp_path, "follow") as pair:
        mine, never = lead(pair), lead(pair, "never", "Delhi")
        settle(pair)
        leave(pair, mine, "B")
        pair.a.edit("Leads", never, {"Last_Name": "still never"})
        assert pair.once()[STREAM].outcomes == {"updated": 1, "filtered": 1}
        assert names(pair) == ["B"]
        writes = len(pair.writes())
        settle(pair)
        assert (len(pair.writes()), pair.queue()) == (writes, [])
        pair.b.delete("Leads", str(pair.counterpart("Leads", mine)["id"]))
        pair.a.edit("Leads", mine, {"Last_Name": "C"})
        pair.once()
        assert pair.queue() == [(mine, "held", "TARGET_GONE")]


def test_the_counterpart_is_deleted_once_and_comes_back_when_the_record_matches_again(tmp_path: Path) -> None:
    with filtering(tmp_path, "delete") as pair:
        mine, other, never = lead(pair), lead(pair, "other"), lead(pair, "never", "Delhi")
        settle(pair)
        leave(pair, mine)
        pair.a.edit("Leads", never, {"Last_Name": "still never"})
        assert pair.once()[STREAM].outcomes == {"deleted": 1, "filtered": 1}
        assert (names(pair), state(pair, mine)) == (["other"], "deleted")
        writes = len(pair.writes())
        pair.a.edit("Leads", mine, {"Last_Name": "again"})
        settle(pair)
        assert len(pair.writes()) == writes
        pair.a.edit("Leads", mine, {"City": "Pune"})
        settle(pair)
        assert (names(pair), state(pair, mine), pair.queue()) == (["again", "other"], "live", [])
        pair.a.delete("Leads", other)
        settle(pair)
        assert names(pair) == ["again", "other"]  # `deletes` is another setting


def test_more_deletions_than_the_fuse_allows_wait_before_the_checkpoint_for_a_person(tmp_path: Path) -> None:
    with filtering(tmp_path, "delete", fuse=Fuse(deletes=Limit(count=1))) as pair:
        mine = [lead(pair, f"L{n}") for n in range(3)]
        settle(pair)
        for source_id in mine[:2]:
            leave(pair, source_id)
        trouble = str(pair.once()[STREAM].trouble)
        assert "fuse (deletes): 2 of 3 linked records" in trouble
        assert f"orgsync release {STREAM} --accept 2" in trouble
        settle(pair)
        assert names(pair) == ["L0", "L1", "L2"]
        pair.ledger.release(STREAM, 2, "moved to Delhi", pair.fleet.runners[0]._now())
        settle(pair)
        assert (names(pair), pair.queue()) == (["L2"], [])


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_whose_answer_was_lost_ends_as_the_record_is_by_then(tmp_path: Path, when: str, back: bool) -> None:
    with filtering(tmp_path, "delete") as pair:
        mine, _ = lead(pair), lead(pair, "other")
        settle(pair)
        leave(pair, mine, "A")
        pair.b.faults.next("delete", effect="cut", when=when)
        pair.cycle("Leads")
        assert pair.queue() == [(mine, "due", "UNCERTAIN")]
        if back:
            pair.a.edit("Leads", mine, {"City": "Pune"})
        pair.pass_time(WAIT)
        settle(pair)
        assert (names(pair), pair.queue()) == (["A", "other"] if back else ["other"], [])
        assert state(pair, mine) == ("live" if back else "deleted")


@pytest.mark.parametrize(("unmatched", "left"), [("stop", ["A"]), ("follow", ["gone"]), ("delete", [])])
def test_a_create_whose_answer_was_lost_is_not_forgotten_when_the_record_stops_matching(
    tmp_path: Path, unmatched: str, left: list[str]
) -> None:
    with filtering(tmp_path, unmatched) as pair:
        mine = lead(pair)
        pair.b.faults.next("insert", effect="cut", when="after")
        pair.cycle("Leads")
        leave(pair, mine)
        pair.pass_time(WAIT)
        settle(pair)
        assert (names(pair), pair.queue()) == (left, [])


def test_an_update_that_b_refused_after_a_lost_one_leaves_the_record_the_streams_own(tmp_path: Path) -> None:
    with filtering(tmp_path, "delete") as pair:
        mine, _ = lead(pair), lead(pair, "other")
        settle(pair)
        pair.a.edit("Leads", mine, {"Last_Name": "lost"})
        pair.b.faults.next("update", effect="cut", when="before")
        pair.cycle("Leads")
        pair.pass_time(WAIT)
        pair.b.change_field("Leads", "Last_Name", length=3)
        pair.once()
        assert pair.queue() == [(mine, "held", "INVALID_DATA")]
        leave(pair, mine)
        settle(pair)
        assert (names(pair), pair.queue()) == (["other"], [])


@pytest.mark.parametrize(("unmatched", "left"), [("follow", ["gone"]), ("delete", [])])
def test_a_ledger_that_was_lost_finds_its_counterparts_outside_the_filter_by_their_key(
    tmp_path: Path, unmatched: str, left: list[str]
) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        given = {"modules": ("Leads",), "where": PUNE, "fuse": LOOSE, "unmatched": unmatched}
        with opened(emu, make_settings(emu, tmp_path / "old", **given)) as pair:
            mine = lead(pair)
            settle(pair)
            leave(pair, mine)
        with opened(emu, make_settings(emu, tmp_path / "new", **given), first_run="create") as pair:
            settle(pair)
            assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
            settle(pair)
            assert (names(pair), pair.queue()) == (left, [])


def test_a_comparison_judges_what_is_followed(tmp_path: Path) -> None:
    with filtering(tmp_path, "follow", drift="overwrite") as pair:
        mine = lead(pair)
        settle(pair)
        leave(pair, mine, "B")
        settle(pair)
        pair.b.edit("Leads", str(pair.counterpart("Leads", mine)["id"]), {"Last_Name": "hand"})
        assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        settle(pair)
        assert names(pair) == ["B"]


def test_a_comparison_finds_what_stopped_matching_unseen(tmp_path: Path) -> None:
    """An edit that moves no Modified_Time is found by no poll."""
    with filtering(tmp_path, "delete") as pair:
        mine, _ = lead(pair), lead(pair, "other")
        settle(pair)
        before = pair.a.record("Leads", mine)
        assert before is not None
        pair.a.edit("Leads", mine, {"City": "Delhi", "Modified_Time": before["Modified_Time"]})
        settle(pair)
        assert names(pair) == ["A", "other"]
        assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        settle(pair)
        assert (names(pair), pair.queue()) == (["other"], [])


def test_another_setting_is_another_version_of_the_rules_and_holds_for_what_is_outside_already(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), where=PUNE, fuse=LOOSE)
        with opened(emu, settings) as pair:
            mine, _ = lead(pair), lead(pair, "other")
            settle(pair)
            leave(pair, mine)
            settle(pair)
            assert names(pair) == ["A", "other"]
        (route,) = settings.routes
        streams = tuple(replace(stream, unmatched="delete") for stream in route.streams)
        with opened(emu, replace(settings, routes=(replace(route, streams=streams),))) as pair:
            settle(pair)
            assert (names(pair), pair.queue()) == (["other"], [])
