"""Edits by hand in the target: which fields they are in, and what a write without an answer carried instead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None
oldest_code = "0008"  # what older code leaves NULL is not known, as it was before

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS = (("agreed", "drifted"), ("intents", "fields"))


def upgrade() -> None:
    for table, name in COLUMNS:
        op.add_column(table, sa.Column(name, Text, nullable=True))


def downgrade() -> None:
    for table, name in COLUMNS:
        op.drop_column(table, name)
