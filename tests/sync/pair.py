"""Two emulated orgs, a route between them, a real ledger: what the tests of the road stand on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.core.at_once import AT_ONCE
from daemon.core.org import Org, Secret
from daemon.core.rules import FieldChoice, Route, Stream
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from daemon.sync.report import Report
from tests.blank import put_blank

KEY = "Source_Record_ID"
MODULES = ("Accounts", "Contacts", "Leads", "Deals")
DEADLINE = 5.0
LAG = timedelta(seconds=10)
UNDO_KEY = Secret("a-key-for-undo-of-the-tests-only-0001")


@dataclass
class Pair:
    """`a` is the source, `b` the target; `now` follows the emulator's clock."""

    emu: Emulator
    a: OrgHandle
    b: OrgHandle
    settings: Settings
    ledger: Ledger
    fleet: Fleet

    def once(self) -> dict[str, Report]:
        return self.fleet.once()

    def cycle(self, module: str) -> Report:
        return next(r for r in self.fleet.runners if r.stream.source_module == module).cycle()

    def pass_time(self, seconds: float) -> None:
        """Both orgs' clocks and ours move on; one call each lets the clients notice."""
        self.emu.clock(advance=seconds)
        for catalog in self.fleet.catalogs.values():
            catalog.zoho.profile()

    def counterparts(self, module: str, source_id: str) -> list[dict[str, Any]]:
        """The records of B whose key names this record of A."""
        return [r for r in self.b.records(module) if str(r.get(KEY) or "").endswith(f":{source_id}")]

    def counterpart(self, module: str, source_id: str) -> dict[str, Any]:
        found = self.counterparts(module, source_id)
        assert len(found) == 1, f"{source_id} has {len(found)} counterparts"
        return found[0]

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """The write calls that B has seen."""
        return [
            call for kind in ("insert", "update", "upsert", "delete") for call in self.b.log(kind=kind, since=since)
        ]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        path = self.settings.ledger_url.removeprefix("sqlite:///")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()

    def queue(self) -> list[tuple[Any, ...]]:
        """(source id, state, cause code) of everything in the retry queue."""
        return self.sql(
            "select q.source_id, q.state, c.code from retry_queue q join causes c on c.id = q.cause_id order by 1"
        )


def add_key(org: OrgHandle, module: str) -> None:
    unique = {"case_sensitive": False}
    org.add_field(module, field_label="Source Record ID", data_type="text", length=60, unique=unique)


def org_of(handle: OrgHandle, folder: Path) -> Org:
    """As the settings would say it; its tokens lie in the folder."""
    return Org(
        name=handle.name,
        data_center=handle.data_center,
        accounts_url=handle.accounts_url,
        api_url=handle.base_url,
        client_id=handle.client_id,
        client_secret=Secret(handle.client_secret),
        refresh_token=Secret(handle.refresh_token),
        token_file=folder / "tokens" / f"{handle.name}.json",
        call_deadline=DEADLINE,
    )


def make_settings(
    emu: Emulator, folder: Path, *, modules: tuple[str, ...] = MODULES, calls_at_once: int = AT_ONCE, **stream: Any
) -> Settings:
    orgs = {name: replace(org_of(handle, folder), calls_at_once=calls_at_once) for name, handle in emu.orgs.items()}
    given = {"key": KEY, "lag": LAG, "fields": FieldChoice(), **stream}
    route = Route(
        name="india-to-us",
        source="india",
        target="us",
        streams=tuple(
            Stream(
                address=f"india-to-us/{module}",
                route="india-to-us",
                source="india",
                target="us",
                source_module=module,
                target_module=module,
                **given,
            )
            for module in modules
        ),
    )
    return Settings(
        ledger_url=f"sqlite:///{folder / 'orgsync.db'}",
        state_dir=folder,
        orgs=orgs,
        routes=(route,),
        undo_key=UNDO_KEY,
    )


@contextmanager
def running_pair(
    folder: Path,
    *,
    modules: tuple[str, ...] = MODULES,
    quirks: dict[str, Any] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    **stream: Any,
) -> Iterator[Pair]:
    """A pair whose key fields exist; every other keyword is a field of all its streams."""
    with Emulator(("in", "us"), quirks=quirks) as emu:
        for module in modules:
            if stream.get("key", KEY) is not None:
                emu.orgs["us"].add_field(
                    module,
                    field_label="Source Record ID",
                    data_type="text",
                    length=60,
                    unique={"case_sensitive": False},
                )
        settings = make_settings(emu, folder, modules=modules, **stream)
        with opened(emu, settings, stopping=stopping) as pair:
            yield pair


@contextmanager
def opened(emu: Emulator, settings: Settings, **fleet: Any) -> Iterator[Pair]:
    """A pair over an emulator that runs: again and again for restarts of the daemon."""

    def now() -> datetime:
        return datetime.fromtimestamp(emu.world.clock.now(), UTC)

    put_blank(settings.ledger_url)
    with (
        Ledger.open(settings.ledger_url, undo_key=settings.undo_key) as ledger,
        Fleet(settings, ledger, **{"now": now, "stopping": lambda: False, **fleet}) as running,
    ):
        yield Pair(emu, emu.orgs["india"], emu.orgs["us"], settings, ledger, running)
