"""`orgsync match`."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from daemon.cli import sheets, typed
from daemon.cli.allowance import shared_allowance
from daemon.cli.context import load_settings, locked_ledger, open_reader, utc_now
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.progress import Part, Show, progress
from daemon.cli.request import demand, known_stream
from daemon.cli.screen import json_option, wrapped
from daemon.cli.words import printable
from daemon.core.match import Group, Matching
from daemon.core.rules import Stream
from daemon.ledger import ReadLedger
from daemon.ledger.errors import LedgerHeld
from daemon.service.inbox import Request
from daemon.settings import Settings
from daemon.sync.catalog import Catalog
from daemon.sync.match import Decision, Found, Matcher, Side, demand_ladder, opposite
from daemon.sync.prepare import NEVER_RUN, prepare
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, RequestRefused

_EXAMPLES: Final = 3
_SHOWN: Final = 20  # mistakes of one message


@click.command("match")
@click.argument("stream", shell_complete=typed.streams)
@click.option("--csv", "folder", type=click.Path(file_okay=False, path_type=Path), help="Where the lists are written.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Link the pairs that this file says yes to; may be given more than once.",
)
@click.option(
    "--create-unmatched", "create", is_flag=True, help="Let the first run create what is in none of the pairs."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context, stream: str, folder: Path | None, accepted: tuple[Path, ...], create: bool, as_json: bool
) -> None:
    """Pair the records that both orgs of STREAM held before, by its `match` in the settings. Writes to neither org.

    Without options it writes four lists: certain, ambiguous, and unmatched on each side. Nothing is linked before
    --accept, and nothing is created before --create-unmatched. Exit code 1: some pairs are ambiguous.
    """
    settings = load_settings(Path(ctx.obj))
    one = settings.stream(known_stream(settings, stream))
    if accepted or create:
        if folder is not None:
            raise click.UsageError("--csv belongs to the lists; --accept and --create-unmatched write none")
        said, lines = _decide(settings, one, accepted, create=create)
    else:
        said, lines = _list(settings, one, folder or settings.state_dir / "match" / one.route / one.source_module)
    click.echo(json.dumps({"schema": 1, "stream": one.address, **said}) if as_json else wrapped("\n".join(lines)))
    ctx.exit(HELD if said.get("ambiguous") else HEALTHY)


@contextmanager
def _matcher(settings: Settings, stream: Stream) -> Iterator[tuple[Matcher, ReadLedger, Show]]:
    """Connections to both orgs, and the ledger as it is; a daemon may run meanwhile. Bars show how far it is."""
    route = next(route for route in settings.routes if route.name == stream.route)
    with ExitStack() as stack:
        show = stack.enter_context(progress("reading both orgs"))
        allowance = stack.enter_context(shared_allowance(settings))
        source, target = (
            Catalog(stack.enter_context(Zoho(settings.orgs[name], now=utc_now, allowance=allowance)), time.monotonic)
            for name in (stream.source, stream.target)
        )
        prepared = prepare(stream, route, source, target)
        demand_ladder(prepared)
        with suppress(LedgerHeld), locked_ledger(settings) as held:  # who holds it has done the same
            for org in (source, target):
                held.register_org(org.zoho.org.name, org.profile().zgid, org.zoho.org.data_center, utc_now())
            held.start_stream(stream, NEVER_RUN, "refuse", utc_now())
        ledger = stack.enter_context(open_reader(settings)).for_syncing()
        yield Matcher(prepared, source, target, ledger, opposite(stream, settings.streams())), ledger, show


def _list(settings: Settings, stream: Stream, folder: Path) -> tuple[dict[str, object], list[str]]:
    """Writes the lists; gives what is to be said of them."""
    if there := [folder / name for name in sheets.NAMES if (folder / name).exists()]:
        raise click.ClickException(f"{there[0]} exists; it was not touched. Move it away, or name another --csv")
    with _matcher(settings, stream) as (matcher, _, show):
        found = _found(matcher, show, _announce(matcher))
        cost = matcher.credits
    try:
        sheets.write(folder, sheets.rows_of(found.matching, found.rungs))
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written: {error.strerror}") from None
    demand(settings, Request(kind="match", stream=stream.address, shown="seen"))
    names = [sheets.CERTAIN, *([sheets.AMBIGUOUS] if found.matching.ambiguous else [])]
    accept = " ".join(f"--accept {shlex.quote(str(folder / name))}" for name in names)
    following = f"orgsync match {stream.address} {accept} --create-unmatched"
    document = {
        **_counts(found),
        "credits": cost,
        "files": {name.removesuffix(".csv"): str(folder / name) for name in sheets.NAMES},
        "next": following,
    }
    return document, [*_as_text(stream, found, folder, cost), f"then: {following}"]


def _found(matcher: Matcher, show: Show, expected: Mapping[str, int], decided: Sequence[Decision] = ()) -> Found:
    """What both orgs have in common; `expected` says by org how many records there are to read."""

    def told(side: Side, records: int) -> None:
        org = side.org.zoho.org.name
        show([Part(what=f"{org} {side.module}", done=records, total=expected.get(org))])

    return matcher.find(decided, told)


def _announce(matcher: Matcher) -> dict[str, int]:
    """Says what it will cost, where the orgs can count; gives how many records each holds."""
    with suppress(CredentialRefused, RequestRefused):
        ours, theirs, price = matcher.estimate()
        names = [side.org.zoho.org.name for side in (matcher.source, matcher.target)]
        what = f"{ours:,} {matcher.source.module} of {names[0]} and {theirs:,} {matcher.target.module} of {names[1]}"
        click.echo(f"reading {what}: about {price:,} credits", err=True)
        return dict(zip(names, (ours, theirs), strict=True))
    return {}


def _counts(found: Found) -> dict[str, object]:
    pairs = found.matching
    return {
        "certain": len(pairs.certain),
        "ambiguous": len(pairs.ambiguous),
        "ambiguous_source": sum(len(group.sources) for group in pairs.ambiguous),
        "ambiguous_target": sum(len(group.targets) for group in pairs.ambiguous),
        "unmatched_source": len(pairs.unmatched_sources),
        "unmatched_target": len(pairs.unmatched_targets),
        "linked": found.linked,
        "filtered": found.filtered,
    }


def _as_text(stream: Stream, found: Found, folder: Path, cost: int) -> list[str]:
    pairs, counts = found.matching, _counts(found)
    lines = [f"certain: {len(pairs.certain):,} pairs"]
    lines += [f"  {_group(group, found)}" for group in pairs.certain[:_EXAMPLES]]
    both = (
        f"{counts['ambiguous_source']:,} records of {stream.source}, {counts['ambiguous_target']:,} of {stream.target}"
    )
    lines.append(f"ambiguous: {len(pairs.ambiguous):,} groups ({both})")
    lines += [f"  {_group(group, found)}" for group in pairs.ambiguous[:_EXAMPLES]]
    for org, entries in ((stream.source, pairs.unmatched_sources), (stream.target, pairs.unmatched_targets)):
        examples = ", ".join(f"{printable(e.name)} ({e.record_id})" for e in entries[:_EXAMPLES])
        lines.append(f"unmatched in {org}: {len(entries):,}" + (f", for example {examples}" if examples else ""))
    lines.append(
        f"left out: {found.linked:,} that are linked already, {found.filtered:,} that the stream does not carry"
    )
    lines.append(f"{cost:,} credits were spent; neither org was written to, and nothing is linked yet")
    lines.append(
        f"next: look at the lists in {folder}"
        + (f", and write yes or no into the column link of {sheets.AMBIGUOUS}" if pairs.ambiguous else "")
    )
    return lines


def _group(group: Group, found: Found) -> str:
    sides = [
        ", ".join(f"{printable(e.name)} ({e.record_id})" for e in side[:_EXAMPLES])
        + (", …" if side[_EXAMPLES:] else "")
        for side in (group.sources, group.targets)
    ]
    return f"{sides[0]} = {sides[1]}, by {', '.join(found.rungs[group.rung])}"


def _decide(
    settings: Settings, stream: Stream, accepted: Sequence[Path], *, create: bool
) -> tuple[dict[str, object], list[str]]:
    """Links what the files say yes to, and lets the rest be created if that is asked for; all of it or nothing."""
    try:
        decided = sheets.read(accepted)
    except sheets.SheetError as error:
        raise _nothing_stored(str(error).splitlines()) from None
    except OSError as error:
        raise _nothing_stored([f"{error.filename} cannot be read: {error.strerror}"]) from None
    with _matcher(settings, stream) as (matcher, ledger, show):
        state = ledger.stream_state(stream)
        first = f"the lists of {stream.address} were never made; `orgsync match {stream.address}` makes them"
        if create and (state is None or state.first_run not in ("seen", "match")):
            raise _nothing_stored([first])
        pairs, wrong = matcher.review(decided.pairs)
        if wrong:
            raise _nothing_stored(wrong)
        to_create = _to_create(matcher, show, decided.pairs, decided.refused) if create else None
        cost = matcher.credits
    both = [(one.source_id, one.target_id) for one in pairs]
    demand(settings, Request(kind="match", stream=stream.address, pairs=both, shown="match" if create else ""))
    files = "".join(f" --accept {shlex.quote(str(path))}" for path in accepted)
    following = "orgsync once" if create else f"orgsync match {stream.address}{files} --create-unmatched"
    lines = [f"{len(both):,} pairs are linked; {cost:,} credits were spent, and neither org was written to"]
    if to_create is not None:
        lines.append(f"the first run will create {to_create:,} records of {stream.source} in {stream.target}")
    lines.append(f"next: {following}" + (" (or orgsync run; one that runs goes on by itself)" if create else ""))
    return {"linked": len(both), "to_create": to_create, "credits": cost, "next": following}, lines


def _to_create(matcher: Matcher, show: Show, decided: Sequence[Decision], refused: frozenset[str]) -> int:
    """How many records would be created. Refused while one of them has a candidate that nobody has said no to."""
    found = _found(matcher, show, {}, decided)
    groups = (*found.matching.certain, *found.matching.ambiguous)
    undecided = [group for group in groups if any(e.record_id not in refused for e in group.sources)]
    if undecided:
        why = (
            "these are undecided, so nothing may be created: say yes or no to them in the column link of a file for "
            "--accept; `orgsync match STREAM --csv NEW` lists what is not linked yet"
        )
        raise _nothing_stored([_group(group, found) for group in undecided], why)
    return _sources_of(found.matching)


def _sources_of(matching: Matching) -> int:
    groups = (*matching.certain, *matching.ambiguous)
    return len(matching.unmatched_sources) + sum(len(group.sources) for group in groups)


def _nothing_stored(wrong: Sequence[str], why: str = "") -> click.ClickException:
    """All that is wrong in one message."""
    rest = [f"and {len(wrong) - _SHOWN:,} more"] if wrong[_SHOWN:] else []
    return click.ClickException("\n".join([*wrong[:_SHOWN], *rest, *([why] if why else []), "nothing was stored"]))
