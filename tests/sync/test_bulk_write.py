"""A first load that is written by bulk write: nothing lost, nothing twice, and inserts wherever a job is in doubt."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from daemon.core import backfill as price
from daemon.core.ends import due_row
from daemon.core.fuse import Fuse, Limit
from daemon.emulator import bulk_cells, bulk_write
from daemon.ledger import Reader
from daemon.sync import bulkwrite, means
from daemon.zoho import bulk
from tests.sync.jobs import at_work, inserts, jobs, make_small_jobs, pair_of, resting_by_clock, why
from tests.sync.loads import STREAM, again, in_step, lead, names, settle
from tests.sync.pair import Pair

zipped = bulk_write.zipped


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small_jobs(monkeypatch)


def test_creates_go_by_jobs_and_their_result_files_fill_the_id_map(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        assert pair.once()[STREAM].outcomes == {"created": 14, "unchanged": 2}
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (2, 4)  # the first page, and what is too little for a third
        assert why(pair)[0] == "bulk"
        assert why(pair)[2]
        settle(pair)
        assert pair.sql("select count(*), count(distinct record_id) from changes where answer_code = 'SUCCESS'") == [
            (14, 14)
        ]
        assert not pair.writes(since=len(pair.emu.log()))


# --- what becomes of the rows -----------------------------------------------------------------------------------------


def test_rows_that_are_refused_are_held_as_inserts_would_be(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=0) as pair:
        ids = [lead(pair, f"L{n:02}", Email="none" if n in (4, 9) else f"{n}@example.com") for n in range(14)]
        pair.pass_time(60)
        pair.emu.quirks(email_pattern="on")
        settle(pair)
        assert pair.queue() == [(i, "held", "INVALID_DATA") for i in sorted([ids[4], ids[9]])]
        assert len(names(pair)) == 12
        assert jobs(pair) == 2
        assert pair.sql("select * from intents") == []


def test_where_many_rows_are_skipped_no_further_job_is_made(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=0, fuse=Fuse(refused=Limit())) as pair:
        for n in range(14):
            lead(pair, f"L{n:02}", Email="none" if n in (3, 4, 5) else f"{n}@example.com")
        pair.pass_time(60)
        pair.emu.quirks(email_pattern="on")
        settle(pair)
        assert (len(names(pair)), len(pair.queue()), jobs(pair)) == (11, 3, 1)
        assert why(pair)[0] == "rest"
        assert "3 were skipped" in why(pair)[1]


def test_a_row_whose_key_is_there_already_makes_no_second_record(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=0) as pair:
        ids = [lead(pair, f"L{n:02}") for n in range(14)]
        pair.pass_time(60)
        zgid = pair.sql("select 1") and pair.fleet.catalogs["india"].profile().zgid
        pair.b.insert_raw("Leads", {"Last_Name": "older", "Company": "C", "Source_Record_ID": f"{zgid}:{ids[6]}"})
        settle(pair)
        assert in_step(pair)
        assert jobs(pair) == 2


def test_what_is_written_reads_back_as_it_was_sent_whatever_its_kind(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=0) as pair:
        for number in range(14):
            lead(
                pair,
                f'"{number}"\n;,=1',
                Email_Opt_Out=bool(number % 2),
                Annual_Revenue=number * 1.25,
                No_of_Employees=number or None,
                City=" blanks " if number == 7 else "ü",
                Lead_Source="Advertisement",
            )
        pair.pass_time(60)
        settle(pair)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (2, 5)  # blanks may be trimmed, so that one is inserted
        assert why(pair)[0] == "bulk"
        assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        before = len(pair.writes())
        settle(pair)
        assert pair.sql("select source_seen, differing, drifted, missing from comparisons") == [(14, 0, 0, 0)]
        assert len(pair.writes()) == before


def test_what_reads_back_otherwise_is_brought_up_to_date_and_no_further_job_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bulk_cells._PLAIN, "boolean", lambda _: False)
    with pair_of(tmp_path, records=0) as pair:
        for number in range(14):
            lead(pair, f"L{number:02}", Email_Opt_Out=True)
        pair.pass_time(60)
        settle(pair)
        assert in_step(pair)
        assert {row["Email_Opt_Out"] for row in pair.b.records("Leads")} == {True}
        assert (jobs(pair), why(pair)[0]) == (1, "rest")
        assert "do not read as was sent" in why(pair)[1]


def test_a_row_that_the_result_does_not_name_is_looked_for_before_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(texts: list[tuple[str, str]]) -> bytes:
        return zipped([(name, "".join(text.splitlines(keepends=True)[:-2])) for name, text in texts])

    monkeypatch.setattr(bulk_write, "zipped", without)
    monkeypatch.setattr("daemon.zoho.bulk._cells", anyhow(bulk._cells))
    with pair_of(tmp_path) as pair:
        pair.cycle("Leads")
        pair.cycle("Leads")
        assert len(pair.queue()) == 2
        settle(pair, 8)
        assert in_step(pair)
        assert inserts(pair) == 4


def anyhow(cells: Any) -> Any:
    """Files that are believed whatever number of rows they have."""

    def of(table: Any, columns: Any, _count: int) -> Any:
        rows = list(table)
        return cells(iter(rows), columns, len(rows) - 1)

    return of


# --- jobs that are in doubt -------------------------------------------------------------------------------------------


def impatient(pair: Pair) -> None:
    for catalog in pair.fleet.catalogs.values():
        catalog.zoho._caller._sleep = lambda _: None


@pytest.mark.parametrize(
    ("kind", "effect", "said"),
    [
        ("upload", {"effect": "html"}, "text/html"),
        ("upload", {"effect": "cut"}, "POST upload"),
        ("upload", {"effect": "status", "status": 401, "code": "OAUTH_SCOPE_MISMATCH"}, "ZohoFiles.files.ALL"),
        ("bulk_write", {"effect": "status", "status": 400, "code": "MODULE_NOT_AVAILABLE"}, "MODULE_NOT_AVAILABLE"),
    ],
)
def test_where_no_job_can_be_made_the_rest_is_inserted(
    tmp_path: Path, kind: str, effect: dict[str, Any], said: str
) -> None:
    with pair_of(tmp_path) as pair:
        impatient(pair)
        pair.b.faults.add(kind=kind, times=100, **effect)
        settle(pair, 6)
        assert in_step(pair)
        assert why(pair)[::2] == ("rest", 1)
        assert said in why(pair)[1]
        assert sum(call["executed"] for call in pair.b.log(kind="bulk_write")) == 0


def test_an_org_that_rests_gets_its_job_later(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        impatient(pair)
        pair.b.faults.next("bulk_write", effect="status", status=429, code="TOO_MANY_REQUESTS")
        pair.cycle("Leads")
        assert "429" in str(pair.cycle("Leads").trouble)
        assert pair.sql("select * from intents") == []
        fetched = len(pair.a.log(kind="bulk_read_result"))
        pair.fleet.catalogs["us"].zoho._caller._rest_until = 0.0
        settle(pair)
        assert in_step(pair)
        assert why(pair)[0] == "bulk"
        assert inserts(pair) == 4
        assert len(pair.a.log(kind="bulk_read_result")) == fetched == 1


@pytest.mark.parametrize(
    ("kind", "effect", "said"),
    [
        ("bulk_write_status", {"effect": "status", "status": 404, "code": "RESOURCE_NOT_FOUND"}, "RESOURCE_NOT_FOUND"),
        ("bulk_write_status", {"effect": "html"}, "text/html"),
        ("bulk_write_result", {"effect": "html"}, "cannot be believed"),
    ],
)
def test_what_a_job_did_that_tells_nothing_is_looked_up(
    tmp_path: Path, kind: str, effect: dict[str, Any], said: str
) -> None:
    with pair_of(tmp_path) as pair:
        pair.b.faults.add(kind=kind, times=100, **effect)
        for _ in range(5):
            pair.cycle("Leads")
            pair.pass_time(5)
        assert len(names(pair)) == 6
        pair.emu.clear_faults()
        pair.pass_time(3600)
        settle(pair)
        assert in_step(pair)
        assert why(pair)[::2] == ("rest", 1)
        assert said in why(pair)[1]
        assert (jobs(pair), inserts(pair)) == (1, 10)


def test_of_a_file_that_is_given_up_while_a_job_is_gathered_no_job_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(*given: Any) -> Any:
        for number, row in enumerate(rows(*given)):
            yield [row[0], "no time", *row[2:]] if number == 9 else row

    rows = bulk.rows
    monkeypatch.setattr(bulk, "rows", spoilt)
    monkeypatch.setattr(price, "WRITE_ROWS", 12)
    with pair_of(tmp_path) as pair:
        settle(pair, 6)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (0, 14)
        assert pair.sql("select count(*) from changes where action = 'create'") == [(14,)]


@pytest.mark.parametrize("kind", ["upload", "bulk_write_status", "bulk_write_result"])
def test_a_trouble_that_passes_does_not_forfeit_the_jobs(tmp_path: Path, kind: str) -> None:
    with pair_of(tmp_path) as pair:
        pair.b.faults.add(kind=kind, times=2, effect="html")
        settle(pair, 6)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair), why(pair)[0]) == (2, 4, "bulk")


@pytest.mark.parametrize(("lost", "made", "way"), [(1, 3, "bulk"), (2, 2, "rest")])
def test_a_job_of_which_nobody_knows_whether_it_was_made_is_waited_for_and_only_the_second_one_forfeits_the_next(
    tmp_path: Path, lost: int, made: int, way: str
) -> None:
    with pair_of(tmp_path, records=20) as pair:
        pair.b.faults.add(kind="bulk_write", times=lost, effect="cut", when="after")
        for _ in range(lost):
            settle(pair, 1)
            pair.pass_time(3600)
        settle(pair)
        assert in_step(pair)
        assert (jobs(pair), why(pair)[0]) == (made, way)
        assert ("whether a bulk write job was made is not known" in why(pair)[1]) is (way == "rest")
        assert pair.sql("select count(*) from late_jobs") == [(lost,)]
        pair.pass_time(90_000)
        settle(pair)
        assert pair.sql("select reason from comparisons") == [("late",)]
        assert pair.sql("select count(*) from late_jobs") == [(0,)]


def test_a_call_that_breaks_off_is_made_again(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        impatient(pair)
        pair.b.faults.add(kind="bulk_write_status", times=4, effect="status", status=503)
        pair.b.faults.add(kind="bulk_write_result", times=1, effect="cut")
        settle(pair, 6)
        assert in_step(pair)
        assert why(pair)[0] == "bulk"
        assert inserts(pair) == 4


def test_a_job_that_fails_half_way_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_write, "MAX_ROWS", 2)
    with pair_of(tmp_path) as pair:
        settle(pair)
        assert in_step(pair)
        assert "failed" in why(pair)[1]
        assert (jobs(pair), inserts(pair)) == (1, 12)


def test_a_job_that_does_not_end_is_not_waited_for_for_ever_and_makes_nothing_twice_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkwrite, "LONGEST_S", 20)
    with at_work(tmp_path) as pair:
        pair.pass_time(21)
        settle(pair, 1)
        assert in_step(pair)
        assert "does not come to its end" in why(pair)[1]
        assert inserts(pair) == 14
        pair.pass_time(60)
        settle(pair)
        assert in_step(pair)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_job_that_has_ended_while_nobody_looked_for_longer_than_it_may_take_is_heard(
    tmp_path: Path, restarted: bool
) -> None:
    with at_work(tmp_path) as pair:
        pair.emu.quirks(bulk_job_seconds=0)
        pair.pass_time(2 * 3600)
        if restarted:
            with again(pair) as other:
                resting_by_clock(other)
                settle(other)
                assert in_step(other)
                assert (why(other)[0], asked_by_key(other)) == ("bulk", 0)
                assert other.sql("select * from late_jobs") == []
        else:
            settle(pair)
            assert in_step(pair)
            assert (why(pair)[0], jobs(pair), inserts(pair)) == ("bulk", 2, 4)


def test_a_record_that_somebody_changes_as_a_job_begins_does_not_make_its_reading_back_dearer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkwrite, "_SLOW", timedelta())
    with pair_of(tmp_path) as pair:
        pair.cycle("Leads")
        pair.emu.world.clock.freeze()
        pair.b.insert_raw("Leads", {"Last_Name": "theirs", "Company": "B"})
        settle(pair)
        assert len(names(pair)) == 15
        assert pair.b.log(kind="list") == []


# --- while a job is at work -------------------------------------------------------------------------------------------


def test_until_it_has_ended_nothing_is_decided_of_its_records(tmp_path: Path) -> None:
    with at_work(tmp_path) as pair:
        intents = [i for (i,) in pair.sql("select source_id from intents")]
        assert len(intents) == 4
        now = pair.fleet.runners[0]._now()
        stream = pair.settings.routes[0].streams[0]
        pair.ledger.enqueue(stream, [due_row(stream, i, "DIFFERS", "", now, now) for i in intents], now)
        pair.pass_time(30)
        pair.cycle("Leads")
        assert inserts(pair) == 2
        assert [code for _, _, code in pair.queue()] == ["UNCERTAIN"] * 4
        pair.pass_time(31)
        settle(pair, 8)
        assert in_step(pair)
        assert pair.sql("select count(*) from changes where action = 'create' and answer_code = 'SUCCESS'") == [(14,)]


def test_a_job_whose_id_was_not_heard_is_waited_for_before_anything_is_decided(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        pair.cycle("Leads")
        pair.emu.quirks(bulk_job_seconds=60)
        pair.b.faults.next("bulk_write", effect="cut", when="after")
        pair.cycle("Leads")
        pair.pass_time(30)
        for _ in range(3):
            assert pair.cycle("Leads").wait
        with Reader.open(pair.settings.ledger_url) as reader:
            (load,) = reader.loading(pair.fleet.runners[0]._now())
            assert (load.writes, load.write_job_id, load.write_until is None) == (True, None, False)
            assert load.left is None
        assert (len(names(pair)), inserts(pair)) == (2, 2)
        settle(pair)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (2, 4)


@pytest.mark.parametrize("passed", [0, 61])
def test_a_restart_waits_for_the_job_and_knows_by_its_file_what_it_made(tmp_path: Path, passed: int) -> None:
    with at_work(tmp_path) as pair:
        pair.pass_time(passed)
        with again(pair) as other:
            resting_by_clock(other)
            other.cycle("Leads")
            assert inserts(other) == 2
            settle(other)
            assert in_step(other)
            assert why(other)[::2] == ("bulk", 1)
            assert inserts(other) < 14 - 4
            assert (asked_by_key(other), len(other.b.log(kind="bulk_write_result"))) == (0, 2)


def test_a_restart_that_cannot_have_the_file_looks_up_what_the_job_made(tmp_path: Path) -> None:
    with at_work(tmp_path) as pair:
        pair.pass_time(61)
        pair.b.faults.add(kind="bulk_write_result", times=100, effect="html")
        with again(pair) as other:
            resting_by_clock(other)
            settle(other)
            assert in_step(other)
            assert why(other)[0] == "rest"
            assert inserts(other) == 14 - 4
            assert asked_by_key(other) == 2  # pages


def crossed(texts: list[tuple[str, str]]) -> bytes:
    """A result file that takes the first two records for each other."""
    [(name, text)] = texts
    rows = list(csv.reader(text.splitlines()))
    at = rows[0].index("RECORD_ID")
    rows[1][at], rows[2][at] = rows[2][at], rows[1][at]
    return zipped([(name, "".join(f"{','.join(row)}\n" for row in rows))])


@pytest.mark.parametrize("same", [False, True])
def test_a_file_that_names_the_wrong_records_overwrites_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    monkeypatch.setattr(bulk_write, "zipped", crossed)
    with pair_of(tmp_path, records=0) as pair:
        for number in range(14):
            lead(pair, "L" if same else f"L{number:02}")
        pair.pass_time(60)
        settle(pair, 8)
        assert in_step(pair)
        assert pair.b.log(kind="update") == []
        there = {str(row["id"]): row for row in pair.b.records("Leads")}
        pairs = pair.sql(
            "select a.record_id, b.record_id from id_map a join id_map b using (entity_id)"
            " where a.org = 'india' and b.org = 'us'"
        )
        assert len(pairs) == 14
        assert all(str(there[mine]["Source_Record_ID"]).endswith(f":{source}") for source, mine in pairs)


@pytest.mark.parametrize("key", ["7000:5100000000000000009", "eu:9", "other", None])
def test_a_file_that_names_a_strangers_record_changes_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    def strange(texts: list[tuple[str, str]]) -> bytes:
        [(name, text)] = texts
        rows = list(csv.reader(text.splitlines()))
        rows[1][rows[0].index("RECORD_ID")] = stranger
        return zipped([(name, "".join(f"{','.join(row)}\n" for row in rows))])

    monkeypatch.setattr(bulk_write, "zipped", strange)
    with pair_of(tmp_path) as pair:
        pair.cycle("Leads")
        theirs = {"Last_Name": "Boss", "Company": "B", "Email": "boss@example.com", "Source_Record_ID": key}
        stranger = pair.b.insert_raw("Leads", theirs)
        pair.pass_time(120)
        settle(pair, 8)
        there = {str(row["id"]): row for row in pair.b.records("Leads")}
        assert {name: there[stranger][name] for name in theirs} == theirs
        assert names(pair) == ["Boss", *names(pair, "a")]
        assert pair.queue() == []


def test_a_file_that_names_the_wrong_records_after_a_restart_overwrites_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_write, "zipped", crossed)
    with at_work(tmp_path) as pair:
        pair.pass_time(61)
        with again(pair) as other:
            resting_by_clock(other)
            other.cycle("Leads")
            monkeypatch.setattr(bulk_write, "zipped", zipped)
            settle(other)
            assert in_step(other)
            assert other.b.log(kind="update") == []


def asked_by_key(pair: Pair) -> int:
    """How often B was asked which records hold some keys."""
    return sum("Source_Record_ID in" in str(call["body"]) for call in pair.b.log(kind="coql"))


def test_rules_that_change_while_a_job_is_at_work_decide_nothing_before_it_has_ended(tmp_path: Path) -> None:
    with at_work(tmp_path) as pair:
        (route,) = pair.settings.routes
        streams = tuple(replace(one, where="Company = 'C'") for one in route.streams)
        pair.settings = replace(pair.settings, routes=(replace(route, streams=streams),))
        until = pair.sql("select write_sent_at, write_until, write_job_id from backfills")
        with again(pair) as other:
            resting_by_clock(other)
            other.cycle("Leads")
            assert other.sql("select write_sent_at, write_until, write_job_id from backfills") == until
            settle(other, 8)
            assert in_step(other)
            assert other.sql("select write_until from backfills") == [(None,)]


def test_an_edit_while_a_job_is_at_work_is_followed(tmp_path: Path) -> None:
    with at_work(tmp_path) as pair:
        row = next(r for r in pair.a.records("Leads") if r["Last_Name"] == "L03")
        pair.a.edit("Leads", str(row["id"]), {"Last_Name": "edited"})
        pair.pass_time(61)
        settle(pair, 8)
        assert in_step(pair)


def test_it_says_so(tmp_path: Path) -> None:
    with at_work(tmp_path) as pair, Reader.open(pair.settings.ledger_url) as reader:
        (load,) = reader.loading(pair.fleet.runners[0]._now())
        assert (load.writes, load.waits, load.total, load.done) == (True, False, 14, 0)
        stored = pair.sql("select write_job_id from backfills")
        assert [(load.write_job_id,)] == stored
        assert load.write_until is not None


# --- credits and fuses ------------------------------------------------------------------------------------------------


def test_a_job_gives_way_where_credits_are_short_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "WRITE_PRICE", 3)
    with pair_of(tmp_path, ceiling=400) as pair:  # Zoho asks for 500
        settle(pair)
        assert jobs(pair) == 0
        assert pair.sql("select * from intents") == []


def test_where_a_first_pass_may_not_spend_a_job_at_once_its_pages_are_inserted_and_the_reason_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "WRITE_PRICE", 500)
    monkeypatch.setattr(price, "INSERTED", 0.01)
    with pair_of(tmp_path, ceiling=630) as pair:  # a fifth of it is kept for new changes, and some are spent by then
        settle(pair, 8)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (0, 14)
        assert why(pair)[0] == "bulk"
        assert (
            why(pair)[1].count("the 500 and more of a bulk write job are more than a first pass may spend at once") == 1
        )


def test_where_a_ceiling_never_leaves_a_job_at_once_no_file_is_read_for_its_sake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "WRITE_PRICE", 500)
    monkeypatch.setattr(price, "INSERTED", 0.01)
    monkeypatch.setattr(price, "JOB_PRICE", 50)
    with pair_of(tmp_path, ceiling=600) as pair:
        settle(pair, 8)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair), pair.a.log(kind="bulk_read")) == (0, 14, [])
        assert why(pair)[0] == "rest"
        assert pair.sql("select way from backfills") == [("query",)]
        assert "no first pass may spend 503 at once by the ceiling" in why(pair)[1]


def test_what_an_earlier_job_has_made_is_not_read_back_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkwrite, "LARGE", 2)
    with pair_of(tmp_path, records=26) as pair:
        settle(pair, 2)
        assert in_step(pair)
        assert jobs(pair) == 4
        assert pair.b.log(kind="list") == []


def test_a_ceiling_of_the_source_does_not_stand_in_the_way_of_a_job_in_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "WRITE_PRICE", 500)
    monkeypatch.setattr(price, "INSERTED", 0.01)
    with pair_of(tmp_path, ceiling_of_a=600) as pair:
        settle(pair, 8)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (1, 8)


def test_a_job_takes_as_many_pages_as_its_file_has_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "WRITE_ROWS", 12)
    monkeypatch.setattr(bulkwrite, "MOST_BYTES", 1_400)
    with pair_of(tmp_path, records=0) as pair:
        for number in range(14):
            lead(pair, f"L{number:02}{number % 10}" + "x" * 70)
        pair.pass_time(60)
        settle(pair)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (2, 2)


def test_a_job_takes_what_its_price_pays_for_and_not_what_inserts_would_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(means, "records_for", lambda _left, most, **_: min(most, 3))
    with pair_of(tmp_path) as pair:
        settle(pair, 8)
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (2, 4)


def test_what_a_job_does_not_carry_is_inserted_as_far_as_credits_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(means, "records_for", lambda _left, most, **_: min(most, 1))
    monkeypatch.setattr(price, "WRITE_ROWS", 24)
    with pair_of(tmp_path, records=0) as pair:
        for number in range(24):
            lead(pair, f"L{number:02}", City="whole" if number % 8 < 4 else "trimmed ")
        pair.pass_time(60)
        went, more = [0], []
        for _ in range(40):
            more.append(pair.cycle("Leads").more)
            pair.pass_time(30)
            went.append(inserts(pair))
        assert in_step(pair)
        assert jobs(pair) >= 1
        assert max(after - before for before, after in pairwise(went)) <= 4  # of 12
        assert sum(more) < 20  # it waits for credits and does not spin


def test_a_fuse_counts_what_a_job_has_made(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=0, fuse=Fuse(refused=Limit(count=2))) as pair:
        for number in range(14):
            lead(pair, f"L{number:02}", Email="none" if 4 < number < 11 else f"{number}@example.com")
        pair.pass_time(60)
        pair.emu.quirks(email_pattern="on")
        settle(pair)
        stood = pair.sql("select kind from fuses")
        assert stood == [("refused",)]
        assert pair.sql("select * from intents") == []
        assert pair.ledger.release(STREAM, 1000, "known", pair.fleet.runners[0]._now())
        settle(pair)
        assert len(names(pair)) == 8
        assert len(pair.queue()) == 6


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ({"key": None}, "it has no key"),
        ({"triggers": ("workflow",)}, "its automations are to run"),
    ],
)
def test_a_stream_that_is_not_fit_for_it_says_why(tmp_path: Path, stream: dict[str, Any], said: str) -> None:
    with pair_of(tmp_path, **stream) as pair:
        settle(pair)
        assert names(pair) == names(pair, "a")
        assert jobs(pair) == 0
        assert said in why(pair)[1]


def test_it_is_asked_for_by_the_settings(tmp_path: Path) -> None:
    with pair_of(tmp_path, bulk="auto") as pair:
        settle(pair)
        assert in_step(pair)
        assert jobs(pair) == 0
