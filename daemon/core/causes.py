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
INVALID_DATA: Final = "INVALID_DATA"
MALFORMED_VALUE: Final = "MALFORMED_VALUE"
NOT_CONVERTIBLE: Final = "NOT_CONVERTIBLE"
EXPRESSION_FAILED: Final = "EXPRESSION_FAILED"
USER_UNKNOWN: Final = "USER_UNKNOWN"
PARENT_NOT_CARRIED: Final = "PARENT_NOT_CARRIED"
PARENT_UNMATCHED: Final = "PARENT_UNMATCHED"
PARENT_AMBIGUOUS: Final = "PARENT_AMBIGUOUS"
LOOKED_FOR: Final = frozenset({PARENT_UNMATCHED, PARENT_AMBIGUOUS})
"""Causes that somebody may have mended in the target without a trace here: their records are tried again every hour."""
DELETED_IN_SOURCE: Final = "DELETED_IN_SOURCE"
DIFFERS: Final = "DIFFERS"
DRIFT: Final = "DRIFT"
KEY_LOST: Final = "KEY_LOST"
ORIGIN_UNKNOWN: Final = "ORIGIN_UNKNOWN"
OSCILLATION: Final = "OSCILLATION"
PASSED_ON: Final = "PASSED_ON"
SECOND_COPY: Final = "SECOND_COPY"
TOO_MANY_ROWS: Final = "TOO_MANY_ROWS"
UNREAD: Final = "UNREAD"
FIELD_ABSENT: Final = "FIELD_ABSENT"
USER_REFUSED: Final = "USER_REFUSED"
FILE_TOO_LARGE: Final = "FILE_TOO_LARGE"
UNDONE: Final = "UNDONE"
OURS: Final = frozenset(
    {
        WAITS_FOR_PARENT,
        UNCERTAIN,
        AMBIGUOUS,
        TARGET_GONE,
        DUPLICATE_DATA,
        MALFORMED_VALUE,
        PARENT_NOT_CARRIED,
        PARENT_UNMATCHED,
        PARENT_AMBIGUOUS,
        DELETED_IN_SOURCE,
        DIFFERS,
        DRIFT,
        KEY_LOST,
        ORIGIN_UNKNOWN,
        OSCILLATION,
        PASSED_ON,
        SECOND_COPY,
        TOO_MANY_ROWS,
        UNREAD,
        FIELD_ABSENT,
        USER_REFUSED,
        UNDONE,
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
    KEY_LOST: "nothing to do: the counterpart's key was changed by hand in the target, and is written there again",
    ORIGIN_UNKNOWN: "nothing to do while the stream that made the record here is still catching up; if there is no "
    "such stream any more, empty the record's key field, and it counts as one that was made here",
    OSCILLATION: "find the workflow, the other program or the person that changes the field back in one of the orgs "
    "and stop it, or give the field one owner in the settings; a retry after an hour goes on as before",
    PASSED_ON: "nothing to do: an edit arrived here that this org held already, and it goes on to the next",
    SECOND_COPY: "another record of the source stands for the one that this one was made from (restored? cloned?): "
    "delete it in the source, or empty its key field and retry: then it counts as a new record",
    TOO_MANY_ROWS: "Zoho shows only the first 200 rows of a record, so nothing of it was written: take rows away "
    "and retry, or do not map the field",
    FIELD_ABSENT: "if the field was renamed, write its API name of today into the settings; if it was hidden, show "
    "it to the API user again; if it is gone for good, take it out of the mapping, or name it under except",
    USER_REFUSED: "nothing to do: the users of the target are read again, to see who has left",
    UNREAD: "nothing to do: it changed while it was read, or Zoho failed to show it, and is read again",
    UNDONE: "nothing to do: an undo that was on its way to it was cut off; type the undo again, or release the stream, "
    "and the record is looked at",
    FILE_TOO_LARGE: "attach a smaller file in the source, or a link to it",
    DUPLICATE_DATA: "another record of the target holds this value already: merge the two, or make the values differ",
    MALFORMED_VALUE: "the source sent a value of the wrong type: correct it there, or do not map the field",
    NOT_CONVERTIBLE: "the source's value does not fit the kind of the target's field: correct it there, or map it by "
    "values, an expression or a default",
    EXPRESSION_FAILED: "fill the fields that it needs in the source, or let the expression do without them: "
    "coalesce(Field, 0), … if Field else …, or a default beside it",
    PARENT_NOT_CARRIED: "let the route carry that module too, name a field to find its records by "
    '(match = { Module = "Field" } in the mapping), or leave the field out ("never")',
    PARENT_UNMATCHED: "let the record that it points to hold, in the match field, a value that one record of the "
    "target holds; it is looked for every hour, and at once by a retry",
    "MANDATORY_NOT_FOUND": "fill the field in the source, or give it a constant or default in the mapping",
    INVALID_DATA: "correct the value in the source, or make the target's field accept it; "
    "a text that is only too long is cut by cut = true in the mapping",
    "RECORD_LOCKED": "unlock the record in the target, or wait",
}

# By code and field (None: any); of a code that is in _REMEDIES too, where the value is known.
_VALUED: Final = {
    (
        INVALID_DATA,
        "Currency",
    ): "activate the currency {value} in the target (Setup > Company Details > Currencies), or "
    'map it: Currency = {{ source = "Currency", values = {{ … }} }}',
    (INVALID_DATA, None): "add the value {quoted} to the target's {field}, or map it to one that is there",
    (
        PARENT_UNMATCHED,
        None,
    ): "make the {module} record with {quoted} in the target, or correct the value in either org; "
    "it is looked for every hour, and at once by a retry",
    (PARENT_AMBIGUOUS, None): "let only one {module} record of the target hold {quoted} (merge or correct the others); "
    "it is looked for every hour, and at once by a retry",
    (USER_UNKNOWN, None): "give {value} a line in the route's table owners (its e-mail = that of an active user of the "
    "target), or the route a default_owner who is one",
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
        special = _VALUED.get((self.code, self.field)) or _VALUED.get((self.code, None))
        if special is not None and (self.value is not None or self.code not in _REMEDIES):
            return special.format(value=self.value, quoted=repr(self.value), field=self.field, module=self.module)
        if self.code == INVALID_DATA and self.field == "Owner":
            return (
                "the owner cannot be used in the target: give it a line in the route's table owners, or reactivate it"
            )
        return _REMEDIES.get(self.code, "see Zoho's message, mend the record or the target's settings, then retry")


def advice(remedy: str, state: str) -> str:
    """A cause's remedy for records in a state of the queue: of those that were given up nothing goes on by itself."""
    if state == "dead" and remedy.startswith("nothing to do"):
        return "nothing happens by itself any more: max_attempts was reached; retry when the target is well"
    return remedy
