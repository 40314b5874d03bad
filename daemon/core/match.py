"""Which records of two full orgs are the same thing: a ladder of keys, from the most to the least certain.

Pure, and the same whichever side is called the source and in whatever order records come. What is equal is decided by
`comparable`; what follows from it by `match`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from daemon.core.convert import Json
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.rules import Ladder
from daemon.core.schema import Schema

Key = tuple[str, ...]
"""What a record shows on one rung: the values of its fields, in a form in which equal ones are equal."""
_TEXTS: Final = ("text", "textarea", "email", "website", "picklist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record that may be paired: `keys` has one key a rung, None where a field of the rung is blank."""

    record_id: str
    name: str
    keys: tuple[Key | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Records that show the same key on a rung (its place in the ladder): one on each side is a certain pair."""

    rung: int
    key: Key
    sources: tuple[Entry, ...]
    targets: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Every record stands in exactly one of these; all in the order of ids."""

    certain: tuple[Group, ...]
    ambiguous: tuple[Group, ...]
    unmatched_sources: tuple[Entry, ...]
    unmatched_targets: tuple[Entry, ...]


def match(sources: Iterable[Entry], targets: Iterable[Entry]) -> Matching:
    """Goes down the ladder. A record that has a candidate on a rung is decided there: it is paired when both have no
    other, else a person decides. Only who has none tries the next rung; so no record is ever offered twice.
    """
    ours, theirs = list(sources), list(targets)
    certain: list[Group] = []
    ambiguous: list[Group] = []
    for rung in range(max((len(entry.keys) for entry in (*ours, *theirs)), default=0)):
        by_key, others = _by_key(ours, rung), _by_key(theirs, rung)
        shared = by_key.keys() & others.keys()
        for key in shared:
            group = Group(rung=rung, key=key, sources=_sorted(by_key[key]), targets=_sorted(others[key]))
            (certain if len(by_key[key]) == len(others[key]) == 1 else ambiguous).append(group)
        ours = [entry for entry in ours if entry.keys[rung] not in shared]
        theirs = [entry for entry in theirs if entry.keys[rung] not in shared]
    return Matching(
        certain=tuple(sorted(certain, key=_first)),
        ambiguous=tuple(sorted(ambiguous, key=_first)),
        unmatched_sources=_sorted(ours),
        unmatched_targets=_sorted(theirs),
    )


def _by_key(entries: Iterable[Entry], rung: int) -> dict[Key, list[Entry]]:
    found: dict[Key, list[Entry]] = {}
    for entry in entries:
        if (key := entry.keys[rung]) is not None:
            found.setdefault(key, []).append(entry)
    return found


def _sorted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: int(entry.record_id)))


def _first(group: Group) -> tuple[int, int]:
    return group.rung, int(group.sources[0].record_id)


def keys_of(values: Mapping[str, Json], ladder: Ladder, types: Mapping[str, str]) -> tuple[Key | None, ...]:
    """A record's keys from its canonical values; `types` are the target fields' data types."""
    return tuple(_key([comparable(values.get(name), types[name]) for name in rung]) for rung in ladder)


def _key(parts: list[str | None]) -> Key | None:
    """A blank field never matches, however many others are equal."""
    whole = [part for part in parts if part is not None]
    return tuple(whole) if len(whole) == len(parts) else None


def comparable(value: Json, data_type: str) -> str | None:
    """A value in the form in which it is compared: texts without case and outer blanks, phones by their digits, the
    rest as it is; None for a blank one.
    """
    if data_type == "phone":
        return "".join(str(unicodedata.decimal(c)) for c in str(value or "") if c.isdecimal()) or None
    if isinstance(value, str) and data_type in _TEXTS:
        return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).casefold()).split()) or None
    if value is None or value in ("", []):
        return None
    same = sorted(value, key=str) if isinstance(value, list) else value
    return orjson.dumps(same, option=orjson.OPT_SORT_KEYS).decode()


def ladder_fields(fields: FieldMap, ladder: Ladder) -> FieldMap:
    """Only what the ladder and the filter need of a stream's fields. A default is no value: blanks are not alike."""
    wanted = {name for rung in ladder for name in rung}
    rules = tuple(replace(rule, default=None) for rule in fields.rules if rule.target in wanted)
    columns = {column for rule in rules for column in columns_of(rule.source)} | fields.keep.fields
    return replace(fields, rules=rules, columns=tuple(sorted(columns - {"id", "Modified_Time"})))


def name_fields(schema: Schema) -> tuple[str, ...]:
    """The fields by which people know a record: the names of a person, else the module's first mandatory text."""
    people = tuple(name for name in ("First_Name", "Last_Name") if name in schema.fields)
    texts = (f.api_name for f in schema.fields.values() if f.mandatory and f.data_type == "text")
    return people if "Last_Name" in people else tuple(texts)[:1]
