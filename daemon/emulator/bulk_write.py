"""Bulk write: runs due jobs over the rows of their CSVs with the checks of ordinary writes (facts 7.2). No HTTP.

Whether automations run for rows of a bulk write is a quirk; by default none does (facts 7.2, believed).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.bulk_cells import value_of
from daemon.emulator.bulk_children import Parents, put_row
from daemon.emulator.bulk_jobs import Column, Outcome, Part, WriteJob
from daemon.emulator.bulk_sheet import Sheet, UnfitError, cell, open_sheet, zipped
from daemon.emulator.bulk_write_body import holder_of
from daemon.emulator.org import Org
from daemon.emulator.schema import Module
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import Writing

Json = dict[str, Any]
Result = tuple[str, str, str]
"""Status, record id and errors of one row."""
MAX_ROWS = 25_000


def work_off(org: Org) -> None:
    """Run every job that is due."""
    now = org.clock.now()
    due = [job for job in org.bulk.waiting if job.due <= now]
    for job in due:
        org.bulk.waiting.remove(job)
        parents = Parents()
        job.outcomes = [_run(org, job, part, parents) for part in job.parts]
        texts = [(str(one.file_name), one.text) for one in job.outcomes if one.text is not None]
        job.content = zipped(texts) if texts else None


def _run(org: Org, job: WriteJob, part: Part, parents: Parents) -> Outcome:
    """One part, with all that its rows need to know of the parts before it."""
    try:
        module = _module(org, part)
        holder = holder_of(org, module.api_name)
        sheet = open_sheet(job, part, module, holder[1].back if holder else None)
        writing = _writing(org, job, holder[0] if holder else module)
        read = partial(element_of, writing, module, part, sheet)
        if holder is not None:
            return _process(sheet, partial(put_row, writing, holder[1], part, sheet, parents, read))
        return _process(sheet, partial(_row, writing, job, part, sheet, parents, read))
    except UnfitError as unfit:
        return Outcome(status=unfit.status, code=unfit.code, file_name=part.file_name)
    except csv.Error:
        return Outcome(status="FAILED", code="INVALID_FORMAT", file_name=part.file_name)


def _module(org: Org, part: Part) -> Module:
    module = org.modules.get(part.module)
    if module is None:  # it went while the job waited
        raise UnfitError("MODULE_NOT_AVAILABLE")
    return module


def _writing(org: Org, job: WriteJob, module: Module) -> Writing:
    caller = org.user(job.user) or org.administrator
    trigger = writes.AUTOMATIONS if org.quirks["bulk_write_workflows"] == "yes" else ()
    now = int(job.due)
    return Writing(org=org, module=module, user=caller, now=now, trigger=trigger, automations=job.automations)


def _process(sheet: Sheet, act: Callable[[list[str]], Result]) -> Outcome:
    """Have `act` write each row, and put what became of it into the result CSV."""
    outcome = Outcome(status="COMPLETED", code="COMPLETED", file_name=sheet.file_name)
    shown = [column.index for column in sheet.columns if column.index is not None][:3]
    text = io.StringIO()
    result = csv.writer(text, lineterminator="\n")
    result.writerow([*(cell(sheet.header, index) for index in shown), "STATUS", "RECORD_ID", "ERRORS"])
    for row in sheet.rows:
        outcome.total += 1
        if outcome.total > MAX_ROWS:
            raise UnfitError("LIMIT_EXCEEDED")
        status, number, faults = act(row)
        outcome.added += status == "added"
        outcome.updated += status == "updated"
        outcome.skipped += status == "skipped"
        result.writerow([*(cell(row, index) for index in shown), status, number, faults])
    if outcome.total == 0:
        raise UnfitError("CANNOT_PROCESS", status="SKIPPED")
    outcome.text = text.getvalue()
    return outcome


def _row(
    writing: Writing, job: WriteJob, part: Part, sheet: Sheet, parents: Parents, read: Callable[[list[str]], Json],
    row: list[str],
) -> Result:  # fmt: skip
    """Write the record of one row, and remember it for the rows of its children."""
    try:
        done = _write(writing, job, part, sheet, read(row), row)
    except errors.RecordError as refused:
        done = "skipped", "", sheet.faults(refused.element)
    if done[1]:
        parents.remember(row, int(done[1]))
    return done


def _write(writing: Writing, job: WriteJob, part: Part, sheet: Sheet, element: Json, row: list[str]) -> Result:
    number = _known(writing, sheet, row)
    if job.operation == "insert" and number is not None:
        return "skipped", str(number), f"DUPLICATE_DATA-{sheet.name(str(part.find_by))}"
    if number is not None:
        done = writes.update(writing, element, "$", number)
        return "updated", done["details"]["id"], ""
    # an update never creates, and no record is created under an id of the file's own
    if job.operation == "update" or (part.find_by == "id" and sheet.key(row)):
        code = "RESOURCE_NOT_FOUND" if sheet.key(row) else "MANDATORY_NOT_FOUND"
        return "skipped", "", f"{code}-{sheet.name(str(part.find_by))}"
    return "added", writes.insert(writing, element, "$")["details"]["id"], ""


def _known(writing: Writing, sheet: Sheet, row: list[str]) -> int | None:
    """The record that `find_by` finds."""
    text = sheet.key(row)
    if sheet.find_by is None or not text:
        return None
    name = sheet.find_by.api_name
    if name == "id":
        number = parse_id(text)
        return number if number in writing.org.tables[writing.module.api_name].records else None
    found = writing.org.holders(writing.module, name, text)
    if not found:
        return None
    return found[0] if writing.org.quirks["upsert_several_matches"] == "first" else found[-1]


def element_of(writing: Writing, module: Module, part: Part, sheet: Sheet, row: list[str]) -> Json:
    """The row as the JSON of an ordinary write."""
    element: Json = {}
    for column in sheet.columns:
        item = module.fields.get(column.api_name)
        if item is None or column.api_name == "id":
            continue
        text = cell(row, column.index)
        if text.strip():
            element[column.api_name] = value_of(writing.org, writing.user, item, column, text)
        elif column.default is not None:
            element[column.api_name] = _default(writing, module, column)
        elif not part.ignore_empty:
            element[column.api_name] = None
    return element


def _default(writing: Writing, module: Module, column: Column) -> Any:
    """A constant: texts are read as cells are, other JSON is taken as it stands."""
    if not isinstance(column.default, str):
        return column.default
    return value_of(writing.org, writing.user, module.fields[column.api_name], column, column.default)
