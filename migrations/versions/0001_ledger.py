"""The first ledger: all tables, and the views for people."""
# ruff: noqa: S608 - the queries are put together from names in this file

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OUTCOMES = (
    *("created", "updated", "adopted", "deleted", "flagged", "unchanged"),
    *("filtered", "held", "conflict", "retrying", "dead"),
)
TALLY = " + ".join(OUTCOMES)
OFF = sa.text(f"seen <> {TALLY}")
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def maybe(name: str, kind: sa.types.TypeEngine[object] | None = None) -> sa.Column[object]:
    return sa.Column(name, kind or sa.Text(), nullable=True)


def time(name: str) -> sa.Column[object]:
    return sa.Column(name, Time, nullable=False)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def upgrade() -> None:
    key = sa.PrimaryKeyConstraint
    op.create_table("meta", text("name"), text("value"), key("name"))
    op.create_table("orgs", text("name"), text("zgid"), text("data_center"), time("first_seen_at"), key("name"))
    op.create_table(
        "checkpoints",
        *(text("stream"), text("route"), text("source"), text("target"), text("source_module"), text("target_module")),
        *(time("modified_time"), text("record_id"), maybe("deleted_until", Time), text("rules_version")),
        *(number("epoch"), text("first_run"), time("started_at"), maybe("caught_up_at", Time)),
        *(maybe("polled_at", Time), maybe("current_until", Time), sa.Column("poll_s", sa.Float(), nullable=False)),
        *(maybe("trouble"), maybe("trouble_since", Time)),
        key("stream"),
    )
    op.create_index("ix_checkpoints_route", "checkpoints", ["route", "source_module"])
    op.create_table(
        "id_map",
        *(text("entity_id"), text("org"), text("module"), text("record_id"), text("state", "live"), time("linked_at")),
        key("org", "module", "record_id"),
        sa.UniqueConstraint("entity_id", "org", "module", name="uq_id_map_entity"),
    )
    op.create_table(
        "agreed",
        *(text("entity_id"), text("stream"), text("source_digest"), maybe("target_digest"), text("field_digests")),
        *(maybe("target_modified_time", Time), time("agreed_at")),
        key("entity_id", "stream"),
    )
    op.create_table(
        "intents",
        *(text("stream"), text("source_id"), text("action"), maybe("target_id"), time("sent_at"), text("match")),
        number("epoch"),
        key("stream", "source_id"),
    )
    op.create_table(
        "causes",
        *(sa.Column("id", Id, nullable=False), text("stream"), text("code"), text("module"), text("field")),
        *(text("value"), time("first_seen_at"), number("open_count"), text("remedy")),
        key("id"),
        sa.UniqueConstraint("stream", "code", "module", "field", "value", name="uq_causes"),
    )
    op.create_table(
        "retry_queue",
        *(text("stream"), text("source_id"), text("kind", "record"), text("state"), number("attempts")),
        *(time("first_seen_at"), maybe("due_at", Time), sa.Column("cause_id", Id, nullable=False), text("detail")),
        *(time("source_modified_time"), maybe("waits_module"), maybe("waits_id"), text("route")),
        key("stream", "source_id"),
        sa.CheckConstraint("state IN ('due', 'held', 'dead')", name="ck_retry_queue_state"),
        sa.ForeignKeyConstraint(["cause_id"], ["causes.id"], name="fk_retry_queue_cause"),
    )
    op.create_index("ix_retry_queue_due", "retry_queue", ["stream", "state", "due_at", "source_id"])
    op.create_index("ix_retry_queue_cause", "retry_queue", ["cause_id"])
    waits = sa.text("waits_id IS NOT NULL")
    op.create_index(
        "ix_retry_queue_waits", "retry_queue", ["waits_id", "waits_module"], sqlite_where=waits, postgresql_where=waits
    )
    op.create_table(
        "cycles",
        *(sa.Column("id", Id, nullable=False), text("stream"), text("lane"), time("started_at")),
        *(maybe("finished_at", Time), number("seen"), *map(number, OUTCOMES)),
        *(number("credits_source"), number("credits_target"), maybe("trouble")),
        key("id"),
        sa.CheckConstraint(f"seen = {TALLY}", name="ck_cycles_balance"),
        sa.CheckConstraint(" AND ".join(f"{name} >= 0" for name in ("seen", *OUTCOMES)), name="ck_cycles_counts"),
        sa.CheckConstraint("lane IN ('poll', 'retry')", name="ck_cycles_lane"),
    )
    op.create_index("ix_cycles_stream", "cycles", ["stream", "id"])
    op.create_index("ix_cycles_off", "cycles", ["stream"], sqlite_where=OFF, postgresql_where=OFF)
    op.create_table(
        "changes",
        *(sa.Column("id", Id, nullable=False), sa.Column("cycle_id", Id, nullable=False), text("org"), text("module")),
        *(maybe("record_id"), text("source_id"), text("action"), text("fields"), text("answer_code"), time("at")),
        maybe("before"),
        key("id"),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycles.id"], name="fk_changes_cycle"),
    )
    op.create_index("ix_changes_record", "changes", ["record_id", "module"])
    op.create_index("ix_changes_source", "changes", ["source_id", "module"])
    op.create_index("ix_changes_at", "changes", ["at"])
    for name, query in views(op.get_context().dialect.name).items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    for name in ("v_streams", "v_stuck", "v_lag", "v_history", "v_balance"):
        op.execute(f"DROP VIEW {name}")
    for name in ("changes", "cycles", "retry_queue", "causes", "intents", "agreed", "id_map", "checkpoints"):
        op.drop_table(name)
    op.drop_table("orgs")
    op.drop_table("meta")


def views(dialect: str) -> dict[str, str]:
    """The same columns on both databases; only the seconds since a time are said differently."""

    def age(moment: str) -> str:
        if dialect == "sqlite":
            return f"(CAST(strftime('%s', 'now') AS INTEGER) - CAST(strftime('%s', {moment}) AS INTEGER))"
        return f"CAST(floor(extract(epoch FROM (now() - {moment}))) AS BIGINT)"

    def queued(state: str) -> str:
        return f"(SELECT count(*) FROM retry_queue q WHERE q.stream = c.stream AND q.state = '{state}') AS {state}"

    return {
        "v_streams": f"""
SELECT s.stream,
       CASE WHEN s.off > 0 THEN 'unbalanced'
            WHEN s.trouble IS NOT NULL THEN 'stopped'
            WHEN s.polled_at IS NULL OR {age("s.polled_at")} > 3 * s.poll_s + 60 THEN 'silent'
            WHEN s.caught_up_at IS NULL THEN 'behind'
            WHEN s.held + s.dead > 0 THEN 'held'
            ELSE 'ok' END AS health,
       {age("s.current_until")} AS lag_s, s.modified_time AS checkpoint_time, s.record_id AS checkpoint_id,
       s.polled_at, s.caught_up_at, s.due, s.held, s.dead,
       s.last_cycle_id, coalesce(l.finished_at, l.started_at) AS last_cycle_at, l.seen AS last_seen,
       CASE WHEN l.id IS NULL THEN NULL WHEN l.seen <> {_sum("l")} THEN 'off' ELSE 'ok' END AS last_balance,
       s.trouble
FROM (SELECT c.*, {queued("due")}, {queued("held")}, {queued("dead")},
             (SELECT count(*) FROM cycles y WHERE y.stream = c.stream AND y.seen <> {_sum("y")}) AS off,
             (SELECT max(y.id) FROM cycles y WHERE y.stream = c.stream) AS last_cycle_id
      FROM checkpoints c) s
LEFT JOIN cycles l ON l.id = s.last_cycle_id""",
        "v_stuck": f"""
SELECT c.id AS cause_id, c.stream, c.code, c.module, c.field, c.value, q.state, count(*) AS records,
       {age("min(q.first_seen_at)")} AS oldest_s, min(q.due_at) AS next_due_at, min(q.source_id) AS example_id,
       c.remedy
FROM retry_queue q JOIN causes c ON c.id = q.cause_id
GROUP BY c.id, c.stream, c.code, c.module, c.field, c.value, q.state, c.remedy""",
        "v_lag": f"""
SELECT stream, {age("current_until")} AS lag_s, current_until, {age("polled_at")} AS polled_s, poll_s
FROM checkpoints""",
        "v_history": """
SELECT h.id AS change_id, h.at, y.stream, h.cycle_id, h.action, h.org, h.module, h.source_id,
       h.record_id AS target_id, h.fields, h.answer_code
FROM changes h JOIN cycles y ON y.id = h.cycle_id
ORDER BY h.id DESC""",
        "v_balance": f"""
SELECT y.id AS cycle_id, y.stream, y.lane, y.started_at, y.finished_at, y.seen, {_sum("y")} AS outcomes,
       y.seen - ({_sum("y")}) AS off_by
FROM cycles y""",
    }


def _sum(table: str) -> str:
    return " + ".join(f"{table}.{outcome}" for outcome in OUTCOMES)
