"""Writes whose answer never came: B still has one counterpart, and is asked before anything is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.fieldmap import FieldMap
from daemon.core.rules import Copy, FieldChoice
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from tests.sync.pair import DEADLINE, LAG, Pair, add_key, make_settings, opened, running_pair

WAIT = DEADLINE + LAG.total_seconds() + 1
CLOCKS = 601.0  # seconds by which the clocks that tell and stamp times may differ


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        yield pair


def lead(pair: Pair, name: str = "A") -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C"})


@pytest.mark.parametrize("effect", ["cut", "stall", "half", "html", "garbage"])
def test_a_create_whose_answer_was_lost_gets_one_counterpart(pair: Pair, effect: str) -> None:
    mine = lead(pair)
    details = {} if effect in ("half", "html") else {"when": "after"}
    pair.b.faults.next(["upsert", "insert"], effect=effect, **details)
    pair.cycle("Leads")
    assert pair.queue() == [(mine, "due", "UNCERTAIN")]
    pair.pass_time(WAIT)
    pair.once()
    assert pair.counterpart("Leads", mine)["Last_Name"] == "A"
    assert pair.queue() == []


def test_nothing_is_sent_before_the_lost_call_must_be_over(pair: Pair) -> None:
    lead(pair)
    pair.b.faults.next(["upsert", "insert"], effect="cut", when="before")
    pair.cycle("Leads")
    sent = len(pair.writes())
    pair.pass_time(DEADLINE)
    pair.once()
    assert len(pair.writes()) == sent
    pair.pass_time(WAIT)
    pair.once()
    assert len(pair.b.records("Leads")) == 1


def test_b_is_asked_before_a_lost_create_is_sent_again(pair: Pair) -> None:
    lead(pair)
    pair.b.faults.next(["upsert", "insert"], effect="cut", when="before")
    pair.cycle("Leads")
    pair.pass_time(WAIT)
    before = len(pair.b.log())
    pair.once()
    kinds = [call["kind"] for call in pair.b.log()[before:]]
    assert kinds.index("coql") < kinds.index("insert")


def test_an_edit_after_a_lost_create_ends_in_b_as_an_update(pair: Pair) -> None:
    mine = lead(pair)
    pair.b.faults.next(["upsert", "insert"], effect="cut", when="after")
    pair.cycle("Leads")
    pair.pass_time(WAIT)
    pair.a.edit("Leads", mine, {"Last_Name": "B"})
    pair.once()
    assert pair.counterpart("Leads", mine)["Last_Name"] == "B"


def test_a_lost_update_that_was_taken_back_in_a_is_taken_back_in_b_too(pair: Pair) -> None:
    mine = lead(pair)
    pair.once()
    pair.a.edit("Leads", mine, {"City": "Pune"})
    pair.b.faults.next("update", effect="cut", when="after")
    pair.cycle("Leads")
    pair.a.edit("Leads", mine, {"City": None})  # the ledger's digest says "as before", B says Pune
    pair.pass_time(WAIT)
    pair.once()
    assert pair.counterpart("Leads", mine)["City"] is None


def test_a_kill_between_the_write_and_the_commit_leaves_one_counterpart(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = [lead(pair, f"L{n}") for n in range(150)]

    def killed(*_: object) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "settle", killed)
        with pytest.raises(Killed):
            pair.cycle("Leads")
    assert len(pair.b.records("Leads")) == 150
    pair.fleet.runners[0]._poller.start_over()
    pair.pass_time(WAIT)
    pair.once()
    assert [len(pair.counterparts("Leads", i)) for i in leads] == [1] * 150
    assert pair.sql("select count(*) from intents") == [(0,)]


def test_a_lost_create_without_a_key_is_found_by_what_was_sent(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        pair.b.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})  # a stranger that looks the same, but older
        pair.pass_time(CLOCKS)
        lead(pair)
        pair.b.faults.next("insert", effect="cut", when="after")
        pair.cycle("Leads")
        pair.pass_time(WAIT)
        pair.once()
        assert len(pair.b.records("Leads")) == 2
        assert pair.queue() == []


@pytest.mark.parametrize("seconds", [-100, 100])
def test_a_lost_create_without_a_key_is_found_though_the_clock_is_told_wrong(tmp_path: Path, seconds: int) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        lead(pair)
        pair.b.faults.next("any", effect="date_skew", seconds=seconds)
        pair.fleet.catalogs[pair.b.name].zoho.profile()  # its answer is what the time of the call is told by
        pair.b.faults.next("insert", effect="cut", when="after")
        pair.cycle("Leads")
        for _ in range(2):
            pair.pass_time(100 + WAIT)
            pair.once()
        assert len(pair.b.records("Leads")) == 1
        assert pair.queue() == []


def test_a_record_that_is_held_does_not_hide_that_it_was_made(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",)) as pair:
        parent = pair.a.insert_raw("Contacts", {"Last_Name": "Parent"})
        pair.b.faults.next("insert", effect="cut", when="after")
        pair.cycle("Contacts")
        pair.a.edit("Contacts", parent, {"Email": {"not": "a text"}})  # now it can go nowhere
        child = pair.a.insert_raw("Contacts", {"Last_Name": "Child", "Reporting_To": {"id": parent}})
        for _ in range(3):
            pair.pass_time(WAIT)
            pair.once()
        twin = pair.counterpart("Contacts", parent)
        assert pair.counterpart("Contacts", child)["Reporting_To"]["id"] == twin["id"]
        assert [(i, state) for i, state, _ in pair.queue()] == [(parent, "held")]


def test_the_deletion_of_a_record_of_which_only_the_intent_is_known_is_heard(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None, deletes="delete") as pair:
        pair.once()
        mine = lead(pair)

        def killed(*_: object) -> None:
            raise Killed

        settle = pair.ledger.settle
        pair.ledger.settle = killed  # type: ignore[method-assign]
        with pytest.raises(Killed):
            pair.cycle("Leads")
        pair.ledger.settle = settle  # type: ignore[method-assign]
        assert len(pair.b.records("Leads")) == 1
        pair.a.delete("Leads", mine)
        for _ in range(3):
            pair.pass_time(WAIT)
            pair.once()
        assert pair.b.records("Leads") == []
        assert pair.sql("select count(*) from intents") == [(0,)]


def lost(pair: Pair, *, done: bool, **values: object) -> str:
    """A record of A whose create was lost, after or before B did it."""
    mine = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", **values})
    pair.b.faults.next("insert", effect="cut", when="after" if done else "before")
    pair.cycle("Leads")
    return mine


def test_a_lost_create_without_a_key_takes_no_record_that_somebody_else_made(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        lost(pair, done=False, City="Pune")
        ravi = next(u for u in pair.fleet.catalogs["us"].users() if u.user_id != pair.fleet.catalogs["us"].zoho.me())
        twin = {"Last_Name": "A", "Company": "C", "City": "Pune"}
        by_hand = pair.b.insert_raw("Leads", {**twin, "Phone": "1", "Created_By": {"id": ravi.user_id}})
        pair.pass_time(CLOCKS + WAIT)
        later = pair.b.insert_raw("Leads", twin)  # by our own user, but after the call must have been over
        pair.pass_time(WAIT)
        pair.once()
        assert len(pair.b.records("Leads")) == 3
        assert pair.b.record("Leads", by_hand)["Phone"] == "1"
        linked = pair.sql("select record_id from id_map where org = 'us'")
        assert linked not in ([(by_hand,)], [(later,)])
        assert pair.queue() == []


def test_a_lost_create_without_a_key_is_held_when_a_record_only_may_be_it(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        mine = lost(pair, done=False, City="Pune")
        other = pair.b.insert_raw("Leads", {"Last_Name": "A", "Company": "Another", "Phone": "1"})
        for _ in range(2):
            pair.pass_time(WAIT)
            pair.once()
        assert pair.queue() == [(mine, "held", "AMBIGUOUS")]
        [(detail,)] = pair.sql("select detail from retry_queue")
        assert detail == f"any of {other} in us could be the counterpart of {mine}"
        assert [r["Company"] for r in pair.b.records("Leads")] == ["Another"]
        pair.b.delete("Leads", other)
        pair.ledger.retry(pair.fleet.runners[0]._now(), source_id=mine)
        pair.once()
        assert [r["Company"] for r in pair.b.records("Leads")] == ["C"]
        assert pair.queue() == []


def test_a_lost_create_without_any_telling_value_takes_no_stranger(tmp_path: Path) -> None:
    table = {"Last_Name": Copy(field="City"), "Company": Copy(field="City"), "Description": Copy(field="Last_Name")}
    with running_pair(tmp_path, modules=("Leads",), key=None, fields=FieldChoice(table=table)) as pair:
        pair.once()
        mine = lost(pair, done=False)  # its City is blank
        stranger = pair.b.insert_raw("Leads", {"Last_Name": "Stranger", "Company": "T", "Description": "private"})
        pair.pass_time(WAIT)
        pair.once()
        pair.a.edit("Leads", mine, {"City": "Pune"})
        pair.pass_time(WAIT)
        pair.once()
        assert pair.b.record("Leads", stranger)["Description"] == "private"
        assert sorted(r["Last_Name"] for r in pair.b.records("Leads")) == ["Pune", "Stranger"]


@pytest.mark.parametrize("text", ["Tab\there", "two\nlines", "it's"])
def test_a_lost_create_without_a_key_is_found_whatever_characters_its_values_hold(tmp_path: Path, text: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        lost(pair, done=True, Last_Name=text)
        other = lead(pair, "Other")
        pair.pass_time(WAIT)
        pair.once()
        assert [r["Last_Name"] for r in pair.b.records("Leads")] == [text, "Other"]
        assert pair.queue() == []
        assert (other,) in pair.sql("select record_id from id_map where org = 'india'")


def test_a_create_that_was_lost_with_a_key_is_found_by_it_though_the_key_was_given_up_meanwhile(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",))) as pair:
            pair.once()
            lost(pair, done=True)
            pair.pass_time(WAIT)
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",), key=None)) as pair:
            pair.pass_time(WAIT)
            pair.once()
            assert (len(pair.b.records("Leads")), pair.queue()) == (1, [])


def test_of_lost_creates_without_a_key_that_share_a_name_each_finds_its_own(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        for number in range(30):
            pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": f"City {number}"})
        pair.b.faults.next("insert", effect="cut", when="after")
        pair.cycle("Leads")
        pair.pass_time(WAIT)
        pair.once()
        assert (len(pair.b.records("Leads")), pair.queue()) == (30, [])


def test_an_empty_ledger_finds_its_records_again_and_creates_none(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Contacts")
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
            settings = make_settings(emu, tmp_path / folder, modules=("Contacts",))
            with opened(emu, settings) as pair:
                if folder == "first":
                    for number in range(120):
                        pair.a.insert_raw("Contacts", {"Last_Name": f"L{number}", "Customer_Number": f"N{number}"})
                pair.once()
                assert len(pair.b.records("Contacts")) == 120
                assert pair.queue() == []


def test_an_adopted_record_is_brought_up_to_date(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",)) as pair:
        mine = pair.a.insert_raw("Contacts", {"Last_Name": "New", "Customer_Number": "N1"})
        zgid = pair.fleet.catalogs["india"].profile().zgid
        pair.b.insert_raw("Contacts", {"Last_Name": "Old", "Source_Record_ID": f"{zgid}:{mine}"})
        pair.once()
        assert pair.counterpart("Contacts", mine)["Last_Name"] == "New"
        assert pair.queue() == []


def test_two_lost_batches_in_a_row_end_the_cycle_and_nothing_is_lost(pair: Pair) -> None:
    leads = [lead(pair, f"L{n}") for n in range(150)]  # one page, two batches
    pair.cycle("Leads")
    for mine in leads:
        pair.a.edit("Leads", mine, {"City": "Pune"})
    pair.b.faults.next("update", effect="status", status=500, times=2)
    report = pair.cycle("Leads")
    assert report.trouble is not None
    assert report.outcomes["retrying"] == 150
    pair.pass_time(WAIT)
    pair.once()
    assert {pair.counterpart("Leads", i)["City"] for i in leads} == {"Pune"}


def test_a_record_that_breaks_its_whole_call_is_isolated(pair: Pair) -> None:
    assert isinstance(pair.fleet.runners[0]._prepare().fields, FieldMap)
    poison = lead(pair, "poison")
    others = [lead(pair, f"L{n}") for n in range(9)]
    for _ in range(4):
        pair.b.faults.next(["upsert", "insert"], effect="status", status=500, times=1)
        pair.cycle("Leads")
        pair.pass_time(3600 + WAIT)
    pair.emu.clear_faults()
    pair.once()
    assert all(pair.counterpart("Leads", i) for i in [poison, *others])


def test_a_lost_create_without_a_key_never_takes_a_record_that_stands_for_another(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        pair.once()
        lead(pair)
        pair.b.faults.next("insert", effect="cut", when="before")  # it never reached B
        pair.cycle("Leads")
        pair.pass_time(1)
        twin = lead(pair)  # the same values, created since, and linked
        assert pair.cycle("Leads").outcomes["created"] == 1
        pair.pass_time(WAIT)
        pair.once()
        assert len(pair.b.records("Leads")) == 2
        assert (twin,) in pair.sql("select record_id from id_map where org = 'india'")
        assert pair.queue() == []


def test_one_empty_answer_of_a_does_not_drop_a_record_from_the_queue(pair: Pair) -> None:
    mine = lead(pair)
    pair.b.faults.next(["upsert", "insert"], effect="status", status=500)
    pair.cycle("Leads")
    pair.pass_time(3600 + WAIT)
    pair.a.faults.next("list", effect="status", status=204, body="empty")
    pair.once()
    pair.once()
    assert pair.counterpart("Leads", mine)


def test_a_record_that_left_a_leaves_the_queue(pair: Pair) -> None:
    mine = lead(pair)
    bad = pair.a.insert_raw("Leads", {"Last_Name": "Bad", "Company": "C", "Email": "none"})
    pair.once()
    assert [row[0] for row in pair.queue()] == [bad]
    pair.a.delete("Leads", bad)
    pair.ledger.retry(pair.fleet._now(), source_id=bad)
    assert pair.cycle("Leads").outcomes == {"filtered": 1}
    assert pair.queue() == []
    assert pair.counterpart("Leads", mine)


def test_records_whose_call_failed_twice_travel_one_by_one(pair: Pair) -> None:
    for name in "ABC":
        lead(pair, name)
    pair.b.faults.next(["upsert", "insert"], effect="status", status=500, times=2)
    pair.cycle("Leads")
    for _ in range(2):
        pair.pass_time(3600 + WAIT)
        pair.once()
    sizes = [len(call["body"]["data"]) for call in pair.b.log(kind="insert")]
    assert sizes == [3, 3, 1, 1, 1]
