"""A day with few credits: the ceiling holds in any 24 hours, new changes come first, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from daemon.core.budget import LEAST, Budget
from daemon.core.fuse import Fuse, Limit
from daemon.core.record import parse_instant
from daemon.emulator import Emulator, OrgHandle
from daemon.sync import polling
from daemon.sync.changes import ChangeReader, Page
from daemon.sync.report import Report
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened

LEADS: Final = "india-to-us/Leads"
LOOSE: Final = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
BORN: Final = 1_749_963_600  # what gives way has its turn a day later, and 25 hours after that
STEP: Final = 1_800.0
A_DAY: Final = 48  # steps


class Day:
    """A pair of orgs whose time goes by as the test says. Our stopwatch stands, so that no metadata is read again."""

    def __init__(self, emu: Emulator, folder: Path, **ceilings: int) -> None:
        self.emu, self.names = emu, count()
        settings = make_settings(emu, folder, modules=("Leads",), fuse=LOOSE)
        self.settings = replace(settings, budgets={org: Budget(ceiling=most) for org, most in ceilings.items()})
        self.pair: Pair

    @contextmanager
    def awake(self, *, watch: bool = False) -> Iterator[Pair]:
        """With a stopwatch that runs, if told."""
        clock = self.emu.world.clock
        monotonic = (lambda: clock.now() - BORN) if watch else lambda: 0.0
        with opened(self.emu, self.settings, monotonic=monotonic, sleep=clock.advance) as self.pair:
            yield self.pair

    def lead(self, **values: str) -> str:
        return self.pair.a.insert_raw("Leads", {"Last_Name": f"L{next(self.names)}", "Company": "C", **values})

    def cycle(self) -> Report:
        """The stream runs until nothing more is to be done at once."""
        report = self.pair.cycle("Leads")
        while report.more and report.trouble is None:
            report = self.pair.cycle("Leads")
        return report

    def go_by(self, steps: int, before: Callable[[int], object] = lambda _: None) -> set[str]:
        """So many cycles, one each half an hour; what they were in trouble for."""
        said = set()
        for step in range(steps):
            before(step)
            said.add(self.cycle().trouble or "")
            self.emu.world.clock.advance(STEP)
        return said

    def new_now_and_then(self, step: int) -> None:
        if step % 4 == 0:
            self.lead()

    def refuse(self, records: int) -> None:
        """So many records that the target refuses, then takes: all are due again."""
        self.pair.b.quirks(unknown_picklist="reject")
        for _ in range(records):
            self.lead(Lead_Status="No such status")
        self.cycle()
        self.pair.b.change_field("Leads", "Lead_Status", add_values=["No such status"])
        self.pair.ledger.retry(self.pair.fleet.runners[0]._now(), stream=LEADS)

    def delays(self) -> list[timedelta]:
        """How long after its source each record of B was made; of all of A, and none twice."""
        made = {row["id"]: parse_instant(row["Created_Time"]) for row in self.pair.a.records("Leads")}
        there = {
            str(row[KEY]).partition(":")[2]: parse_instant(row["Created_Time"]) for row in self.pair.b.records("Leads")
        }
        assert made.keys() == there.keys()
        assert len(self.pair.b.records("Leads")) == len(made)
        return [there[i] - made[i] for i in sorted(made, key=int)]


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(("in", "us")) as emu:
        emu.world.clock.freeze()
        emu.world.clock.set(BORN)
        add_key(emu.orgs["us"], "Leads")
        yield emu


def most_in_a_day(org: OrgHandle) -> int:
    """The credits of the worst 24 hours, as the org counts them."""
    spent = [(one["at"], one["credits"]) for one in org.log() if one["credits"]]
    return max(sum(c for at, c in spent if begin <= at < begin + 86_400) for begin, _ in spent)


def test_a_first_pass_whose_credits_others_spend_meanwhile_begins_no_page_more(
    emu: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMALL", "LARGE"):
        monkeypatch.setattr(polling, name, 10)
    day = Day(emu, tmp_path, us=5_000)
    for _ in range(50):
        emu.orgs["india"].insert_raw("Leads", {"Last_Name": "L", "Company": "C"})
    with day.awake() as pair:
        pair.cycle("Leads")  # the first page of a first load comes alone
        client = pair.fleet.catalogs["us"].zoho._caller
        others = iter([4_500])
        client.transport._client.event_hooks = {"request": [lambda _: client.purse.take(next(others, 0))]}
        report = pair.cycle("Leads")
        assert report.more
        assert 0 < report.outcomes["created"] <= 20
        assert not pair.cycle("Leads").outcomes


def test_with_few_credits_new_changes_come_first_and_the_backlog_when_there_are_more(
    emu: Emulator, tmp_path: Path
) -> None:
    day = Day(emu, tmp_path, india=450, us=140)
    with day.awake() as pair:
        day.cycle()
        day.refuse(700)
        said = day.go_by(A_DAY // 2, day.new_now_and_then)
        pair.ledger.start_comparison(LEADS, "asked", pair.fleet.runners[0]._now())
        said |= day.go_by(A_DAY // 2, day.new_now_and_then)
        assert pair.sql("select count(*) > 100 from retry_queue") == [(1,)]
        assert pair.sql("select source_seen, finished_at from comparisons") == [(0, None)]
        said |= day.go_by(A_DAY)
        assert said == {""}
        assert most_in_a_day(pair.a) <= 450
        assert 120 < most_in_a_day(pair.b) <= 140
        assert max(day.delays()[700:]) < timedelta(minutes=1)
        assert pair.queue() == []
        assert pair.sql("select differing, finished_at is null from comparisons") == [(0, 0)]


@pytest.mark.parametrize(("ceiling", "as_told"), [(340, True), (200, True), (340, False)])
def test_what_waits_is_not_kept_waiting_for_ever_by_polls(
    emu: Emulator, tmp_path: Path, ceiling: int, *, as_told: bool
) -> None:
    """After a day of polls each five minutes; then at the interval that the fleet makes of it, or still so."""
    day = Day(emu, tmp_path, india=ceiling)
    [route] = day.settings.routes
    told = replace(route.streams[0], poll=timedelta(minutes=5))
    day.settings = replace(day.settings, routes=(replace(route, streams=(told,)),))
    emu.world.clock.advance(86_400)  # a day and an hour before a turn
    with day.awake() as pair:
        day.cycle()
        day.refuse(60)
        purse = pair.fleet.catalogs["india"].zoho.purse
        for _ in range(A_DAY):
            purse.take(6)
            emu.world.clock.advance(STEP)
        assert purse.leeway().allows != "everything"
        poll = pair.fleet.streams[LEADS].poll if as_told else told.poll
        until, now = purse.leeway().until, pair.fleet.runners[0]._now
        end = now() + timedelta(hours=3)
        while pair.queue() and now() < end:
            day.cycle()
            assert purse.leeway().spent <= ceiling
            emu.world.clock.advance(poll.total_seconds())
        assert len(pair.queue()) <= (0 if as_told else 50)  # polls leave little of a turn, and there are more to come
        assert until is not None
        assert ceiling == 200 or until <= end - timedelta(hours=2)
        assert len(pair.b.records("Leads")) + len(pair.queue()) == 60


def test_a_first_pass_that_waits_for_credits_reads_no_metadata_meanwhile(emu: Emulator, tmp_path: Path) -> None:
    """But every six hours. It did every hour, by what is kept for new changes: half of a small ceiling went there."""
    day = Day(emu, tmp_path, us=100)
    with day.awake(watch=True) as pair:
        for _ in range(900):
            day.lead()
        while day.cycle().more or pair.fleet.runners[0]._means.go_on(new=False):
            emu.world.clock.advance(60)
        before = len(pair.b.log())
        day.go_by(10)
        assert [call["kind"] for call in pair.b.log()[before:]] == []


def test_with_too_few_credits_everything_waits_and_nothing_is_lost(emu: Emulator, tmp_path: Path) -> None:
    day = Day(emu, tmp_path, india=450, us=100)
    with day.awake() as pair:
        day.cycle()
        day.refuse(300)
        said = day.go_by(A_DAY, lambda _: day.lead())
        assert any("us (100 credits in 24 hours) is reached; goes on at " in one for one in said)
        assert pair.sql("select count(*) from intents") == [(0,)]
        day.go_by(2 * A_DAY)
        assert most_in_a_day(pair.b) <= 100
        assert max(day.delays()) > timedelta(hours=8)
        assert pair.queue() == []


def test_a_write_that_there_are_no_credits_for_is_not_begun(emu: Emulator, tmp_path: Path) -> None:
    """Another stream may take the last ones while a page is read."""
    day = Day(emu, tmp_path, us=1_000)
    with day.awake() as pair:
        day.cycle()
        purse = pair.fleet.catalogs["us"].zoho.purse
        page = ChangeReader.page

        def read_while_others_write(reader: ChangeReader, *args: Any) -> Page:
            while purse.take(1) is None:
                pass
            return page(reader, *args)

        lead = day.lead()
        begun = pair.sql("select count(*) from changes")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ChangeReader, "page", read_while_others_write)
            report = day.cycle()
        assert "ceiling in us (1,000 credits in 24 hours) is reached; goes on at " in str(report.trouble)
        assert pair.sql("select count(*) from intents") == [(0,)]
        assert pair.sql("select count(*) from changes") == begun
        assert pair.counterparts("Leads", lead) == []
        emu.world.clock.advance(86_400 + 2 * STEP)
        assert day.cycle().trouble is None
        assert len(pair.counterparts("Leads", lead)) == 1


def test_a_restart_forgets_nothing_that_was_spent(emu: Emulator, tmp_path: Path) -> None:
    day = Day(emu, tmp_path, us=100)
    for _ in range(30):
        with day.awake():
            day.lead()
            day.cycle()
    assert most_in_a_day(emu.orgs["us"]) <= 100


def test_people_keep_their_reserve(emu: Emulator, tmp_path: Path) -> None:
    day = Day(emu, tmp_path)
    day.settings = replace(day.settings, budgets={"us": Budget(reserve=1_000)})
    meter = emu.world.sites["us"].meter
    with day.awake() as pair:
        day.cycle()
        meter.spend("read", meter.allowance - 1_020, emu.world.clock.now())
        for _ in range(40):
            day.lead()
            day.cycle()
            emu.world.clock.advance(60)
        assert meter.allowance - meter.used(emu.world.clock.now()) >= 1_000 - LEAST * 10  # asked each ten minutes
        assert "API credits left, and 1,000 are kept for others" in str(day.cycle().trouble)
        emu.world.clock.advance(86_400)
        day.cycle()
        assert day.delays()
        assert pair.queue() == []


def test_where_one_org_has_too_many_calls_others_go_on(tmp_path: Path) -> None:
    with Emulator(("in", "us", "eu")) as emu:
        a, b, c = emu.orgs.values()
        for org in (b, c):
            add_key(org, "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",))
        [route] = settings.routes
        [stream] = route.streams
        other = replace(stream, address="second/Leads", route="second", target=c.name)
        routes = (route, replace(route, name="second", target=c.name, streams=(other,)))
        with opened(emu, replace(settings, routes=routes)) as pair:
            pair.once()
            b.faults.next(["insert"], effect="status", status=429, code="TOO_MANY_REQUESTS")
            lead = a.insert_raw("Leads", {"Last_Name": "L", "Company": "C"})
            first, second = pair.once().values()
            assert first.trouble is not None
            assert second.trouble is None
            assert [len(org.records("Leads")) for org in (b, c)] == [0, 1]
            assert lead in str(c.records("Leads")[0][KEY])
