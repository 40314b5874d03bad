"""What holds at every moment of a life, not only at its end (reliability 1.3): I1 I2 I4 I6 I7 I14 and the balance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from daemon.emulator.faults import KINDS
from tests.lives.limits import Limits
from tests.lives.shapes import read_mark
from tests.lives.world import People

Query = Callable[[str], Iterable[Any]]
_WRITES: Final = KINDS["write"] | KINDS["action"] | {"create_field", "change_field", "delete_field"}


class Violation(AssertionError):  # noqa: N818 - named for what is the matter
    """An invariant does not hold."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks at both orgs and the ledger, and remembers how far each checkpoint and each version had come."""

    people: People
    lag: timedelta
    limits: Limits
    checkpoints: dict[str, tuple[str, datetime, int]] = field(default_factory=dict)
    versions: dict[tuple[str, int], int] = field(default_factory=dict)
    _seen: object = None

    def at_commit(self, connection: Connection) -> None:
        """What is about to be committed: the checkpoint (I6), and nothing behind it without an outcome (I1)."""
        self.ledger(lambda query: connection.exec_driver_sql(query).fetchall())

    def ledger(self, query: Query) -> None:
        """The same, of whatever ledger the query goes to."""
        checkpoints = list(
            query("select stream, modified_time, record_id, rules_version, deleted_until from checkpoints order by 1")
        )
        queue = list(query("select stream, source_id from retry_queue order by 1, 2"))
        if self._seen == (checkpoints, queue):
            return
        self._seen = (checkpoints, queue)
        waiting = {(stream.partition("/")[2], source_id) for stream, source_id in queue}
        for stream, moment, record_id, version, deleted_until in checkpoints:
            at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            if deleted_until is not None:
                until = datetime.fromisoformat(deleted_until).replace(tzinfo=UTC).timestamp()
                self._demand(self.limits.unheard(stream.partition("/")[2], until, waiting))
            self._moves_on(stream, at, int(record_id), version)
            self._no_gap(stream.partition("/")[2], int(at.timestamp()), int(record_id), waiting)

    def _moves_on(self, stream: str, at: datetime, record_id: int, version: str) -> None:
        before = self.checkpoints.get(stream)
        if before is not None and before[0] == version and (at, record_id) < before[1:]:
            raise Violation(f"I6: the checkpoint of {stream} went back from {before[1:]} to {(at, record_id)}")
        limit = datetime.fromtimestamp(self.people.emu.world.clock.now(), UTC) - self.lag
        if at > limit:
            raise Violation(f"I6: the checkpoint of {stream} is {at}, past the server's time - lag {limit}")
        self.checkpoints[stream] = (version, at, record_id)

    def _no_gap(self, module: str, second: int, record_id: int, waiting: set[tuple[str, str]]) -> None:
        sight, told = self.people.sight(), self.people.told
        behind = [r for n, r in self.people.table("india", module).items() if (r.modified, n) < (second, record_id)]
        if not behind:
            return
        pairs = sight.pairs(module)
        for record in behind:
            name = (module, str(record.id))
            if (
                name in waiting
                or name in told.gone_in_b
                or name in told.restored
                or not sight.in_filter(module, record)
            ):
                continue
            found = [read_mark(twin)[1] for twin in pairs.get(str(record.id), [])]
            if read_mark(record)[1] not in found:
                raise Violation(
                    f"I1: {module} {record.id} (version {read_mark(record)[1]}) stands before the checkpoint "
                    f"{second} {record_id} and is neither in B (versions {found}) nor in the queue"
                )

    def _demand(self, broken: Iterable[str]) -> None:
        for what in broken:
            raise Violation(what)

    def after_write(self) -> None:
        """B after a write: no second counterpart (I2), and no older version over a newer one (I7)."""
        for module in self.people.plan.modules:
            for source, twins in self.people.sight().pairs(module).items():
                if len(twins) > 1:
                    raise Violation(f"I2: {module} {source} has the counterparts {sorted(t.id for t in twins)}")
            for number, record in self.people.table("us", module).items():
                version = read_mark(record)[1]
                if version < self.versions.get((module, number), 0):
                    raise Violation(f"I7: {module} {number} of B went back to version {version}")
                self.versions[module, number] = version
        self._demand(self.limits.broken())

    def between(self, query: Query) -> None:
        """After a cycle: A was only read (I14), the links are of records that B has or had (I4), the sums are right."""
        self.after_write()
        own = self.people.own_calls
        for entry in self.people.emu.world.journal.select(org="india"):
            if entry.kind in _WRITES and entry.number not in own:
                raise Violation(f"I14: {entry.method} {entry.path} was sent to A")
        for entry in self.people.emu.world.journal.select(org="us"):
            if entry.automations and entry.number not in own:
                raise Violation(f"promise 8: {entry.method} {entry.path} let {entry.automations} run in B")
        off = list(query("select stream, off_by from v_balance where off_by <> 0"))
        if off:
            raise Violation(f"balance: {off}")
        site = self.people.emu.world.sites["us"].org
        for module, record_id in query("select module, record_id from id_map where org = 'us'"):
            if int(record_id) not in site.tables[module].records and int(record_id) not in site.bin[module]:
                raise Violation(f"I4: the ledger links {module} {record_id}, which B never had")
        for module, told in query(
            "select module, count(distinct record_id) from changes where answer_code = 'SUCCESS' group by 1"
        ):
            if told > len(site.tables[module].records) + len(site.bin[module]):
                raise Violation(f"I4: the ledger tells of {told} {module} written, more than B ever had")

    def forget(self) -> None:
        """The ledger was set back: its checkpoints may stand earlier."""
        self.checkpoints.clear()
        self._seen = None
