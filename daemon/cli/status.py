"""`orgsync status`: reads the ledger, with or without a daemon, and says what to type next."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.cli.context import ledger_settings, open_reader, utc_now
from daemon.cli.exits import HEALTHY, HELD, STOPPED
from daemon.core.causes import advice
from daemon.ledger import Comparing, Loading, StreamStatus, Stuck
from daemon.settings import Settings

_STYLES = {"ok": "green", "behind": "yellow", "held": "yellow"}
_PLAIN_WIDTH = 160  # of a file or pipe, which has none of its own
_STOPPED = ("unbalanced", "stopped", "silent")


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; its keys are stable.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show health, lag, balance and queue of every stream, from the ledger alone.

    Exit code 0: healthy; 1: records are held or dead, or a first pass goes on; 2: a stream is stopped, silent or
    unbalanced. Records that are due do not count: they are tried again by themselves.
    """
    settings = ledger_settings(Path(ctx.obj))
    streams, stuck = what_runs(settings)
    compared, loads = comparing(settings), loading(settings)
    if as_json:
        click.echo(json.dumps(as_document(streams, stuck, compared, loads)))
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
        show(console, streams, stuck, compared, loads)
        for line in unbalanced(settings, streams):
            click.echo(line)
    ctx.exit(code_of(streams))


def what_runs(settings: Settings) -> tuple[list[StreamStatus], list[Stuck]]:
    """The settings' streams and their queues: also those that never ran, and none that was taken out since."""
    with open_reader(settings) as reader:
        known, stuck = {s.stream: s for s in reader.streams()}, reader.stuck()
    mine = sorted(stream.address for stream in settings.streams())
    return [known.get(one) or StreamStatus(stream=one, health="silent") for one in mine], [
        q for q in stuck if q.stream in mine
    ]


def comparing(settings: Settings) -> dict[str, Comparing]:
    """The full comparisons that go on, by stream."""
    with open_reader(settings) as reader:
        return {one.stream: one for one in reader.comparing()}


def loading(settings: Settings) -> dict[str, Loading]:
    """The first loads that go on, by stream."""
    with open_reader(settings) as reader:
        return {one.stream: one for one in reader.loading(utc_now())}


def unbalanced(settings: Settings, streams: list[StreamStatus]) -> list[str]:
    """A line for every cycle of these streams whose sum is off."""
    wrong = {s.stream for s in streams if s.health == "unbalanced"}
    if not wrong:
        return []
    with open_reader(settings) as reader:
        off = [one for one in reader.unbalanced() if one.stream in wrong]
    return [
        f"{one.stream} is unbalanced: cycle #{one.cycle_id} saw {one.seen}, and what became of it adds up to "
        f"{one.outcomes}. orgsync stores no such sum, so somebody edited the ledger: put a backup back "
        "(docs/operations.md), or put the row right; the view v_balance shows it"
        for one in off
    ]


def code_of(streams: list[StreamStatus]) -> int:
    """The exit code that these streams deserve."""
    if stopped(streams):
        return STOPPED
    return HEALTHY if all(s.health == "ok" for s in streams) else HELD


def stopped(streams: list[StreamStatus]) -> list[StreamStatus]:
    """Those that do not go on by themselves."""
    return [s for s in streams if s.health in _STOPPED]


def as_document(
    streams: list[StreamStatus],
    stuck: list[Stuck],
    compared: Mapping[str, Comparing],
    loads: Mapping[str, Loading],
) -> dict[str, object]:
    """The document of `status --json` (design 7)."""
    return {
        "schema": 1,
        "healthy": code_of(streams) == HEALTHY,
        "streams": [
            {
                "stream": s.stream,
                "health": s.health,
                "lag_s": s.lag_s,
                "checkpoint": {"modified_time": _iso(s.checkpoint_time), "record_id": s.checkpoint_id},
                "polled_at": _iso(s.polled_at),
                "last_cycle": {
                    "id": s.last_cycle_id,
                    "at": _iso(s.last_cycle_at),
                    "seen": s.last_seen,
                    "balance": s.last_balance,
                },
                "trouble": s.trouble,
                "comparison": _comparison(compared.get(s.stream)),
                "first_load": _first_load(loads.get(s.stream)),
                "queue": [queue_entry(q) for q in stuck if q.stream == s.stream],
            }
            for s in streams
        ],
    }


def _comparison(one: Comparing | None) -> dict[str, object] | None:
    if one is None:
        return None
    return {
        "started_at": _iso(one.started_at),
        "source_seen": one.source_seen,
        "target_seen": one.target_seen,
        "found": one.found,
    }


def _first_load(one: Loading | None) -> dict[str, object] | None:
    if one is None:
        return None
    return {
        "way": one.way,
        "started_at": _iso(one.started_at),
        "total": one.total,
        "done": one.done,
        "left_s": None if one.left is None else int(one.left.total_seconds()),
    }


def queue_entry(q: Stuck) -> dict[str, object]:
    return {
        "cause": q.cause_id,
        "code": q.code,
        "module": q.module,
        "field": q.field,
        "value": q.value,
        "state": q.state,
        "records": q.records,
        "oldest_s": q.oldest_s,
        "next_due_at": _iso(q.next_due_at),
        "examples": list(q.example_ids),
        "seen": q.seen,
        "remedy": advice(q.remedy, q.state),
        "command": f"orgsync retry --cause {q.cause_id}",
    }


def show(
    console: Console,
    streams: list[StreamStatus],
    stuck: list[Stuck],
    compared: Mapping[str, Comparing],
    loads: Mapping[str, Loading],
) -> None:
    """A table of the streams, then which are loaded or compared, then what is stuck, by cause."""
    table = Table(box=None, pad_edge=False)
    for title, right in (
        ("stream", False),
        ("health", False),
        ("lag", True),
        ("checkpoint (UTC)", False),
        ("last cycle", False),
        ("due", True),
        ("held", True),
        ("dead", True),
    ):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for s in streams:
        last = "-" if s.last_cycle_id is None else f"#{s.last_cycle_id} saw {s.last_seen}, balance {s.last_balance}"
        table.add_row(
            s.stream,
            Text(s.health, style=_STYLES.get(s.health, "bold red")),
            duration(s.lag_s),
            "-" if s.checkpoint_time.year == 1970 else f"{s.checkpoint_time:%Y-%m-%d %H:%M:%S}",
            last,
            str(s.due),
            str(s.held),
            str(s.dead),
        )
    console.print(table)
    for s in streams:
        if s.trouble:
            console.print(Text(f"{s.stream} is stopped: {s.trouble}", style="red"))
    for s in streams:
        if load := loads.get(s.stream):
            console.print(f"{s.stream} is read for the first time by {load.way}: {_progress(load)}")
    for s in streams:
        if one := compared.get(s.stream):
            read = f"{one.source_seen:,} records of the source and {one.target_seen:,} of the target are read"
            console.print(f"{s.stream} is being compared: {read}, {one.found:,} put into the queue")
    for q in stuck:
        console.print()
        console.print(cause_lines(q))


def _progress(load: Loading) -> str:
    """How far a first load is, and when it ends if it goes on as it went so far."""
    if load.waits:
        return f"Zoho is making the file of {load.total:,} records"
    share = "" if load.total == 0 else f" ({100 * load.done // load.total} %)"
    rest = "" if load.left is None else f", about {duration(int(load.left.total_seconds()))} left at this rate"
    return f"{load.done:,} of {load.total:,} records{share}{rest}"


def cause_lines(q: Stuck) -> Text:
    """Four lines a cause: how many and why, what the first of them met, what mends it, what to type then."""
    about = " ".join(part for part in (q.code, q.field, f"= {q.value!r}" if q.value else None) if part)
    example = f", for example {q.example_ids[0]}" if q.example_ids else ""
    due = f", due {q.next_due_at:%H:%M:%S} UTC" if q.state == "due" and q.next_due_at else ""
    text = Text()
    text.append(f"{q.records} {q.state}", style="bold red" if q.state == "dead" else "bold yellow")
    text.append(f" in {q.stream}: {printable(about)}{example} (oldest {duration(q.oldest_s)}{due})\n")
    text.append(f"  {printable(q.seen)}\n" if q.seen else "")
    text.append(f"  {printable(advice(q.remedy, q.state))}\n")
    text.append(f"  orgsync retry --cause {q.cause_id}", style="cyan")
    return text


def duration(seconds: int | None) -> str:
    """Seconds as people say them: 42s, 5m, 3h, 2d."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def instant(moment: datetime | None) -> str:
    """A time as people read it, in UTC."""
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def printable(text: str) -> str:
    """A text from a record without what would move the cursor of a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
