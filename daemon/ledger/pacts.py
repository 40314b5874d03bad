"""What two sides agree on, as JSON: times in seconds since 1970."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from daemon.core.agreement import Promise
from daemon.core.digest import Digests
from daemon.core.edits import Dated, Edit
from daemon.core.merge import Pact

Cell = list[Any]
"""[digest, time, meant]"""


def dump_dated(value: Dated | None) -> Cell | None:
    return None if value is None else [value.digest, seconds(value.at), value.meant]


def load_dated(cell: Cell | None) -> Dated | None:
    return Dated(digest=cell[0], at=instant(cell[1]), meant=cell[2]) if cell else None


def dump_edit(edit: Edit) -> dict[str, Any]:
    return {"at": seconds(edit.at), "came": edit.came, "over": edit.over, "meant": edit.meant}


def load_edit(found: dict[str, Any]) -> Edit:
    return Edit(at=instant(found["at"]), came=found["came"], over=found["over"], meant=found["meant"])


def dump_promise(promise: Promise) -> str:
    """Without the conflicts that it decides: those are stored when it is sent."""
    pact = promise.pact
    found = {
        "columns": {name: dump_dated(value) for name, value in pact.columns.items()},
        "sent": {name: dump_edit(edit) for name, edit in pact.sent.items()},
        "open": sorted(pact.open),
        "whole": promise.digests.whole,
        "fields": dict(promise.digests.by_field),
    }
    return json.dumps(found, separators=(",", ":"))


def load_promise(text: str) -> Promise:
    found = json.loads(text)
    pact = Pact(
        columns={name: value for name, cell in found["columns"].items() if (value := load_dated(cell))},
        sent={name: load_edit(edit) for name, edit in found["sent"].items()},
        open=frozenset(found["open"]),
    )
    return Promise(pact=pact, digests=Digests(whole=found["whole"], by_field=found["fields"]))


def instant(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def seconds(at: datetime) -> int:
    return int(at.timestamp())
