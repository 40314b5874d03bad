"""The rules that a stream's records were read under, one by one: a field that is lost is known from one that is new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("rules", sa.Text(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("checkpoints", "rules")
