"""When to try again, and what a person reads meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core import causes
from daemon.core.backoff import FIRST, LONGEST, backoff
from daemon.core.causes import Cause
from tests.core.make import often


@pytest.mark.parametrize(
    ("attempts", "ceiling"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (9, 1280), (10, 2560), (11, 3600), (12, 3600), (10_000, 3600)],  # 5 s * 2^(n-1)
)
def test_the_wait_doubles_up_to_an_hour(attempts: int, ceiling: int) -> None:
    assert backoff(attempts, 0.5) == timedelta(seconds=ceiling / 2)
    assert backoff(attempts, 0.999) < timedelta(seconds=ceiling)
    assert backoff(attempts, 0.0) == timedelta(seconds=1)


@often
@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_between_a_second_and_an_hour(attempts: int, jitter: float) -> None:
    wait = backoff(attempts, jitter)
    assert timedelta(seconds=1) <= wait <= LONGEST
    assert backoff(1, jitter) <= FIRST
    assert wait <= backoff(attempts + 1, jitter)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (
            Cause(code="INVALID_DATA", module="Deals", field="Stage", value="Won"),
            "add the value 'Won' to the target's Stage",
        ),
        (Cause(code="INVALID_DATA", module="Deals", field="Stage"), "correct the value in the source"),
        (Cause(code=causes.UNCERTAIN, module="Deals", value="x"), "nothing to do"),
        (Cause(code="NEVER_HEARD_OF", module="Deals"), "see Zoho's message"),
    ],
)
def test_every_cause_has_a_remedy(cause: Cause, said: str) -> None:
    assert said in cause.remedy


@pytest.mark.parametrize("code", [v for k, v in vars(causes).items() if k.isupper() and isinstance(v, str)])
def test_our_own_codes_have_remedies_of_their_own(code: str) -> None:
    assert Cause(code=code, module="M").remedy != Cause(code="?", module="M").remedy
