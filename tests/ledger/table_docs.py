"""Writes the last part of docs/ledger.md, the tables, from the code: `python -m tests.ledger.table_docs`."""

from __future__ import annotations

from pathlib import Path

from daemon.ledger import own_tables
from daemon.ledger.tables import metadata

FILE = Path(__file__).parents[2] / "docs" / "ledger.md"
MARK = "do not edit -->\n"


def tables() -> str:
    """Every table with its columns, in the order of the code; what daemons keep of themselves last."""
    parts = []
    for table in sorted(metadata.tables.values(), key=lambda one: one.name in vars(own_tables)):
        doc = table.info["doc"]
        head = f"\n### {table.name}\n\n{doc[0].upper()}{doc[1:]}.\n\n| column | what it holds |"
        rows = [f"| {column.name} | {(column.doc or '').replace('|', chr(92) + '|')} |" for column in table.columns]
        parts.append("\n".join([head, "|---|---|", *rows, ""]))
    return "".join(parts)


def main() -> None:
    """Replace what stands behind the mark."""
    before, mark, _ = FILE.read_text(encoding="utf-8").partition(MARK)
    FILE.write_text(before + mark + tables(), encoding="utf-8")


if __name__ == "__main__":
    main()
