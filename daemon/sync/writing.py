"""What the steps of pages come to at the target: write calls side by side, the next page's behind the last one's.

An intent is committed before its call. Two calls in a row that failed as a whole end it: then the org is in trouble,
not a record. So does a fuse. What is on its way by then is waited for, and what only stood ready is not begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Final

from daemon.core.agreement import Promise
from daemon.core.answer import Answer, Busy, NotSent, Refused, Uncertain
from daemon.core.causes import UNDONE
from daemon.core.dropped import Version
from daemon.core.egress import leaving
from daemon.core.ends import Lane, QueueRow, due_row, is_ours
from daemon.core.former import Before
from daemon.core.fuse import Blown, Meter
from daemon.core.steps import Batch, Create, Delete, Flag, Step, Update, Write, action_of, batches, body, price
from daemon.ledger import Intent, Leaving, Ledger
from daemon.sync.hands import Hands
from daemon.sync.prepare import Prepared
from daemon.sync.tags import without_surplus
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, OrgUnavailable, RequestRefused

BATCH_REFUSED: Final = "BATCH_REFUSED"
_FAILURES_IN_A_ROW: Final = 2
_AHEAD: Final = 3
"""For so many calls side by side one more is ready, so that no place stands empty while its intents are committed. Its
deadline counts already: that of an intent may not be later than the ledger says.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The steps of a page and what sending them must know; `ids` are the page's source ids, `remade` those that get
    another counterpart, `deleted` those that are gone from the source, both with theirs so far. What is `alone` travels
    by itself; what was `tried` in this version passed the fuse then. `dropped` maps a source id to the version that a
    person dropped. `before` is what the fields of a write hold before it, where that is kept. `backward`: what is sent
    is the target's own, and not what the source says.
    """

    steps: Sequence[Step]
    ids: frozenset[str]
    remade: dict[str, str]
    deleted: dict[str, str]
    alone: frozenset[str]
    tried: frozenset[str]
    dropped: Mapping[str, Version]
    before: Mapping[str, Before] = field(default_factory=dict)
    backward: bool = False

    @property
    def writes(self) -> frozenset[str]:
        """The source ids of what is to be sent."""
        return frozenset(step.change.record_id for step in self.steps if isinstance(step, Write))


@dataclass(slots=True, kw_only=True)
class Sent:
    """The answers of a page's calls by source id, and what ended the sending early; `through`: nothing did."""

    answers: dict[str, Answer] = field(default_factory=dict)
    trouble: str | None = None
    away: bool = False
    blown: Blown | None = None
    through: bool = False

    @property
    def done(self) -> frozenset[str]:
        """The source ids of what was sent."""
        return frozenset(i for i, answer in self.answers.items() if not isinstance(answer, NotSent))


Said = tuple[list[Answer], str | None]
"""An answer for every record of a call, and what went wrong with the call as a whole."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Page:
    """A page on its way: the batches that were not begun, how many are aloft, and who is told in the end."""

    planned: Planned
    left: deque[Batch]
    aloft: int = 0
    sent: Sent = field(default_factory=Sent)
    told: Future[Sent] = field(default_factory=Future)


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    """A batch on its way."""

    page: _Page
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Landed:
    """What became of a batch: `said` raises what the call raised, and makes it where no other thread has. None: it was
    ready, and by then nothing was begun any more.
    """

    flight: _Flight
    said: Callable[[], Said | None]


class Writer:
    """Writes pages in the order in which they are given, as many calls side by side as the target may have. Pages are
    given by any thread; all else happens in the one that runs it, but for the calls (in this one, too, where only one
    may be on its way).
    """

    def __init__(self, prepared: Prepared, hands: Hands, lane: Lane, meter: Meter | None) -> None:
        self._prepared, self._hands, self._lane, self._meter = prepared, hands, lane, meter
        self._width = hands.target.calls_at_once
        self._most = self._width + self._width // _AHEAD
        self._news: SimpleQueue[_Page | _Landed | None] = SimpleQueue()
        self._pages: deque[_Page] = deque()
        self._aloft: list[_Flight] = []
        self._failures = 0
        self._over = False
        self._broken: BaseException | None = None

    def give(self, planned: Planned) -> Future[Sent]:
        """A page to write. What is told raises what the ledger raises."""
        page = _Page(planned=planned, left=deque(batches(planned.steps, planned.alone)))
        self._news.put(page)
        return page.told

    def no_more(self) -> None:
        """No page is given any more."""
        self._news.put(None)

    def run(self) -> None:
        """Until all that was given is written, and no more is to come."""
        awaits = True
        with ThreadPoolExecutor(self._width) as crew:
            while awaits or self._aloft:
                try:
                    for news in self._heard():
                        if isinstance(news, _Page):
                            self._take_up(news)
                        elif isinstance(news, _Landed):
                            self._land(news)
                        else:
                            awaits = False
                    self._begin(crew)
                except BaseException as error:  # noqa: BLE001 - told to whoever gave the pages
                    self._broken = self._broken or error
                self._tell()

    def _heard(self) -> Iterator[_Page | _Landed | None]:
        """What there is to know, and at least one thing."""
        yield self._news.get()
        with suppress(Empty):
            while True:
                yield self._news.get_nowait()

    def _take_up(self, page: _Page) -> None:
        self._pages.append(page)
        if self._meter is None or self._over or self._broken:
            return
        sent, steps, tried = page.sent, page.planned.steps, page.planned.tried
        blanking = [s.change.record_id for s in steps if isinstance(s, Update) and s.blanks]
        sent.blown = self._meter.blanks(i for i in blanking if i not in tried)
        # However a deletion was found: in the list, by a comparison, by a record that a retry did not find any more.
        sent.blown = sent.blown or self._meter.deletes(
            s.change.record_id for s in steps if isinstance(s, Delete | Flag)
        )

    def _begin(self, crew: ThreadPoolExecutor) -> None:
        """As many batches as may be, with one commit."""
        begun: deque[tuple[_Flight, Context]] = deque()
        try:
            self._choose(begun)
            if begun:
                self._note([flight for flight, _ in begun])
            while begun:
                self._send_off(*begun[0], crew)
                begun.popleft()
        finally:
            for flight, _ in begun:  # of these nothing will be heard
                self._aloft.remove(flight)
                flight.page.aloft -= 1

    def _choose(self, begun: deque[tuple[_Flight, Context]]) -> None:
        """Batches for which there is room, and credits; none of a page before all of the one before have begun."""
        for page in self._pages:
            while not self._ends(page) and page.left and self._has_room(page.left[0]):
                try:
                    with self._hands.target.one_deadline(price(page.left[0])):
                        flight = _Flight(page, page.left.popleft())
                        begun.append((flight, copy_context()))
                except OrgUnavailable as error:  # there are no credits for it
                    page.sent.trouble, page.sent.away, self._over = str(error), True, True
                    break
                self._aloft.append(flight)
                page.aloft += 1
            if page.left:
                break

    def _ends(self, page: _Page) -> bool:
        """Whether nothing is begun any more."""
        self._over = self._over or page.sent.blown is not None or self._hands.stopping()
        return self._over or self._broken is not None

    def _has_room(self, batch: Batch) -> bool:
        if not self._aloft:
            return True
        unanswered = sum(len(flight.batch.steps) for flight in self._aloft)
        meter = self._meter if self._lane == "poll" else None
        return len(self._aloft) < self._most and (meter is None or meter.may_risk(unanswered, len(batch.steps)))

    def _note(self, flights: Sequence[_Flight]) -> None:
        """What is about to be sent, in the ledger."""
        prepared, hands, pages = self._prepared, self._hands, [flight.page.planned for flight in flights]
        steps = [step for flight in flights for step in flight.batch.steps]
        back = [s for flight in flights if flight.page.planned.backward for s in flight.batch.steps]
        there = [s for flight in flights if not flight.page.planned.backward for s in flight.batch.steps]
        before = {i: kept for page in pages for i, kept in page.before.items()}
        intents = intents_of(steps, hands.target.server_now(), before)
        watched = _watched(back, prepared, hands)
        hands.ledger.begin(prepared.stream, intents, leaving_of(there, prepared, hands), watched)

    def _send_off(self, flight: _Flight, context: Context, crew: ThreadPoolExecutor) -> None:
        call = partial(context.run, self._call, flight.batch)
        if self._width == 1:
            self._news.put(_Landed(flight, call))
        else:
            crew.submit(call).add_done_callback(partial(self._came_back, flight))

    def _call(self, batch: Batch) -> Said | None:
        """In a thread of the crew. A call that stood ready is not begun when others would not be."""
        if self._over or self._broken is not None or self._hands.stopping():
            return None
        return _send(batch, self._prepared, self._hands.target)

    def _came_back(self, flight: _Flight, call: Future[Said | None]) -> None:
        self._news.put(_Landed(flight, call.result))

    def _land(self, landed: _Landed) -> None:
        page, batch = landed.flight.page, landed.flight.batch
        self._aloft.remove(landed.flight)
        page.aloft -= 1
        answered = landed.said()
        if answered is None:
            return
        said, trouble = answered
        got = _without_strangers(batch, said, self._prepared, self._hands.ledger)
        answers = dict(zip((s.change.record_id for s in batch.steps), got, strict=True))
        page.sent.answers.update(answers)
        self._failures = self._failures + 1 if trouble else 0
        if self._failures == _FAILURES_IN_A_ROW or any(isinstance(a, NotSent) for a in got):
            self._over, page.sent.trouble = True, trouble
            no_right = CredentialRefused.__name__
            page.sent.away = any(isinstance(a, Uncertain | NotSent) and a.code != no_right for a in got)
        elif self._meter is not None and self._lane == "poll":
            # What was refused before fills no queue when it is refused again.
            key = self._prepared.fields.key
            refused = (i for i, a in answers.items() if isinstance(a, Refused) and not is_ours(a, key))
            page.sent.blown = page.sent.blown or self._meter.answered(len(got), refused)

    def _tell(self) -> None:
        """Of pages of which nothing more is to come."""
        if self._broken is not None and self._aloft:
            return
        ended = self._over or self._broken is not None
        for page in [one for one in self._pages if not one.aloft and (ended or not one.left)]:
            self._pages.remove(page)
            if self._broken is not None:
                page.told.set_exception(self._broken)
                continue
            sent = page.sent
            sent.through = sent.trouble is None and sent.blown is None and page.planned.writes <= sent.done
            page.told.set_result(sent)


def write(planned: Planned, prepared: Prepared, hands: Hands, lane: Lane, meter: Meter | None) -> Sent:
    """One page, in this thread. Raises what the ledger raises."""
    writer = Writer(prepared, hands, lane, meter)
    told = writer.give(planned)
    writer.no_more()
    writer.run()
    return told.result()


def _without_strangers(batch: Batch, got: list[Answer], prepared: Prepared, ledger: Ledger) -> list[Answer]:
    """A record that holds our key is ours, but for one that stands for another source record already."""
    ours = [a for a in got if isinstance(a, Refused) and a.existing_id and is_ours(a, prepared.fields.key)]
    known = ledger.stand_for(prepared.stream, [str(a.existing_id) for a in ours]) if ours else {}
    return [
        replace(answer, stands_for=min(others))
        if isinstance(answer, Refused)
        and (others := known.get(answer.existing_id or ""))
        and step.change.record_id not in others
        else answer
        for step, answer in zip(batch.steps, got, strict=True)
    ]


def _send(batch: Batch, prepared: Prepared, target: Zoho) -> tuple[list[Answer], str | None]:
    """One write call: an answer for every record, and what went wrong with the call as a whole."""
    stream, key = prepared.stream, prepared.fields.key
    try:
        if batch.action == "delete":
            ids = [step.target_id for step in batch.steps if isinstance(step, Delete)]
            answers = target.delete(stream.target_module, ids, stream.triggers)
        else:
            records = [body(step) for step in batch.steps if not isinstance(step, Delete)]
            if batch.action == "update":
                answers = target.update(stream.target_module, records, stream.triggers)
                answers = without_surplus(batch.steps, answers, target, stream.target_module)
            else:  # never an upsert: it could match a stranger by another unique field (facts 4.6)
                answers = target.insert(stream.target_module, records, stream.triggers, prefer=[key] if key else [])
    except (OrgUnavailable, CredentialRefused) as error:
        return [NotSent(code=type(error).__name__, message=str(error))] * len(batch.steps), str(error)
    except RequestRefused as error:
        return _refused_whole(error, len(batch.steps)), str(error)
    lost = [a for a in answers if isinstance(a, (Uncertain, NotSent))]
    return answers, f"{stream.target}: {lost[0].message}" if len(lost) == len(answers) else None


def _refused_whole(error: RequestRefused, records: int) -> list[Answer]:
    """Zoho refused the call without looking at its records: one of them may be why, so they come back one by one."""
    code = BATCH_REFUSED if records > 1 else error.code
    return [Busy(code=code, message=str(error))] * records


def leaving_of(steps: Sequence[Write], prepared: Prepared, hands: Hands) -> Leaving:
    """What leaves the source with some writes."""
    bodies = [step.values for step in steps if isinstance(step, Create | Update)]
    return Leaving(
        fields=leaving(bodies, prepared.stream, prepared.fields.made_of),
        data_center=hands.target.org.data_center,
        at=hands.now(),
    )


def _watched(steps: Sequence[Write], prepared: Prepared, hands: Hands) -> list[QueueRow]:
    """Rows for what the source did not ask for: should we be killed, it would not show these records again."""
    text, now = "an undo was on its way to it", hands.now()
    return [due_row(prepared.stream, step.change.record_id, UNDONE, text, now, now) for step in steps]


def intents_of(
    steps: Sequence[Write], now: datetime, before: Mapping[str, Before] = MappingProxyType({})
) -> list[Intent]:
    """What the target is asked about if no answer of these writes comes; with what they find there (`before`)."""
    return [
        Intent(
            source_id=step.change.record_id,
            action=action_of(step),
            target_id=None if isinstance(step, Create) else step.target_id,
            sent_at=now,
            match=step.match if isinstance(step, Create) else {},
            promise=Promise(pact=step.pact, digests=step.digests)
            if isinstance(step, Create | Update) and step.pact is not None
            else None,
            fields=_carried(step),
            before=before.get(step.change.record_id, {}),
        )
        for step in steps
    ]


def _carried(step: Write) -> frozenset[str] | None:
    """The fields of the counterpart that a write may change; None: all that it has are ours."""
    match step:
        case Create():
            return None
        case Update():
            return frozenset(step.values)
        case Flag():
            return frozenset([step.field])
        case Delete():
            return frozenset()
