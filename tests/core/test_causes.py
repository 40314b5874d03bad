"""What an operator is told to do."""

from __future__ import annotations

from daemon.core.causes import UNCERTAIN, Cause, advice


def test_of_what_was_given_up_it_is_not_said_that_there_is_nothing_to_do() -> None:
    remedy = Cause(code=UNCERTAIN, module="Leads").remedy
    assert advice(remedy, "due") == remedy
    assert "nothing to do" in remedy
    assert "nothing to do" not in advice(remedy, "dead")
    other = Cause(code="MANDATORY_NOT_FOUND", module="Leads").remedy
    assert advice(other, "dead") == other
