"""What is agreed on once a pact is kept, or is found to have been kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from daemon.core.agreement import Kept, Promise, after_other, after_own, after_way_back, fulfilled
from daemon.core.digest import digest_value, digest_values
from daemon.core.edits import NOTHING, Basis, Column, Dated, Edit, Held, Mark
from daemon.core.merge import Pact
from tests.core.make import SECRET, T0, fields, rule
from tests.core.test_merge import STREAM

MAP = fields(rule("City", owner="newest"), rule("Phone", owner="newest"))
VALUES = {"City": "Linz", "Phone": "1"}
DIGESTS = digest_values(VALUES, MAP.version, SECRET)


def digest(value: str) -> str:
    return digest_value(value, SECRET)


def dated(value: str, seconds: int = 0) -> Dated:
    return Dated(digest=digest(value), at=T0 + timedelta(seconds=seconds))


def edit(seconds: int = 0, **came: dict[str, str]) -> Edit:
    return Edit(came=came, at=T0 + timedelta(seconds=seconds))


def pact(**sent: Edit) -> Pact:
    return Pact(columns={name: dated(VALUES[name]) for name in sent}, sent=sent)


def from_a(name: str) -> Edit:
    return edit(a={name: digest(VALUES[name])})


PROMISE = Promise(pact=pact(City=from_a("City"), Phone=from_a("Phone")), digests=DIGESTS)


def test_a_promise_is_kept_for_the_fields_that_hold_what_was_sent() -> None:
    kept = fulfilled(PROMISE, {"City": "Linz", "Phone": "2"}, STREAM, MAP, SECRET)
    assert kept is not None
    assert (set(kept.pact.sent), set(kept.pact.columns), kept.pact.open) == ({"City"}, {"City"}, {"Phone"})
    assert kept.digests.by_field == {"City": digest("Linz")}
    assert kept.digests.whole != DIGESTS.whole


def test_a_promise_of_which_the_target_shows_nothing_is_not_kept() -> None:
    assert fulfilled(PROMISE, {"City": "Graz", "Phone": None}, STREAM, MAP, SECRET) is None
    assert fulfilled(PROMISE, dict(VALUES), STREAM, MAP, SECRET) == PROMISE


def test_a_mark_goes_with_its_value_and_one_that_came_since_stays() -> None:
    for seconds, stays in ((0, False), (1, True)):
        mark = Mark(digest=digest("Wien"), at=T0, edit=edit(seconds, c={"City": "x"}))
        before = Basis(columns={"City": Column(agreed=None, mark=mark)})
        kept = Kept(pact=PROMISE.pact, by_field=DIGESTS.by_field, at=T0)
        after = after_own(before, kept, "a")
        assert after.columns["City"] == Column(agreed=dated("Linz"), mark=mark if stays else None)
        assert after.held["City"].digest == digest("Linz")


def test_what_was_written_is_marked_for_those_who_read_it_and_agreed_where_it_came_from() -> None:
    kept = Kept(pact=PROMISE.pact, by_field=DIGESTS.by_field, at=T0)
    back, on = after_other(NOTHING, kept, "a"), after_other(NOTHING, kept, "c")
    assert back.columns["City"].agreed == dated("Linz")
    assert on.columns["City"].agreed is None
    assert back.columns["City"].mark == on.columns["City"].mark
    assert after_other(NOTHING, replace(kept, at=None), "a") == NOTHING


def test_an_edit_over_another_remembers_what_its_orgs_held() -> None:
    first = Mark(digest=digest("Graz"), at=T0, edit=edit(-9, c={"City": "old"}, d={"City": "dd"}))
    before = Basis(columns={"City": Column(mark=first)})
    now = edit(0, a={"City": "new"}, d={"City": "ddd"})
    after = after_other(before, Kept(pact=pact(City=now), by_field=DIGESTS.by_field, at=T0), "c")
    mark = after.columns["City"].mark
    assert mark is not None
    assert mark.edit.over == {"c": {"City": "old"}}
    assert after.columns["City"].agreed is None, "it has not come through c, it only lies over what c held"


def test_the_way_back_knows_what_its_target_was_seen_to_hold() -> None:
    mark = Mark(digest=digest("Graz"), at=T0, edit=edit(-9, a={"City": "old"}))
    before = Basis(columns={"City": Column(mark=mark)}, held={"City": Held(digest="old", at=T0)})
    after = after_way_back(before, {"City": dated("Linz")}, "a")
    assert after.held["City"] == Held(digest=digest("Linz"))
    seen = after.columns["City"].mark
    assert seen is not None
    assert seen.edit.came == {"a": {"City": digest("Linz")}}
