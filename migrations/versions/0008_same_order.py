"""On both databases the same order of texts, and what each day cost.

SQLite compares texts by their bytes; Postgres by the language of its database, unless a column says otherwise.
"""
# ruff: noqa: S608 - the statements are put together from the database's own names and from names in this file

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
oldest_code = "0006"  # nothing is missing that it asks for, and nothing is there that it must fill

COUNTS = (
    *("seen", "created", "updated", "adopted", "deleted", "flagged", "unchanged"),
    *("filtered", "held", "conflict", "retrying", "dead", "credits_source", "credits_target"),
)


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        collate("C", beside="default")
    day = {
        "sqlite": "substr(y.started_at, 1, 10)",
        "postgresql": """(to_char(y.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') COLLATE "C")""",
    }[dialect]
    sums = ", ".join(f"CAST(sum(y.{name}) AS BIGINT) AS {name}" for name in COUNTS)
    op.execute(
        f"CREATE VIEW v_days AS SELECT {day} AS day, y.stream, c.source, c.target, count(*) AS cycles, {sums} "
        f"FROM cycles y LEFT JOIN checkpoints c ON c.stream = y.stream "
        f"GROUP BY {day}, y.stream, c.source, c.target"
    )


def downgrade() -> None:
    op.execute("DROP VIEW v_days")
    if op.get_context().dialect.name == "postgresql":
        collate("default", beside="C")


def collate(collation: str, beside: str) -> None:
    """Every text column of the ledger's tables that has the collation `beside` gets the other one. No row is written
    anew, but every index with a text in it is. Views stand in the way of it, so they go and come back.
    """
    connection = op.get_bind()
    here = "n.nspname = current_schema()"
    views = connection.execute(
        sa.text(
            "SELECT c.relname AS name, pg_get_viewdef(c.oid) AS query FROM pg_class c "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND {here} ORDER BY c.oid"
        )
    ).all()
    columns = connection.execute(
        sa.text(
            "SELECT c.relname AS place, string_agg(format('ALTER COLUMN %I TYPE text COLLATE %I', a.attname, "
            "CAST(:collation AS text)), ', ' ORDER BY a.attnum) AS changes "
            "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_collation k ON k.oid = a.attcollation "
            f"WHERE c.relkind = 'r' AND {here} AND a.atttypid = 'text'::regtype AND k.collname = :beside "
            "GROUP BY c.relname ORDER BY c.relname"
        ),
        {"collation": collation, "beside": beside},
    ).all()
    for view in reversed(views):
        op.execute(f'DROP VIEW "{view.name}"')
    for table in columns:
        op.execute(f'ALTER TABLE "{table.place}" {table.changes}')
    for view in views:
        op.execute(f'CREATE VIEW "{view.name}" AS {view.query}')
