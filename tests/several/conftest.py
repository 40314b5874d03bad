"""A server of Postgres for the daemons of a file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import Server, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running
