"""States in which a record refuses to be written: locked, in merge, waiting for approval or review, in a blueprint,
converted, or dependent on a service that is down (facts 4.4, 11.14). Hands and other calls set them; a write only asks.
"""

from __future__ import annotations

from daemon.emulator import errors
from daemon.emulator.quirks import Quirks
from daemon.emulator.store import Record

_WAITING = frozenset({"approval_process_pending", "approval_process_rejected", "delegated", "resubmitted"})
APPROVAL_STATES = _WAITING | {"approved"}
_MERGE_TEXT = "The record under merge is locked"


def check_updatable(record: Record, path: str, quirks: Quirks) -> None:
    """RecordError when the record takes no updates now."""
    values = record.values
    if values.get("$in_merge"):
        raise errors.locked(f"{path}.id", _MERGE_TEXT)
    if values.get("Locked__s"):
        raise errors.locked(f"{path}.id")
    if values.get("Converted__s"):
        text = "can't update the converted record"
        raise errors.RecordError(errors.problem("CONVERTED_RECORD", text, {"id": str(record.id)}))
    if values.get("$approval_state") in _WAITING:
        raise errors.RecordError(errors.problem("NOT_APPROVED", "Cannot update record that is not approved yet"))
    if values.get("$review"):
        raise errors.RecordError(errors.problem("NOT_REVIEWED", "record in review"))
    if values.get("$dependency_error"):
        details = {"dependency_error": values["$dependency_error"]}
        raise errors.RecordError(errors.problem("DEPENDENT_SERVICE_ERROR", "dependent service failed", details))
    if values.get("$process_flow") and quirks["blueprint_update"] == "reject":
        kinds = {"path": {"api_name": "id", "json_path": f"{path}.id"}, "id": {"id": str(record.id)}, "empty": {}}
        details = kinds[quirks["blueprint_details"]]
        raise errors.RecordError(errors.problem("RECORD_IN_BLUEPRINT", "The record is in blue print", details))


def check_deletable(record: Record) -> None:
    """RecordError when the record cannot be deleted now: delete details are `action, id` (facts 4.4)."""
    values = record.values
    if values.get("$in_merge") or values.get("Locked__s"):
        text = _MERGE_TEXT if values.get("$in_merge") else errors.LOCKED
        details = {"action": "record_locking", "id": str(record.id)}
        raise errors.RecordError(errors.problem("RECORD_LOCKED", text, details))
