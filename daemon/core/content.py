"""What the target should hold of a record, and what it is known to hold: create, update, or leave it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from daemon.core import notes
from daemon.core.agreement import fulfilled
from daemon.core.causes import (
    FIELD_ABSENT,
    ORIGIN_UNKNOWN,
    OSCILLATION,
    TARGET_GONE,
    TOO_MANY_ROWS,
    WAITS_FOR_PARENT,
    Cause,
)
from daemon.core.composed import left_out, sendable, surplus_tags
from daemon.core.convert import Json, Values
from daemon.core.digest import (
    OWED,
    Digests,
    blanked_fields,
    changed_fields,
    cover,
    digest_values,
    together,
    with_kept,
    without,
)
from daemon.core.drift import report
from daemon.core.edits import NOTHING, Edits, edits
from daemon.core.fieldmap import Absent, FieldMap, columns_of
from daemon.core.knowledge import Knowledge
from daemon.core.merge import Sides, merge, moment_of, pact, without_columns
from daemon.core.record import Change, Seen, WireRecord
from daemon.core.rules import Stream
from daemon.core.steps import Create, Defer, Hold, Keep, Late, Link, Step, Update
from daemon.core.translate import Parent, Translation, observe, translate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the target should hold of a record, and what was edited, where edits may come back."""

    change: Change
    values: Values
    digests: Digests
    later: Hold | None
    cut: tuple[str, ...]
    edited: Edits | None


def content(change: Change, stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None) -> Step:
    """Create, update, or leave as it is: by what B is known to hold."""
    candidates = knowledge.found.get(change.record_id)
    translation = _complete(change, stream, fields, knowledge)
    if not isinstance(translation, Translation):
        return translation
    key = knowledge.digest_key
    lasting = _without(translation.values, fields.made_once)
    basis = knowledge.bases.get(change.record_id, NOTHING)
    wanted = _Wanted(
        change=change,
        values=translation.values,
        digests=digest_values(lasting, fields.version, key),
        later=_waits(change, *translation.waits[0]) if translation.waits else _lacks(change, fields.absent),
        cut=translation.cut,
        edited=edits(change, fields, basis, stream.target, knowledge.in_source, key) if stream.circle else None,
    )
    if link is not None and (link.state in ("deleted", "gone") or change.record_id in knowledge.ended):
        link = None  # it came back in the source, or is to come back in the target: a new counterpart
    held = link if candidates is None else looked_up(change, wanted.values, stream, fields, knowledge, link)
    if held is not None:
        return _kept_in_step(wanted, link, held, stream, fields, knowledge)
    if change.record_id in knowledge.astray:
        return _astray(change, stream, knowledge)
    if cannot := _lacks(change, [one for one in fields.absent if one.mandatory]):
        return cannot
    return _create(wanted, stream, fields, knowledge)


def late(change: Change, stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None) -> Late | None:
    """An earlier write of the record that is found done, whatever is to become of the record now."""
    promise, candidates = knowledge.promised.get(change.record_id), knowledge.found.get(change.record_id)
    if promise is None or not candidates:
        return None
    kept = fulfilled(promise, candidates[0], stream, fields, knowledge.digest_key)
    if kept is None:
        return None
    return Late(
        change=change,
        outcome="adopted" if link is None else "updated",
        target_id=str(candidates[0]["id"]),
        promise=kept,
        at=moment_of(candidates[0]),
        drifted=link.drifted - knowledge.carried.get(change.record_id, link.drifted) if link else frozenset(),
    )


def _kept_in_step(
    wanted: _Wanted, link: Link | None, held: Link, stream: Stream, fields: FieldMap, knowledge: Knowledge
) -> Step:
    """What differs goes to the counterpart; `link` is what the ledger knows of it, `held` what it is known to hold."""
    change, values, digests = wanted.change, wanted.values, wanted.digests
    candidates = knowledge.found.get(change.record_id)
    later = wanted.later or report(change, held.drifted & digests.by_field.keys(), stream, held.target_id)
    missed = [one.target for one in fields.absent]
    digests = with_kept(digests, held.by_field, missed, fields.version, knowledge.digest_key)
    unflag: dict[str, Json] = {stream.flag: False} if stream.flag is not None and held.state == "flagged" else {}
    if held.whole == digests.whole and candidates is None and not unflag and wanted.edited is None:
        return Keep(change=change, outcome="unchanged", later=later)
    owed = frozenset(name for name, digest in held.by_field.items() if digest == OWED) & values.keys()
    names = changed_fields(held.by_field, digests) | (owed & fields.made_once)
    empty = _still_owed(change, knowledge)  # what another stream owes to the source is no blank of it
    if unready := _made_of(empty, fields):
        names -= unready
        digests = without(digests, unready, fields.version, knowledge.digest_key)
        digests = with_kept(digests, held.by_field, unready, fields.version, knowledge.digest_key)
    seen = knowledge.present.get(change.record_id, {}) if candidates is None else next(iter(candidates), None)
    spared = fields.into_blank | (owed & fields.made_once)
    filled = frozenset(n for n in names & spared if values[n] is None or _is_filled(seen, n))
    names -= filled
    if seen is None:
        digests = without(digests, filled, fields.version, knowledge.digest_key)
    merged = None
    if wanted.edited is not None:
        sides = Sides(
            change=change,
            values=values,
            digests=digests,
            edits=wanted.edited,
            stream=stream,
            fields=fields,
            basis=knowledge.bases.get(change.record_id, NOTHING),
            confirmed=link.by_field if link else {},
            people=knowledge.in_target,
            key=knowledge.digest_key,
        )
        merged = without_columns(merge(names, seen or {}, sides), empty)
        names, digests = merged.names, merged.digests
        if merged.to_and_fro is not None:
            return _to_and_fro(change, stream, merged.to_and_fro, held.target_id)
        names |= {n for n in owed & fields.newest if values[n] is not None and not _is_filled(seen, n)}
    beside = unflag | _missing_key(change, stream, fields, candidates or (), knowledge)
    if names or beside:
        if seen is not None and (name := left_out(seen, fields.composed & names)):
            return _too_many(change, stream, name, held.target_id)
        sent, drifted = cover(values, names), held.drifted - names
        return Update(
            change=change,
            target_id=held.target_id,
            values={**sendable(sent, fields.rules, seen), **beside},
            surplus=surplus_tags(sent, fields.rules, seen),
            digests=digests,
            adopts=link is None,
            doubted=candidates is not None,
            later=wanted.later or report(change, drifted & digests.by_field.keys(), stream, held.target_id),
            blanks=bool(blanked_fields(held.by_field, digests, values) & names),
            cut=tuple(name for name in wanted.cut if name in names),
            pact=merged.pact if merged else None,
            drifted=drifted,
        )
    outcome: Literal["adopted", "unchanged", "conflict"] = "adopted" if link is None else "unchanged"
    if merged is not None and merged.lost:
        outcome = "conflict"
    if merged is not None and merged.is_idle and candidates is None:
        return Keep(change=change, outcome=outcome, later=later)
    return Keep(
        change=change,
        outcome=outcome,
        target_id=held.target_id,
        digests=digests,
        later=later,
        pact=merged.pact if merged else None,
        drifted=held.drifted,
    )


def _still_owed(change: Change, knowledge: Knowledge) -> frozenset[str]:
    """What is blank in the source because another stream still owes it there."""
    owed = knowledge.owed.get(change.record_id, frozenset())
    return frozenset(name for name in owed if change.values.get(name) in (None, "", []))


def _without(values: Values, names: frozenset[str]) -> Values:
    return {name: value for name, value in values.items() if name not in names} if names else values


def _made_of(columns: frozenset[str], fields: FieldMap) -> frozenset[str]:
    """The fields of the target that any of these source fields goes into."""
    if not columns:
        return frozenset()
    return frozenset(rule.target for rule in fields.rules if columns & set(columns_of(rule.source)))


def _astray(change: Change, stream: Stream, knowledge: Knowledge) -> Step:
    """A record that is another org's own never gets a second counterpart: its link is to be found first."""
    until = knowledge.astray[change.record_id]
    if until is not None:
        return Defer(change=change, until=until, code=ORIGIN_UNKNOWN)
    if stream.gone == "leave":
        return Keep(change=change, outcome="filtered")
    return Hold(
        change=change,
        cause=Cause(code=TARGET_GONE, module=stream.target_module),
        detail=f"{change.record_id} was made from a record of {stream.target} that is not there any more",
    )


def _is_filled(record: WireRecord | None, name: str) -> bool:
    """Whether a target field holds something; of a record that is not to be found nobody can say, so it is spared."""
    return record is None or record.get(name) not in (None, "", [])


def _complete(change: Change, stream: Stream, fields: FieldMap, knowledge: Knowledge) -> Translation | Hold:
    """A translation that can be sent, or why there is none."""
    translation = translate(change.values, fields, knowledge.known)
    if translation.faults:
        fault = translation.faults[0]
        module = fault.module or stream.target_module
        cause = Cause(code=fault.code, module=module, field=fault.field, value=fault.value)
        return Hold(change=change, cause=cause, detail=fault.message)
    back = knowledge.circular.get(change.record_id, frozenset())
    for name, parent in translation.waits:
        if parent not in back or name in fields.mandatory:
            return _waits(change, name, parent)
    return translation


def _lacks(change: Change, absent: Sequence[Absent]) -> Hold | None:
    """What a record goes without for now; the row in the queue brings it later."""
    for one in absent:
        cause = Cause(code=FIELD_ABSENT, module=one.module, field=one.field)
        return Hold(change=change, cause=cause, detail=f"{one.message}; {one.target} was not written")
    return None


def _waits(change: Change, name: str, parent: Parent) -> Hold:
    return Hold(
        change=change,
        cause=Cause(code=WAITS_FOR_PARENT, module=parent.module, field=name),
        detail=f"{name} points to {parent.module} {parent.record_id}, which has no counterpart yet",
        waits_for=parent,
    )


def looked_up(
    change: Seen, names: Collection[str], stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None
) -> Link | None:
    """What B holds by our writes, the uncertain one among them: the record found there, flagged or not, or nothing that
    we know of. Of a field that no such write carried that is what was agreed; where it shows another value, somebody
    has changed it by hand.
    """
    candidates, carried = knowledge.found.get(change.record_id), knowledge.carried.get(change.record_id)
    if not candidates:
        return replace(link, whole=None, by_field={}) if link else None
    there, state = candidates[0], link.state if link else "live"
    if stream.flag is not None and stream.flag in there:
        state = "flagged" if there[stream.flag] is True else "live"
    seen = digest_values(cover(observe(there, fields), names), fields.version, knowledge.digest_key)
    found = Link(
        entity_id=link.entity_id if link else "",
        target_id=str(there["id"]),
        whole=seen.whole,
        by_field=seen.by_field,
        state=state,
    )
    if link is None or link.target_id != found.target_id or carried is None or stream.drift == "overwrite":
        return found
    agreed = {name: digest for name, digest in link.by_field.items() if name not in carried}
    drifted = frozenset(name for name in link.drifted & agreed.keys() if seen.by_field.get(name) != agreed[name])
    by_hand = together({**seen.by_field, **agreed}, fields.version, knowledge.digest_key)
    return replace(found, whole=by_hand.whole, by_field=by_hand.by_field, drifted=drifted)


def _too_many(change: Change, stream: Stream, name: str, target_id: str) -> Hold:
    return Hold(
        change=change,
        cause=Cause(code=TOO_MANY_ROWS, module=stream.target_module, field=name),
        detail=f"{name} of {target_id} in {stream.target} has more rows than Zoho shows ({change.record_id} here)",
    )


def _to_and_fro(change: Change, stream: Stream, name: str, target_id: str) -> Hold:
    return Hold(
        change=change,
        cause=Cause(code=OSCILLATION, module=stream.target_module, field=name),
        detail=f"{name} of {target_id} in {stream.target} was given this value three times within an hour and changed "
        f"back each time ({change.record_id} in {stream.source})",
    )


def _create(wanted: _Wanted, stream: Stream, fields: FieldMap, knowledge: Knowledge) -> Create:
    values, change = sendable(wanted.values, fields.rules, None), wanted.change
    if stream.notes_of:
        match = notes.match_of(values, knowledge.digest_key)
    elif fields.key is None:
        match = {n: digest for n, digest in wanted.digests.by_field.items() if n not in fields.composed}
    else:
        match = {fields.key: key_value(knowledge.source_zgid, change.record_id)}
        values = {**values, **match}
    owed = dict.fromkeys((one.target for one in fields.absent), OWED)
    return Create(
        change=change,
        values=values,
        digests=with_kept(wanted.digests, owed, owed, fields.version, knowledge.digest_key),
        match=match,
        later=wanted.later,
        cut=wanted.cut,
        pact=pact(frozenset(wanted.values), wanted.edited, stream, fields) if wanted.edited else None,
    )


def _missing_key(
    change: Change, stream: Stream, fields: FieldMap, candidates: tuple[WireRecord, ...], knowledge: Knowledge
) -> dict[str, Json]:
    """What a counterpart that was looked at lacks in order to be found again without the ledger: it was there before
    orgsync, or its key was blanked. One that holds something else is left as it is, unless that is known to be no other
    record's key, and so is one that the record itself names: on a circle one of the two is enough.
    """
    if any(change.values.get(origin.key) for origin in stream.origins):
        return {}
    if fields.key is None or not candidates or fields.key not in candidates[0]:
        return {}
    there, wanted = candidates[0][fields.key], key_value(knowledge.source_zgid, change.record_id)
    is_lost = there in (None, "") or (there != wanted and change.record_id in knowledge.keyless)
    return {fields.key: wanted} if is_lost else {}


def key_value(source_zgid: str, source_id: str) -> str:
    """What the key field of the target holds for a source record."""
    return f"{source_zgid}:{source_id}"


def names_another(held: object, source_zgid: str, orgs: Collection[str], stands_for: Collection[str]) -> bool:
    """Whether what a counterpart holds in its key field is rightly not the key of its record: it names another record
    of the source for which the counterpart stands too, or one of another org that the ledger knows.
    """
    zgid, _, named = str(held or "").partition(":")
    return zgid in orgs and (zgid != source_zgid or named in stands_for)
