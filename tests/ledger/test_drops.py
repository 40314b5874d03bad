"""Drops: who took what out of the queue, and what may enter it afterwards."""

from datetime import timedelta

from daemon.core.absent import NOTHING
from daemon.core.dropped import PutBack
from daemon.core.settle import Undone


def drop(ledger, make, **chosen):
    return ledger.drop(make.later(60), who="ann@desk", reason="not ours", **chosen)


def test_a_drop_leaves_who_when_and_why_and_nothing_in_the_queue(ledger, contacts, accounts, make, file, reader):
    ledger.settle(contacts, make.page({"held": 2}, queued=[make.row("1"), make.row("2")]), None, make.now)
    ledger.settle(accounts, make.page({"held": 1}, queued=[make.row("1")]), None, make.now)
    assert drop(ledger, make, source_id="1", stream=contacts.address) == 1
    assert file.rows("SELECT stream, source_id, code, detail, dropped_at, who, reason, ended_at FROM drops") == [
        (contacts.address, "1", "INVALID_DATA", "seen", "2026-05-04 12:01:00.000000", "ann@desk", "not ours", None)
    ]
    assert sorted(ledger.waiting(contacts, ["1", "2"])) == ["2"]
    assert [cause.records for cause in reader.stuck()] == [1, 1]
    [story] = [one for one in reader.stories("1") if one.stream == contacts.address]
    assert (story.waiting, story.dropped.who) == (None, "ann@desk")


def test_what_was_on_its_way_when_it_was_dropped_does_not_enter_the_queue_again(ledger, contacts, make):
    ledger.settle(
        contacts, make.page({"held": 1}, queued=[make.row("1", state="due", due_at=make.now)]), None, make.now
    )
    assert drop(ledger, make, stream=contacts.address) == 1
    ledger.settle(contacts, make.page({"held": 1}, lane="retry", queued=[make.row("1")]), None, make.later(61))
    assert ledger.waiting(contacts, ["1"]) == {}
    edited = make.row("1", modified_time=make.later(62))
    ledger.settle(contacts, make.page({"held": 1}, queued=[edited], anew=["1"]), None, make.later(63))
    assert (sorted(ledger.waiting(contacts, ["1"])), ledger.dropped(contacts, ["1"])) == (["1"], {})


def test_a_record_whose_write_has_no_answer_yet_stays(ledger, contacts, make):
    due = [make.row(i, "UNCERTAIN", state="due", due_at=make.now) for i in ("1", "2")]
    ledger.settle(contacts, make.page({"retrying": 2}, queued=due), None, make.now)
    ledger.begin(contacts, [make.intent("1")])
    assert drop(ledger, make, stream=contacts.address) == 1
    assert sorted(ledger.waiting(contacts, ["1", "2"])) == ["1"]


def test_each_drop_of_a_record_is_kept_and_the_latest_stands(ledger, contacts, make, file):
    for seconds in (0, 30):
        row = make.row("1", modified_time=make.now + timedelta(seconds=seconds))
        ledger.settle(contacts, make.page({"held": 1}, queued=[row]), None, make.now)
        assert drop(ledger, make, source_id="1") == 1
    assert ledger.dropped(contacts, ["1", "2"]) == {"1": make.later(30)}
    assert file.rows("SELECT ended_at IS NULL FROM drops ORDER BY id") == [(0,), (1,)]


def test_a_dropped_deletion_is_the_same_however_it_is_noticed_again(ledger, contacts, make):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1", deletion=True)]), None, make.now)
    assert drop(ledger, make, source_id="1") == 1
    assert ledger.dropped(contacts, ["1"]) == {"1": None}
    ledger.enqueue(contacts, [make.row("1", deletion=True, modified_time=make.later(90))], make.later(90))
    assert ledger.waiting(contacts, ["1"]) == {}
    ledger.enqueue(contacts, [make.row("1")], make.later(90))
    assert sorted(ledger.waiting(contacts, ["1"])) == ["1"]


def test_what_an_undo_holds_back_stands_by_version_until_it_is_in_step_or_the_rules_are_others(ledger, contacts, make):
    def undo(cycle, held_back, in_step=()):
        undone = Undone(cycle=cycle, who="ann@desk", held_back=held_back, in_step=in_step)
        ledger.settle(contacts, make.page({"updated": 1}, lane="retry", undone=undone), None, make.now)

    undo(7, {"1": make.now, "2": None, "3": make.now})
    undo(8, {"3": make.later(5)}, in_step=["2"])
    assert ledger.put_back(contacts) == {
        "1": PutBack(version=make.now, by="put back by the undo of cycle 7"),
        "3": PutBack(version=make.later(5), by="put back by the undo of cycle 8"),
    }
    assert ledger.dropped(contacts, ["1", "2", "3"]) == {"1": make.now, "3": make.later(5)}
    assert ledger.put_back(contacts, ["2", "3"]).keys() == {"3"}
    ledger.restart_stream(contacts, "other rules", NOTHING, make.now)
    assert ledger.put_back(contacts) == {}
