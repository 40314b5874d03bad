"""Both ways: what is agreed on once a pact is kept, by its own stream and by the others of its circle. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from daemon.core.digest import Digests, digest_value, without
from daemon.core.edits import Basis, Came, Column, Dated, Edit, Held, Mark, together
from daemon.core.fieldmap import FieldMap
from daemon.core.merge import LATELY, Pact, observed
from daemon.core.record import WireRecord
from daemon.core.rules import Stream

_MOST: Final = 11  # writes of one field within an hour that are told apart
_UNKNOWN: Final = Column()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is agreed on if a write is done; its answer may not come."""

    pact: Pact
    digests: Digests


def fulfilled(promise: Promise, target: WireRecord, stream: Stream, fields: FieldMap, key: bytes) -> Promise | None:
    """What of a promise holds, by the target's record: the fields that hold what was sent for them; None: not one.

    Of the others nobody can tell: somebody may have edited them since, or the write was not done. (Nor does a record
    that a create was to make show that it did: it may be there from before the ledger was lost.)
    """
    by_field, sent = promise.digests.by_field, promise.pact.sent
    there = {n for n in sent.keys() & by_field.keys() if digest_value(observed(n, target, fields), key) == by_field[n]}
    if not there:
        return None
    missing = sent.keys() - there
    unsettled = {column for name in missing for column in sent[name].came.get(stream.source, ())}
    pact = replace(
        promise.pact,
        columns={name: value for name, value in promise.pact.columns.items() if name not in unsettled},
        sent={name: edit for name, edit in sent.items() if name in there},
        open=promise.pact.open | missing,
        conflicts=tuple(one for one in promise.pact.conflicts if one.field in there),
    )
    return Promise(pact=pact, digests=without(promise.digests, frozenset(missing), fields.version, key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A pact that is kept: what the target's fields hold now (digests), and the Modified_Time that it shows, if any."""

    pact: Pact
    by_field: Mapping[str, str]
    at: datetime | None


def after_own(basis: Basis, kept: Kept, source: str) -> Basis:
    """For the stream itself: what the source's fields are now, and what the target's are. A mark lasts until that
    value or a later one goes on from there: it says what the target held when the value left there.
    """
    moved = {name for edit in kept.pact.sent.values() for name in edit.came.get(source, ())}
    columns, held = dict(basis.columns), dict(basis.held)
    for name, value in kept.pact.columns.items():
        mark = columns.get(name, _UNKNOWN).mark
        is_past = name in moved and mark is not None and mark.edit.at <= value.at
        columns[name] = Column(agreed=value, mark=None if is_past else mark)
    at = kept.at
    for name, digest in kept.by_field.items():
        before = held.get(name)
        lately = before.lately if before else ()
        if name in kept.pact.sent and at is not None:
            recent = [write for write in lately if at - write[1] < LATELY][-_MOST:]
            held[name] = Held(digest=digest, at=at, lately=(*recent, (digest, at)))
        elif name not in kept.pact.open:
            held[name] = Held(digest=digest, at=before.at if before else None, lately=lately)
    return replace(basis, columns=columns, held=held)


def after_other(basis: Basis, kept: Kept, target: str) -> Basis:
    """For a stream that reads what was written: it is ours, and agreed already if it came through its own target."""
    if kept.at is None:
        return basis
    columns = dict(basis.columns)
    for name, edit in kept.pact.sent.items():
        digest = kept.by_field.get(name)
        if digest is not None:
            before = columns.get(name, _UNKNOWN)
            columns[name] = Column(
                agreed=Dated(digest=digest, at=edit.at, meant=edit.meant) if target in edit.came else before.agreed,
                mark=Mark(digest=digest, at=kept.at, edit=_over(before.mark, edit)),
            )
    return replace(basis, columns=columns)


def passes_on(kept: Kept, target: str) -> bool:
    """Whether an edit has to go on to this org from where nothing was written for it, as it was so there already."""
    unwritten = kept.at is not None and kept.at == kept.pact.at
    return unwritten and any(target not in edit.came for edit in kept.pact.sent.values())


def _over(before: Mark | None, edit: Edit) -> Edit:
    """An edit as it lies over what was written there before."""
    if before is None:
        return edit
    known = together([before.edit.over, before.edit.came, edit.over])
    return replace(edit, over={org: held for org, held in known.items() if org not in edit.came})


def after_way_back(basis: Basis, columns: Mapping[str, Dated], target: str) -> Basis:
    """For the stream that leads straight back: its target was seen to hold these values."""
    now = {name: value.digest for name, value in columns.items()}
    held = dict(basis.held)
    for name, digest in now.items():
        held[name] = Held(digest=digest, lately=held[name].lately if name in held else ())
    return replace(
        basis, held=held, columns={name: _seen(column, now, target) for name, column in basis.columns.items()}
    )


def _seen(column: Column, now: Mapping[str, str], target: str) -> Column:
    if column.mark is None:
        return column
    edit = column.mark.edit
    fresh = replace(edit, came=_refreshed(edit.came, now, target), over=_refreshed(edit.over, now, target))
    return replace(column, mark=replace(column.mark, edit=fresh))


def _refreshed(came: Came, now: Mapping[str, str], org: str) -> Came:
    if org not in came:
        return came
    return {**came, org: {name: now.get(name, digest) for name, digest in came[org].items()}}
