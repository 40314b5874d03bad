"""What a person dropped from the retry queue: who, when and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
oldest_code = "0008"  # a table of its own; older code would only try again what was dropped

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # as 0008 made the others
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "drops",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        *(sa.Column(name, Text, nullable=False) for name in ("stream", "source_id")),
        sa.Column("source_modified_time", Time, nullable=True),
        *(sa.Column(name, Text, nullable=False) for name in ("code", "detail")),
        sa.Column("dropped_at", Time, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in ("who", "reason")),
        sa.Column("ended_at", Time, nullable=True),
    )
    still = sa.text("ended_at IS NULL")
    standing = {"unique": True, "sqlite_where": still, "postgresql_where": still}
    op.create_index("uq_drops_standing", "drops", ["stream", "source_id"], **standing)
    op.create_index("ix_drops_source", "drops", ["source_id"])


def downgrade() -> None:
    op.drop_table("drops")
