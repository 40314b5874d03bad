"""From stored records to the JSON of reads (facts 2.6, 3.4, 12.4). Built once per page, run per record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from daemon.emulator.clock import zone_printer
from daemon.emulator.fields import Field
from daemon.emulator.org import Org, full_name
from daemon.emulator.people import User
from daemon.emulator.schema import Module
from daemon.emulator.store import Record

Json = dict[str, Any]
Getter = Callable[[Record], Any]
Style = Literal["list", "full", "coql"]
RICH_TEXT_CUT = 500
DOLLARS: Json = {
    "$approval_state": "approved",
    "$approval": {"delegate": False, "approve": False, "reject": False, "resubmit": False},
    "$editable": True,
    "$in_merge": False,
    "$locked_for_me": False,
    "$review": None,
    "$review_process": {"approve": False, "reject": False, "resubmit": False},
    "$process_flow": False,
    "$orchestration": False,
    "$pathfinder": False,
    "$field_states": None,
    "$zia_visions": None,
    "$zia_owner_assignment": None,
    "$wizard_connection_path": None,
    "$sharing_permission": "full_access",
}


class Renderer:
    """Prints records of one module for one caller."""

    def __init__(self, org: Org, module: Module, caller: User, *, style: Style = "list") -> None:
        self._org, self._module, self._style = org, module, style
        self._text = zone_printer(caller.time_zone)

    def rows(self, names: Sequence[str]) -> Callable[[Record], Json]:
        """A function from a record to its row: `names` and `id`; names that are no field are left out."""
        plain: list[str] = []
        special: list[tuple[str, Getter]] = []
        for name in names:
            if name == "id":
                continue
            getter = self.getter(name)
            if getter is _PLAIN:
                plain.append(name)
            elif getter is not None:
                special.append((name, getter))

        def row(record: Record) -> Json:
            get = record.values.get
            made = {name: get(name) for name in plain}
            for name, getter in special:
                made[name] = getter(record)
            made["id"] = str(record.id)
            return made

        return row

    def full(self, record: Record) -> Json:
        """The whole record with its `$` keys, as a single GET shows it."""
        row = self.rows(list(self._module.fields))(record)
        return {**row, **DOLLARS, "$currency_symbol": self._org.site.currency[2], "$has_more": {}}

    def getter(self, name: str) -> Getter | None:
        """How one column is read; `_PLAIN` when it is simply the stored value."""
        if name in DOLLARS:
            constant = DOLLARS[name]
            return lambda _: constant
        if name == "$currency_symbol":
            symbol = self._org.site.currency[2]
            return lambda _: symbol
        field = self._module.fields.get(name)
        if field is None:
            return None
        return self._system(name) or self._by_type(field)

    def _system(self, name: str) -> Getter | None:
        text, person = self._text, self._person
        layout = {"name": "Standard", "id": str(self._module.layout_id)}
        columns: dict[str, Getter] = {
            "id": lambda record: str(record.id),
            "Owner": lambda record: person(record.owner),
            "Created_By": lambda record: person(record.created_by),
            "Modified_By": lambda record: person(record.modified_by),
            "Created_Time": lambda record: text(record.created),
            "Modified_Time": lambda record: text(record.modified),
            "Full_Name": lambda record: full_name(record.values),
            "Expected_Revenue": lambda record: expected_revenue(record.values),
            "Layout": lambda _: layout,
            "Tag": lambda record: record.values.get("Tag") or [],
            "Record_Status__s": lambda record: record.values.get("Record_Status__s", "Available"),
        }
        return columns.get(name)

    def _by_type(self, field: Field) -> Getter:
        name, text = field.api_name, self._text
        if field.data_type == "boolean":
            return lambda record: bool(record.values.get(name, False))
        if field.data_type == "datetime":
            return lambda record: text(value) if isinstance(value := record.values.get(name), int) else value
        if field.data_type == "lookup":
            return self._lookup(field)
        if field.data_type in ("ownerlookup", "userlookup"):
            return lambda record: self._person(value) if (value := record.values.get(name)) else None
        if field.rich and self._style == "list":
            return lambda record: value[:RICH_TEXT_CUT] if isinstance(value := record.values.get(name), str) else value
        return _PLAIN

    def _lookup(self, field: Field) -> Getter:
        name, org, target = field.api_name, self._org, str(field.lookup)
        hide_deleted = org.quirks["lookup_to_deleted"] == "null"

        def read(record: Record) -> Any:
            number = record.values.get(name)
            if not isinstance(number, int):
                return number
            if hide_deleted and number in org.bin[target]:
                return None
            return {"name": org.display_name(target, number), "id": str(number)}

        return read

    def _person(self, number: int) -> Json:
        user = self._org.user(number)
        if user is None:
            return {"name": None, "id": str(number)}
        return user.brief() if self._style == "coql" else user.with_email()


def expected_revenue(values: dict[str, Any]) -> float | None:
    """Deals.Expected_Revenue = Amount x Probability."""
    amount, probability = values.get("Amount"), values.get("Probability")
    numbers = isinstance(amount, int | float) and isinstance(probability, int | float)
    return round(amount * probability / 100, 2) if numbers and amount is not None and probability is not None else None


def _PLAIN(record: Record) -> Any:  # noqa: N802 - a marker; rows() reads such columns faster than by a call
    raise NotImplementedError


def stored_value(getter: Getter, name: str, record: Record) -> Any:
    """The value of one column, whatever kind of getter it has."""
    return record.values.get(name) if getter is _PLAIN else getter(record)
