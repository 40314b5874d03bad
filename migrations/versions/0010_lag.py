"""No lag below nothing: where the source's clock is ahead of ours, its changes arrive before they were made."""
# ruff: noqa: S608 - the views are put together from their own texts

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
oldest_code = "0008"  # the same views with the same columns

VIEWS = ("v_streams", "v_lag")
PLAIN = {
    "sqlite": r"(\(CAST\(strftime\('%s', 'now'\) AS INTEGER\) - CAST\(strftime\('%s', \S+\) AS INTEGER\)\)) AS lag_s",
    "postgresql": r"(\(floor\(EXTRACT.+) AS lag_s",
}
BOUNDED = r"CASE\s+WHEN [^\n]+?\s+ELSE ([^\n]+?)\s+END AS lag_s"


def upgrade() -> None:
    change(PLAIN[op.get_context().dialect.name], r"CASE WHEN \1 < 0 THEN 0 ELSE \1 END AS lag_s")


def downgrade() -> None:
    change(BOUNDED, r"\1 AS lag_s")


def change(found: str, put: str) -> None:
    """In each view the one place where the lag is told. Replaced on Postgres, so that who may read it still may."""
    connection = op.get_bind()
    for view in VIEWS:
        if connection.dialect.name == "sqlite":
            query = connection.scalar(sa.text(f"SELECT sql FROM sqlite_master WHERE name = '{view}'"))
            op.execute(f"DROP VIEW {view}")
        else:
            shown = connection.scalar(sa.text(f"SELECT pg_get_viewdef('{view}'::regclass)"))
            query = f"CREATE OR REPLACE VIEW {view} AS {shown}"
        changed, places = re.subn(found, put, str(query))
        if places != 1:
            raise RuntimeError(f"{view} tells the lag in {places} places")
        op.execute(changed)
