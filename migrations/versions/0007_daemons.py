"""Several daemons on one ledger: who they are, which streams they run, and how often they asked for tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("owner", sa.Text(), nullable=True))
    op.create_table(
        "daemons",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "host")),
        sa.Column("pid", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("version", sa.Text(), nullable=False),
        *(sa.Column(name, Time, nullable=False) for name in ("started_at", "expires_at")),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "renewals",
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.PrimaryKeyConstraint("credential", "at"),
    )


def downgrade() -> None:
    op.drop_table("renewals")
    op.drop_table("daemons")
    op.drop_column("checkpoints", "owner")
