"""Bulk write: runs due jobs over the rows of their CSV with the checks of ordinary writes (facts 7.2). No HTTP.

No automation runs for rows of a bulk write (facts 7.2, believed).
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.bulk_cells import value_of
from daemon.emulator.bulk_jobs import Column, Outcome, WriteJob
from daemon.emulator.incoming import holders
from daemon.emulator.org import Org
from daemon.emulator.schema import Module
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import Writing

Json = dict[str, Any]
MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 25_000, 200, 200 * 1024 * 1024
_DELIMITERS = ",;:|"
_ZIP_TROUBLE = (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, OSError, ValueError)
_ROW_CODES = {"RECORD_LOCKED": "BLOCKED_RECORD", "CONVERTED_RECORD": "CANNOT_PROCESS"}


class _UnfitError(Exception):
    """The file as a whole cannot be processed; the code is shown in the job."""

    def __init__(self, code: str, status: str = "FAILED") -> None:
        super().__init__(code)
        self.code, self.status = code, status


def work_off(org: Org) -> None:
    """Run every job that is due."""
    now = org.clock.now()
    due = [job for job in org.bulk.waiting if job.due <= now]
    for job in due:
        org.bulk.waiting.remove(job)
        job.outcome = _run(org, job)


def _run(org: Org, job: WriteJob) -> Outcome:
    try:
        name, text = _open(job)
        rows = _rows(text)
        return _process(org, job, _module(org, job), name, next(rows, []), rows)
    except _UnfitError as unfit:
        return Outcome(status=unfit.status, code=unfit.code, file_name=job.file_name)
    except csv.Error:
        return Outcome(status="FAILED", code="INVALID_FORMAT", file_name=job.file_name)


def _module(org: Org, job: WriteJob) -> Module:
    module = org.modules.get(job.module)
    if module is None:  # it went while the job waited
        raise _UnfitError("MODULE_NOT_AVAILABLE")
    return module


# --- the file --------------------------------------------------------------------------------------------------------


def _open(job: WriteJob) -> tuple[str, str]:
    """Name and text of the CSV inside the zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(job.upload.content)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            name = job.file_name if job.file_name is not None else (names[0] if len(names) == 1 else None)
            if name not in names:
                raise _UnfitError("FILE_NOT_SUPPORTED")
            with archive.open(str(name)) as member:
                raw = member.read(MAX_TEXT + 1)
    except _ZIP_TROUBLE:
        raise _UnfitError("INVALID_FILE_FORMAT") from None
    if len(raw) > MAX_TEXT:
        raise _UnfitError("FILE_TOO_LARGE")
    try:
        return str(name), codecs.decode(raw, job.encoding).removeprefix("\ufeff")
    except ValueError:
        raise _UnfitError("INVALID_FORMAT") from None


def _rows(text: str) -> Iterator[list[str]]:
    """The rows, by the delimiter that the first line holds most of; blank lines do not count."""
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)


# --- the rows --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """How the rows of one file are to be read."""

    columns: tuple[Column, ...]
    header: list[str]
    find_by: Column | None

    def name(self, api_name: str) -> str:
        """What the file calls a field."""
        index = next((column.index for column in self.columns if column.api_name == api_name), None)
        return self.header[index] if index is not None and index < len(self.header) else api_name


def _process(
    org: Org, job: WriteJob, module: Module, name: str, header: list[str], rows: Iterator[list[str]]
) -> Outcome:
    sheet = _sheet(job, module, header)
    caller = org.user(job.user) or org.administrator
    stamp = int(job.due)
    writing = Writing(org=org, module=module, user=caller, now=stamp, trigger=())
    outcome = Outcome(status="COMPLETED", code="COMPLETED", file_name=name)
    shown = [column.index for column in sheet.columns if column.index is not None][:3]
    text = io.StringIO()
    result = csv.writer(text, lineterminator="\n")
    result.writerow([*(_cell(header, index) for index in shown), "STATUS", "RECORD_ID", "ERRORS"])
    for row in rows:
        outcome.total += 1
        if outcome.total > MAX_ROWS:
            raise _UnfitError("LIMIT_EXCEEDED")
        status, number, faults = _row(writing, job, sheet, row)
        outcome.added += status == "added"
        outcome.updated += status == "updated"
        outcome.skipped += status == "skipped"
        result.writerow([*(_cell(row, index) for index in shown), status, number, faults])
    if outcome.total == 0:
        raise _UnfitError("CANNOT_PROCESS", status="SKIPPED")
    outcome.content = _zip(name.rsplit("/", 1)[-1], text.getvalue())
    return outcome


def _sheet(job: WriteJob, module: Module, header: list[str]) -> _Sheet:
    if len(header) > MAX_COLUMNS:
        raise _UnfitError("HEADER_LIMIT_EXCEEDED")
    columns = job.columns or tuple(_by_header(module, place, name) for place, name in enumerate(header))
    if any(column.index is not None and column.index >= len(header) for column in columns):
        raise _UnfitError("COLUMN_INDEX_NOT_FOUND")
    find_by = next((column for column in columns if column.api_name == job.find_by), None)
    if job.find_by is not None and find_by is None:
        raise _UnfitError("MANDATORY_FIELDS_NOT_MAPPED")
    if job.operation != "update":
        mapped = {column.api_name for column in columns}
        if any(item.mandatory and item.api_name not in mapped for item in module.fields.values()):
            raise _UnfitError("MANDATORY_FIELDS_NOT_MAPPED")
    return _Sheet(columns=columns, header=header, find_by=find_by)


def _by_header(module: Module, place: int, header: str) -> Column:
    """Without mappings a header is an API name; a lookup may say `Field.find_by` (facts 7.2)."""
    name, _, find_by = header.strip().partition(".")
    if name.lower() == "id":
        name = "id"
    if name not in module.fields:
        raise _UnfitError("INVALID_FIELD_NAME")
    return Column(api_name=name, index=place, find_by=find_by or None)


def _cell(row: list[str], index: int | None) -> str:
    return row[index] if index is not None and index < len(row) else ""


def _row(writing: Writing, job: WriteJob, sheet: _Sheet, row: list[str]) -> tuple[str, str, str]:
    """Status, record id and errors of one row."""
    element = _element(writing, job, sheet, row)
    try:
        number = _known(writing, sheet, row)
        if job.operation == "insert" and number is not None:
            return "skipped", str(number), f"DUPLICATE_DATA-{sheet.name(str(job.find_by))}"
        if number is not None:
            done = writes.update(writing, element, "$", number)
        elif _must_exist(job, sheet, row):
            code = "RESOURCE_NOT_FOUND" if _key_text(sheet, row) else "MANDATORY_NOT_FOUND"
            return "skipped", "", f"{code}-{sheet.name(str(job.find_by))}"
        else:
            done = writes.insert(writing, element, "$")
    except errors.RecordError as refused:
        return "skipped", "", _faults(refused.element, sheet)
    return ("added" if done["message"] == "record added" else "updated"), done["details"]["id"], ""


def _must_exist(job: WriteJob, sheet: _Sheet, row: list[str]) -> bool:
    """An update never creates, and no record is created under an id of the file's own."""
    return job.operation == "update" or (job.find_by == "id" and _key_text(sheet, row) != "")


def _key_text(sheet: _Sheet, row: list[str]) -> str:
    return _cell(row, sheet.find_by.index).strip() if sheet.find_by is not None else ""


def _known(writing: Writing, sheet: _Sheet, row: list[str]) -> int | None:
    """The record that `find_by` finds."""
    if sheet.find_by is None:
        return None
    text, name = _key_text(sheet, row), sheet.find_by.api_name
    if not text:
        return None
    if name == "id":
        number = parse_id(text)
        return number if number in writing.org.tables[writing.module.api_name].records else None
    found = holders(writing.org, writing.module, name, text)
    if not found:
        return None
    return found[0] if writing.org.quirks["upsert_several_matches"] == "first" else found[-1]


def _element(writing: Writing, job: WriteJob, sheet: _Sheet, row: list[str]) -> Json:
    """The row as the JSON of an ordinary write."""
    element: Json = {}
    for column in sheet.columns:
        item = writing.module.fields.get(column.api_name)
        if item is None or column.api_name == "id":
            continue
        text = _cell(row, column.index)
        if text.strip():
            element[column.api_name] = value_of(writing.org, writing.user, item, column, text)
        elif column.default is not None:
            element[column.api_name] = _default(writing, column)
        elif not job.ignore_empty:
            element[column.api_name] = None
    return element


def _default(writing: Writing, column: Column) -> Any:
    """A constant: texts are read as cells are, other JSON is taken as it stands."""
    if not isinstance(column.default, str):
        return column.default
    item = writing.module.fields[column.api_name]
    return value_of(writing.org, writing.user, item, column, column.default)


def _faults(element: Json, sheet: _Sheet) -> str:
    """`CODE-Column[:CODE-Column]` (facts 7.2)."""
    several = element["details"].get("errors") or [element]
    return ":".join(
        f"{_ROW_CODES.get(one['code'], one['code'])}-{sheet.name(_named(one['details']))}" for one in several
    )


def _named(details: Json) -> str:
    """The field that a refusal is about; inside a lookup it says `id`, and its path says which."""
    path = str(details.get("json_path", "")).removeprefix("$.").split(".")[0].split("[")[0]
    return path or str(details.get("api_name", "id"))


def _zip(name: str, text: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), text.encode("utf-8", "replace"), zipfile.ZIP_DEFLATED)
    return made.getvalue()
