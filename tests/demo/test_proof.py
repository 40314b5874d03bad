"""The books: what speaks against queue, balances and the count of creates is found, and found by name."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from daemon.demo.ending import show_proof
from daemon.demo.expected import KEY, MODULES
from daemon.demo.oracle import Difference, Verdict
from daemon.demo.proof import balance_check, once_check, queue_check, source_spent, target_spent
from daemon.demo.screen import Screen

Json = dict[str, Any]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE retry_queue (stream, source_id);"
            "CREATE TABLE v_balance (cycle_id, stream, seen, outcomes, off_by);"
            "INSERT INTO retry_queue VALUES ('r/Leads', '1'); INSERT INTO v_balance VALUES (1, 'r/Leads', 5, 5, 0);"
        )
        db.commit()
    return path


def verdicts(**changed: Any) -> dict[str, Verdict]:
    """One lead is equal, one is missing with a reason; the other modules are empty."""
    all_ = {module: Verdict(module=module, in_a=0, in_b=0) for module in MODULES}
    lead: Json = {"in_a": 2, "in_b": 1, "equal": 1, "missing": {"1": "bad_email"}}
    return {**all_, "Leads": Verdict(module="Leads", **{**lead, **changed})}


def creates(*keys: str, module: str = "Leads", **changed: Any) -> Json:
    records = [{KEY: key} for key in keys]
    entry = {"number": 1, "kind": "insert", "module": module, "executed": True, "codes": {"SUCCESS": len(keys)}}
    return {**entry, "body": {"data": records}, **changed}


def test_the_queue_must_name_the_missing_and_only_them(ledger: Path) -> None:
    assert queue_check(ledger, verdicts()).holds
    assert queue_check(ledger, verdicts(missing={"1": "bad_email", "2": "too_long"})).wrong == (
        "Leads 2 is missing in B and not in the queue",
    )
    assert queue_check(ledger, verdicts(missing={})).wrong == ("Leads 1 is in the queue and not missing in B",)


def test_a_balance_that_is_off_is_named(ledger: Path) -> None:
    assert balance_check(ledger).holds
    with closing(sqlite3.connect(ledger)) as db:
        db.execute("INSERT INTO v_balance VALUES (2, 'r/Deals', 9, 8, 1)")
        db.commit()
    assert balance_check(ledger).wrong == ("cycle 2 of r/Deals is off by 1",)


def test_a_create_that_was_sent_twice_is_named() -> None:
    again = creates("z:7", number=2, codes={"DUPLICATE_DATA": 1})
    assert once_check([creates("z:7")], verdicts(), []).holds
    assert once_check([creates("z:7"), again], verdicts(), []).wrong == ("z:7 was sent as a create by requests 1, 2",)


def test_a_record_that_b_had_to_refuse_may_be_sent_again() -> None:
    refused = creates("z:1", codes={"INVALID_DATA": 1})
    log = [creates("z:7"), refused, {**refused, "number": 2}]
    assert once_check(log, verdicts(), [{"id": "1"}]).holds


def test_b_must_hold_as_many_records_as_it_took() -> None:
    assert once_check([creates("z:7"), creates("z:8")], verdicts(), []).wrong == (
        "B took 2 creates of Leads and holds 1",
    )


def test_a_call_that_b_did_not_carry_out_does_not_count() -> None:
    assert once_check([creates("z:7", executed=False, codes={}), creates("z:7")], verdicts(), []).holds


def test_credits_beside_the_least_possible() -> None:
    meter = {"total": 70, "by_kind": {"insert": 2, "update": 1, "create_field": 40, "coql": 27}}
    b = target_spent(meter, [creates(*map(str, range(11))), creates("x", kind="update")], observed=5)
    assert (b.spent, b.least) == (65, 2 + 1 + 40)
    assert b.parts == "3 for writes, 40 for making the key fields, 22 for reads"
    a = source_spent({"total": 100}, records=4_001, people=60)
    assert (a.spent, a.least) == (40, 9)


def shown(judged: dict[str, Verdict]) -> tuple[bool, str]:
    paper = io.StringIO()
    holds = show_proof(Screen(Console(file=paper, width=120, highlight=False)), judged, [], [])
    return holds, paper.getvalue()


def test_the_table_of_a_proof_that_holds() -> None:
    holds, text = shown(verdicts())
    assert holds
    rows = [line.split() for line in text.splitlines()]
    assert ["Leads", "2", "1", "0", "1", "0", "0", "0"] in rows
    assert ["all", "2", "1", "0", "1", "0", "0", "0"] in rows
    assert "the e-mail address is none" in text


def test_what_speaks_against_it_is_named_with_both_ids() -> None:
    wrong = Difference(module="Leads", source_id="11", target_id="22", field="City", expected="Wien", found=None)
    holds, text = shown(verdicts(equal=0, differing=[wrong]))
    assert not holds
    assert "Leads 11 in A, 22 in B: City should be 'Wien', is None" in text


def test_a_record_that_was_not_judged_speaks_against_it() -> None:
    holds, text = shown(verdicts(in_a=3))
    assert not holds
    assert "3 records in A, and 2 were judged" in text
