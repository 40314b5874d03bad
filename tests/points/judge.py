"""What is wrong, in sentences; none when all is well. The demo's oracle judges B; the ledger is read as a file.

Imports nothing of core, sync or zoho: which outcomes there are, and what a counterpart must hold, is written down here
and there by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from daemon.demo.caller import Caller
from daemon.demo.expected import KEY
from daemon.demo.oracle import Verdict, judge
from daemon.emulator import OrgHandle
from tests.points.stage import Stage

Json = dict[str, Any]
_OFF: Final = """
    select id, stream, lane from cycles where seen <>
    created + updated + adopted + deleted + flagged + unchanged + filtered + held + conflict + retrying + dead
"""
_CREATES: Final = frozenset({"insert", "upsert"})


class _Eyes(Caller):
    """An org as the oracle reads it, with records taken from behind its HTTP face: the same ones, sooner."""

    def __init__(self, org: OrgHandle) -> None:
        super().__init__({"name": org.name, "base_url": org.base_url}, org.access_token())
        self._org = org
        self._get = cache(lambda path, params: super(_Eyes, self).get(path, **dict(params)))

    def get(self, path: str, **params: str | int) -> Json:
        found: Json = self._get(path, tuple(sorted(params.items())))
        return found

    def records(self, module: str, _fields: Sequence[str]) -> Iterator[Json]:
        return iter(self._org.records(module))

    def count(self, module: str) -> int:
        return len(self._org.records(module))


class Judge:
    """Of one stage. Close it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._a, self._b = _Eyes(stage.a), _Eyes(stage.b)
        self.verdicts()  # what never changes is read once, before anything is counted

    def close(self) -> None:
        self._a.close()
        self._b.close()

    def verdicts(self) -> dict[str, Verdict]:
        """B against A, module by module."""
        found = judge(self._a, self._b, self.stage.defects)
        return {module: found[module] for module in self.stage.modules}

    def at_the_end(self) -> list[str]:
        """Everything that must be true once the faults are over and the daemon is quiet."""
        verdicts, wrong = self.verdicts(), list[str]()
        for module, verdict in verdicts.items():
            if not verdict.holds:
                wrong.append(f"B is not what A says in {module}: {_shown(verdict)}")
        missing = {(module, i) for module, verdict in verdicts.items() for i in verdict.missing}
        queue = {(s.partition("/")[2], i) for s, i in self.stage.sql("select stream, source_id from retry_queue")}
        if queue != missing:
            wrong.append(f"the queue holds {sorted(queue)}, and what B must refuse is {sorted(missing)}")
        open_intents = self.stage.sql("select stream, source_id, action from intents")
        if any((s.partition("/")[2], i) not in missing for s, i, _ in open_intents):
            wrong.append(f"intents are open: {open_intents}")
        return [*wrong, *self.balance(), *self.sent_twice(missing)]

    def balance(self) -> list[str]:
        """Cycles whose sum is off, and damage of the file."""
        off = self.stage.sql(_OFF)
        checked = self.stage.sql("pragma integrity_check") + self.stage.sql("pragma foreign_key_check")
        return [f"cycles out of balance: {off}"] * bool(off) + [f"damaged: {checked}"] * (checked != [("ok",)])

    def sent_twice(self, refused: set[tuple[str, str]]) -> list[str]:
        """Creates that B carried out more than once; what it refuses may be sent again."""
        done = Counter(
            (entry["module"], str(record.get(KEY)).partition(":")[2])
            for entry in self.stage.b.log()
            if entry["kind"] in _CREATES and entry["executed"] and isinstance(entry["body"], dict)
            for record in entry["body"]["data"]
        )
        twice = {one: times for one, times in done.items() if times > 1 and one not in refused}
        return [f"creates carried out more than once: {twice}"] if twice else []


def _shown(verdict: Verdict) -> str:
    return (
        f"{verdict.in_a} in A, {verdict.in_b} in B, {verdict.equal} equal, missing {verdict.missing}, "
        f"duplicates {verdict.duplicates}, strangers {verdict.strangers}, "
        f"differing {[(d.source_id, d.field, d.expected, d.found) for d in verdict.differing[:5]]}"
    )
