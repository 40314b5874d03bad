"""`orgsync plan`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from daemon.cli import planfile, typed
from daemon.cli.asking import asking
from daemon.cli.context import load_settings, utc_now
from daemon.cli.exits import HEALTHY, HELD, STOPPED
from daemon.cli.first_run import first_run_option
from daemon.cli.planned import Shown, as_document, as_text
from daemon.cli.progress import Stderr, progress
from daemon.cli.request import known_stream
from daemon.cli.screen import json_option, wrapped
from daemon.core.rules import Stream
from daemon.core.saved import SavedPlan, saved_step
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.foreseeing import Forecast
from daemon.sync.planning import Planner
from daemon.sync.prepare import FirstRun


@click.command("plan")
@click.argument("stream", shell_complete=typed.streams)
@click.option(
    "--records",
    default=2_000,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="How many changes to read at most.",
)
@click.option("--all", "everything", is_flag=True, help="List every record, not the first 20 of a kind.")
@click.option("--save", "file", type=click.Path(dir_okay=False, path_type=Path), help="Keep the plan for `apply`.")
@first_run_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, stream: str, records: int, everything: bool, file: Path | None, first_run: str, as_json: bool
) -> None:
    """Show what the next cycle of STREAM would write, field by field, what it would hold and why, and what that costs.

    Writes neither to an org nor to the ledger, and works while a daemon runs. Exit codes: 1 some records would be held,
    2 the next cycle would write nothing of it.
    """
    settings = load_settings(Path(ctx.obj))
    set_up(as_json=False, stream=Stderr())
    one = settings.stream(known_stream(settings, stream))
    if one.files_of is not None:
        raise click.UsageError(f"{stream} carries attachments, which are not planned; its records are: {one.files_of}")
    if file is not None:
        planfile.must_be_new(file)
    how: FirstRun = "create" if first_run == "create" else "refuse"
    asked = progress(f"asking {one.source} and {one.target}")
    with asked, planning(settings, one) as (planner, has_ledger, pace):
        seen = planner.next_cycle(records, how)
        latency = pace()
    if file is not None:
        planfile.write(file, kept(seen, has_ledger=has_ledger, create=how == "create"))
    shown = Shown(
        forecast=seen,
        latency=latency,
        everything=everything,
        following=_following(one, seen, file, has_ledger=has_ledger),
    )
    click.echo(json.dumps(as_document(shown)) if as_json else wrapped(as_text(shown)))
    ctx.exit(STOPPED if seen.blocked else HELD if seen.counts["hold"] else HEALTHY)


@contextmanager
def planning(settings: Settings, stream: Stream) -> Iterator[tuple[Planner, bool, Callable[[], float]]]:
    """Who plans a stream beside whoever runs it, whether there is a ledger, and what gives the seconds a call took."""
    with asking(settings, stream) as asked:
        yield asked.planner(), asked.has_ledger, lambda: asked.pace.latency


def kept(seen: Forecast, *, has_ledger: bool = True, create: bool = False, repair: bool = False) -> SavedPlan:
    """The writes of a plan as they are kept in a file; of one that repairs what is linked alone too."""
    return SavedPlan(
        made_at=utc_now(),
        create=create,
        repair=repair,
        standing=seen.standing if has_ledger else replace(seen.standing, ledger=None),
        key=seen.key.hex(),
        steps=tuple(saved_step(item) for item in (seen.mends if repair else seen.writes)),
    )


def _following(stream: Stream, seen: Forecast, file: Path | None, *, has_ledger: bool) -> str:
    """The command to type next; where the cycle would stop, after what is said of that."""
    if seen.blocked:
        return f"orgsync plan {stream.address}"
    if seen.writes and file is not None:
        return f"orgsync apply {shlex.quote(str(file))}"
    if seen.writes:
        return f"orgsync plan {stream.address} --save FILE"
    if seen.resting:
        return f"orgsync queue --stream {stream.address}"
    # What would be held is in no queue yet, and what was never run is not in step because nothing is to be written.
    return "orgsync once" if seen.counts["hold"] or not has_ledger else "orgsync status"
