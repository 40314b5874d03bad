"""The real process, killed at every twelfth place where it calls Zoho or writes the ledger: nothing lost or twice.

All places: `python -m tests.full points`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.points.crash import crashes
from tests.points.scenarios import SCENARIOS
from tests.points.warm import Warm

EVERY = 12
THINNER = {"large first load": 20, "first load by bulk write": 23}  # they have several times as many points as others


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm() as warm:
        yield warm


@pytest.mark.timeout(600)  # the machine may be busy
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_loses_nothing_and_does_nothing_twice(warm: Warm, tmp_path: Path, name: str) -> None:
    every = THINNER.get(name, EVERY)
    first = 1 + list(SCENARIOS).index(name) % every
    with SCENARIOS[name].staged(tmp_path, warm) as stage:
        done = list(crashes(stage, first, every))
        if name == "first load by bulk write":
            assert stage.b.log(kind="bulk_write"), "no job was made, so no kill met one"
    assert len(done) >= 5
    assert not [crash for crash in done if crash.wrong]
