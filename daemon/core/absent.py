"""Fields that a stream carried until one of its orgs stopped to show them: renamed overnight, hidden, made read-only.

The stream goes on with its other fields. What it writes meanwhile is noted in the retry queue under the cause
FIELD_ABSENT, and is looked at again when the field is back or the settings say where it is now. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from daemon.core.fieldmap import Absent, FieldMap, columns_of
from daemon.core.fitting import FieldRule
from daemon.core.nearest import there_is
from daemon.core.rules import Stream
from daemon.core.schema import Schema

Ids = Mapping[str, str]
"""API name -> Zoho's id of the field, which a rename leaves as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a stream carried when its records were read last: the versions of its rules by target field (version.py),
    and the ids of the fields of both orgs. `missing` are target fields that were known to be absent then.
    """

    parts: Mapping[str, str] = field(default_factory=dict)
    source: Ids = field(default_factory=dict)
    target: Ids = field(default_factory=dict)
    missing: frozenset[str] = frozenset()

    def __contains__(self, target: str) -> bool:
        return target != "" and target in self.parts


NOTHING: Final = Carried()


def carried(fields: FieldMap, before: Carried) -> Carried:
    """What a stream carries now; of what is absent it stays known what it was."""
    lost = {one.target for one in fields.absent}
    columns = {one.field for one in fields.absent}
    return Carried(
        parts={**{name: version for name, version in before.parts.items() if name in lost}, **fields.parts},
        source={**{name: i for name, i in before.source.items() if name in columns}, **fields.source_ids},
        target={**{name: i for name, i in before.target.items() if name in lost}, **fields.target_ids},
        missing=frozenset(lost),
    )


def renamed(before: Ids, now: Ids) -> dict[str, str]:
    """The names (old -> new) of fields that are carried still and are called otherwise."""
    names = {field_id: name for name, field_id in now.items() if field_id}
    return {old: names[i] for old, i in before.items() if i in names and old not in now}


def replaced(before: Ids, now: Ids) -> frozenset[str]:
    """The names that stand for another field than before."""
    return frozenset(name for name, i in before.items() if i and now.get(name, i) not in (i, ""))


def name_of_today(name: str, before: Ids, schema: Schema) -> str | None:
    """What a field is called now that was known by a name; None where it is not to be seen."""
    known = before.get(name)
    return next((f.api_name for f in schema.fields.values() if known and f.field_id == known), None)


def place(stream: Stream) -> str:
    """Where the settings speak of the stream."""
    return f"routes.{stream.route}.modules.{stream.source_module}"


def not_there(stream: Stream, entry: str, name: str, schema: Schema, before: Carried, *, in_target: bool) -> Absent:
    """A field that one org does not have (any more), with its name of today and the place in the settings to mend."""
    org, module = stream.target if in_target else stream.source, schema.module
    today = name_of_today(name, before.target if in_target else before.source, schema)
    if today is None:
        said = f"has no field {name}{there_is(name, schema.fields)}: if it was renamed, write its API name of today"
    else:
        said = f"calls its field {name} {today} now: write that"
    message = f"{org}'s {module} {said} into {place(stream)}.fields.{entry}"
    return Absent(target=entry, module=module, field=name, message=message, in_target=in_target)


def missed_by_star(
    stream: Stream, before: Carried, rules: Sequence[FieldRule], source: Schema, target: Schema
) -> Iterator[Absent]:
    """What `"*"` carried and only one of the orgs has now. No rule speaks of it, and neither do the table of fields and
    `except`.
    """
    spoken_of = {r.target for r in rules}.union(*(columns_of(r.source) for r in rules)) | stream.fields.except_
    for name in sorted(before.parts.keys() - spoken_of - (stream.fields.table or {}).keys() - {""}):
        if (name in source.fields) != (name in target.fields):
            in_target = name in source.fields
            yield not_there(stream, name, name, target if in_target else source, before, in_target=in_target)
