"""Rows of subforms and linking modules in a bulk write: each is an ordinary update of its parent (facts 7.2). No HTTP.

A row finds its parent by record id, or by `parent_column_index`: its cell is that of the parent's row in the same job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.bulk_jobs import Part
from daemon.emulator.bulk_sheet import Sheet, cell
from daemon.emulator.fields import Field
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import Writing

Json = dict[str, Any]


@dataclass(slots=True)
class Parents:
    """The rows of the parent's file that became records."""

    _rows: list[tuple[list[str], int]] = field(default_factory=list)
    _by: dict[int, dict[str, int]] = field(default_factory=dict)

    def remember(self, row: list[str], number: int) -> None:
        """A row and the record that it became."""
        self._rows.append((row, number))

    def find(self, column: int, text: str) -> int | None:
        """The record of the row that holds this text in a column."""
        if column not in self._by:
            self._by[column] = {cell(row, column).strip(): number for row, number in self._rows}
        return self._by[column].get(text)


def put_row(
    writing: Writing, item: Field, part: Part, sheet: Sheet, parents: Parents, read: Callable[[list[str]], Json],
    row: list[str],
) -> tuple[str, str, str]:  # fmt: skip
    """Status, row id and errors of one row; `item` is the parent's field that holds such rows."""
    parent = _parent(writing, item, sheet, parents, row)
    if parent is None:
        return "skipped", "", f"RESOURCE_NOT_FOUND-{sheet.name(item.back)}"
    before = [one.id for one in writing.org.rows(item, parent.id)]
    given = {name: value for name, value in read(row).items() if name != item.back}
    known = parse_id(sheet.key(row)) if sheet.key(row) else None
    if part.find_by is not None and sheet.key(row) and known not in before:
        return "skipped", "", f"RESOURCE_NOT_FOUND-{sheet.name('id')}"
    # the others are mentioned, so that they stay whatever becomes of rows that are not
    others = [{"id": str(number)} for number in before if number != known]
    mine = given if known is None else {**given, "id": str(known)}
    try:
        writes.update(writing, {item.api_name: [*others, mine]}, "$", parent.id)
    except errors.RecordError as refused:
        return "skipped", "", sheet.faults(refused.element, inside=1)
    if known is not None:
        return "updated", str(known), ""
    new = [one.id for one in writing.org.rows(item, parent.id) if one.id not in before]
    return ("added", str(new[0]), "") if new else ("skipped", "", f"DUPLICATE_DATA-{sheet.name(str(item.forward))}")


def _parent(writing: Writing, item: Field, sheet: Sheet, parents: Parents, row: list[str]) -> Record | None:
    column = next((one for one in sheet.columns if one.api_name == item.back), None)
    text = cell(row, column.index).strip() if column is not None else ""
    joins = column.joins if column is not None else None
    number = parse_id(text) if joins is None else parents.find(joins, text)
    return writing.org.tables[writing.module.api_name].records.get(number) if number is not None else None
