"""The ledger: the tables, and the one class that speaks SQL."""

from daemon.ledger.backfills import Backfill, Loading
from daemon.ledger.claims import Claim, Member, Membership
from daemon.ledger.comparisons import Comparison, Counterpart
from daemon.ledger.errors import (
    ClaimLost,
    LedgerError,
    LedgerHeld,
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
from daemon.ledger.ledger import Ledger
from daemon.ledger.lock import LedgerLock
from daemon.ledger.lookups import MIRRORED, THERE, DueRow, Intent
from daemon.ledger.reader import Balance, Comparing, Export, History, Queued, Reader, StreamStatus, Stuck
from daemon.ledger.story import Story, Waiting
from daemon.ledger.streams import StreamState

__all__ = [
    "MIRRORED",
    "THERE",
    "Backfill",
    "Balance",
    "Claim",
    "ClaimLost",
    "Comparing",
    "Comparison",
    "Counterpart",
    "DueRow",
    "Export",
    "History",
    "Intent",
    "Leaving",
    "Ledger",
    "LedgerError",
    "LedgerHeld",
    "LedgerLock",
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
    "Reader",
    "Story",
    "StreamChanged",
    "StreamState",
    "StreamStatus",
    "StreamUnknown",
    "Stuck",
    "Waiting",
]
