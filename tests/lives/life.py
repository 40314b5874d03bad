"""One life from its seed to its end: steps, cycles with misfortune, and what must be true when all is quiet again."""

from __future__ import annotations

import random
import shutil
import tempfile
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from loguru import logger
from sqlalchemy import Connection

from daemon.emulator.store import Record
from daemon.ledger.fuses import ALL
from tests.lives.deeds import DEEDS, unlock
from tests.lives.draw import Plan, Step, draw
from tests.lives.invariants import Violation, Watch
from tests.lives.limits import Limits
from tests.lives.oracle import wrong
from tests.lives.stand import DEADLINE, Crash, Stand, small_sizes
from tests.lives.world import People

ROUNDS: Final = 5
MOST_CALLS: Final = 4000
MEDDLED: Final = 60  # calls of a cycle between which somebody may do something
_FOR_A_PERSON: Final = frozenset({"DRIFT", "TARGET_GONE", "DUPLICATE_DATA", "AMBIGUOUS", "SECOND_COPY"})
SHM: Final = Path("/dev/shm")  # noqa: S108 - a life's ledger needs no disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A life that did not hold."""

    seed: int
    what: str
    plan: Plan
    kept: tuple[int, ...]
    happened: tuple[str, ...]

    def __str__(self) -> str:
        keep = "" if len(self.kept) == len(self.plan.steps) else f" --keep {','.join(map(str, self.kept))}"
        lines = [
            f"life {self.seed} failed: {self.what}",
            f"replay: python -m tests.full lives --seed {self.seed} --count 1{keep}",
        ]
        lines += [f"  {name} = {value!r}" for name, value in self.plan.settings().items()]
        return "\n".join([*lines, "  steps:", *(f"    {line}" for line in self.happened)])


def live(
    seed: int, keep: Collection[int] | None = None, heard: Callable[[str], None] = lambda _: None
) -> Failure | None:
    """One life. None when everything held. `keep` are the numbers of the steps to take; all of them by default.
    `heard` is told of every request, in order.
    """
    plan = draw(seed)
    kept = tuple(n for n in range(len(plan.steps)) if keep is None or n in keep)
    logger.disable("daemon")
    folder = Path(tempfile.mkdtemp(prefix="life", dir=SHM if SHM.is_dir() else None))
    happened: list[str] = []
    try:
        with small_sizes(plan.sizes):
            life = Life(plan, folder, happened)
            life.run([plan.steps[n] for n in kept])
            for entry in life.stand.emu.world.journal.select():
                heard(f"{entry.at} {entry.org} {entry.method} {entry.path} {entry.query} {entry.body!r} {entry.status}")
    except Violation as error:
        return Failure(seed=seed, what=str(error), plan=plan, kept=kept, happened=tuple(happened))
    except Exception as error:  # noqa: BLE001 - a life that breaks is a finding as well
        what = "".join(traceback.format_exception(error))
        return Failure(seed=seed, what=what, plan=plan, kept=kept, happened=tuple(happened))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        logger.enable("daemon")
    return None


class Life:
    """The daemon among its people."""

    def __init__(self, plan: Plan, folder: Path, happened: list[str]) -> None:
        self.plan = plan
        self.happened = happened
        self.stand = Stand(plan, folder, self._before_call, self._after_write, self._at_commit, self._at_cycle)
        self.people = People(self.stand.emu, plan)
        self.watch = Watch(people=self.people, lag=plan.stream["lag"], limits=Limits(people=self.people))
        self.people.is_agreed = self._is_agreed
        self._meddles: dict[int, tuple[str, int]] = {}
        self._calls_at_start = 0
        self._ours: dict[str, Callable[[random.Random], None]] = {
            "cycle": self._cycle,
            "pass": self._pass,
            "restart": lambda _: self.stand.stop(),
            "clock": self._clock,
            "backup": lambda _: self.stand.backup(),
            "ledger_restore": self._ledger_restore,
            "ledger_lost": lambda _: self._set_back(None),
            "retry": lambda _: self._retry(),
            "compare": lambda _: self._compare(),
            "sleep": lambda _: self._sleep(),
        }

    def _after_write(self) -> None:
        self.watch.after_write()

    def _at_commit(self, connection: Connection) -> None:
        self.watch.at_commit(connection)

    def _at_cycle(self, module: str) -> None:
        self.watch.limits.cycle_begins(module, self.stand.sql)

    def run(self, steps: list[Step]) -> None:
        """The whole of it. Raises Violation."""
        try:
            with self.stand:
                for step in steps:
                    self.happened.append(str(step))
                    dice = random.Random(step.dice)
                    if step.kind in self._ours:
                        self._ours[step.kind](dice)
                    else:
                        DEEDS[step.kind](self.people, dice)
                self.happened.append("end")
                self.end()
        finally:
            self.people.close()

    # --- steps of ours

    def _pass(self, dice: random.Random) -> None:
        self.stand.advance(dice.choice((0.3, 1, 2, 5, 20, 60, 200, 3700, 90_000)))

    def _clock(self, dice: random.Random) -> None:
        self.stand.offset = dice.choice((0.0, -86_400.0, -3600.0, -30.0, 30.0, 3600.0, 31_536_000.0))

    def _sleep(self) -> None:
        self.people.told.slept = True
        self.stand.advance(130 * 86_400)

    def _ledger_restore(self, dice: random.Random) -> None:
        if self.stand.backups:
            self._set_back(dice.choice(self.stand.backups))

    def _set_back(self, copy: Path | None) -> None:
        self.people.told.ledger_set_back = True
        self.stand.set_back(copy)
        self.watch.forget()

    def _retry(self) -> None:
        self.stand.start()
        assert self.stand.ledger is not None
        for module in self.plan.modules:
            self.stand.ledger.retry(self.stand.now(), stream=f"a-b/{module}")

    def _retry_what_nothing_wakes(self) -> None:
        """All but what waits for a parent, which must wake by itself."""
        self.stand.start()
        assert self.stand.ledger is not None
        for stream, source_id in self.stand.sql("select stream, source_id from retry_queue where waits_id is null"):
            self.stand.ledger.retry(self.stand.now(), stream=stream, source_id=source_id)

    def _retry_what_a_person_decides(self) -> None:
        """What was refused for its values must wake by itself: the metadata is read again within the hour."""
        self.stand.start()
        assert self.stand.ledger is not None
        self.stand.advance(3700)
        waiting = "select q.stream, source_id, q.state, code from retry_queue q join causes c on c.id = q.cause_id"
        for stream, source_id, state, code in self.stand.sql(waiting):
            if state == "dead" or code in _FOR_A_PERSON:
                self.stand.ledger.retry(self.stand.now(), stream=stream, source_id=source_id)

    def _compare(self) -> None:
        self.stand.start()
        assert self.stand.ledger is not None
        for module in self.plan.modules:
            self.stand.ledger.start_comparison(f"a-b/{module}", "asked", self.stand.now())

    def _release(self, accepted: int | None = None) -> None:
        """What an operator does when a fuse has blown; None accepts what the message says."""
        blown = self.stand.sql("select stream, count from fuses where released_at is null")
        if blown:
            self.stand.start()
            assert self.stand.ledger is not None
        for stream, count in blown:
            self.stand.ledger.release(stream, count if accepted is None else accepted, "meant so", self.stand.now())
            self.happened.append(f"  released {stream} {accepted}")

    def _cycle(self, dice: random.Random) -> None:
        """One run of the daemon, with whatever misfortune this life knows."""
        random.seed(dice.random())  # the jitter of retries
        if self._revoked() and dice.random() < 0.5:
            self._renew()
        if dice.random() < 0.5:
            self._release(dice.choice((None, 1, ALL)))
        self._misfortune(dice)
        everything = dice.random() < 0.6
        place = dice.randrange(len(self.plan.modules))
        crashed = False
        try:
            fleet = self.stand.start()
            reports = fleet.once() if everything else {"one": fleet.runners[place].cycle()}
            for report in reports.values():
                self.happened.append(f"  {report.stream} {dict(report.outcomes)} {report.trouble or ''}")
        except Crash as crash:
            self.happened.append(f"  died {crash}")
            crashed = True
        finally:
            self._calm()
        if crashed:
            self.stand.stop()
            self.watch._seen = None
            self.watch.ledger(self.stand.sql)
        self.watch.between(self.stand.sql)

    def _misfortune(self, dice: random.Random) -> None:
        plan, stand = self.plan, self.stand
        self._calls_at_start = stand.calls
        for fault in plan.faults if plan.rate else ():
            stand.emu.faults(self._fault(fault, dice))
        if dice.random() < plan.crash_rate:
            kind = dice.choice(("before call", "after call", "before statement", "before commit"))
            here = stand.calls if kind.endswith("call") else stand.statements
            stand.crash = (kind, here + dice.randint(1, 30 if kind.endswith("call") else 120))
        for stall in plan.stalls if plan.rate else ():
            if dice.random() < 0.3:
                stand.stall[stand.calls + dice.randint(1, 25)] = stall
        for number in range(MEDDLED):
            if dice.random() < plan.meddle_rate:
                self._meddles[stand.calls + 1 + number] = (dice.choice(plan.meddles), dice.randrange(10**6))

    def _fault(self, fault: dict[str, Any], dice: random.Random) -> dict[str, Any]:
        drawn = {
            "org": dice.choice((None, "india", "us")),
            "rate": self.plan.rate,
            "seed": dice.randrange(10**6),
            **fault,
        }
        seconds = dice.randint(1, 100)
        if fault["effect"] == "visibility":
            drawn |= {"org": "us", "seconds": self.plan.stream["lag"].total_seconds() / 2}
        elif fault["effect"] == "date_skew":
            # A Date that runs ahead takes the lag away: it is no lie that a lag can outlive.
            ahead = drawn["org"] == "us" and self.plan.keyed
            drawn["seconds"] = seconds if ahead and dice.random() < 0.5 else -seconds
        elif fault["effect"] == "clock_step":
            drawn |= {"seconds": seconds, "times": 2}
        return {name: value for name, value in drawn.items() if value is not None}

    def _calm(self) -> None:
        self.stand.emu.clear_faults()
        self.stand.crash = None
        self.stand.stall.clear()
        self._meddles.clear()

    def _before_call(self, org: str) -> None:
        if self.stand.calls - self._calls_at_start > MOST_CALLS:
            raise Violation(f"a cycle of more than {MOST_CALLS} calls")
        meddle = self._meddles.pop(self.stand.calls, None)
        if meddle is not None:
            self.happened.append(
                f"  before call {self.stand.calls - self._calls_at_start} to {org}: {meddle[0]}:{meddle[1]}"
            )
            DEEDS[meddle[0]](self.people, random.Random(meddle[1]))

    def _revoked(self) -> bool:
        sites = self.stand.emu.world.sites
        return any(token not in sites[name].accounts.refreshes for name, token in self.stand.tokens.items())

    def _renew(self) -> None:
        self.stand.stop()
        self.stand.new_tokens()

    # --- the end

    def end(self) -> None:
        """All is quiet: within five rounds B is what A says, and then nothing is written any more."""
        dice = random.Random(self.plan.seed)
        random.seed(self.plan.seed)
        self._calls_at_start = self.stand.calls
        self.stand.offset = dice.choice((0.0, self.stand.offset))
        unlock(self.people, dice)
        if self._revoked():
            self._renew()
        if dice.random() < 0.5 or self.people.with_note:
            self.stand.stop()
        self.stand.advance(700)  # also for a token endpoint that was left alone
        for module in self.plan.modules:  # whoever looks makes Zoho do what is due by now
            for org in self.stand.emu.orgs.values():
                org.records(module)
        dice.choice((self._retry, self._retry_what_nothing_wakes, self._retry_what_a_person_decides))()
        self._quiet_rounds(lambda _: not self._unfinished())
        if self.people.told.only_comparison_sees or dice.random() < 0.3:
            self._compare()
        if self.people.told.gone_in_b and not self.people.sight().asks:  # children of what was made again follow now
            self._quiet_rounds(lambda _: not self._unfinished())
            self._compare()
        left = self._quiet_rounds(lambda left: not left and not self._unfinished())
        if left:
            raise Violation(f"I3: after {ROUNDS} quiet rounds: " + "; ".join(left[:6]))
        self._costs_nothing()

    def _quiet_rounds(self, ready: Callable[[list[str]], bool]) -> list[str]:
        """Rounds without misfortune until all is ready; gives what is wrong after the last."""
        left: list[str] = []
        for number in range(ROUNDS):
            self._release(ALL)
            self._past_all_due()
            reports = self.stand.start().once()
            troubles = [report.trouble for report in reports.values() if report.trouble]
            self.happened += [f"  round {number}: {dict(r.outcomes)} {r.trouble or ''}" for r in reports.values()]
            self.watch.between(self.stand.sql)
            left = troubles or wrong(self.people.sight(), self.people.told, self._queue())
            if not troubles and ready(left):
                break
        return left

    def _unfinished(self) -> bool:
        comparing = self.stand.sql("select 1 from comparisons where finished_at is null")
        return bool(comparing or self.stand.sql("select 1 from retry_queue where state = 'due'"))

    def _is_agreed(self, module: str, record: Record) -> bool:
        """Whether all that the source says of a record has its outcome: it is not on its way, nor waits."""
        mine = f"stream = 'a-b/{module}'"
        at = self.stand.sql(f"select modified_time, record_id from checkpoints where {mine}")  # noqa: S608
        open_ = [
            row
            for table in ("retry_queue", "intents")
            for row in self.stand.sql(f"select 1 from {table} where {mine} and source_id = '{record.id}'")  # noqa: S608
        ]
        return not open_ and any(
            (record.modified, record.id) < (datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp(), int(number))
            for moment, number in at
        )

    def _past_all_due(self) -> None:
        lag = self.plan.stream["lag"].total_seconds()
        latest = max(
            (text for (text,) in self.stand.sql("select due_at from retry_queue where due_at is not null")),
            default=None,
        )
        wait = 0.0
        if latest is not None:
            wait = (datetime.fromisoformat(latest).replace(tzinfo=UTC) - self.stand.now()).total_seconds()
        self.stand.advance(max(wait, lag + DEADLINE, 61.0) + 2)

    def _queue(self) -> dict[tuple[str, str], str]:
        rows = self.stand.sql("select q.stream, source_id, code from retry_queue q join causes c on c.id = q.cause_id")
        return {(stream.partition("/")[2], source_id): code for stream, source_id, code in rows}

    def _costs_nothing(self) -> None:
        journal = self.stand.emu.world.journal
        before = journal._next - 1
        self.stand.advance(61)
        self.stand.start().once()
        calls = [
            entry
            for entry in journal.select(org="us", since=before)
            if entry.kind in ("insert", "update", "upsert", "delete")
        ]
        if calls:
            raise Violation(f"I15: a further cycle wrote: {[(c.kind, c.module, c.body[:200]) for c in calls]}")
        self.watch.between(self.stand.sql)
