"""`orgsync status`: reads the ledger, with or without a daemon, and says what to type next."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from daemon.cli import firstload
from daemon.cli.context import ledger_settings, open_reader, utc_now
from daemon.cli.exits import HEALTHY, HELD, STOPPED
from daemon.cli.firstload import FirstLoad
from daemon.cli.pasting import pasteable
from daemon.cli.screen import console, fits, json_option, sentences, show
from daemon.cli.words import duration, instant, iso, printable
from daemon.core.budget import UNLIMITED, Account, Leeway, about_credits, judge
from daemon.core.causes import advice
from daemon.ledger import Compared, Comparing, StreamStatus, Stuck
from daemon.settings import Settings

if TYPE_CHECKING:
    from daemon.ledger import Reader

_STYLES = {"ok": "green", "behind": "yellow", "held": "yellow"}
_LEFT_OUT = ((), ("last cycle",), ("last cycle", "checkpoint (UTC)"))  # columns, where a terminal is too narrow
_STOPPED = ("unbalanced", "stopped", "silent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that status shows: the streams, their queues by cause, the comparisons and first loads that go on, what the
    latest comparisons have found, what is unbalanced, and what the credits of the orgs let run.
    """

    streams: list[StreamStatus]
    stuck: list[Stuck]
    comparing: Mapping[str, Comparing]
    compared: Mapping[str, Compared]
    loads: Mapping[str, FirstLoad]
    off: list[str]
    leeways: list[Leeway]


@click.command("status")
@json_option
@click.option(
    "--watch",
    "every_s",
    is_flag=False,
    flag_value=2.0,
    type=click.FloatRange(0.2, 3_600),
    metavar="[SECONDS]",
    help="Show it again every SECONDS (2 unless told) until Ctrl-C; with --json a document a line.",
)
@click.pass_context
def command(ctx: click.Context, as_json: bool, every_s: float | None) -> None:
    """Show health, lag, balance and queue of every stream, from the ledger alone.

    Exit code 0: healthy; 1: records are held or dead, or a first pass goes on; 2: a stream is stopped, silent or
    unbalanced. Records that are due do not count: they are tried again by themselves. Of --watch it is always 0, once
    it has begun to look.
    """
    if every_s is not None:
        with suppress(KeyboardInterrupt):
            _watch(ledger_settings(Path(ctx.obj)), every_s, as_json=as_json)
        ctx.exit(HEALTHY)
    seen = look(ledger_settings(Path(ctx.obj)))
    if as_json:
        click.echo(json.dumps(as_document(seen)))
    else:
        show(picture(seen, console()))
    ctx.exit(code_of(seen.streams))


def _watch(settings: Settings, every_s: float, *, as_json: bool) -> None:
    """Looks again and again until Ctrl-C: drawn over on a terminal, one block after the other elsewhere."""
    from rich.live import Live  # noqa: PLC0415 - one look needs no screen of its own

    out = console()
    drawn = out.is_terminal and not out.is_dumb_terminal and not as_json
    with ExitStack() as stack:
        live = stack.enter_context(Live(console=out, screen=True, auto_refresh=False)) if drawn else None
        while True:
            seen = look(settings)
            head = Text(f"{instant(utc_now())}, every {every_s:g} s; Ctrl-C ends it", style="dim")
            if live is not None:
                live.update(_as_high(Group(head, "", picture(seen, out)), out), refresh=True)
            elif as_json:
                click.echo(json.dumps(as_document(seen)))
            else:
                show(head, picture(seen, out), "")
            time.sleep(every_s)


def _as_high(shown: Group, out: Console) -> Group:
    """What a terminal has the height for; below that how much there is besides, and how to see it."""
    lines = out.render_lines(shown, pad=False)
    if len(lines) <= out.height:
        return shown
    few = lines[: max(1, out.height - len(out.render_lines(_besides(len(lines)))))]
    above = Segments(segment for line in few for segment in (*line, Segment.line()))
    return Group(above, _besides(len(lines) - len(few)))


def _besides(lines: int) -> Text:
    return Text(pasteable(f"{lines} more lines do not fit here; to see all: orgsync status"))


def look(settings: Settings) -> Look:
    """The ledger as it is now."""
    with open_reader(settings) as reader:
        streams, stuck = what_runs(settings, reader)
        leeways = budgets(settings, reader)
        return Look(
            streams=streams,
            stuck=stuck,
            comparing={one.stream: one for one in reader.comparing()},
            compared={one.stream: one for one in reader.compared()},
            loads=loading(settings, reader, streams, leeways),
            off=unbalanced(reader, streams),
            leeways=leeways,
        )


def what_runs(settings: Settings, reader: Reader) -> tuple[list[StreamStatus], list[Stuck]]:
    """The settings' streams and their queues: also those that never ran, and none that was taken out since."""
    known, stuck = {s.stream: s for s in reader.streams()}, reader.stuck()
    mine = sorted(stream.address for stream in settings.streams())
    return [known.get(one) or StreamStatus(stream=one, health="silent") for one in mine], [
        q for q in stuck if q.stream in mine
    ]


def budgets(settings: Settings, reader: Reader) -> list[Leeway]:
    """What the credits of each org of the routes let run."""
    accounts = reader.accounts()
    orgs = sorted({org for route in settings.routes for org in (route.source, route.target)})
    return [judge(o, settings.budgets.get(o, UNLIMITED), accounts.get(o, Account()), utc_now()) for o in orgs]


def loading(
    settings: Settings, reader: Reader, streams: list[StreamStatus], leeways: Sequence[Leeway]
) -> dict[str, FirstLoad]:
    """The first loads that go on, by stream."""
    if not any(s.polled_at is not None and s.caught_up_at is None for s in streams):
        return {}
    return firstload.first_loads(reader.loading(utc_now()), settings.streams(), leeways)


def unbalanced(reader: Reader, streams: list[StreamStatus]) -> list[str]:
    """A line for every cycle of these streams whose sum is off."""
    wrong = {s.stream for s in streams if s.health == "unbalanced"}
    if not wrong:
        return []
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


def as_document(seen: Look) -> dict[str, object]:
    """The document of `status --json` (design 7)."""
    return {
        "schema": 1,
        "healthy": code_of(seen.streams) == HEALTHY,
        "streams": [
            {
                "stream": s.stream,
                "health": s.health,
                "lag_s": s.lag_s,
                "checkpoint": {"modified_time": iso(s.checkpoint_time), "record_id": s.checkpoint_id},
                "polled_at": iso(s.polled_at),
                "last_cycle": {
                    "id": s.last_cycle_id,
                    "at": iso(s.last_cycle_at),
                    "seen": s.last_seen,
                    "balance": s.last_balance,
                },
                "trouble": s.trouble,
                "comparison": _comparison(seen.comparing.get(s.stream)),
                "compared": _compared(seen.compared.get(s.stream)),
                "first_load": firstload.document(seen.loads.get(s.stream)),
                "queue": [queue_entry(q) for q in seen.stuck if q.stream == s.stream],
            }
            for s in seen.streams
        ],
        "credits": [_credits(leeway) for leeway in seen.leeways],
    }


def _credits(leeway: Leeway) -> dict[str, object]:
    return {
        "org": leeway.org,
        "spent_24h": leeway.spent,
        "ceiling": leeway.budget.ceiling,
        "remaining": leeway.remaining,
        "reserve": leeway.budget.reserve,
        "allows": leeway.allows,
        "until": iso(leeway.until),
        "near_at": iso(leeway.near_at),
        "reached_at": iso(leeway.reached_at),
        "about": about_credits(leeway),
    }


def _comparison(one: Comparing | None) -> dict[str, object] | None:
    if one is None:
        return None
    return {
        "started_at": iso(one.started_at),
        "source_seen": one.source_seen,
        "target_seen": one.target_seen,
        "found": one.found,
    }


def _compared(one: Compared | None) -> dict[str, object] | None:
    return None if one is None else {"at": iso(one.finished_at), "records": one.source_seen, "found": one.found}


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
        "next_due_at": iso(q.next_due_at),
        "examples": list(q.example_ids),
        "seen": q.seen,
        "remedy": advice(q.remedy, q.state),
        "command": f"orgsync retry --cause {q.cause_id}",
    }


def picture(seen: Look, out: Console) -> Group:
    """The widest table of the streams that fits; which are loaded or compared, what is stuck by cause, what is off."""
    tables = (_table(seen.streams, left_out) for left_out in _LEFT_OUT)
    fitting = next((table for table in tables if fits(table, out)), None)
    parts: list[Table | Text] = [fitting] if fitting is not None else [_stacked(s) for s in seen.streams]
    parts += [sentences(f"{s.stream} is stopped: {s.trouble}", style="red") for s in seen.streams if s.trouble]
    for s in seen.streams:
        if load := seen.loads.get(s.stream):
            parts.append(sentences(firstload.sentence(load)))
    for s in seen.streams:
        if one := seen.comparing.get(s.stream):
            read = f"{one.source_seen:,} records of the source and {one.target_seen:,} of the target are read"
            parts.append(sentences(f"{s.stream} is being compared: {read}, {one.found:,} put into the queue"))
        elif last := seen.compared.get(s.stream):
            found = f"{last.found:,} of {last.source_seen:,} records were not as they should be"
            parts.append(sentences(f"{s.stream} was compared {instant(last.finished_at)}: {found}"))
    parts += [sentences(line) for line in map(about_credits, seen.leeways) if line]
    for q in seen.stuck:
        parts += [Text(), cause_lines(q)]
    return Group(*parts, *map(sentences, seen.off))


def _table(streams: list[StreamStatus], left_out: Collection[str]) -> Table:
    """One line a stream."""
    table = Table(box=None, pad_edge=False)
    columns = {title: [cell(s) for s in streams] for title, cell in _COLUMNS.items() if title not in left_out}
    for title in columns:
        right = title in ("lag", "due", "held", "dead")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table


def _stacked(s: StreamStatus) -> Text:
    """Two lines a stream, where no table fits."""
    text = sentences(f"{s.stream}\n  ")
    text.append_text(_health(s))
    text.append(f", lag {duration(s.lag_s)}\n  {s.due} due, {s.held} held, {s.dead} dead")
    return text


def _health(s: StreamStatus) -> Text:
    return Text(s.health, style=_STYLES.get(s.health, "bold red"))


def _last_cycle(s: StreamStatus) -> str:
    return "-" if s.last_cycle_id is None else f"#{s.last_cycle_id} saw {s.last_seen}, balance {s.last_balance}"


def _checkpoint(s: StreamStatus) -> str:
    return "-" if s.checkpoint_time.year == 1970 else f"{s.checkpoint_time:%Y-%m-%d %H:%M:%S}"


def cause_lines(q: Stuck, examples: Sequence[str] = ()) -> Text:
    """Four lines a cause: how many and why, what the first of them met, what mends it, what to type then. The examples
    are ids, unless others are given.
    """
    about = " ".join(part for part in (q.code, q.field, f"= {q.value!r}" if q.value else None) if part)
    shown = examples or q.example_ids[:1]
    example = f", for example {', '.join(shown)}" if shown else ""
    due = f", due {q.next_due_at:%H:%M:%S} UTC" if q.state == "due" and q.next_due_at else ""
    head = f"{q.records} {q.state}"
    lines = [f"{head} in {q.stream}: {printable(about)}{example} (oldest {duration(q.oldest_s)}{due})"]
    lines += [f"  {printable(q.seen)}"] if q.seen else []
    text = sentences("\n".join([*lines, f"  {printable(advice(q.remedy, q.state))}\n"]))
    text.stylize("bold red" if q.state == "dead" else "bold yellow", 0, len(head))
    return text.append(sentences(f"  orgsync retry --cause {q.cause_id}", style="cyan"))


_COLUMNS: Mapping[str, Callable[[StreamStatus], Text | str]] = {
    "stream": lambda s: s.stream,
    "health": _health,
    "lag": lambda s: duration(s.lag_s),
    "checkpoint (UTC)": _checkpoint,
    "last cycle": _last_cycle,
    "due": lambda s: str(s.due),
    "held": lambda s: str(s.held),
    "dead": lambda s: str(s.dead),
}
