"""Both directions: what the source held when agreed, conflicts; what has left an org; texts that were cut."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("changes", sa.Column("cut", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("intents", sa.Column("promise", sa.Text(), nullable=True))
    op.create_table(
        "baselines",
        *(_text(name) for name in ("entity_id", "stream")),
        sa.Column("columns", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("held", sa.Text(), nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("entity_id", "stream"),
    )
    op.create_table(
        "conflicts",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        *(_text(name) for name in ("stream", "source_id", "target_id", "field")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("source_value", "target_value")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("source_author", "target_author")),
        *(sa.Column(name, Time, nullable=True) for name in ("source_time", "target_time")),
        *(_text(name) for name in ("rule", "winner")),
        sa.Column("at", Time, nullable=False),
    )
    op.create_index("ix_conflicts_stream", "conflicts", ["stream", "id"])
    op.create_index("ix_conflicts_at", "conflicts", ["at"])
    op.create_table(
        "exports",
        *(_text(name) for name in ("route", "source", "source_module", "field")),
        *(_text(name) for name in ("target", "data_center")),
        *(sa.Column(name, Time, nullable=False) for name in ("first_at", "last_at")),
        sa.Column("records", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("route", "source_module", "field", "data_center"),
    )


def downgrade() -> None:
    op.drop_table("exports")
    op.drop_table("conflicts")
    op.drop_table("baselines")
    op.drop_column("intents", "promise")
    op.drop_column("changes", "cut")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
