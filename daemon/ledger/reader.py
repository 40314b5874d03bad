"""The ledger as people look at it: read-only, with or without a daemon, from the views that SQL shows too.

Never creates, upgrades or locks a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import Column, Connection, MetaData, Table, Text, func, or_, select
from sqlalchemy.types import Integer, TypeEngine

from daemon.core.org import Secret
from daemon.core.record import START
from daemon.ledger import compared, migrate
from daemon.ledger.columns import UtcTime
from daemon.ledger.compared import Compared, Comparing
from daemon.ledger.database import Database, locate
from daemon.ledger.tables import exports, retry_queue

if TYPE_CHECKING:
    from daemon.core.budget import Account
    from daemon.ledger.backfills import Loading
    from daemon.ledger.reading import ReadLedger
    from daemon.ledger.story import Story
    from daemon.ledger.watching import Watched

EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """One row of v_streams. `health`: unbalanced, stopped, silent, behind, held or ok, the worst that is true. `lag_s`:
    None before it has caught up once, for till then it is the age of a record. As the defaults say: a stream that never
    ran.
    """

    stream: str
    health: str
    lag_s: int | None = None
    checkpoint_time: datetime = START.modified_time
    checkpoint_id: str = START.record_id
    polled_at: datetime | None = None
    caught_up_at: datetime | None = None
    due: int = 0
    held: int = 0
    dead: int = 0
    last_cycle_id: int | None = None
    last_cycle_at: datetime | None = None
    last_seen: int | None = None
    last_balance: str | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Queue rows of one cause in one state (v_stuck), with a few of their records; `seen`: what the first met."""

    cause_id: int
    stream: str
    code: str
    module: str
    field: str | None
    value: str | None
    state: str
    records: int
    oldest_s: int
    next_due_at: datetime | None
    example_ids: tuple[str, ...]
    seen: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One record of the retry queue; `due_at` is None while only an event wakes it."""

    stream: str
    source_id: str
    state: str
    attempts: int
    first_seen_at: datetime
    due_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One attempt to write (v_history)."""

    change_id: int
    at: datetime
    stream: str
    cycle_id: int
    action: str
    org: str
    module: str
    source_id: str
    target_id: str | None
    fields: tuple[str, ...]
    answer_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One cycle's sum (v_balance); `off_by` is 0 unless somebody edited the file."""

    cycle_id: int
    stream: str
    lane: str
    started_at: datetime
    finished_at: datetime | None
    seen: int
    outcomes: int
    off_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One field that has left one org for another (exports); `records`: writes that carried it."""

    route: str
    source: str
    source_module: str
    field: str
    target: str
    data_center: str
    first_at: datetime
    last_at: datetime
    records: int


def _view(name: str, texts: str, numbers: str, times: str) -> Table:
    """A view, with its columns by their type."""
    kinds: tuple[tuple[str, type[TypeEngine[Any]] | type[UtcTime]], ...]
    kinds = ((texts, Text), (numbers, Integer), (times, UtcTime))
    return Table(name, MetaData(), *(Column(column, kind) for names, kind in kinds for column in names.split()))


_streams: Final = _view(
    "v_streams",
    "stream health checkpoint_id last_balance trouble",
    "lag_s due held dead last_cycle_id last_seen",
    "checkpoint_time polled_at caught_up_at last_cycle_at",
)
_stuck: Final = _view(
    "v_stuck", "stream code module field value state remedy", "cause_id records oldest_s", "next_due_at"
)
_history: Final = _view(
    "v_history", "stream action org module source_id target_id fields answer_code", "change_id cycle_id", "at"
)
_balance: Final = _view("v_balance", "stream lane", "cycle_id seen outcomes off_by", "started_at finished_at")


class Reader:
    """A ledger that is open for reading. Every method sees one state of it throughout."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.reader()
        self._reading = partial(database.transaction, self._engine)

    @classmethod
    def open(cls, url: str, password: Secret | None = None) -> Self:
        """Open the ledger; raises LedgerUnavailable when there is none, LedgerTooNew or LedgerTooOld."""
        database = locate(url, password)
        database.demand()
        reader = cls(database)
        try:
            with reader._reading() as connection:
                migrate.demand_readable(connection, database.name)
        except BaseException:
            reader.close()
            raise
        return reader

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def for_syncing(self, undo_key: Secret | None = None) -> ReadLedger:
        """The same open ledger, for the questions of syncing. Raises LedgerMissing where nobody has used it yet."""
        from daemon.ledger import identity, reading  # noqa: PLC0415 - `status` needs no more of the ledger than views

        with self._reading() as connection:
            known = identity.read(connection, self._database.name)
        return reading.ReadLedger(self._reading, known, undo_key)

    def streams(self) -> list[StreamStatus]:
        """Every stream, by address."""
        with self._reading() as connection:
            rows = connection.execute(select(_streams).order_by(_streams.c.stream)).mappings()
            return [StreamStatus(**row) for row in rows]

    def stuck(self, stream: str | None = None, limit: int = 1_000) -> list[Stuck]:
        """The retry queue by cause and state, the largest first, each with up to three of its records."""
        query = select(_stuck).order_by(_stuck.c.records.desc(), _stuck.c.cause_id, _stuck.c.state).limit(limit)
        if stream is not None:
            query = query.where(_stuck.c.stream == stream)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
            examples = _examples(connection, {row["cause_id"] for row in rows})
        return [
            Stuck(
                **dict(row) | {"field": row["field"] or None, "value": row["value"] or None},
                example_ids=tuple(i for i, _ in examples.get((row["cause_id"], row["state"]), ())),
                seen=next((detail for _, detail in examples.get((row["cause_id"], row["state"]), ())), ""),
            )
            for row in rows
        ]

    def queued(self, cause_id: int, limit: int) -> list[Queued]:
        """The records of a cause, the oldest first."""
        row = retry_queue.c
        columns = row.stream, row.source_id, row.state, row.attempts, row.first_seen_at, row.due_at, row.detail
        query = select(*columns).where(row.cause_id == cause_id).order_by(row.first_seen_at, row.source_id)
        with self._reading() as connection:
            return [Queued(**one._mapping) for one in connection.execute(query.limit(limit))]

    def comparing(self) -> list[Comparing]:
        """The full comparisons that go on."""
        with self._reading() as connection:
            return compared.going_on(connection)

    def compared(self) -> list[Compared]:
        """What the latest full comparison of every stream has found."""
        with self._reading() as connection:
            return compared.finished(connection)

    def loading(self, now: datetime) -> list[Loading]:
        """The first loads that go on."""
        from daemon.ledger import backfills  # noqa: PLC0415

        with self._reading() as connection:
            return backfills.loading(connection, now)

    def history(self, record_id: str | None = None, stream: str | None = None, limit: int = 100) -> list[History]:
        """The latest writes, newest first; of one record by either of its ids, of one stream, or of all."""
        query = select(_history).order_by(_history.c.change_id.desc()).limit(limit)
        if record_id is not None:
            query = query.where(or_(_history.c.source_id == record_id, _history.c.target_id == record_id))
        if stream is not None:
            query = query.where(_history.c.stream == stream)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [History(**dict(row) | {"fields": tuple(json.loads(row["fields"]))}) for row in rows]

    def stories(self, record_id: str) -> list[Story]:
        """What is known of a record, by either of its ids, in every stream that has met it."""
        from daemon.ledger import story  # noqa: PLC0415

        with self._reading() as connection:
            return story.stories(connection, record_id)

    def balance(self, stream: str | None = None, limit: int = 100) -> list[Balance]:
        """The latest cycles' sums, newest first."""
        query = select(_balance).order_by(_balance.c.cycle_id.desc()).limit(limit)
        if stream is not None:
            query = query.where(_balance.c.stream == stream)
        with self._reading() as connection:
            return [Balance(**row) for row in connection.execute(query).mappings()]

    def unbalanced(self, limit: int = 100) -> list[Balance]:
        """The cycles whose outcomes do not add up to what they saw, oldest first: somebody has edited the ledger."""
        off = select(_balance).where(_balance.c.off_by != 0).order_by(_balance.c.cycle_id).limit(limit)
        with self._reading() as connection:
            return [Balance(**row) for row in connection.execute(off).mappings()]

    def exports(self) -> list[Export]:
        """What has left which org, by route, module and field."""
        order = (exports.c.route, exports.c.source_module, exports.c.field, exports.c.data_center)
        with self._reading() as connection:
            return [Export(**row) for row in connection.execute(select(exports).order_by(*order)).mappings()]

    def accounts(self) -> dict[str, Account]:
        """What was spent in each org, and what it said last."""
        from daemon.ledger import spending  # noqa: PLC0415

        with self._reading() as connection:
            return spending.accounts(connection)

    def watched(self, now: datetime) -> Watched:
        """What metrics and alerts are made of."""
        from daemon.ledger import watching  # noqa: PLC0415

        with self._reading() as connection:
            return watching.look(connection, now)

    def hours(self, stream: str, now: datetime) -> dict[int, int]:
        """Changes that a stream has seen, by hour."""
        from daemon.ledger import watching  # noqa: PLC0415

        with self._reading() as connection:
            return watching.hours(connection, stream, now)


def _examples(connection: Connection, cause_ids: set[int]) -> dict[tuple[int, str], tuple[tuple[str, str], ...]]:
    """(record id, what was seen) of the oldest rows, by cause and state."""
    row = retry_queue.c
    place = func.row_number().over(partition_by=(row.cause_id, row.state), order_by=(row.first_seen_at, row.source_id))
    ranked = select(row.cause_id, row.state, row.source_id, row.detail, place.label("place"))
    ranked_rows = ranked.where(row.cause_id.in_(cause_ids)).subquery()
    query = select(ranked_rows).where(ranked_rows.c.place <= EXAMPLES).order_by(ranked_rows.c.place)
    found: dict[tuple[int, str], tuple[tuple[str, str], ...]] = {}
    for cause_id, state, source_id, detail, _ in connection.execute(query):
        found[(cause_id, state)] = (*found.get((cause_id, state), ()), (source_id, detail))
    return found
