"""The lists of `orgsync match` as CSV, for a spreadsheet to open and to give back.

A cell that a spreadsheet would take for a formula, or for a number to be rounded (ids have 19 digits), begins with an
apostrophe; it is taken off on reading. So does what follows a `;`, where many a spreadsheet begins a new cell. Read
back are also the habits of spreadsheets: a byte order mark, `;` or tab between cells, another encoding of names.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.core.match import Entry, Group, Matching
from daemon.core.record import is_record_id
from daemon.core.rules import Ladder
from daemon.sync.match import Decision

COLUMNS: Final = ("link", "source_id", "source_name", "target_id", "target_name", "matched_by", "value", "group")
CERTAIN, AMBIGUOUS, SOURCE, TARGET = "certain.csv", "ambiguous.csv", "unmatched_source.csv", "unmatched_target.csv"
NAMES: Final = (CERTAIN, AMBIGUOUS, SOURCE, TARGET)
_YES: Final = frozenset({"yes", "y", "true", "x", "1"})
_NO: Final = frozenset({"no", "n", "false", "0"})
_FORMULA: Final = (
    "=+@'\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}-"
)
_BEGINS: Final = re.compile(rf"(^|;)([\s\"]*)(?=[{_FORMULA}])")
_MARK: Final = re.compile(r"(^|;)([\s\"]*)'")
_ROUNDED: Final = 12  # digits from which on a spreadsheet may round a number
_PAIRS: Final = 100
"""Pairs of one group that are written out; of a larger one each record has a line, and a person fills in the other."""

Row = Mapping[str, str]


class SheetError(Exception):
    """A file of decisions that cannot be taken as it is: one line for each mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the sheets say: pairs to link, and source records of which a person says that no candidate is theirs."""

    pairs: tuple[Decision, ...]
    refused: frozenset[str]


def rows_of(matching: Matching, rungs: Ladder) -> dict[str, Iterator[Row]]:
    """The lines of each file."""
    return {
        CERTAIN: (row for group in matching.certain for row in _pairs(group, rungs, "", "yes")),
        AMBIGUOUS: (
            row
            for number, group in enumerate(matching.ambiguous, 1)
            for row in (
                _pairs(group, rungs, str(number), "")
                if len(group.sources) * len(group.targets) <= _PAIRS
                else _each(group, rungs, str(number))
            )
        ),
        SOURCE: (_cells("source", entry) for entry in matching.unmatched_sources),
        TARGET: (_cells("target", entry) for entry in matching.unmatched_targets),
    }


def _pairs(group: Group, rungs: Ladder, number: str, link: str) -> Iterator[Row]:
    why = _why(group, rungs, number) | {"link": link}
    for source in group.sources:
        for target in group.targets:
            yield why | _cells("source", source) | _cells("target", target)


def _each(group: Group, rungs: Ladder, number: str) -> Iterator[Row]:
    why = _why(group, rungs, number)
    yield from (why | _cells("source", source) for source in group.sources)
    yield from (why | _cells("target", target) for target in group.targets)


def _why(group: Group, rungs: Ladder, number: str) -> dict[str, str]:
    return {"matched_by": ", ".join(rungs[group.rung]), "value": ", ".join(group.key), "group": number}


def _cells(side: str, entry: Entry) -> dict[str, str]:
    return {f"{side}_id": entry.record_id, f"{side}_name": entry.name}


def write(folder: Path, lists: Mapping[str, Iterable[Row]]) -> None:
    """Writes the files for their owner alone; never over one that is there. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, rows in lists.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(COLUMNS)
            lines.writerows([masked(row.get(column, "")) for column in COLUMNS] for row in rows)


def masked(text: str) -> str:
    """A cell that no spreadsheet computes or rounds; control characters have no place in a line."""
    plain = "".join(c if c.isprintable() else " " for c in text).strip()
    return f"'{plain}" if plain.isdecimal() and len(plain) >= _ROUNDED else _BEGINS.sub(r"\1\2'", plain)


def unmasked(cell: str) -> str:
    """What a cell says."""
    return _MARK.sub(r"\1\2", cell.strip())


def read(paths: Sequence[Path]) -> Decided:
    """The decisions of some files. Raises SheetError with every mistake, and OSError."""
    pairs: list[Decision] = []
    refused: set[str] = set()
    open_or_paired: set[str] = set()
    wrong: list[str] = []
    yes: dict[tuple[str, str], str] = {}  # both ids -> the first line that says so
    no: dict[tuple[str, str], str] = {}
    for path in paths:
        for place, row in _lines(path, wrong):
            said, source_id, target_id = row["link"].lower(), row["source_id"], row["target_id"]
            if said in _YES:
                bad = [
                    f"{place}: {_no_id(name, row[name])}"
                    for name in ("source_id", "target_id")
                    if not _is_id(row, name)
                ]
                wrong += bad
                if not bad:
                    pairs.append(Decision(place=place, source_id=source_id, target_id=target_id))
            elif said not in _NO and said != "":
                wrong.append(f"{place}: link is {row['link'][:40]!r}; it takes yes, no, or nothing yet")
            (refused if said in _NO else open_or_paired).add(source_id)
            if target_id and (said in _YES or said in _NO):
                mine, other = (yes, no) if said in _YES else (no, yes)
                mine.setdefault((source_id, target_id), place)
                if (before := other.get((source_id, target_id))) is not None:
                    wrong.append(f"{place}: {source_id} and {target_id} have {said} here, and the opposite in {before}")
    if wrong:
        raise SheetError("\n".join(wrong))
    return Decided(pairs=tuple(pairs), refused=frozenset(refused - open_or_paired))


def _lines(path: Path, wrong: list[str]) -> Iterator[tuple[str, Row]]:
    raw = path.read_bytes()
    is_utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # "Unicode text" of a spreadsheet
    text = raw.decode("utf-16" if is_utf_16 else "utf-8-sig", errors="replace")
    if "\0" in text:
        wrong.append(f"{path} is no text that can be read: save it as CSV in UTF-8")
        return
    head = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [unmasked(cell) for cell in next(lines, [])]
        missing = [name for name in ("link", "source_id", "target_id") if name not in columns]
        if missing:
            wrong.append(f"{path} line 1: there is no column {', '.join(missing)}")
            return
        for cells in lines:
            if any(cell.strip() for cell in cells):
                found = dict(zip(columns, (unmasked(cell) for cell in cells), strict=False))
                yield f"{path} line {lines.line_num}", {name: found.get(name, "") for name in COLUMNS}
    except csv.Error as error:
        wrong.append(f"{path} line {lines.line_num}: {error}")


def _is_id(row: Row, name: str) -> bool:
    return is_record_id(row[name])


def _no_id(name: str, text: str) -> str:
    if "E+" in text.upper():
        return f"{name} is {text[:40]!r}: a spreadsheet has rounded it; import that column as text"
    return f"{name} is {text[:40]!r}, which is no record id"
