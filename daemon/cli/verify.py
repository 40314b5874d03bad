"""`orgsync verify`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from daemon.cli import planfile, planned, typed
from daemon.cli.asking import Asking, asking
from daemon.cli.context import load_settings, utc_now
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.plan import kept
from daemon.cli.planned import Shown
from daemon.cli.progress import Part, progress
from daemon.cli.request import demand, known_stream
from daemon.cli.screen import json_option, wrapped
from daemon.cli.verify_text import as_document, as_text, following, in_queue, left_to_people, place_of, token_of
from daemon.core.rules import Stream
from daemon.ledger import DueRow
from daemon.service.inbox import Request
from daemon.settings import Settings
from daemon.sync.foreseeing import Forecast
from daemon.sync.prepare import prepare
from daemon.sync.repairing import plan_of, to_mend
from daemon.sync.verified import LEAST, STEP, Place, Verified, nothing_verified
from daemon.sync.verify import Verifier

Tell = Callable[[str, int, int], None]


@click.command("verify")
@click.argument("stream", shell_complete=typed.streams)
@click.option("--deep", is_flag=True, help="Read every record of both orgs, and believe no count.")
@click.option(
    "--credits", "most", type=click.IntRange(min=1), metavar="N", help="Spend at most N credits in both orgs together."
)
@click.option("--from", "start", metavar="PLACE", help="Go on at the place that an earlier run named.")
@click.option(
    "--repair",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Plan what puts it right, show that, and keep it in FILE for `apply`.",
)
@click.option(
    "--queue",
    is_flag=True,
    help="Put what differs into the retry queue: a running daemon puts it right now, else the next run.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many of a kind to list.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    stream: str,
    deep: bool,
    most: int | None,
    start: str | None,
    file: Path | None,
    queue: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Prove that both orgs of STREAM hold the same, or list the records and fields that differ. Writes to neither org.

    Counts buckets of records, and reads only where a count is not what the ledger knows. Told apart from what differs
    is what is on its way, waits in the queue, or is as the settings want it. A daemon may run meanwhile. Exit code 1:
    records differ or are held, the stream is behind, or the credits were spent before the end.
    """
    settings = load_settings(Path(ctx.obj))
    one = settings.stream(known_stream(settings, stream))
    if file is not None and queue:
        raise click.UsageError("--repair plans what --queue has done at once: name one of them")
    if file is not None:
        planfile.must_be_new(file)
    with progress(f"asking {one.source} and {one.target}") as show, asking(settings, one, most) as asked:

        def tell(org: str, done: int, of: int) -> None:
            show([Part(what=f"records of {org}", done=done, total=of)])

        said = verified(asked, deep=deep, start=place_of(start), tell=tell)
        rows = to_mend(said, one, utc_now())
        plan = planned_repair(asked, rows, file, limit) if file is not None and rows else None
    queued, when = queued_by(settings, one, rows) if queue else (None, "")
    if as_json:
        click.echo(json.dumps(as_document(said, one, queued, plan)))
    else:
        lines = as_text(said, one, limit)
        if file is not None or queue or (said.unexplained and not rows):
            lines += left_to_people(said, one)
        if file is None:
            lines += following(said, one) if queued is None else [in_queue(queued, when)]
        lines += _goes_on(said, deep=deep, most=most)
        if file is not None:
            lines += ["", *_repair(plan, file)] if plan is not None else _no_plan(said, one, most, rows, file)
        click.echo(wrapped("\n".join(lines)))
    ctx.exit(HEALTHY if said.is_equal else HELD)


def _silent(_org: str, _done: int, _of: int) -> None:
    return


def verified(asked: Asking, *, deep: bool = False, start: Place | None = None, tell: Tell = _silent) -> Verified:
    """What both orgs hold, beside a daemon or without; nothing where the credits do not suffice for a step. Raises what
    the client and the ledger raise.
    """
    source, target, ledger, ceiling = asked.source, asked.target, asked.ledger, asked.ceiling
    if ceiling.most is not None and ceiling.most < LEAST:
        return nothing_verified(asked.stream, ledger, start, 0, LEAST)
    ready: list[Verifier] = []

    def begin() -> None:
        prepared = prepare(asked.stream, asked.route, source, target, ledger.carried(asked.stream))
        ready.append(Verifier(prepared, source, target, ledger, utc_now, ceiling, deep=deep, start=start, tell=tell))

    if not ceiling.pays_for(begin):
        return nothing_verified(asked.stream, ledger, start, ceiling.spent, ceiling.least + STEP)
    return ready[0].run()


def planned_repair(asked: Asking, rows: Sequence[DueRow], file: Path, limit: int) -> Shown | None:
    """Plans what puts these records right and keeps that in the file; None: the credits did not suffice.

    Raises what planning raises, and ClickException where the file cannot be written.
    """
    planner, plans = asked.planner(), list[Forecast]()
    if not asked.ceiling.pays_for(lambda: plans.append(plan_of(rows, planner))):
        return None
    seen = plans[0]
    if seen.mends:
        planfile.write(file, kept(seen, repair=True))
    return Shown(
        forecast=seen,
        latency=asked.pace.latency,
        everything=False,
        following=f"orgsync apply {shlex.quote(str(file))}" if seen.mends else "orgsync why ID",
        few=limit,
        wider=f"--limit {len(rows)}",
    )


def _goes_on(said: Verified, *, deep: bool, most: int | None) -> list[str]:
    """The command that goes on where the credits were spent."""
    if said.goes_on is None:
        return []
    words = f"orgsync verify {said.stream}{' --deep' if deep else ''} --from {token_of(said.goes_on)}"
    enough = max(most or 0, said.least or 0)
    why = [] if said.least is None else [f"{most} credits do not suffice for a step: it takes at least {said.least}"]
    return [*why, f"goes on with: {words}" + (f" --credits {enough}" if enough else "")]


def _repair(plan: Shown, file: Path) -> list[str]:
    """What puts it right, and where that is kept."""
    kept_in = (
        f"the plan is kept in {file}" if plan.forecast.mends else f"{file} was not written: nothing can be mended now"
    )
    return [f"{kept_in}:", planned.as_text(plan)]


def _no_plan(said: Verified, stream: Stream, most: int | None, rows: Sequence[DueRow], file: Path) -> list[str]:
    """Why there is nothing to apply, and what to type instead."""
    if rows:
        more = f"orgsync verify {said.stream} --repair {shlex.quote(str(file))} --credits N, with N above {most}"
        return [f"{file} was not written: the {most} credits did not suffice", f"next: {more}"]
    usual = [f"next: nothing is to be done; orgsync status shows how {said.stream} goes on"]
    return [f"{file} was not written: no record differs that a write puts right", *(following(said, stream) or usual)]


def queued_by(settings: Settings, stream: Stream, rows: Sequence[DueRow]) -> tuple[int, str]:
    """Puts these records into the retry queue; gives how many, and when they are looked at, in words."""
    what = [(row.source_id, row.cause_code, row.modified_time.isoformat()) for row in rows]
    return demand(settings, Request(kind="repair", stream=stream.address, rows=what)) if what else (0, "")
