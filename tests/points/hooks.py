"""Every place where a process calls Zoho or touches its ledger, seen from outside: httpx and SQLAlchemy are wrapped."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from unittest import mock

import httpx
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as Dialect

When = Literal["before", "on its way", "after"]
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP"})
_NAME: Final = re.compile(r"\s+(?:UNIQUE |INTO |FROM |TABLE |INDEX |VIEW |IF NOT EXISTS )*\W?(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place. `writes`: a statement that changes the ledger, or the commit of such statements; any call of Zoho."""

    room: Literal["zoho", "ledger"]
    when: When
    what: str
    writes: bool = True

    def __str__(self) -> str:
        return f"{self.when} {self.what}"


Strike = Callable[[Point], None]


@contextmanager
def watched(strike: Strike) -> Iterator[None]:
    """While it lasts, `strike` is called at every point of this process; what it raises is raised there."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(httpx.Client, "send", _send(strike)))
        for name, wrapped in _statements(strike).items():
            stack.enter_context(mock.patch.object(Dialect, name, wrapped))
        yield


def _send(strike: Strike) -> Callable[..., httpx.Response]:
    original = httpx.Client.send

    def send(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        what = f"{request.method} {re.sub(r'[0-9]{6,}', 'ID', request.url.path.removeprefix('/crm/v8'))}"
        heard = request.extensions.get("trace")

        def trace(event: str, info: Any) -> None:
            if heard is not None:
                heard(event, info)
            if event.endswith("send_request_body.complete"):
                strike(Point(room="zoho", when="on its way", what=what))

        strike(Point(room="zoho", when="before", what=what))
        request.extensions = {**request.extensions, "trace": trace}
        response = original(client, request, **options)
        strike(Point(room="zoho", when="after", what=what))
        return response

    return send


def _statements(strike: Strike) -> dict[str, Callable[..., Any]]:
    """Statements are struck before, commits before and after."""
    here = threading.local()

    def statement(original: Callable[..., Any]) -> Callable[..., Any]:
        def execute(dialect: Dialect, cursor: Any, text: str, *others: Any, **named: Any) -> Any:
            verb = text.lstrip().partition(" ")[0].upper()
            writes = verb in _WRITES
            if verb == "BEGIN":
                here.wrote = False
            here.wrote = getattr(here, "wrote", False) or writes
            found = _NAME.search(text)
            name = f"{verb} {found[1]}" if found and writes else verb
            strike(Point(room="ledger", when="before", what=name, writes=writes))
            return original(dialect, cursor, text, *others, **named)

        return execute

    def commit(dialect: Dialect, connection: Any) -> None:
        wrote = bool(getattr(here, "wrote", False))
        strike(Point(room="ledger", when="before", what="COMMIT", writes=wrote))
        committed(dialect, connection)
        strike(Point(room="ledger", when="after", what="COMMIT", writes=wrote))

    committed: Callable[[Dialect, Any], None] = Dialect.do_commit
    names = ("do_execute", "do_execute_no_params", "do_executemany")
    return {**{name: statement(getattr(Dialect, name)) for name in names}, "do_commit": commit}
