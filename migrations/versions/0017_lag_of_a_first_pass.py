"""No lag while a first pass goes on: by then the target was never what the source is, only a part of it."""
# ruff: noqa: S608 - the views are put together from their own texts

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
oldest_code = "0008"  # the same views with the same columns

VIEWS = ("v_streams", "v_lag")
TOLD = r"CASE(\s+WHEN [^\n]+?\s+ELSE [^\n]+?\s+END AS lag_s)"
SHOWN = r"CASE\s+WHEN \S*caught_up_at IS NULL\)? THEN NULL[^\n]*?(\s+WHEN [^\n]+?\s+ELSE [^\n]+?\s+END AS lag_s)"


def upgrade() -> None:
    change(TOLD, r"CASE WHEN {}caught_up_at IS NULL THEN NULL\1")


def downgrade() -> None:
    change(SHOWN, r"CASE\1")


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
        changed, places = re.subn(found, put.format("s." if view == "v_streams" else ""), str(query))
        if places != 1:
            raise RuntimeError(f"{view} tells the lag in {places} places")
        op.execute(changed)
