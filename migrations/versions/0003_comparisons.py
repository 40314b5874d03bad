"""Fuses, full comparisons, and what they need to know of streams and agreed records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def maybe(name: str, kind: sa.types.TypeEngine[object] | None = None) -> sa.Column[object]:
    return sa.Column(name, kind or sa.Text(), nullable=True)


def time(name: str) -> sa.Column[object]:
    return sa.Column(name, Time, nullable=False)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def upgrade() -> None:
    op.add_column("checkpoints", maybe("read_at", Time))
    op.add_column("checkpoints", maybe("target_schema"))
    op.add_column("agreed", maybe("source_comparison", Id))
    op.add_column("agreed", maybe("target_comparison", Id))
    op.create_table(
        "fuses",
        *(sa.Column("id", Id, nullable=False), text("stream"), text("kind")),
        *(number("count"), number("base"), number("allowed"), text("examples"), time("blown_at")),
        *(maybe("released_at", Time), maybe("accepted", Id), maybe("reason"), maybe("spent_at", Time)),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_fuses_stream", "fuses", ["stream", "spent_at"])
    op.create_table(
        "comparisons",
        *(sa.Column("id", Id, nullable=False), text("stream"), text("reason"), time("started_at")),
        *(maybe("finished_at", Time), text("side"), time("modified_time"), text("record_id")),
        *map(number, ("source_seen", "target_seen", "differing", "missing", "drifted", "gone", "strangers")),
        *(number("credits"), number("credits_today"), time("day_began_at")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_comparisons_stream", "comparisons", ["stream", "id"])


def downgrade() -> None:
    op.drop_table("comparisons")
    op.drop_table("fuses")
    for table, column in (
        ("agreed", "target_comparison"),
        ("agreed", "source_comparison"),
        ("checkpoints", "target_schema"),
        ("checkpoints", "read_at"),
    ):
        op.drop_column(table, column)
