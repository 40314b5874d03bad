"""What planning a page is told besides the changes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.agreement import Promise
from daemon.core.dropped import Version
from daemon.core.edits import Basis, People
from daemon.core.record import WireRecord
from daemon.core.steps import Link
from daemon.core.translate import Known, Parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that planning a page needs besides the changes themselves.

    `found` maps a source id whose counterpart is in doubt to the target records that could be it (any number).
    `carried` maps such a source id to the fields that our writes without an answer carried, where these are known: in
    the others the counterpart is what was agreed, or was changed by hand.
    `keyless` are such source ids whose counterpart is to get their key, whatever stands there instead: a comparison
    saw it so, or what was changed by hand is taken back.
    `unsure` are source ids of which `found` names only what may be the counterpart.
    `ended` are source ids whose counterpart an uncertain deletion of ours took away.
    `circular` maps a source id to parents that wait for it in their turn (circles.py).
    `deferred` maps a source id whose earlier write may still arrive to the time when it cannot any more.
    `present` maps a source id to its counterpart as it is now (None: not to be found), where `to_look_at` asked for it.
    `dropped` maps a source id to the version of it that a person dropped from the queue.
    `unread` maps a source id whose rows could not be read, here or there, to the time when that is tried again.

    On a circle of streams: `bases` are what both sides agreed on, `in_…` who is who in both orgs, and
    `astray` are records without a link that came from another org: until when to wait for the link, or None where the
    target itself is that org, and does not have the record any more. `promised` is what the open writes promise.
    `rivals` were made from a target record that stands for another source record by now: source id -> both ids.
    `owed` are source fields (by source id) that another stream has still to write there.
    """

    known: Known
    links: Mapping[str, Link]
    found: Mapping[str, tuple[WireRecord, ...]]
    deferred: Mapping[str, datetime]
    carried: Mapping[str, frozenset[str]] = field(default_factory=dict)
    keyless: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    circular: Mapping[str, frozenset[Parent]] = field(default_factory=dict)
    present: Mapping[str, WireRecord | None] = field(default_factory=dict)
    bases: Mapping[str, Basis] = field(default_factory=dict)
    in_source: People = field(default_factory=People)
    in_target: People = field(default_factory=People)
    astray: Mapping[str, datetime | None] = field(default_factory=dict)
    promised: Mapping[str, Promise] = field(default_factory=dict)
    rivals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    owed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unread: Mapping[str, datetime] = field(default_factory=dict)
    dropped: Mapping[str, Version] = field(default_factory=dict)
    source_zgid: str
    digest_key: bytes
