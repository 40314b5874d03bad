"""The full comparison: what no poll can see is found, put into the queue, and brought in order by the policies."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.sync import compare
from tests.sync.pair import Pair, make_settings, opened, running_pair

STREAM = "india-to-us/Leads"
LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


def leads(pair: Pair, count: int) -> list[str]:
    return [pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C", "City": "Pune"}) for n in range(count)]


def settle(pair: Pair, rounds: int = 4) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def resync(pair: Pair) -> dict[str, Any]:
    """Has everything compared; gives what the comparison found."""
    settle(pair)
    assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
    settle(pair)
    names = ("source_seen", "target_seen", "differing", "missing", "drifted", "gone", "strangers")
    ((finished, *counts),) = pair.sql(
        "select finished_at, source_seen, target_seen, differing, missing, drifted, gone, strangers"
        " from comparisons order by id desc limit 1"
    )
    assert finished is not None
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def test_equal_sides_cost_reads_and_no_write(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        leads(pair, 5)
        settle(pair)
        writes = len(pair.writes())
        assert resync(pair) == {"source_seen": 5, "target_seen": 5}
        assert (len(pair.writes()), pair.queue()) == (writes, [])


def test_a_change_that_moved_no_modified_time_is_found(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        before = pair.a.record("Leads", lead)
        assert before is not None
        pair.a.edit("Leads", lead, {"City": "Mumbai", "Modified_Time": before["Modified_Time"]})
        settle(pair)
        assert pair.counterpart("Leads", lead)["City"] == "Pune"
        assert resync(pair)["differing"] == 1
        assert pair.counterpart("Leads", lead)["City"] == "Mumbai"


@pytest.mark.parametrize(
    ("drift", "city", "queue"), [("report", "Hand", "held"), ("overwrite", "Pune", None), ("keep", "Hand", None)]
)
def test_a_hand_edit_in_b_follows_the_policy(tmp_path: Path, drift: str, city: str, queue: str | None) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift=drift) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", lead)["id"], {"City": "Hand"})
        resync(pair)
        assert pair.counterpart("Leads", lead)["City"] == city
        assert pair.queue() == ([] if queue is None else [(lead, queue, "DRIFT")])
        writes = len(pair.writes())
        resync(pair)  # what was decided is not decided again
        assert len(pair.writes()) == writes


def test_reported_drift_is_not_forgotten_when_another_field_is_edited_in_the_source(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", lead)["id"], {"City": "Hand"})
        resync(pair)
        pair.a.edit("Leads", lead, {"Phone": "77"})
        settle(pair)
        twin = pair.counterpart("Leads", lead)
        assert (twin["City"], twin["Phone"], pair.queue()) == ("Hand", "77", [(lead, "held", "DRIFT")])
        pair.a.edit("Leads", lead, {"City": "Goa"})
        settle(pair)
        assert (pair.counterpart("Leads", lead)["City"], pair.queue()) == ("Goa", [])


def test_once_also_does_what_its_comparison_has_found(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="overwrite") as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", lead)["id"], {"City": "Hand"})
        pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        pair.pass_time(30)
        pair.once()
        assert (pair.counterpart("Leads", lead)["City"], pair.queue()) == ("Pune", [])


def test_a_retry_of_reported_drift_puts_the_sources_values_back(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", lead)["id"], {"City": "Hand", "Phone": "1"})
        resync(pair)
        assert "City, Phone of" in pair.sql("select detail from retry_queue")[0][0]
        pair.ledger.retry(pair.fleet.runners[0]._now(), stream=STREAM)
        settle(pair)
        twin = pair.counterpart("Leads", lead)
        assert (twin["City"], twin["Phone"], pair.queue()) == ("Pune", None, [])


def test_what_b_stores_in_its_own_way_is_not_reported_as_drift(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks={"trim_text": "trim"}) as pair:
        pair.a.insert_raw("Leads", {"Last_Name": "Padded ", "Company": "C"})
        settle(pair)
        assert "drifted" not in resync(pair)


def test_what_b_stores_in_its_own_way_is_overwritten_once_and_not_for_ever(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="overwrite", quirks={"trim_text": "trim"}) as pair:
        pair.a.insert_raw("Leads", {"Last_Name": "Padded ", "Company": "C"})
        settle(pair)
        resync(pair)
        writes = len(pair.writes())
        assert "drifted" not in resync(pair)
        assert len(pair.writes()) == writes


def test_a_hand_edit_behind_a_later_write_of_ours_is_overwritten(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="overwrite") as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", lead)["id"], {"City": "Hand"})
        pair.a.edit("Leads", lead, {"Last_Name": "New"})
        settle(pair)
        resync(pair)
        assert (pair.counterpart("Leads", lead)["City"], pair.queue()) == ("Pune", [])


def test_a_counterpart_that_is_held_as_gone_is_not_written_to_by_every_comparison(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.delete("Leads", pair.counterpart("Leads", lead)["id"])
        resync(pair)
        writes = len(pair.writes())
        resync(pair)
        assert (len(pair.writes()), pair.queue()) == (writes, [(lead, "held", "TARGET_GONE")])


@pytest.mark.parametrize(("gone", "count"), [("hold", 0), ("leave", 0), ("recreate", 1)])
def test_a_counterpart_deleted_in_b_is_found_without_an_edit_in_a(tmp_path: Path, gone: str, count: int) -> None:
    with running_pair(tmp_path, modules=("Leads",), gone=gone) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.b.delete("Leads", pair.counterpart("Leads", lead)["id"])
        assert resync(pair)["gone"] == 1
        assert len(pair.counterparts("Leads", lead)) == count
        assert pair.queue() == ([(lead, "held", "TARGET_GONE")] if gone == "hold" else [])


def test_a_record_restored_in_a_without_a_new_modified_time_comes_back(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), deletes="delete", fuse=LOOSE) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.a.delete("Leads", lead)
        settle(pair)
        assert pair.counterparts("Leads", lead) == []
        pair.a.restore("Leads", lead)
        resync(pair)
        assert len(pair.counterparts("Leads", lead)) == 1


def test_a_record_whose_source_is_neither_there_nor_listed_is_counted_and_left_when_the_ledger_was_lost(
    tmp_path: Path,
) -> None:
    with running_pair(tmp_path, modules=("Leads",), deletes="delete", fuse=LOOSE) as pair:
        lead, _ = leads(pair, 2)
        settle(pair)
        pair.a.delete("Leads", lead, permanent=True)
        pair.emu.clock(advance=200 * 86_400)  # no list shows it any more
        (tmp_path / "other").mkdir()
        settings = make_settings(pair.emu, tmp_path / "other", modules=("Leads",), deletes="delete", fuse=LOOSE)
        with opened(pair.emu, settings) as anew:
            assert resync(anew) == {"source_seen": 1, "target_seen": 2, "strangers": 1}
            assert len(anew.counterparts("Leads", lead)) == 1
            assert (anew.queue(), anew.b.log(kind="delete")) == ([], [])


def test_missing_records_blow_the_fuse_before_they_are_queued(tmp_path: Path) -> None:
    with running_pair(
        tmp_path, modules=("Leads",), deletes="delete", fuse=Fuse(deletes=Limit(count=1)), compare=None
    ) as pair:
        ids = leads(pair, 5)
        settle(pair)
        for lead in ids[:2]:
            pair.a.delete("Leads", lead, permanent=True)
        pair.emu.clock(advance=200 * 86_400)
        settle(pair)
        ((trouble,),) = pair.sql("select trouble from checkpoints")
        assert "2 of 5 linked records would be deleted" in trouble
        assert len(pair.b.records("Leads")) == 5
        pair.ledger.release(STREAM, 2, "meant so", pair.fleet.runners[0]._now())
        settle(pair)
        assert len(pair.b.records("Leads")) == 3


def test_a_comparison_keeps_to_its_credits_a_day_and_goes_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "LARGE", 2)
    with running_pair(tmp_path, modules=("Leads",), compare_credits=4) as pair:
        leads(pair, 20)
        settle(pair)
        pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        seen = []
        for _ in range(14):
            settle(pair, 2)
            seen.append(pair.sql("select source_seen + target_seen, credits_today, finished_at from comparisons")[0])
            pair.pass_time(86_400)
        assert all(today <= 5 for _, today, _ in seen)
        assert seen[0][0] < 40 <= seen[-1][0]
        assert seen[-1][2] is not None


def test_a_comparison_is_due_by_the_clock(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), compare=timedelta(days=7)) as pair:
        leads(pair, 2)
        settle(pair)
        assert pair.sql("select * from comparisons") == []
        for _ in range(2):
            pair.pass_time(7 * 86_400)
            settle(pair)
        assert pair.sql("select reason, finished_at is null from comparisons") == [("scheduled", 0), ("scheduled", 0)]


def test_a_comparison_goes_on_after_a_restart_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "LARGE", 2)
    monkeypatch.setattr(compare, "PAGES", 1)
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        leads(pair, 9)
        settle(pair)
        pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        pair.cycle("Leads")
        pair.cycle("Leads")
        settings = pair.settings
        pair.ledger.close()
        with opened(pair.emu, settings) as anew:
            settle(anew)
            ((source, target, finished),) = anew.sql("select source_seen, target_seen, finished_at from comparisons")
            assert (source, target) == (9, 9)
            assert finished is not None


def test_records_that_move_while_they_are_compared_are_not_taken_for_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "LARGE", 2)
    monkeypatch.setattr(compare, "PAGES", 1)
    with running_pair(tmp_path, modules=("Leads",), deletes="delete", fuse=LOOSE) as pair:
        ids = leads(pair, 8)
        settle(pair)
        pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        for lead in reversed(ids):
            pair.a.edit("Leads", lead, {"City": "Mumbai"})
            pair.pass_time(5)
            pair.cycle("Leads")
        settle(pair)
        assert len(pair.b.records("Leads")) == 8
        assert {r["City"] for r in pair.b.records("Leads")} == {"Mumbai"}
        assert pair.b.log(kind="delete") == []


def test_drift_that_no_comparison_may_read_by_query_is_found_by_lists(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="overwrite", quirks={"coql_order": "first_only"}) as pair:
        ids = leads(pair, 5)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", ids[0])["id"], {"City": "Hand"})
        resync(pair)
        assert pair.counterpart("Leads", ids[0])["City"] == "Pune"
