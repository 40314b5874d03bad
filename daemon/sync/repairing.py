"""What would put right what `verify` has found: which records, and under which cause each is planned (knowing.py), so
that the road does the right thing. What is not in it is for a person, or is as the settings want it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime

from daemon.core.causes import DELETED_IN_SOURCE, DIFFERS, DRIFT, KEY_LOST, TARGET_GONE
from daemon.core.dropped import TAKEN_BACK
from daemon.core.rules import Stream
from daemon.core.verdict import Kind
from daemon.ledger import DueRow
from daemon.sync.foreseeing import Forecast
from daemon.sync.judging import Finding
from daemon.sync.planning import RETRIES, Planner, due_row_of
from daemon.sync.verified import Verified


def mended_kinds(stream: Stream) -> Set[Kind]:
    """The kinds of findings that a write puts right. A counterpart that is gone is not made again where the settings
    hold it, and strangers are nobody's.
    """
    kinds: set[Kind] = {"differs", "missing", "outlived"}
    return kinds | {"gone"} if stream.gone == "recreate" else kinds


def to_mend(said: Verified, stream: Stream, now: datetime) -> list[DueRow]:
    """The records that a write puts right, in the order of the findings; a deletion is noticed `now`."""
    kinds = mended_kinds(stream)
    named = {one.source_id for one in said.findings if one.kind == "strangers"}
    return [
        due_row_of(one.source_id, _cause(one, stream, named), one.modified_time or now, now)
        for one in said.findings
        if one.kind in kinds
    ]


def plan_of(rows: Sequence[DueRow], planner: Planner) -> Forecast:
    """What would be written. Raises as `Planner.of`."""
    return planner.of([rows[start : start + RETRIES] for start in range(0, len(rows), RETRIES)])


def _cause(one: Finding, stream: Stream, named: Set[str]) -> str:
    """Of a difference it is that of a hand edit which a person takes back: then the target is asked, and gets whatever
    the source says now, its key included; of a missing record that a stranger in the target names the key is looked
    for. What `drift = "keep"` leaves to the hand is not taken back with a lost key.
    """
    if one.put_back:
        return TAKEN_BACK
    if one.kind == "gone":
        return TARGET_GONE
    if one.kind == "outlived" and one.modified_time is None:
        return DELETED_IN_SOURCE
    if one.kind == "missing" and one.source_id in named:
        return KEY_LOST
    names = {different.field for different in one.differences}
    if names == {stream.key} or (stream.drift == "keep" and stream.key in names):
        return KEY_LOST
    return DRIFT if one.kind == "differs" and stream.drift != "keep" else DIFFERS
