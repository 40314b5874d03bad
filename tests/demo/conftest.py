"""A fresh pair of orgs for every test that spoils one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo.copying import Copied, copied


@pytest.fixture
def orgs() -> Iterator[Copied]:
    with copied() as pair:
        yield pair
