"""Two orgs in one emulator, B a copy of A made by hand: what the oracle must find good, until a test spoils it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from daemon.demo.caller import Caller
from daemon.demo.expected import DEFAULT_OWNER, KEY, MODULES, TABLES
from daemon.demo.oracle import Verdict, judge
from daemon.emulator import Emulator, OrgHandle

Json = dict[str, Any]
RECORDS, SEED, DEFECTS = 240, 3, 0.08


@dataclass(frozen=True)
class Copied:
    """Both orgs, what was planted, and the pairs: module -> id in A -> id in B."""

    emulator: Emulator
    a: OrgHandle
    b: OrgHandle
    callers: tuple[Caller, Caller]
    defects: list[Json]
    pairs: dict[str, dict[str, str]]

    def judge(self) -> dict[str, Verdict]:
        return judge(*self.callers, self.defects)

    def pair(self, module: str, **having: Any) -> tuple[Json, str]:
        """A record of A that has a counterpart (and these values, or any value where True), and the id of that."""
        for record in self.a.records(module):
            fits = all(record[name] == value or (value is True and record[name]) for name, value in having.items())
            if record["id"] in self.pairs[module] and fits:
                return record, self.pairs[module][record["id"]]
        raise LookupError(module)

    def defect(self, kind: str) -> Json:
        return next(one for one in self.defects if one["kind"] == kind)


@contextmanager
def copied() -> Iterator[Copied]:
    """A is seeded with defects; everything that B may hold is copied to it."""
    with Emulator(quirks={"unknown_picklist": "reject"}) as emulator:
        a, b = emulator.orgs["india"], emulator.orgs["us"]
        defects = emulator.seed("india", RECORDS, SEED, DEFECTS)
        for module in MODULES:
            b.add_field(
                module, field_label="Source Record ID", api_name=KEY, data_type="text", unique={"case_sensitive": False}
            )
        with sign_in(a) as caller_a, sign_in(b) as caller_b:
            pairs = copy(a, b, caller_a, caller_b, {one["id"] for one in defects})
            yield Copied(emulator, a, b, (caller_a, caller_b), defects, pairs)


def sign_in(org: OrgHandle) -> Caller:
    names = ("name", "base_url", "accounts_url", "client_id", "client_secret")
    return Caller.sign_in({name: getattr(org, name) for name in names}, org.new_grant())


def copy(
    a: OrgHandle, b: OrgHandle, caller_a: Caller, caller_b: Caller, refused: set[str]
) -> dict[str, dict[str, str]]:
    zgid = caller_a.get("org")["org"][0]["zgid"]
    users = {one["email"]: one["id"] for one in caller_b.get("users", type="ActiveConfirmedUsers")["users"]}
    pairs: dict[str, dict[str, str]] = {module: {} for module in MODULES}
    for module in MODULES:
        table = TABLES[module]
        for record in a.records(module):  # parents were made before their children
            values = {name: record[name] for name in (*table.same, *table.instants)}
            linked = {name: (record[name] or {}).get("id") for name in table.lookups}
            waits = [name for name, number in linked.items() if number and number not in pairs[table.lookups[name]]]
            if record["id"] in refused or waits:
                continue
            values |= {name: pairs[table.lookups[name]][number] for name, number in linked.items() if number}
            values |= {"Owner": users.get(record["Owner"]["email"], users[DEFAULT_OWNER])}
            pairs[module][record["id"]] = b.insert_raw(module, {**values, KEY: f"{zgid}:{record['id']}"})
    return pairs
