"""Several real daemons on one Postgres ledger, and what is done to them: kills, pauses, a restart of the server.

One org is carried into all the others, module by module. People edit it all the while. At the end every record must
have exactly one equal counterpart in every other org, and the ledger must hold nothing more to do.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from daemon.emulator import Emulator
from tests.postgres import Server
from tests.service.site import Site, until
from tests.sync.pair import add_key

KEY: Final = "Source_Record_ID"
NAMES: Final = {"Accounts": "Account_Name", "Contacts": "Last_Name", "Leads": "Last_Name", "Deals": "Deal_Name"}
FIELDS: Final = {"Accounts": "Billing_City", "Contacts": "Mailing_City", "Leads": "City", "Deals": "Next_Step"}
MORE: Final[dict[str, dict[str, Any]]] = {
    "Leads": {"Company": "C"},
    "Deals": {"Stage": "Qualification", "Closing_Date": "2031-05-01"},
}
SOURCE: Final = "india"


@dataclass(kw_only=True)
class Several:
    """Daemons by number, in a folder with their common settings; `failovers` are seconds, one a kill."""

    site: Site
    server: Server
    database: str
    dice: random.Random
    daemons: dict[int, subprocess.Popen[str]] = field(default_factory=dict)
    failovers: list[float] = field(default_factory=list)
    records: list[tuple[str, str]] = field(default_factory=list)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return self.server.sql(self.database, query)

    def start(self, number: int) -> None:
        self.daemons[number] = self.site.start("run", "--first-run", "create")

    def owned(self, number: int) -> set[str]:
        """The streams that a daemon runs, as the ledger says."""
        pid = self.daemons[number].pid
        query = f"SELECT stream FROM checkpoints JOIN daemons ON name = owner WHERE pid = {pid}"  # noqa: S608
        return {stream for (stream,) in self.sql(query)}

    def all_at_work(self) -> bool:
        """Whether each daemon runs something; not before one of them has made the ledger."""
        with suppress(psycopg.Error):
            return all(self.owned(number) for number in self.daemons)
        return False

    def edit(self) -> None:
        """Somebody makes or changes a record."""
        india, dice = self.site.emu.orgs[SOURCE], self.dice
        if len(self.records) < 40 or dice.random() < 0.2:
            module = dice.choice(self.site.modules)
            values = {NAMES[module]: f"N{len(self.records)}", **MORE.get(module, {})}
            self.records.append((module, india.insert_raw(module, values)))
        else:
            module, number = dice.choice(self.records)
            india.edit(module, number, {FIELDS[module]: f"town {dice.randrange(10**6)}"})

    def kill(self, number: int) -> None:
        """SIGKILL; waits until all that it ran was polled by others since, and notes how long that took."""
        streams = self.owned(number)
        self.daemons[number].kill()
        self.daemons[number].wait()
        at, began = self.sql("SELECT clock_timestamp()")[0][0], time.monotonic()
        self._until_polled(streams, at)
        if streams:
            self.failovers.append(time.monotonic() - began)
        self.start(number)

    def pause(self, number: int, seconds: float) -> None:
        """SIGSTOP for longer than a daemon may be silent; the others take over, and then it wakes up."""
        streams = self.owned(number)
        self.daemons[number].send_signal(signal.SIGSTOP)
        at = self.sql("SELECT clock_timestamp()")[0][0]
        end = time.monotonic() + seconds
        self._until_polled(streams, at)
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
            time.sleep(0.1)

    def _until_polled(self, streams: set[str], since: Any) -> None:
        deadline = time.monotonic() + 60
        while self._behind(streams, since):
            assert time.monotonic() < deadline, f"nobody went on with {self._behind(streams, since)}"
            self.wait(0.1)

    def _behind(self, streams: set[str], since: Any) -> set[str]:
        with suppress(psycopg.Error):  # the server may just be away
            rows = self.sql("SELECT stream, polled_at FROM checkpoints")
            return {stream for stream, at in rows if stream in streams and (at is None or at <= since)}
        return streams

    def wrong(self) -> list[str]:
        """What is not as it must be: empty once all is quiet."""
        found = []
        india = self.site.emu.orgs[SOURCE]
        mine = {(m, str(r["id"])): (r[NAMES[m]], r.get(FIELDS[m])) for m in self.site.modules for r in india.records(m)}
        for org in self.site.emu.orgs.values():
            if org.name == SOURCE:
                continue
            for module in self.site.modules:
                twins: dict[str, list[tuple[Any, Any]]] = {}
                for row in org.records(module):
                    values = row[NAMES[module]], row.get(FIELDS[module])
                    twins.setdefault(str(row[KEY]).partition(":")[2], []).append(values)
                wanted = {number: values for (m, number), values in mine.items() if m == module}
                found += [f"{org.name} {module} {i}: {len(v)} counterparts" for i, v in twins.items() if len(v) != 1]
                found += [
                    f"{org.name} {module} {i}: {twins.get(i)} for {values}"
                    for i, values in wanted.items()
                    if twins.get(i) != [values]
                ]
        found += [f"queued: {row}" for row in self.sql("SELECT stream, source_id FROM retry_queue")]
        found += [f"intent: {row}" for row in self.sql("SELECT stream, source_id FROM intents")]
        found += [f"off: {row}" for row in self.sql("SELECT * FROM v_balance WHERE off_by <> 0")]
        return found


@contextmanager
def several(
    folder: Path, server: Server, *, data_centers: Sequence[str], modules: tuple[str, ...], daemons: int, seed: int
) -> Iterator[Several]:
    """Orgs in these data centres, the first one's modules carried into the others, by so many daemons."""
    with Emulator(tuple(data_centers)) as emu:
        site = Site(emu, folder, modules=modules)
        orgs, _, _ = site.settings.read_text().partition("[routes.")
        lines = [orgs, "[ledger]", f'url = "{server.make("several")}"']
        for org in emu.orgs.values():
            if org.name == SOURCE:
                continue
            route = f"{SOURCE}-to-{org.name}"
            lines += [
                f"[routes.{route}]",
                f'source = "{SOURCE}"',
                f'target = "{org.name}"',
                'poll = "1s"',
                'lag = "1s"',
            ]
            for module in modules:
                lines += [f"[routes.{route}.modules.{module}]", f'key = "{KEY}"']
                if org.name != "us":  # Site has done that one
                    add_key(org, module)
        site.settings.write_text("\n".join(lines) + "\n")
        running = Several(site=site, server=server, database="several", dice=random.Random(seed))
        try:
            running.edit()
            for number in range(daemons):
                running.start(number)
            until(running.all_at_work, 60)
            yield running
        finally:
            for process in running.daemons.values():
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
            site.close()
