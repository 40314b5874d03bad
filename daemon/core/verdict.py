"""What a look at both orgs says of one record: equal, different in which fields, or why it is rightly not equal. Pure.

Told apart are what is on its way, what waits or was decided by a person or the settings, and what nothing explains.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from daemon.core.convert import Json, Values
from daemon.core.digest import digest_value
from daemon.core.ends import Waiting
from daemon.core.record import Change, WireRecord, parse_instant
from daemon.core.rules import Stream
from daemon.core.steps import Link

Kind = Literal[
    "equal", "own_form", "kept", "in_flight", "due", "held", "dropped", "left", "filtered", "deleted_in_source",
    "differs", "missing", "gone", "outlived", "strangers",
]  # fmt: skip
UNEXPLAINED: Final[tuple[Kind, ...]] = ("differs", "missing", "gone", "outlived", "strangers")
"""What orgsync should not have left so. `missing`: a record of the source that has no counterpart and no outcome;
`gone`: its counterpart is not in the target any more; `outlived`: a counterpart whose record is deleted, or outside the
filter; `strangers`: records of the target whose key names a record that they do not stand for.
"""
OUTSIDE: Final[tuple[Kind, ...]] = ("filtered", "deleted_in_source", "outlived", "strangers")
"""Not records of the source that the stream carries."""
_CLOSE: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of the target: what the source's record makes of it now, and what the target shows."""

    field: str
    wanted: Json
    shown: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the ledger knows of a record besides its link: its row in the queue, whether a write of it has no answer,
    and whether this version of it was dropped, or which undo has `put_back` what it was written over.
    """

    waiting: Waiting | None = None
    unanswered: bool = False
    dropped: bool = False
    put_back: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Both sides of one record. `change` and `there` are None where an org does not have it; `later`: it was changed,
    or deleted, after the checkpoint; `keep`: the filter lets it pass.
    """

    link: Link | None
    change: Change | None
    there: WireRecord | None
    standing: Standing
    later: bool
    keep: bool
    differences: tuple[Difference, ...] = ()


def differences(wanted: Values, shown: Values, names: Collection[str], key: bytes) -> tuple[Difference, ...]:
    """The fields in which a record is not what it should be, of those that are judged."""
    return tuple(
        Difference(field=name, wanted=wanted[name], shown=shown.get(name))
        for name in sorted(names & wanted.keys())
        if digest_value(wanted[name], key) != digest_value(shown.get(name), key)
    )


def verdict(looked: Looked, stream: Stream, key: bytes) -> Kind:
    """What is to be said of a record."""
    if looked.change is None:
        return _without_source(looked, stream)
    if not looked.keep and (early := _outside(looked, stream)) is not None:
        return early
    is_there = looked.link is not None and looked.there is not None
    if is_there and not looked.differences and looked.standing.waiting is None:
        return "equal"
    return _known(looked) or _unequal(looked, stream, key)


def _unequal(looked: Looked, stream: Stream, key: bytes) -> Kind:
    """Of a record that is to be equal, and is not."""
    link, there = looked.link, looked.there
    if link is None or link.state == "deleted":
        return "missing"
    if there is None:
        return "left" if stream.gone == "leave" else "gone"
    if looked.standing.put_back:
        return "differs"
    if stream.drift == "keep" and all(_was_confirmed(one, link, key) for one in looked.differences):
        return "kept"
    return "own_form" if _is_own_form(looked.differences, link, there) else "differs"


def _known(looked: Looked) -> Kind | None:
    """Why it need not be equal yet, or is not to be."""
    standing = looked.standing
    if standing.waiting is not None and standing.waiting.state != "due":
        return "held"
    if (looked.later and not standing.put_back) or standing.unanswered:
        return "in_flight"
    if standing.waiting is not None:
        return "due"
    return "dropped" if standing.dropped else None


def _outside(looked: Looked, stream: Stream) -> Kind | None:
    """Of a record that the filter does not let pass; None: it is followed like one that does."""
    link = looked.link
    is_carried = link is not None and (link.agreed or link.state == "flagged") and link.state in ("live", "flagged")
    if not is_carried or stream.unmatched == "stop" or (stream.unmatched == "delete" and looked.there is None):
        return "filtered"
    if stream.unmatched == "follow":
        return None
    return _known(looked) or "outlived"


def _without_source(looked: Looked, stream: Stream) -> Kind:
    """Of a link whose record is deleted in the source."""
    if (known := _known(looked)) is not None:
        return known
    is_over = looked.there is None or (looked.link is not None and looked.link.state != "live")
    return "deleted_in_source" if is_over or stream.deletes == "ignore" else "outlived"


def _was_confirmed(one: Difference, link: Link, key: bytes) -> bool:
    """Whether the target held there what it should when it was written last: so somebody has changed it since."""
    return link.by_field.get(one.field) == digest_value(one.wanted, key)


def _is_own_form(found: Collection[Difference], link: Link, there: WireRecord) -> bool:
    """Whether nobody has touched the counterpart since our write, and it shows the same as far as a person would say:
    the target has trimmed or rounded it.
    """
    return _moment(there) == link.modified_time and bool(found) and all(_alike(one.wanted, one.shown) for one in found)


def _moment(row: Mapping[str, object]) -> datetime | None:
    try:
        return parse_instant(row.get("Modified_Time"))
    except ValueError:
        return None


def _alike(one: Json, other: Json) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.split() == other.split() or one.strip().casefold() == other.strip().casefold()
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) < _CLOSE
    return all(not value.strip() if isinstance(value, str) else not value for value in (one, other))
