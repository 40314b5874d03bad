"""Undo: what records held before a write, beside the intent too, and which cycle an undo, or a fuse, is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
oldest_code = "0008"  # older code keeps nothing: what it writes cannot be undone

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = sa.column("before").is_not(None)


def upgrade() -> None:
    op.add_column("intents", sa.Column("before", Text, nullable=True))
    op.add_column("cycles", sa.Column("undoes", Id, nullable=True))
    op.add_column("fuses", sa.Column("cycle_id", Id, nullable=True))
    op.create_index("ix_changes_before", "changes", ["at"], sqlite_where=KEPT, postgresql_where=KEPT)


def downgrade() -> None:
    op.drop_index("ix_changes_before", "changes")
    op.drop_column("fuses", "cycle_id")
    op.drop_column("cycles", "undoes")
    op.drop_column("intents", "before")
