"""An index from a cycle to its changes: without it, each cycle that is removed would read all changes."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_changes_cycle", "changes", ["cycle_id"])


def downgrade() -> None:
    op.drop_index("ix_changes_cycle", "changes")
