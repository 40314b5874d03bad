"""Work beside the caller, without anything else running in threads.

A thread that works for a stream counts its credits there and keeps to the deadline under which its work was begun:
both are in the context that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import Generic, TypeVar

T = TypeVar("T")


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
