"""No question that is asked every cycle reads a whole table."""

import json
import re

import pytest
from sqlalchemy import Engine, event

from daemon.core.translate import Parent


@pytest.fixture
def plans(file):
    """The query plan of every statement that runs while the fixture is in use, in the words of SQLite."""
    seen = []

    def listen(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            values = parameters[0] if executemany else parameters
            explain = _sqlite if connection.dialect.name == "sqlite" else _postgres
            seen.append((statement, explain(connection.connection.driver_connection, statement, values)))

    event.listen(Engine, "before_cursor_execute", listen)
    yield seen
    event.remove(Engine, "before_cursor_execute", listen)


def _sqlite(driver, statement, values):
    return [row[3] for row in driver.execute("EXPLAIN QUERY PLAN " + statement, values)]


def _postgres(driver, statement, values):
    """Without what it does with tables of a few rows, which is to read them whole."""
    with driver.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement, values)
        (answer,) = cursor.fetchone()
        cursor.execute("SET LOCAL enable_seqscan = on")
    return list(_steps((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))


def _steps(node):
    if "Scan" in node["Node Type"] and ("Relation Name" in node or "Index Name" in node):
        where = node.get("Relation Name", node.get("Index Name"))
        parts = node.get("Plans", [])  # of a bitmap: it seeks where they do
        sought = "Index Cond" in node or "TID Cond" in node or (parts and node["Node Type"] == "Bitmap Heap Scan")
        yield f"SEARCH {where}" if sought else f"SCAN {where}"
    for inner in node.get("Plans", []):
        yield from _steps(inner)


@pytest.fixture
def scans(plans):
    """The steps that read a whole table or sort one (the values of a statement are none)."""
    none = ("CONSTANT", "json_each")
    return lambda: [
        step for _, steps in plans for step in steps if step.startswith("SCAN") and not any(one in step for one in none)
    ]


def test_questions_before_a_cycle_use_an_index(ledger, contacts, make, scans, plans):
    ids = [str(n) for n in range(2_000)]
    ledger.links(contacts, ids)
    ledger.counterparts(contacts, [Parent(module="Accounts", record_id=i) for i in ids], {"Accounts": "Accounts"})
    ledger.linked_targets("us", "Contacts", ids)
    ledger.waiting(contacts, ids)
    ledger.due(contacts, make.now, 500)
    ledger.open_intents(contacts, ids)
    ledger.stream_state(contacts)
    assert len(plans) == 7
    assert scans() == []


@pytest.mark.sqlite
def test_a_statement_about_many_ids_begins_with_them_and_seeks_each_in_an_index(ledger, contacts, make, plans):
    page = make.page({"created": 1}, linked=[make.linked("1", "91")], dequeued=["4"], closed_intents=["1"])
    ledger.settle(contacts, page, None, make.now)
    ledger.links(contacts, ["1"])
    ledger.waiting(contacts, ["1"])
    ledger.open_intents(contacts, ["1"])
    ledger.stand_for(contacts, ["91"])
    ledger.counterparts(contacts, [Parent(module="Accounts", record_id="1")], {"Accounts": "Accounts"})
    ledger.source_records(contacts, ["91"])
    found = [(re.findall(r"(\w+) IN \(SELECT value FROM json_each", one), steps[0]) for one, steps in plans if steps]
    asked = [("rowid" if name == "id" else name, steps) for names, steps in found for name in names]
    assert len(asked) > 8
    assert [(name, steps) for name, steps in asked if f"{name}=?" not in steps] == []


@pytest.mark.sqlite
def test_due_rows_are_read_in_the_order_of_the_index(ledger, contacts, make, plans):
    ledger.due(contacts, make.now, 500)
    assert not any("TEMP B-TREE" in step for _, steps in plans for step in steps)


def test_settling_reads_no_whole_table(ledger, accounts, contacts, make, scans):
    page = make.page(
        {"created": 1, "held": 1},
        linked=[make.linked("1", "91"), make.linked("2", "92", None)],
        queued=[make.child("3", "5")],
        dequeued=["4"],
        closed_intents=["1"],
        written=[make.written("1")],
    )
    cycle = ledger.settle(contacts, page, None, make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "95")]), cycle, make.now)
    ledger.retry(make.now, cause_id=1)
    assert set(scans()) <= {"SCAN checkpoints"}  # the target's streams, when a counterpart is replaced


def test_the_story_of_one_record_reads_only_its_rows(reader, scans):
    reader.history("91")
    assert scans() == []


def test_a_page_takes_as_many_statements_as_a_record(ledger, contacts, make, plans):
    sizes = []
    for first, count in ((1_000, 1), (2_000, 300)):
        ids = [str(first + n) for n in range(count)]
        page = make.page(
            {"created": count, "held": count},
            linked=[make.linked(i, f"9{i}") for i in ids],
            queued=[make.child(f"7{i}", "5") for i in ids],
            written=[make.written(i) for i in ids],
        )
        plans.clear()
        ledger.settle(contacts, page, None, make.now)
        sizes.append(len(plans))
    assert sizes[0] == sizes[1]
