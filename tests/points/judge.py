"""What is wrong, in sentences; none when all is well. The demo's oracle judges B; the ledger is read as a file.

Imports nothing of core, sync or zoho: which outcomes there are, and what a counterpart must hold, is written down here
and there by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from daemon.demo.caller import Caller
from daemon.demo.expected import KEY, MODULES
from daemon.demo.oracle import Verdict, judge
from daemon.emulator import OrgHandle
from tests.points.stage import Stage

Json = dict[str, Any]
_OFF: Final = """
    select id, stream, lane from cycles where seen <>
    created + updated + adopted + deleted + flagged + unchanged + filtered + held + conflict + retrying + dead
"""
_NOTED: Final = "select count(*) from changes where answer_code = 'SUCCESS'"
_UNFINISHED: Final = """
    select source_id from retry_queue where state = 'due'
    union all select stream from checkpoints where trouble is not null
"""
_RUNS: Final = 5
_CREATES: Final = frozenset({"insert", "upsert"})


class _Eyes(Caller):
    """An org as the oracle reads it, with records taken from behind its HTTP face: the same ones, sooner."""

    def __init__(self, org: OrgHandle) -> None:
        super().__init__({"name": org.name, "base_url": org.base_url}, org.access_token())
        self.known: dict[str, list[Json]] = {}
        self._get = cache(lambda path, params: super(_Eyes, self).get(path, **dict(params)))

    def get(self, path: str, **params: str | int) -> Json:
        found: Json = self._get(path, tuple(sorted(params.items())))
        return found

    def records(self, module: str, _fields: Sequence[str]) -> Iterator[Json]:
        return iter(self.known[module])

    def count(self, module: str) -> int:
        return len(self.known[module])


class Judge:
    """Of one stage. Close it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.a, self.b = _Eyes(stage.a), _Eyes(stage.b)
        self.verdicts()  # what never changes is read once, before anything is counted

        self.noted_before = 0

    def start(self) -> None:
        """A life begins: what the ledger noted before is none of it."""
        rows = self.stage.sql(_NOTED) if self.stage.ledger.exists() else []
        self.noted_before = rows[0][0] if rows else 0

    def noted(self) -> int:
        """Writes of this life that the ledger calls done."""
        return int(self.stage.sql(_NOTED)[0][0]) - self.noted_before

    def done(self) -> int:
        """Records that B has written in this life."""
        sent = [entry for entry in self.stage.sent() if entry["executed"]]
        written = sum(len(entry["body"]["data"]) for entry in sent if isinstance(entry["body"], dict))
        jobs = self.stage.emu.world.sites["us"].org.bulk.writes.values()
        made = sum(one.added for job in jobs for one in job.outcomes)
        return made + written + sum(len(_deleted(entry)) for entry in sent if entry["kind"] == "delete")

    def close(self) -> None:
        self.a.close()
        self.b.close()

    def verdicts(self) -> dict[str, Verdict]:
        """B against A, module by module, as both are now."""
        names = (self.stage.a.name, self.stage.b.name)
        self.a.known, self.b.known = self.stage.emu.do(
            lambda hands: [{module: hands.records(name, module) for module in MODULES} for name in names]
        )
        found = judge(self.a, self.b, self.stage.defects)
        return {module: found[module] for module in self.stage.modules}

    def at_the_end(self, *, once: bool = True) -> list[str]:
        """Everything that must be true once the faults are over and the daemon is quiet. `once`: no create came twice,
        which only a ledger that was replaced by an older one may do.
        """
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
        stopped = self.stage.sql("select stream, trouble from checkpoints where trouble is not null")
        wrong += [f"stopped: {stopped}"] * bool(stopped)
        return [*wrong, *self.balance(), *(self.sent_twice(missing) if once else ())]

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


def _deleted(entry: Json) -> list[str]:
    """The ids that a delete call names."""
    ids: list[str] = str(entry["query"].get("ids", "")).split(",")
    return ids


def come_to_rest(
    stage: Stage, judge: Judge, run: Callable[[], list[str]], *, once: bool = True
) -> tuple[int, list[str]]:
    """Runs until nothing is due or in trouble and a run writes nothing, to no org and to no history; then judges.

    Gives the number of runs, the idle one among them, and what is wrong. `run` tells what went wrong in it.
    """
    wrong = list[str]()
    for runs in range(1, _RUNS + 1):
        stage.pass_time_until_due()
        mark, changes = stage.mark(), stage.sql("select count(*) from changes")
        wrong += run()
        moved = stage.sent(mark) or changes != stage.sql("select count(*) from changes")
        if not moved and not stage.sql(_UNFINISHED):
            return runs, [*wrong, *judge.at_the_end(once=once)]
    return _RUNS, [*wrong, "it does not come to rest", *judge.at_the_end(once=once)]


def _shown(verdict: Verdict) -> str:
    return (
        f"{verdict.in_a} in A, {verdict.in_b} in B, {verdict.equal} equal, missing {verdict.missing}, "
        f"duplicates {verdict.duplicates}, strangers {verdict.strangers}, "
        f"differing {[(d.source_id, d.field, d.expected, d.found) for d in verdict.differing[:5]]}"
    )
