"""Credits are low when few are left, or when the pace of the last hour leaves little time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.core.credits import FEW, Forecast, Told, forecast

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def told(*pairs: tuple[float, int]) -> list[Told]:
    """(minutes before noon, credits left)"""
    return [Told(remaining=left, at=NOON - timedelta(minutes=ago)) for ago, left in pairs]


def test_few_are_low_and_many_are_not() -> None:
    assert forecast(told((0, FEW - 1)), NOON, NOON).low is True
    assert forecast(told((0, FEW)), NOON, NOON) == Forecast(low=False, remaining=FEW)


def test_a_pace_that_leaves_less_than_two_hours_is_low_however_many_there_are() -> None:
    fast = forecast(told((60, 300_000), (30, 200_000), (0, 100_000)), NOON, NOON)
    assert fast == Forecast(low=True, remaining=100_000, lasts=timedelta(minutes=30))
    assert forecast(told((60, 103_000), (0, 100_000)), NOON, NOON).low is False


def test_a_pace_is_not_taken_from_minutes_nor_from_before_the_last_hour() -> None:
    assert forecast(told((5, 110_000), (0, 100_000)), NOON, NOON).lasts is None
    assert forecast(told((70, 900_000), (30, 100_000), (0, 100_000)), NOON, NOON).lasts is None


def test_an_org_that_answers_and_tells_no_more_has_plenty() -> None:
    assert forecast([], NOON, NOON) == Forecast(low=False)
    assert forecast(told((11, 5)), NOON, NOON) == Forecast(low=False)
    assert forecast(told((9, 5)), NOON, NOON).low is True


def test_of_an_org_that_did_not_answer_lately_nothing_is_known() -> None:
    assert forecast([], None, NOON) == Forecast()
    assert forecast(told((11, 5)), NOON - timedelta(minutes=11), NOON) == Forecast()
