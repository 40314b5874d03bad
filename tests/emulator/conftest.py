"""One emulator for all tests of this room, as new before each; two clients that speak plain HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from daemon.emulator import Emulator, OrgHandle

Json = dict[str, Any]


class Client:
    """An org as a stranger's program sees it."""

    def __init__(self, org: OrgHandle) -> None:
        self.org = org
        self.http = httpx.Client(base_url=org.base_url, headers=org.headers(), timeout=10)

    def log_in(self) -> Client:
        """Take a fresh token."""
        self.http.headers.update(self.org.headers())
        return self

    def get(self, path: str, *, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        return self.http.get(f"/crm/v8/{path}", params=params, headers=headers)

    def post(self, path: str, body: Any, **params: Any) -> httpx.Response:
        return self.http.post(f"/crm/v8/{path}", json=body, params=params)

    def put(self, path: str, body: Any, *, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.http.put(f"/crm/v8/{path}", json=body, headers=headers)

    def delete(self, path: str, **params: Any) -> httpx.Response:
        return self.http.delete(f"/crm/v8/{path}", params=params)

    def coql(self, query: str) -> httpx.Response:
        return self.post("coql", {"select_query": query})

    def insert(self, module: str, *records: Json) -> list[str]:
        answer = self.post(module, {"data": list(records)})
        assert answer.status_code == 201, answer.text
        return [element["details"]["id"] for element in answer.json()["data"]]

    def lead(self, **values: Any) -> str:
        return self.insert("Leads", {"Last_Name": "Lee", "Company": "Acme", **values})[0]

    def refusal(self, module: str, record: Json) -> Json:
        """The element that a single refused insert gets."""
        answer = self.post(module, {"data": [record]})
        assert answer.status_code == 400, answer.text
        element: Json = answer.json()["data"][0]
        return element


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture(scope="session")
def _clients(running: Emulator) -> dict[str, Client]:
    return {name: Client(org) for name, org in running.orgs.items()}


@pytest.fixture
def india(emu: Emulator, _clients: dict[str, Client]) -> Client:
    return _clients["india"].log_in()


@pytest.fixture
def us(emu: Emulator, _clients: dict[str, Client]) -> Client:
    return _clients["us"].log_in()


@pytest.fixture
def quick(emu: Emulator, us: Client) -> Client:
    """An org whose jobs are done at once."""
    emu.quirks(bulk_job_seconds="0")
    return us


@pytest.fixture
def client_of() -> Callable[[OrgHandle], Client]:
    """A client for an org of another emulator."""
    return Client
