"""The CSV of one part of a bulk write: out of its zip, its columns known (facts 7.2). Writes nothing."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from daemon.emulator.bulk_jobs import Column, Part, WriteJob
from daemon.emulator.bulk_write_body import MAX_COLUMNS, unmapped
from daemon.emulator.schema import Module

Json = dict[str, Any]
MAX_TEXT = 200 * 1024 * 1024
_DELIMITERS = ",;:|"
_ZIP_TROUBLE = (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, OSError, ValueError)
_ROW_CODES = {"RECORD_LOCKED": "BLOCKED_RECORD", "CONVERTED_RECORD": "CANNOT_PROCESS"}


class UnfitError(Exception):
    """The file as a whole cannot be processed; the code is shown in the job."""

    def __init__(self, code: str, status: str = "FAILED") -> None:
        super().__init__(code)
        self.code, self.status = code, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One file, and how its rows are to be read."""

    file_name: str
    columns: tuple[Column, ...]
    header: list[str]
    rows: Iterator[list[str]]
    find_by: Column | None

    def name(self, api_name: str) -> str:
        """What the file calls a field."""
        index = next((column.index for column in self.columns if column.api_name == api_name), None)
        return self.header[index] if index is not None and index < len(self.header) else api_name

    def key(self, row: list[str]) -> str:
        """What `find_by` looks for."""
        return cell(row, self.find_by.index).strip() if self.find_by is not None else ""

    def faults(self, element: Json, *, inside: int = 0) -> str:
        """`CODE-Column[:CODE-Column]` of a refused row, whose fields stand `inside` so many steps of their paths."""
        several = element["details"].get("errors") or [element]
        return ":".join(
            f"{_ROW_CODES.get(one['code'], one['code'])}-{self.name(_field_in(one['details'], inside))}"
            for one in several
        )


def cell(row: list[str], index: int | None) -> str:
    """The text in a column; an absent one is empty."""
    return row[index] if index is not None and index < len(row) else ""


def open_sheet(job: WriteJob, part: Part, module: Module, back: str | None = None) -> Sheet:
    """The file of a part, or UnfitError; `back` is the column in which rows name their parent."""
    name, text = _open(job, part)
    try:
        rows = _rows(text)
        header = next(rows, [])
    except csv.Error:
        raise UnfitError("INVALID_FORMAT") from None
    if len(header) > MAX_COLUMNS:
        raise UnfitError("HEADER_LIMIT_EXCEEDED")
    columns = part.columns or tuple(_by_header(module, place, one) for place, one in enumerate(header))
    if any(column.index is not None and column.index >= len(header) for column in columns):
        raise UnfitError("COLUMN_INDEX_NOT_FOUND")
    find_by = next((column for column in columns if column.api_name == part.find_by), None)
    mapped = {column.api_name for column in columns}
    if (part.find_by is not None and find_by is None) or (job.operation != "update" and unmapped(module, mapped, back)):
        raise UnfitError("MANDATORY_FIELDS_NOT_MAPPED")
    return Sheet(file_name=name, columns=columns, header=header, rows=rows, find_by=find_by)


def _open(job: WriteJob, part: Part) -> tuple[str, str]:
    """Name and text of the CSV inside the zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(part.upload.content)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            name = part.file_name if part.file_name is not None else (names[0] if len(names) == 1 else None)
            if name not in names:
                raise UnfitError("FILE_NOT_SUPPORTED")
            with archive.open(str(name)) as member:
                raw = member.read(MAX_TEXT + 1)
    except _ZIP_TROUBLE:
        raise UnfitError("INVALID_FILE_FORMAT") from None
    if len(raw) > MAX_TEXT:
        raise UnfitError("FILE_TOO_LARGE")
    try:
        return str(name), codecs.decode(raw, job.encoding).removeprefix("\ufeff")
    except ValueError:
        raise UnfitError("INVALID_FORMAT") from None


def _rows(text: str) -> Iterator[list[str]]:
    """The rows, by the delimiter that the first line holds most of; blank lines do not count."""
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)


def _by_header(module: Module, place: int, header: str) -> Column:
    """Without mappings a header is an API name; a lookup may say `Field.find_by` (facts 7.2)."""
    name, _, find_by = header.strip().partition(".")
    if name.lower() == "id":
        name = "id"
    if name not in module.fields:
        raise UnfitError("INVALID_FIELD_NAME")
    return Column(api_name=name, index=place, find_by=find_by or None)


def _field_in(details: Json, inside: int) -> str:
    """The field that a refusal is about; inside a lookup it says `id`, and its path says which."""
    steps = str(details.get("json_path", "")).removeprefix("$.").split(".")
    return (steps[inside].split("[")[0] if inside < len(steps) else "") or str(details.get("api_name", "id"))


def zipped(texts: list[tuple[str, str]]) -> bytes:
    """One zip of the result CSVs, each under a name of its own."""
    made, taken = io.BytesIO(), set[str]()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in texts:
            name = path.rsplit("/", 1)[-1]
            while name in taken:
                name = f"_{name}"
            taken.add(name)
            archive.writestr(zipfile.ZipInfo(name), text.encode("utf-8", "replace"), zipfile.ZIP_DEFLATED)
    return made.getvalue()
