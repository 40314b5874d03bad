"""The proof of the proof keeps up with the code."""

from __future__ import annotations

import pytest

from tests.full._bugs import BUGS, Bug
from tests.full.mutants import applies


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_can_still_be_put_in(bug: Bug) -> None:
    assert applies(bug)
