"""One random first load: edits, deletions, accidents of calls, kills and restarts, until B must hold what A does."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from daemon.core.fuse import Fuse, Limit
from daemon.ledger.held import HeldLedger
from daemon.zoho import bulk
from daemon.zoho.caller import Caller
from daemon.zoho.client import Zoho
from tests.sync.jobs import pair_of, resting_by_clock
from tests.sync.loads import STREAM, again, lead
from tests.sync.pair import KEY, Pair

OFF = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
KINDS = ("upload", "bulk_write", "bulk_write_status", "bulk_write_result", "bulk_read", "bulk_read_status",
         "bulk_read_result", "coql", "count", "insert", "update", "list", "delete", "deleted")  # fmt: skip
EFFECTS: tuple[dict[str, Any], ...] = (
    {"effect": "cut", "when": "before"},
    {"effect": "cut", "when": "after"},
    {"effect": "html"},
    {"effect": "html", "status": 503},
    {"effect": "half"},
    {"effect": "garbage", "shape": "wrong_type"},
    {"effect": "status", "status": 503},
    {"effect": "status", "status": 500, "when": "after"},
    {"effect": "status", "status": 429, "code": "TOO_MANY_REQUESTS"},
)
LEFT = {
    "an intent is open": "select source_id, action from intents",
    "the queue holds": "select source_id, state from retry_queue",
    "a job is watched": "select * from late_jobs",
    "a job is at work": "select write_sent_at from backfills where write_sent_at is not null",
    "it has not caught up": "select trouble from checkpoints where caught_up_at is null or trouble is not null",
}
"""What must be nowhere in the ledger in the end."""


class KilledError(BaseException):
    """The process is gone."""


@dataclass
class Kill:
    """Lets so many calls and transactions pass; then every further one fails, as if nobody were there."""

    left: int | None = None
    after: bool = False

    def armed(self) -> bool:
        if self.left is not None:
            self.left -= 1
        return self.left is not None and self.left < 0

    def call(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def send(*given: Any, **more: Any) -> Any:
            armed = self.armed()
            if armed and not self.after:
                raise KilledError
            done = do(*given, **more)
            if armed:
                raise KilledError
            return done

        return send

    def transaction(self, do: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def writing(*given: Any) -> Iterator[Any]:
            armed = self.armed()
            if armed and not self.after:
                raise KilledError
            with do(*given) as connection:
                yield connection
            if armed:
                raise KilledError

        return writing


@dataclass
class Life:
    """What a seed does with a pair."""

    rng: random.Random
    kill: Kill
    pair: Pair
    stack: ExitStack
    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    spoilt: int | None = None  # row of the next file

    def step(self) -> None:
        """One thing that people, the org, the net or the machine do, and a cycle."""
        act = self.rng.choice((*[self.cycle] * 6, self.pass_time, self.edit, self.insert, self.delete, self.accident,
                               self.accident, self.spoil, self.die, self.restart))  # fmt: skip
        self.said.append(act.__name__)
        act()

    def cycle(self) -> None:
        try:
            self.pair.cycle("Leads")
        except KilledError:
            self.said.append("killed")
            self.restart()

    def pass_time(self) -> None:
        self.pair.emu.clock(advance=self.rng.choice((1, 5, 30, 300, 4_000)))

    def ids(self) -> list[str]:
        return [str(row["id"]) for row in self.pair.a.records("Leads")]

    def edit(self) -> None:
        self.pair.a.edit("Leads", self.rng.choice(self.ids()), {"City": f"Town {self.rng.randrange(10**6)}"})

    def insert(self) -> None:
        lead(self.pair, f"new {self.rng.randrange(10**9)}", City="C")

    def delete(self) -> None:
        if len(ids := self.ids()) > 8:
            self.pair.a.delete("Leads", self.rng.choice(ids))

    def accident(self) -> None:
        org, rng = self.rng.choice((self.pair.a, self.pair.b)), self.rng
        times, skip = rng.choice((1, 1, 2, 4)), rng.choice((0, 1))
        org.faults.add(kind=rng.choice(KINDS), times=times, skip=skip, **rng.choice(EFFECTS))

    def spoil(self) -> None:
        """A row of the next file that is read says nothing certain."""
        self.spoilt = self.rng.randrange(3, 20)

    def rows(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def told(*given: Any) -> Iterator[Any]:
            spoilt, self.spoilt = self.spoilt, None
            for number, row in enumerate(do(*given)):
                yield [row[0], "no time", *row[2:]] if number == spoilt else row

        return told

    def upload(self, do: Callable[..., Any]) -> Callable[..., Any]:
        """What is about to be sent must have been noted by then."""

        def sent(zoho: Any, zgid: str, content: bytes) -> Any:
            _, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
            opened = self.pair.ledger.open_intents(self.pair.fleet.runners[0].stream)
            noted = {intent.match.get(KEY) for intent in opened.values()}
            self.wrong += [f"{row[0]} was uploaded without an intent" for row in rows if row[0] not in noted]
            return do(zoho, zgid, content)

        return sent

    def die(self) -> None:
        """Somewhere in the next cycle, or the one after it."""
        self.kill.left, self.kill.after = self.rng.randrange(60), self.rng.random() < 0.5
        self.cycle()

    def restart(self) -> None:
        self.kill.left = None
        if self.rng.random() < 0.1:
            self.change_rules()
        self.pair = self.stack.enter_context(again(self.pair))
        at_rest(self.pair)

    def change_rules(self) -> None:
        route = self.pair.settings.routes[0]
        where = self.rng.choice((None, "Company = 'C'", "Company is not null"))
        streams = tuple(replace(stream, where=where) for stream in route.streams)
        self.pair.settings = replace(self.pair.settings, routes=(replace(route, streams=streams),))
        self.said.append(f"rules {where}")

    def end(self) -> None:
        """Nothing happens any more, for longer than anything is waited for."""
        self.pair.emu.clear_faults()
        self.restart()
        for seconds in (*[700] * 8, *[4_000] * 6, 90_000, *[700] * 6):
            self.pair.pass_time(seconds)
            self.pair.once()
            self.pair.ledger.release(STREAM, 100, "meant", self.pair.fleet.runners[0]._now())  # few are linked at first


def play(folder: Path, seed: int) -> list[str]:
    """What is wrong in the end, and what happened; empty when all is as it must be. Pages and jobs must be small."""
    rng, kill = random.Random(seed), Kill()
    with (
        mock.patch.object(Caller, "send", kill.call(Caller.send)),
        mock.patch.object(HeldLedger, "_writing", kill.transaction(HeldLedger._writing)),
        pair_of(folder, records=0, deletes="delete", fuse=OFF) as first,
        ExitStack() as stack,
    ):
        for number in range(rng.choice((6, 14, 30))):
            lead(first, f"L{number:02}", City="C")
        first.pass_time(60)
        first.emu.quirks(bulk_job_seconds=rng.choice((0, 4, 60)))
        at_rest(first)
        life = Life(rng, kill, first, stack)
        with (
            mock.patch.object(bulk, "rows", life.rows(bulk.rows)),
            mock.patch.object(Zoho, "upload_rows", life.upload(Zoho.upload_rows)),
        ):
            for _ in range(rng.choice((10, 25, 50))):
                life.step()
            life.end()
        wrong = [*life.wrong, *judge(life.pair)]
        return [*wrong, "; ".join(life.said)] if wrong else []


def at_rest(pair: Pair) -> None:
    """Nothing takes real time."""
    resting_by_clock(pair)
    for catalog in pair.fleet.catalogs.values():
        catalog.zoho._caller._sleep = lambda seconds: pair.emu.clock(advance=seconds)


def judge(pair: Pair) -> list[str]:
    """What is not as it must be."""
    mine = {str(row["id"]): shown(row) for row in pair.a.records("Leads")}
    theirs = [(str(row.get(KEY)).partition(":")[2], shown(row)) for row in pair.b.records("Leads")]
    held, times = dict(theirs), Counter(key for key, _ in theirs)
    return [
        *(f"{i} is missing in B" for i in mine.keys() - held.keys()),
        *(f"{i} is too many in B" for i in held.keys() - mine.keys()),
        *(f"{i} is {held[i]} and not {mine[i]}" for i in mine.keys() & held.keys() if mine[i] != held[i]),
        *(f"{i} stands {times[i]} times in B" for i in times if times[i] > 1),
        *(f"{what}: {row}" for what, query in LEFT.items() for row in pair.sql(query)),
    ]


def shown(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["Last_Name"], row.get("City")
