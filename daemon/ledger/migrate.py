"""Brings a ledger's schema up or down, by alembic, driven from code; no alembic.ini.

All revisions of one step run in one transaction, so a migration that is killed leaves the old state.

A migration that is harmless to older code names, in `oldest_code`, the revision of the oldest code that can run on it;
without it that is the migration itself. The ledger keeps the answer (in `meta`), so that an older orgsync, which does
not have the migration, can tell whether it may go on: a daemon that is not upgraded yet runs beside those that are.
Where it may not, the ledger is refused before anything is touched.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, select, text

from daemon.ledger.database import Database
from daemon.ledger.errors import LedgerError, LedgerMissing, LedgerTooNew, LedgerTooOld, speaking
from daemon.ledger.own_tables import meta
from daemon.ledger.tables import HEAD
from daemon.ledger.upsert import upsert

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_OLDEST: Final = "oldest_code"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the ledger to a revision (the newest unless told); does nothing when it is there already."""
    _move(database, revision, up=True)


def downgrade(database: Database, revision: str) -> None:
    """Bring the ledger back to an older revision; `base` drops every table."""
    _move(database, revision, up=False)


def build(connection: Connection) -> None:
    """Make the newest schema in an empty database, inside the caller's transaction; it holds no row yet."""
    _alembic(connection, "head", up=True)


def revision_of(connection: Connection, ledger: str) -> str | None:
    """The revision of a ledger; None where nothing is yet. Raises LedgerError for some other program's tables."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables or inspect(connection).get_view_names():
            raise LedgerError(f"{ledger} holds some other program's tables, no ledger. Choose another ledger.url")
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def demand_head(connection: Connection, ledger: str) -> None:
    """Raise unless the ledger is exactly what this code knows; for a copy, which leaves nothing behind."""
    revision = revision_of(connection, ledger)
    if revision == HEAD:
        return
    if revision is None:
        raise LedgerMissing(ledger)
    if not is_known(revision):
        raise LedgerTooNew(ledger, revision)
    raise LedgerTooOld(ledger, revision, HEAD)


def demand_readable(connection: Connection, ledger: str) -> None:
    """Raise unless this code can read the ledger; for readers, which never migrate."""
    revision = revision_of(connection, ledger)
    if revision is None or is_known(revision) or not _runs_on(connection):
        demand_head(connection, ledger)


def demand_code(connection: Connection, ledger: str, revision: str | None) -> None:
    """Raise LedgerTooNew where a newer orgsync brought the ledger to a revision that this code cannot run on."""
    if revision is not None and revision != HEAD and not is_known(revision) and not _runs_on(connection):
        raise LedgerTooNew(ledger, revision)


@cache
def is_known(revision: str) -> bool:
    """Whether this code has the migration of that name."""
    return revision == HEAD or revision in {script.revision for script in _scripts().walk_revisions()}


def oldest_code(revision: str) -> str:
    """The newest revision that any migration up to this one demands of the code: it breaks what is older."""
    line = list(_scripts().walk_revisions("base", revision))[::-1]
    order = [script.revision for script in line]
    return max((getattr(script.module, _OLDEST, script.revision) for script in line), key=order.index)


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
                if up and revision in ("head", HEAD) and _runs_on(connection):
                    return
                raise LedgerTooNew(database.name, found)
            _alembic(connection, revision, up=up)
            _note_oldest(connection, revision_of(connection, database.name))
            database.demand_whole(connection)
    finally:
        with speaking(database.name):
            engine.dispose()


def _runs_on(connection: Connection) -> bool:
    """Whether a ledger newer than this code says that this code can run on it."""
    if not inspect(connection).has_table(meta.name):
        return False
    oldest = connection.scalar(select(meta.c.value).where(meta.c.name == _OLDEST))
    return oldest is not None and is_known(oldest)


def _note_oldest(connection: Connection, revision: str | None) -> None:
    if revision is not None:
        connection.execute(upsert(connection, meta), {"name": _OLDEST, "value": oldest_code(revision)})


@cache
def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - alembic is slow to load and mostly not needed

    return ScriptDirectory(str(folder()))


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
