"""What became of one element of a write, in the five ways that matter for what to do next.

The zoho room reads Zoho's codes and says one of these; `settle` decides from them and never sees a code's spelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """B confirmed the write. `matched` is True when an upsert found a record that was there before."""

    record_id: str
    modified_time: datetime
    matched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """B read this record and said no; the same content will be refused again.

    `existing_id` is the record that holds the value already, when the code is DUPLICATE_DATA (facts 4.4); `stands_for`
    is the source record that it is the counterpart of, when the ledger knows it as another's.
    """

    code: str
    message: str
    field: str | None = None
    existing_id: str | None = None
    stands_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """B could not take this record now (locked, in merge, internal error): the same content may pass later."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The record that the write named by id is not in B any more."""

    record_id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The call went out and its answer did not arrive whole: B may or may not have done it (facts 4.9)."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """The org could not take calls at all (unreachable, 429, credential refused): certainly not done."""

    code: str
    message: str


Answer = Done | Refused | Busy | Gone | Uncertain | NotSent
