"""One fault at a time, with the invariants looked at with every commit. All: `python -m tests.full faults`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.points.scenarios import SCENARIOS
from tests.points.single import faults
from tests.points.warm import Warm

EVERY = 389  # no multiple of a number of calls: every kind of accident is met
THINNER = {"large first load": 797, "first load by bulk write": 997}  # they have the most calls


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm() as warm:
        yield warm


@pytest.mark.timeout(600)  # the machine may be busy
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("name", SCENARIOS)
def test_one_fault_breaks_no_promise(warm: Warm, tmp_path: Path, name: str, lag: int) -> None:
    every = THINNER.get(name, EVERY)
    first = (7 * list(SCENARIOS).index(name) + 11 * lag) % every
    with SCENARIOS[name].staged(tmp_path, warm, lag) as stage:
        done = list(faults(stage, first, every))
    assert all(result.where for result in done), "a fault that never struck proves nothing"
    assert not [result for result in done if result.wrong]
