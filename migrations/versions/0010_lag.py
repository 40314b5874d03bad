"""No lag below nothing: where the source's clock is ahead of ours, its changes arrive before they were made."""
# ruff: noqa: S608 - the views are put together from texts of this file

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
oldest_code = "0008"  # the same views with the same columns

OUTCOMES = (
    *("created", "updated", "adopted", "deleted", "flagged", "unchanged"),
    *("filtered", "held", "conflict", "retrying", "dead"),
)
# By name: on Postgres c.* would tie the view to columns of later revisions, which could not go any more.
COLUMNS = (
    *("stream", "modified_time", "record_id", "trouble"),
    *("polled_at", "poll_s", "caught_up_at", "current_until"),
)


def upgrade() -> None:
    make(lambda lag: f"CASE WHEN {lag} < 0 THEN 0 ELSE {lag} END")


def downgrade() -> None:
    make(lambda lag: lag)


def make(bounded) -> None:  # type: ignore[no-untyped-def]
    """Both views that tell a lag. Replaced on Postgres, so that whoever may read them still may."""
    dialect = op.get_context().dialect.name
    for name, query in views(dialect, bounded).items():
        if dialect == "sqlite":
            op.execute(f"DROP VIEW {name}")
        op.execute(f"CREATE {'' if dialect == 'sqlite' else 'OR REPLACE '}VIEW {name} AS {query}")


def views(dialect, bounded):  # type: ignore[no-untyped-def]
    """As 0001 made them, but for the lag."""

    def age(moment: str) -> str:
        if dialect == "sqlite":
            return f"(CAST(strftime('%s', 'now') AS INTEGER) - CAST(strftime('%s', {moment}) AS INTEGER))"
        return f"CAST(floor(extract(epoch FROM (now() - {moment}))) AS BIGINT)"

    def queued(state: str) -> str:
        return f"(SELECT count(*) FROM retry_queue q WHERE q.stream = c.stream AND q.state = '{state}') AS {state}"

    def total(table: str) -> str:
        return " + ".join(f"{table}.{outcome}" for outcome in OUTCOMES)

    return {
        "v_streams": f"""
SELECT s.stream,
       CASE WHEN s.off > 0 THEN 'unbalanced'
            WHEN s.trouble IS NOT NULL THEN 'stopped'
            WHEN s.polled_at IS NULL OR {age("s.polled_at")} > 3 * s.poll_s + 60 THEN 'silent'
            WHEN s.caught_up_at IS NULL THEN 'behind'
            WHEN s.held + s.dead > 0 THEN 'held'
            ELSE 'ok' END AS health,
       {bounded(age("s.current_until"))} AS lag_s, s.modified_time AS checkpoint_time, s.record_id AS checkpoint_id,
       s.polled_at, s.caught_up_at, s.due, s.held, s.dead,
       s.last_cycle_id, coalesce(l.finished_at, l.started_at) AS last_cycle_at, l.seen AS last_seen,
       CASE WHEN l.id IS NULL THEN NULL WHEN l.seen <> {total("l")} THEN 'off' ELSE 'ok' END AS last_balance,
       s.trouble
FROM (SELECT {", ".join(f"c.{column}" for column in COLUMNS)},
             {queued("due")}, {queued("held")}, {queued("dead")},
             (SELECT count(*) FROM cycles y WHERE y.stream = c.stream AND y.seen <> {total("y")}) AS off,
             (SELECT max(y.id) FROM cycles y WHERE y.stream = c.stream) AS last_cycle_id
      FROM checkpoints c) s
LEFT JOIN cycles l ON l.id = s.last_cycle_id""",
        "v_lag": f"""
SELECT stream, {bounded(age("current_until"))} AS lag_s, current_until, {age("polled_at")} AS polled_s, poll_s
FROM checkpoints""",
    }
