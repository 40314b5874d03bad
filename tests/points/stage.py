"""A place where one scenario is played again and again: two emulated orgs, a settings file, a ledger, all as they were
when the scenario was set up. Commands are the real ones, each a process of its own (warm.py).
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from daemon.demo.expected import KEY
from daemon.emulator import Emulator, OrgHandle
from tests.points.kept import Kept, give_back, keep
from tests.points.warm import OUTPUT_FILE, POINTS_FILE, Warm
from tests.service.site import CALL_DEADLINE_S, org_tables
from tests.sync.pair import add_key

Json = dict[str, Any]
_UNTIL = "select max(until) from (select write_until as until from backfills union select until from late_jobs) as jobs"
_LONGEST_PAUSE_S: Final = 660.0  # a throttled token endpoint is left alone for ten minutes
WRITES: Final = frozenset({"insert", "update", "upsert", "delete"})


@dataclass(kw_only=True)
class Stage:
    """`a` is read and `b` written. `ahead`: seconds by which the orgs' clocks, and the daemon's, lead the
    wall's. `sizes`: of pages, batches and jobs (sizes.py).
    """

    emu: Emulator
    warm: Warm
    folder: Path
    modules: tuple[str, ...]
    lag: int
    defects: list[Json] = field(default_factory=list)
    excused: frozenset[str] = frozenset()
    sizes: dict[str, int] = field(default_factory=dict)
    ahead: float = 0.0
    _kept: tuple[Kept, float] | None = None

    def __post_init__(self) -> None:
        self.a: OrgHandle = self.emu.orgs["india"]
        self.b: OrgHandle = self.emu.orgs["us"]
        self.env = dict[str, str]()
        self.state = self.folder / "state"
        self.ledger = self.state / "orgsync.db"
        self.backup = self.folder / "backup.db"
        for module in self.modules:
            add_key(self.b, module)

    def settle_in(self, **stream: str) -> None:
        """Writes the settings; every keyword is a key of every module."""
        secrets, lines = org_tables((self.a, self.b))
        self.env |= secrets
        lines += ["[routes.india-to-us]", 'source = "india"', 'target = "us"', 'poll = "1s"', f'lag = "{self.lag}s"']
        for module in self.modules:
            lines += [f"[routes.india-to-us.modules.{module}]", f'key = "{KEY}"']
            lines += [f'{name} = "{value}"' for name, value in stream.items()]
        self.settings.write_text("\n".join(lines) + "\n")

    @property
    def settings(self) -> Path:
        return self.folder / "settings.toml"

    # --- commands

    def run(self, *argv: str, kill_at: int | None = None) -> int:
        """One command to its end, or to its kill."""
        job = {
            "argv": list(argv),
            "env": self.env,
            "folder": str(self.folder),
            "ahead": self.ahead,
            "sizes": self.sizes,
        }
        return self.warm.run(job | ({} if kill_at is None else {"kill_at": kill_at}))

    def points(self) -> list[str]:
        """The points that the last command came by."""
        return (self.folder / POINTS_FILE).read_text().splitlines()

    def output(self) -> str:
        """What the commands since the last `restore` have said."""
        return (self.folder / OUTPUT_FILE).read_text()

    # --- time and what was

    def pass_time(self, seconds: float) -> None:
        """The orgs' clocks and the daemon's move on together."""
        self.emu.clock(advance=seconds)
        self.ahead += seconds

    def pass_time_until_due(self) -> None:
        """Uncertain calls and bulk writes are over, and whatever waits for a time in the retry queue is due."""
        latest = self.sql("select max(due_at) from retry_queue where state = 'due'") if self.ledger.exists() else []
        wait = CALL_DEADLINE_S + self.lag + 3.0
        if latest and latest[0][0]:
            wait = max(wait, _instant(latest[0][0]).timestamp() - self.emu.world.clock.now() + 1)
        job = self.sql(_UNTIL) if self.ledger.exists() else []
        if job and job[0][0]:
            wait = max(wait, _instant(job[0][0]).timestamp() - self.emu.world.clock.now() + 1)
        if self.ledger.exists() and self.sql("select 1 from checkpoints where trouble is not null"):
            wait = max(wait, _LONGEST_PAUSE_S)
        self.pass_time(wait)

    def keep(self) -> None:
        """What `restore` comes back to."""
        self._kept = (keep(self.emu), self.ahead)
        shutil.rmtree(self.folder / "kept", ignore_errors=True)
        if self.state.exists():
            shutil.copytree(self.state, self.folder / "kept")

    def restore(self) -> None:
        """Everything as it was kept."""
        assert self._kept is not None, "nothing was kept"
        give_back(self.emu, self._kept[0])
        self.ahead = self._kept[1]
        shutil.rmtree(self.state, ignore_errors=True)
        if (self.folder / "kept").exists():
            shutil.copytree(self.folder / "kept", self.state)
        (self.folder / OUTPUT_FILE).unlink(missing_ok=True)

    @property
    def kept(self) -> Kept:
        assert self._kept is not None, "nothing was kept"
        return self._kept[0]

    # --- looking

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger; none while there is no table yet."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def sent(self, since: int = 0) -> list[Json]:
        """The write calls that B received after log entry `since`."""
        return [entry for entry in self.b.log(since=since) if entry["kind"] in WRITES]

    def mark(self) -> int:
        """The number of the log's last entry."""
        log = self.emu.log()
        return int(log[-1]["number"]) if log else 0


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def staged(folder: Path, warm: Warm, modules: tuple[str, ...], lag: int = 0) -> Iterator[Stage]:
    """An empty stage."""
    folder.mkdir(parents=True, exist_ok=True)
    with Emulator(("in", "us")) as emu:
        yield Stage(emu=emu, warm=warm, folder=folder, modules=modules, lag=lag)
