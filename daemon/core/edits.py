"""Both ways: what was edited in the source since both sides agreed. Pure.

A field that either side may change is compared with what it was when both agreed (a digest), never with its own
translation: that need not turn back exactly, and an echo would be mistaken for an edit. What orgsync itself wrote into
the source is known by its mark: it says when a person made the edit, and what every org held that the value came
through. So one edit causes one write, however many orgs lie on the circle, and all of them prefer the same one of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from daemon.core.convert import canonical
from daemon.core.digest import digest_value
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.record import Change, WireRecord

Came = Mapping[str, Mapping[str, str]]
"""The orgs that a value came through, the one where it was edited first: org -> its fields that the value was made
from, each with the digest it had then.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is who in an org: the user that orgsync is there, and the e-mail addresses by user id."""

    me: str | None = None
    emails: Mapping[str, str] = field(default_factory=dict)

    def are_we(self, record: WireRecord) -> bool:
        """Whether orgsync changed a record last."""
        user = record.get("Modified_By")
        return self.me is not None and isinstance(user, dict) and str(user.get("id")) == self.me

    def author(self, record: WireRecord) -> str | None:
        """Who changed a record last: his address, else his name, else his id."""
        user = record.get("Modified_By")
        if not isinstance(user, dict) or user.get("id") is None:
            return None
        return self.emails.get(str(user["id"])) or str(user.get("name") or user["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The orgs that an edit came through (none: a person made it here), and when and by whom it was made, as far as is
    known.

    `over` is what other orgs held of the values that it was made over: who still holds that has not edited it.
    `meant`: a value was known there before, so that a blank is an edit too, and not just what nobody has filled yet.
    """

    came: Came
    at: datetime
    over: Came = field(default_factory=dict)
    meant: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A field's value: its digest, and when it was edited, as far as is known. `meant`: as of its edit."""

    digest: str
    at: datetime
    meant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What orgsync wrote into a field last: the value's digest, the Modified_Time that the write gave, and the edit."""

    digest: str
    at: datetime
    edit: Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A field of a source: the value that both sides agreed on (None: on none yet), and our mark."""

    agreed: Dated | None = None
    mark: Mark | None = None

    @property
    def known_at(self) -> tuple[datetime, ...]:
        """When the edits were made that are known of it."""
        return tuple(at for at in (self.agreed and self.agreed.at, self.mark and self.mark.edit.at) if at)

    def still_agreed(self, digest: str) -> Dated | None:
        """What was agreed on, if the field holds it and has held nothing since that the target has not seen: the same
        value may be back by a later edit.
        """
        agreed, mark = self.agreed, self.mark
        if agreed is None or agreed.digest != digest or (mark is not None and mark.edit.at > agreed.at):
            return None
        return agreed

    def marked(self, digest: str, modified_time: datetime, *, by_us: bool) -> Mark | None:
        """The mark of what the field holds: the value that was written, or what the org has made of it."""
        mark = self.mark
        if mark is not None and (mark.digest == digest or (by_us and mark.at == modified_time)):
            return mark
        return None


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

    `theirs` is what the streams that read the target know of its fields.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    theirs: Mapping[str, Sequence[Column]] = field(default_factory=dict)


NOTHING: Final = Basis()
_UNKNOWN: Final = Column()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What the source's record says against its basis.

    `columns` are its fields now. `fields` are the target fields that an edit concerns. `looped` (target field ->
    digest) are those whose value has come round to the source once: what the target held when it left there. `settles`:
    a field holds what orgsync wrote in another form than it was written. `at` is when the record was changed last.
    """

    columns: Mapping[str, Dated]
    fields: Mapping[str, Edit]
    looped: Mapping[str, str]
    settles: bool
    at: datetime

    def of(self, name: str) -> Edit:
        """The edit that a target field's new value is; where no field of the source was edited, it is made now."""
        return self.fields.get(name) or Edit(came={}, at=self.at)


def edits(change: Change, fields: FieldMap, basis: Basis, target: str, people: People, key: bytes) -> Edits:
    """What was edited in the source, whose `people` are these."""
    by_us = people.are_we(change.values)
    now: dict[str, Dated] = {}
    clean: set[str] = set()
    ours: dict[str, Mark] = {}
    settles = False
    for name, kind in fields.kinds.items():
        digest = digest_value(canonical(kind, change.values.get(name)), key)
        column = basis.columns.get(name, _UNKNOWN)
        agreed = column.still_agreed(digest)
        mark = column.marked(digest, change.modified_time, by_us=by_us)
        if mark is not None:
            ours[name] = mark
            now[name] = Dated(digest=digest, at=mark.edit.at, meant=mark.edit.meant)
        else:
            at = max((change.modified_time, *column.known_at))  # later than what it was made over, whatever clocks say
            now[name] = agreed or Dated(digest=digest, at=at, meant=name in basis.columns)
        if agreed is not None:
            clean.add(name)
        elif mark is not None and target in mark.edit.came:
            clean.add(name)
            settles = True
    found: dict[str, Edit] = {}
    looped: dict[str, str] = {}
    for rule in fields.rules:
        columns = columns_of(rule.source)
        dirty = [name for name in columns if name not in clean]
        if dirty:
            below = [mark.edit for name in dirty if (mark := basis.columns.get(name, _UNKNOWN).mark)]
            passed = all(name in ours for name in dirty)
            came = together([edit.came for edit in below])
            over = together([edit.over for edit in below])
            found[rule.target] = Edit(
                came=came if passed else {},
                at=max(now[name].at for name in dirty),
                over=over if passed else together([over, came]),
                meant=any(now[name].meant for name in dirty),
                by=max(below, key=lambda edit: edit.at).by if passed else people.author(change.values),
            )
        marks = [mark for name in columns if (mark := basis.columns.get(name, _UNKNOWN).mark) is not None]
        for mark in sorted(marks, key=lambda mark: mark.at):
            known = together([mark.edit.over, mark.edit.came]).get(target, {})
            if rule.target in known:
                looped[rule.target] = known[rule.target]
    return Edits(columns=now, fields=found, looped=looped, settles=settles, at=change.modified_time)


def together(ways: Sequence[Came]) -> Came:
    """The orgs that several values came through, made into one; what comes later counts."""
    found: dict[str, dict[str, str]] = {}
    for way in ways:
        for org, held in way.items():
            found.setdefault(org, {}).update(held)
    return found
