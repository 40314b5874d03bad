"""When a fuse blows: before the damage, and not for a handful of records."""

from __future__ import annotations

import pytest

from daemon.core.fuse import AT_LEAST, MOST_TRUSTED, Blown, Fuse, FuseKind, Limit, Meter, sentence

NONE = Limit()


def ids(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def meter(linked: int = 1000, accepted: dict[FuseKind, int] | None = None, **limits: Limit) -> Meter:
    fuse = Fuse(**{"deletes": NONE, "blanked": NONE, "refused": NONE, **limits})
    return Meter(fuse=fuse, linked=lambda: linked, accepted=accepted or {})


@pytest.mark.parametrize(
    ("limit", "linked", "passes"),
    [
        (Limit(count=5), 1000, 5),
        (Limit(count=0), 1000, 0),
        (Limit(share=0.1), 1000, 100),
        (Limit(share=0.1), 50, AT_LEAST),
        (Limit(share=1.0), 1000, 999),  # all of them are always too many
        (NONE, 1000, 999),
    ],
)
def test_deletions_pass_up_to_the_limit(limit: Limit, linked: int, passes: int) -> None:
    assert meter(linked, deletes=limit).deletes(ids(passes)) is None
    blown = meter(linked, deletes=limit).deletes(ids(passes + 1))
    assert blown is not None
    assert (blown.count, blown.base) == (passes + 1, linked)


def test_deletions_are_counted_over_the_looks_of_one_catching_up() -> None:
    counting = meter(deletes=Limit(count=5))
    assert counting.deletes(["a", "b", "c"]) is None
    assert counting.deletes(["c", "d", "e"]) is None  # the same record counts once
    blown = counting.deletes(["f"])
    assert blown is not None
    assert blown.count == 6
    assert counting.deletes([]) is None


def test_what_is_deleted_meanwhile_still_counts_as_linked() -> None:
    left = [10]
    counting = Meter(fuse=Fuse(deletes=NONE), linked=lambda: left[0])
    assert counting.deletes(ids(8)) is None
    left[0] = 2
    assert counting.deletes(["x"]) is None
    blown = counting.deletes(["y"])
    assert blown is not None
    assert (blown.kind, blown.count, blown.base) == ("empty", 10, 10)


def test_a_module_that_is_suddenly_empty_stops_the_stream_however_few_records_it_had() -> None:
    assert meter(2).deletes(ids(2)) == Blown(kind="empty", count=2, base=2, allowed=1, examples=("0", "1"))
    assert meter(1).deletes(ids(1)) is None
    assert meter(0).deletes([]) is None


def test_what_a_person_accepted_passes_and_not_one_more() -> None:
    accepted: dict[FuseKind, int] = {"deletes": 7}
    assert meter(accepted=accepted, deletes=Limit(count=5)).deletes(ids(7)) is None
    assert meter(accepted=accepted, deletes=Limit(count=5)).deletes(ids(8)) is not None
    assert meter(2, accepted={"empty": 2}).deletes(ids(2)) is None
    assert meter(2, accepted={"deletes": 2}).deletes(ids(2)) is None
    assert meter(2, accepted={"deletes": 1}).deletes(ids(2)) is not None


def test_what_was_accepted_for_one_reason_does_not_pass_for_another() -> None:
    assert meter(accepted={"blanked": 9}, deletes=Limit(count=5)).deletes(ids(7)) is not None


def test_blanked_records_are_counted_over_the_pages() -> None:
    counting = meter(blanked=Limit(count=5))
    assert counting.blanks(ids(5)) is None
    assert counting.blanks([]) is None
    assert counting.blanks(ids(3)) is None  # tried again, because the target could not take them
    assert counting.blanks(["x"]) == Blown(kind="blanked", count=6, base=1000, allowed=5, examples=("x",))
    assert counting.blanks(["y"]) == Blown(kind="blanked", count=6, base=1000, allowed=5, examples=("y",))


def test_a_deletion_that_was_sent_before_does_not_count_again() -> None:
    counting = Meter(fuse=Fuse(deletes=Limit(count=2)), linked=lambda: 10, passed=lambda some: set(some) & {"a", "b"})
    assert counting.deletes(["a", "b", "c", "d"]) is None
    blown = counting.deletes(["a", "e"])
    assert blown is not None
    assert (blown.count, blown.examples) == (3, ("e",))


def test_refused_records_are_a_share_of_those_sent() -> None:
    counting = meter(refused=Limit(share=0.5))
    assert counting.answered(100, ids(50)) is None
    assert counting.answered(100, ids(50)) is None
    blown = counting.answered(100, ids(51))
    assert blown is not None
    assert (blown.count, blown.base, blown.allowed, len(blown.examples)) == (151, 300, 150, 5)
    assert counting.answered(100, ids(50)) is None  # released: what was refused before is done
    assert counting.answered(100, ids(51)) is not None


def test_calls_go_side_by_side_as_far_as_no_more_is_refused_than_one_by_one() -> None:
    counting = meter(refused=Limit(share=0.5))
    assert not counting.may_risk(100, 100)  # all of them may be refused, and half of 200 would have blown it
    counting.answered(200, [])
    assert counting.may_risk(100, 100)
    counting.answered(100, ids(50))
    assert not counting.may_risk(200, 100)
    assert meter(refused=NONE).may_risk(10_000, 100)


def test_what_was_taken_the_last_time_is_trusted_the_next_time_but_not_past_a_number() -> None:
    counting = meter(refused=Limit(share=0.5))
    counting.answered(700, ids(100))
    assert counting.trust == 600
    following = Meter(fuse=counting.fuse, linked=lambda: 0, trusted=counting.trust)
    assert following.may_risk(500, 100)
    assert not following.may_risk(600, 100)
    assert following.trust == 600  # a small catching-up takes nothing away
    following.answered(10_000, [])
    assert following.trust == MOST_TRUSTED
    assert not Meter(fuse=Fuse(refused=Limit(count=30)), linked=lambda: 0, trusted=600).may_risk(0, 100)


def test_the_linked_records_are_not_counted_when_nothing_is_at_stake() -> None:
    def never() -> int:
        raise AssertionError

    counting = Meter(fuse=Fuse(), linked=never)
    assert counting.blanks(ids(AT_LEAST)) is None
    assert counting.deletes([]) is None


@pytest.mark.parametrize(("limit", "text"), [(Limit(share=0.1), "10%"), (Limit(count=3), "3"), (NONE, "off")])
def test_a_limit_reads_as_it_is_written_in_the_settings(limit: Limit, text: str) -> None:
    assert str(limit) == text


@pytest.mark.parametrize(
    ("kind", "accept"), [("deletes", "12"), ("empty", "12"), ("blanked", "12"), ("refused", "all")]
)
def test_the_message_says_what_was_seen_and_what_to_type(kind: FuseKind, accept: str) -> None:
    text = sentence(Blown(kind=kind, count=12, base=40, allowed=4, examples=("7", "8")), "a-b/Leads")
    assert "40" in text
    assert "7, 8" in text
    assert f"orgsync release a-b/Leads --accept {accept} --reason" in text
