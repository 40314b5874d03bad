"""First loads: which way they read, and how far they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
oldest_code = "0008"  # a table of its own, which nothing else asks for

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # as 0008 made the others
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def upgrade() -> None:
    op.create_table(
        "backfills",
        sa.Column("stream", Text, primary_key=True),
        *(sa.Column(name, Text, nullable=False) for name in ("way", "why", "rules_version")),
        *(number("total"), number("counted")),
        *(sa.Column(name, Time, nullable=False) for name in ("horizon", "started_at")),
        sa.Column("job_id", Text, nullable=True),
        sa.Column("job_at", Time, nullable=True),
        *(number("done"), number("older")),
        sa.Column("last_id", Text, nullable=False, server_default="0"),
        sa.Column("ended_at", Time, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("backfills")
