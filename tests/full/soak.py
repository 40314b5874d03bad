"""A day in minutes: `python -m tests.full soak`; ten modules, people at work by a day's curve, faults, restarts.

The emulator is another process whose clock stands still and is advanced; the daemon's fleet runs here, in threads, with
that clock. Every simulated hour prints a line. The exit code is 1 when something grew without end, was left open, or
when the target does not hold at the end what the source says (by this file's own table, read over HTTP).
429 is no part of it: the client rests from it by the real clock, which does not go faster here.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import httpx
from loguru import logger

from daemon.demo.caller import Caller, Control
from daemon.emulator import Emulator
from daemon.ledger import Ledger, Reader, Stuck
from daemon.service.fleet import Fleet
from daemon.service.history import History
from daemon.settings import Settings
from tests.full._measured import TITLES, Measured, bounds, left_open, rss_kb, size_kb
from tests.full._soaked import MODULES, WRITES, differences, faults, newcomer
from tests.sync.pair import KEY, make_settings

POLL_S: Final = 180.0
RETENTION: Final = timedelta(hours=6)
RESTART_EVERY_H: Final = 2
CYCLES_TO_SETTLE: Final = 5


@dataclass(slots=True)
class Soak:
    """The pair, its clock, and what is known of the work so far."""

    control: Control
    orgs: dict[str, dict[str, Any]]
    settings: Settings
    moment: float
    peak: float
    most: int
    dice: random.Random
    ids: dict[str, list[str]] = field(default_factory=lambda: {module: [] for module in MODULES})
    edits: int = 0
    hourly: list[Measured] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    window: deque[int] = field(default_factory=deque)
    most_kept: int = 0
    people: Caller | None = None
    refresh_tokens: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.moment, UTC)

    def advance(self, seconds: float) -> None:
        self.control.send("POST", "/clock", {"advance": seconds})
        self.moment += seconds

    def sign_in(self, org: str) -> Caller:
        """Somebody with a refresh token of their own; the access token is good for half an hour at least."""
        mine = self.orgs[org]
        token = (
            self.refresh_tokens.get(org)
            or self.control.send("POST", f"/orgs/{org}/refresh_tokens", {})["refresh_token"]
        )
        self.refresh_tokens[org] = token
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            **{k: mine[k] for k in ("client_id", "client_secret")},
        }
        answer = httpx.post(f"{mine['accounts_url']}/oauth/v2/token", data=form, timeout=20, trust_env=False).json()
        return Caller(mine, answer["access_token"])

    def relieve(self) -> Caller:
        """The next shift of people."""
        if self.people is not None:
            self.people.close()
        return self.sign_in("india")

    def work(self, hour: float, seconds: float) -> None:
        """What people do in so many seconds: 5 a second at noon, next to nothing at night; one in fifty is new, until
        a module has `most` records: what then still grows is not the data.
        """
        assert self.people is not None
        count = round(self.peak * (0.04 + 0.96 * max(0.0, math.sin(math.pi * (hour % 24 - 7) / 12))) * seconds)
        self.edits += count
        for module in MODULES:
            mine = count // len(MODULES) + (self.dice.random() < count % len(MODULES) / len(MODULES))
            fresh = min(sum(self.dice.random() < 0.02 for _ in range(mine)), self.most - len(self.ids[module]))
            if fresh or not self.ids[module]:
                parents = self.ids["Accounts"]
                rows = [newcomer(module, self.edits * 100 + n, parents, self.dice) for n in range(max(fresh, 1))]
                self.ids[module] += self.people.write("POST", module, rows)
            known = self.ids[module]
            chosen = self.dice.sample(known, min(len(known), mine - fresh)) if mine > fresh else []
            if chosen:
                text = f"{self.now():%d %H:%M:%S} எழுதியது {self.dice.getrandbits(32):x}"
                self.people.write("PUT", module, [{"id": i, "Description": text} for i in chosen])


def main(argv: list[str]) -> int:
    """Run it; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.full soak", description=__doc__)
    parser.add_argument("--hours", type=int, default=24, help="simulated hours")
    parser.add_argument("--peak", type=float, default=5.0, help="edits a second at noon")
    parser.add_argument("--most", type=int, default=300, help="records of a module")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    logger.remove()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orgsync-soak-") as folder, ExitStack() as open_things:
        document = open_things.enter_context(_emulator())
        control = Control(document["control_url"])
        open_things.callback(control.close)
        soak = _prepare(control, document, Path(folder), given)
        _day(soak, given.hours, given.seed)
        _end(soak)
    for sentence in soak.wrong:
        _say(f"WRONG: {sentence}")
    took, own = time.monotonic() - began, time.process_time()
    _say(f"{given.hours} h in {took:.0f} s ({own:.0f} s of this process), seed {given.seed}: {len(soak.wrong)} wrong")
    return 1 if soak.wrong else 0


@contextmanager
def _emulator() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "daemon.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _prepare(control: Control, document: dict[str, Any], folder: Path, given: argparse.Namespace) -> Soak:
    orgs = {org["name"]: org for org in document["orgs"]}
    for module in MODULES:
        key = {"field_label": "Source Record ID", "data_type": "text", "length": 60}
        control.send("POST", f"/orgs/us/schema/{module}/fields", {**key, "unique": {"case_sensitive": False}})
    handles = SimpleNamespace(orgs={name: SimpleNamespace(**org) for name, org in orgs.items()})
    settings = make_settings(cast(Emulator, handles), folder, modules=MODULES, poll=timedelta(seconds=POLL_S))
    control.send("POST", "/clock", {"freeze": True})
    start = datetime(2027, 3, 1, tzinfo=UTC).timestamp()
    control.send("POST", "/clock", {"set": start})
    return Soak(
        control=control,
        orgs=orgs,
        settings=settings,
        moment=start,
        peak=given.peak,
        most=given.most,
        dice=random.Random(given.seed),
    )


def _day(soak: Soak, hours: int, seed: int) -> None:
    _say(" ".join(f"{title:>9}" for title in (*TITLES, "real s")))
    began = time.monotonic()
    soak.people = soak.relieve()
    soak.people.get("org")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(time.sleep, [0.01] * 8))  # all eight threads exist from now on
        left = left_open()
        for hour in range(0, hours, RESTART_EVERY_H):
            with Ledger.open(soak.settings.ledger_url) as ledger, _fleet(soak, ledger) as fleet:
                history = History(ledger, RETENTION, fleet.certain_time)
                for this in range(hour, min(hours, hour + RESTART_EVERY_H)):
                    _hour(soak, fleet, history, pool, this)
                    if this == 0:
                        soak.control.send("POST", "/faults", faults(seed))
                    _say(f"{soak.hourly[-1]} {time.monotonic() - began:>9.0f}")
            if (now := left_open()) != left:
                soak.wrong.append(f"after the restart at {hour + RESTART_EVERY_H} h there are {now}, were {left}")


def _fleet(soak: Soak, ledger: Ledger) -> Fleet:
    return Fleet(soak.settings, ledger, now=soak.now, stopping=lambda: False)


def _hour(soak: Soak, fleet: Fleet, history: History, pool: ThreadPoolExecutor, hour: int) -> None:
    soak.control._http.request("DELETE", "/log").raise_for_status()
    written, rounds = 0, int(3_600 / POLL_S)
    edits_before = soak.edits
    for n in range(rounds):
        if n % 10 == 0:
            soak.people = soak.relieve()
        for _ in range(2):
            soak.advance(POLL_S / 2)
            soak.work(hour + n / rounds, POLL_S / 2)
        for report in pool.map(lambda runner: runner.cycle(), fleet.runners):
            written += report.outcomes["created"] + report.outcomes["updated"]
        while history.step():
            pass
    soak.window.append(soak.edits - edits_before)
    if len(soak.window) > RETENTION / timedelta(hours=1) + 1:
        soak.window.popleft()
    soak.most_kept = max(soak.most_kept, sum(soak.window))
    files = left_open()
    queue = sum(stuck.records for stuck in _stuck(soak))
    soak.hourly.append(
        Measured(
            hour=hour + 1,
            records=sum(map(len, soak.ids.values())),
            edits=soak.edits,
            writes=written + (soak.hourly[-1].writes if soak.hourly else 0),
            queue=queue,
            rss_kb=rss_kb(),
            files=files.files,
            sockets=files.sockets,
            threads=files.threads,
            ledger_kb=size_kb(Path(soak.settings.ledger_url.removeprefix("sqlite:///"))),
        )
    )


def _stuck(soak: Soak) -> list[Stuck]:
    with Reader.open(soak.settings.ledger_url) as reader:
        return reader.stuck()


def _end(soak: Soak) -> None:
    """Faults stop; then the target holds what the source says, and all that grew stayed within its bounds."""
    soak.control.send("POST", "/faults", [])
    soak.control._http.request("DELETE", "/faults").raise_for_status()
    with Ledger.open(soak.settings.ledger_url) as ledger, _fleet(soak, ledger) as fleet:
        for _ in range(CYCLES_TO_SETTLE):
            soak.advance(3_700)
            fleet.once()
        before = soak.control.log(org="us", since=0)
        fleet.once()
        fresh = soak.control.log(org="us")[len(before) :]
        if writes := [call for call in fresh if call["kind"] in WRITES]:
            soak.wrong.append(f"{len(writes)} write calls although nothing had changed")
    with soak.sign_in("india") as a, soak.sign_in("us") as b:
        found = differences(a, b, KEY)
    soak.wrong += found[:20]
    _say(f"the target differs from what the source says {len(found)} times")
    soak.wrong += bounds(soak.hourly, soak.most_kept, _say)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
