"""How many calls each of several daemons may have on their way to one org."""

import pytest

from daemon.core.at_once import AT_ONCE, part_of_calls


@pytest.mark.parametrize("daemons", range(1, 13))
def test_all_daemons_together_have_eight_calls_unless_each_has_one(daemons):
    part = part_of_calls(AT_ONCE, daemons)
    assert part >= 1
    assert part * daemons <= AT_ONCE or part == 1
