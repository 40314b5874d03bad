"""A record as a hand writes it: values in wire form, kept as they are; only its frame is checked."""

from __future__ import annotations

from typing import Any

from daemon.emulator import asked
from daemon.emulator.children import plant_rows
from daemon.emulator.clock import demand_calendar, parse_moment
from daemon.emulator.org import Org
from daemon.emulator.schema import Module
from daemon.emulator.states import APPROVAL_STATES
from daemon.emulator.store import Record
from daemon.emulator.validation import lenient_value, parse_id

Json = dict[str, Any]
_STAMPS = {"Created_Time": "created", "Modified_Time": "modified"}
_PEOPLE = {"Owner": "owner", "Created_By": "created_by", "Modified_By": "modified_by"}


def moment_of(value: Any) -> float:
    """Seconds since 1970 of a number or an ISO text, within the calendar."""
    moment = parse_moment(value) if isinstance(value, str) else value
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        raise ValueError(f"a moment is seconds since 1970 or ISO 8601 with offset, not {asked.shown(value)}")
    demand_calendar(moment)
    return float(moment)


def check_raw(module: Module, given: Any) -> None:
    """ValueError for what cannot be a record: no object, a subform that is no list of objects, an unknown state."""
    asked.an_object(given, "a record")
    asked.choice(given, "$approval_state", "a record", tuple(sorted(APPROVAL_STATES)))
    for item in module.children():
        rows = given.get(item.api_name)
        if rows is not None and not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise ValueError(f"{item.api_name} is a list of objects, not {asked.shown(rows)}")


def plant(org: Org, module: Module, record: Record, given: Json) -> None:
    """The rows of every subform that is given."""
    for item in module.children():
        if item.api_name in given:
            plant_rows(org, item, record, given[item.api_name])


def changed(module: Module, record: Record, given: Json) -> Record:
    """`record` with the given values in wire form; unknown names are kept as they are."""
    for name, value in given.items():
        item = module.fields.get(name)
        if name == "id" or (item is not None and item.child is not None):
            continue
        if name in _STAMPS:
            setattr(record, _STAMPS[name], int(moment_of(value)))
        elif name in _PEOPLE:
            number = parse_id(value.get("id") if isinstance(value, dict) else value)
            if number is None:
                raise ValueError(f"{name}: the id of a user, not {asked.shown(value)}")
            setattr(record, _PEOPLE[name], number)
        else:
            record.values[name] = value if item is None else lenient_value(item, value)
            if record.values[name] is None:
                del record.values[name]
    return record
