"""Both ways: which of the edited fields go to the target, and who wins where it was edited too. Pure.

Both ways decide alike (the later Modified_Time; the primary route in a tie), and the winner's own way carries its
value: the record that was changed last is seen by its stream after the change, and then nothing is later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from daemon.core.convert import Json, Values, canonical
from daemon.core.digest import Digests, digest_value, together
from daemon.core.edits import Basis, Edits, author
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.record import Change, WireRecord, parse_instant
from daemon.core.rules import Stream

_ALTERNATIONS: Final = 3
_LATELY: Final = timedelta(hours=1)
Decided = Literal["newest", "primary"]
"""What decided: the later edit; or, as both came in one second, the route that is named primary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that both sides changed: both values in the target's terms, both authors and times, and what decided."""

    field: str
    source_value: Json
    target_value: Json
    source_author: str | None
    target_author: str | None
    source_time: datetime
    target_time: datetime
    rule: Decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Pact:
    """What both sides will have agreed on once a step is done.

    `columns` are digests of the source's fields. `sent` are the target fields that hold the source's value by this
    step, each with the orgs that the value came through; on the fields `open` nothing is agreed. `at` is the
    Modified_Time that the target shows, where nothing is written now. `conflicts` were won by the source.
    """

    columns: Mapping[str, str]
    sent: Mapping[str, frozenset[str]]
    open: frozenset[str] = frozenset()
    at: datetime | None = None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The two sides of one record: their stream and rules, what they agreed on, what the target is known to hold
    (digests by target field), and the user that orgsync is there.
    """

    stream: Stream
    fields: FieldMap
    basis: Basis
    confirmed: Mapping[str, str]
    me: str | None
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What is to be written (`names`), and what is agreed then. `lost` are edits of the source that the target's win
    over; the other way carries those back. `is_idle`: nothing new is agreed. `to_and_fro` would be written, but was
    written so often lately that something in the orgs must be changing it back (design 9).
    """

    names: frozenset[str]
    lost: frozenset[str]
    digests: Digests
    pact: Pact
    is_idle: bool
    to_and_fro: str | None = None


def merge(
    change: Change,
    differing: frozenset[str],
    values: Values,
    digests: Digests,
    seen: WireRecord,
    found: Edits,
    sides: Sides,
) -> Merged:
    """Sorts out the fields that either side may change; for the others `differing` holds.

    `seen` is the target's record as it is (empty: not looked at, or not to be found). A lookup's own translation is
    exact, so it also counts as edited when its parent got another counterpart. Of the others a blank that nobody has
    agreed on yet gives way: the way back may have made the record without that field.
    """
    fields = sides.fields
    either = fields.newest
    lookups = frozenset(rule.target for rule in fields.rules if rule.kind in ("lookup", "multilookup"))
    edited = either & (found.fields.keys() | (differing & lookups)) & digests.by_field.keys()
    same, lost, conflicts = set[str](), set[str](), []
    moment = _moment(seen)
    if moment is not None:
        for name in sorted(edited):
            theirs = observed(name, seen, fields)
            digest = digest_value(theirs, sides.key)
            if digest == digests.by_field[name]:
                same.add(name)
            elif not _untouched(name, digest, moment, seen, found, sides):
                rule = _contest(change, values[name], theirs, moment, sides.stream, agreed=name in sides.basis.held)
                if rule == "theirs":
                    lost.add(name)
                elif rule != "ours":
                    conflicts.append(_conflict(name, rule, change, values[name], theirs, moment, seen))
    yielding = {n for n in differing - either if values[n] is None and n not in sides.basis.held}
    names = (differing - either - yielding) | (edited - same - lost)
    kept = (either - edited) | lost | yielding
    by_field = {name: digest for name, digest in digests.by_field.items() if name not in kept}
    by_field |= {name: sides.confirmed[name] for name in kept if name in sides.confirmed}
    return Merged(
        names=names,
        lost=frozenset(lost),
        digests=together(by_field, fields.version, sides.key),
        pact=pact(
            names | same, found, sides.stream, fields, but=lost | yielding, at=moment, conflicts=tuple(conflicts)
        ),
        is_idle=not same and not found.settles and by_field == sides.confirmed,
        to_and_fro=next((n for n in sorted(names & edited) if _is_to_and_fro(n, digests, moment, sides)), None),
    )


def _is_to_and_fro(name: str, digests: Digests, moment: datetime | None, sides: Sides) -> bool:
    held = sides.basis.held.get(name)
    if held is None or moment is None:
        return False
    same = [at for digest, at in held.lately if digest == digests.by_field[name] and moment - at < _LATELY]
    return len(same) >= _ALTERNATIONS


def pact(
    sent: frozenset[str],
    found: Edits,
    stream: Stream,
    fields: FieldMap,
    *,
    but: set[str] | frozenset[str] = frozenset(),
    at: datetime | None = None,
    conflicts: tuple[Conflict, ...] = (),
) -> Pact:
    """What is agreed when the target holds these fields; of the fields `but` nothing is."""
    used = {name for r in fields.rules if r.target not in but | fields.made_once for name in columns_of(r.source)}
    used |= {name for r in fields.rules if r.target in sent for name in columns_of(r.source)}
    open_ = {name for r in fields.rules if r.target in but for name in columns_of(r.source)}
    return Pact(
        columns={name: digest for name, digest in found.columns.items() if name in used - open_},
        sent={name: found.fields.get(name, frozenset()) | {stream.source} for name in sent},
        open=frozenset(but),
        at=at,
        conflicts=conflicts,
    )


def observed(name: str, record: WireRecord, fields: FieldMap) -> Json:
    """A field of the target's record in canonical form."""
    kind = next(rule.kind for rule in fields.rules if rule.target == name)
    return canonical(kind, record.get(name))


def _untouched(name: str, digest: str, moment: datetime, seen: WireRecord, found: Edits, sides: Sides) -> bool:
    """Whether nobody has changed a field of the target since both sides agreed: it holds what was confirmed, or what
    the target made of what we wrote, or what the source's value itself came from.
    """
    held = sides.basis.held.get(name)
    if held is not None and digest == held.digest:
        return True
    if held is not None and moment == held.at and sides.me is not None and author(seen)[0] == sides.me:
        return True
    return name in found.looped and moment <= found.looped[name]


def _contest(
    change: Change, mine: Json, theirs: Json, moment: datetime, stream: Stream, *, agreed: bool
) -> Decided | Literal["ours", "theirs"]:
    """What lets the source's value win, or "theirs". Before the first agreement a blank is no edit: it gives way, and
    that is no conflict ("ours").
    """
    if not agreed and (mine is None or theirs is None):
        return "ours" if theirs is None else "theirs"
    if change.modified_time == moment:
        return "primary" if stream.wins_ties else "theirs"
    return "newest" if change.modified_time > moment else "theirs"


def _conflict(
    name: str, rule: Decided, change: Change, mine: Json, theirs: Json, moment: datetime, seen: WireRecord
) -> Conflict:
    return Conflict(
        field=name,
        source_value=mine,
        target_value=theirs,
        source_author=author(change.values)[1],
        target_author=author(seen)[1],
        source_time=change.modified_time,
        target_time=moment,
        rule=rule,
    )


def _moment(record: WireRecord) -> datetime | None:
    try:
        return parse_instant(record.get("Modified_Time"))
    except ValueError:
        return None
