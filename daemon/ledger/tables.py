"""The ledger's tables: what it knows of orgs, streams and records. What daemons keep of themselves is in own_tables.py,
and with it the `metadata` of all. Names of tables and columns are a public interface: people read them with SQL.

Every column says in `doc` what it holds. All times are UTC; ids are texts, as Zoho gives them; no value of a record
is stored except in `causes.value`, where it names a cause, and sealed in the columns `before`. The schema in use is
the one of migrations/; a test proves that both are equal. On Postgres every text column has the collation "C" besides
(0008): texts sort as in SQLite.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Table, UniqueConstraint, column
from sqlalchemy import text as sql

from daemon.core.outcome import OUTCOMES
from daemon.ledger import own_tables
from daemon.ledger.columns import Id, maybe, maybe_time, number, number_of_row, text, time

HEAD: Final = "0018"
"""The revision that this code reads and writes."""

metadata: Final = own_tables.metadata
TALLY: Final = " + ".join(OUTCOMES)

orgs = Table(
    "orgs",
    metadata,
    text("name", "name of the org in settings.toml", key=True),
    text("zgid", "Zoho's own number of the org"),
    text("data_center", "data centre: us eu in au jp cn ca sa, or the address of a sandbox"),
    time("first_seen_at", "when its credential was first used"),
    info={"doc": "the Zoho orgs that this ledger knows"},
)

checkpoints = Table(
    "checkpoints",
    metadata,
    text("stream", "address of the stream, route/Module", key=True),
    text("route", "the route"),
    text("source", "name of the org that is read"),
    text("target", "name of the org that is written"),
    text("source_module", "module in the source"),
    text("target_module", "module in the target"),
    time("modified_time", "every change up to (modified_time, record_id) has an outcome"),
    text("record_id", "record id of the checkpoint; 0 is before every record of that second"),
    maybe_time("deleted_until", "every deletion up to here has an outcome; NULL while deletions are not read"),
    text("rules_version", "version of the mapping that the records were read under"),
    number("epoch", "number of the claim on the stream; a daemon with an older one may not commit"),
    text(
        "first_run",
        "what a first run does with a full target: refuse, create; match has shown it: seen, match (create the rest)",
    ),
    time("started_at", "when the stream, or its latest full reading, began"),
    maybe_time("caught_up_at", "when it first reached the present; NULL while it still catches up"),
    maybe_time("polled_at", "when the source was last asked"),
    maybe_time(
        "current_until", "the target shows the source as it was at this time, but for what it has shown later (`lag`)"
    ),
    Column("poll_s", Float, nullable=False, doc="seconds between two polls"),
    maybe("trouble", "why the stream stands still; NULL when it runs"),
    maybe_time("trouble_since", "since when it stands still"),
    maybe_time("read_at", "when the source was last read without trouble"),
    maybe("target_schema", "digest of the target's fields; when it changes, held records are tried again"),
    text("rules", "JSON object: field of the target -> version of its rule; empty: the rest", default="{}"),
    maybe("owner", "the daemon that runs it, of several on one ledger (daemons.name); NULL: none, or the only one"),
    info={"doc": "one row a stream: how far it has come and how it is"},
)
Index("ix_checkpoints_route", checkpoints.c.route, checkpoints.c.source_module)

id_map = Table(
    "id_map",
    metadata,
    text("entity_id", "the thing that lives in several orgs"),
    text("org", "name of the org", key=True),
    text("module", "module in that org", key=True),
    text("record_id", "the record that stands for the thing there", key=True),
    text("state", "live; flagged or deleted by orgsync; gone: deleted by somebody else and left", default="live"),
    time("linked_at", "when it was linked"),
    UniqueConstraint("entity_id", "org", "module", name="uq_id_map_entity"),
    info={"doc": "which record stands for one thing in each org: at most one per org and module"},
)

agreed = Table(
    "agreed",
    metadata,
    text("entity_id", "the thing", key=True),
    text("stream", "the stream that wrote it", key=True),
    text("source_digest", "digest of the whole translation that the target confirmed; empty: not known any more"),
    maybe("target_digest", "digest of the target's record as read back; NULL when it was not"),
    text("field_digests", "JSON object: target field -> digest of the value that the target confirmed"),
    maybe_time("target_modified_time", "Modified_Time that the write returned"),
    time("agreed_at", "when the target confirmed it"),
    Column("source_comparison", Id, nullable=True, doc="the last comparison that saw it in the source"),
    Column("target_comparison", Id, nullable=True, doc="the last comparison that saw it in the target"),
    maybe("drifted", "JSON list: fields that a comparison saw changed in the target and that still are; NULL: none"),
    info={"doc": "what the target confirmed last, as digests"},
)

intents = Table(
    "intents",
    metadata,
    text("stream", "the stream", key=True),
    text("source_id", "record id in the source", key=True),
    text("action", "create, update or delete"),
    maybe("target_id", "record id in the target, when it is known"),
    time("sent_at", "when the call began, or was about to"),
    text(
        "match", "JSON object, by which a create is found again: the key field and its value, or all fields and digests"
    ),
    number("epoch", "claim under which it was sent"),
    maybe("promise", "JSON object: what both sides agree on if it is done, where edits may come back"),
    maybe("fields", "JSON list: fields of the target that it, and those before it without an answer, carry; NULL: any"),
    maybe("before", "as changes.before; NULL unless undo is on"),
    info={"doc": "writes whose answer is not in yet; after a crash the target is asked about them"},
)

causes = Table(
    "causes",
    metadata,
    number_of_row(),
    text("stream", "the stream"),
    text("code", "Zoho's code, or one of orgsync's own"),
    text("module", "module that the cause is in"),
    text("field", "field that the cause is in; empty when it is in none"),
    text("value", "the value that is refused (picklists, lookups, owners only); else empty"),
    time("first_seen_at", "when it first came up"),
    number("open_count", "rows of the retry queue with this cause; 0 is history"),
    text("remedy", "what to do"),
    UniqueConstraint("stream", "code", "module", "field", "value", name="uq_causes"),
    info={"doc": "failures that have one reason, replayed as one"},
)

retry_queue = Table(
    "retry_queue",
    metadata,
    text("stream", "the stream", key=True),
    text("source_id", "record id in the source", key=True),
    text("kind", "record, or deletion: it is about a record that the source does not have any more", default="record"),
    text("state", "due: tried again by itself; held: waits for a parent or a person; dead: given up"),
    number("attempts", "tries since the last edit in the source, or the last refusal, which counts as one"),
    time("first_seen_at", "when it entered the queue"),
    maybe_time("due_at", "when it is tried next; NULL while only an event wakes it"),
    Column("cause_id", Id, ForeignKey("causes.id", name="fk_retry_queue_cause"), nullable=False, doc="its cause"),
    text("detail", "what was seen, in a sentence"),
    time("source_modified_time", "Modified_Time of the version that was tried"),
    maybe("waits_module", "module of the parent that it waits for"),
    maybe("waits_id", "record id of that parent in the source"),
    text("route", "the route, so that parents wake the children of other streams"),
    CheckConstraint("state IN ('due', 'held', 'dead')", name="ck_retry_queue_state"),
    info={"doc": "records that are not in the target yet, and why"},
)
Index("ix_retry_queue_due", *(retry_queue.c[name] for name in ("stream", "state", "due_at", "source_id")))
Index("ix_retry_queue_cause", retry_queue.c.cause_id)
Index(
    "ix_retry_queue_waits",
    retry_queue.c.waits_id,
    retry_queue.c.waits_module,
    sqlite_where=column("waits_id").is_not(None),
)

drops = Table(
    "drops",
    metadata,
    number_of_row(),
    text("stream", "the stream"),
    text("source_id", "record id in the source"),
    maybe_time("source_modified_time", "Modified_Time of the version that was dropped; NULL: its deletion was"),
    text("code", "code of the cause that it waited for; UNDONE: an undo put back what it was written over"),
    text("detail", "what was seen then, in a sentence"),
    time("dropped_at", "when a person dropped it"),
    text("who", "that person: user@host, as the operating system names them"),
    text("reason", "the person's reason"),
    maybe_time("ended_at", "when the record was seen in another version, or asked for again; NULL while it stands"),
    info={
        "doc": "what a person took out of the retry queue, or an undo put back: not written, "
        "unless the record is edited in the source"
    },
)
Index(
    "uq_drops_standing",
    *(drops.c[name] for name in ("stream", "source_id")),
    unique=True,
    sqlite_where=column("ended_at").is_(None),
)
Index("ix_drops_source", drops.c.source_id)

cycles = Table(
    "cycles",
    metadata,
    number_of_row(),
    text("stream", "the stream"),
    text("lane", "poll: changes of the source; retry: the retry queue"),
    time("started_at", "when its first outcomes were stored"),
    maybe_time("finished_at", "when it ended; NULL while it runs, or when it was killed"),
    number("seen", "changes that it dealt with: always the sum of the outcomes"),
    *(number(outcome, f"changes that came to the outcome {outcome!r}") for outcome in OUTCOMES),
    number("credits_source", "credits spent in the source"),
    number("credits_target", "credits spent in the target"),
    maybe("trouble", "why it ended early; NULL when it did not"),
    Column("undoes", Id, nullable=True, doc="the cycle that it undid; NULL: it is no undo"),
    CheckConstraint(f"seen = {TALLY}", name="ck_cycles_balance"),
    CheckConstraint(" AND ".join(f"{name} >= 0" for name in ("seen", *OUTCOMES)), name="ck_cycles_counts"),
    CheckConstraint("lane IN ('poll', 'retry')", name="ck_cycles_lane"),
    info={"doc": "one run of one stream: what it saw and what became of it"},
)
Index("ix_cycles_stream", cycles.c.stream, cycles.c.id)
Index(
    "ix_cycles_off",
    cycles.c.stream,
    sqlite_where=sql(f"seen <> {TALLY}"),
)

changes = Table(
    "changes",
    metadata,
    number_of_row(),
    Column("cycle_id", Id, ForeignKey("cycles.id", name="fk_changes_cycle"), nullable=False, doc="the cycle"),
    text("org", "name of the org that was written"),
    text("module", "module in that org"),
    maybe("record_id", "record id in that org; NULL when it never got one"),
    text("source_id", "record id in the source"),
    text("action", "create, update or delete"),
    text("fields", "JSON list: names of the fields that were sent"),
    text("answer_code", "what Zoho answered"),
    time("at", "when the answer was stored"),
    maybe(
        "before",
        "encrypted by a key that is not in the ledger: the values before, and digests of those that were written; NULL "
        "unless undo is on, and when its time is over",
    ),
    text("cut", "JSON list: names of the fields whose text was cut to the target's length", default="[]"),
    info={"doc": "every attempt to write to an org"},
)
Index("ix_changes_record", changes.c.record_id, changes.c.module)
Index("ix_changes_source", changes.c.source_id, changes.c.module)
Index("ix_changes_at", changes.c.at)
Index("ix_changes_cycle", changes.c.cycle_id)
Index(
    "ix_changes_before",
    changes.c.at,
    sqlite_where=column("before").is_not(None),
)

baselines = Table(
    "baselines",
    metadata,
    text("entity_id", "the thing", key=True),
    text("stream", "a stream on a circle: one that edits may come back to", key=True),
    text(
        "columns",
        "JSON object: source field -> [the value both sides agreed on: [digest, time of the edit], what orgsync wrote "
        "there: [digest, its Modified_Time, the edit: when, the orgs it came through, what others held before]]",
        default="{}",
    ),
    text(
        "held",
        "JSON object: target field -> [digest of the value both sides agreed on, Modified_Time in seconds of our "
        "write of it, our writes of the last hour: [digest, Modified_Time]]",
        default="{}",
    ),
    info={"doc": "what the source's fields were when both sides agreed, so that an edit is told from an echo"},
)

conflicts = Table(
    "conflicts",
    metadata,
    number_of_row(),
    text("stream", "the stream that met it"),
    text("source_id", "record id in the source"),
    text("target_id", "record id in the target"),
    text("field", "field of the target that was changed on both sides"),
    maybe("source_value", "what the source says, in the target's terms, as JSON"),
    maybe("target_value", "what the target said, as JSON"),
    maybe("source_author", "who changed the source's record last"),
    maybe("target_author", "who changed the target's record last"),
    maybe_time("source_time", "Modified_Time of the source's record"),
    maybe_time("target_time", "Modified_Time of the target's record"),
    text("rule", "what decided: newest, or primary (the times were equal)"),
    text("winner", "name of the org whose value both have now"),
    time("at", "when it was decided"),
    info={"doc": "fields that were changed on both sides between two looks, and who won"},
)
Index("ix_conflicts_stream", conflicts.c.stream, conflicts.c.id)
Index("ix_conflicts_at", conflicts.c.at)

exports = Table(
    "exports",
    metadata,
    text("route", "the route", key=True),
    text("source", "name of the org that it left"),
    text("source_module", "module in that org", key=True),
    text("field", "field of that org", key=True),
    text("target", "name of the org that took it"),
    text("data_center", "data centre of that org", key=True),
    time("first_at", "when it first left, or was about to"),
    time("last_at", "when it last left, or was about to"),
    number("records", "writes that carried it, counted before they were sent"),
    info={"doc": "which fields have left which org for which data centre; never forgotten"},
)

fuses = Table(
    "fuses",
    metadata,
    number_of_row(),
    text("stream", "the stream that it stopped"),
    text("kind", "deletes, blanked, refused, or empty: everything would be deleted; undone: a person undid a cycle"),
    number("count", "records that it counted"),
    number(
        "base", "records that they were a part of: linked ones, (refused) writes sent, (undone) writes of the cycle"
    ),
    number("allowed", "records that would have passed"),
    text("examples", "JSON list: up to five record ids of the source"),
    time("blown_at", "when it blew"),
    maybe_time("released_at", "when a person let the stream go on; NULL while it stands"),
    Column("accepted", Id, nullable=True, doc="how many the person lets pass until the stream has caught up"),
    maybe("reason", "the person's reason"),
    maybe_time("spent_at", "when the stream had caught up after the release; from then on it counts no more"),
    Column("cycle_id", Id, nullable=True, doc="of undone: the cycle that was undone"),
    info={"doc": "every time that a stream was stopped before damage, and who let it go on"},
)
Index("ix_fuses_stream", fuses.c.stream, fuses.c.spent_at)

deletions = Table(
    "deletions",
    metadata,
    text("stream", "the stream", key=True),
    text("source_id", "record id in the source", key=True),
    time("deleted_at", "when it was deleted there"),
    time("look_at", "when it is looked whether it was restored, by the source's clock; after 61 days no more"),
    info={"doc": "records that the source has deleted, while they can still be restored"},
)
Index("ix_deletions_look", deletions.c.stream, deletions.c.look_at)

comparisons = Table(
    "comparisons",
    metadata,
    number_of_row(),
    text("stream", "the stream"),
    text(
        "reason",
        "scheduled; asked; slept: longer than the deleted list remembers; cut: that list was not whole; "
        "pointed: it was not known which records point to one that was merged or made again; "
        "late: a bulk write job that was given up may have run since",
    ),
    time("started_at", "when it began"),
    maybe_time("finished_at", "when it ended; NULL while it goes on"),
    text("side", "which org is being read: source, then target"),
    time("modified_time", "it has read up to (modified_time, record_id)"),
    text("record_id", "record id of that place"),
    number("source_seen", "records read in the source"),
    number("target_seen", "records read in the target"),
    number("differing", "records whose counterpart is not what the source says; put into the queue"),
    number("missing", "linked records that the source does not have; their deletion is put into the queue"),
    number("drifted", "counterparts that were changed in the target"),
    number("gone", "counterparts that the target does not have"),
    number("strangers", "records of the target that name one for which they do not stand, or which is nowhere; left"),
    number("credits", "credits spent on it"),
    number("credits_today", "of these, since day_began_at"),
    time("day_began_at", "when the day of credits_today began"),
    info={"doc": "every full comparison of a stream: how far it is, and what it found"},
)
Index("ix_comparisons_stream", comparisons.c.stream, comparisons.c.id)

backfills = Table(
    "backfills",
    metadata,
    text("stream", "the stream", key=True),
    text("way", "bulk: from the files of bulk read jobs; query: page by page, also since files were given up"),
    text("why", "why that way: what both would cost, or what stands in the way of the cheaper one"),
    text("rules_version", "version of the mapping that its files were asked by; empty: its way is not chosen yet"),
    number("total", "records that were to be read when it began"),
    number("counted", "those that were created before `horizon`: a file that holds fewer is not whole"),
    time("horizon", "what was changed since then, by the source's clock, is read after the files"),
    time("started_at", "when it began"),
    maybe("job_id", "the bulk read job whose file is being read; NULL: none"),
    maybe_time("job_at", "when that job was made"),
    number("done", "rows of that file that have an outcome"),
    number("older", "rows of the files before it that were created before `horizon`"),
    text("last_id", "record id of the last row of the files before it", default="0"),
    maybe_time("ended_at", "when the files were at their end, or given up; NULL while they are read, or none is"),
    text(
        "writes", "bulk: what is new is made by bulk write jobs where there is enough; rest: by inserts", default="rest"
    ),
    maybe("write_job_id", "the bulk write job whose end is awaited; NULL: none, or its id was not heard"),
    maybe_time("write_sent_at", "`sent_at` of the intents that such a job is about, by the target's clock; NULL: none"),
    maybe_time("write_until", "until then it may be at work: whether its records were made is not decided before"),
    info={"doc": "how each stream read its records for the first time, and how far that has come"},
)

late_jobs = Table(
    "late_jobs",
    metadata,
    text("stream", "the stream", key=True),
    time("until", "by then, or when it has ended, what it may have made is looked for by a full comparison", key=True),
    maybe("job_id", "the job; NULL: its id was not heard"),
    info={"doc": "bulk write jobs that were given up before their end was seen, and may make records anew"},
)
