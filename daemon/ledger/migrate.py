"""Brings a ledger's schema up or down, by alembic, driven from code; no alembic.ini.

All revisions of one step run in one transaction, so a migration that is killed leaves the old state. A ledger with a
revision that this code does not know is refused before anything is touched.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from daemon.ledger.database import Database
from daemon.ledger.errors import LedgerError, LedgerTooNew, LedgerTooOld, speaking
from daemon.ledger.tables import HEAD


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the ledger to a revision (the newest unless told); does nothing when it is there already."""
    _move(database, revision, up=True)


def downgrade(database: Database, revision: str) -> None:
    """Bring the ledger back to an older revision; `base` drops every table."""
    _move(database, revision, up=False)


def build(connection: Connection) -> None:
    """Make the newest schema in an empty database, inside the caller's transaction."""
    _alembic(connection, "head", up=True)


def revision_of(connection: Connection, ledger: str) -> str | None:
    """The revision of a ledger; None where nothing is yet. Raises LedgerError for some other program's tables."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables:
            raise LedgerError(f"{ledger} holds some other program's tables, no ledger. Choose another ledger.url")
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def demand_head(connection: Connection, ledger: str) -> None:
    """Raise unless the ledger is exactly what this code reads; for readers, which never migrate."""
    revision = revision_of(connection, ledger)
    if revision == HEAD:
        return
    if revision is not None and not is_known(revision):
        raise LedgerTooNew(ledger, revision)
    raise LedgerTooOld(ledger, revision or "none", HEAD)


def is_known(revision: str) -> bool:
    """Whether this code has the migration of that name."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - alembic is slow to load and mostly not needed

    return revision in {script.revision for script in ScriptDirectory(str(folder())).walk_revisions()}


def folder() -> Path:
    """Where the migrations are: beside the installed package, else in the repository."""
    shipped = Path(__file__).parents[1] / "shipped" / "migrations"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "migrations"


def _move(database: Database, revision: str, *, up: bool) -> None:
    engine = database.migrator(alone=not up)
    try:
        with database.transaction(engine) as connection:
            found = revision_of(connection, database.name)
            if up and found == HEAD and revision in ("head", HEAD):
                return
            if found is not None and not is_known(found):
                raise LedgerTooNew(database.name, found)
            _alembic(connection, revision, up=up)
            database.demand_whole(connection)
    finally:
        with speaking(database.name):
            engine.dispose()


def _alembic(connection: Connection, revision: str, *, up: bool) -> None:
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        (command.upgrade if up else command.downgrade)(config, revision)
    except CommandError as error:
        raise LedgerError(f"no migration leads to {revision!r}: {error}") from None
