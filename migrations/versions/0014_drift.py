"""Edits by hand in the target: which fields they are in, and what a write without an answer carried instead."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
oldest_code = "0008"  # what older code leaves NULL is not known, as it was before

Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS = (("agreed", "drifted"), ("intents", "fields"))


def upgrade() -> None:
    for table, name in COLUMNS:
        op.add_column(table, sa.Column(name, Text, nullable=True))
    remember_reports()


def downgrade() -> None:
    for table, name in COLUMNS:
        op.drop_column(table, name)


def remember_reports() -> None:
    """What is reported to a person now stands after other causes too."""
    connection = op.get_bind()
    reported = connection.execute(
        sa.text(
            "SELECT m.entity_id, q.stream, c.field FROM retry_queue q JOIN causes c ON c.id = q.cause_id "
            "JOIN checkpoints s ON s.stream = q.stream JOIN id_map m ON m.org = s.source "
            "AND m.module = s.source_module AND m.record_id = q.source_id "
            "WHERE c.code = 'DRIFT' AND c.field <> '' AND q.state = 'held'"
        )
    ).all()
    put = sa.text("UPDATE agreed SET drifted = :names WHERE entity_id = :entity AND stream = :stream")
    for entity, stream, names in reported:
        connection.execute(put, {"names": json.dumps(names.split(", ")), "entity": entity, "stream": stream})
