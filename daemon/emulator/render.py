"""From stored records to the JSON of reads (facts 2.6, 3.4, 12.4). Built once per page, run per record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from daemon.emulator.clock import zone_printer
from daemon.emulator.fields import CHILDREN, Field
from daemon.emulator.formulas import FORMULAS
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
    "$converted_detail": {},
}
ROWS_SHOWN = 200
_ROW_DOLLARS = ("$in_merge", "$field_states", "$zia_visions")


class Renderer:
    """Prints records of one module for one caller."""

    def __init__(self, org: Org, module: Module, caller: User, *, style: Style = "list", single: bool = False) -> None:
        self._org, self._module, self._style = org, module, style
        self._text, self._caller = zone_printer(caller.time_zone), caller
        self._fills = single or style == "full"

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
        several = [item for item in self._module.fields.values() if item.lookups]
        names = [*self._module.fields, *DOLLARS, "$currency_symbol", *(["$se_module"] if several else [])]
        return {**self.rows(names)(record), "$has_more": self.has_more(record, list(self._module.fields))}

    def has_more(self, record: Record, names: Sequence[str]) -> Json:
        """Which of the named row fields hold more rows than are shown (facts 2.6)."""
        items = [self._module.fields[name] for name in names if name in self._module.fields]
        return {
            item.api_name: len(self._org.rows(item, record.id)) > ROWS_SHOWN for item in items if item.child is not None
        }

    def getter(self, name: str) -> Getter | None:
        """How one column is read; `_PLAIN` when it is simply the stored value."""
        if name in DOLLARS:
            constant = DOLLARS[name]
            return lambda record: record.values.get(name, constant)
        if name == "$currency_symbol":
            symbol = self._org.site.currency[2]
            return lambda _: symbol
        if name == "$se_module":
            return self._se_module()
        if name == "$attachments" and self._module.api_name == "Notes":
            return lambda _: None
        field = self._module.fields.get(name)
        if field is None:
            return None
        return self._system(name) or self._by_type(field)

    def _system(self, name: str) -> Getter | None:
        text, person = self._text, self._person
        layouts = {one.id: {"name": one.name, "id": str(one.id)} for one in self._module.layouts}
        standard = layouts[self._module.layout_id]
        columns: dict[str, Getter] = {
            "id": lambda record: str(record.id),
            "Owner": lambda record: person(record.owner),
            "Created_By": lambda record: person(record.created_by),
            "Modified_By": lambda record: person(record.modified_by),
            "Created_Time": lambda record: text(record.created),
            "Modified_Time": lambda record: text(record.modified),
            "Full_Name": lambda record: full_name(record.values),
            "Layout": lambda record: layouts.get(record.values.get("Layout", 0), standard),
            "Tag": lambda record: record.values.get("Tag") or [],
            "Record_Status__s": lambda record: record.values.get("Record_Status__s", "Available"),
        }
        return columns.get(name)

    def _by_type(self, field: Field) -> Getter | None:
        name, org = field.api_name, self._org
        if field.data_type in CHILDREN:
            return self._rows(field)
        if field.formula is not None:
            compute = FORMULAS[field.formula]
            return lambda record: compute(org, record)
        makers: dict[str, Callable[[Field], Getter]] = {
            "multi_module_lookup": self._multi_lookup,
            "lookup": self._lookup,
            "boolean": lambda _: lambda record: bool(record.values.get(name, False)),
            "datetime": self._moment,
            "ownerlookup": self._user,
            "userlookup": self._user,
        }
        if field.data_type in makers:
            return makers[field.data_type](field)
        if field.rich and self._style == "list":
            return lambda record: value[:RICH_TEXT_CUT] if isinstance(value := record.values.get(name), str) else value
        return _PLAIN

    def _moment(self, field: Field) -> Getter:
        name, text = field.api_name, self._text
        return lambda record: text(value) if isinstance(value := record.values.get(name), int) else value

    def _user(self, field: Field) -> Getter:
        name = field.api_name
        return lambda record: self._person(value) if (value := record.values.get(name)) else None

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

    def _multi_lookup(self, field: Field) -> Getter:
        """A lookup into several modules names the module; in COQL it is the id alone (facts 3.4)."""
        name, org, short = field.api_name, self._org, self._style == "coql"
        says = org.quirks["lookup_names_module"] == "yes"

        def read(record: Record) -> Any:
            number = record.values.get(name)
            if not isinstance(number, int) or short:
                return {"id": str(number)} if isinstance(number, int) else number
            target = org.module_of(number, field.lookups)
            if target is None:
                return {"name": None, "id": str(number)}
            module = {"module": {"api_name": target, "id": str(org.modules[target].id)}} if says else {}
            return {**module, "name": org.display_name(target, number), "id": str(number)}

        return read

    def _se_module(self) -> Getter | None:
        named = [item for name in ("What_Id", "Parent_Id") if (item := self._module.fields.get(name)) and item.lookups]
        if not named:
            return None
        item, org = named[0], self._org

        def read(record: Record) -> str | None:
            number = record.values.get(item.api_name)
            return org.module_of(number, item.lookups) if isinstance(number, int) else None

        return read

    def _rows(self, field: Field) -> Getter | None:
        """The rows of a subform or a multi-lookup: filled only where one record is read (facts 2.6)."""
        if not self._fills:
            return (lambda _: None) if self._org.quirks["subform_in_list"] == "null" else None
        org, module = self._org, self._org.modules[str(field.child)]
        inner = Renderer(org, module, self._caller, style=self._style)
        if field.forward is not None:
            link = inner.rows([field.forward])
            return lambda record: [link(row) for row in org.rows(field, record.id)[:ROWS_SHOWN]]
        shown = inner.rows([*(name for name in module.fields if name != "Owner"), *_ROW_DOLLARS])
        return lambda record: [shown(row) for row in org.rows(field, record.id)[:ROWS_SHOWN]]

    def _person(self, number: int) -> Json:
        user = self._org.user(number)
        if user is None:
            return {"name": None, "id": str(number)}
        # COQL shows the last name of a user only, and no address (facts 3.4)
        return {"name": user.last_name, "id": str(user.id)} if self._style == "coql" else user.with_email()


def _PLAIN(record: Record) -> Any:  # noqa: N802 - a marker; rows() reads such columns faster than by a call
    raise NotImplementedError


def stored_value(getter: Getter, name: str, record: Record) -> Any:
    """The value of one column, whatever kind of getter it has."""
    return record.values.get(name) if getter is _PLAIN else getter(record)
