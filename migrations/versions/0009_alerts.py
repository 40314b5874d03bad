"""What a person was told of: each incident once, also across restarts and by several daemons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
oldest_code = "0008"  # a table of its own, which nothing else asks for

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # as 0008 made the others
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        *(sa.Column(name, Text, nullable=False) for name in ("kind", "subject", "mark", "what", "command")),
        sa.Column("opened_at", Time, nullable=False),
        *(sa.Column(name, Time, nullable=True) for name in ("resolved_at", "told_at", "resolution_told_at")),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("try_at", Time, nullable=False),
    )
    still = sa.text("resolved_at IS NULL")
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["kind", "subject", "mark"],
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )


def downgrade() -> None:
    op.drop_table("alerts")
