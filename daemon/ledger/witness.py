"""Tells whether a ledger is an older copy of itself: what it says of the targets is then not true (promise 11).

Beside the ledger lies a small file with the number of the last write that any copy of it has known. Restoring a backup
of the ledger leaves that file alone. (Restoring the whole folder does not; see docs/operations.md.)
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, func, select, update

from daemon.ledger.tables import agreed, changes


def last_write(connection: Connection) -> int:
    """The number of the newest write in the ledger; 0 when there is none."""
    return connection.scalar(select(func.max(changes.c.id))) or 0


def note(file: Path, number: int) -> None:
    """Remember that this write is known. A file that cannot be written is no reason to stop: it is only a witness."""
    draft = file.with_suffix(".draft")
    try:
        draft.touch(mode=0o600)
        draft.write_text(str(number))
        draft.replace(file)
    except OSError:
        return


def is_older(file: Path, connection: Connection) -> bool:
    """Whether more was written than this ledger knows of."""
    try:
        known = int(file.read_text())
    except (OSError, ValueError):
        return False
    return known > last_write(connection)


def distrust(connection: Connection) -> int:
    """Nothing is known any more of what the targets hold: they are asked before the next write of each record."""
    unknown = {"source_digest": "", "field_digests": "{}", "target_modified_time": None}
    return connection.execute(update(agreed).values(unknown)).rowcount
