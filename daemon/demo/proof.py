"""The sums of the proof: the oracle's verdicts beside the ledger's own books and the emulator's log.

Each check is a sentence that holds or does not; together they decide the demo's exit code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from daemon.demo.caller import Json
from daemon.demo.crash import CREATES, keys_of
from daemon.demo.expected import MODULES
from daemon.demo.oracle import Verdict
from daemon.demo.watch import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One sentence of the proof; `wrong` names what speaks against it."""

    sentence: str
    wrong: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Credits of one org, and the least that the work could have cost by the price list."""

    org: str
    spent: int
    parts: str
    least: int
    least_is: str


def queue_check(ledger: Path, verdicts: Mapping[str, Verdict]) -> Check:
    """The retry queue names the missing records, all of them and no others."""
    with reading(ledger) as connection:
        rows = connection.execute("SELECT stream, source_id FROM retry_queue").fetchall()
    queued = {(stream.partition("/")[2], source_id) for stream, source_id in rows}
    missing = {(module, source_id) for module, one in verdicts.items() for source_id in one.missing}
    wrong = [f"{m} {i} is missing in B and not in the queue" for m, i in sorted(missing - queued)]
    wrong += [f"{m} {i} is in the queue and not missing in B" for m, i in sorted(queued - missing)]
    return Check(
        sentence=f"the ledger's queue names exactly the {len(missing)} records that are missing", wrong=tuple(wrong)
    )


def balance_check(ledger: Path) -> Check:
    """Every cycle's outcomes add up to what it saw."""
    with reading(ledger) as connection:
        cycles, seen, outcomes = connection.execute(
            "SELECT count(*), sum(seen), sum(outcomes) FROM v_balance"
        ).fetchone()
        off = connection.execute("SELECT cycle_id, stream, off_by FROM v_balance WHERE off_by <> 0").fetchall()
    return Check(
        sentence=f"{cycles} cycles saw {seen:,} changes and settled {outcomes:,}: every balance is 0",
        wrong=tuple(f"cycle {cycle} of {stream} is off by {by}" for cycle, stream, by in off),
    )


def once_check(log: Sequence[Json], verdicts: Mapping[str, Verdict], defects: Sequence[Json]) -> Check:
    """No record was written twice. By the log: what B took as new is what B holds, and a record without a planted
    defect, which B has no reason to refuse, was sent as a create once.
    """
    excused = {defect["id"] for defect in defects} | {defect["twin"] for defect in defects if "twin" in defect}
    taken: Counter[str] = Counter()
    sent: dict[str, list[int]] = defaultdict(list)
    for entry in log:
        if entry["kind"] in CREATES and entry["executed"]:
            taken[entry["module"]] += entry["codes"].get("SUCCESS", 0)
            for key in keys_of(entry):
                sent[key].append(entry["number"])
    wrong = [
        f"B took {taken[module]} creates of {module} and holds {verdicts[module].in_b}"
        for module in MODULES
        if taken[module] != verdicts[module].in_b
    ]
    wrong += [
        f"{key} was sent as a create by requests {', '.join(map(str, numbers))}"
        for key, numbers in sent.items()
        if len(numbers) > 1 and key.partition(":")[2] not in excused
    ]
    return Check(
        sentence=f"{sum(taken.values()):,} creates taken by B, one for each of its records; no create was sent twice",
        wrong=tuple(wrong),
    )


def target_spent(meter: Json, log: Iterable[Json], observed: int) -> Spent:
    """B's credits. `observed` were spent by the demo's own look while the daemon was dead."""
    created = updated = 0
    for entry in log:
        done = entry["codes"].get("SUCCESS", 0)
        created += done if entry["kind"] in CREATES else 0
        updated += done if entry["kind"] == "update" else 0
    by_kind = meter["by_kind"]
    writes = sum(by_kind.get(kind, 0) for kind in (*CREATES, "update"))
    keys = by_kind.get("create_field", 0)
    spent = meter["total"] - observed
    return Spent(
        org="us",
        spent=spent,
        parts=f"{writes:,} for writes, {keys} for making the key fields, {spent - writes - keys:,} for reads",
        least=ceil(created / 10) + ceil(updated / 10) + keys,
        least_is=f"{created:,} creates and {updated:,} updates at 1 for 10, and the key fields",
    )


def source_spent(meter: Json, records: int, people: int) -> Spent:
    """A's credits without those of the people who worked in it (`people`)."""
    spent = meter["total"] - people
    return Spent(
        org="india",
        spent=spent,
        parts="reading, and four polls a second at 1 each",
        least=3 * ceil(records / 2_000),
        least_is=f"reading {records:,} records once at 3 for 2,000",
    )
