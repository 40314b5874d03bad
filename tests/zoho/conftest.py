from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import Server

from daemon.core.org import Org, Secret
from daemon.zoho.client import Zoho

CLIENT_SECRET = "canary-client-secret-7f3a"
REFRESH_TOKEN = "1000.canaryrefresh0000aaaa.canaryrefresh0000bbbb"


@dataclass
class Clock:
    """Wall time that a test moves."""

    moment: datetime = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_org(server: Server, tmp_path: Path) -> Callable[..., Org]:
    def make(**changes: object) -> Org:
        values: dict[str, object] = {
            "name": "india",
            "data_center": "in",
            "accounts_url": server.url,
            "api_url": server.url,
            "client_id": "1000.CLIENT",
            "client_secret": Secret(CLIENT_SECRET),
            "refresh_token": Secret(REFRESH_TOKEN),
            "token_file": tmp_path / "tokens" / "india.json",
            "call_deadline": 5.0,
            **changes,
        }
        return Org(**values)  # type: ignore[arg-type]

    return make


@pytest.fixture
def org(make_org: Callable[..., Org]) -> Org:
    return make_org()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def zoho(org: Org, clock: Clock, slept: list[float]) -> Iterator[Zoho]:
    with Zoho(org, now=clock, sleep=slept.append) as zoho:
        yield zoho
