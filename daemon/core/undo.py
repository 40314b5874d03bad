"""Undo: what a write finds in the target is kept beside what it wrote, and is put back only where that still stands.

Pure. A field counts as untouched while it holds the very value that the cycle wrote and no later cycle has written it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from daemon.core.answer import Answer, Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.causes import TARGET_GONE, UNCERTAIN, UNDONE
from daemon.core.composed import sendable, surplus_tags
from daemon.core.convert import Json, Values
from daemon.core.digest import OWED, Digests, digest_value, together
from daemon.core.dropped import Version
from daemon.core.ends import Linked, Waiting, Written, attempt, unconfirmed
from daemon.core.fieldmap import FieldMap
from daemon.core.former import Before, Former
from daemon.core.outcome import Outcome
from daemon.core.record import Change, Position, WireRecord
from daemon.core.rules import Stream
from daemon.core.settle import Settlement, Undone
from daemon.core.steps import Delete, Flag, Link, LinkState, Update
from daemon.core.translate import as_written

MAY_BE_DONE: Final = frozenset({"SUCCESS", UNCERTAIN})
"""Answers after which the target may hold what was sent."""
_DONE: Final[frozenset[Outcome]] = frozenset({"updated", "deleted", "unchanged"})
Reason = Literal[
    "touched",  # it was changed in the target since
    "later",  # a later cycle has written it
    "undone",  # it holds the value before already: a later cycle, or somebody, has put it back
    "gone",  # the record is not there any more
    "forgotten",  # the value before was never kept, or is not any more
    "key",  # orgsync's own mark, by which the record is found again
    "not_carried",  # the mapping does not have it any more
    "pending",  # an earlier write may still be on its way
    "unread",  # what it holds could not be read
    "created",  # the cycle made the record
    "deleted",  # the cycle deleted the record
    "relinked",  # the record does not stand for the same one any more
]
"""Why something is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """A later cycle that has written a field; `undoes` is the cycle that it undid, if that is what it did."""

    cycle: int
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is not put back: a field, or (None) the whole record."""

    field: str | None
    reason: Reason
    cycle: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What of one write can be taken back: `back` is target field -> the value before; `same` hold it already."""

    back: Values = field(default_factory=dict, repr=False)
    same: Values = field(default_factory=dict, repr=False)
    left: tuple[Left, ...] = ()


def before(step: Update | Flag, there: WireRecord, fields: FieldMap, key: bytes) -> dict[str, Former]:
    """What the fields of a write hold before it, where that can be written back. `key` is that of the digests."""
    sent: Mapping[str, Json] = {step.field: True} if isinstance(step, Flag) else step.values
    digests = step.digests.by_field if isinstance(step, Update) else {}
    held = held_of(there, sent, fields)
    return {n: Former(value=held[n], written=digests.get(n) or digest_value(sent[n], key)) for n in sent if n in held}


def held_of(there: WireRecord, names: Iterable[str], fields: FieldMap) -> dict[str, Json]:
    """What a target record holds in these fields, as it can be written back; without those where that cannot be told.
    What no rule of the mapping fills is a text or a checkbox of orgsync's own.
    """
    rules, found = {rule.target: rule for rule in fields.rules}, dict[str, Json]()
    for name in names:
        raw = there.get(name)
        if name not in there:
            continue
        if name in rules:
            try:
                found[name] = as_written(there, rules[name])
            except ValueError:
                continue
        elif raw is None or isinstance(raw, str | bool):
            found[name] = raw or None if isinstance(raw, str) else raw
    return found


def judge(
    kept: Before,
    sent: Collection[str],
    held: Values,
    later: Mapping[str, Later],
    cycle: int,
    fields: FieldMap,
    own: Collection[str],
    key: bytes,
) -> Verdict:
    """What of a write of `cycle` can be taken back. `sent` are the fields that it carried, `held` what they hold now,
    `own` those that the stream fills beside its mapping (its flag).
    """
    back, same, left = dict[str, Json](), dict[str, Json](), list[Left]()
    for name in sorted(sent):
        since, former = later.get(name), kept.get(name)
        if name == fields.key:
            left.append(Left(field=name, reason="key"))
        elif since is not None:
            left.append(Left(field=name, reason="undone" if since.undoes == cycle else "later", cycle=since.cycle))
        elif former is None:
            left.append(Left(field=name, reason="forgotten"))
        elif name not in fields.targets and name not in own:
            left.append(Left(field=name, reason="not_carried"))
        elif name not in held:
            left.append(Left(field=name, reason="unread"))
        elif (now := digest_value(held[name], key)) == digest_value(former.value, key):
            same[name] = former.value
            left.append(Left(field=name, reason="undone"))
        elif now == former.written:
            back[name] = former.value
        else:
            left.append(Left(field=name, reason="touched"))
    return Verdict(back=back, same=same, left=tuple(left))


@dataclass(frozen=True, slots=True, kw_only=True)
class Putting:
    """What is to be done with one record: `back` is put back, `same` stands there already (both target field -> value
    before), `held` is what these fields hold now. `unanswered` are the fields of a write that had no answer and is not
    on its way any more (None: there is none; all that it has, where these are not known). `take` says that the record
    was made by the cycle and goes again.
    """

    source_id: str
    target_id: str
    name: str
    link: Link
    back: Values = field(default_factory=dict, repr=False)
    same: Values = field(default_factory=dict, repr=False)
    held: Values = field(default_factory=dict, repr=False)
    there: WireRecord = field(default_factory=dict, repr=False)
    unanswered: frozenset[str] | None = None
    take: bool = False
    taken: bool = False

    @property
    def writes(self) -> bool:
        """Whether anything is sent for it."""
        return bool(self.back) or (self.take and not self.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What the source has of a record: its version, and the digests of what the target should hold by it (field ->
    digest). `taken_back`: an undo has put back what this version had written.
    """

    version: Version
    wanted: Mapping[str, str]
    taken_back: bool


def step_of(one: Putting, fields: FieldMap, key: bytes, now: datetime) -> Update | Delete:
    """The write of a record, as the road takes it."""
    change = Change(position=Position(modified_time=now, record_id=one.source_id), values={})
    doubted = one.unanswered is not None
    if one.take:
        return Delete(change=change, target_id=one.target_id, doubted=doubted)
    return Update(
        change=change,
        target_id=one.target_id,
        values=sendable(one.back, fields.rules, one.there),
        surplus=surplus_tags(one.back, fields.rules, one.there),
        digests=digests_after(one, fields, key),
        doubted=doubted,
        drifted=one.link.drifted - one.back.keys(),
    )


def before_back(one: Putting, key: bytes) -> dict[str, Former]:
    """What the fields that are put back hold before that: so an undo can be undone."""
    return {n: Former(value=one.held[n], written=digest_value(value, key)) for n, value in one.back.items()}


def digests_after(one: Putting, fields: FieldMap, key: bytes) -> Digests:
    """What is known of the counterpart then: what it holds, not what the source says. So a record that is seen again
    is written again, and nothing has to be asked for that.
    """
    known = {n: digest_value(v, key) for n, v in {**one.same, **one.back}.items() if n in fields.targets}
    doubtful = (one.unanswered or frozenset()) - known.keys()
    by_field = {n: digest for n, digest in one.link.by_field.items() if n not in doubtful} | known
    whole = not doubtful and (one.link.whole is not None or fields.lasting <= by_field.keys())
    return together(by_field, fields.version, key) if whole else Digests(whole="", by_field=by_field)


def settled(
    puttings: Sequence[Putting],
    steps: Mapping[str, Update | Delete],
    answers: Mapping[str, Answer],
    cycle: int,
    stream: Stream,
    fields: FieldMap,
    key: bytes,
    waiting: Mapping[str, Waiting],
    says: Mapping[str, Says],
    who: str,
) -> Settlement:
    """What became of some records, in a cycle of their own that undoes `cycle`. `steps` are those that were to be sent,
    `answers` what came of them, by source id, `waiting` what the queue holds of them, `says` what
    the source has of them, `who` undoes it. What the target refused is given up: nothing is queued.
    """
    outcomes: dict[str, Outcome] = {}
    linked: list[Linked] = []
    written: list[Written] = []
    closed: list[str] = []
    lost: list[str] = []
    for one in puttings:
        step, answer = steps.get(one.source_id), answers.get(one.source_id)
        if step is None:  # it is so already: the answer of an earlier undo was lost
            outcomes[one.source_id] = "deleted" if one.take else "unchanged"
            linked.append(_linked(one, _after(one, fields, key), None, stream))
            lost.append(one.source_id)
        elif answer is None or isinstance(answer, NotSent):
            linked += [unconfirmed(one.source_id, one.target_id)] if one.unanswered is not None else []
            lost += [one.source_id] if one.unanswered is not None else []
        else:
            outcomes[one.source_id] = _outcome(step, answer)
            written.append(attempt(step, _code(answer)))
            if isinstance(answer, Done) or (isinstance(answer, Gone) and one.take):
                at = answer.modified_time if isinstance(answer, Done) else None
                linked.append(_linked(one, _after(one, fields, key), at, stream))
            elif isinstance(answer, Uncertain) or one.unanswered is not None:
                linked.append(unconfirmed(one.source_id, one.target_id))
            if isinstance(answer, Uncertain):
                continue
        closed.append(one.source_id)
    return Settlement(
        lane="retry",
        seen=len(outcomes),
        outcomes={outcome: list(outcomes.values()).count(outcome) for outcome in set(outcomes.values())},
        linked=linked,
        written=written,
        closed_intents=closed,
        dequeued=[i for i in closed if i in waiting and waiting[i].code == UNDONE],
        lost=lost,
        undone=_undone(
            [one for one in puttings if outcomes.get(one.source_id) in _DONE], says, cycle, who, stream, fields, key
        ),
    )


def _undone(
    done: Sequence[Putting],
    says: Mapping[str, Says],
    cycle: int,
    who: str,
    stream: Stream,
    fields: FieldMap,
    key: bytes,
) -> Undone:
    """What of the source is not written again: the versions that the target has held, as far as it does not now. One
    that it has not held yet is an edit, and goes on.
    """
    held_back, in_step = dict[str, Version](), list[str]()
    for one in (one for one in done if one.source_id in says):
        said = says[one.source_id]
        if said.version is None:
            flag = {**one.same, **one.back}.get(stream.flag or "")
            was_held, is_held = flag is False, flag is True
        else:
            after = _after(one, fields, key)
            was_held = said.taken_back or _shows(one.link.by_field, said.wanted)
            is_held = after is not None and _shows(after.by_field, said.wanted)
        if is_held:
            in_step.append(one.source_id)
        elif was_held:
            held_back[one.source_id] = said.version
    return Undone(cycle=cycle, who=who, held_back=held_back, in_step=in_step)


def _shows(known: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether nothing is known to be other than wanted."""
    return all(known.get(name) in (None, OWED, digest) for name, digest in wanted.items())


def _after(one: Putting, fields: FieldMap, key: bytes) -> Digests | None:
    return None if one.take else digests_after(one, fields, key)


def _code(answer: Done | Refused | Busy | Gone | Uncertain) -> str:
    match answer:
        case Done():
            return "SUCCESS"
        case Gone():
            return TARGET_GONE
        case Uncertain():
            return UNCERTAIN
        case _:
            return answer.code


def _outcome(step: Update | Delete, answer: Answer) -> Outcome:
    if isinstance(answer, Uncertain):
        return "retrying"
    if isinstance(step, Delete):
        return "deleted" if isinstance(answer, Done | Gone) else "dead"
    return "updated" if isinstance(answer, Done) else "dead"


def _linked(one: Putting, digests: Digests | None, at: datetime | None, stream: Stream) -> Linked:
    state: LinkState = one.link.state
    flag = {**one.same, **one.back}.get(stream.flag or "")
    if one.take:
        state = "deleted"
    elif stream.flag is not None and flag is not None:
        state = "flagged" if flag is True else "live"
    return Linked(
        source_id=one.source_id,
        target_id=one.target_id,
        digests=digests,
        target_modified_time=at,
        state=state,
        drifted=one.link.drifted - one.back.keys() - one.same.keys(),
    )
