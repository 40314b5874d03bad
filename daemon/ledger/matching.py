"""What a person decided about records that both orgs held before: their pairs, and what becomes of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, select, update

from daemon.core.causes import DIFFERS
from daemon.core.ends import due_row, unconfirmed
from daemon.core.rules import Stream
from daemon.ledger import comparisons, lookups, queue
from daemon.ledger.errors import LedgerError, StreamUnknown
from daemon.ledger.linking import link
from daemon.ledger.tables import checkpoints

Shown = Literal["", "seen", "match"]
"""Of a first run: nothing new; the lists were shown; what is in none of the pairs is to be created."""
_NAMED: Final = 5
_row = checkpoints.c


def store(connection: Connection, address: str, pairs: Sequence[tuple[str, str]], shown: Shown, now: datetime) -> int:
    """Link the pairs (source id, target id), all or none, and note how far the first run is decided; gives the number
    of pairs. What the targets hold is for the next cycle to see. Raises StreamUnknown, LinkConflict, and LedgerError
    when a record is linked already or on its way.
    """
    found = connection.execute(select(checkpoints).where(_row.stream == address)).mappings().one_or_none()
    if found is None:
        raise StreamUnknown(address)
    names = ("route", "source", "target", "source_module", "target_module")
    stream = Stream(address=address, key=None, **{name: found[name] for name in names})
    _demand_free(connection, stream, pairs)
    if pairs:
        link(connection, stream, [unconfirmed(source_id, target_id) for source_id, target_id in pairs], now)
        queue.wake(connection, {record_id for pair in pairs for record_id in pair}, now)
    if found["rules_version"]:  # it has run: its polls will not come by these records again
        text = "it was matched with {}"
        rows = [due_row(stream, source, DIFFERS, text.format(target), now, now) for source, target in pairs]
        queue.requeue(connection, stream, rows, (), now)
    elif shown:
        undecided = _row.stream == address, _row.first_run != "match"
        connection.execute(update(checkpoints).where(*undecided).values(first_run=shown))
    return len(pairs)


def _demand_free(connection: Connection, stream: Stream, pairs: Sequence[tuple[str, str]]) -> None:
    sources, targets = [source_id for source_id, _ in pairs], [target_id for _, target_id in pairs]
    taken: dict[str, Collection[str]] = {
        f"linked already in {stream.source}": lookups.links(connection, stream, sources),
        f"linked already in {stream.target}": comparisons.counterparts(connection, stream, targets),
        f"being written from {stream.source}": lookups.open_intents(connection, stream, sources),
        "named twice": {i for side in (sources, targets) for i in _twice(side)},
    }
    wrong = [f"{_some(ids)} {'is' if len(ids) == 1 else 'are'} {why}" for why, ids in taken.items() if ids]
    if wrong:
        raise LedgerError(f"{stream.address}: {'; '.join(wrong)}. Nothing was stored")


def _twice(ids: Sequence[str]) -> list[str]:
    return [record_id for record_id, times in Counter(ids).items() if times > 1]


def _some(ids: Collection[str]) -> str:
    named = sorted(ids)[:_NAMED]
    return ", ".join(named) + (f" and {len(ids) - _NAMED} others" if len(ids) > _NAMED else "")
