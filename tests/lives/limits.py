"""What the daemon may take away: counterparts that it deletes, fields that it empties (promise 7, I17, I21)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.lives.shapes import FLAG, SHAPES
from tests.lives.world import People

LISTED_S: Final = 59 * 86_400  # what was deleted longer ago is for the comparison to find
Query = Callable[[str], Iterable[Any]]


@dataclass(slots=True, kw_only=True)
class Limits:
    """Looks at B after every write: what has gone, what is empty now; and how much of both a cycle may do."""

    people: People
    _twins: dict[tuple[str, int], str] = field(default_factory=dict)
    _filled: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    _may_delete: dict[str, int] = field(default_factory=dict)
    _may_blank: dict[str, int] = field(default_factory=dict)
    _deleted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _blanked: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def cycle_begins(self, module: str, query: Query) -> None:
        """What the fuse lets pass in this cycle: its limit or what was released, and what passed it before."""
        fuse, stream = self.people.plan.stream["fuse"], f"a-b/{module}"
        self._deleted.pop(module, None)
        self._blanked.pop(module, None)
        released: dict[str, int] = defaultdict(int)
        for name, kind, accepted in query(
            "select stream, kind, accepted from fuses where released_at is not null and spent_at is null"
        ):
            if name == stream:
                released[kind] = max(released[kind], accepted)
        attempts = [n for name, n in query("select stream, attempts from retry_queue") if name == stream]
        tried = sum(n > 0 for n in attempts)  # passed the fuse, and the answer may not have come
        for limit, kind, may, before in (
            (fuse.deletes, "deletes", self._may_delete, len(attempts)),
            (fuse.blanked, "blanked", self._may_blank, tried),
        ):
            may.pop(module, None)
            if limit.count is not None:
                may[module] = max(limit.count, released[kind]) + before

    def broken(self) -> Iterator[str]:
        """After a write of the daemon."""
        for module in self.people.plan.modules:
            yield from self._taken_away(module)
            for source, twins in self.people.sight().pairs(module).items():
                for twin in twins:
                    self._twins[module, twin.id] = source
                    self._note_fields(module, twin.id, twin.values)
            if self._deleted[module] > self._may_delete.get(module, 10**9):
                yield f"I17: {self._deleted[module]} {module} of B were deleted, {self._may_delete[module]} may be"
            if len(self._blanked[module]) > self._may_blank.get(module, 10**9):
                yield f"I17: {len(self._blanked[module])} {module} lost a value, {self._may_blank[module]} may"

    def _taken_away(self, module: str) -> Iterator[str]:
        alive, live = self.people.table("india", module), self.people.table("us", module)
        taken = [(number, source) for (name, number), source in self._twins.items() if name == module]
        for number, source in taken:
            if number in live:
                continue
            del self._twins[module, number]
            if (module, number) in self.people.told.removed:
                continue
            self._deleted[module] += 1
            if self.people.plan.stream["deletes"] != "delete":
                yield f"promise 7: {module} {number} of B was deleted, and deletions are not asked for"
            if int(source) in alive:
                yield f"promise 7: {module} {number} of B was deleted, and A has {source}"

    def _note_fields(self, module: str, number: int, values: dict[str, Any]) -> None:
        filled = frozenset(name for name in SHAPES[module].plain() if values.get(name) not in (None, ""))
        if self._filled.get((module, number), frozenset()) - filled:
            self._blanked[module].add(number)
        self._filled[module, number] = filled

    def unheard(self, module: str, deleted_until: float, waiting: set[tuple[str, str]]) -> Iterator[str]:
        """Deletions that the ledger has passed: each was carried out or waits in the queue."""
        sight = self.people.sight()
        if sight.deletes == "ignore" or not sight.certain:
            return
        graves = self.people.emu.world.sites["india"].org.bin[module]
        listed = self.people.emu.world.clock.now() - LISTED_S
        passed = [number for number, entry in graves.items() if listed < entry.at < deleted_until]
        pairs = sight.pairs(module) if passed else {}
        for number in passed:
            twins = pairs.get(str(number), [])
            if sight.deletes == "flag":
                twins = [twin for twin in twins if twin.values.get(FLAG) is not True]
            if twins and (module, str(number)) not in waiting:
                yield f"I1: the deletion of {module} {number} was passed: B has {twins[0].id}, and it is not queued"
