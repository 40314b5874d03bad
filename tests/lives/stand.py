"""What a life stands on: two emulated orgs with a frozen clock, a ledger in a file, and our fleet in this very thread.

Crashes and concurrent edits come from hooks of httpx and SQLAlchemy, never from marks in the code. All time is the
emulator's: every call takes `tick` seconds of it, and no sleep is real.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import Connection, event

from daemon.core import steps
from daemon.core.org import Secret
from daemon.core.rules import Route, Stream
from daemon.emulator import Emulator
from daemon.emulator.oauth import ALL_SCOPES
from daemon.ledger import Ledger
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from daemon.sync import compare, cycle, polling
from daemon.sync.cycle import StreamRunner
from daemon.sync.report import Report
from daemon.zoho import client
from tests.blank import put_blank
from tests.lives.draw import Plan
from tests.lives.shapes import HIDDEN, NOTE, SHAPES
from tests.sync.pair import DEADLINE, org_of

BORN: Final = 1_750_000_000
WRITES: Final = ("POST", "PUT", "DELETE")


class Crash(BaseException):
    """The process died here."""


class Stand:
    """The emulator, the files, and the daemon that may be thrown away at any moment."""

    def __init__(self, plan: Plan, folder: Path, before_call: Callable[[str], None], after_write: Callable[[], None],
                 at_commit: Callable[[Connection], None], at_cycle: Callable[[str], None]) -> None:  # fmt: skip
        self.plan = plan
        self.folder = folder
        self.path = folder / "orgsync.db"
        self.emu = Emulator(("in", "us"))
        self.mono = 0.0
        self.offset = 0.0
        self.calls = 0
        self.statements = 0
        self.crash: tuple[str, int] | None = None
        self.stall: dict[int, str] = {}
        self.backups: list[Path] = []
        self.fleet: Fleet | None = None
        self.ledger: Ledger | None = None
        self._before_call, self._after_write, self._at_commit = before_call, after_write, at_commit
        self._at_cycle = at_cycle
        self._quiet = False

    # --- time

    def now(self) -> datetime:
        """Our wall clock: the emulator's, and as much as it is wrong."""
        return datetime.fromtimestamp(self.emu.world.clock.now() + self.offset, UTC)

    def advance(self, seconds: float) -> None:
        """Time goes by for everyone."""
        self.emu.world.clock.advance(seconds)
        self.mono += seconds

    # --- life of the orgs

    def __enter__(self) -> Stand:
        self.emu.__enter__()
        clock, plan = self.emu.world.clock, self.plan
        clock.freeze()
        clock.set(BORN)
        self.emu.quirks(**plan.quirks)
        a, b = self.emu.orgs["india"], self.emu.orgs["us"]
        if plan.reader == "first_only":
            a.quirks(coql_order="first_only")
        for module in plan.modules:
            a.add_field(module, field_label="Lives Note", data_type="text", length=60)
            if plan.keyed:
                unique = {"case_sensitive": False}
                b.add_field(module, field_label="Source Record ID", data_type="text", length=60, unique=unique)
            if plan.stream["flag"]:
                b.add_field(module, field_label="Gone In A", data_type="boolean")
            if SHAPES[module].unique and not plan.all_unique:
                b.change_field(module, str(SHAPES[module].unique), unique=False)
        self.tokens: dict[str, str] = {}
        self.new_tokens()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        threading.Thread(target=self.emu.__exit__, args=(None, None, None), daemon=True).start()

    def new_tokens(self) -> None:
        """Credentials as an operator makes them; A's may lack COQL."""
        without = [scope for scope in ALL_SCOPES if "coql" not in scope]
        scopes = {"scopes": without} if self.plan.reader == "no_scope" else {}
        self.tokens = {
            name: org.new_refresh_token(**(scopes if name == "india" else {})) for name, org in self.emu.orgs.items()
        }

    # --- life of the daemon

    def settings(self) -> Settings:
        """As settings.toml would say it."""
        orgs = {
            name: replace(org_of(handle, self.folder), refresh_token=Secret(self.tokens[name]), calls_at_once=1)
            for name, handle in self.emu.orgs.items()
        }
        streams = tuple(
            Stream(
                address=f"a-b/{module}",
                route="a-b",
                source="india",
                target="us",
                source_module=module,
                target_module=module,
                where=f"{SHAPES[module].town} is null or {SHAPES[module].town} != '{HIDDEN}'"
                if self.plan.filtered
                else None,
                **self.plan.stream,
            )
            for module in self.plan.modules
        )
        route = Route(name="a-b", source="india", target="us", streams=streams)
        return Settings(ledger_url=f"sqlite:///{self.path}", state_dir=self.folder, orgs=orgs, routes=(route,))

    def start(self) -> Fleet:
        """The daemon, alive."""
        if self.fleet is not None:
            return self.fleet
        settings = self.settings()
        put_blank(settings.ledger_url)
        ledger = Ledger.open(settings.ledger_url)
        self.ledger = ledger
        event.listen(ledger._writer, "before_cursor_execute", self._on_statement)
        event.listen(ledger._writer, "commit", self._on_commit)
        self.fleet = fleet = Fleet(
            settings,
            ledger,
            now=self.now,
            stopping=lambda: False,
            first_run="create",
            monotonic=lambda: self.mono,
            sleep=self.advance,
        )
        for runner in fleet.runners:
            runner.cycle = self._announced(runner)  # type: ignore[method-assign]
        for name, catalog in fleet.catalogs.items():
            hooks: dict[str, list[Callable[..., Any]]] = {
                "request": [self._on_request(name)],
                "response": [self._on_response(name)],
            }
            catalog.zoho._caller.transport._client.event_hooks = hooks
        return fleet

    def stop(self) -> None:
        """The daemon is no more; what it had in memory is gone."""
        fleet, ledger, self.fleet, self.ledger = self.fleet, self.ledger, None, None
        self._quiet = True
        try:
            if fleet is not None:
                fleet.__exit__(None, None, None)
            if ledger is not None:
                ledger.close()
        finally:
            self._quiet = False

    # --- the ledger as a file

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """A question to the ledger, from outside."""
        if not self.path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def backup(self) -> None:
        """A copy of the ledger as it is."""
        if self.path.exists():
            copy = self.folder / f"backup{len(self.backups)}.db"
            with (
                contextlib.closing(sqlite3.connect(self.path)) as source,
                contextlib.closing(sqlite3.connect(copy)) as to,
            ):
                source.backup(to)
            self.backups.append(copy)

    def set_back(self, copy: Path | None) -> None:
        """An older ledger in the place of ours, or none."""
        self.stop()
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        if copy is not None:
            shutil.copy(copy, self.path)

    # --- hooks

    def _announced(self, runner: StreamRunner) -> Callable[[], Report]:
        cycle = runner.cycle

        def announced() -> Report:
            self._at_cycle(runner.stream.source_module)
            return cycle()

        return announced

    def _on_request(self, org: str) -> Callable[[httpx.Request], None]:
        def hook(request: httpx.Request) -> None:
            self.calls += 1
            self.advance(self.plan.tick)
            self._before_call(org)
            self._die("before call", self.calls)
            if self.stall.get(self.calls) == "stall_before":
                self._lose(request)

        return hook

    def _on_response(self, org: str) -> Callable[[httpx.Response], None]:
        def hook(response: httpx.Response) -> None:
            if org == "us" and response.request.method in WRITES:
                self._after_write()
            self._die("after call", self.calls)
            if self.stall.get(self.calls) == "stall_after":
                self._lose(response.request)

        return hook

    def _lose(self, request: httpx.Request) -> None:
        """The request went out and no answer came before the deadline."""
        self.advance(DEADLINE)
        request.extensions["trace"]("send_request_headers.started", {})
        raise httpx.ReadTimeout("no answer", request=request)

    def _on_statement(self, *_: object) -> None:
        if not self._quiet:
            self.statements += 1
            self._die("before statement", self.statements)

    def _on_commit(self, connection: Connection) -> None:
        if not self._quiet:
            self._die("before commit", self.statements)
            self._quiet = True
            try:
                self._at_commit(connection)
            finally:
                self._quiet = False

    def _die(self, what: str, number: int) -> None:
        if self.crash is not None and self.crash[0] == what and number >= self.crash[1]:
            self.crash = None
            raise Crash(what)


@contextlib.contextmanager
def small_sizes(sizes: dict[str, int]) -> Iterator[None]:
    """Pages, rations and batches of these sizes for a while."""
    places = {
        "SMALL": (polling,),
        "FEW": (polling,),
        "LATE_S": (polling,),
        "LARGE": (polling, compare),
        "PAGES": (polling, compare),
        "RETRIES": (cycle,),
        "BATCH": (steps,),
    }
    was = {(place, name): getattr(place, name) for name in sizes for place in places.get(name, ())}
    listing = client.Zoho.get_records
    try:
        for place, name in was:
            setattr(place, name, sizes[name])
        if "LIST" in sizes:
            client.Zoho.get_records = _few(listing, sizes["LIST"])  # type: ignore[method-assign]
        yield
    finally:
        client.Zoho.get_records = listing  # type: ignore[method-assign]
        for (place, name), value in was.items():
            setattr(place, name, value)


def _few(listing: Callable[..., Any], size: int) -> Callable[..., Any]:
    return lambda *args, **given: listing(*args, **{**given, "per_page": size})


__all__ = ["DEADLINE", "NOTE", "Crash", "Stand", "small_sizes"]
