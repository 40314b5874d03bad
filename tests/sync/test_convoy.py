"""Pages of the poll lane side by side: what goes on at once, what waits, and what a trouble leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core import steps
from daemon.ledger import LedgerError
from daemon.sync import polling
from tests.sync.pair import Pair, running_pair

STREAM = "india-to-us/Leads"
SLOW: dict[str, Any] = {"effect": "latency", "seconds": 0.15}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten records, batches of two."""
    for name in ("SMALL", "LARGE"):
        monkeypatch.setattr(polling, name, 10)
    monkeypatch.setattr(steps, "BATCH", 2)


@contextmanager
def filled(
    folder: Path,
    module: str = "Leads",
    count: int = 40,
    calls_at_once: int = 8,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Pair]:
    folder.mkdir(exist_ok=True)
    with running_pair(folder, modules=(module,), calls_at_once=calls_at_once, stopping=stopping) as pair:
        for number in range(count):
            insert(pair, module, number)
        pair.pass_time(30)
        yield pair


def insert(pair: Pair, module: str, number: int, **values: Any) -> str:
    pair.emu.clock(advance=1)
    name = "Account_Name" if module == "Accounts" else "Last_Name"
    return pair.a.insert_raw(
        module, {name: f"N{number}", **({} if module == "Accounts" else {"Company": "C"}), **values}
    )


def calls(pair: Pair) -> list[str]:
    """Reads of changes and creates, in the order in which they came."""
    return [call["kind"] for call in pair.emu.log() if call["kind"] in ("coql", "insert")]


def in_step(pair: Pair, module: str, name: str = "Last_Name") -> None:
    for record in pair.a.records(module):
        assert pair.counterpart(module, record["id"])[name] == record[name]


def test_the_next_page_is_read_before_one_is_written_where_calls_may_go_side_by_side(tmp_path: Path) -> None:
    read = {}
    for at_once in (1, 8):
        with filled(tmp_path / str(at_once), calls_at_once=at_once) as pair:
            pair.cycle("Leads")  # the first page of a first load comes alone
            before = len(calls(pair))
            pair.once()
            order = calls(pair)[before:]
            in_step(pair, "Leads")
        read[at_once] = order[: order.index("insert")].count("coql")
    assert read[1] == 1
    assert read[8] > 1


def test_the_calls_of_a_page_begin_when_those_before_have_and_not_when_they_are_over(tmp_path: Path) -> None:
    """Pages have five calls of which four may be on their way: the fifth has three of the next page beside it."""
    with filled(tmp_path, calls_at_once=4) as pair:
        pair.once()
        for number in range(40, 80):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        pair.emu.faults({**SLOW, "org": "us", "kind": "insert"})
        begun: list[float] = []
        hook = lambda request: begun.append(time.monotonic()) if request.url.path.endswith("Leads") else None  # noqa: E731
        pair.fleet.catalogs["us"].zoho._caller.transport._client.event_hooks = {"request": [hook]}
        pair.cycle("Leads")
        in_step(pair, "Leads")
    rounds = (max(begun) - min(begun)) / SLOW["seconds"]
    assert len(begun) >= 20
    assert rounds < 7  # four at a time are five rounds or six, page by page nine or ten


def test_a_call_stands_ready_behind_those_that_are_on_their_way_and_none_more_is_made_at_once(tmp_path: Path) -> None:
    """Its intents are in the ledger when the first call of the page begins, so that no place stands empty for them."""
    with filled(tmp_path, calls_at_once=3) as pair:
        pair.once()
        for number in range(40, 50):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        pair.emu.faults({**SLOW, "org": "us", "kind": "insert"})
        told: list[int] = []
        aloft: list[int] = [0, 0]

        def begins(_: object) -> None:
            told.append(pair.sql("select count(*) from intents")[0][0])
            aloft[0] += 1
            aloft[1] = max(aloft)

        def ends(_: object) -> None:
            aloft[0] -= 1

        hooks = {"request": [begins], "response": [ends]}
        pair.fleet.catalogs["us"].zoho._caller.transport._client.event_hooks = hooks
        pair.cycle("Leads")
        in_step(pair, "Leads")
    assert told[0] == 8  # three calls of two records, and one more
    assert aloft == [0, 3]


def test_what_side_by_side_calls_cost_is_told_of_the_cycle_that_made_them(tmp_path: Path) -> None:
    with filled(tmp_path) as pair:
        pair.once()
        for number in range(40, 80):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        before = {name: org["used"] for name, org in pair.emu.credits().items()}
        pair.cycle("Leads")
        spent = {name: org["used"] - before[name] for name, org in pair.emu.credits().items()}
        ((of_us,),) = pair.sql("select credits_target from cycles order by id desc limit 1")
    assert of_us == spent["us"] > 20


def test_a_record_that_comes_again_waits_for_its_first_outcome(tmp_path: Path) -> None:
    """It is edited while it is written, so it stands on the next page as well."""
    with filled(tmp_path) as pair:
        first = pair.a.records("Leads")[0]["id"]
        edited: list[str] = []

        def edit(_: object) -> None:
            if not edited:
                edited.append(first)
                pair.a.edit("Leads", first, {"Last_Name": "Edited"})

        pair.fleet.catalogs["us"].zoho._caller.transport._client.event_hooks = {"request": [edit]}
        pair.pass_time(1)
        pair.once()
        pair.pass_time(30)
        pair.once()
        assert edited
        in_step(pair, "Leads")


def test_a_child_whose_parent_is_on_the_page_before_needs_no_second_try(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts",)) as pair:
        parents = [insert(pair, "Accounts", n) for n in range(10)]
        for number in range(10, 20):
            insert(pair, "Accounts", number, Parent_Account={"id": parents[number - 10]})
        pair.pass_time(30)
        report = pair.once()["india-to-us/Accounts"]
        in_step(pair, "Accounts", "Account_Name")
    assert dict(report.outcomes)["created"] == 20
    assert not report.outcomes["held"]


def test_a_read_that_fails_leaves_what_is_being_written_settled(tmp_path: Path) -> None:
    with filled(tmp_path) as pair:
        pair.emu.faults({**SLOW, "org": "us"})
        pair.once()  # nothing is left of the metadata to be read
        for number in range(40, 80):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        pair.emu.faults({"effect": "status", "status": 500, "org": "india", "kind": "coql", "skip": 1})
        report = pair.cycle("Leads")
        assert report.trouble is not None
        assert 0 < report.outcomes["created"] == len(pair.b.records("Leads")) - 40
        assert pair.sql("select count(*) from intents") == [(0,)]
        pair.emu.clear_faults()
        pair.once()
        in_step(pair, "Leads")


def test_a_page_that_cannot_be_settled_is_passed_by_none_behind_it(tmp_path: Path) -> None:
    with filled(tmp_path) as pair:
        pair.cycle("Leads")  # the first page of a first load comes alone
        pair.emu.faults({**SLOW, "org": "us"})
        with pair.ledger._writer.begin() as connection:
            connection.exec_driver_sql(
                "create trigger broken before insert on cycles begin select raise(abort, 'disk on fire'); end"
            )
        before = pair.sql("select modified_time, record_id from checkpoints")
        with pytest.raises(LedgerError, match="disk on fire"):
            pair.cycle("Leads")
        assert pair.sql("select modified_time, record_id from checkpoints") == before
        assert len(pair.b.records("Leads")) >= 18  # the second page was written
        with pair.ledger._writer.begin() as connection:
            connection.exec_driver_sql("drop trigger broken")
        pair.emu.clear_faults()
        for _ in range(5):
            pair.pass_time(200)
            pair.once()
        in_step(pair, "Leads")
        assert len(pair.b.records("Leads")) == 40


@pytest.mark.timeout(60)
def test_a_ledger_that_fails_while_calls_are_chosen_lets_nobody_wait_for_those_that_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(tmp_path, count=20) as pair:
        pair.once()
        for number in range(20, 30):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        purse = pair.fleet.catalogs["us"].zoho._caller.purse
        take = purse.take
        for well in range(4):
            left = iter([True] * well)

            def fails(wanted: int, left: Iterator[bool] = left) -> object:
                if next(left, False):
                    return take(wanted)
                raise LedgerError("disk on fire")

            monkeypatch.setattr(purse, "take", fails)
            with pytest.raises(LedgerError, match="disk on fire"):
                pair.cycle("Leads")
        monkeypatch.setattr(purse, "take", take)
        for _ in range(5):
            pair.pass_time(200)
            pair.once()
        in_step(pair, "Leads")
        assert len(pair.b.records("Leads")) == 30


def test_no_call_is_begun_when_two_in_a_row_have_failed(tmp_path: Path) -> None:
    with filled(tmp_path, calls_at_once=4) as pair:
        pair.cycle("Leads")
        known = len(pair.b.records("Leads"))
        for number in range(40, 80):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        pair.emu.faults({"effect": "status", "status": 503, "org": "us", "kind": "insert"})
        report = pair.cycle("Leads")
        sent = [call for call in pair.b.log(kind="insert") if call["status"] == 503]
        assert report.trouble is not None
        assert len(sent) <= 4 + 2  # those that were on their way, and what stood ready as the first two ended
        assert len(pair.b.records("Leads")) == known
        pair.emu.clear_faults()
        for _ in range(5):
            pair.pass_time(200)
            pair.once()
        in_step(pair, "Leads")
        assert len(pair.b.records("Leads")) == 80


def test_both_orgs_are_asked_for_what_a_stream_needs_to_know_at_the_same_time(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        both = threading.Barrier(2, timeout=10)
        meet = lambda request: both.wait() if request.url.path.endswith("settings/fields") else None  # noqa: E731
        for catalog in pair.fleet.catalogs.values():
            catalog.zoho._caller.transport._client.event_hooks = {"request": [meet]}
        assert pair.cycle("Leads").trouble is None


def test_a_call_that_stands_ready_is_not_begun_when_the_daemon_is_to_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    with filled(tmp_path, calls_at_once=3, stopping=stop.is_set) as pair:
        pair.once()
        for number in range(40, 50):
            insert(pair, "Leads", number)
        pair.pass_time(30)
        before = len(pair.b.log(kind="insert"))
        all_begun = threading.Barrier(3, action=stop.set, timeout=10)
        meet = lambda request: all_begun.wait() if request.url.path.endswith("Leads") else None  # noqa: E731
        pair.fleet.catalogs["us"].zoho._caller.transport._client.event_hooks = {"request": [meet]}
        report = pair.cycle("Leads")
        assert len(pair.b.log(kind="insert")) - before == 3
        assert report.outcomes["created"] == 6
        assert pair.sql("select count(*) from intents") == [(0,)]
