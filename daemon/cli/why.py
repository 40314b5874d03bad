"""`orgsync why`: the story of one record, from the ledger, and from both orgs as they are now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from daemon.cli.context import open_reader, utc_now
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.finding import Answer, ask, stream_of
from daemon.cli.orgs import offline_option, settings_to_look
from daemon.cli.progress import progress
from daemon.cli.screen import console, json_option, show, wrapped
from daemon.cli.telling import field_table, following, known_lines, now_lines, worth_telling, written_line
from daemon.cli.words import printable
from daemon.core.side_by_side import Today
from daemon.ledger import History, Story
from daemon.settings import Settings

_INDENT = " " * 6  # of a line's further ones
_Histories = Mapping[tuple[str, str], list[History]]


@click.command("why")
@click.argument("record")
@click.option("--writes", default=10, show_default=True, type=click.IntRange(0, 10_000), help="How many to list.")
@click.option("--all-fields", is_flag=True, help="Show also the fields that are as they should be.")
@offline_option
@json_option
@click.pass_context
def command(ctx: click.Context, record: str, writes: int, all_fields: bool, offline: bool, as_json: bool) -> None:
    """Tell the story of RECORD: counterpart, writes, what it waits for, how both orgs hold it now, and what comes next.

    RECORD is an id of either org, ROUTE/MODULE/ID as in messages, or a value by which the orgs know the record, such as
    an e-mail address. Nothing is written to any org. Exit code 1: it waits, or no single record was found.
    """
    if not record.strip():
        raise click.UsageError("RECORD is empty: an id, ROUTE/MODULE/ID, or a value such as an e-mail address")
    settings, left_out = settings_to_look(Path(ctx.obj), offline=offline)
    with open_reader(settings) as reader, progress("asking the orgs"):
        answer = ask(settings, reader, record, left_out)
        history = (
            {(s.stream, s.source_id): reader.history(s.source_id, s.stream, limit=writes) for s in answer.stories}
            if writes
            else {}
        )
    if as_json:
        click.echo(json.dumps(_document(settings, answer, history)))
    else:
        _print(settings, answer, history, all_fields=all_fields)
    at_peace = all(one.waiting is None and not one.unanswered for one in answer.stories)
    ctx.exit(HEALTHY if answer.stories and at_peace else HELD)


def _print(settings: Settings, answer: Answer, history: _Histories, *, all_fields: bool) -> None:
    for number, story in enumerate(answer.stories):
        if number:
            click.echo()
        _print_story(settings, answer, story, history, all_fields=all_fields)
    if not answer.stories and not answer.found:
        known = ", ".join(stream.address for stream in settings.streams())
        click.echo(wrapped(_unknown(answer.record, known), _INDENT))
    if len({(one.hit.org, one.hit.record_id) for one in answer.found}) > 1:
        click.echo(f"{answer.record} fits several records:")
    for one in answer.found:
        by = f" by {', '.join(one.hit.by)}" if one.hit.by else ""
        name = f" {printable(one.hit.name)}" if one.hit.name else ""
        click.echo(wrapped(f"{one.hit.org} {one.hit.module} {one.hit.record_id}{name}{by}\n  {printable(one.about)}"))
    for note in answer.notes:
        click.echo(wrapped(printable(note), _INDENT))
    if answer.left_out is not None:
        click.echo(wrapped(f"the orgs were not asked how it is there now: {printable(answer.left_out)}", _INDENT))


def _unknown(record: str, streams: str) -> str:
    return (
        f"the ledger knows nothing of {printable(record)}: no stream has linked, queued or written it. "
        f"Streams: {streams}"
    )


def _print_story(settings: Settings, answer: Answer, story: Story, history: _Histories, *, all_fields: bool) -> None:
    stream, seen = stream_of(settings, story.stream), answer.today.get((story.stream, story.source_id))
    for line in known_lines(story, stream):
        click.echo(wrapped(line, _INDENT))
    today = seen if isinstance(seen, Today) else None
    if today is not None:
        for line in now_lines(story, today):
            click.echo(wrapped(line, _INDENT))
        if shown := worth_telling(today.fields, all_of_them=all_fields):
            show(field_table(story, shown, console()))
    elif isinstance(seen, str):
        click.echo(wrapped(f"  now: not compared: {printable(seen)}", _INDENT))
    click.echo(wrapped(f"  next: {following(story, stream, today, utc_now())}", _INDENT))
    for one in history.get((story.stream, story.source_id), []):
        click.echo(wrapped(written_line(one), _INDENT))


def _document(settings: Settings, answer: Answer, history: _Histories) -> dict[str, object]:
    return {
        "schema": 1,
        "record": answer.record,
        "left_out": answer.left_out,
        "streams": [_as_json(settings, answer, story, history) for story in answer.stories],
        "found": [
            {
                "org": one.hit.org,
                "module": one.hit.module,
                "record_id": one.hit.record_id,
                "name": one.hit.name,
                "by": list(one.hit.by),
                "modified_time": None if one.hit.at is None else one.hit.at.isoformat(),
                "stream": one.stream or None,
                "reason": one.reason,
                "about": one.about,
            }
            for one in answer.found
        ],
        "notes": answer.notes,
    }


def _as_json(settings: Settings, answer: Answer, story: Story, history: _Histories) -> dict[str, object]:
    stream, seen = stream_of(settings, story.stream), answer.today.get((story.stream, story.source_id))
    today = seen if isinstance(seen, Today) else None
    return {
        **_plain(asdict(story)),
        "now": None if today is None else {**_plain(asdict(today))},
        "not_compared": seen if isinstance(seen, str) else None,
        "next": following(story, stream, today, utc_now()),
        "writes": [
            {
                "at": write.at.isoformat(),
                "cycle": write.cycle_id,
                "action": write.action,
                "fields": list(write.fields),
                "answer": write.answer_code,
            }
            for write in history.get((story.stream, story.source_id), [])
        ],
    }


def _plain(values: dict[str, object]) -> dict[str, object]:
    """Times as ISO 8601, tables within tables as they are."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else _plain(value) if isinstance(value, dict) else value
        for name, value in values.items()
    }
