"""Fields that a stream carried until one of its orgs stopped to show them: renamed overnight, hidden, made read-only.

The stream goes on with its other fields. What it writes meanwhile is noted in the retry queue under the cause
FIELD_ABSENT, and is looked at again when the field is back or the settings say where it is now. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from daemon.core.fieldmap import Absent, columns_of
from daemon.core.fitting import FieldRule
from daemon.core.nearest import there_is
from daemon.core.rules import Stream
from daemon.core.schema import Schema


def place(stream: Stream) -> str:
    """Where the settings speak of the stream."""
    return f"routes.{stream.route}.modules.{stream.source_module}"


def not_there(stream: Stream, entry: str, name: str, schema: Schema, *, in_target: bool) -> Absent:
    """A field that one org does not have (any more), with the nearest one and the place in the settings to mend."""
    org, module = (stream.target, stream.target_module) if in_target else (stream.source, stream.source_module)
    message = (
        f"{org}'s {module} has no field {name}{there_is(name, schema.fields)}: if it was renamed, correct "
        f"{place(stream)}.fields.{entry} to its API name of today"
    )
    return Absent(target=entry, module=module, field=name, message=message)


def missed_by_star(
    stream: Stream, before: Collection[str], rules: Sequence[FieldRule], source: Schema, target: Schema
) -> Iterator[Absent]:
    """What `"*"` carried and only one of the orgs has now. No rule speaks of it, and `except` does not name it."""
    spoken_of = {r.target for r in rules}.union(*(columns_of(r.source) for r in rules)) | stream.fields.except_
    for name in sorted(set(before) - spoken_of):
        if (name in source.fields) != (name in target.fields):
            in_target = name in source.fields
            yield not_there(stream, name, name, target if in_target else source, in_target=in_target)
