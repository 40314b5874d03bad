"""What the ledger must store once the answers are in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.answer import Answer, Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.causes import Cause
from daemon.core.digest import digest_values
from daemon.core.ends import Linked, Waiting, Written
from daemon.core.outcome import OUTCOMES
from daemon.core.record import Deletion, Position
from daemon.core.settle import Walk, checkpoint_after
from daemon.core.steps import Create, Defer, Delete, Flag, Hold, Keep, LinkState, Step, Update
from daemon.core.translate import Parent
from tests.core.make import SECRET, T0, at, change, often, settled

NEW = T0 + timedelta(seconds=7)
PRINT = digest_values({"Last_Name": "Ann"}, "v1", SECRET)
IN_DOUBT = Cause(code="UNCERTAIN", module="Contacts")
DONE = Done(record_id="901", modified_time=NEW)
BUSY = Busy(code="RECORD_LOCKED", message="locked")
LOST = Uncertain(code="TIMEOUT", message="no answer")
AWAY = NotSent(code="DOWN", message="unreachable")
GONE = Gone(record_id="901", message="no such record")
WRONG = Refused(code="INVALID_DATA", message="invalid data", field="Last_Name")


def create(record_id: str = "1", seconds: int = 0, **values: object) -> Create:
    sent = {"Last_Name": "Ann", "Key": f"600:{record_id}", **values}
    return Create(change=change(record_id, seconds), values=sent, digests=PRINT, match={"Key": f"600:{record_id}"})  # type: ignore[arg-type]


def update(record_id: str = "1", seconds: int = 0, *, adopts: bool = False, doubted: bool = False) -> Update:
    return Update(
        change=change(record_id, seconds),
        target_id="901",
        values={"Last_Name": "Ann", "Age": 4},
        digests=PRINT,
        adopts=adopts,
        doubted=doubted,
    )


def was(attempts: int, seconds: int = 0, record_id: str = "1") -> dict[str, Waiting]:
    """The record is in the queue: tried so often, as it stood at that time."""
    modified = T0 + timedelta(seconds=seconds)
    return {record_id: Waiting(source_id=record_id, attempts=attempts, modified_time=modified)}


def linked(target_id: str = "901", *, confirmed: bool = True) -> Linked:
    return Linked(
        source_id="1",
        target_id=target_id,
        digests=PRINT if confirmed else None,
        target_modified_time=NEW if confirmed else None,
    )


@pytest.mark.parametrize(
    ("step", "matched", "outcome", "action", "sent"),
    [
        (create(), False, "created", "create", ("Key", "Last_Name")),
        (create(), True, "adopted", "create", ("Key", "Last_Name")),  # an upsert that found our earlier create
        (update(), False, "updated", "update", ("Age", "Last_Name")),
        (update(), True, "updated", "update", ("Age", "Last_Name")),
        (update(adopts=True), False, "adopted", "update", ("Age", "Last_Name")),
        (update(doubted=True), False, "updated", "update", ("Age", "Last_Name")),
    ],
)
def test_a_confirmed_write_is_linked_with_what_b_confirmed(
    step: Create | Update, matched: bool, outcome: str, action: str, sent: tuple[str, ...]
) -> None:
    found = settled(step, {"1": Done(record_id="901", modified_time=NEW, matched=matched)}, waiting=was(3))
    assert found.outcomes == {outcome: 1}
    assert found.linked == [linked()]
    assert found.written == [
        Written(source_id="1", target_id="901", action=action, fields=sent, answer_code="SUCCESS")  # type: ignore[arg-type]
    ]
    assert (found.queued, found.dequeued, found.closed_intents) == ([], ["1"], ["1"])


def test_what_was_not_waiting_does_not_leave_the_queue() -> None:
    assert settled(create(), {"1": DONE}, waiting=was(3, record_id="2")).dequeued == []


@pytest.mark.parametrize("outcome", ["unchanged", "filtered"])
def test_what_needs_no_write_leaves_the_queue_and_closes_its_intent(outcome: str) -> None:
    found = settled(Keep(change=change(), outcome=outcome), waiting=was(2))  # type: ignore[arg-type]
    assert found.outcomes == {outcome: 1}
    assert (found.linked, found.queued, found.written) == ([], [], [])
    assert (found.dequeued, found.closed_intents) == (["1"], ["1"])


@pytest.mark.parametrize("outcome", ["adopted", "unchanged", "filtered"])
def test_a_counterpart_that_was_found_is_linked_with_what_it_holds(outcome: str) -> None:
    found = settled(Keep(change=change(), outcome=outcome, target_id="901", digests=PRINT))  # type: ignore[arg-type]
    assert found.outcomes == {outcome: 1}
    assert found.linked == [Linked(source_id="1", target_id="901", digests=PRINT, target_modified_time=None)]


PARENT = Parent(module="Accounts", record_id="5")
HOLD = Hold(
    change=change(),
    cause=Cause(code="WAITS_FOR_PARENT", module="Accounts", field="Account_Name"),
    detail="waits",
    waits_for=PARENT,
)


def test_a_held_record_waits_without_a_due_time_and_its_doubt_stays_open() -> None:
    found = settled(HOLD, waiting=was(2))
    (row,) = found.queued
    assert found.outcomes == {"held": 1}
    assert (row.state, row.due_at, row.attempts, row.waits_for) == ("held", None, 2, PARENT)
    assert (row.cause, row.detail, row.modified_time) == (HOLD.cause, "waits", T0)
    assert (found.dequeued, found.closed_intents, found.written) == ([], [], [])


def test_a_deferred_record_is_due_when_its_earlier_write_is_over_and_the_intent_stays_open() -> None:
    until = T0 + timedelta(seconds=180)
    found = settled(Defer(change=change(), until=until), waiting=was(3))
    (row,) = found.queued
    assert found.outcomes == {"retrying": 1}
    assert (row.state, row.due_at, row.attempts, row.cause) == ("due", until, 3, IN_DOUBT)
    assert "asked before anything is sent" in row.detail
    assert (found.closed_intents, found.written, found.dequeued) == ([], [], [])


@pytest.mark.parametrize(("answer", "code", "closed"), [(BUSY, "RECORD_LOCKED", ["1"]), (LOST, "UNCERTAIN", [])])
def test_a_passing_trouble_is_tried_again_and_only_a_lost_answer_keeps_its_intent(
    answer: Answer, code: str, closed: list[str]
) -> None:
    found = settled(update(), {"1": answer}, jitter=0.5)
    (row,) = found.queued
    assert found.outcomes == {"retrying": 1}
    # The first attempt waits up to 5 s; half of that by this jitter.
    assert (row.state, row.attempts, row.due_at) == ("due", 1, T0 + timedelta(seconds=2.5))
    assert row.cause == Cause(code=code, module="Contacts")
    assert found.closed_intents == closed
    assert found.linked == []
    (written,) = found.written
    assert (written.answer_code, written.target_id) == (code, "901")


def test_a_lost_answer_tells_what_was_lost() -> None:
    (row,) = settled(create(), {"1": LOST}).queued
    assert row.detail == "TIMEOUT: no answer"


@pytest.mark.parametrize(
    ("before", "edited", "attempts", "state", "wait"),
    [
        (0, False, 1, "due", 2.5),
        (1, False, 2, "due", 5.0),  # half of 10 s
        (10, False, 11, "due", 1800.0),  # half of the cap of 1 h
        (11, False, 12, "dead", None),  # max_attempts = 12
        (40, False, 41, "dead", None),
        (11, True, 1, "due", 2.5),  # an edit in A counts anew
    ],
)
@pytest.mark.parametrize("answer", [BUSY, LOST])
def test_attempts_count_until_they_run_out_and_an_edit_counts_anew(
    answer: Answer, before: int, edited: bool, attempts: int, state: str, wait: float | None
) -> None:
    found = settled(update(seconds=1), {"1": answer}, waiting=was(before, 0 if edited else 1))
    (row,) = found.queued
    assert (row.attempts, row.state) == (attempts, state)
    assert row.due_at == (None if wait is None else T0 + timedelta(seconds=wait))
    assert found.outcomes == {"dead" if state == "dead" else "retrying": 1}
    assert found.closed_intents == (["1"] if answer is BUSY else [])
    assert len(found.written) == 1


def test_a_stream_may_allow_fewer_attempts() -> None:
    assert settled(update(), {"1": BUSY}, waiting=was(1), max_attempts=2).outcomes == {"dead": 1}
    assert settled(update(), {"1": BUSY}, waiting=was(1), max_attempts=3).outcomes == {"retrying": 1}


@pytest.mark.parametrize("step", [HOLD, Defer(change=change(), until=NEW)])
def test_an_edit_that_meets_a_hold_or_a_deferral_starts_to_count_anew_too(step: Step) -> None:
    (row,) = settled(step, waiting=was(11, seconds=-5)).queued
    assert row.attempts == 0
    (fresh,) = settled(step).queued
    assert fresh.attempts == 0


def test_a_refused_record_is_held_with_its_cause_and_no_value_of_a_plain_field() -> None:
    found = settled(create(), {"1": WRONG}, waiting=was(1))
    (row,) = found.queued
    assert found.outcomes == {"held": 1}
    assert (row.state, row.due_at, row.attempts) == ("held", None, 1)
    assert row.cause == Cause(code="INVALID_DATA", module="Contacts", field="Last_Name")
    assert row.detail == "invalid data"
    assert found.closed_intents == ["1"]
    (written,) = found.written
    assert (written.answer_code, written.target_id, written.action) == ("INVALID_DATA", None, "create")


@pytest.mark.parametrize(("stage", "value"), [("Won", "Won"), ("x" * 500, "x" * 120), (None, None), (0, "0")])
def test_a_refused_picklist_value_names_its_cause(stage: object, value: str | None) -> None:
    answer = Refused(code="INVALID_DATA", message="bad", field="Stage")
    (row,) = settled(create(Stage=stage), {"1": answer}).queued
    assert row.cause == Cause(code="INVALID_DATA", module="Contacts", field="Stage", value=value)


def test_a_refusal_without_a_field_and_a_very_long_message_is_still_stored() -> None:
    (row,) = settled(create(), {"1": Refused(code="X", message="m" * 999)}).queued
    assert row.cause == Cause(code="X", module="Contacts")
    assert row.detail == "m" * 300


def test_a_duplicate_of_our_own_key_is_adopted_and_brought_up_to_date_at_once() -> None:
    answer = Refused(code="DUPLICATE_DATA", message="duplicate data", field="Key", existing_id="955")
    found = settled(create(), {"1": answer}, waiting=was(4))
    (row,) = found.queued
    assert found.outcomes == {"adopted": 1}
    assert found.linked == [linked("955", confirmed=False)]
    assert (row.state, row.due_at, row.attempts, row.cause) == ("due", T0, 0, IN_DOUBT)
    assert "955" in row.detail
    assert (found.closed_intents, found.dequeued) == (["1"], [])
    (written,) = found.written
    assert (written.answer_code, written.target_id) == ("DUPLICATE_DATA", "955")


@pytest.mark.parametrize(
    ("step", "code", "field", "existing"),
    [
        (create(), "DUPLICATE_DATA", "Last_Name", "955"),  # somebody else's record
        (create(), "DUPLICATE_DATA", None, "955"),
        (create(), "DUPLICATE_DATA", "Key", None),  # nobody says which record
        (create(), "INVALID_DATA", "Key", "955"),
        (update(), "DUPLICATE_DATA", "Key", "955"),
    ],
)
def test_any_other_duplicate_is_for_a_person_with_both_ids_named(
    step: Step, code: str, field: str | None, existing: str | None
) -> None:
    found = settled(step, {"1": Refused(code=code, message="duplicate data", field=field, existing_id=existing)})
    (row,) = found.queued
    assert found.outcomes == {"held": 1}
    assert found.linked == []
    assert (row.state, row.cause.code, row.cause.field) == ("held", code, field)
    if existing:
        assert row.detail == "duplicate data (source 1, held by 955 in b)"


def test_a_counterpart_that_is_gone_is_for_a_person() -> None:
    found = settled(update(), {"1": GONE}, waiting=was(1))
    (row,) = found.queued
    assert found.outcomes == {"held": 1}
    assert (row.state, row.cause, row.attempts) == ("held", Cause(code="TARGET_GONE", module="Contacts"), 1)
    assert row.detail == "no such record"
    assert (found.closed_intents, found.linked) == (["1"], [])
    (written,) = found.written
    assert (written.answer_code, written.target_id, written.action) == ("TARGET_GONE", "901", "update")


@pytest.mark.parametrize("answer", [None, AWAY])
@pytest.mark.parametrize("step", [create(), update()])
def test_what_was_not_sent_has_no_outcome_and_only_its_intent_is_withdrawn(step: Step, answer: Answer | None) -> None:
    found = settled(step, {"1": answer} if answer else {}, waiting=was(3))
    assert (found.seen, found.outcomes) == (0, {})
    assert (found.linked, found.queued, found.dequeued, found.written) == ([], [], [], [])
    assert found.closed_intents == ["1"]


@pytest.mark.parametrize("answer", [None, AWAY, BUSY, LOST, WRONG, GONE])
@pytest.mark.parametrize("adopts", [True, False])
def test_a_counterpart_found_after_an_uncertain_write_is_kept_until_b_confirms_it(
    answer: Answer | None, adopts: bool
) -> None:
    step = update(adopts=adopts, doubted=True)
    assert settled(step, {"1": answer} if answer else {}).linked == [linked(confirmed=False)]
    assert settled(step, {"1": DONE}).linked == [linked()]


def deletion(record_id: str = "1") -> Deletion:
    return Deletion(record_id=record_id, modified_time=T0)


DELETE = Delete(change=deletion(), target_id="901")
FLAG = Flag(change=deletion(), target_id="901", field="Gone")


def ended(state: LinkState) -> Linked:
    return Linked(source_id="1", target_id="901", digests=None, target_modified_time=None, state=state)


@pytest.mark.parametrize(
    ("step", "answer", "outcome", "state"),
    [
        (DELETE, DONE, "deleted", "deleted"),
        (DELETE, GONE, "deleted", "deleted"),  # somebody was faster
        (FLAG, DONE, "flagged", "flagged"),
        (FLAG, GONE, "unchanged", "deleted"),
    ],
)
def test_a_deletion_that_b_confirmed_ends_the_link_and_leaves_the_queue(
    step: Delete | Flag, answer: Answer, outcome: str, state: LinkState
) -> None:
    found = settled(step, {"1": answer}, lane="retry", waiting=was(1))
    assert found.outcomes == {outcome: 1}
    assert found.linked == [ended(state)]
    assert (found.queued, found.dequeued, found.closed_intents) == ([], ["1"], ["1"])
    (line,) = found.written
    assert (line.action, line.target_id) == ("delete" if step is DELETE else "update", "901")
    assert line.fields == (() if step is DELETE else ("Gone",))


@pytest.mark.parametrize("step", [DELETE, FLAG])
@pytest.mark.parametrize(("answer", "outcome"), [(BUSY, "retrying"), (LOST, "retrying"), (WRONG, "held")])
def test_a_deletion_that_was_not_done_stays_in_the_queue(step: Delete | Flag, answer: Answer, outcome: str) -> None:
    found = settled(step, {"1": answer}, lane="retry", waiting=was(1))
    assert found.outcomes == {outcome: 1}
    assert (found.linked, found.dequeued) == ([], [])
    (row,) = found.queued
    assert row.modified_time == T0
    assert found.closed_intents == ([] if answer is LOST else ["1"])


def test_an_uncertain_deletion_that_turns_out_done_ends_the_link() -> None:
    found = settled(Keep(change=deletion(), outcome="deleted", target_id="901"), lane="retry", waiting=was(1))
    assert (found.outcomes, found.linked, found.dequeued) == ({"deleted": 1}, [ended("deleted")], ["1"])


@pytest.mark.parametrize(
    ("policy", "outcome", "state", "links"),
    [
        ("hold", "held", "held", []),
        ("leave", "filtered", None, [ended("gone")]),
        ("recreate", "retrying", "due", [ended("gone")]),
    ],
)
def test_a_counterpart_that_is_gone_follows_the_policy(
    policy: str, outcome: str, state: str | None, links: list[Linked]
) -> None:
    found = settled(update(), {"1": GONE}, gone=policy)
    assert (found.outcomes, found.linked) == ({outcome: 1}, links)
    assert [row.state for row in found.queued] == ([] if state is None else [state])


def test_a_record_that_is_made_again_is_due_at_once() -> None:
    (row,) = settled(update(), {"1": GONE}, gone="recreate").queued
    assert (row.due_at, row.attempts, row.cause.code) == (T0, 0, "TARGET_GONE")


# Any mix of steps and answers.

answers_ = st.sampled_from(
    [
        None,
        DONE,
        BUSY,
        LOST,
        AWAY,
        GONE,
        WRONG,
        Refused(code="DUPLICATE_DATA", message="d", field="Key", existing_id="955"),
    ]
)


def _step(kind: str, n: int) -> Step:
    one = change(str(n + 1), n)
    made: dict[str, Step] = {
        "create": create(str(n + 1), n),
        "update": update(str(n + 1), n),
        "adopt": update(str(n + 1), n, adopts=True, doubted=True),
        "hold": Hold(change=one, cause=HOLD.cause, detail="d"),
        "defer": Defer(change=one, until=NEW),
        "same": Keep(change=one, outcome="unchanged"),
        "filtered": Keep(change=one, outcome="filtered"),
    }
    return made[kind]


KINDS = ("create", "update", "adopt", "hold", "defer", "same", "filtered")
mixes = st.lists(st.tuples(st.sampled_from(KINDS), answers_, st.integers(0, 13)), max_size=8)


@often
@given(mixes, st.integers(-2, 10), st.integers(0, 12), st.integers(-1, 3))
def test_whatever_the_answers_everything_is_accounted_for(
    mix: list[tuple[str, Answer | None, int]], horizon: int, end: int, before: int
) -> None:
    steps = [_step(kind, n) for n, (kind, _, _) in enumerate(mix)]
    answers = {str(n + 1): answer for n, (_, answer, _) in enumerate(mix) if answer}
    waiting = {i: w for n, (_, _, tries) in enumerate(mix) if tries for i, w in was(tries, n, str(n + 1)).items()}
    walk = Walk(checkpoint=at(before, "0"), page_end=at(end + len(mix)), horizon=T0 + timedelta(seconds=horizon))
    found = settled(steps, answers, waiting=waiting, walk=walk)

    unsent = [
        s.change.record_id
        for s in steps
        if isinstance(s, (Create, Update)) and isinstance(answers.get(s.change.record_id, AWAY), NotSent)
    ]
    assert sum(found.outcomes.values()) == found.seen == len(steps) - len(unsent)
    assert found.outcomes.keys() <= set(OUTCOMES)
    # A row has a cause, a due time exactly when it is due, and is not taken off in the same breath.
    assert all(row.cause.code and row.cause.remedy for row in found.queued)
    assert all((row.due_at is not None) == (row.state == "due") for row in found.queued)
    rows = {row.source_id for row in found.queued}
    assert rows.isdisjoint(found.dequeued) and rows.isdisjoint(unsent)  # noqa: PT018
    assert set(found.dequeued) == waiting.keys() - rows - set(unsent)
    # Only a lost answer, a deferral and a hold leave their intent open.
    open_ = {s.change.record_id for s in steps} - set(found.closed_intents)
    lost = {i for i, a in answers.items() if isinstance(a, Uncertain)}
    quiet = {s.change.record_id for s in steps if isinstance(s, (Hold, Defer))}
    writes = {s.change.record_id for s in steps if isinstance(s, (Create, Update))}
    assert open_ == quiet | (lost & writes)
    # One line of history for each call that was made.
    assert [w.source_id for w in found.written] == [i for i in sorted(writes, key=int) if i not in unsent]
    # The checkpoint.
    assert found.checkpoint is not None
    assert found.checkpoint >= walk.checkpoint
    assert found.checkpoint <= max(walk.checkpoint, Position(modified_time=walk.horizon, record_id="0"))
    missing = [s.change.position for s in steps if s.change.record_id in unsent]
    if missing and missing[0] > walk.checkpoint:
        assert found.checkpoint < missing[0]


WALK = Walk(checkpoint=at(0, "5"), page_end=at(9, "9"), horizon=T0 + timedelta(hours=1))


@pytest.mark.parametrize(
    ("unsent", "horizon", "expected"),
    [
        ((), 3600, at(9, "9")),  # everything has an outcome: the whole page
        (("3",), 3600, at(2, "2")),  # exactly before the first that has none
        (("2", "3"), 3600, at(1, "1")),
        (("1",), 3600, at(0, "5")),  # nothing before it: stays
        ((), 9, at(9, "0")),  # never past the horizon, lowest id
        ((), 2, at(2, "0")),
        (("3",), 2, at(2, "0")),
        ((), 0, at(0, "5")),  # never back
        ((), -60, at(0, "5")),
        (("3",), 1, at(1, "0")),
    ],
)
def test_how_far_the_checkpoint_may_move(unsent: tuple[str, ...], horizon: int, expected: Position) -> None:
    steps: list[Step] = [Keep(change=change(str(n), n), outcome="unchanged") for n in (1, 2, 3)]
    walk = Walk(checkpoint=WALK.checkpoint, page_end=WALK.page_end, horizon=_at(horizon))
    assert checkpoint_after(walk, steps, frozenset(unsent)) == expected


def _at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_an_empty_page_moves_the_checkpoint_to_its_end() -> None:
    assert checkpoint_after(WALK, [], frozenset()) == at(9, "9")
    assert settled([], walk=WALK).checkpoint == at(9, "9")


def test_the_retry_lane_never_moves_the_checkpoint() -> None:
    found = settled(create(), {"1": DONE}, lane="retry")
    assert (found.lane, found.checkpoint) == ("retry", None)
    assert settled(create(), {"1": AWAY}, walk=WALK).checkpoint == at(0, "5")
