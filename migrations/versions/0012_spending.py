"""What orgsync spends in an org, by ten minutes: what a ceiling of credits is kept by, also across restarts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
oldest_code = "0008"  # a table of its own, which nothing else asks for

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # as 0008 made the others
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("org", Text, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("remaining", Id, nullable=True),
        sa.Column("told_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("org", "at"),
    )


def downgrade() -> None:
    op.drop_table("spending")
