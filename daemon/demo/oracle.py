"""The judge: reads both orgs through Zoho's public API and says, record by record, whether B is what A says.

It knows its own table of fields (`expected`), which defects were planted in A, and the key that marks a counterpart.
It knows nothing of the daemon, the ledger or how records came to B; a test reads its imports.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from daemon.demo.caller import Caller, Json, Refused
from daemon.demo.expected import DEFAULT_OWNER, KEY, MODULES, TABLES

WAITS: Final = "waits_for_parent"
_ADDRESS: Final = re.compile(r"[^\s@,]+@[^\s@,]+\.[^\s@,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which the counterpart is not what A says."""

    module: str
    source_id: str
    target_id: str
    field: str
    expected: object
    found: object


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was found in one module. `missing` tells the reason of each record that has no counterpart, None: none."""

    module: str
    in_a: int
    in_b: int
    equal: int = 0
    differing: list[Difference] = field(default_factory=list)
    missing: dict[str, str | None] = field(default_factory=dict)
    duplicates: dict[str, list[str]] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)

    @property
    def unexplained(self) -> list[str]:
        """Records of A that should be in B and are not."""
        return [source_id for source_id, reason in self.missing.items() if reason is None]

    @property
    def differing_records(self) -> int:
        """How many records differ, in however many fields."""
        return len({one.source_id for one in self.differing})

    @property
    def holds(self) -> bool:
        """Whether every record of A is equal in B exactly once, or rightly absent, and B holds nothing else."""
        wrong = self.differing or self.unexplained or self.duplicates or self.strangers
        return not wrong and self.equal + len(self.missing) == self.in_a and self.equal == self.in_b

    def reasons(self) -> Counter[str]:
        """The reasons of the missing, counted."""
        return Counter(reason for reason in self.missing.values() if reason is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One org as it was read: records by module and id."""

    zgid: str
    emails: frozenset[str]
    records: Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What B accepts in one module, by field: lengths of texts, and the values of picklists."""

    lengths: Mapping[str, int]
    values: Mapping[str, frozenset[str]]


def judge(a: Caller, b: Caller, defects: Sequence[Json]) -> dict[str, Verdict]:
    """A verdict for every module. `defects` are the planted ones: module, id, kind, field, twin. Raises Refused."""
    source, target = read_side(a), read_side(b, KEY)
    limits = {module: read_limits(b, module) for module in MODULES}
    pairs = {module: _by_key(target.records[module]) for module in MODULES}
    verdicts = {module: _compare(module, source, target, pairs) for module in MODULES}
    for module, source_id, reason in _reasons(source, verdicts, defects, limits):
        verdicts[module].missing[source_id] = reason
    return verdicts


def read_side(caller: Caller, *more: str) -> Side:
    """Everything of an org. Raises Refused, also when its own count does not agree: half a reading proves nothing."""
    records = {}
    for module in MODULES:
        found = {str(one["id"]): one for one in caller.records(module, [*TABLES[module].names, *more])}
        said = caller.count(module)
        if said != len(found):
            raise Refused(f"{caller.name} says it has {said} {module}, and {len(found)} were read")
        records[module] = found
    users = caller.get("users", type="ActiveConfirmedUsers")["users"]
    return Side(
        zgid=str(caller.get("org")["org"][0]["zgid"]),
        emails=frozenset(user["email"] for user in users),
        records=records,
    )


def read_limits(caller: Caller, module: str) -> Limits:
    """What the org says of its fields."""
    fields = caller.get("settings/fields", module=module)["fields"]
    return Limits(
        lengths={one["api_name"]: one["length"] for one in fields},
        values={
            one["api_name"]: frozenset(value["actual_value"] for value in one["pick_list_values"])
            for one in fields
            if one.get("pick_list_values")
        },
    )


def _by_key(records: Mapping[str, Json]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for target_id, record in records.items():
        found[str(record.get(KEY))].append(target_id)
    return found


def _compare(module: str, source: Side, target: Side, pairs: Mapping[str, Mapping[str, list[str]]]) -> Verdict:
    mine, yours = source.records[module], target.records[module]
    verdict = Verdict(module=module, in_a=len(mine), in_b=len(yours))
    asked_for = {f"{source.zgid}:{source_id}" for source_id in mine}
    for key, target_ids in pairs[module].items():
        if key not in asked_for:
            verdict.strangers += target_ids
        elif len(target_ids) > 1:
            verdict.duplicates[key] = target_ids
    for source_id, record in mine.items():
        target_ids = pairs[module].get(f"{source.zgid}:{source_id}", [])
        if not target_ids:
            verdict.missing[source_id] = None
        elif len(target_ids) == 1:
            found = _as_found(module, yours[target_ids[0]], target)
            wanted = _as_expected(module, record, source, target)
            wrong = [name for name in wanted if not _equal(wanted[name], found[name])]
            verdict.differing += [
                Difference(
                    module=module,
                    source_id=source_id,
                    target_id=target_ids[0],
                    field=name,
                    expected=wanted[name],
                    found=found[name],
                )
                for name in wrong
            ]
            verdict.equal += not wrong
    return verdict


def _as_expected(module: str, record: Json, source: Side, target: Side) -> dict[str, Any]:
    """A record of A as B should show it: lookups as the key of the record they mean, owners as e-mail addresses."""
    table = TABLES[module]
    linked = {name: _linked(record.get(name)) for name in table.lookups}
    owner = record["Owner"]["email"]
    return {
        **{name: _blank_is_none(record.get(name)) for name in table.same},
        **{name: _instant(record.get(name)) for name in table.instants},
        **{name: None if number is None else f"{source.zgid}:{number}" for name, number in linked.items()},
        "Owner": owner if owner in target.emails else DEFAULT_OWNER,
    }


def _as_found(module: str, record: Json, target: Side) -> dict[str, Any]:
    table = TABLES[module]
    found = {
        **{name: _blank_is_none(record.get(name)) for name in table.same},
        **{name: _instant(record.get(name)) for name in table.instants},
        "Owner": record["Owner"]["email"],
    }
    for name, parent in table.lookups.items():
        number = _linked(record.get(name))
        to = target.records[parent].get(number or "", {})
        found[name] = None if number is None else to.get(KEY, f"no record of {parent}: {number}")
    return found


def _equal(wanted: object, found: object) -> bool:
    # True == 1 for Python, not for a CRM; 1 == 1.0 for both
    return wanted == found and isinstance(wanted, bool) == isinstance(found, bool)


def _blank_is_none(value: Any) -> Any:
    return None if value in ("", []) else value


def _instant(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _linked(value: Any) -> str | None:
    return None if value is None else str(value["id"])


def _reasons(
    source: Side, verdicts: Mapping[str, Verdict], defects: Sequence[Json], limits: Mapping[str, Limits]
) -> Iterable[tuple[str, str, str]]:
    """Why records are rightly missing: a planted defect that is still there, or a parent that is rightly missing."""
    known: dict[tuple[str, str], str] = {}
    for defect in defects:
        module, twin = defect["module"], defect.get("twin")
        for source_id, other in ((defect["id"], twin), (twin, defect["id"])):
            if source_id in verdicts[module].missing and _is_live(defect, source_id, other, source, verdicts, limits):
                known[module, source_id] = defect["kind"]
    waiting = [(m, i) for m in MODULES for i in verdicts[m].missing if (m, i) not in known]
    while woken := [one for one in waiting if _parents(one, source) & known.keys()]:
        known |= dict.fromkeys(woken, WAITS)
        waiting = [one for one in waiting if one not in known]
    return [(module, source_id, reason) for (module, source_id), reason in known.items()]


def _is_live(
    defect: Json,
    source_id: str,
    other: str | None,
    source: Side,
    verdicts: Mapping[str, Verdict],
    limits: Mapping[str, Limits],
) -> bool:
    """Whether the planted defect still keeps this record out of B, by what A and B say now."""
    module, name, kind = defect["module"], defect["field"], defect["kind"]
    records = source.records[module]
    value = records[source_id].get(name)
    if kind == "bad_email":
        return value is not None and _ADDRESS.fullmatch(value) is None
    if kind == "too_long":
        return value is not None and len(value) > limits[module].lengths[name]
    if kind == "unknown_picklist":
        return value is not None and value not in limits[module].values[name]
    if kind == "missing_parent":
        return value is not None and value["id"] not in source.records[TABLES[module].lookups[name]]
    # duplicate_unique: the other one holds the value in B
    taken = other in records and other not in verdicts[module].missing
    return taken and value is not None and records[str(other)].get(name) == value


def _parents(one: tuple[str, str], source: Side) -> set[tuple[str, str]]:
    module, source_id = one
    record = source.records[module][source_id]
    linked = {(parent, _linked(record.get(name))) for name, parent in TABLES[module].lookups.items()}
    return {(parent, number) for parent, number in linked if number is not None}
