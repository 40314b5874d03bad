"""Several emulated orgs and streams that lead back: what the tests of both ways stand on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.core.rules import Copy, FieldChoice, Route, Source, Stream
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from daemon.settings.circles import with_circles
from daemon.sync.report import Report
from tests.blank import put_blank
from tests.sync.pair import KEY, LAG, add_key, make_settings

NAMES = ("india", "us", "europe")
FIELDS = ("Last_Name", "Company", "City", "Phone")


def table(*names: str, **other: Source) -> FieldChoice:
    return FieldChoice(table={**{name: Copy(field=name) for name in names or FIELDS}, **other})


@dataclass
class Around:
    """The orgs by name, and everything that keeps them in step."""

    emu: Emulator
    orgs: Mapping[str, OrgHandle]
    settings: Settings
    ledger: Ledger
    fleet: Fleet

    def once(self) -> dict[str, Report]:
        return self.fleet.once()

    def settle(self) -> None:
        """Cycles with time between them until nothing can be on its way any more."""
        for _ in range(4):
            self.fleet.once()
            self.pass_time(90)

    def pass_time(self, seconds: float) -> None:
        self.emu.clock(advance=seconds)
        for catalog in self.fleet.catalogs.values():
            catalog.zoho.profile()

    def edit(self, org: str, number: str, module: str = "Leads", **values: Any) -> None:
        """A person changes a record; a second passes before and after, so that no two edits share one."""
        self.emu.clock(advance=2)
        self.orgs[org].edit(module, number, values)
        self.emu.clock(advance=2)

    def writes(self) -> int:
        """Records that were sent to any org."""
        kinds = ("insert", "update", "upsert")
        sent = sum(len(call["body"]["data"]) for org in self.orgs.values() for k in kinds for call in org.log(kind=k))
        return sent + sum(len(org.log(kind="delete")) for org in self.orgs.values())

    def only(self, org: str, module: str = "Leads") -> dict[str, Any]:
        (record,) = self.orgs[org].records(module)
        return record

    def shown(self, org: str, *names: str) -> list[tuple[Any, ...]]:
        """What the leads of an org hold, sorted."""
        return sorted(tuple(r.get(name) for name in names or FIELDS) for r in self.orgs[org].records("Leads"))

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        path = self.settings.ledger_url.removeprefix("sqlite:///")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()


def stream(source: str, target: str, module: str = "Leads", **given: Any) -> Stream:
    values = {"key": KEY, "lag": LAG, "fields": table(), "owner": "newest", **given}
    return Stream(
        address=f"{source}-{target}/{module}",
        route=f"{source}-{target}",
        source=source,
        target=target,
        source_module=module,
        target_module=module,
        **values,
    )


def settings_of(emu: Emulator, folder: Path, streams: Sequence[Stream], primary: str | None = None) -> Settings:
    routes = [Route(name=one.route, source=one.source, target=one.target, streams=(one,)) for one in streams]
    base = make_settings(emu, folder, modules=("Leads",))
    around = with_circles(routes, {primary} if primary else set())
    return Settings(ledger_url=base.ledger_url, state_dir=folder, orgs=base.orgs, routes=around)


@contextmanager
def running(folder: Path, *streams: Stream, primary: str | None = None, **more: Any) -> Iterator[Around]:
    """The streams over as many orgs as they name; every org has the key field."""
    names = sorted({name for one in streams for name in (one.source, one.target)}, key=NAMES.index)
    with Emulator(("in", "us", "eu")[: len(names)], **more) as emu:
        for name in names:
            add_key(emu.orgs[name], "Leads")
        settings = settings_of(emu, folder, streams, primary)
        with opened(emu, settings) as around:
            yield around


@contextmanager
def opened(emu: Emulator, settings: Settings, **fleet: Any) -> Iterator[Around]:
    def now() -> datetime:
        return datetime.fromtimestamp(emu.world.clock.now(), UTC)

    put_blank(settings.ledger_url)
    with (
        Ledger.open(settings.ledger_url) as ledger,
        Fleet(settings, ledger, now=now, stopping=lambda: False, **{"first_run": "create", **fleet}) as running_fleet,
    ):
        yield Around(emu, emu.orgs, settings, ledger, running_fleet)


THERE, BACK = stream("india", "us"), stream("us", "india")


def lead(around: Around, org: str = "india", **values: Any) -> str:
    return around.orgs[org].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Graz", **values})


def conflicts(around: Around) -> list[tuple[Any, ...]]:
    return around.sql("select stream, field, source_value, target_value, rule, winner from conflicts")
