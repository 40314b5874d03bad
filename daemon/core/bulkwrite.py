"""Records as the rows of a bulk write's CSV (facts 7.2), and which streams can be written by one.

A cell says less than JSON, and how Zoho reads it is confirmed nowhere. So a value that a cell might not say exactly
keeps its record out of the file, and what was made of the others is compared with what was sent (`promise_of`).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from daemon.core.convert import Json, Kind, plain_number
from daemon.core.digest import digest_value
from daemon.core.fieldmap import FieldMap
from daemon.core.fitting import FieldRule
from daemon.core.record import WireRecord, is_record_id
from daemon.core.rules import Stream
from daemon.core.schema import Field, Schema
from daemon.core.steps import Create
from daemon.core.translate import observe

MOST_COLUMNS: Final = 200
MOST_BYTES: Final = 20 * 1024 * 1024  # before the zip, of which Zoho takes 25 MB
_NOT_WRITABLE: Final = frozenset({"Notes", "Attachments", "Emails"})
_SEPARATOR: Final = ";"
_RESULT: Final = ("STATUS", "RECORD_ID", "ERRORS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the CSV: a field of the target, and how its values are spelt."""

    api_name: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a row says of a record, as digests in the order of the columns, so that little is held of each."""

    source_id: str
    key: str
    digests: str


def _text(value: Json) -> str:
    """Blanks around a text, or a lone carriage return, may not survive a CSV."""
    text = str(value)
    if text != text.strip() or "\r" in text or "\0" in text:
        raise ValueError("a CSV may trim or cut it")
    return text


def _number(value: Json) -> str:
    return plain_number(value) if isinstance(value, (int, float)) else _text(value)


def _boolean(value: Json) -> str:
    return "true" if value else "false"


def _choices(value: Json) -> str:
    chosen = [_text(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if any(_SEPARATOR in one for one in chosen):
        raise ValueError("a choice has a semicolon, by which a CSV joins them")
    return _SEPARATOR.join(chosen)


def _linked(value: Json) -> str:
    if not isinstance(value, dict) or value.keys() != {"id"}:
        raise ValueError("a CSV names no module")
    return value["id"]


_CELLS: Final[Mapping[Kind, Callable[[Json], str]]] = {
    **dict.fromkeys(("text", "bigint", "date", "datetime"), _text),
    "number": _number,
    "boolean": _boolean,
    "multiselect": _choices,
    **dict.fromkeys(("lookup", "owner", "user"), _linked),
}
"""How a value is spelt, by the kind of its field."""


def unfit_to_write(stream: Stream, fields: FieldMap, target: Schema) -> str | None:
    """Why a stream is not written by bulk write, in words that follow its name; None when it can be."""
    if fields.key is None:
        return "it has no key, by which a row that came twice would be refused"
    if stream.triggers:
        return "its automations are to run, and none can be asked for"
    if stream.target_module in _NOT_WRITABLE or stream.circle:
        return f"{stream.target_module} are not made from files"
    if len(fields.rules) >= MOST_COLUMNS:
        return f"it has more than {MOST_COLUMNS} fields"
    return next((why for rule in fields.rules if (why := _unfit(rule, target.fields.get(rule.target)))), None)


def _unfit(rule: FieldRule, field: Field | None) -> str | None:
    if rule.kind not in _CELLS or rule.links is not None:
        return f"{rule.target} holds {rule.kind}, which a CSV does not say whole"
    if field is None or field.rich_text:
        return f"{rule.target} is rich text, which is not shown whole where it is read back"
    return None


def columns_of(fields: FieldMap) -> list[Column]:
    """The columns of a stream's CSVs. The result shows the first three of them beside its own: the key is one, and
    none that is called as they are, if there are others.
    """
    names = {rule.target: rule.kind for rule in fields.rules if rule.target != fields.key}
    last = sorted(names, key=lambda name: name.upper() in _RESULT)
    return [
        Column(api_name=fields.key or "", kind="text"),
        *(Column(api_name=name, kind=names[name]) for name in last),
    ]


class Sheet:
    """A CSV that grows by creates, up to so many rows and bytes. `carried` are the source ids of those in it."""

    def __init__(self, columns: Sequence[Column], most: int, most_bytes: int) -> None:
        self.columns = columns
        self.content = bytearray()
        self.carried: set[str] = set()
        self._table = csv.writer(_Line(), lineterminator="\n")
        self._most, self._most_bytes = most, most_bytes
        self._full = False
        self._append([column.api_name for column in columns])
        self._head = len(self.content)

    def add(self, steps: Iterable[Create]) -> None:
        """Those of which a cell says every value exactly, until it is full."""
        for step in steps:
            try:
                row = _row(step, self.columns)
            except ValueError:
                continue
            if self._full or len(self.carried) == self._most or not self._append(row):
                self._full = True
                return
            self.carried.add(step.change.record_id)

    def has_room(self, rows: int) -> bool:
        """Whether so many more fit, if they are as long as those so far."""
        each = (len(self.content) - self._head) / max(1, len(self.carried))
        return not self._full and len(self.content) + rows * each <= self._most_bytes

    def _append(self, row: Sequence[str]) -> bool:
        line = self._table.writerow(row).encode()
        fits = len(self.content) + len(line) <= self._most_bytes
        if fits:
            self.content += line
        return fits


class _Line:
    """Gives a line back to whoever writes a row."""

    def write(self, line: str) -> str:
        return line


def _row(step: Create, columns: Sequence[Column]) -> list[str]:
    """The cells of a record. Raises ValueError for one that a row does not say exactly, or that lacks something yet."""
    names = [column.api_name for column in columns]
    if step.later is not None or step.values.keys() != set(names) or not step.digests.by_field.keys() >= set(names[1:]):
        raise ValueError("something of it comes later")
    values = [(column.kind, step.values[column.api_name]) for column in columns]
    return ["" if value is None else _CELLS[kind](value) for kind, value in values]


def promise_of(step: Create, columns: Sequence[Column]) -> Promise:
    """What the row of a create says."""
    by_field = step.digests.by_field
    digests = " ".join(by_field[column.api_name] for column in columns[1:])
    return Promise(source_id=step.change.record_id, key=step.match[columns[0].api_name], digests=digests)


def read_as(
    promise: Promise, row: WireRecord, fields: FieldMap, columns: Sequence[Column], secret: bytes
) -> Literal["promised", "otherwise", "another"]:
    """What the record of the target that the result names for a row reads as. Another: its key is not the one that was
    sent, so it may be anybody's; but a key that is none, beside all else that was sent, was spoilt on the way.
    """
    seen, (key, *others) = observe(row, fields), columns
    same = " ".join(digest_value(seen[column.api_name], secret) for column in others) == promise.digests
    shown = row.get(key.api_name)
    if shown != promise.key:
        return "another" if not same or _is_key(shown) else "otherwise"
    return "promised" if same else "otherwise"


def _is_key(value: object) -> bool:
    return isinstance(value, str) and all(map(is_record_id, value.partition(":")[::2]))
