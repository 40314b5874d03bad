"""A folder with settings and processes for each test, and what its processes tell systemd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.service.site import Site
from tests.service.systemd import Heard, listening


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu, Site(emu, tmp_path, modules=("Leads",)) as site:
        yield site


@pytest.fixture
def heard(site: Site) -> Iterator[Heard]:
    with listening(site.folder) as heard:
        site.env["NOTIFY_SOCKET"] = heard.address
        yield heard
