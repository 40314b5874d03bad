"""Both ways: what was edited in the source since both sides agreed. Pure.

A field that either side may change is compared with what it was when both agreed (a digest), never with its own
translation: that need not turn back exactly, and an echo would be mistaken for an edit. What orgsync itself wrote into
the source is known by its mark. So one edit causes one write, however many orgs lie on the circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from daemon.core.convert import canonical
from daemon.core.digest import digest_value
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.record import Change, WireRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What orgsync wrote into a field of the source last: the value's digest, the Modified_Time that the write gave,
    and the orgs that the value came through. `returned`: the target is one of them.
    """

    digest: str
    at: datetime
    origins: frozenset[str]
    returned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A field of the source: the digest of the value that both sides agreed on (None: on none yet), and our mark."""

    agreed: str | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a field of the target held when both sides agreed, as a digest, and the Modified_Time of our write of it.

    `lately` are our writes of it within the hour before: digest and Modified_Time.
    """

    digest: str
    at: datetime | None = None
    lately: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What both sides agreed on: by field of the source, and by field of the target. It outlives doubts about what the
    target holds: a write without an answer changes no agreement.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)


NOTHING: Final = Basis()
_UNKNOWN: Final = Column()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What the source's record says against its basis.

    `columns` are the digests of its fields now. `fields` are the target fields that an edit concerns, each with the
    orgs that the edit came through (none: a person made it here). `looped` (target field -> time) came back to the
    target's own value of that time. `settles`: a field holds what orgsync wrote in another form than it was written.
    """

    columns: Mapping[str, str]
    fields: Mapping[str, frozenset[str]]
    looped: Mapping[str, datetime]
    settles: bool


def edits(change: Change, fields: FieldMap, basis: Basis, me: str | None, key: bytes) -> Edits:
    """What was edited in the source. `me` is the user that orgsync is there."""
    by_us = me is not None and author(change.values)[0] == me
    now: dict[str, str] = {}
    clean: set[str] = set()
    ours: dict[str, Mark] = {}
    settles = False
    for name, kind in fields.kinds.items():
        now[name] = digest_value(canonical(kind, change.values.get(name)), key)
        column = basis.columns.get(name, _UNKNOWN)
        mark = column.mark
        if mark is not None and (mark.digest == now[name] or (by_us and mark.at == change.modified_time)):
            ours[name] = mark
        if column.agreed == now[name]:
            clean.add(name)
        elif name in ours and ours[name].returned:
            clean.add(name)
            settles = True
    found: dict[str, frozenset[str]] = {}
    looped: dict[str, datetime] = {}
    for rule in fields.rules:
        columns = columns_of(rule.source)
        dirty = [name for name in columns if name not in clean]
        if dirty:
            came = [ours[name].origins if name in ours else frozenset[str]() for name in dirty]
            found[rule.target] = frozenset.union(*came) if all(came) else frozenset()
        times = [ours[name].at for name in columns if name in ours and ours[name].returned]
        if times:
            looped[rule.target] = max(times)
    return Edits(columns=now, fields=found, looped=looped, settles=settles)


def author(record: WireRecord) -> tuple[str | None, str | None]:
    """Who changed a record last: the user's id, and the name by which people know him (or the id)."""
    user = record.get("Modified_By")
    if not isinstance(user, dict) or user.get("id") is None:
        return None, None
    return str(user["id"]), str(user.get("name") or user["id"])
