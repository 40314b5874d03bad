"""`orgsync why`: the story of one record, from the ledger alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from daemon.cli.context import ledger_settings, open_reader
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.screen import json_option
from daemon.cli.status import instant, printable
from daemon.core.causes import advice
from daemon.core.record import is_record_id
from daemon.ledger import Drop, History, Story, Waiting


@click.command("why")
@click.argument("record")
@click.option("--writes", default=10, show_default=True, type=click.IntRange(0, 10_000), help="How many to list.")
@json_option
@click.pass_context
def command(ctx: click.Context, record: str, writes: int, as_json: bool) -> None:
    """Tell the story of RECORD, an id of either org: counterpart, writes, what it waits for, and what comes next.

    It may be said as in messages too, ROUTE/MODULE/ID. Exit code 1: it waits, or nothing is known of it.
    """
    address, _, record_id = record.rpartition("/")
    if not is_record_id(record_id):
        raise click.UsageError(f"RECORD is a record id, up to 19 digits, not {record[:40]!r}")
    settings = ledger_settings(Path(ctx.obj))
    with open_reader(settings) as reader:
        told = [one for one in reader.stories(record_id) if not address or one.stream == address]
        history = {s.stream: reader.history(s.source_id, s.stream, limit=writes) for s in told if writes}
    if as_json:
        click.echo(json.dumps(_document(record_id, told, history)))
    else:
        known = [stream.address for stream in settings.streams()]
        click.echo("\n\n".join(_text(one, history.get(one.stream, [])) for one in told) or _unknown(record_id, known))
    ctx.exit(HEALTHY if told and all(one.waiting is None and not one.unanswered for one in told) else HELD)


def _unknown(record_id: str, streams: list[str]) -> str:
    return (
        f"the ledger knows nothing of {record_id}: no stream has linked, queued or written it. Either it is outside "
        "the filter of its stream (where), or in a module or org that no stream reads, or not read yet "
        f"(`orgsync status` shows how far each stream is), or orgsync runs on another ledger. "
        f"Streams: {', '.join(streams)}"
    )


def _text(story: Story, history: list[History]) -> str:
    yet = "" if _is_dropped(story) else " yet"
    there = (
        f"{story.target} {story.target_module} {story.target_id}" if story.target_id else f"not in {story.target}{yet}"
    )
    lines = [f"{story.stream}: {story.source} {story.source_module} {story.source_id} -> {there}"]
    if story.linked_at is not None:
        state = "" if story.state == "live" else f"; its counterpart is {story.state}"
        confirmed = (
            f"; what {story.target} holds was confirmed {instant(story.confirmed_at)}" if story.confirmed_at else ""
        )
        lines.append(f"  linked {instant(story.linked_at)}{confirmed}{state}")
    if story.unanswered is not None:
        lines.append(f"  open: {story.unanswered.action} sent {instant(story.unanswered.sent_at)}, and no answer came")
    if story.waiting is not None:
        lines += _waiting(story.waiting)
    if story.dropped is not None:
        lines.append(_dropped(story.dropped))
    lines.append(f"  next: {following(story)}")
    lines += [_written(one) for one in history]
    return "\n".join(lines)


def _waiting(row: Waiting) -> list[str]:
    about = " ".join(part for part in (row.code, row.field, f"= {row.value!r}" if row.value else "") if part)
    tries = f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}"
    lines = [f"  {row.state} since {instant(row.first_seen_at)}, {tries}: {printable(about)}"]
    return [*lines, *([f"  seen: {printable(row.detail)}"] if row.detail else [])]


def _dropped(drop: Drop) -> str:
    since = "" if drop.ended_at is None else f"; it began anew {instant(drop.ended_at)}"
    about = printable(f"{drop.code}: {drop.detail}")
    return f"  dropped {instant(drop.dropped_at)} by {printable(drop.who)}: {printable(drop.reason)} ({about}){since}"


def following(story: Story) -> str:
    """What happens next to the record, and what a person can do."""
    row = story.waiting
    if story.trouble:
        return f"nothing, {story.stream} is stopped: {story.trouble}"
    if row is None and story.unanswered is not None:
        return f"{story.target} is asked what became of the call before anything is sent again"
    if row is None:
        return _at_rest(story)
    if row.state == "due":
        return f"tried again {instant(row.due_at)} by itself" if row.due_at else "tried again by itself"
    if row.waits_id:
        return (
            f"tried again as soon as {row.waits_module} {row.waits_id} has its counterpart: orgsync why {row.waits_id}"
        )
    given_up = "it was given up; " if row.state == "dead" else ""
    again = f"orgsync retry --record {story.source_id}"
    never = f'orgsync drop --record {story.source_id} --reason "…"'
    return f"{given_up}{printable(advice(row.remedy, row.state))}; then: {again}; or, if it shall never go: {never}"


def _is_dropped(story: Story) -> bool:
    return story.waiting is None and story.dropped is not None and story.dropped.ended_at is None


def _at_rest(story: Story) -> str:
    if _is_dropped(story):
        anew = f"an edit in {story.source} begins anew, and so does: orgsync retry --record {story.source_id}"
        return f"nothing, this version was dropped; {anew}"
    until = f"{story.stream} has read to {instant(story.read_until)}"
    return f"nothing is owed; its next change is read by the next poll ({until})"


def _written(one: History) -> str:
    fields = ", ".join(one.fields)
    return f"  {instant(one.at)}  {one.action} in cycle {one.cycle_id}: {one.answer_code}" + (
        f" ({fields})" if fields else ""
    )


def _document(record_id: str, told: list[Story], history: dict[str, list[History]]) -> dict[str, object]:
    return {
        "schema": 1,
        "record": record_id,
        "streams": [
            {
                **_plain(asdict(one)),
                "next": following(one),
                "writes": [
                    {
                        "at": write.at.isoformat(),
                        "cycle": write.cycle_id,
                        "action": write.action,
                        "fields": list(write.fields),
                        "answer": write.answer_code,
                    }
                    for write in history.get(one.stream, [])
                ],
            }
            for one in told
        ],
    }


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Times as ISO 8601, tables within tables as they are."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else _plain(value) if isinstance(value, dict) else value
        for name, value in values.items()
    }
