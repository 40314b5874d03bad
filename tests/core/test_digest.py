"""Fingerprints: equal exactly when the canonical values are."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.digest import Digests, changed_fields, cover, digest_values
from tests.core.make import SECRET, awkward, big, often

canonical = st.one_of(
    st.none(),
    st.booleans(),
    big,
    st.floats(allow_nan=False, allow_infinity=False),
    awkward,
    st.lists(awkward, min_size=1, max_size=3),
    st.fixed_dictionaries({"id": st.integers(1, 99).map(str)}),
)
values = st.dictionaries(st.sampled_from(["A", "B", "C", "Ü"]), canonical, max_size=4)


def _wire(record: object) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)


@often
@given(values, values)
def test_digests_are_equal_exactly_when_the_values_are(one: dict[str, object], other: dict[str, object]) -> None:
    mine, theirs = digest_values(one, "v", SECRET), digest_values(other, "v", SECRET)  # type: ignore[arg-type]
    assert (mine == theirs) == (_wire(one) == _wire(other))
    assert (mine.whole == theirs.whole) == (mine.by_field == theirs.by_field)


@often
@given(values)
def test_the_order_of_keys_is_irrelevant(record: dict[str, object]) -> None:
    turned = dict(reversed(record.items()))
    assert digest_values(turned, "v", SECRET) == digest_values(record, "v", SECRET)  # type: ignore[arg-type]


@often
@given(values, values)
def test_the_changed_fields_are_those_whose_value_differs(old: dict[str, object], new: dict[str, object]) -> None:
    before, after = digest_values(old, "v1", SECRET), digest_values(new, "v2", SECRET)  # type: ignore[arg-type]
    expected = {n for n in new if n not in old or _wire(old[n]) != _wire(new[n])}
    assert changed_fields(before.by_field, after) == expected
    assert changed_fields({}, after) == new.keys()


def test_the_order_of_keys_inside_a_value_is_irrelevant_too() -> None:
    one, other = {"A": {"id": "1", "name": "n"}}, {"A": {"name": "n", "id": "1"}}
    assert digest_values(one, "v", SECRET) == digest_values(other, "v", SECRET)  # type: ignore[arg-type]


def test_digests_are_the_same_in_every_process_and_release() -> None:
    found = digest_values({"Name": "Zoë 😀", "Owner": {"id": "7"}, "Age": None}, "v1", b"key")
    assert found == Digests(
        whole="9610591ae2df854f10e5e767f1581a43",
        by_field={"Name": "98eb64786e32", "Owner": "815269d81545", "Age": "0a1d2d2695e3"},
    )


def test_the_key_the_version_and_the_field_count_but_the_version_only_in_the_whole() -> None:
    base = digest_values({"A": "x", "B": None}, "v1", b"k1")
    assert digest_values({"A": "x", "B": None}, "v1", b"k2").by_field["A"] != base.by_field["A"]
    assert digest_values({"A": "x", "B": None}, "v1", b"k2").whole != base.whole
    newer = digest_values({"A": "x", "B": None}, "v2", b"k1")
    assert newer.whole != base.whole
    assert newer.by_field == base.by_field
    assert digest_values({"B": "x", "A": None}, "v1", b"k1").whole != base.whole


def test_composed_and_decomposed_letters_are_two_values() -> None:
    assert digest_values({"A": "é"}, "v", SECRET) != digest_values({"A": "e\u0301"}, "v", SECRET)


def test_cover_keeps_only_the_named_fields() -> None:
    assert cover({"A": 1, "B": None}, iter(["B", "C"])) == {"B": None}


def test_choices_in_another_order_are_the_same_choices() -> None:
    one, other = ({"M": ["b", "a"]}, {"M": ["a", "b"]})
    assert digest_values(one, "v", SECRET) == digest_values(other, "v", SECRET)
    assert digest_values(one, "v", SECRET) != digest_values({"M": ["a"]}, "v", SECRET)
