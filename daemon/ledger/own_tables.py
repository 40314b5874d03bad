"""The tables of what daemons keep of themselves and share: who runs, what was spent, whom it was told (tables.py)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, column

from daemon.ledger.columns import Id, maybe_time, number, number_of_row, text, time

# The tables are made by the migrations; what is partial of an index on Postgres stands only there: here it would
# load that dialect into every command.
metadata: Final = MetaData()

meta = Table(
    "meta",
    metadata,
    text("name", "name of the value: digest_key, ledger_id, oldest_code", key=True),
    text(
        "value",
        "the value; digest_key is the secret of the digests; oldest_code the revision of the oldest code that runs",
    ),
    info={"doc": "what is true of the ledger as a whole"},
)

daemons = Table(
    "daemons",
    metadata,
    text("name", "name that it gave itself when it started", key=True),
    text("host", "machine that it runs on"),
    number("pid", "its process there"),
    text("version", "version of orgsync that it is"),
    time("started_at", "when it started, by the database's clock"),
    time("expires_at", "when it counts as dead unless it says again that it lives, by the database's clock"),
    info={"doc": "the daemons that share this ledger; on SQLite there is one, and none is named"},
)

renewals = Table(
    "renewals",
    metadata,
    text("credential", "fingerprint of the credential", key=True),
    time("at", "when an access token was asked for with it, by the database's clock", key=True),
    info={"doc": "of the last ten minutes: all daemons together may ask only so often"},
)

alerts = Table(
    "alerts",
    metadata,
    number_of_row(),
    text("kind", "fuse, dead, silence, token or credits"),
    text("subject", "the stream or the org that it is about"),
    text("mark", "what tells incidents of one kind and subject apart; may be empty"),
    text("what", "what was seen, in a sentence"),
    text("command", "what to type next"),
    time("opened_at", "when it was noticed"),
    maybe_time("resolved_at", "when it was seen to be over; NULL while it goes on"),
    maybe_time("told_at", "when the webhook or the command took it"),
    maybe_time("resolution_told_at", "when the webhook or the command took that it is over"),
    number("tries", "attempts to tell since one succeeded"),
    time("try_at", "when it is told next, if it is to be told; ahead of now while a daemon is at it"),
    info={"doc": "what a person was told of, or is to be told of"},
)
Index(
    "uq_alerts_open",
    *(alerts.c[name] for name in ("kind", "subject", "mark")),
    unique=True,
    sqlite_where=column("resolved_at").is_(None),
)

spending = Table(
    "spending",
    metadata,
    text("org", "name of the org", key=True),
    time("at", "when the ten minutes began", key=True),
    number("credits", "API credits that orgsync took for its calls in them, a few of them in advance"),
    Column("remaining", Id, nullable=True, doc="API credits that the org last said were left; NULL while it says none"),
    maybe_time("told_at", "when it said so"),
    info={"doc": "what orgsync has spent in an org in the last 24 hours, by which it keeps to the org's `ceiling`"},
)
