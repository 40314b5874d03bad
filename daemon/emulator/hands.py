"""What a person or a test does to the world by hand: the verbs behind the control endpoint and the Python API. No HTTP.

Unknown orgs, modules and records are LookupError; anything else that makes no sense is ValueError.
"""

from __future__ import annotations

from typing import Any

from daemon.emulator import new_fields
from daemon.emulator.children import plant_rows
from daemon.emulator.clock import parse_moment
from daemon.emulator.jobs import run_due
from daemon.emulator.oauth import ALL_SCOPES
from daemon.emulator.org import Org
from daemon.emulator.render import Renderer
from daemon.emulator.schema import Module
from daemon.emulator.seed import sow
from daemon.emulator.store import Record
from daemon.emulator.validation import lenient_value, parse_id
from daemon.emulator.world import Site, World

Json = dict[str, Any]
_STAMPS = {"Created_Time": "created", "Modified_Time": "modified"}
_PEOPLE = {"Owner": "owner", "Created_By": "created_by", "Modified_By": "modified_by"}


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
        self._world.reset(self._site(org).org.name if org else None)

    def seed(self, org: str | None = None, records: int = 0, seed: int = 1, defects: float = 0.0) -> Json:
        """Fill an org (default: the first one)."""
        name = org or next(iter(self._world.sites))
        if isinstance(records, bool) or not isinstance(records, int) or records < 0 or not 0 <= defects <= 1:
            raise ValueError("records is a number from 0 on, defects a fraction from 0 to 1")
        return {"records": records, "defects": sow(self._site(name).org, records, seed, defects)}

    def add_faults(self, given: Any) -> Json:
        """Add faults in the form of `faults`."""
        self._world.faults.add(given)
        return {"faults": self._world.faults.as_json()}

    def clear_faults(self) -> None:
        """No more misfortune."""
        self._world.faults.clear()

    def set_quirks(self, given: Json) -> Json:
        """Switches for all orgs, and under `orgs` for some."""
        values = dict(given)
        per_org = values.pop("orgs", {})
        for name, own in per_org.items():
            self._site(name).quirks.set(own)
        self._world.quirks.set(values)
        return self._world.quirks.as_dict()

    def clock(self, given: Json) -> Json:
        """Advance, set, freeze or resume; tells the time."""
        clock = self._world.clock
        for key, value in given.items():
            if key == "advance":
                clock.advance(float(value))
            elif key == "set":
                clock.set(_moment(value))
            elif key == "freeze" and value:
                clock.freeze()
            elif key == "resume" and value:
                clock.resume()
            else:
                raise ValueError(f"clock: advance, set, freeze or resume, not {key!r}")
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
        accounts = self._site(org).accounts
        for key, value in given.items():
            if key in ("access_lifetime", "grant_lifetime"):
                setattr(accounts, key, int(value))
            elif key == "expire" and value:
                accounts.expire()
            elif key == "revoke" and value:
                for token in list(accounts.refreshes):
                    accounts.revoke(token)
            else:
                raise ValueError(f"tokens: access_lifetime, grant_lifetime, expire or revoke, not {key!r}")

    def grant(self, org: str, given: Json) -> Json:
        """A new grant code."""
        accounts = self._site(org).accounts
        return {"code": accounts.new_grant(_scopes(given), given.get("lifetime"))}

    def refresh(self, org: str, given: Json) -> Json:
        """A new refresh token, as if a grant code had been exchanged."""
        return {"refresh_token": self._site(org).accounts.new_refresh(_scopes(given)).token}

    # --- records

    def records(self, org: str, module: str) -> list[Json]:
        """Every live record with all fields, in id order."""
        found, kind = self._module(org, module)
        row = Renderer(found, kind, found.administrator, style="full").rows(list(kind.fields))
        return [row(record) for record in found.tables[module].by_id(None)]

    def insert_raw(self, org: str, module: str, values: Json) -> Json:
        """A record that nobody checks."""
        found, kind = self._module(org, module)
        by, now = found.administrator.id, found.clock.stamp()
        record = Record(parse_id(values.get("id")) or found.new_id(), now, now, by, by, by, {})
        record = _changed(kind, record, values)
        found.put(module, record)
        _plant(found, kind, record, values)
        return {"id": str(record.id)}

    def edit(self, org: str, module: str, number: int, values: Json) -> Json:
        """An edit by a person in the web client: Modified_Time moves, nothing is checked."""
        found, kind = self._module(org, module)
        old = found.tables[module].records.get(number)
        if old is None:
            raise LookupError(f"no record {number} in {module} of {found.name}")
        by = found.users[1].id
        touched = old.replaced(modified=found.clock.stamp(), modified_by=by, owner=old.owner, values=dict(old.values))
        record = _changed(kind, touched, values)
        found.put(module, record)
        _plant(found, kind, record, values)
        return {"id": str(number), "Modified_Time": found.time_text(record.modified)}

    def delete(self, org: str, module: str, number: int, *, permanent: bool = False) -> Json:
        """A deletion by a person."""
        found, _ = self._module(org, module)
        if found.delete(module, number, by=found.users[1].id, permanent=permanent) is None:
            raise LookupError(f"no record {number} in {module} of {found.name}")
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
        item = new_fields.create_field(found, kind, given, "$")
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


def _scopes(given: Json) -> tuple[str, ...]:
    return tuple(str(scope) for scope in given.get("scopes", ALL_SCOPES))


def _moment(value: Any) -> float:
    moment = parse_moment(value) if isinstance(value, str) else value
    if not isinstance(moment, int | float):
        raise ValueError(f"not a moment: {value!r}")
    return float(moment)


def _plant(org: Org, module: Module, record: Record, given: Json) -> None:
    for item in module.children():
        if item.api_name in given:
            plant_rows(org, item, record, given[item.api_name])


def _changed(module: Module, record: Record, given: Json) -> Record:
    """`record` with the given values in wire form; unknown names are kept as they are."""
    for name, value in given.items():
        item = module.fields.get(name)
        if name == "id" or (item is not None and item.child is not None):
            continue
        if name in _STAMPS:
            setattr(record, _STAMPS[name], int(_moment(value)))
        elif name in _PEOPLE:
            number = parse_id(value.get("id") if isinstance(value, dict) else value)
            if number is None:
                raise ValueError(f"{name}: not a user id: {value!r}")
            setattr(record, _PEOPLE[name], number)
        else:
            record.values[name] = value if item is None else lenient_value(item, value)
            if record.values[name] is None:
                del record.values[name]
    return record
