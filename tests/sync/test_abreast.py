"""Work side by side: how much at a time, in what order, and what it takes with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextvars import ContextVar

import pytest

from daemon.sync.abreast import Beside, abreast

WAIT = 5.0


def numbers(most: int, *, until: threading.Event | None = None) -> Generator[int]:
    for number in range(most):
        if until is not None and until.is_set():
            return
        yield number


def test_with_a_width_of_one_everything_happens_in_this_thread_in_order():
    me = threading.get_ident()
    assert [(job, made) for job, made in abreast(numbers(3), lambda n: (n, threading.get_ident()), 1)] == [
        (n, (n, me)) for n in range(3)
    ]


def test_as_many_as_the_width_are_on_their_way_and_no_more():
    together, most = threading.Barrier(3), []
    running: set[int] = set()

    def work(number: int) -> None:
        running.add(number)
        most.append(len(running))
        together.wait(WAIT)
        running.remove(number)

    assert sorted(job for job, _ in abreast(numbers(9), work, 3)) == list(range(9))
    assert max(most) == 3


def test_without_room_nothing_goes_beside_another():
    running: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        assert running == [number]
        time.sleep(0.01)
        running.clear()

    assert len(list(abreast(numbers(5), work, 4, lambda: False))) == 5


def test_jobs_that_end_early_leave_what_is_on_its_way_to_its_end():
    over, both = threading.Event(), threading.Barrier(2)
    seen: list[int] = []

    def work(number: int) -> None:
        both.wait(WAIT)
        time.sleep(0.02 * number)

    for job, _ in abreast(numbers(100, until=over), work, 2):
        seen.append(job)
        over.set()
    assert seen == [0, 1]


def test_what_a_piece_of_work_raises_comes_out_when_nothing_is_on_its_way():
    ended: list[int] = []
    both = threading.Barrier(2)

    def work(number: int) -> None:
        both.wait(WAIT)
        if number == 0:
            raise OSError("broken")
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(OSError, match="broken"):
        list(abreast(numbers(2), work, 2))
    assert ended == [1]


@pytest.mark.parametrize("width", [1, 4])
def test_work_sees_the_context_in_which_its_job_was_begun(width):
    begun: ContextVar[int] = ContextVar("begun", default=-1)

    def jobs() -> Generator[int]:
        for number in range(6):
            token = begun.set(number)
            try:
                yield number
            finally:
                begun.reset(token)

    assert sorted(made for _, made in abreast(jobs(), lambda _: begun.get(), width)) == list(range(6))
    assert begun.get() == -1


def test_something_beside_begins_by_itself_and_ends_when_it_is_told_to():
    done = threading.Event()
    beside = Beside(lambda: time.sleep(0.02) or done.set(), beside=True)
    beside.end()
    assert done.is_set()


def test_something_that_may_not_go_beside_waits_until_it_is_asked_for_and_is_done_once():
    times: list[int] = []
    later = Beside(lambda: times.append(1) or len(times), beside=False)
    assert not times
    assert (later.result(), later.result()) == (1, 1)
