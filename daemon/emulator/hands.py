"""What a person or a test does to the world by hand: the verbs behind the control endpoint and the Python API. No HTTP.

Unknown orgs, modules and records are LookupError; anything else that makes no sense is ValueError.
"""

from __future__ import annotations

from typing import Any

from daemon.emulator import asked, new_fields
from daemon.emulator.clock import LAST_MOMENT, demand_calendar
from daemon.emulator.faults import parse_faults
from daemon.emulator.jobs import run_due
from daemon.emulator.oauth import ALL_SCOPES
from daemon.emulator.org import Org
from daemon.emulator.raw import changed, check_raw, moment_of, plant
from daemon.emulator.render import Renderer
from daemon.emulator.rights import find_user, plant_profile
from daemon.emulator.ripples import rippled
from daemon.emulator.schema import Module
from daemon.emulator.seed import sow
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id
from daemon.emulator.views import plant_view
from daemon.emulator.world import Site, World

Json = dict[str, Any]
MOST_RECORDS = 10_000_000


class Hands:
    """Every by-hand action, over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def document(self) -> Json:
        """What clients need to reach the orgs."""
        orgs = [site.as_json() for site in self._world.sites.values()]
        return {"control_url": self._world.control_url, "orgs": orgs}

    def _site(self, org: str) -> Site:
        site = self._world.site(org)
        if site is None:
            raise LookupError(f"no org {org!r}; there are {', '.join(self._world.sites)}")
        return site

    def _module(self, org: str, module: str) -> tuple[Org, Module]:
        found = self._site(org).org
        run_due(found)
        if module not in found.modules:
            raise LookupError(f"no module {module!r} in {found.name}; there are {', '.join(found.modules)}")
        return found, found.modules[module]

    # --- the world

    def reset(self, org: str | None = None) -> None:
        """As at the start."""
        self._world.reset(None if org is None else self._site(org).org.name)

    def seed(self, org: str | None = None, records: int = 0, seed: int = 1, defects: float = 0.0) -> Json:
        """Fill an org (default: the first one)."""
        name = next(iter(self._world.sites)) if org is None else org
        given = {"records": records, "seed": seed, "defects": defects}
        asked.whole(given, "records", "seed", least=0, most=MOST_RECORDS)
        asked.whole(given, "seed", "seed", least=-(2**63), most=2**63)
        asked.number(given, "defects", "seed", least=0, most=1)
        return {"records": records, "defects": sow(self._site(name).org, records, seed, defects)}

    def add_faults(self, given: Any) -> Json:
        """Add faults in the form of `faults`; none is added when one is wrong."""
        faults = parse_faults(given)
        for fault in faults:
            orgs = [site.org for site in self._world.sites.values()]
            if fault.org is not None:
                orgs = [self._site(fault.org).org]
                fault.org = orgs[0].name
            if fault.module is not None and not any(fault.module in one.modules for one in orgs):
                raise LookupError(f"no module {fault.module!r} in {', '.join(one.name for one in orgs)}")
        self._world.faults.add(faults)
        return {"faults": self._world.faults.as_json()}

    def clear_faults(self) -> None:
        """No more misfortune."""
        self._world.faults.clear()

    def set_quirks(self, given: Json) -> Json:
        """Switches for all orgs, and under `orgs` for some."""
        values = dict(asked.an_object(given, "quirks"))
        per_org = asked.an_object(values.pop("orgs", {}), "quirks: orgs")
        for change in (False, True):
            for name, own in per_org.items():
                self._site(name).quirks.set(asked.an_object(own, f"quirks of {name}"), dry=not change)
            self._world.quirks.set(values, dry=not change)
        return self._world.quirks.as_dict()

    def clock(self, given: Json) -> Json:
        """Set, advance, freeze, resume, in this order; tells the time."""
        clock, what = self._world.clock, "clock"
        given = asked.an_object(given, what, ("advance", "set", "freeze", "resume"))
        seconds = asked.number(given, "advance", what, least=-LAST_MOMENT, most=LAST_MOMENT)
        moment = moment_of(given["set"]) if "set" in given else None
        freeze, resume = asked.flag(given, "freeze", what), asked.flag(given, "resume", what)
        demand_calendar((clock.now() if moment is None else moment) + (seconds or 0.0))
        if moment is not None:
            clock.set(moment)
        if seconds is not None:
            clock.advance(seconds)
        if freeze:
            clock.freeze()
        if resume:
            clock.resume()
        return {"now": clock.now()}

    def log(
        self, *, org: str | None = None, kind: str | None = None, module: str | None = None, since: int = 0
    ) -> list[Json]:
        """The requests that came in, oldest first."""
        name = self._site(org).org.name if org else None
        entries = self._world.journal.select(org=name, kind=kind, module=module, since=since)
        return [entry.as_json() for entry in entries]

    def credits(self) -> Json:
        """What every org has used."""
        now = self._world.clock.now()
        return {name: site.meter.as_json(now) for name, site in self._world.sites.items()}

    # --- tokens

    def tokens(self, org: str, given: Json) -> None:
        """Change lifetimes; expire or revoke what is out there."""
        accounts, what = self._site(org).accounts, "tokens"
        given = asked.an_object(given, what, ("access_lifetime", "grant_lifetime", "expire", "revoke"))
        lives = {key: _life(given, key, what) for key in ("access_lifetime", "grant_lifetime")}
        expire, revoke = asked.flag(given, "expire", what), asked.flag(given, "revoke", what)
        accounts.set_lifetimes(lives["access_lifetime"], lives["grant_lifetime"])
        if expire:
            accounts.expire()
        if revoke:
            for token in list(accounts.refreshes):
                accounts.revoke(token)

    def grant(self, org: str, given: Json) -> Json:
        """A new grant code."""
        given = asked.an_object(given, "grants", ("scopes", "lifetime"))
        code = self._site(org).accounts.new_grant(_scopes(given, "grants"), _life(given, "lifetime", "grants"))
        return {"code": code}

    def refresh(self, org: str, given: Json) -> Json:
        """A new refresh token, as if a grant code had been exchanged, of `user` (e-mail or id) or the administrator."""
        site, given = self._site(org), asked.an_object(given, "refresh_tokens", ("scopes", "user"))
        who = asked.text(given, "user", "refresh_tokens")
        user = None if who is None else find_user(site.org, who).id
        return {"refresh_token": site.accounts.new_refresh(_scopes(given, "refresh_tokens"), user).token}

    # --- rights and views

    def profile(self, org: str, given: Json) -> Json:
        """A profile with permissions denied, and who has it: the form of `rights.plant_profile`."""
        return plant_profile(self._site(org).org, asked.an_object(given, "profiles", ("name", "denied", "users")))

    def view(self, org: str, module: str, given: Json) -> Json:
        """A custom view, `{"name", "criteria"}` with the criteria of a bulk read."""
        given = asked.an_object(given, "views", ("name", "criteria"))
        return {"id": str(plant_view(*self._module(org, module), given).id)}

    # --- records

    def records(self, org: str, module: str) -> list[Json]:
        """Every live record with all fields, in id order."""
        found, kind = self._module(org, module)
        row = Renderer(found, kind, found.administrator, style="full").rows(list(kind.fields))
        return [row(record) for record in found.tables[module].by_id(None)]

    def insert_raw(self, org: str, module: str, values: Json) -> Json:
        """A record that nobody checks."""
        found, kind = self._module(org, module)
        check_raw(kind, values)
        by, now = found.administrator.id, found.clock.stamp()
        record = Record(parse_id(values.get("id")) or found.new_id(), now, now, by, by, by, {})
        record = changed(kind, record, values)
        found.put(module, record)
        plant(found, kind, record, values)
        rippled(found, module, record, by)
        return {"id": str(record.id)}

    def edit(self, org: str, module: str, number: int, values: Json) -> Json:
        """An edit by a person in the web client: Modified_Time moves, nothing is checked."""
        found, kind = self._module(org, module)
        check_raw(kind, values)
        old = found.tables[module].records.get(number)
        if old is None:
            raise LookupError(f"no record {number} in {module} of {found.name}")
        by = found.users[1].id
        touched = old.replaced(modified=found.clock.stamp(), modified_by=by, owner=old.owner, values=dict(old.values))
        record = changed(kind, touched, values)
        found.put(module, record)
        plant(found, kind, record, values)
        rippled(found, module, record, by)
        return {"id": str(number), "Modified_Time": found.time_text(record.modified)}

    def delete(self, org: str, module: str, number: int, *, permanent: bool = False) -> Json:
        """A deletion by a person."""
        found, _ = self._module(org, module)
        gone = found.delete(module, number, by=found.users[1].id, permanent=permanent)
        if gone is None:
            raise LookupError(f"no record {number} in {module} of {found.name}")
        rippled(found, module, gone, found.users[1].id)
        return {"id": str(number)}

    def restore(self, org: str, module: str, number: int) -> Json:
        """Out of the recycle bin."""
        found, _ = self._module(org, module)
        if found.restore(module, number) is None:
            raise LookupError(f"no record {number} in the recycle bin of {module}")
        return {"id": str(number)}

    # --- schema

    def fields(self, org: str, module: str) -> Json:
        """The fields, briefly."""
        _, kind = self._module(org, module)
        names = ("api_name", "label", "data_type", "length", "mandatory", "read_only", "unique", "custom", "picklist")
        return {"fields": [{name: getattr(item, name) for name in names} for item in kind.fields.values()]}

    def add_field(self, org: str, module: str, given: Json) -> Json:
        """As `POST /settings/fields` with this one field."""
        found, kind = self._module(org, module)
        item = new_fields.create_field(found, kind, asked.an_object(given, "a field"), "$")
        return {"id": str(item.id), "api_name": item.api_name}

    def change_field(self, org: str, module: str, name: str, change: Json) -> Json:
        """Alter a field."""
        found, kind = self._module(org, module)
        if name not in kind.fields:
            raise LookupError(f"no field {name!r} in {module}")
        return {"api_name": new_fields.change_field(found, kind, name, change).api_name}

    def remove_field(self, org: str, module: str, name: str) -> None:
        """Delete a field with its values."""
        found, kind = self._module(org, module)
        if name not in kind.fields:
            raise LookupError(f"no field {name!r} in {module}")
        new_fields.remove_field(found, kind, name)


def _scopes(given: Json, what: str) -> tuple[str, ...]:
    return tuple(asked.texts(given, "scopes", what) or ALL_SCOPES)


def _life(given: Json, key: str, what: str) -> int | None:
    return asked.whole(given, key, what, least=1, most=asked.FAR)
