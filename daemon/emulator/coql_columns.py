"""COQL columns against an org's schema: what a path means, how it is printed, how it is compared (facts 3.2 to 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daemon.emulator import errors
from daemon.emulator.coql_parse import Column
from daemon.emulator.fields import CHILDREN, Field
from daemon.emulator.formulas import FORMULAS
from daemon.emulator.org import Org, full_name
from daemon.emulator.people import User
from daemon.emulator.render import Renderer, stored_value
from daemon.emulator.rights import demand
from daemon.emulator.schema import Module
from daemon.emulator.store import Record, Table

MAX_JOINS = 2
_CANNOT_RETURN = CHILDREN | {"imageupload", "fileupload"}
Getter = Callable[[Record], Any]
Tables = Callable[[str], Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A column that exists: its field, its printed form and its comparable form."""

    name: str
    field: Field
    shown: Getter
    raw: Getter


def unknown_column(name: str) -> errors.ZohoError:
    """A column that is no field (facts 12.5)."""
    return errors.refuse("INVALID_QUERY", "column given seems to be invalid", {"column_name": name})


def bind(org: Org, module: Module, column: Column, caller: User, seen: Tables | None = None) -> Bound:
    """The column of a query in this org, or INVALID_QUERY; `seen` are the tables through which lookups lead."""
    tables = seen or org.visible
    *steps, last = column.path
    dotted = ".".join(column.path)
    if len(steps) > MAX_JOINS:
        raise unknown_column(dotted)
    hops: list[tuple[str, str]] = []
    here = module
    for step in steps:
        name, target = _hop(org, here, step, dotted)
        demand(org, caller, "coql", target)
        hops.append((name, target))
        here = org.modules[target]
    field = here.fields.get(last)
    if field is None:
        raise unknown_column(dotted)
    if field.data_type in _CANNOT_RETURN:
        raise errors.refuse("INVALID_QUERY", "unsupported column", {"column_name": dotted})
    getter = Renderer(org, here, caller, style="coql").getter(last)
    if getter is None:
        raise unknown_column(dotted)
    kept = getter
    return Bound(
        name=dotted,
        field=field,
        shown=_through(tables, hops, lambda record: stored_value(kept, last, record)),
        raw=_through(tables, hops, raw_value(org, field, here.layout_id)),
    )


def _hop(org: Org, here: Module, step: str, dotted: str) -> tuple[str, str]:
    """`Account_Name` or, through a lookup into several modules, `What_Id->Deals` (facts 3.1)."""
    name, _, chosen = step.partition("->")
    link = here.fields.get(name)
    if link is not None and chosen and chosen.lstrip("!") in link.lookups:
        return name, chosen.lstrip("!")
    if link is None or chosen or link.data_type != "lookup" or link.lookup not in org.modules:
        raise unknown_column(dotted)
    return name, link.lookup


def _through(tables: Tables, hops: list[tuple[str, str]], read: Getter) -> Getter:
    if not hops:
        return read

    def follow(record: Record) -> Any:
        for name, target in hops:
            number = record.values.get(name)
            found = tables(target).records.get(number) if isinstance(number, int) else None
            if found is None:
                return None
            record = found
        return read(record)

    return follow


def raw_value(org: Org, field: Field, layout_id: int = 0) -> Getter:
    """The stored value by which a field is compared and sorted; moments and ids are integers."""
    name = field.api_name
    columns: dict[str, Getter] = {
        "id": lambda record: record.id,
        "Owner": lambda record: record.owner,
        "Created_By": lambda record: record.created_by,
        "Modified_By": lambda record: record.modified_by,
        "Created_Time": lambda record: record.created,
        "Modified_Time": lambda record: record.modified,
        "Full_Name": lambda record: full_name(record.values),
        "Layout": lambda record: record.values.get(name, layout_id),
        "Record_Status__s": lambda record: record.values.get(name, "Available"),
        "Tag": lambda _: None,
    }
    if name in columns:
        return columns[name]
    if field.formula is not None:
        compute = FORMULAS[field.formula]
        return lambda record: compute(org, record)
    if field.data_type == "boolean":
        return lambda record: bool(record.values.get(name, False))
    if field.data_type == "bigint":
        return lambda record: _as_int(record.values.get(name))
    return lambda record: record.values.get(name)


def _as_int(value: Any) -> int | None:
    try:
        return int(value) if value is not None else None
    except (ValueError, TypeError):
        return None


def sort_key(value: Any) -> tuple[int, Any]:
    """An order over values of one column in which empty comes first and odd types do not clash."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool | int | float):
        return (1, value)
    return (2, value.casefold() if isinstance(value, str) else str(value))
