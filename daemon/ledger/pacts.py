"""What two sides agree on, as JSON: times in seconds since 1970."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from daemon.core.agreement import Promise
from daemon.core.digest import Digests
from daemon.core.edits import Dated, Edit
from daemon.core.merge import Conflict, Pact
from daemon.ledger.columns import storable

Cell = list[Any]
"""[digest, time, meant]"""


def dump_dated(value: Dated | None) -> Cell | None:
    return None if value is None else [value.digest, seconds(value.at), value.meant]


def load_dated(cell: Cell | None) -> Dated | None:
    return Dated(digest=cell[0], at=instant(cell[1]), meant=cell[2]) if cell else None


def dump_edit(edit: Edit) -> dict[str, Any]:
    return {"at": seconds(edit.at), "came": edit.came, "over": edit.over, "meant": edit.meant, "by": edit.by}


def load_edit(found: dict[str, Any]) -> Edit:
    by = found.get("by")  # what was stored before it was noted has none
    return Edit(at=instant(found["at"]), came=found["came"], over=found["over"], meant=found["meant"], by=by)


def dump_promise(promise: Promise) -> str:
    """With the conflicts that it decides, and their values: they become rows once it is known to be done."""
    pact = promise.pact
    found = {
        "columns": {name: dump_dated(value) for name, value in pact.columns.items()},
        "sent": {name: dump_edit(edit) for name, edit in pact.sent.items()},
        "open": sorted(pact.open),
        "conflicts": [_dump_conflict(one) for one in pact.conflicts],
        "whole": promise.digests.whole,
        "fields": dict(promise.digests.by_field),
    }
    return storable(json.dumps(found, ensure_ascii=False, separators=(",", ":")))


def load_promise(text: str) -> Promise:
    found = json.loads(text)
    pact = Pact(
        columns={name: value for name, cell in found["columns"].items() if (value := load_dated(cell))},
        sent={name: load_edit(edit) for name, edit in found["sent"].items()},
        open=frozenset(found["open"]),
        conflicts=tuple(_load_conflict(**one) for one in found["conflicts"]),
    )
    return Promise(pact=pact, digests=Digests(whole=found["whole"], by_field=found["fields"]))


def _dump_conflict(one: Conflict) -> dict[str, Any]:
    return {**asdict(one), "source_time": seconds(one.source_time), "target_time": seconds(one.target_time)}


def _load_conflict(source_time: int, target_time: int, **found: Any) -> Conflict:
    return Conflict(source_time=instant(source_time), target_time=instant(target_time), **found)


def instant(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def seconds(at: datetime) -> int:
    return int(at.timestamp())
