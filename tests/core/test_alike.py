"""Records of the target that are, or may be, what was sent there without a key."""

from __future__ import annotations

import pytest

from daemon.core.alike import alike
from daemon.core.digest import digest_values
from tests.core.make import SECRET, fields, rule

FIELDS = fields(rule("Name"), rule("Age", "number"), rule("City"), rule("Phone"), key=None, match=("Name", "Phone"))
ANN = {"Name": "Ann", "Age": 40, "City": None, "Phone": None}


def sent(**values: object) -> dict[str, str]:
    return dict(digest_values({**ANN, **values}, "v1", SECRET).by_field)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        ({}, "same"),
        ({"Extra": "x"}, "same"),  # nothing was said of it
        ({"Age": 41}, "perhaps"),
        ({"Phone": "1"}, "perhaps"),  # a blank was sent
        ({"Name": "ann"}, "other"),
        ({"Name": "Bob"}, "other"),  # the age, and two blanks, name nobody
    ],
)
def test_a_record_is_what_was_sent_when_all_is_equal_and_may_be_it_when_its_name_is(
    there: dict[str, object], kind: str
) -> None:
    pairs = alike({"1": sent()}, [{"id": "9", **ANN, **there}], FIELDS, SECRET)
    assert (pairs.same["1"], pairs.perhaps["1"]) == {
        "same": (["9"], []),
        "perhaps": ([], ["9"]),
        "other": ([], []),
    }[kind]


def test_blanks_alone_are_nobody() -> None:
    pairs = alike({"1": sent(Name=None, Age=None)}, [{"id": "9"}], FIELDS, SECRET)
    assert (pairs.same["1"], pairs.perhaps["1"]) == ([], [])


def test_what_is_one_records_own_is_not_perhaps_anothers() -> None:
    both = {"1": sent(), "2": sent(Age=41)}
    records = [{"id": "9", **ANN}, {"id": "10", **ANN, "City": "Pune"}]
    pairs = alike(both, records, FIELDS, SECRET)
    assert (pairs.same, pairs.perhaps) == ({"1": ["9"], "2": []}, {"1": ["10"], "2": ["10"]})


def test_a_field_that_is_not_mapped_any_more_is_not_compared() -> None:
    fewer = fields(rule("Name"), rule("Age", "number"), key=None, match=("Name",))
    assert alike({"1": sent(City="Goa")}, [{"id": "9", **ANN}], fewer, SECRET).same["1"] == ["9"]
