"""Pauses between questions that take a while to be answered."""

from datetime import UTC, datetime, timedelta

from daemon.sync.pauses import Pauses

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
PAUSES = tuple(timedelta(seconds=s) for s in (2, 8))


class Hand:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def test_pauses_grow_to_the_last_which_comes_again_and_again_until_they_are_cleared() -> None:
    pauses = Pauses(PAUSES, Hand())
    assert [pauses.take().total_seconds() for _ in range(4)] == [2, 8, 8, 8]
    assert pauses.taken == 4
    pauses.clear()
    assert (pauses.taken, pauses.left()) == (0, timedelta())
    assert pauses.take(timedelta(seconds=1)) == timedelta(seconds=1)
    assert pauses.take(timedelta(seconds=30)) == timedelta(seconds=8)


def test_a_pause_is_over_when_its_time_has_passed_and_never_longer_than_it_is() -> None:
    hand = Hand()
    pauses = Pauses(PAUSES, hand)
    assert pauses.left() == timedelta()
    pauses.take()
    hand.at += timedelta(seconds=0.5)
    assert pauses.left() == timedelta(seconds=1.5)
    hand.at -= timedelta(hours=1)
    assert pauses.left() == timedelta(seconds=2)
    hand.at = NOON + timedelta(seconds=3)
    assert pauses.left() == timedelta()
