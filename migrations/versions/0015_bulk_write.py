"""First loads that write by bulk write jobs: the job that is at work, and how long it may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
oldest_code = "0008"  # older code does not wait for a job; a record that it makes too is refused for its key

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # as 0008 made the others
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
NAMES = ("writes", "write_job_id", "write_sent_at", "write_until")


def upgrade() -> None:
    op.add_column("backfills", sa.Column("writes", Text, nullable=False, server_default="rest"))
    op.add_column("backfills", sa.Column("write_job_id", Text, nullable=True))
    for name in ("write_sent_at", "write_until"):
        op.add_column("backfills", sa.Column(name, Time, nullable=True))


def downgrade() -> None:
    for name in NAMES:
        op.drop_column("backfills", name)
