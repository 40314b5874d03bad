"""Calls side by side: what a stream may have on its way at once, without anything else running in threads.

A thread that works for a stream counts its credits there and keeps to the deadline under which its work was begun:
both are in the context that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from contextvars import copy_context
from functools import cache
from typing import Generic, TypeVar

J = TypeVar("J")
T = TypeVar("T")


def abreast(
    jobs: Generator[J], work: Callable[[J], T], width: int, room: Callable[[], bool] = lambda: True
) -> Iterator[tuple[J, T]]:
    """Each job with what `work` made of it, as they are done; at most `width` at a time, and none beside others while
    there is no `room`. The next job is taken when it can begin at once, and after all that is done by then was given
    out: so `jobs` may end early.

    Raises what `work` raises, when nothing is on its way any more. With a width of one all happens in this thread.
    """
    with closing(jobs):
        if width == 1:
            for job in jobs:
                yield job, work(job)
            return
        with ThreadPoolExecutor(width) as crew:
            flying: dict[Future[T], J] = {}
            for job in jobs:
                flying[crew.submit(copy_context().run, work, job)] = job
                yield from _landed(flying, at_least=False)
                while flying and (len(flying) == width or not room()):
                    yield from _landed(flying, at_least=True)
            while flying:
                yield from _landed(flying, at_least=True)


def _landed(flying: dict[Future[T], J], *, at_least: bool) -> Iterator[tuple[J, T]]:
    """Those that are done; `at_least` one, however long it takes."""
    done, _ = wait(flying, timeout=None if at_least else 0, return_when=FIRST_COMPLETED)
    for future in [one for one in flying if one in done]:
        yield flying.pop(future), future.result()


class Beside(Generic[T]):
    """One piece of work that goes on beside the caller; without `beside` it is done when its result is asked for."""

    def __init__(self, work: Callable[[], T], *, beside: bool) -> None:
        self._crew = ThreadPoolExecutor(1) if beside else None
        self._get = cache(work) if self._crew is None else self._crew.submit(copy_context().run, work).result

    def result(self) -> T:
        """What came of it, as often as it is asked for. Raises what the work raises."""
        return self._get()

    def end(self) -> None:
        """Waits until nothing of it goes on."""
        if self._crew is not None:
            self._crew.shutdown()
