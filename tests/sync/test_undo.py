"""Undo: what a cycle changed in B is put back where nobody has touched it, once, whatever happens in between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Copy, FieldChoice
from daemon.core.undo import Reason
from daemon.ledger import Ledger
from daemon.settings import Settings
from daemon.sync import undoing as undoing_room
from daemon.sync.cycle import StreamRunner
from daemon.sync.report import Report
from daemon.sync.undoing import Undoing, carry_out, look
from tests.sync.pair import DEADLINE, LAG, Pair, opened, running_pair

WAIT = DEADLINE + LAG.total_seconds() + 1
FIELDS = ("Last_Name", "Company", "City", "Phone", "Annual_Revenue", "Email_Opt_Out", "Lead_Source", "Description")
CANARY = "canary-value-of-a-person-93b1"


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with running_pair(tmp_path, modules=("Leads",), undo=timedelta(days=7)) as pair:
        yield pair


def lead(pair: Pair, name: str = "A", **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


def last(pair: Pair) -> int:
    """The number of the last cycle that is no undo."""
    return int(pair.sql("select max(id) from cycles where undoes is null")[0][0])


def looked(pair: Pair, cycle: int, *, created: bool = False, module: str = "Leads") -> tuple[Undoing, StreamRunner]:
    runner = pair.fleet.runner(f"india-to-us/{module}")
    assert isinstance(runner, StreamRunner)
    prepared, hands, _ = runner.ready()
    found = pair.ledger.past_cycle(cycle)
    assert found is not None
    return look(found, prepared, pair.fleet.catalogs["us"], hands.ledger, created=created), runner


def undo(pair: Pair, cycle: int, *, created: bool = False, module: str = "Leads") -> tuple[Undoing, Report]:
    undoing, runner = looked(pair, cycle, created=created, module=module)
    source, target = (pair.fleet.catalogs[org] for org in ("india", "us"))
    return undoing, carry_out(undoing, runner, source, target, runner._now, "ann@desk")


def reasons(undoing: Undoing) -> list[tuple[str | None, Reason]]:
    return [(left.field, left.reason) for one in undoing.left for left in one.left]


def shown(pair: Pair) -> dict[str, tuple[Any, ...]]:
    """What B holds of every record in the mapped fields."""
    return {str(row["id"]): tuple(row.get(name) for name in FIELDS) for row in pair.b.records("Leads")}


def off_balance(pair: Pair) -> list[tuple[Any, ...]]:
    return pair.sql("select * from v_balance where off_by <> 0")


def edited(pair: Pair, mine: str, **values: Any) -> int:
    """A record of A is edited and carried; the number of the cycle that did it."""
    pair.pass_time(60)
    pair.a.edit("Leads", mine, values)
    pair.once()
    return last(pair)


def test_what_a_cycle_changed_is_put_back_and_the_stream_stands_until_it_is_released(pair: Pair) -> None:
    mine = lead(pair, City="Pune", Phone="1", Annual_Revenue=10.5)
    pair.once()
    before = shown(pair)
    cycle = edited(pair, mine, City="Goa", Phone=None, Annual_Revenue=7)
    assert shown(pair) != before
    undoing, report = undo(pair, cycle)
    assert (shown(pair), undoing.left, dict(report.outcomes), report.trouble) == (before, (), {"updated": 1}, None)
    assert pair.sql("select action, fields, answer_code from changes order by id desc limit 1") == [
        ("update", '["Annual_Revenue", "City", "Phone"]', "SUCCESS")
    ]
    assert pair.sql("select id, lane, undoes, seen, updated from cycles order by id desc limit 1") == [
        (report.cycle_id, "retry", cycle, 1, 1)
    ]
    assert pair.sql("select count(*) from intents") == [(0,)]
    stands = pair.cycle("Leads")
    assert stands.trouble is not None
    assert f"cycle {cycle}" in stands.trouble
    assert 'orgsync release india-to-us/Leads --accept 0 --reason "…"' in stands.trouble
    assert (shown(pair), off_balance(pair)) == (before, [])


def test_after_the_release_the_record_is_brought_in_step_when_it_is_edited_and_not_before(pair: Pair) -> None:
    mine, other = lead(pair, City="Pune"), lead(pair, "B", City="Pune")
    pair.once()
    pair.pass_time(60)
    for one in (mine, other):
        pair.a.edit("Leads", one, {"City": "Goa"})
    pair.once()
    undo(pair, last(pair))
    pair.pass_time(60)
    pair.ledger.release("india-to-us/Leads", 0, "mended", pair.fleet._now())
    wrote = len(pair.writes())
    pair.once()
    assert len(pair.writes()) == wrote
    edited(pair, mine, Phone="2")
    assert (pair.counterpart("Leads", mine)["City"], pair.counterpart("Leads", other)["City"]) == ("Goa", "Pune")
    assert pair.sql("select fields from changes order by id desc limit 1") == [('["City", "Phone"]',)]
    pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet._now())
    pair.once()
    assert pair.counterpart("Leads", other)["City"] == "Pune"
    assert pair.ledger.retry(pair.fleet._now(), source_id=other) == 1
    pair.once()
    assert pair.counterpart("Leads", other)["City"] == "Goa"


def test_a_mended_mapping_and_a_release_bring_everything_in_step(tmp_path: Path) -> None:
    both: dict[str, Any] = {name: Copy(field=name) for name in ("Last_Name", "Company", "City", "Description")}
    wrong = FieldChoice(table={**both, "Description": Copy(field="Street")})
    with running_pair(tmp_path, modules=("Leads",), undo=timedelta(days=7), fields=wrong) as pair:
        mine = lead(pair, Description="right", Street="wrong")
        pair.once()
        cycle = edited(pair, mine, Street="quite wrong")
        undo(pair, cycle)
        assert pair.counterpart("Leads", mine)["Description"] == "wrong"
        (route,) = pair.settings.routes
        (stream,) = route.streams
        mended = replace(route, streams=(replace(stream, fields=FieldChoice(table=both)),))
        settings = replace(pair.settings, routes=(mended,))
        pair.ledger.release("india-to-us/Leads", 0, "mended", pair.fleet._now())
        with restarted(pair, settings) as again:
            again.once()
            assert again.counterpart("Leads", mine)["Description"] == "right"


def test_what_somebody_touched_since_stays_and_so_does_what_a_later_cycle_wrote(pair: Pair) -> None:
    mine = lead(pair, City="Pune", Phone="1", Description="d")
    pair.once()
    first = edited(pair, mine, City="Goa", Phone="2", Description="e")
    there = pair.counterpart("Leads", mine)["id"]
    pair.b.edit("Leads", there, {"City": "Delhi"})
    second = edited(pair, mine, Phone="3")
    undoing, _ = undo(pair, first)
    assert sorted(reasons(undoing)) == [("City", "touched"), ("Phone", "later")]
    assert [left.cycle for one in undoing.left for left in one.left] == [None, second]
    row = pair.counterpart("Leads", mine)
    assert (row["City"], row["Phone"], row["Description"]) == ("Delhi", "3", "d")


def test_an_undo_can_be_undone_and_is_not_done_twice(pair: Pair) -> None:
    mine = lead(pair, City="Pune")
    pair.once()
    cycle = edited(pair, mine, City="Goa")
    _, first = undo(pair, cycle)
    again, report = undo(pair, cycle)
    assert (reasons(again), report.cycle_id) == ([("City", "undone")], None)
    assert first.cycle_id is not None
    undo(pair, first.cycle_id)
    assert pair.counterpart("Leads", mine)["City"] == "Goa"


def test_created_records_are_left_and_deleted_on_request_where_nobody_touched_them(pair: Pair) -> None:
    mine, other = lead(pair), lead(pair, "B")
    pair.once()
    cycle = last(pair)
    undoing, _ = looked(pair, cycle)
    assert reasons(undoing) == [(None, "created"), (None, "created")]
    pair.pass_time(60)
    pair.b.edit("Leads", pair.counterpart("Leads", other)["id"], {"City": "Delhi"})
    undoing, report = undo(pair, cycle, created=True)
    assert (reasons(undoing), dict(report.outcomes)) == ([(None, "touched")], {"deleted": 1})
    assert [row["Last_Name"] for row in pair.b.records("Leads")] == ["B"]
    pair.ledger.release("india-to-us/Leads", 0, "again", pair.fleet._now())
    edited(pair, mine, City="Goa")
    assert pair.counterpart("Leads", mine)["City"] == "Goa"


def test_a_record_that_is_gone_is_told_and_one_that_cannot_be_put_back_is_given_up(pair: Pair) -> None:
    gone, refused = lead(pair, City="Pune"), lead(pair, "B", City="Bengaluru")
    pair.once()
    pair.pass_time(60)
    pair.a.edit("Leads", gone, {"City": "Goa"})
    pair.a.edit("Leads", refused, {"City": "Goa"})
    pair.once()
    cycle = last(pair)
    pair.b.delete("Leads", pair.counterpart("Leads", gone)["id"])
    pair.b.change_field("Leads", "City", length=4)
    undoing, report = undo(pair, cycle)
    assert reasons(undoing) == [(None, "gone")]
    assert (dict(report.outcomes), pair.queue()) == ({"dead": 1}, [])
    assert off_balance(pair) == []


def test_without_the_setting_nothing_is_kept_and_no_credit_is_spent(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        mine = lead(pair, City="Pune")
        pair.once()
        calls = len(pair.b.log())
        cycle = edited(pair, mine, City="Goa")
        kinds = [call["kind"] for call in pair.b.log()[calls:]]
        assert "list" not in kinds
        assert pair.sql("select count(*) from changes where before is not null") == [(0,)]
        undoing, _ = looked(pair, cycle)
        assert reasons(undoing) == [("City", "forgotten")]


@pytest.mark.parametrize("effect", ["cut", "half"])
def test_a_write_whose_answer_was_lost_can_be_undone_all_the_same(pair: Pair, effect: str) -> None:
    mine = lead(pair, City="Pune")
    pair.once()
    pair.pass_time(60)
    pair.a.edit("Leads", mine, {"City": "Goa"})
    pair.b.faults.next("update", effect=effect, **({"when": "after"} if effect == "cut" else {}))
    pair.cycle("Leads")
    lost = last(pair)
    undoing, _ = looked(pair, lost)
    assert reasons(undoing) == [(None, "pending")]
    pair.pass_time(WAIT)
    pair.once()
    undoing, _ = undo(pair, last(pair))
    assert (pair.counterpart("Leads", mine)["City"], undoing.left) == ("Pune", ())


def test_a_kill_between_the_write_and_the_commit_loses_no_undo(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = lead(pair, City="Pune")
    pair.once()
    pair.pass_time(60)
    pair.a.edit("Leads", mine, {"City": "Goa"})
    killed_in_settle(pair, monkeypatch, lambda: pair.cycle("Leads"))
    pair.pass_time(WAIT)
    pair.once()
    assert pair.counterpart("Leads", mine)["City"] == "Goa"
    undoing, _ = undo(pair, last(pair))
    assert (pair.counterpart("Leads", mine)["City"], undoing.left) == ("Pune", ())


def killed_in_settle(pair: Pair, monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    def killed(*_: object) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "settle", killed)
        with pytest.raises(Killed):
            work()
    pair.fleet.runners[0]._poller.start_over()  # type: ignore[union-attr]


@pytest.mark.parametrize("effect", ["arrived", "lost"])
def test_an_undo_that_was_killed_is_finished_by_typing_it_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, effect: str
) -> None:
    mine = lead(pair, City="Pune")
    pair.once()
    cycle = edited(pair, mine, City="Goa")
    if effect == "lost":
        pair.b.faults.next("update", effect="cut", when="before")
    killed_in_settle(pair, monkeypatch, lambda: undo(pair, cycle))
    stands = pair.cycle("Leads").trouble
    assert stands is not None
    assert "undone" in stands
    undoing, _ = looked(pair, cycle)
    assert reasons(undoing) == [(None, "pending")]
    pair.pass_time(WAIT)
    sent = len(pair.writes())
    undoing, report = undo(pair, cycle)
    back = [("City", "undone")] if effect == "arrived" else []
    assert (len(pair.writes()) - sent, reasons(undoing)) == (int(effect == "lost"), back)
    assert dict(report.outcomes) == {"updated" if effect == "lost" else "unchanged": 1}
    assert pair.counterpart("Leads", mine)["City"] == "Pune"
    assert pair.sql("select count(*) from intents") == [(0,)]
    assert (pair.sql("select count(*) from fuses"), pair.queue()) == ([(1,)], [])
    again, _ = undo(pair, cycle)
    assert reasons(again) == [("City", "undone")]
    assert pair.counterpart("Leads", mine)["City"] == "Pune"


def test_an_undo_that_was_killed_and_only_released_ends_as_the_source_says(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = lead(pair, City="Pune")
    pair.once()
    cycle = edited(pair, mine, City="Goa")
    pair.pass_time(60)
    pair.once()  # the checkpoint is past it: nothing but the ledger knows that something is amiss
    killed_in_settle(pair, monkeypatch, lambda: undo(pair, cycle))
    assert pair.counterpart("Leads", mine)["City"] == "Pune"
    assert pair.queue() == [(mine, "due", "UNDONE")]
    pair.pass_time(WAIT)
    pair.ledger.release("india-to-us/Leads", 0, "as it was", pair.fleet._now())
    pair.once()
    assert (pair.counterpart("Leads", mine)["City"], pair.queue()) == ("Goa", [])
    assert pair.sql("select count(*) from intents") == [(0,)]


def test_no_value_stands_in_the_ledger_in_clear(pair: Pair) -> None:
    mine = lead(pair, Description=CANARY)
    pair.once()
    cycle = edited(pair, mine, Description="new")
    assert pair.sql("select count(before) from changes") == [(1,)]
    folder = Path(pair.settings.ledger_url.removeprefix("sqlite:///")).parent
    held = b"".join(path.read_bytes() for path in folder.glob("orgsync.db*"))
    assert CANARY.encode() not in held
    undo(pair, cycle)
    assert pair.counterpart("Leads", mine)["Description"] == CANARY
    held = b"".join(path.read_bytes() for path in folder.glob("orgsync.db*"))
    assert CANARY.encode() not in held


def test_what_is_kept_is_blanked_when_its_time_is_over_or_the_setting_is_gone(pair: Pair) -> None:
    mine = lead(pair, City="Pune")
    pair.once()
    cycle = edited(pair, mine, City="Goa")
    now, address = pair.fleet._now(), "india-to-us/Leads"
    old = now - timedelta(days=300)
    assert pair.ledger.forget(old, {address: now - timedelta(days=1)}) == 0
    assert pair.ledger.forget(old, {address: now + timedelta(seconds=1)}) == 1
    assert reasons(looked(pair, cycle)[0]) == [("City", "forgotten")]
    edited(pair, mine, City="Delhi")
    assert pair.ledger.forget(old, {}) == 1
    assert pair.sql("select count(*) from changes where before is not null") == [(0,)]


@pytest.mark.parametrize("seed", range(2))
def test_after_a_cycle_and_its_undo_all_that_nobody_touched_is_as_it_was(pair: Pair, seed: int) -> None:
    luck = random.Random(seed)
    values: dict[str, list[Any]] = {
        "City": ["Pune", "Goa", None, "Zürich 東京"],
        "Phone": ["1", "22", None],
        "Annual_Revenue": [1.5, 20, None],
        "Email_Opt_Out": [True, False],
        "Lead_Source": ["Trade Show", "Advertisement", None],
        "Description": ["a\nb", "c" * 600, None],
    }

    def some() -> dict[str, Any]:
        return {name: luck.choice(values[name]) for name in luck.sample(sorted(values), luck.randint(1, 4))}

    ours = [lead(pair, f"L{n}", **some()) for n in range(30)]
    pair.once()
    before = shown(pair)
    pair.pass_time(60)
    for one in luck.sample(ours, 20):
        pair.a.edit("Leads", one, some())
    pair.once()
    cycle = last(pair)
    wrote = shown(pair)
    touched = set()
    for target in luck.sample(sorted(before), 8):
        pair.b.edit("Leads", target, {"City": f"by hand {luck.random()}"})
        touched.add(target)
    by_hand = shown(pair)
    undo(pair, cycle)
    city = FIELDS.index("City")
    for target, now in shown(pair).items():
        kept = by_hand if target in touched else before
        assert now[:city] + now[city + 1 :] == before[target][:city] + before[target][city + 1 :]
        assert now[city] == kept[target][city]
    assert wrote != before
    assert off_balance(pair) == []


def test_what_was_refused_counts_as_it_was_and_has_nothing_compared(pair: Pair) -> None:
    mine = lead(pair, City="Bengaluru")
    pair.once()
    cycle = edited(pair, mine, City="Goa")
    pair.b.change_field("Leads", "City", length=4)
    undo(pair, cycle)
    pair.ledger.release("india-to-us/Leads", 0, "as it is", pair.fleet._now())
    pair.once()
    assert pair.sql("select count(*) from comparisons where reason <> 'scheduled'") == [(0,)]
    assert pair.sql("select count(*) from agreed where source_digest = ''") == [(0,)]


def test_a_larger_cycle_is_put_back_in_pages_and_stops_when_the_org_is_away(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing_room, "_PAGE", 20)
    ours = [lead(pair, f"L{n}", City="Pune") for n in range(70)]
    pair.once()
    pair.pass_time(60)
    for one in ours:
        pair.a.edit("Leads", one, {"City": "Goa"})
    pair.once()
    cycle = last(pair)
    pair.b.faults.next("update", effect="status", status=429, code="TOO_MANY_REQUESTS", skip=2, times=20)
    _, report = undo(pair, cycle)
    assert report.trouble is not None
    assert report.outcomes["updated"] == 40
    pair.b.faults.clear()
    with restarted(pair) as again:
        again.pass_time(900)
        undoing, report = undo(again, cycle)
        assert report.trouble is None
        assert {row["City"] for row in again.b.records("Leads")} == {"Pune"}
        assert (len(undoing.left), report.outcomes["updated"]) == (40, 30)
        assert (off_balance(again), again.sql("select count(*) from intents")) == ([], [(0,)])


@contextmanager
def restarted(pair: Pair, settings: Settings | None = None) -> Iterator[Pair]:
    """The same ledger and orgs, in another process."""
    pair.fleet.__exit__(None, None, None)
    pair.ledger.close()
    with opened(pair.emu, settings or pair.settings) as again:
        yield again


def test_after_a_lost_write_and_another_the_undo_goes_back_before_both(pair: Pair) -> None:
    mine = lead(pair, City="Pune", Phone="1")
    pair.once()
    pair.pass_time(60)
    pair.a.edit("Leads", mine, {"City": "Goa", "Phone": "2"})
    pair.b.faults.next("update", effect="cut", when="after")
    pair.cycle("Leads")
    pair.a.edit("Leads", mine, {"City": "Delhi"})
    pair.pass_time(WAIT)
    pair.once()
    assert pair.counterpart("Leads", mine)["City"] == "Delhi"
    undo(pair, last(pair))
    row = pair.counterpart("Leads", mine)
    assert row["City"] == "Pune"
