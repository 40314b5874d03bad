"""The SDK, new for every test, against the room's one emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.emulator.conformance.sdk import Sdk, forget


@pytest.fixture
def idle_sdk(emu: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """Not yet initialized."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    forget()
    yield Sdk(emu.orgs["us"], tmp_path)
    forget()


@pytest.fixture
def sdk(idle_sdk: Sdk) -> Sdk:
    """Initialized with a live access token."""
    idle_sdk.start()
    return idle_sdk
