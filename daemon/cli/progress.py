"""How far a long command is: bars on the last lines of the terminal, from two seconds on. They go to standard error, so
that standard output is the same with and without; where standard error is no terminal there are none.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from daemon.cli.words import duration
from daemon.core.backfill import left
from daemon.ledger import LedgerError
from daemon.service.styles import colours

if TYPE_CHECKING:
    from rich.progress import TaskID

_AFTER_S: Final = 2.0
_BEAT_S: Final = 1.0
_WIDE: Final = 90  # columns of a terminal; a narrower one gets words alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the work: `done` of `total` things; None where nobody knows how many there are."""

    what: str
    done: int = 0
    total: int | None = None


Show = Callable[[Sequence[Part]], None]
"""Takes all parts that go on now."""


@contextmanager
def progress(what: str) -> Iterator[Show]:
    """Bars for what is done inside. Until the first parts are shown there is `what`, and the time that it takes."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _nobody
        return
    bars = _Bars(what)
    timer = threading.Timer(_AFTER_S, bars.start)
    timer.daemon = True
    timer.start()
    try:
        yield bars.show
    finally:
        timer.cancel()
        bars.stop()


@contextmanager
def followed(what: str, look: Callable[[], Sequence[Part]]) -> Iterator[None]:
    """Bars for what is done inside, by what a look at the ledger tells every second."""
    with progress(what) as show:
        if show is _nobody:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=_follow, args=(look, show, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Stderr:
    """Standard error as it is at each line: while bars are drawn, lines go above them."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def _nobody(parts: Sequence[Part]) -> None:
    """Nobody looks."""


def _follow(look: Callable[[], Sequence[Part]], show: Show, over: threading.Event) -> None:
    while not over.wait(_BEAT_S):
        with suppress(LedgerError):  # the command itself will say so
            show(look())


class _Bars:
    """Drawn from `start` to `stop`; told at any time, from any thread."""

    def __init__(self, what: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        console = Console(stderr=True, highlight=False, color_system=colours())
        what_, far_ = (TextColumn(f"{{{name}}}", markup=False) for name in ("task.description", "task.fields[far]"))
        wide = SpinnerColumn(), what_, BarColumn(bar_width=30), far_, TimeElapsedColumn()
        self._drawn = Progress(
            *(wide if console.width >= _WIDE else (what_, far_)),
            console=console,
            transient=True,
            redirect_stdout=False,  # it may be a file
        )
        self._first = self._drawn.add_task(what, total=None, far="")
        self._tasks: dict[str, tuple[TaskID, float, int]] = {}
        self._lock = threading.Lock()
        self._over = False

    def start(self) -> None:
        with self._lock:
            if not self._over:
                self._drawn.start()

    def stop(self) -> None:
        with self._lock:
            self._over = True
            self._drawn.stop()

    def show(self, parts: Sequence[Part]) -> None:
        """Exactly these parts."""
        with self._lock:
            self._drawn.update(self._first, visible=not parts)
            for gone in self._tasks.keys() - {part.what for part in parts}:
                self._drawn.remove_task(self._tasks.pop(gone)[0])
            for part in parts:
                if part.what not in self._tasks:
                    task = self._drawn.add_task(part.what, total=part.total, far="")
                    self._tasks[part.what] = task, time.monotonic(), part.done
                task, since, before = self._tasks[part.what]
                took = timedelta(seconds=time.monotonic() - since)
                self._drawn.update(task, total=part.total, completed=part.done, far=far(part, before, took))


def far(part: Part, before: int, took: timedelta) -> str:
    """How far a part is, and how long the rest takes at the rate since it was first seen, with `before` done then."""
    if part.total is None:
        return f"{part.done:,}" if part.done else ""
    rest = left(part.done - before, part.total - before, took) if part.done < part.total else None
    at_this_rate = "" if rest is None else f", about {duration(int(rest.total_seconds()))} left"
    return f"{part.done:,} of {part.total:,}{at_this_rate}"
