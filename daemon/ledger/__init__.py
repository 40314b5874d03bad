"""The ledger: the tables, and the one class that speaks SQL. What is named here is loaded when it is asked for: a
command that only looks loads nothing that writes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.ledger.backfills import Backfill, Loading
    from daemon.ledger.claims import Claim, Member, Membership
    from daemon.ledger.compared import Compared, Comparing
    from daemon.ledger.comparisons import Comparison, Counterpart
    from daemon.ledger.errors import (
        ClaimLost,
        LedgerError,
        LedgerHeld,
        LedgerMissing,
        LedgerTooNew,
        LedgerTooOld,
        LedgerUnavailable,
        LinkConflict,
        NaiveTime,
        OrgChanged,
        StreamChanged,
        StreamUnknown,
    )
    from daemon.ledger.exports import Leaving
    from daemon.ledger.latejobs import LateJob
    from daemon.ledger.ledger import Ledger
    from daemon.ledger.lock import LedgerLock
    from daemon.ledger.lookups import GONE, MIRRORED, THERE, DueRow, Intent
    from daemon.ledger.reader import Balance, Export, History, Queued, Reader, StreamStatus, Stuck
    from daemon.ledger.reading import ReadLedger
    from daemon.ledger.story import Drop, Story, Waiting
    from daemon.ledger.streams import StreamState

_ROOMS = {
    "backfills": (
        "Backfill",
        "Loading",
    ),
    "claims": (
        "Claim",
        "Member",
        "Membership",
    ),
    "compared": (
        "Compared",
        "Comparing",
    ),
    "comparisons": (
        "Comparison",
        "Counterpart",
    ),
    "errors": (
        "ClaimLost",
        "LedgerError",
        "LedgerHeld",
        "LedgerMissing",
        "LedgerTooNew",
        "LedgerTooOld",
        "LedgerUnavailable",
        "LinkConflict",
        "NaiveTime",
        "OrgChanged",
        "StreamChanged",
        "StreamUnknown",
    ),
    "exports": ("Leaving",),
    "latejobs": ("LateJob",),
    "ledger": ("Ledger",),
    "lock": ("LedgerLock",),
    "lookups": (
        "GONE",
        "MIRRORED",
        "THERE",
        "DueRow",
        "Intent",
    ),
    "reader": (
        "Balance",
        "Export",
        "History",
        "Queued",
        "Reader",
        "StreamStatus",
        "Stuck",
    ),
    "reading": ("ReadLedger",),
    "story": (
        "Drop",
        "Story",
        "Waiting",
    ),
    "streams": ("StreamState",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "GONE",
    "MIRRORED",
    "THERE",
    "Backfill",
    "Balance",
    "Claim",
    "ClaimLost",
    "Compared",
    "Comparing",
    "Comparison",
    "Counterpart",
    "Drop",
    "DueRow",
    "Export",
    "History",
    "Intent",
    "LateJob",
    "Leaving",
    "Ledger",
    "LedgerError",
    "LedgerHeld",
    "LedgerLock",
    "LedgerMissing",
    "LedgerTooNew",
    "LedgerTooOld",
    "LedgerUnavailable",
    "LinkConflict",
    "Loading",
    "Member",
    "Membership",
    "NaiveTime",
    "OrgChanged",
    "Queued",
    "ReadLedger",
    "Reader",
    "Story",
    "StreamChanged",
    "StreamState",
    "StreamStatus",
    "StreamUnknown",
    "Stuck",
    "Waiting",
]


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)
