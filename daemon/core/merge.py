"""Both ways: which of the edited fields go to the target, and who wins where it was edited too. Pure.

Every stream of a circle decides alike (the later edit, however far it has come; in a tie the org that the primary route
starts from), so that all orgs end with one value, and the winner's own way carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from daemon.core.convert import Json, Values, canonical
from daemon.core.digest import Digests, digest_value, together
from daemon.core.edits import Basis, Dated, Edit, Edits, People
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.fitting import FieldRule
from daemon.core.record import Change, WireRecord, parse_instant
from daemon.core.rules import Stream

_ALTERNATIONS: Final = 3
LATELY: Final = timedelta(hours=1)
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

    `columns` are the source's fields. `sent` are the target fields that hold the source's value by this step, each with
    its edit as it leaves the source; on the fields `open` nothing is agreed. `at` is the Modified_Time that the target
    shows, where nothing is written now. `conflicts` were won by the source.
    """

    columns: Mapping[str, Dated]
    sent: Mapping[str, Edit]
    open: frozenset[str] = frozenset()
    at: datetime | None = None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The two sides of one record: what the source says and what of it was edited, in the target's terms; their stream
    and rules, what they agreed on, what the target is known to hold (digests by target field), and who is who there.
    """

    change: Change
    values: Values
    digests: Digests
    edits: Edits
    stream: Stream
    fields: FieldMap
    basis: Basis
    confirmed: Mapping[str, str]
    people: People
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


def merge(differing: frozenset[str], seen: WireRecord, sides: Sides) -> Merged:
    """Sorts out the fields that either side may change; for the others `differing` holds.

    `seen` is the target's record as it is (empty: not looked at, or not to be found). A lookup's own translation is
    exact, so it also counts as edited when its parent got another counterpart. Of the others a blank that nobody has
    agreed on yet gives way: the way back may have made the record without that field.
    """
    fields, found, digests = sides.fields, sides.edits, sides.digests
    either = fields.newest
    lookups = frozenset(rule.target for rule in fields.rules if rule.kind in ("lookup", "multilookup"))
    edited = either & (found.fields.keys() | (differing & lookups)) & digests.by_field.keys()
    moment = moment_of(seen)
    verdicts = {name: _verdict(name, seen, moment, sides) for name in sorted(edited)} if moment is not None else {}
    same = {name for name, verdict in verdicts.items() if verdict == "same"}
    lost = frozenset(name for name, verdict in verdicts.items() if verdict == "theirs")
    conflicts = tuple(verdict for verdict in verdicts.values() if isinstance(verdict, Conflict))
    yielding = {n for n in differing - either if sides.values[n] is None and n not in sides.basis.held}
    names = (differing - either - yielding) | (edited - same - lost)
    kept = (either - edited) | lost | yielding
    by_field = {name: digest for name, digest in digests.by_field.items() if name not in kept}
    by_field |= {name: sides.confirmed[name] for name in kept if name in sides.confirmed}
    return Merged(
        names=names,
        lost=lost,
        digests=together(by_field, fields.version, sides.key),
        pact=pact(names | same, found, sides.stream, fields, but=lost | yielding, at=moment, conflicts=conflicts),
        is_idle=not same and not found.settles and by_field == sides.confirmed,
        to_and_fro=next((n for n in sorted(names & edited) if moment and _is_to_and_fro(n, moment, seen, sides)), None),
    )


def without_columns(merged: Merged, names: frozenset[str]) -> Merged:
    """Nothing is agreed on these fields of the source."""
    if not names:
        return merged
    columns = {name: value for name, value in merged.pact.columns.items() if name not in names}
    return replace(merged, pact=replace(merged.pact, columns=columns))


def _verdict(
    name: str, seen: WireRecord, moment: datetime, sides: Sides
) -> Conflict | Literal["same", "ours", "theirs"]:
    """What becomes of a field that was edited in the source: both hold the same, one of them counts, or the source has
    won a conflict.
    """
    found, value = sides.edits, sides.values[name]
    theirs = observed(name, seen, sides.fields)
    digest = digest_value(theirs, sides.key)
    if digest == sides.digests.by_field[name]:
        return "same"
    if _untouched(name, digest, moment, seen, sides):
        return "ours"
    if name not in found.fields:
        return "theirs"  # nobody has edited this lookup here: it would only be translated anew
    other = _edit_there(name, digest, moment, seen, sides)
    agreed = name in sides.basis.held or name in found.looped
    rule = _contest(found.of(name), value, other, theirs, sides.stream, agreed=agreed)
    if rule == "ours" or rule == "theirs":  # noqa: PLR1714 - mypy narrows only this
        return rule
    return Conflict(
        field=name,
        source_value=value,
        target_value=theirs,
        source_author=found.of(name).by,
        target_author=other.by or sides.people.author(seen),
        source_time=found.of(name).at,
        target_time=other.at,
        rule=rule,
    )


def _is_to_and_fro(name: str, moment: datetime, seen: WireRecord, sides: Sides) -> bool:
    """Whether the target has been moved away from this value again and again; a person who changes his mind is another
    matter: then the target still holds what was written last.
    """
    held = sides.basis.held.get(name)
    if held is None:
        return False
    if held.at is not None and digest_value(observed(name, seen, sides.fields), sides.key) == held.digest:
        return False
    wanted = sides.digests.by_field[name]
    same = [at for digest, at in held.lately if digest == wanted and moment - at < LATELY]
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
        columns={name: value for name, value in found.columns.items() if name in used - open_},
        sent={rule.target: _passed_on(rule, found, stream) for rule in fields.rules if rule.target in sent},
        open=frozenset(but),
        at=at,
        conflicts=conflicts,
    )


def observed(name: str, record: WireRecord, fields: FieldMap) -> Json:
    """A field of the target's record in canonical form."""
    kind = next(rule.kind for rule in fields.rules if rule.target == name)
    return canonical(kind, record.get(name))


def _untouched(name: str, digest: str, moment: datetime, seen: WireRecord, sides: Sides) -> bool:
    """Whether nobody has changed a field of the target since both sides agreed: it holds what the source's value itself
    came from, or what was confirmed (which of the two is newer, only the way here would tell), or what the target made
    of what we wrote.
    """
    held = sides.basis.held.get(name)
    if digest in (sides.edits.looped.get(name), held and held.digest):
        return True
    return held is not None and moment == held.at and sides.people.are_we(seen)


def _edit_there(name: str, digest: str, moment: datetime, seen: WireRecord, sides: Sides) -> Edit:
    """The edit that the target's value is, by what the streams know that read it there."""
    columns = sides.basis.theirs.get(name, ())
    for column in columns:
        mark = column.marked(digest, moment, by_us=sides.people.are_we(seen))
        if mark is not None:
            return mark.edit
    known = [agreed for column in columns if (agreed := column.still_agreed(digest)) is not None]
    if known:
        return Edit(came={}, at=min(one.at for one in known), meant=any(one.meant for one in known))
    return Edit(came={}, at=moment, meant=bool(columns))


def _contest(
    mine: Edit, my_value: Json, theirs: Edit, their_value: Json, stream: Stream, *, agreed: bool
) -> Decided | Literal["ours", "theirs"]:
    """What lets the source's value win, or "theirs". A blank that is no edit gives way before the first agreement, and
    that is no conflict ("ours").
    """
    if their_value is None and not (agreed or theirs.meant):
        return "ours"
    if my_value is None and not (agreed or mine.meant):
        return "theirs"
    if mine.at != theirs.at:
        return "newest" if mine.at > theirs.at else "theirs"
    orgs = next(iter(mine.came), stream.source), next(iter(theirs.came), stream.target)
    first = stream.primary if stream.primary in orgs else min(orgs)
    return "primary" if orgs[0] == first else "theirs"


def _passed_on(rule: FieldRule, found: Edits, stream: Stream) -> Edit:
    """The edit of a target field as it leaves the source."""
    edit = found.of(rule.target)
    here = {name: found.columns[name].digest for name in columns_of(rule.source) if name in found.columns}
    return replace(edit, came={**edit.came, stream.source: here})


def moment_of(record: WireRecord) -> datetime | None:
    """The Modified_Time that a record shows, if it can be read."""
    try:
        return parse_instant(record.get("Modified_Time"))
    except ValueError:
        return None
