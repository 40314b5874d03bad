"""A real ledger for every test (a copy of one that was migrated once), in SQLite and in Postgres, and values for it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.causes import Cause
from daemon.core.digest import Digests
from daemon.core.ends import Linked, QueueRow, Written
from daemon.core.outcome import Outcome
from daemon.core.rules import Stream
from daemon.core.settle import Settlement
from daemon.core.translate import Parent
from daemon.ledger import Intent, Ledger, Reader
from tests.postgres import Server, running_server

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Make:
    """Values with everything filled in that a test does not care about."""

    now = NOON

    def later(self, seconds: float) -> datetime:
        return NOON + timedelta(seconds=seconds)

    def stream(self, module: str = "Contacts", source: str = "india", target: str = "us", **more: Any) -> Stream:
        route = f"{source}-to-{target}"
        defaults: dict[str, Any] = {"source_module": module, "target_module": module, "key": "Source_Record_ID"}
        return Stream(address=f"{route}/{module}", route=route, source=source, target=target, **(defaults | more))

    def linked(self, source_id: str, target_id: str, whole: str | None = "w1", **fields: str) -> Linked:
        digests = None if whole is None else Digests(whole=whole, by_field=fields)
        return Linked(source_id=source_id, target_id=target_id, digests=digests, target_modified_time=NOON)

    def row(self, source_id: str, code: str = "INVALID_DATA", **more: Any) -> QueueRow:
        cause = Cause(code=code, module="Contacts", field=more.pop("field", None), value=more.pop("value", None))
        defaults = {"state": "held", "attempts": 1, "due_at": None, "detail": "seen", "modified_time": NOON}
        return QueueRow(source_id=source_id, cause=cause, **(defaults | more))

    def child(self, source_id: str, parent_id: str, module: str = "Accounts") -> QueueRow:
        return self.row(source_id, "WAITS_FOR_PARENT", waits_for=Parent(module=module, record_id=parent_id))

    def written(self, source_id: str, target_id: str | None = None, *fields: str) -> Written:
        return Written(source_id=source_id, target_id=target_id, action="create", fields=fields, answer_code="SUCCESS")

    def intent(self, source_id: str, **more: Any) -> Intent:
        defaults = {"action": "create", "target_id": None, "sent_at": NOON, "match": {"Key": f"1:{source_id}"}}
        return Intent(source_id=source_id, **(defaults | more))

    def page(self, outcomes: Mapping[Outcome, int] | None = None, **more: Any) -> Settlement:
        counts = {"unchanged": 1} if outcomes is None else dict(outcomes)
        return Settlement(**({"lane": "poll", "seen": sum(counts.values()), "outcomes": counts} | more))


class File:
    """A ledger's file as the sqlite3 program sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def one(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def run(self, script: str) -> None:
        connection = sqlite3.connect(self.path)
        try:
            connection.executescript(script)
        finally:
            connection.close()

    def tables(self) -> list[str]:
        """Names of tables and views, but for alembic's own."""
        names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY 1"
        return [name for (name,) in self.rows(names) if not name.startswith(("alembic", "sqlite"))]

    def orphans(self) -> list[tuple[Any, ...]]:
        """Rows that point to one which is not there."""
        return self.rows("PRAGMA foreign_key_check")

    def force(self, script: str) -> None:
        """What no constraint would allow."""
        self.run(f"PRAGMA ignore_check_constraints = ON; {script}")

    def everything(self) -> list[str]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()


_SECONDS = re.compile(r"substr\((\w+), 18, 2\)")


class Remote(File):
    """A ledger's database as psql sees it."""

    def __init__(self, server: Server, name: str) -> None:
        self.path = Path(f"{server.folder}/{name}")
        self.url = server.url(name)
        self._server = server
        self._name = name

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        query = _SECONDS.sub(r"to_char(\1 AT TIME ZONE 'UTC', 'SS')", query.replace("?", "%s") if values else query)
        found = self._server.sql(self._name, query, *values)
        return [tuple(_as_sqlite(value) for value in row) for row in found]

    def run(self, script: str) -> None:
        self._server.sql(self._name, script)

    def tables(self) -> list[str]:
        return [name for name in self._of("") if name != "alembic_version"]

    def orphans(self) -> list[tuple[Any, ...]]:
        return []  # Postgres allows none

    def force(self, script: str) -> None:
        self.run(f"ALTER TABLE cycles DROP CONSTRAINT IF EXISTS ck_cycles_balance; {script}")

    def everything(self) -> list[str]:
        tables = self._of("BASE TABLE")
        return [f"{name} {row}" for name in tables for row in sorted(map(str, self.rows(f"TABLE {name}")))]

    def _of(self, which: str) -> list[str]:
        query = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        return [name for name, kind in self.rows(query) if which in kind]


def _as_sqlite(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(" ", "microseconds") if isinstance(value, datetime) else value


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of the ledger runs on both databases, unless it is about SQLite's file."""
    if "file" in metafunc.fixturenames:
        kinds = ["sqlite"] if metafunc.definition.get_closest_marker("sqlite") else ["sqlite", "postgres"]
        metafunc.parametrize("file", kinds, indirect=True)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture(scope="session")
def contacts(make: Make) -> Stream:
    return make.stream("Contacts")


@pytest.fixture(scope="session")
def accounts(make: Make) -> Stream:
    return make.stream("Accounts")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated ledger without any rows but its own key."""
    path = tmp_path_factory.mktemp("fresh") / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as running:
        Ledger.open(running.make("fresh")).close()
        yield running


@pytest.fixture
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[File]:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("fresh"), tmp_path / "ledger.db")
        yield File(tmp_path / "ledger.db")
    else:
        server: Server = request.getfixturevalue("server")
        server.drop("test")
        server.make("test", "fresh")
        yield Remote(server, "test")


@pytest.fixture
def url(file: File) -> str:
    return file.url


@pytest.fixture
def ledger(url: str, make: Make, contacts: Stream, accounts: Stream) -> Iterator[Ledger]:
    """With the streams Accounts and Contacts of one route."""
    with Ledger.open(url) as opened:
        for stream in (accounts, contacts):
            opened.start_stream(stream, "v1", "create", make.now)
        yield opened


@pytest.fixture
def reader(ledger: Ledger, url: str) -> Iterator[Reader]:
    with Reader.open(url) as opened:
        yield opened
