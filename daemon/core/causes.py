"""Why a record is not in B yet, in the words that its operator needs.

A cause groups all records that fail for one reason: code + module + field (+ value, where naming it helps).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WAITS_FOR_PARENT: Final = "WAITS_FOR_PARENT"
UNCERTAIN: Final = "UNCERTAIN"
AMBIGUOUS: Final = "AMBIGUOUS"
TARGET_GONE: Final = "TARGET_GONE"
DUPLICATE_DATA: Final = "DUPLICATE_DATA"
MALFORMED_VALUE: Final = "MALFORMED_VALUE"
NOT_CONVERTIBLE: Final = "NOT_CONVERTIBLE"
EXPRESSION_FAILED: Final = "EXPRESSION_FAILED"
USER_UNKNOWN: Final = "USER_UNKNOWN"
DELETED_IN_SOURCE: Final = "DELETED_IN_SOURCE"
DIFFERS: Final = "DIFFERS"
DRIFT: Final = "DRIFT"
OURS: Final = frozenset(
    {
        WAITS_FOR_PARENT,
        UNCERTAIN,
        AMBIGUOUS,
        TARGET_GONE,
        DUPLICATE_DATA,
        MALFORMED_VALUE,
        DELETED_IN_SOURCE,
        DIFFERS,
        DRIFT,
    }
)
"""Causes that say nothing of the target's fields."""

_REMEDIES: Final = {
    WAITS_FOR_PARENT: "nothing to do while the parent is on its way; else mend the parent's own cause, "
    "or bring the parent into the target (it may be filtered out, or deleted there)",
    UNCERTAIN: "nothing to do: the target is asked what became of the call before anything is sent again",
    AMBIGUOUS: "these records of the target could be this one, and nothing tells which is: delete there what is "
    "too many (all of them to have it made anew), then retry",
    TARGET_GONE: "the counterpart was deleted in the target: restore it from the recycle bin there and retry, "
    'or let orgsync make it again (gone = "recreate" in the settings)',
    DELETED_IN_SOURCE: "nothing to do: the deletion is on its way to the target",
    DIFFERS: "nothing to do: a full comparison found it, and it is brought up to date",
    DRIFT: "the counterpart was changed in the target: a retry puts the source's values back; "
    'drift = "keep" or "overwrite" in the settings decides it for good',
    DUPLICATE_DATA: "another record of the target holds this value already: merge the two, or make the values differ",
    MALFORMED_VALUE: "the source sent a value of the wrong type: correct it there, or do not map the field",
    NOT_CONVERTIBLE: "the source's value does not fit the kind of the target's field: correct it there, or map it by "
    "values, an expression or a default",
    EXPRESSION_FAILED: "fill the fields that it needs in the source, or let the expression do without them: "
    "coalesce(Field, 0), … if Field else …, or a default beside it",
    "MANDATORY_NOT_FOUND": "fill the field in the source, or give it a constant or default in the mapping",
    "INVALID_DATA": "correct the value in the source, or make the target's field accept it; "
    "a text that is only too long is cut by cut = true in the mapping",
    "RECORD_LOCKED": "unlock the record in the target, or wait",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason. `value` is kept only for picklists, lookups and owners: no other data enters the ledger."""

    code: str
    module: str
    field: str | None = None
    value: str | None = None

    @property
    def remedy(self) -> str:
        """One sentence that leads to the fix."""
        if self.code == "INVALID_DATA" and self.value is not None:
            return f"add the value {self.value!r} to the target's {self.field}, or map it to one that is there"
        if self.code == USER_UNKNOWN:
            return (
                f"give {self.value} a line in the route's table owners (its e-mail = that of an active user of the "
                "target), or the route a default_owner"
            )
        if self.code == "INVALID_DATA" and self.field == "Owner":
            return (
                "the owner cannot be used in the target: give it a line in the route's table owners, or reactivate it"
            )
        return _REMEDIES.get(self.code, "see Zoho's message, mend the record or the target's settings, then retry")
