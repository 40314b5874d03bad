"""Deleted records, while they can still be restored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "deletions",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("stream", "source_id")),
        *(sa.Column(name, Time, nullable=False) for name in ("deleted_at", "look_at")),
        sa.PrimaryKeyConstraint("stream", "source_id"),
    )
    op.create_index("ix_deletions_look", "deletions", ["stream", "look_at"])


def downgrade() -> None:
    op.drop_table("deletions")
