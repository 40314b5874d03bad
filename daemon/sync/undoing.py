"""Undoes a cycle: looks at what its writes left in the target, and puts the values before back where they still stand.

The writes travel the road that all writes take (writing.py). The stream is stopped before the first of them: until a
person releases it the target is not what the source says, and that is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from daemon.core.forecast import Sending, sending
from daemon.core.fuse import Blown, sentence
from daemon.core.match import name_fields
from daemon.core.merge import moment_of
from daemon.core.record import WireRecord
from daemon.core.rules import Stream
from daemon.core.steps import Delete, Link, Update
from daemon.core.undo import Later, Left, Putting, Reason, before_back, held_of, judge, settled, step_of
from daemon.ledger import Intent, Ledger, ReadLedger
from daemon.ledger.befores import Attempt, PastCycle
from daemon.sync.catalog import Catalog
from daemon.sync.cycle import StreamRunner
from daemon.sync.doubts import patience
from daemon.sync.prepare import Prepared
from daemon.sync.report import Report, accounted
from daemon.sync.saying import credits_for, source_says
from daemon.sync.whole import look_at
from daemon.sync.writing import Planned, write

_PAGE: Final = 500  # records that are settled in one transaction
_TIME: Final = "Modified_Time"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRecord:
    """A record of the cycle, and what of it is left as it is."""

    source_id: str
    target_id: str
    name: str
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What undoing a cycle would do: what is put back, and what is left. `spent` is what looking cost in the target."""

    cycle: PastCycle
    prepared: Prepared
    puttings: tuple[Putting, ...]
    left: tuple[LeftRecord, ...]
    spent: int

    @property
    def writes(self) -> list[Putting]:
        """What would be sent."""
        return [one for one in self.puttings if one.writes]

    @property
    def undone(self) -> list[str]:
        """The source records that are put back then, by this undo or before."""
        before = [one.source_id for one in self.left if any(left.reason == "undone" for left in one.left)]
        return list(dict.fromkeys([*(one.source_id for one in self.writes), *before]))

    @property
    def sent(self) -> Sending:
        """What that comes to."""
        steps = [step_of(one, self.prepared.fields, b"", self.cycle.started_at) for one in self.writes]
        return sending([(steps, frozenset())])

    @property
    def reading(self) -> int:
        """About how many credits of the source it costs to see which versions that takes back."""
        return credits_for(len(self.puttings), self.prepared)

    def same_as(self, other: Undoing) -> bool:
        """Whether another look came to the same writes."""
        mine, theirs = (
            [(one.target_id, one.back, one.held, one.take) for one in undoing.writes] for undoing in (self, other)
        )
        return mine == theirs


def look(cycle: PastCycle, prepared: Prepared, target: Catalog, ledger: ReadLedger, *, created: bool) -> Undoing:
    """Reads what the records of a cycle hold now, and judges each. With `created` those that the cycle made are to go
    again, where nobody has touched them. Stores nothing. Raises what the client raises, and LedgerError.
    """
    zoho, stream = target.zoho, prepared.stream
    began = zoho.credits_spent
    names = name_fields(target.schema(stream.target_module))
    touched = {name for one in cycle.attempts for name in one.fields}
    columns = touched & {*prepared.fields.targets, *([stream.flag] if stream.flag else [])} | {*names, _TIME}
    columns -= {_TIME} if prepared.fields.composed else set()
    wanted = [one.target_id for one in cycle.attempts if one.action != "delete"]
    rows, unread = look_at(zoho, stream.target_module, sorted(columns), prepared.fields, wanted)
    source_ids = [one.source_id for one in cycle.attempts]
    view = _View(
        cycle=cycle.number,
        prepared=prepared,
        rows=rows,
        unread=unread,
        links=ledger.links(stream, source_ids),
        intents=ledger.open_intents(stream, source_ids),
        later=ledger.written_later(cycle),
        certain_before=zoho.server_now() - patience(stream, zoho),
        created=created,
        key=ledger.digest_key,
    )
    puttings, left = list[Putting](), list[LeftRecord]()
    for attempt in cycle.attempts:
        row = rows.get(attempt.target_id, {})
        name = " ".join(str(row[one]) for one in names if row.get(one))
        putting, stays = _judged(attempt, name, view)
        puttings += [putting] if putting is not None else []
        if stays:
            left.append(
                LeftRecord(source_id=attempt.source_id, target_id=attempt.target_id, name=name, left=tuple(stays))
            )
    return Undoing(
        cycle=cycle,
        prepared=prepared,
        puttings=tuple(puttings),
        left=tuple(left),
        spent=zoho.credits_spent - began,
    )


def carry_out(
    undoing: Undoing,
    runner: StreamRunner,
    source: Catalog,
    target: Catalog,
    now: Callable[[], datetime],
    who: str,
) -> Report:
    """Stops the stream, and writes and settles what is to be put back; the report says what became of it. `who` is
    noted with what is not written again.

    Raises what stops a cycle, before anything is written.
    """
    stream, cycle = runner.stream, undoing.cycle
    prepared, hands, _ = runner.ready()
    report, ledger = Report(stream=stream.address), hands.ledger
    if undoing.writes:
        _stop(undoing, stream, ledger, now())
    with accounted(report, source.zoho, target.zoho, ledger, now):
        for page in (undoing.puttings[at : at + _PAGE] for at in range(0, len(undoing.puttings), _PAGE)):
            key = ledger.digest_key
            steps = {one.source_id: step_of(one, prepared.fields, key, now()) for one in page if one.writes}
            says = source_says(page, prepared, hands)
            sent = write(_planned(page, steps, key), prepared, hands, "retry", None)
            waiting = ledger.waiting(stream, [one.source_id for one in page])
            settlement = settled(
                page, steps, sent.answers, cycle.number, stream, prepared.fields, key, waiting, says, who
            )
            if settlement.seen or settlement.closed_intents:
                report.cycle_id = ledger.settle(stream, settlement, report.cycle_id, now())
            report.outcomes.update(settlement.outcomes)
            report.trouble, report.away = sent.trouble, sent.away
            if not sent.through:
                break
    return report


def _stop(undoing: Undoing, stream: Stream, ledger: Ledger, now: datetime) -> None:
    """Nothing of the stream is written any more until a person releases it, whatever becomes of this process. The fuse
    counts what earlier undos of the cycle have put back too.
    """
    cycle, ids = undoing.cycle, undoing.undone
    blown = Blown(
        kind="undone",
        count=len(ids),
        base=len(cycle.attempts),
        allowed=0,
        examples=tuple(ids[:5]),
        cycle=cycle.number,
    )
    if ledger.fuse_state(stream).blown != blown:
        ledger.blow(stream, blown, now)
    ledger.polled(stream, now, None, caught_up=False, trouble=sentence(blown, stream.address))


def _planned(page: Sequence[Putting], steps: Mapping[str, Update | Delete], key: bytes) -> Planned:
    return Planned(
        steps=tuple(steps.values()),
        ids=frozenset(one.source_id for one in page),
        remade={},
        deleted={},
        alone=frozenset(),
        tried=frozenset(),
        dropped={},
        before={one.source_id: before_back(one, key) for one in page if one.back},
        backward=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What is known of the records of a cycle. What was sent before `certain_before` is not on its way any more."""

    cycle: int
    prepared: Prepared
    rows: Mapping[str, WireRecord]
    unread: frozenset[str]
    links: Mapping[str, Link]
    intents: Mapping[str, Intent]
    later: Mapping[str, Mapping[str, Later]]
    certain_before: datetime
    created: bool
    key: bytes

    @property
    def stream(self) -> Stream:
        return self.prepared.stream


def _judged(attempt: Attempt, name: str, view: _View) -> tuple[Putting | None, list[Left]]:
    """What is put back of a record, if anything, and what is left."""
    link, intent = view.links.get(attempt.source_id), view.intents.get(attempt.source_id)
    reason = _barred(attempt, link, intent, view)
    if reason is not None or link is None:
        return None, [Left(field=None, reason=reason or "relinked")]
    row = view.rows.get(attempt.target_id)
    one = Putting(
        source_id=attempt.source_id,
        target_id=attempt.target_id,
        name=name,
        link=link,
        there=row or {},
        unanswered=None if intent is None else intent.fields or frozenset(),
    )
    if attempt.action == "create":
        return _made(one, attempt, view, intent)
    return (None, [Left(field=None, reason="gone")]) if row is None else _changed(one, attempt, row, view)


def _barred(attempt: Attempt, link: Link | None, intent: Intent | None, view: _View) -> Reason | None:
    """Why nothing of a record can be judged."""
    if attempt.action == "delete":
        return "deleted"
    if link is None or link.target_id != attempt.target_id:
        return "relinked"
    if intent is not None and intent.sent_at > view.certain_before:
        return "pending"
    return "unread" if attempt.target_id in view.unread else None


def _made(one: Putting, attempt: Attempt, view: _View, intent: Intent | None) -> tuple[Putting | None, list[Left]]:
    """A record that the cycle made goes only where it is as our last write left it."""
    if not one.there:
        taken = view.created and intent is not None and intent.action == "delete"
        return (replace(one, take=True, taken=True), []) if taken else (None, [Left(field=None, reason="gone")])
    if not view.created:
        return None, [Left(field=None, reason="created")]
    if since := view.later.get(attempt.target_id):
        return None, [Left(field=None, reason="later", cycle=max(one.cycle for one in since.values()))]
    if one.link.modified_time is None or moment_of(one.there) != one.link.modified_time:
        return None, [Left(field=None, reason="touched")]
    return replace(one, take=True), []


def _changed(one: Putting, attempt: Attempt, row: WireRecord, view: _View) -> tuple[Putting | None, list[Left]]:
    fields, stream = view.prepared.fields, view.stream
    held = held_of(row, attempt.fields, fields)
    verdict = judge(
        attempt.before or {},
        attempt.fields,
        held,
        view.later.get(attempt.target_id, {}),
        view.cycle,
        fields,
        [stream.flag] if stream.flag else [],
        view.key,
    )
    if not verdict.back and one.unanswered is None:
        return None, list(verdict.left)
    mine = {name: held[name] for name in (*verdict.back, *verdict.same)}
    return replace(one, back=verdict.back, same=verdict.same, held=mine), list(verdict.left)
