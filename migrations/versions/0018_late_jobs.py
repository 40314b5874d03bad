"""Bulk write jobs that were given up before their end was seen: any number of them, beside the one that is at work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
oldest_code = "0008"  # older code watches for none of these; the newer one does when it runs again

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
GIVEN_UP = "FROM backfills WHERE write_until IS NOT NULL AND write_sent_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "late_jobs",
        sa.Column("stream", Text, primary_key=True),
        sa.Column("until", Time, primary_key=True),
        sa.Column("job_id", Text, nullable=True),
    )
    op.execute(f"INSERT INTO late_jobs (stream, until, job_id) SELECT stream, write_until, write_job_id {GIVEN_UP}")
    op.execute("UPDATE backfills SET write_until = NULL, write_job_id = NULL WHERE write_sent_at IS NULL")


def downgrade() -> None:
    op.drop_table("late_jobs")
