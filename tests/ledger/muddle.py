"""A ledger full of rows that databases like to sort differently: texts of mixed case and accents, ties, NULLs."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, Float, Table, Text, insert

from daemon.core.outcome import OUTCOMES
from daemon.ledger.columns import UtcTime
from daemon.ledger.database import Database
from daemon.ledger.tables import causes, cycles, metadata

RECORD = "5100000000000002126"
WORDS = ("Zebra", "apple", "Apple", "Äpfel", "a b", "a-b", "_a", "éa", "ab", "aB")
IDS = (RECORD, *(f"510000000000000{n}" for n in (9, 10, 11, 100)))
ROWS = 120
START = datetime(2026, 5, 4, 20, 0, tzinfo=UTC)
SAID = {
    ("retry_queue", "state"): ("due", "held", "dead"),
    ("cycles", "lane"): ("poll", "retry"),
    ("retry_queue", "cause_id"): range(1, 9),
    ("changes", "cycle_id"): range(1, 30),
    ("id_map", "entity_id"): [f"e{n}" for n in range(60)],
}


def muddle(database: Database, seed: int = 4711) -> None:
    """Fill every table but `meta`, the same way each time; rows whose key is there already are left out."""
    dice = random.Random(seed)
    first = [causes, cycles]
    others = [table for table in metadata.sorted_tables if table not in first and table.name != "meta"]
    with database.transaction(database.migrator()) as connection:
        for table in [*first, *others]:
            unique = [[c.name for c in table.primary_key], *_unique(table)]
            seen: list[set[tuple[Any, ...]]] = [set() for _ in unique]
            rows = []
            for number in range(1, ROWS + 1):
                row = {column.name: _value(dice, table, column, number) for column in table.columns}
                if table is cycles:
                    row["seen"] = sum(row[outcome] for outcome in OUTCOMES)
                keys = [tuple(row[name] for name in names) for names in unique]
                if not any(key in known for key, known in zip(keys, seen, strict=True)):
                    for key, known in zip(keys, seen, strict=True):
                        known.add(key)
                    rows.append(row)
            connection.execute(insert(table), rows)


def _unique(table: Table) -> list[list[str]]:
    wanted = {"id_map": [["entity_id", "org", "module"]], "causes": [["stream", "code", "module", "field", "value"]]}
    wanted["alerts"] = [["kind", "subject", "mark"]]  # more than the index asks for, which is of the open ones
    wanted["drops"] = [["stream", "source_id"]]  # the same, of those that stand
    return wanted.get(table.name, [])


def _value(dice: random.Random, table: Table, column: Column[Any], number: int) -> Any:
    said = SAID.get((table.name, column.name))
    if column.name == "id":
        value: Any = number
    elif said:
        value = dice.choice(list(said))
    elif column.nullable and dice.random() < 0.3:
        value = None
    elif isinstance(column.type, UtcTime | DateTime):
        value = START + timedelta(hours=dice.randrange(40))
    elif isinstance(column.type, Float):
        value = float(dice.randrange(1, 5))
    elif not isinstance(column.type, Text):
        value = dice.randrange(5)
    else:
        value = dice.choice(IDS if column.name.endswith("_id") else WORDS)
    return value
