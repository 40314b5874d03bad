"""The story of one record in words: what the ledger knows, how the two records stand now, and what happens next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from daemon.cli.screen import fits, sentences
from daemon.cli.words import duration, instant, printable
from daemon.core.causes import UNDONE, advice
from daemon.core.outlook import Outlook, outlook
from daemon.core.rules import Stream
from daemon.core.side_by_side import FieldNow, Today
from daemon.ledger import Drop, History, Story, Waiting

_LATE = 3  # polls


def known_lines(story: Story, stream: Stream | None) -> list[str]:
    """What the ledger knows; the first line says which record it is about. `stream`: as the settings have it today."""
    yet = "" if _is_dropped(story) else " yet"
    there = (
        f"{story.target} {story.target_module} {story.target_id}" if story.target_id else f"not in {story.target}{yet}"
    )
    lines = [f"{story.stream}: {story.source} {story.source_module} {story.source_id} -> {there}"]
    lines.append(f"  rule: {rule(stream)}" if stream else "  rule: the settings have no such stream any more")
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
    return lines


def rule(stream: Stream) -> str:
    """By which part of the settings a stream carries its records, and what it does with what people change there."""
    module = stream.files_of or stream.source_module
    where = f"where {stream.where}" if stream.where else "every record"
    policies = f"deletes {stream.deletes}, gone {stream.gone}, drift {stream.drift}"
    return f"[routes.{stream.route}.modules.{module}] {where}; {policies}"


def _waiting(row: Waiting) -> list[str]:
    about = " ".join(part for part in (row.code, row.field, f"= {row.value!r}" if row.value else "") if part)
    tries = f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}"
    lines = [f"  {row.state} since {instant(row.first_seen_at)}, {tries}: {printable(about)}"]
    return [*lines, *([f"  seen: {printable(row.detail)}"] if row.detail else [])]


def _dropped(drop: Drop) -> str:
    since = "" if drop.ended_at is None else f"; it began anew {instant(drop.ended_at)}"
    if drop.code == UNDONE:
        return f"  {printable(drop.detail)}, {instant(drop.dropped_at)} by {printable(drop.who)}{since}"
    about = printable(f"{drop.code}: {drop.detail}")
    return f"  dropped {instant(drop.dropped_at)} by {printable(drop.who)}: {printable(drop.reason)} ({about}){since}"


def now_lines(story: Story, today: Today) -> list[str]:
    """How both records are now, without their fields."""
    source = "not there any more" if today.source_at is None else f"changed {instant(today.source_at)}"
    lines = [f"  now: in {story.source} {source}"]
    if today.matches is False:
        lines[0] += ", outside the stream's filter"
    if story.target_id:
        there = "not there any more" if today.target_at is None else f"changed {instant(today.target_at)}"
        lines[0] += f"; in {story.target} {there}"
    if today.target_at is not None and today.fields:
        equal = sum(one.standing == "equal" for one in today.fields)
        lines[0] += f"; {equal} of {len(today.fields)} fields are as they should be"
    return lines


def field_table(story: Story, fields: Sequence[FieldNow], out: Console) -> Padding | Text:
    """The fields, a line each: what the source says, what that makes, what the target has, and how they stand. As
    sentences where a table would break words.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("field", f"{story.source} has", "should be", f"{story.target} has", ""):
        table.add_column(title, overflow="fold")
    for one in fields:
        cells = (one.field, *(_cell(value) for value in (one.source, one.wanted, one.target)), _stands(one, story))
        table.add_row(*(Text(cell) for cell in cells))
    padded = Padding(table, (0, 0, 0, 4), expand=False)
    if fits(padded, out, folded=True):
        return padded
    return sentences("\n".join(_sentence(one, story) for one in fields))


def _sentence(one: FieldNow, story: Story) -> str:
    source, wanted, target = (_cell(value) for value in (one.source, one.wanted, one.target))
    has = f"{story.source} has {source}, should be {wanted}, {story.target} has {target}"
    return f"    {one.field}: {has}: {_stands(one, story)}"


def _cell(value: str | None) -> str:
    return "-" if value is None else printable(value)


def _stands(one: FieldNow, story: Story) -> str:
    """In words, how a field stands."""
    said = {
        "equal": "equal",
        "differs": "differs",
        "changed there": f"changed in {story.target} since the last write",
        "changed in both": "changed in both since the last write",
        "kept": f"left to {story.target} by the settings",
        "either": "differs; the later edit counts",
        "new": "is written with the record",
        "waits": "waits",
        "fault": "cannot be written",
        "left": "is not written",
        "not asked": f"is looked up in {story.target} by its match field when it is written",
        "absent": "is not carried now",
    }[one.standing]
    return printable(f"{said}: {one.about}" if one.about else said)


def worth_telling(fields: Sequence[FieldNow], *, all_of_them: bool) -> list[FieldNow]:
    """The fields that are shown: those that are not as they should be, unless all are wanted."""
    usual = ("equal", "new", "not asked", "left")
    return [one for one in fields if all_of_them or one.standing not in usual]


def following(story: Story, stream: Stream | None, today: Today | None, now: datetime) -> str:
    """What happens next to the record, when, and what a person can do."""
    row = story.waiting
    if story.trouble:
        return f"nothing, {story.stream} is stopped: {story.trouble}"
    if row is None and story.unanswered is not None:
        return f"{story.target} is asked what became of the call before anything is sent again"
    if row is None:
        return _at_rest(story, stream, today, now)
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


def _at_rest(story: Story, stream: Stream | None, today: Today | None, now: datetime) -> str:
    drop = story.dropped
    if drop is not None and _is_dropped(story):
        anew = f"an edit in {story.source} begins anew, and so does: orgsync retry --record {story.source_id}"
        was = f"it was {printable(drop.detail)}" if drop.code == UNDONE else "this version was dropped"
        return f"nothing, {was}; {anew}"
    if stream is not None and today is not None:
        linked, live = story.target_id is not None, story.state == "live"
        ahead = outlook(stream, today, story.read_until, linked=linked, live=live)
        if ahead is not None:
            return _acting(ahead, story, stream, now)
    until = f"{story.stream} has read to {instant(story.read_until)}"
    return f"nothing is owed, {until}; its next change is read by the next poll{_due(story, now)}"


def _acting(ahead: Outlook, story: Story, stream: Stream, now: datetime) -> str:
    if ahead.by == "poll":
        return f"the next poll{_due(story, now)} {ahead.does}"
    if ahead.by == "nothing":
        return f"nothing: {ahead.does}"
    each = "" if stream.compare is None else f", one every {duration(int(stream.compare.total_seconds()))}"
    return f"the next full comparison (now: orgsync resync {stream.address}{each}) {ahead.does}"


def _due(story: Story, now: datetime) -> str:
    """When the next poll is due; or that nobody polls."""
    if story.polled_at is None:
        return ""
    every = timedelta(seconds=story.poll_s)
    if now - story.polled_at > every * _LATE + timedelta(minutes=1):
        return f" (none was made since {instant(story.polled_at)}: is orgsync running?)"
    return f" (due {instant(story.polled_at + every)})"


def written_line(one: History) -> str:
    """One attempt to write."""
    fields = ", ".join(one.fields)
    return f"  {instant(one.at)}  {one.action} in cycle {one.cycle_id}: {one.answer_code}" + (
        f" ({fields})" if fields else ""
    )
