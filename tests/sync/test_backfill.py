"""A first load from the files of bulk read: nothing lost, nothing twice, and queries wherever a file is in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from daemon.core import backfill as price
from daemon.core import steps
from daemon.core.fuse import Fuse, Limit
from daemon.core.rules import Constant, FieldChoice
from daemon.ledger import Reader
from daemon.sync import bulkread, convoy
from tests.sync.jobs import resting_by_clock
from tests.sync.loads import STREAM, again, full_pair, in_step, lead, make_small, names, settle
from tests.sync.pair import Pair


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@contextmanager
def pair_of(
    folder: Path, records: int = 12, *, quirks: dict[str, Any] | None = None, ceiling: int | None = None, **stream: Any
) -> Iterator[Pair]:
    """Jobs are over at once. `ceiling` is of A."""
    with full_pair(folder, records, quirks={"bulk_job_seconds": 0, **(quirks or {})}, india=ceiling, **stream) as pair:
        yield pair


def way(pair: Pair) -> tuple[Any, ...]:
    return pair.sql("select way, ended_at is not null, why from backfills")[0]


def jobs(pair: Pair) -> int:
    return len(pair.a.log(kind="bulk_read"))


def queries(pair: Pair) -> int:
    """Pages that A was asked for."""
    return sum("Modified_Time >" in str(call["body"]) for call in pair.a.log(kind="coql"))


# --- the choice -------------------------------------------------------------------------------------------------------


def test_a_large_module_is_read_from_a_file_and_followed_from_its_horizon(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        assert pair.once()[STREAM].outcomes == {"created": 12, "unchanged": 2}
        assert in_step(pair)
        assert way(pair)[:2] == ("bulk", 1)
        assert (jobs(pair), queries(pair)) == (1, 2)  # the first page before it, the poll after it
        settle(pair)
        assert pair.sql("select count(*) from changes") == [(12,)]


@pytest.mark.parametrize(("records", "made"), [(4, 0), (5, 1)])
def test_the_price_decides(tmp_path: Path, records: int, made: int) -> None:
    with pair_of(tmp_path, records) as pair:  # four are two pages for three credits each, or a job for 5 + 1
        settle(pair)
        assert in_step(pair)
        assert jobs(pair) == made


def test_files_can_be_forbidden(tmp_path: Path) -> None:
    with pair_of(tmp_path, bulk="never") as pair:
        settle(pair)
        assert in_step(pair)
        assert way(pair) == ("query", 0, 'bulk = "never"')
        assert jobs(pair) == 0


def test_a_filter_that_leaves_little_of_a_large_module_is_asked_by_queries(tmp_path: Path) -> None:
    with pair_of(tmp_path, where="Last_Name = 'L00'") as pair:
        settle(pair)
        assert names(pair) == ["L00"]
        assert jobs(pair) == 0


@contextmanager
def read_again(pair: Pair) -> Iterator[Pair]:
    """Once all is carried, by other rules."""
    pair.once()
    route = pair.settings.routes[0]
    changed = replace(route, streams=tuple(replace(s, where="Company = 'C'") for s in route.streams))
    pair.settings = replace(pair.settings, routes=(changed,))
    with again(pair) as other:
        yield other


def test_what_is_known_makes_files_dearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "LISTED", 1)
    with pair_of(tmp_path) as pair, read_again(pair) as other:
        settle(other)
        assert way(other) == ("query", 0, "by queries it costs 18 credits, by bulk read 18")
        assert jobs(other) == 1


def test_what_is_known_is_not_set_back_by_a_file(tmp_path: Path) -> None:
    with pair_of(tmp_path, quirks={"bulk_read_data": "created"}) as pair, read_again(pair) as other:
        other.emu.quirks(bulk_job_seconds=60)
        ids = waiting(other)
        other.a.edit("Leads", ids[7], {"Last_Name": "edited"})
        other.pass_time(61)
        other.cycle("Leads")
        settle(other, 8)
        assert in_step(other)
        assert (jobs(other), way(other)[0]) == (2, "bulk")
        assert [name for (name,) in other.sql("select action from changes where action <> 'create'")] == ["update"]


@pytest.mark.parametrize("deletes", ["delete", "ignore"])
@pytest.mark.parametrize("shown", ["created", "completed"])
def test_what_was_deleted_before_the_first_run_is_no_reason_against_files(
    tmp_path: Path, deletes: str, shown: str
) -> None:
    with pair_of(tmp_path, records=13, deletes=deletes, quirks={"bulk_read_data": shown}) as pair:
        pair.a.delete("Leads", str(pair.a.records("Leads")[5]["id"]))
        settle(pair, 8)
        assert in_step(pair)
        assert (jobs(pair), way(pair)[:2]) == (1, ("bulk", 1))


def test_deletions_are_not_looked_for_before_the_file_is_at_its_end(tmp_path: Path) -> None:
    """A file that is older than it should be holds what the deleted list has told by then."""
    with pair_of(tmp_path, deletes="delete", quirks={"bulk_job_seconds": 60}) as pair:
        waiting(pair)
        assert pair.sql("select deleted_until from checkpoints") == [(None,)]
        assert pair.a.log(kind="deleted") == []
        pair.pass_time(61)
        settle(pair, 8)
        assert pair.a.log(kind="deleted")


@pytest.mark.parametrize("edited", [False, True])
def test_a_kill_within_the_first_page_does_not_forfeit_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: bool
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pair_of(tmp_path) as pair:
        with monkeypatch.context() as patch:
            patch.setattr(convoy, "settle_page", killed)
            with pytest.raises(KeyboardInterrupt):
                pair.cycle("Leads")
        assert pair.sql("select count(*) from intents") == [(2,)]
        first = str(pair.a.records("Leads")[0]["id"])
        if edited:  # so that the first page is another one
            pair.a.edit("Leads", first, {"Last_Name": "edited"})
        with again(pair) as other:
            settle(other, 8)
            assert in_step(other)
            assert (jobs(other), way(other)[:2]) == (1, ("bulk", 1))
            assert len(other.b.log(kind="insert")) < 12


def rested(pair: Pair) -> None:
    """Orgs that had too many calls take some again."""
    for catalog in pair.fleet.catalogs.values():
        catalog.zoho._caller._rest_until = 0.0


AWAY: dict[str, Any] = {"effect": "status", "status": 429, "code": "TOO_MANY_REQUESTS"}


@pytest.mark.parametrize("effect", [AWAY, {"effect": "cut", "when": "after"}])
def test_a_first_page_that_gets_through_by_half_does_not_forfeit_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effect: dict[str, Any]
) -> None:
    monkeypatch.setattr(steps, "BATCH", 1)
    with pair_of(tmp_path) as pair:
        pair.b.faults.next("insert", skip=1, **effect)
        pair.cycle("Leads")
        assert len(pair.b.records("Leads")) == 1 + (effect != AWAY)
        rested(pair)
        settle(pair, 8)
        assert in_step(pair)
        assert (jobs(pair), way(pair)[:2]) == (1, ("bulk", 1))


@pytest.mark.parametrize(("kind", "skip"), [("coql", 1), ("coql", 2), ("bulk_read", 0)])
@pytest.mark.parametrize("effect", [AWAY, {"effect": "cut", "when": "after"}, {"effect": "html"}])
def test_an_org_that_does_not_answer_when_the_way_is_chosen_is_asked_behind_the_next_page(
    tmp_path: Path, kind: str, skip: int, effect: dict[str, Any]
) -> None:
    with pair_of(tmp_path) as pair:
        resting_by_clock(pair)
        pair.a.faults.next(kind, skip=skip, **effect)
        pair.cycle("Leads")
        rested(pair)
        settle(pair, 8)
        assert in_step(pair)
        assert way(pair)[:2] == ("bulk", 1)
        assert len(pair.b.log(kind="insert")) < 12


def test_an_org_that_makes_no_job_is_asked_for_one_a_few_times_with_pauses(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=30) as pair:
        resting_by_clock(pair)
        began = pair.emu.world.clock.now()
        pair.a.faults.add(kind="bulk_read", effect="html", times=100)
        pair.cycle("Leads")
        assert pair.cycle("Leads").wait > timedelta(seconds=9)
        assert way(pair)[:2] == ("query", 0)
        assert "it is asked again in 10 s" in way(pair)[2]
        with Reader.open(pair.settings.ledger_url) as reader:
            (load,) = reader.loading(pair.fleet.runners[0]._now())
            assert (load.total, load.waits) == (30, False)
        while jobs(pair) < 5:
            pair.pass_time(5)
            pair.cycle("Leads")
        assert pair.emu.world.clock.now() - began > 220
        settle(pair, 8)
        assert in_step(pair)
        assert jobs(pair) == 5
        assert way(pair)[2].endswith("it is read by queries")
        with again(pair) as other:
            settle(other)
            assert jobs(other) == 5


def test_a_kill_before_the_jobs_id_is_stored_does_not_forfeit_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with pair_of(tmp_path) as pair:
        with monkeypatch.context() as patch:
            patch.setattr(pair.ledger, "begin_backfill", killed)
            with pytest.raises(KeyboardInterrupt):
                pair.cycle("Leads")
        with again(pair) as other:
            settle(other, 8)
            assert in_step(other)
            assert (jobs(other), way(other)[:2]) == (2, ("bulk", 1))


def test_without_the_scope_the_stream_goes_on_by_queries(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        pair.a.faults.next("bulk_read", effect="status", status=401, code="OAUTH_SCOPE_MISMATCH")
        settle(pair)
        assert in_step(pair)
        assert "ZohoCRM.bulk.READ" in way(pair)[2]


def test_a_job_gives_way_where_credits_are_short_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "PAGE_PRICE", 1_000)
    monkeypatch.setattr(price, "JOB_PRICE", 500)
    with pair_of(tmp_path, ceiling=600) as pair:  # a fifth of it is kept for new changes
        settle(pair)
        assert in_step(pair)
        assert jobs(pair) == 0
        assert way(pair)[0] == "query"
        assert "more than the credits let a first pass spend" in way(pair)[2]


def test_the_next_file_waits_for_credits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "PAGE_PRICE", 1_000)
    monkeypatch.setattr(price, "JOB_PRICE", 200)
    with pair_of(tmp_path, records=25, quirks={"bulk_read_page": 10}, ceiling=300) as pair:
        settle(pair)
        assert jobs(pair) == 1
        assert 10 <= len(names(pair)) < 25
        report = pair.cycle("Leads")
        assert (report.more, report.trouble, report.wait) == (False, None, timedelta())
        for _ in range(4):
            pair.pass_time(25 * 3600)
            settle(pair, 2)
        assert in_step(pair)
        assert jobs(pair) > 1


# --- while the file is made and read ---------------------------------------------------------------------------------


def waiting(pair: Pair) -> list[str]:
    """A pair whose job runs: the ids in A."""
    assert pair.cycle("Leads").more
    report = pair.cycle("Leads")
    assert report.wait
    assert not report.more
    return [str(row["id"]) for row in pair.a.records("Leads")]


@pytest.mark.parametrize(
    ("shown", "deletes", "kept", "deleted"),
    [
        ("completed", "ignore", ["L10"], 0),  # L08 was deleted before the file was made
        ("created", "delete", [], 2),
    ],
)
def test_what_happens_in_a_while_the_job_runs_is_not_lost(
    tmp_path: Path, shown: str, deletes: str, kept: list[str], deleted: int
) -> None:
    quirks = {"bulk_job_seconds": 60, "bulk_read_data": shown}
    with pair_of(tmp_path, quirks=quirks, deletes=deletes) as pair:
        ids = waiting(pair)
        pair.a.edit("Leads", ids[0], {"Last_Name": "first page, edited"})
        pair.a.edit("Leads", ids[7], {"Last_Name": "edited"})
        pair.a.delete("Leads", ids[8])
        lead(pair, "new")
        pair.pass_time(61)
        pair.cycle("Leads")  # two of four pages
        pair.a.edit("Leads", ids[4], {"Last_Name": "carried, edited"})
        pair.a.edit("Leads", ids[11], {"Last_Name": "not carried yet, edited"})
        pair.a.delete("Leads", ids[10])
        lead(pair, "newer")
        settle(pair, 8)
        assert names(pair) == sorted([*names(pair, "a"), *kept])
        assert pair.queue() == []
        created = pair.sql("select record_id from changes where action = 'create'")
        assert len(created) == len(pair.b.records("Leads")) + deleted


def test_once_waits_for_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pair_of(tmp_path, quirks={"bulk_job_seconds": 60}) as pair:
        rests: list[float] = []
        monkeypatch.setattr(pair.fleet, "_sleep", lambda seconds: (rests.append(seconds), pair.pass_time(seconds)))
        assert pair.once()[STREAM].caught_up
        assert in_step(pair)
        assert [round(seconds) for seconds in rests[:4]] == [2, 4, 8, 15]
        assert len(pair.a.log(kind="bulk_read_status")) <= 8


def test_what_the_ledger_knows_already_is_not_set_back_by_an_older_file(tmp_path: Path) -> None:
    with pair_of(tmp_path, quirks={"bulk_job_seconds": 60, "bulk_read_data": "created"}) as pair:
        pair.a.edit("Leads", str(pair.a.records("Leads")[0]["id"]), {"Email": "none"})  # now it is the last to be read
        ids = waiting(pair)
        pair.a.edit("Leads", ids[1], {"Last_Name": "edited"})
        pair.pass_time(61)
        pair.cycle("Leads")
        assert pair.counterpart("Leads", ids[1])["Last_Name"] == "edited"
        settle(pair, 6)
        pair.a.edit("Leads", ids[0], {"Email": "good@example.com"})
        settle(pair)
        assert in_step(pair)
        written = pair.sql("select source_id, action from changes order by id")
        assert [action for source_id, action in written if source_id == ids[1]] == ["create", "update"]


def test_a_restart_goes_on_at_the_row_where_the_last_one_stopped(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=20) as pair:
        for _ in range(2):
            pair.cycle("Leads")
        assert pair.sql("select done from backfills") == [(6,)]
        made = len(pair.b.records("Leads"))
        with again(pair) as other:
            other.cycle("Leads")
            assert other.sql("select done from backfills") == [(12,)]
            assert len(other.b.records("Leads")) == made + 6
            settle(other)
            assert in_step(other)
            assert jobs(other) == 1
            assert len(other.sql("select * from changes")) == 20


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        ("bulk_read_status", {"effect": "status", "status": 503}),
        ("bulk_read_result", {"effect": "cut", "when": "after"}),
        ("insert", {"effect": "cut", "when": "after"}),
    ],
)
def test_a_call_that_breaks_off_is_made_again(tmp_path: Path, kind: str, effect: dict[str, Any]) -> None:
    with pair_of(tmp_path) as pair:
        pair.cycle("Leads")
        org = pair.b if kind == "insert" else pair.a
        for catalog in pair.fleet.catalogs.values():
            catalog.zoho._caller._sleep = lambda _: None
        org.faults.add(kind=kind, times=3, **effect)
        settle(pair, 10)
        assert in_step(pair)
        assert way(pair)[1] == 1
        assert "given up" not in way(pair)[2]
        assert jobs(pair) == 1
        assert len(pair.b.records("Leads")) == 12


# --- several files ----------------------------------------------------------------------------------------------------


def test_several_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=25, quirks={"bulk_read_page": 10}) as pair:
        settle(pair, 6)
        assert in_step(pair)
        assert jobs(pair) == 3
        assert queries(pair) < 10
        assert pair.sql("select done, older, last_id <> '0' from backfills") == [(5, 20, 1)]


def test_a_record_that_slides_between_two_files_is_found_by_queries(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=25, quirks={"bulk_read_page": 10}, deletes="delete") as pair:
        pair.cycle("Leads")
        pair.cycle("Leads")
        pair.a.delete("Leads", str(pair.a.records("Leads")[0]["id"]))  # the eleventh is the tenth from now on
        settle(pair, 8)
        assert in_step(pair)
        assert "24 of the 25 records" in way(pair)[2] or "23 of the 25 records" in way(pair)[2]


# --- files that are not gone by ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quirks",
    [
        {"bulk_csv_id": "id", "bulk_csv_quoting": "all", "bulk_result_early": "yes"},
        {"bulk_csv_boolean": "number", "bulk_csv_datetime": "utc"},
    ],
)
def test_a_file_is_understood_however_it_is_spelt(tmp_path: Path, quirks: dict[str, str]) -> None:
    with pair_of(tmp_path, records=0, quirks=quirks) as pair:
        for number in range(12):
            lead(pair, f'"{number}"\n;,', Email_Opt_Out=bool(number % 2), Annual_Revenue=number * 1.5, City=" ü ")
        pair.pass_time(60)
        settle(pair)
        assert in_step(pair)
        assert way(pair)[2].startswith("by queries it costs 18 credits")
        assert ";" not in way(pair)[2]
        before = len(pair.writes())
        assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        settle(pair)
        assert pair.sql("select source_seen, differing, drifted, missing from comparisons") == [(12, 0, 0, 0)]
        assert len(pair.writes()) == before


@pytest.mark.parametrize(
    ("quirks", "why"),
    [
        ({"bulk_read_outcome": "failure"}, "failed"),
        ({"bulk_csv_datetime": "plain"}, "cannot be told"),
    ],
)
def test_where_a_file_is_in_doubt_the_stream_is_read_by_queries(
    tmp_path: Path, quirks: dict[str, str], why: str
) -> None:
    with pair_of(tmp_path, quirks=quirks) as pair:
        settle(pair)
        assert in_step(pair)
        assert why in way(pair)[2]
        assert jobs(pair) == 1


def test_a_file_that_spells_values_otherwise_than_lists_do_is_not_gone_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.emulator.bulk_read._BOOLEANS", {"lower": ("true", "false")})
    with pair_of(tmp_path) as pair:
        settle(pair)
        assert in_step(pair)
        assert "is not what a list answer says" in way(pair)[2]
        assert {row["Email_Opt_Out"] for row in pair.b.records("Leads")} == {False}


def test_a_file_that_leaves_out_converted_leads_is_not_whole(tmp_path: Path) -> None:
    with pair_of(tmp_path, quirks={"bulk_read_converted": "exclude"}) as pair:
        lead(pair, "converted", Converted__s=True)
        pair.pass_time(60)
        settle(pair)
        assert in_step(pair)
        assert "12 of the 13 records" in way(pair)[2]


def test_a_job_that_does_not_end_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkread, "_LONGEST", timedelta(seconds=20))
    with pair_of(tmp_path, quirks={"bulk_job_seconds": 60}) as pair:
        waiting(pair)
        settle(pair)
        assert in_step(pair)
        assert "does not come to its end" in way(pair)[2]


def test_a_result_that_is_not_kept_any_more_is_not_asked_for_again(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        for _ in range(2):
            pair.cycle("Leads")
        pair.pass_time(25 * 3600)
        with again(pair) as other:
            settle(other)
            assert in_step(other)
            assert "RESOURCE_NOT_FOUND" in way(other)[2]


def describing(text: str) -> FieldChoice:
    return FieldChoice(table={"Description": Constant(value=text)}, star=True)


def test_rules_that_change_while_a_file_is_read_make_it_worthless(tmp_path: Path) -> None:
    with pair_of(tmp_path, fields=describing("old")) as pair:
        for _ in range(2):
            pair.cycle("Leads")
        (route,) = pair.settings.routes
        streams = tuple(replace(one, fields=describing("new")) for one in route.streams)
        pair.settings = replace(pair.settings, routes=(replace(route, streams=streams),))
        said: list[str] = []
        sink = logger.add(said.append, level="INFO", format="{message}")
        with again(pair) as other:
            settle(other)
            logger.remove(sink)
            assert "the way is chosen anew" in "".join(said)
            assert "records, by bulk read: by queries it costs" in "".join(said)
            assert in_step(other)
            assert {row["Description"] for row in other.b.records("Leads")} == {"new"}
            assert (jobs(other), way(other)[0]) == (2, "bulk")


def test_a_fuse_stops_a_load_and_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    refused = Fuse(refused=Limit(count=2))
    with pair_of(tmp_path, records=0, fuse=refused) as pair:
        for number in range(12):
            lead(pair, f"L{number}", Email="none" if 4 < number < 11 else f"{number}@example.com")
        pair.pass_time(60)
        pair.emu.quirks(email_pattern="on")
        settle(pair)
        assert len(names(pair)) < 10
        stood = pair.sql("select done, ended_at from backfills")
        settle(pair)
        assert pair.sql("select done, ended_at from backfills") == stood
        assert pair.ledger.release(STREAM, 1000, "known", pair.fleet.runners[0]._now())
        settle(pair, 6)
        assert len(names(pair)) == 6
        assert len(pair.queue()) == 6
        assert way(pair)[:2] == ("bulk", 1)
        assert jobs(pair) == 1
