"""One record of the source beside its counterpart, field by field: what it says, what that makes in the target, and
what is there. Pure. What is written is decided elsewhere (plan.py): here it is said how the two stand to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import orjson

from daemon.core.convert import Json
from daemon.core.digest import OWED, digest_value
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.fitting import FieldRule
from daemon.core.record import WireRecord
from daemon.core.translate import Translation, observe

Standing = Literal[
    "equal",
    "differs",
    "changed there",
    "changed in both",
    "kept",
    "either",
    "new",
    "waits",
    "fault",
    "left",
    "not asked",
    "absent",
]
"""How a field stands. "changed there": the target holds neither what it should nor what it confirmed. "changed in
both": nor does the source say what was confirmed. "kept": it differs, and the settings leave it to the target.
"either": the later edit counts. "new": there is no counterpart yet. "left": it is not written, because its parent was
deleted in the target or the source shows no owner. "not asked": only the target could say which record it should be.
"absent": a field that is not there any more.
"""
_NO_KEY: Final = b""  # these digests are compared and forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNow:
    """One field of the target; the values are as people read them, None for a blank. `about`: what it waits for, or
    what is wrong with it.
    """

    field: str
    made_of: tuple[str, ...]
    source: str | None
    wanted: str | None
    target: str | None
    standing: Standing
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What both orgs show of a record: when it was changed last there (None: it is not there), whether the source's
    matches the filter (None: it is not there), and its fields beside the counterpart's.
    """

    source_at: datetime | None
    target_at: datetime | None
    matches: bool | None
    fields: tuple[FieldNow, ...]

    def has(self, standing: Standing) -> bool:
        """Whether any field stands so."""
        return any(one.standing == standing for one in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What the target confirmed last (digests by field, with the key of the ledger), and in which of these fields a
    comparison saw that somebody has changed it there.
    """

    by_field: Mapping[str, str] = field(default_factory=dict)
    drifted: frozenset[str] = frozenset()
    key: bytes = field(default=b"", repr=False)


def side_by_side(
    record: WireRecord, there: WireRecord | None, translation: Translation, fields: FieldMap, agreed: Agreed
) -> list[FieldNow]:
    """Every mapped field, in the order of the rules, then those that are absent. `there` is None without a counterpart.
    `fields` has the rules by which `translation` was made, and others, of which it says nothing: they were not asked.
    """
    seen = None if there is None else observe(there, fields)
    shown = [_field(rule, record, seen, translation, fields, agreed) for rule in fields.rules]
    named = {name: readable(value) for name, value in (there or {}).items() if isinstance(value, dict)}
    shown = [replace(one, target=named.get(one.field) or one.target) for one in shown]  # records by their names
    return shown + [
        FieldNow(
            field=one.target, made_of=(), source=None, wanted=None, target=None, standing="absent", about=one.message
        )
        for one in fields.absent
    ]


def is_asking(rule: FieldRule) -> bool:
    """Whether the target has to be asked for a record that this field points to."""
    return bool(rule.matches) or any(column.matches for column in rule.rows)


def _field(
    rule: FieldRule,
    record: WireRecord,
    seen: Mapping[str, Json] | None,
    translation: Translation,
    fields: FieldMap,
    agreed: Agreed,
) -> FieldNow:
    name, columns = rule.target, columns_of(rule.source)
    wanted = translation.values.get(name)
    here = None if seen is None else seen.get(name)
    unwritten = _unwritten(rule, translation)
    standing, about = unwritten or (_compared(rule, wanted, here, fields, agreed) if seen is not None else "new", "")
    values = {column: readable(record.get(column)) for column in columns}
    told = [f"{column} {value}" for column, value in values.items() if value is not None]
    return FieldNow(
        field=name,
        made_of=columns,
        source=next(iter(values.values())) if len(values) == 1 else "; ".join(told) or None,
        wanted=readable(wanted),
        target=readable(here),
        standing=standing,
        about=about,
    )


def _unwritten(rule: FieldRule, translation: Translation) -> tuple[Standing, str] | None:
    """Why nothing can be said of what the target should hold; None where it can."""
    if is_asking(rule):
        return "not asked", ""
    for fault in translation.faults:
        if fault.field == rule.target:
            return "fault", fault.message
    for waiting, parent in translation.waits:
        if waiting == rule.target:
            return "waits", f"{parent.module} {parent.record_id} has no counterpart yet"
    return None if rule.target in translation.values else ("left", "")


def _compared(rule: FieldRule, wanted: Json, here: Json, fields: FieldMap, agreed: Agreed) -> Standing:
    name = rule.target
    if digest_value(wanted, _NO_KEY) == digest_value(here, _NO_KEY):
        return "equal"
    if name in fields.made_once or (name in fields.into_blank and here not in (None, "", [])):
        return "kept"
    if name in fields.newest:
        return "either"
    if name in agreed.drifted:
        return "changed there"
    confirmed = agreed.by_field.get(name)
    if confirmed in (None, OWED) or digest_value(here, agreed.key) == confirmed:
        return "differs"
    return "changed there" if digest_value(wanted, agreed.key) == confirmed else "changed in both"


def readable(value: object) -> str | None:
    """A value of a record as people read it: a record or a person by name and id, several things with commas."""
    if value is None or value in ("", []):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        if "id" in value and value.keys() <= {"id", "name", "email", "module"}:
            return f"{value['name']} ({value['id']})" if value.get("name") else str(value["id"])
        is_tag = "name" in value and value.keys() <= {"name", "id", "color_code"}
        return str(value["name"]) if is_tag else orjson.dumps(value).decode()
    if isinstance(value, list):
        return ", ".join(text for one in value if (text := readable(one)) is not None) or None
    return str(value)
