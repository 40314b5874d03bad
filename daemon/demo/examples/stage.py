"""An example on stage: its settings file as it stands, emulated orgs in the data centres that it names, the daemon's
own streams between them, and people who work in the orgs.

Every deed says which orgs it has to reach; what the emulator's log then shows is held against that. The emulator's
clock is moved on, so that days pass in seconds.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from daemon.demo.caller import Caller, Json
from daemon.demo.screen import Screen, plural
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from daemon.service.fleet import Fleet
from daemon.service.logs import set_up
from daemon.settings import load

_PASS_S: Final = 150  # more than the lag, so that every pass sees what came before it
_PASSES: Final = 12
_WEEK_S: Final = 8 * 86_400  # more than the interval of the full comparison
_COMMAND: Final = (sys.executable, "-c", "from daemon.cli import main; main()", "--settings")
WRITES: Final = ("insert", "upsert", "update", "delete")
NAMES: Final = {"Accounts": "Account_Name", "Deals": "Deal_Name", "Leads": "Last_Name", "Products": "Product_Name"}
"""What a record of a module is called in the story."""


class StageError(Exception):
    """The example cannot go on; the text says what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A field that an administrator makes before orgsync comes, in some of the orgs."""

    orgs: Collection[str]
    module: str
    name: str
    data_type: str
    values: Sequence[str] = ()

    def request(self) -> Json:
        """As Zoho's create call takes it."""
        chosen = [{"display_value": one, "actual_value": one} for one in self.values]
        given = {"api_name": self.name, "field_label": self.name.replace("_", " "), "data_type": self.data_type}
        return {**given, **({"pick_list_values": chosen} if chosen else {})}


@dataclass(slots=True)
class Tally:
    """What people did, how many writes that had to cause, what was written, and what is wrong with it."""

    created: int = 0
    edited: int = 0
    due: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    to_stay: int = 0
    written: int = 0
    carried: int = 0
    wrong: list[str] = field(default_factory=list)


def rehearsed(text: str, orgs: Mapping[str, OrgHandle], secrets: Path) -> str:
    """The settings, with the orgs' addresses and secrets replaced by those of the emulator, and nothing else."""
    for name, org in orgs.items():
        for kind, secret in (("client", org.client_secret), ("refresh", org.refresh_token)):
            private = secrets / f"{name}-{kind}"
            private.touch(mode=0o600)
            private.write_text(secret)
        lines = (
            f'accounts_url = "{org.accounts_url}"\napi_url = "{org.base_url}"\nclient_id = "{org.client_id}"\n'
            f'client_secret = {{ file = "secrets/{name}-client" }}\n'
            f'refresh_token = {{ file = "secrets/{name}-refresh" }}\n'
        )
        head, found, rest = text.partition(f"[orgs.{name}]\n")
        rest, count = re.subn(r"\A(data_center = .*\n)client_id = .*\nclient_secret = .*\n", rf"\1{lines}", rest)
        text = head + found + rest
        if count != 1:
            raise StageError(f"[orgs.{name}] must have data_center, client_id, client_secret in this order")
    return text


class Stage:
    """One example's orgs, daemon and people. Leaving the `with` block ends all of it."""

    def __init__(self, folder: Path, text: str, screen: Screen) -> None:
        self.screen, self.tally = screen, Tally()
        self.settings = folder / "settings.toml"
        self.ledger = folder / "state" / "orgsync.db"
        self._folder, self._text = folder, text
        self._open = ExitStack()
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def open(self, fields: Iterable[Made], values: Mapping[tuple[str, str], Sequence[str]]) -> None:
        """The orgs with their fields (`values`: what is added to pick lists), the settings, `orgsync check`, and the
        daemon's streams. Raises StageError.
        """
        centres = {name: org["data_center"] for name, org in tomllib.loads(self._text)["orgs"].items()}
        self.emulator = self._open.enter_context(
            Emulator(tuple(centres.values()), quirks={"unknown_picklist": "reject"})
        )
        by_centre = {org.data_center: org for org in self.emulator.orgs.values()}
        self.orgs = {name: by_centre[centre] for name, centre in centres.items()}
        for one in fields:
            for name in one.orgs:
                self.orgs[name].add_field(one.module, **one.request())
        for (module, name), more in values.items():
            for org in self.orgs.values():
                org.change_field(module, name, add_values=list(more))
        secrets = self._folder / "secrets"
        secrets.mkdir(mode=0o700)
        self.settings.write_text(rehearsed(self._text, self.orgs, secrets), encoding="utf-8")
        where = ", ".join(f"{name} ({centre})" for name, centre in centres.items())
        self.screen.say(f"Orgs, each in its data centre: {where}. `orgsync check --create-keys` says of this file:")
        self.screen.say(f"  {self.command('check', '--create-keys').splitlines()[-1]}")
        settings = load(self.settings, {})
        log = self._open.enter_context((self._folder / "daemon.log").open("w", encoding="utf-8"))
        set_up(as_json=False, stream=log)
        ledger = self._open.enter_context(Ledger.open(settings.ledger_url))
        self.fleet = self._open.enter_context(
            Fleet(settings, ledger, now=self._now, stopping=lambda: False, first_run="create")
        )

    def command(self, *arguments: str) -> str:
        """What `orgsync ARGUMENTS` prints. Raises StageError when it does not end well."""
        env = {name: value for name, value in os.environ.items() if name != "STATE_DIRECTORY"}
        line = [*_COMMAND, str(self.settings), *arguments]
        done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise StageError(f"orgsync {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.emulator.world.clock.now(), UTC)

    # --- people at work

    def create(self, org: str, module: str, to: Sequence[str] = (), later: Sequence[str] = (), **values: Any) -> None:
        """Somebody enters a record, which has to reach the orgs `to`, by one write each, and no others; those of
        `later` when nothing waits any more.
        """
        self._deed(f"{org}: {module} {values[NAMES[module]]} is entered", to, later)
        self.orgs[org].insert_raw(module, self._linked(org, values))
        self.tally.created += 1

    def edit(self, org: str, module: str, name: str, to: Sequence[str] = (), **values: Any) -> None:
        """Somebody changes fields of a record; `to` as for `create`."""
        changes = ", ".join(f"{key} = {value}" for key, value in values.items())
        self._deed(f"{org}: {module} {name}, {changes}", to)
        self.orgs[org].edit(module, self._id(org, module, name), self._linked(org, values))
        self.tally.edited += 1

    def _deed(self, says: str, to: Sequence[str], later: Sequence[str] = ()) -> None:
        places = [*to, *(f"{org}, later" for org in later)]
        self.screen.say(f"  {says}{'  -> ' + ', '.join(places) if places else '  (stays there)'}")
        self.emulator.clock(advance=2)  # no two deeds share a second
        self.tally.due.update(to)
        self.tally.later.update(later)
        self.tally.carried += len(places)
        self.tally.to_stay += not places

    def _linked(self, org: str, values: Mapping[str, Any]) -> Json:
        """Accounts are given by name."""
        named = values.get("Account_Name") if "Deal_Name" in values else None
        return {**values, **({"Account_Name": {"id": self._id(org, "Accounts", named)}} if named else {})}

    def _id(self, org: str, module: str, name: str) -> str:
        found = [one["id"] for one in self.orgs[org].records(module) if one[NAMES[module]] == name]
        if len(found) != 1:
            raise StageError(f"{org} has {plural(len(found), 'record')} {name!r} in {module}; the story needs one")
        return str(found[0])

    # --- the daemon

    def settle(self, *, waiting: Sequence[tuple[str, str]] = ()) -> None:
        """The daemon's streams run until nothing is on its way; then each org must have got the writes that the deeds
        since the last time had to cause, one each, and the queue must hold only `waiting` (stream, cause's code).
        Raises StageError.
        """
        since = self._told
        for _ in range(_PASSES):
            before = len(self.written(since))
            self._pass_time(_PASS_S)
            reports = self.fleet.once()
            for address, report in reports.items():
                if report.trouble:
                    raise StageError(f"{address} is stopped: {report.trouble}")
            waits = any(report.outcomes["retrying"] for report in reports.values())
            if len(self.written(since)) == before and not waits:
                break
        else:
            self.tally.wrong.append(f"after {_PASSES} passes something is still being written")
        self._account(self.written(since), waiting)

    def week_passes(self) -> None:
        """A week later the full comparisons are due."""
        self.emulator.clock(advance=_WEEK_S)

    def _pass_time(self, seconds: float) -> None:
        self.emulator.clock(advance=seconds)
        for catalog in self.fleet.catalogs.values():
            catalog.zoho.profile()  # an answer, for its Date

    def _account(self, written: list[Json], waiting: Sequence[tuple[str, str]]) -> None:
        found = Counter(one["org"] for one in written)
        if not waiting:
            self.tally.due += self.tally.later
            self.tally.later.clear()
        for one in written:
            self.screen.say(f"    {one['org']:10} {one['deed']}", style="green")
        if not written:
            self.screen.say("    nothing is written", style="green")
        wrong = [
            f"{plural(self.tally.due[org], 'write')} had to come to {org}, and {found[org]} came"
            for org in self.orgs
            if self.tally.due[org] != found[org]
        ]
        queued = self.sql("SELECT q.stream, c.code FROM retry_queue q JOIN causes c ON c.id = q.cause_id ORDER BY 1, 2")
        if queued != sorted(waiting):
            wrong.append(f"the queue holds {queued}, and not {sorted(waiting)}")
        for text in wrong:
            self.screen.say(f"    x {text}", style="bold red")
        self.tally.wrong += wrong
        self.tally.written += len(written)
        self.tally.due.clear()
        self._told = max((one["number"] for one in self.emulator.log()), default=0)

    # --- what can be seen from outside

    def written(self, since: int = 0) -> list[Json]:
        """Every record that an org took from the daemon, by the emulator's log: org, module, fields, and `deed`."""
        found: list[Json] = []
        for name, org in self.orgs.items():
            for call in org.log(since=since):
                if call["kind"] in WRITES and call["executed"] and call["codes"].get("SUCCESS"):
                    data = (call["body"] or {}).get("data", [])
                    found += [self._write(name, call, values) for values in data] or [self._write(name, call, {})]
        return sorted(found, key=lambda one: int(one["number"]))

    def _write(self, org: str, call: Json, values: Json) -> Json:
        module, fields = call["module"], sorted(values.keys() - {"id"})
        named = values.get(NAMES[module])
        if "id" in values:
            now = self.orgs[org].record(module, values["id"]) or {}
            named = now.get(NAMES[module], values["id"])
        verb = {"update": "is changed", "delete": "is deleted"}.get(call["kind"], "is made")
        deed = f"{module} {named} {verb}{': ' + ', '.join(fields) if fields else ''}"
        return {"number": call["number"], "org": org, "module": module, "fields": fields, "deed": deed}

    def caller(self, org: str) -> Caller:
        """A client of an org that is not the daemon's."""
        handle = self.orgs[org]
        return self._open.enter_context(Caller({"name": org, "base_url": handle.base_url}, handle.access_token()))

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """The ledger, as an operator reads it."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()
