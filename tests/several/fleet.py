"""Several real daemons on one Postgres ledger, and what is done to them: kills, pauses, a restart of the server.

Source orgs are carried into target orgs, each module by a route of its own. People edit the sources all the while. At
the end every record must have exactly one equal counterpart in every target, the ledger must hold nothing more to do,
and nobody may have written with a stale claim (fencing.py).
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Final

import psycopg

from daemon.cli.exits import UNREACHABLE
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from tests.postgres import Server
from tests.service.site import Site, until
from tests.several.fencing import JUDGE, SEEN, STALE
from tests.several.modules import MODULES
from tests.sync.pair import add_key

KEY: Final = "Source_Record_ID"
DATABASE: Final = "several"


@dataclass(kw_only=True)
class Several:
    """Daemons by number; `failovers` are seconds, one a kill of a daemon that ran something; `ended` are the exit codes
    of daemons that left by themselves: they are started again, as a service is.
    """

    site: Site
    server: Server
    sources: Sequence[OrgHandle]
    targets: Sequence[OrgHandle]
    dice: random.Random
    daemons: dict[int, subprocess.Popen[str]] = field(default_factory=dict)
    failovers: list[float] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    records: list[tuple[OrgHandle, str, str]] = field(default_factory=list)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return self.server.sql(DATABASE, query)

    def settings(self, number: int) -> Path:
        return self.site.folder / f"host{number}" / "settings.toml"

    def start(self, number: int) -> None:
        self.daemons[number] = self.site.start("run", "--first-run", "create", settings=self.settings(number))

    def owned(self, number: int) -> set[str]:
        """The streams that a daemon runs, as the ledger says."""
        pid = self.daemons[number].pid
        query = f"SELECT stream FROM checkpoints JOIN daemons ON name = owner WHERE pid = {pid}"  # noqa: S608
        with suppress(psycopg.Error):  # the server may just be away
            return {stream for (stream,) in self.sql(query)}
        return set()

    def all_at_work(self) -> bool:
        return all(self.owned(number) for number in self.daemons)

    def edit(self) -> None:
        """Somebody makes or changes a record."""
        dice = self.dice
        if len(self.records) < 40 or dice.random() < 0.2:
            self.make(dice.choice(self.sources), dice.choice(self.site.modules))
        else:
            org, module, number = dice.choice(self.records)
            org.edit(module, number, {MODULES[module].text: f"town {dice.randrange(10**6)}"})

    def make(self, org: OrgHandle, module: str) -> None:
        """A new record."""
        values = {MODULES[module].name: f"N{len(self.records)}", **MODULES[module].more}
        self.records.append((org, module, org.insert_raw(module, values)))

    def kill(self, number: int) -> None:
        """SIGKILL of a daemon at work; notes how long it takes until all that it ran was polled by others."""
        self._until_at_work(number)
        self.daemons[number].kill()
        self.daemons[number].wait()
        began, streams = time.monotonic(), self.owned(number)
        del self.daemons[number]
        self._until_polled(streams, self._now())
        self.failovers.append(time.monotonic() - began)
        self.start(number)

    def pause(self, number: int, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """SIGSTOP for longer than a daemon may be silent; the others take over, and then it wakes up."""
        self._until_at_work(number)
        self.daemons[number].send_signal(signal.SIGSTOP)
        end, streams, stopped_at = time.monotonic() + seconds, self.owned(number), self._now()
        meanwhile()
        self._until_polled(streams, stopped_at)
        while time.monotonic() < end:
            self.wait(0.2)
        self.daemons[number].send_signal(signal.SIGCONT)

    def restart_server(self) -> None:
        self.server.stop(self.dice.choice(("immediate", "fast")))
        self.wait(self.dice.choice((0.1, 3.0)))
        self.server.start()

    def wait(self, seconds: float) -> None:
        """Time goes by, and people go on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.edit()
            self._start_again()
            time.sleep(0.1)

    def _start_again(self) -> None:
        for number, process in list(self.daemons.items()):
            if (code := process.poll()) is not None:
                self.ended.append(code)
                self.start(number)

    def _now(self) -> Any:
        return self.sql("SELECT clock_timestamp()")[0][0]

    def _until_at_work(self, number: int) -> None:
        deadline = time.monotonic() + 60
        while not self.owned(number):
            assert time.monotonic() < deadline, f"daemon {number} was given nothing to do"
            self.wait(0.2)

    def _until_polled(self, streams: set[str], since: Any) -> None:
        deadline = time.monotonic() + 90
        while behind := self._behind(streams, since):
            assert time.monotonic() < deadline, f"nobody went on with {behind}"
            self.wait(0.1)

    def _behind(self, streams: set[str], since: Any) -> set[str]:
        with suppress(psycopg.Error):
            rows = self.sql("SELECT stream, polled_at FROM checkpoints")
            return {stream for stream, at in rows if stream in streams and (at is None or at <= since)}
        return streams

    def wrong(self) -> list[str]:
        """What is not as it must be: empty once all is quiet."""
        found = []
        for module in self.site.modules:
            wanted = {
                f"{self._zgid(source)}:{row['id']}": _shown(module, row)
                for source in self.sources
                for row in source.records(module)
            }
            for target in self.targets:
                twins = defaultdict(list)
                for row in target.records(module):
                    twins[row[KEY]].append(_shown(module, row))
                for key in sorted(wanted.keys() | twins.keys(), key=str):
                    if twins[key] != [wanted.get(key)]:
                        found.append(f"{target.name} {module} {key}: {twins[key]} for {wanted.get(key)}")
        found += [f"queued: {row}" for row in self.sql("SELECT stream, source_id, state, detail FROM retry_queue")]
        found += [f"intent: {row}" for row in self.sql("SELECT stream, source_id FROM intents")]
        found += [f"off: {row}" for row in self.sql("SELECT * FROM v_balance WHERE off_by <> 0")]
        found += [f"a daemon ended with {code}" for code in self.ended if code != UNREACHABLE]
        found += [f"written with a stale claim: {row}" for row in self.sql(STALE)]
        return found

    def judged(self) -> int:
        """How many writes the judge of claims has looked at."""
        return int(self.sql(SEEN)[0][0])

    def _zgid(self, org: OrgHandle) -> str:
        return self.site.emu.world.sites[org.name].org.zgid


def _shown(module: str, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(_instant(row.get(name)) for name in MODULES[module].fields)


def _instant(value: Any) -> Any:
    """Each org shows times in its own zone."""
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(value).astimezone(UTC)
    return value


@contextmanager
def several(
    folder: Path,
    server: Server,
    *,
    sources: Sequence[str],
    targets: Sequence[str],
    modules: tuple[str, ...],
    daemons: int,
    seed: int,
    poll: str = "1s",
    latency: float = 0.0,
    ceilings: Mapping[str, int] | None = None,
) -> Iterator[Several]:
    """Orgs in these data centres: each source's modules are carried into each target, by so many daemons. `latency` is
    the orgs', in seconds a call; `ceilings` are credits by org.
    """
    with Emulator((*sources, *targets), latency=latency) as emu:
        site = Site(emu, folder, modules=modules, keys=False)
        by_place = {org.data_center: org for org in emu.orgs.values()}
        running = Several(
            site=site,
            server=server,
            sources=[by_place[place] for place in sources],
            targets=[by_place[place] for place in targets],
            dice=random.Random(seed),
        )
        for target, module in product(running.targets, modules):
            add_key(target, module)
        Ledger.open(server.make(DATABASE)).close()
        server.sql(DATABASE, JUDGE)
        orgs, _, _ = site.settings.read_text().partition("[routes.")
        for name, ceiling in (ceilings or {}).items():
            orgs = orgs.replace(f"[orgs.{name}]\n", f"[orgs.{name}]\nceiling = {ceiling}\n")
        routes = _routes(running, modules, poll)
        for number in range(daemons):
            server.sql(DATABASE, f"CREATE ROLE host{number} SUPERUSER LOGIN")
            url = server.url(DATABASE).replace("//orgsync@", f"//host{number}@")
            host = folder / f"host{number}"
            host.mkdir()
            running.settings(number).write_text(f'{orgs}[ledger]\nurl = "{url}"\n{routes}')
        try:
            running.edit()
            for number in range(daemons):
                running.start(number)
            until(running.all_at_work, 90)
            yield running
        finally:
            for process in running.daemons.values():
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
            site.close()


def _routes(running: Several, modules: Sequence[str], poll: str) -> str:
    lines = []
    for source, target, module in product(running.sources, running.targets, modules):
        route = f"{source.name}-to-{target.name}-{module.lower().replace('_', '-')}"
        lines += [
            f"[routes.{route}]",
            f'source = "{source.name}"',
            f'target = "{target.name}"',
            f'poll = "{poll}"',
            'lag = "1s"',
            f"[routes.{route}.modules.{module}]",
            f'key = "{KEY}"',
            f"fields = {MODULES[module].fields}",
        ]
    return "\n".join(lines) + "\n"
