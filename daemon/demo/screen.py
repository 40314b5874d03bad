"""What the spectator sees: sentences, and between them the state of things: live on a terminal, a line every 2 s else.

A pipe gets no control codes and no colours, a terminal with NO_COLOR no colours (service/styles.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon.demo.watch import Look, StreamRow
from daemon.ledger import Stuck
from daemon.service.styles import colours

_LIVE_S: Final = 0.4
_LINE_S: Final = 2.0
_DAY_S: Final = 86_400
_CAUSES: Final = 7
_STYLES: Final = {"ok": "green", "behind": "yellow", "held": "yellow"}
_WIDTH: Final = 110


class Screen:
    """Says and shows; decides nothing."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, color_system=colours())
        self._alive = self.console.is_terminal and not self.console.is_dumb_terminal
        if not self._alive and console is None:
            self.console = Console(highlight=False, color_system=colours(), width=_WIDTH)
        self._start = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the curtain rose."""
        return time.monotonic() - self._start

    def chapter(self, title: str) -> None:
        """A new part of the story, with the time so far."""
        self.console.print()
        self.console.print(Text(f"[{self.elapsed_s:4.1f} s] {title}", style="bold"))

    def say(self, sentence: str, style: str = "") -> None:
        """One paragraph."""
        self.console.print(Text(sentence, style=style))

    def show(self, table: Table) -> None:
        """A table, with air above."""
        self.console.print()
        self.console.print(table)

    def queue(self, look: Look) -> None:
        """The queue by cause, where the live picture does not show it anyway."""
        if not self._alive:
            self.show(_queue(look))

    def _line(self, seen: Look) -> None:
        self.console.print(Text(f"  {self.elapsed_s:4.1f} s  {line(seen)}"), soft_wrap=True)

    def watch(self, look: Callable[[], Look], until: Callable[[Look], bool], limit_s: float) -> tuple[Look, bool]:
        """Show looks until one satisfies `until` (True) or the time is up (False); the last look."""
        ends = time.monotonic() + limit_s
        if self._alive:
            with Live(console=self.console, auto_refresh=False, transient=False) as live:
                return _follow(look, until, ends, _LIVE_S, lambda seen: live.update(picture(seen), refresh=True))
        return _follow(look, until, ends, _LINE_S, self._line)


def _follow(
    look: Callable[[], Look], until: Callable[[Look], bool], ends: float, beat: float, show: Callable[[Look], None]
) -> tuple[Look, bool]:
    shown = 0.0
    while True:
        seen = look()
        done = until(seen)
        late = time.monotonic() > ends
        if done or late or time.monotonic() - shown >= beat:
            show(seen)
            shown = time.monotonic()
        if done or late:
            return seen, done
        time.sleep(min(beat, 0.4))


def picture(seen: Look) -> Group:
    """The state of things as two tables and a line."""
    return Group(_streams(seen), *([_queue(seen)] if seen.stuck else []), Text(_tally(seen), style="dim"))


def line(seen: Look) -> str:
    """The state of things in one line."""
    parts = "  ".join(f"{row.module} {row.linked:,}/{row.in_a:,}" for row in seen.rows)
    rate = sum(row.rate for row in seen.rows)
    lag = max((row.status.lag_s or 0 for row in seen.rows if row.status), default=0)
    held = sum(row.status.held for row in seen.rows if row.status)
    behind = f"lag {lag} s" if lag < _DAY_S else "first pass"  # what it reads by then is as old as the records
    return f"{parts} | {rate:,.0f}/s, {behind}, {held} held | {_tally(seen)}"


def _streams(seen: Look) -> Table:
    table = _table("stream", ">in A", ">linked", ">per second", ">lag", "health", ">due", ">held")
    for row in seen.rows:
        table.add_row(*_stream(row))
    return table


def _stream(row: StreamRow) -> tuple[str | Text, ...]:
    status = row.status
    counts = (row.module, f"{row.in_a:,}", f"{row.linked:,}", f"{row.rate:,.0f}" if row.rate >= 0.5 else "·")
    if status is None:
        return (*counts, "-", "not yet", "-", "-")
    lag = "-" if status.lag_s is None else f"{max(status.lag_s, 0)} s"
    health = Text(status.health, style=_STYLES.get(status.health, "bold red"))
    return (*counts, lag, health, str(status.due), str(status.held))


def _queue(seen: Look) -> Table:
    table = _table(">cause", ">records", "state", "module", "why")
    for one in seen.stuck[:_CAUSES]:
        table.add_row(str(one.cause_id), str(one.records), one.state, one.stream.partition("/")[2], why(one))
    if len(seen.stuck) > _CAUSES:
        rest = seen.stuck[_CAUSES:]
        table.add_row("", str(sum(one.records for one in rest)), "", "", f"{len(rest)} causes more")
    return table


def why(one: Stuck) -> str:
    """A cause in a few words."""
    return " ".join(part for part in (one.code, one.field, f"= {one.value!r}" if one.value else None) if part)


def plural(count: int, noun: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _tally(seen: Look) -> str:
    credits_ = ", ".join(f"{org} {spent:,}" for org, spent in seen.credits.items())
    return f"credits {credits_} | people in A: {seen.created} new, {seen.edited} edits"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title.lstrip(">"), justify="right" if title.startswith(">") else "left", no_wrap=True)
    return table
