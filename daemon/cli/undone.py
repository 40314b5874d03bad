"""How an undo is shown, before and after: as text, and as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from daemon.cli.planned import value_text
from daemon.cli.screen import coloured
from daemon.cli.words import printable
from daemon.core.outcome import Outcome
from daemon.core.undo import Left, Putting, Reason
from daemon.sync.report import Report
from daemon.sync.undoing import LeftRecord, Undoing

_EXAMPLES: Final = 20
_FAILED: Final[tuple[Outcome, ...]] = ("dead", "retrying")
WORDS: Final[Mapping[Reason, str]] = {
    "touched": "changed in the target since",
    "later": "written again by a later cycle: undo that one first",
    "undone": "put back already",
    "gone": "not in the target any more",
    "forgotten": "the values before are not kept: undo was off then, its time is over, or the key is another",
    "key": "the mark by which orgsync finds the record again: it stays",
    "not_carried": "not in the mapping any more: take it in again for the undo",
    "pending": "an earlier write may still be on its way: try again in some minutes",
    "unread": "what stands there could not be read: try again",
    "created": "made by the cycle: --created deletes them, where nobody has touched them",
    "deleted": "deleted by the cycle: restore them from the target's recycle bin, by hand (60 days)",
    "relinked": "not the counterpart of that record any more",
}
"""Why something is left, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An undo and how it is to be shown: before (no `report`), or after. `following` is the command to type next."""

    undoing: Undoing
    following: str
    everything: bool
    report: Report | None = None

    @property
    def failed(self) -> int:
        """Records that were sent and are not known to be put back."""
        return 0 if self.report is None else sum(self.report.outcomes[outcome] for outcome in _FAILED)


def as_text(shown: Shown, *, asks: bool = False) -> str:
    """For a person; `asks` says that the question comes next."""
    undoing = shown.undoing
    cycle, stream = undoing.cycle, undoing.prepared.stream
    when = f"cycle {cycle.number} of {stream.address} ({cycle.started_at:%Y-%m-%d %H:%M:%S} UTC)"
    lines = [f"{when}: {_count(len(cycle.attempts), 'record')} written in {stream.target}"]
    lines += _writes(shown)
    lines += _left(shown)
    return "\n".join([*lines, "", *_ending(shown, asks=asks)])


def _writes(shown: Shown) -> list[str]:
    undoing, people = shown.undoing, shown.undoing.prepared.in_target.emails
    lines: list[str] = []
    would = "would be " if shown.report is None else "" if not shown.failed else "to be "
    for title, chosen in (
        (f"{would}put back", [one for one in undoing.writes if not one.take]),
        (f"{would}deleted again, made by the cycle", [one for one in undoing.writes if one.take]),
    ):
        few = chosen if shown.everything else chosen[:_EXAMPLES]
        lines += ["", f"{title} ({len(chosen):,}):"] if chosen else []
        for one in few:
            lines.append(f"  {coloured('-', 'red') if one.take else coloured('~', 'yellow')} {_who(one, undoing)}")
            lines += [
                f"      {name}: {value_text(one.held[name], people)} -> {value_text(value, people)}"
                for name, value in one.back.items()
            ]
        lines += _more(len(chosen) - len(few))
    return lines


def _left(shown: Shown) -> list[str]:
    """By reason."""
    found = sorted(((one, left) for one in shown.undoing.left for left in one.left), key=lambda pair: pair[1].reason)
    lines = ["", "left as they are:"] if found else []
    for reason, pairs in groupby(found, key=lambda pair: pair[1].reason):
        some = list(pairs)
        lines.append(f"  {coloured('!', 'red')} {WORDS[reason]} ({len(some):,})")
        few = some if shown.everything else some[:_EXAMPLES]
        lines += [f"      {_who(one, shown.undoing)}{_what(left)}" for one, left in few]
        lines += _more(len(some) - len(few))
    return lines


def _ending(shown: Shown, *, asks: bool) -> list[str]:
    undoing, report = shown.undoing, shown.report
    stream, sent = undoing.prepared.stream, undoing.sent
    calls = f"at most {_count(sent.credits, 'credit')} of {stream.target} in {_count(sent.calls, 'write call')}"
    more = " more" if any(left.reason == "undone" for one in undoing.left for left in one.left) else ""
    reads = f"about {_count(undoing.reading, 'credit')} of {stream.source}"
    if report is None and not undoing.writes:
        return [f"nothing{more} is to be put back"]
    if report is None:
        ends = "" if asks else f"; nothing was written. next: {shown.following}"
        return [f"it costs {calls} and {reads}, and stops the stream until it is released{ends}"]
    done = report.outcomes["updated"] + report.outcomes["deleted"]
    lines = [
        f"{_count(done, 'record')} put back, by cycle {report.cycle_id}" if done else f"nothing{more} was put back"
    ]
    if shown.failed:
        lines.append(
            f"{_count(shown.failed, 'record')} not: the target refused them, or did not answer (see orgsync why)"
        )
    if undoing.writes:
        lines.append(
            f"{stream.address} stands now, so that nothing writes the same again. Mend the mapping, "
            f'or the source; then: {shown.following} --accept 0 --reason "…"'
        )
    return lines


def _who(one: Putting | LeftRecord, undoing: Undoing) -> str:
    stream = undoing.prepared.stream
    name = f"{printable(one.name)} " if one.name else ""
    return f"{name}({one.source_id} of {stream.source} -> {one.target_id} of {stream.target})"


def _what(left: Left) -> str:
    by = f" by cycle {left.cycle}" if left.cycle is not None else ""
    return f": {left.field}{by}" if left.field else by


def _more(rest: int) -> list[str]:
    return [f"      … and {rest:,} more (--all lists them)"] if rest > 0 else []


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def as_document(shown: Shown) -> dict[str, object]:
    """For a program; every record."""
    undoing, report = shown.undoing, shown.report
    return {
        "schema": 1,
        "stream": undoing.prepared.stream.address,
        "cycle": undoing.cycle.number,
        "undone_by": None if report is None else report.cycle_id,
        "outcomes": {} if report is None else {o: n for o, n in sorted(report.outcomes.items()) if n},
        "trouble": None if report is None else report.trouble,
        "records": [_entry(one) for one in undoing.writes],
        "left": [_left_entry(one, left) for one in undoing.left for left in one.left],
        "credits": {"looking": undoing.spent, "reading": undoing.reading, "writing": undoing.sent.credits},
        "next": shown.following,
    }


def _entry(one: Putting) -> dict[str, object]:
    return {
        "source_id": one.source_id,
        "target_id": one.target_id,
        "name": one.name,
        "action": "delete" if one.take else "update",
        "fields": [{"field": name, "now": one.held[name], "back": value} for name, value in one.back.items()],
    }


def _left_entry(one: LeftRecord, left: Left) -> dict[str, object]:
    return {
        "source_id": one.source_id,
        "target_id": one.target_id,
        "name": one.name,
        "field": left.field,
        "reason": left.reason,
        "cycle": left.cycle,
    }
