"""A record and its counterpart as both orgs show them now, translated and read by the code that the road uses. Reads
only: neither an org nor the ledger is written to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from daemon.core.fieldmap import FieldMap
from daemon.core.merge import moment_of
from daemon.core.record import Change, WireRecord
from daemon.core.rules import Route, Stream
from daemon.core.side_by_side import Today, is_asking, side_by_side
from daemon.core.translate import Known, parents_of, translate
from daemon.ledger import GONE, ReadLedger, Story
from daemon.sync.catalog import Catalog
from daemon.sync.changes import ChangeReader
from daemon.sync.pointing import with_modules
from daemon.sync.prepare import Prepared, prepare
from daemon.sync.whole import completed, look_at

_TIME = "Modified_Time"


def look(story: Story, stream: Stream, route: Route, source: Catalog, target: Catalog, ledger: ReadLedger) -> Today:
    """Both records of a story. Raises StreamRefusedError where the stream cannot run, and what the client raises.

    The target is not asked for records that only a match field would find: the source's values leave by a stream, and
    are counted there (egress).
    """
    prepared = prepare(stream, route, source, target, ledger.carried(stream))
    fields = prepared.fields
    change = read_source(prepared, source, story.source_id)
    there = _counterpart(prepared, target, story.target_id)
    if change is None:
        return Today(source_at=None, target_at=moment_of(there or {}), matches=None, fields=())
    asked = replace(fields, rules=tuple(rule for rule in fields.rules if not is_asking(rule)))
    translation = translate(change.values, asked, _known(change, asked, prepared, ledger))
    agreed = ledger.agreed(story)
    return Today(
        source_at=change.modified_time,
        target_at=moment_of(there or {}),
        matches=fields.keep.test(change.values),
        fields=tuple(side_by_side(change.values, there, translation, fields, agreed)),
    )


def read_source(prepared: Prepared, source: Catalog, record_id: str) -> Change | None:
    """A record of the source as the retry lane reads it, with rows, tags and modules; None when it is not there."""
    stream, fields = prepared.stream, prepared.fields
    reader = ChangeReader(source.zoho, stream.source_module, whole=bool(stream.notes_of))
    found = reader.by_ids(fields.columns, [record_id])
    whole, _ = completed(with_modules(found, stream.source_module, fields, source.zoho), prepared, source.zoho)
    return next((change for change in whole if isinstance(change, Change)), None)


def _counterpart(prepared: Prepared, target: Catalog, target_id: str | None) -> WireRecord | None:
    if target_id is None:
        return None
    fields: FieldMap = prepared.fields
    names: Sequence[str] = [*fields.targets, _TIME]
    found, _ = look_at(target.zoho, prepared.stream.target_module, names, fields, [target_id])
    return found.get(target_id)


def _known(change: Change, fields: FieldMap, prepared: Prepared, ledger: ReadLedger) -> Known:
    parents = set(parents_of(change.values, fields))
    known = ledger.counterparts(prepared.stream, parents, prepared.carried)
    gone = ledger.counterparts(prepared.stream, parents - known.keys(), prepared.leaving, GONE)
    return Known(
        parents=known,
        left=frozenset(gone),
        owners=prepared.owners,
        default_owner=prepared.default_owner,
        emails=prepared.in_source.emails,
    )
