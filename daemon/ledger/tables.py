"""The ledger's tables. Names of tables and columns are a public interface: people read them with SQL.

Every column says in `doc` what it holds. All times are UTC; ids are texts, as Zoho gives them; no value of a record
is stored except in `causes.value`, where it names a cause. The schema in use is the one of migrations/; a test proves
that both are equal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    column,
    text,
)

from daemon.core.settle import OUTCOMES
from daemon.ledger.errors import NaiveTime

HEAD: Final = "0001"
"""The revision that this code reads and writes."""

TALLY: Final = " + ".join(OUTCOMES)
metadata: Final = MetaData()
_Id: Final = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as UTC. SQLite has no type for it and gets `YYYY-MM-DD HH:MM:SS.ffffff`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveTime("the ledger takes times with an offset only; this one has none")
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _text(name: str, doc: str, *, key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, server_default=default, doc=doc)


def _maybe(name: str, doc: str) -> Column[str | None]:
    return Column(name, Text, nullable=True, doc=doc)


def _time(name: str, doc: str) -> Column[datetime]:
    return Column(name, UtcTime, nullable=False, doc=doc)


def _maybe_time(name: str, doc: str) -> Column[datetime | None]:
    return Column(name, UtcTime, nullable=True, doc=doc)


def _number(name: str, doc: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0", doc=doc)


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True, doc="number of the row, growing")


meta = Table(
    "meta",
    metadata,
    _text("name", "name of the value: digest_key, ledger_id", key=True),
    _text("value", "the value; digest_key is the secret of the digests"),
    info={"doc": "what is true of the ledger as a whole"},
)

orgs = Table(
    "orgs",
    metadata,
    _text("name", "name of the org in settings.toml", key=True),
    _text("zgid", "Zoho's own number of the org"),
    _text("data_center", "data centre: us eu in au jp cn ca sa, or the address of a sandbox"),
    _time("first_seen_at", "when its credential was first used"),
    info={"doc": "the Zoho orgs that this ledger knows"},
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _text("stream", "address of the stream, route/Module", key=True),
    _text("route", "the route"),
    _text("source", "name of the org that is read"),
    _text("target", "name of the org that is written"),
    _text("source_module", "module in the source"),
    _text("target_module", "module in the target"),
    _time("modified_time", "every change up to (modified_time, record_id) has an outcome"),
    _text("record_id", "record id of the checkpoint; 0 is before every record of that second"),
    _maybe_time("deleted_until", "every deletion up to here has an outcome; NULL while deletions are not read"),
    _text("rules_version", "version of the mapping that the records were read under"),
    _number("epoch", "number of the claim on the stream; a daemon with an older one may not commit"),
    _text("first_run", "how the first run treats a target that holds records: refuse, create, match"),
    _time("started_at", "when the stream, or its latest full reading, began"),
    _maybe_time("caught_up_at", "when it first reached the present; NULL while it still catches up"),
    _maybe_time("polled_at", "when the source was last asked"),
    _maybe_time("current_until", "the target shows the source as it was at this time"),
    Column("poll_s", Float, nullable=False, doc="seconds between two polls"),
    _maybe("trouble", "why the stream stands still; NULL when it runs"),
    _maybe_time("trouble_since", "since when it stands still"),
    info={"doc": "one row a stream: how far it has come and how it is"},
)

id_map = Table(
    "id_map",
    metadata,
    _text("entity_id", "the thing that lives in several orgs"),
    _text("org", "name of the org", key=True),
    _text("module", "module in that org", key=True),
    _text("record_id", "the record that stands for the thing there", key=True),
    _text("state", "live", default="live"),
    _time("linked_at", "when it was linked"),
    UniqueConstraint("entity_id", "org", "module", name="uq_id_map_entity"),
    info={"doc": "which record stands for one thing in each org: at most one per org and module"},
)

agreed = Table(
    "agreed",
    metadata,
    _text("entity_id", "the thing", key=True),
    _text("stream", "the stream that wrote it", key=True),
    _text("source_digest", "digest of the whole translation that the target confirmed"),
    _maybe("target_digest", "digest of the target's record as read back; NULL when it was not"),
    _text("field_digests", "JSON object: target field -> digest of the value that the target confirmed"),
    _maybe_time("target_modified_time", "Modified_Time that the write returned"),
    _time("agreed_at", "when the target confirmed it"),
    info={"doc": "what the target confirmed last, as digests"},
)

intents = Table(
    "intents",
    metadata,
    _text("stream", "the stream", key=True),
    _text("source_id", "record id in the source", key=True),
    _text("action", "create or update"),
    _maybe("target_id", "record id in the target, when it is known"),
    _time("sent_at", "when the call began, or was about to"),
    _text("match", "JSON object: the values by which the record is found again"),
    _number("epoch", "claim under which it was sent"),
    info={"doc": "writes whose answer is not in yet; after a crash the target is asked about them"},
)

causes = Table(
    "causes",
    metadata,
    _id(),
    _text("stream", "the stream"),
    _text("code", "Zoho's code, or one of orgsync's own"),
    _text("module", "module that the cause is in"),
    _text("field", "field that the cause is in; empty when it is in none"),
    _text("value", "the value that is refused (picklists, lookups, owners only); else empty"),
    _time("first_seen_at", "when it first came up"),
    _number("open_count", "rows of the retry queue with this cause; 0 is history"),
    _text("remedy", "what to do"),
    UniqueConstraint("stream", "code", "module", "field", "value", name="uq_causes"),
    info={"doc": "failures that have one reason, replayed as one"},
)

retry_queue = Table(
    "retry_queue",
    metadata,
    _text("stream", "the stream", key=True),
    _text("source_id", "record id in the source", key=True),
    _text("kind", "record", default="record"),
    _text("state", "due: tried again by itself; held: waits for a parent or a person; dead: given up"),
    _number("attempts", "tries so far; an edit in the source counts anew"),
    _time("first_seen_at", "when it entered the queue"),
    _maybe_time("due_at", "when it is tried next; NULL while only an event wakes it"),
    Column("cause_id", _Id, ForeignKey("causes.id", name="fk_retry_queue_cause"), nullable=False, doc="its cause"),
    _text("detail", "what was seen, in a sentence"),
    _time("source_modified_time", "Modified_Time of the version that was tried"),
    _maybe("waits_module", "module of the parent that it waits for"),
    _maybe("waits_id", "record id of that parent in the source"),
    _text("route", "the route, so that parents wake the children of other streams"),
    CheckConstraint("state IN ('due', 'held', 'dead')", name="ck_retry_queue_state"),
    info={"doc": "records that are not in the target yet, and why"},
)
Index("ix_retry_queue_due", retry_queue.c.stream, retry_queue.c.state, retry_queue.c.due_at)
Index("ix_retry_queue_cause", retry_queue.c.cause_id)
Index(
    "ix_retry_queue_waits",
    retry_queue.c.waits_id,
    retry_queue.c.waits_module,
    sqlite_where=column("waits_id").is_not(None),
    postgresql_where=column("waits_id").is_not(None),
)

cycles = Table(
    "cycles",
    metadata,
    _id(),
    _text("stream", "the stream"),
    _text("lane", "poll: changes of the source; retry: the retry queue"),
    _time("started_at", "when its first outcomes were stored"),
    _maybe_time("finished_at", "when it ended; NULL while it runs, or when it was killed"),
    _number("seen", "changes that it dealt with: always the sum of the outcomes"),
    *(_number(outcome, f"changes that came to the outcome {outcome!r}") for outcome in OUTCOMES),
    _number("credits_source", "credits spent in the source"),
    _number("credits_target", "credits spent in the target"),
    _maybe("trouble", "why it ended early; NULL when it did not"),
    CheckConstraint(f"seen = {TALLY}", name="ck_cycles_balance"),
    CheckConstraint(" AND ".join(f"{name} >= 0" for name in ("seen", *OUTCOMES)), name="ck_cycles_counts"),
    CheckConstraint("lane IN ('poll', 'retry')", name="ck_cycles_lane"),
    info={"doc": "one run of one stream: what it saw and what became of it"},
)
Index("ix_cycles_stream", cycles.c.stream, cycles.c.id)
Index(
    "ix_cycles_off",
    cycles.c.stream,
    sqlite_where=text(f"seen <> {TALLY}"),
    postgresql_where=text(f"seen <> {TALLY}"),
)

changes = Table(
    "changes",
    metadata,
    _id(),
    Column("cycle_id", _Id, ForeignKey("cycles.id", name="fk_changes_cycle"), nullable=False, doc="the cycle"),
    _text("org", "name of the org that was written"),
    _text("module", "module in that org"),
    _maybe("record_id", "record id in that org; NULL when it never got one"),
    _text("source_id", "record id in the source"),
    _text("action", "create or update"),
    _text("fields", "JSON list: names of the fields that were sent"),
    _text("answer_code", "what Zoho answered"),
    _time("at", "when the answer was stored"),
    _maybe("before", "JSON object: the values before; NULL unless undo is on"),
    info={"doc": "every attempt to write to an org"},
)
Index("ix_changes_record", changes.c.record_id, changes.c.module)
Index("ix_changes_source", changes.c.source_id, changes.c.module)
Index("ix_changes_at", changes.c.at)
