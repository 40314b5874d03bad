"""The fuses table: which streams a fuse stopped, and what a person let pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Connection, insert, select, update

from daemon.core.fuse import Blown, FuseKind
from daemon.ledger.columns import storable
from daemon.ledger.tables import checkpoints, fuses

ALL: Final = 2**62
"""What is accepted by a person who sets no bound."""
_row = fuses.c


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseState:
    """`blown` stands until a person releases it; `accepted` is what was released and is not used up, by kind."""

    blown: Blown | None
    accepted: Mapping[FuseKind, int]


def state(connection: Connection, stream: str) -> FuseState:
    """What stops the stream, and what it may go past."""
    query = select(fuses).where(_row.stream == stream, _row.spent_at.is_(None)).order_by(_row.id)
    standing: Blown | None = None
    accepted: dict[FuseKind, int] = {}
    for found in connection.execute(query).mappings():
        kind = cast("FuseKind", found["kind"])
        if found["released_at"] is None:
            standing = Blown(
                kind=kind,
                count=found["count"],
                base=found["base"],
                allowed=found["allowed"],
                examples=tuple(json.loads(found["examples"])),
                cycle=found["cycle_id"],
            )
        else:
            accepted[kind] = max(accepted.get(kind, 0), found["accepted"] or 0)
    return FuseState(blown=standing, accepted=accepted)


def blow(connection: Connection, stream: str, blown: Blown, now: datetime) -> None:
    """Stop the stream until it is released."""
    row = {
        "stream": stream,
        "kind": blown.kind,
        "count": blown.count,
        "base": blown.base,
        "allowed": blown.allowed,
        "examples": json.dumps(list(blown.examples)),
        "cycle_id": blown.cycle,
        "blown_at": now,
    }
    connection.execute(insert(fuses), row)


def release(connection: Connection, stream: str, accepted: int, reason: str, now: datetime) -> FuseKind | None:
    """Let the stream go on, past up to `accepted` records; None when no fuse stops it. What the fuse said is no trouble
    of the stream any more.
    """
    standing = state(connection, stream).blown
    if standing is None:
        return None
    connection.execute(
        update(fuses)
        .where(_row.stream == stream, _row.released_at.is_(None))
        .values(released_at=now, accepted=accepted, reason=storable(reason))
    )
    said = checkpoints.c.trouble.startswith(f"fuse ({standing.kind})")
    connection.execute(
        update(checkpoints).where(checkpoints.c.stream == stream, said).values(trouble=None, trouble_since=None)
    )
    return standing.kind


def spend(connection: Connection, stream: str, now: datetime) -> None:
    """The stream has caught up: what was released is used up."""
    connection.execute(
        update(fuses)
        .where(_row.stream == stream, _row.released_at.is_not(None), _row.spent_at.is_(None))
        .values(spent_at=now)
    )
