"""What must be true at every commit and at every fault, not only in the end (I1, I2, I4 and I6 to I9 of the design).

Believes the emulator about both orgs and reads the ledger as a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from daemon.demo.expected import KEY
from daemon.demo.oracle import Verdict
from tests.points.judge import Judge

Json = dict[str, Any]
Place = tuple[str, str]  # module, id in A


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Both orgs and the ledger at one moment."""

    a: dict[Place, Json]
    b: dict[str, dict[str, Json]]
    verdicts: dict[str, Verdict]
    checkpoints: dict[str, tuple[datetime, str]]
    queue: dict[Place, tuple[int, str, str]]
    links: dict[Place, str]
    intents: set[Place]

    def stands(self, place: Place) -> bool:
        """Whether the counterpart is linked and holds what A says now."""
        module, number = place
        verdict = self.verdicts[module]
        bad = number in verdict.missing or any(one.source_id == number for one in verdict.differing)
        return place in self.links and not bad


@dataclass
class Invariants:
    """Of one life of a stage; remembers what it saw last. `excused`: what the fault itself makes untrue for a while."""

    judge: Judge
    excused: frozenset[str] = frozenset()
    _versions: dict[Place, int] = field(default_factory=dict)
    _last: _Seen | None = None
    _latest: float = 0.0

    def __post_init__(self) -> None:
        self._latest = self.judge.stage.emu.world.clock.now()

    def check(self) -> list[str]:
        """What is wrong at this moment; nothing before the ledger has tables."""
        stage = self.judge.stage
        self._latest = max(self._latest, stage.emu.world.clock.now())
        if not stage.ledger.exists() or not stage.sql("select 1 from sqlite_master where name = 'checkpoints'"):
            return []
        seen = self._look()
        wrong = [
            *self._no_gap(seen),
            *self._no_duplicate(seen),
            *self._never_ahead(seen),
            *self._checkpoints(seen),
            *self._order(seen),
            *self._known(seen),
            *self._queue(seen),
            *self.judge.balance(),
        ]
        self._last = seen
        return [one for one in wrong if one[:2] not in self.excused]

    def forget(self) -> None:
        """The ledger was replaced by an older one: what it held since is gone."""
        self._last = None

    def _no_gap(self, seen: _Seen) -> Iterator[str]:
        for (module, number), record in seen.a.items():
            moment, last = seen.checkpoints.get(module, (datetime.min.replace(tzinfo=UTC), ""))
            below = (datetime.fromisoformat(record["Modified_Time"]), number) <= (moment, last)
            if below and (module, number) not in seen.queue and not seen.stands((module, number)):
                yield f"I1: {module} {number} lies below the checkpoint, and is neither in B as A says nor queued"

    def _no_duplicate(self, seen: _Seen) -> Iterator[str]:
        for module, verdict in seen.verdicts.items():
            if verdict.duplicates:
                yield f"I2: {module} has duplicates: {verdict.duplicates}"

    def _never_ahead(self, seen: _Seen) -> Iterator[str]:
        for (module, number), target in seen.links.items():
            if (module, number) in seen.intents:
                continue  # a deletion may be done whose answer is not in
            found = seen.b[module].get(target)
            if found is None or not str(found.get(KEY)).endswith(f":{number}"):
                yield f"I4: {module} {number} is linked to {target}, which is not its counterpart"
        if self.judge.noted() > self.judge.done():
            yield f"I4: {self.judge.noted()} writes are noted as done, B has done {self.judge.done()}"

    def _checkpoints(self, seen: _Seen) -> Iterator[str]:
        horizon = self._latest - self.judge.stage.lag
        for module, place in seen.checkpoints.items():
            if place[0].timestamp() > horizon + 1:
                yield f"I6: the checkpoint of {module} is past the horizon: {place}"
            if self._last is not None and place < self._last.checkpoints.get(module, place):
                yield f"I6: the checkpoint of {module} went back to {place}"

    def _order(self, seen: _Seen) -> Iterator[str]:
        for module, records in seen.b.items():
            for record in records.values():
                place = (module, str(record.get(KEY)))
                version = int(record.get("Description") or 0)
                if version < self._versions.get(place, 0):
                    yield f"I7: version {version} of {place} came after {self._versions[place]}"
                self._versions[place] = version

    def _known(self, seen: _Seen) -> Iterator[str]:
        for module, records in seen.b.items():
            for record in records.values():
                place = (module, str(record.get(KEY)).partition(":")[2])
                if place not in seen.links and place not in seen.intents and place not in seen.queue:
                    yield f"I8: {place} is in B, and the ledger knows nothing of it"

    def _queue(self, seen: _Seen) -> Iterator[str]:
        before = {} if self._last is None else self._last.queue
        for place, (attempts, modified, _) in before.items():
            if place not in seen.queue:
                if place in seen.a and not seen.stands(place):
                    yield f"I9: {place} left the queue, and B does not hold it"
                continue
            now, version, detail = seen.queue[place]
            if now < attempts and version == modified and not detail.startswith("found again"):
                yield f"I9: {place} had {attempts} attempts and has {now}"

    def _look(self) -> _Seen:
        stage = self.judge.stage
        queue = stage.sql("select stream, source_id, attempts, source_modified_time, detail from retry_queue")
        points = stage.sql("select source_module, modified_time, record_id from checkpoints")
        links = stage.sql(
            "select s.module, s.record_id, t.record_id from id_map s join id_map t on t.entity_id = s.entity_id "
            "where s.org = 'india' and t.org = 'us' and t.state = 'live'"
        )
        verdicts = self.judge.verdicts()
        return _Seen(
            a={(module, r["id"]): r for module in stage.modules for r in self.judge.a.known[module]},
            b={module: {r["id"]: r for r in self.judge.b.known[module]} for module in stage.modules},
            verdicts=verdicts,
            checkpoints={module: (_utc(moment), last) for module, moment, last in points},
            queue={(s.partition("/")[2], i): (n, modified, detail) for s, i, n, modified, detail in queue},
            links={(module, number): target for module, number, target in links},
            intents={(s.partition("/")[2], i) for s, i in stage.sql("select stream, source_id from intents")},
        )


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
