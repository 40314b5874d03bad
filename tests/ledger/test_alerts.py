"""Each incident has one row, each notice one teller, whoever looks; and what those who watch read is the ledger's."""

from datetime import timedelta

import pytest

from daemon.core.alerts import LONGEST_WAIT, Incident
from daemon.core.fuse import Blown
from daemon.core.silence import hour_of
from daemon.ledger import Ledger
from daemon.ledger.alerts import LEASE


def incident(mark="1", **more):
    fixed = {"kind": "fuse", "subject": "india-to-us/Leads", "what": "it is stopped", "command": "orgsync release"}
    return Incident(**(fixed | {"mark": mark} | more))


def test_an_incident_that_goes_on_has_one_row_however_often_it_is_noticed(ledger, make, file):
    for _ in range(3):
        ledger.alerts.note([incident(), incident(mark="2")], [], make.now)
    assert file.one("SELECT count(*) FROM alerts") == 2
    assert [one.mark for one in ledger.alerts.standing()] == ["1", "2"]


def test_what_comes_back_after_its_end_is_an_incident_of_its_own(ledger, make, file):
    ledger.alerts.note([incident()], [], make.now)
    [one] = ledger.alerts.standing()
    ledger.alerts.note([], [one.number], make.later(5))
    ledger.alerts.note([incident()], [], make.later(9))
    assert [again.opened_at for again in ledger.alerts.standing()] == [make.later(9)]
    assert file.one("SELECT count(*) FROM alerts") == 2


def test_each_end_of_an_incident_is_told_once_also_after_a_restart(ledger, make, url):
    ledger.alerts.note([incident()], [], make.now)
    notice = ledger.alerts.take(make.now)
    assert (notice.event, notice.incident) == ("opened", incident())
    ledger.alerts.told(notice, make.later(1))
    ledger.close()
    with Ledger.open(url) as again:
        assert again.alerts.take(make.later(9_999)) is None
        again.alerts.note([], [notice.number], make.later(10_000))
        over = again.alerts.take(make.later(10_001))
        assert (over.event, over.number, over.resolved_at) == ("resolved", notice.number, make.later(10_000))
        again.alerts.told(over, make.later(10_002))
        assert again.alerts.take(make.later(99_999)) is None


def test_what_was_over_before_it_could_be_told_is_still_told_in_order(ledger, make):
    ledger.alerts.note([incident()], [], make.now)
    ledger.alerts.note([], [ledger.alerts.standing()[0].number], make.later(1))
    first = ledger.alerts.take(make.later(2))
    ledger.alerts.told(first, make.later(2))
    second = ledger.alerts.take(make.later(3))
    assert (first.event, second.event) == ("opened", "resolved")


def test_nobody_else_gets_what_somebody_is_telling_until_that_one_must_be_dead(ledger, make):
    ledger.alerts.note([incident()], [], make.now)
    assert ledger.alerts.take(make.now) is not None
    assert ledger.alerts.take(make.later(1)) is None
    again = ledger.alerts.take(make.now + LEASE)
    assert (again.number, again.tries) == (1, 2)


def test_what_could_not_be_told_waits_longer_each_time_and_holds_no_other_up(ledger, make):
    ledger.alerts.note([incident()], [], make.now)
    now = make.now
    for wait in (5, 10, 20):
        ledger.alerts.untold(ledger.alerts.take(now), now)
        assert ledger.alerts.take(now + timedelta(seconds=wait - 1)) is None
        now += timedelta(seconds=wait)
    ledger.alerts.untold(ledger.alerts.take(now), now)
    ledger.alerts.note([incident(mark="2")], [], now)
    assert ledger.alerts.take(now).incident.mark == "2"


def test_a_clock_that_was_ahead_delays_no_alert_for_longer_than_usual(ledger, make):
    ledger.alerts.note([incident()], [], make.later(3_600))
    assert ledger.alerts.take(make.later(3_600) - LONGEST_WAIT) is None
    assert ledger.alerts.take(make.now) is not None


def test_what_is_over_is_forgotten_with_the_history_and_what_goes_on_is_not(ledger, make, file):
    ledger.alerts.note([incident(mark=str(n)) for n in range(3)], [], make.now)
    ledger.alerts.note([], [1], make.later(1))
    ledger.forget(make.later(1))
    assert file.one("SELECT count(*) FROM alerts") == 3
    ledger.forget(make.later(2))
    assert [row for (row,) in file.rows("SELECT mark FROM alerts ORDER BY id")] == ["1", "2"]


def test_the_hours_of_a_stream_are_those_of_its_polls_in_utc(ledger, contacts, accounts, make, reader):
    for minutes, lane, stream in (
        (0, "poll", contacts),
        (59, "poll", contacts),
        (60, "poll", contacts),
        (70, "retry", contacts),
        (80, "poll", accounts),
    ):
        ledger.settle(stream, make.page({"unchanged": 3}, lane=lane), None, make.later(60 * minutes))
    now = make.later(7_200)
    assert reader.hours(contacts.address, now) == {hour_of(make.now): 6, hour_of(make.now) + 1: 3}
    assert reader.hours(contacts.address, now + timedelta(days=31)) == {}
    assert reader.watched(now).polling[contacts.address].last_change_at == make.later(3_600)


def test_what_is_watched_is_what_the_ledger_holds(ledger, contacts, accounts, make, reader):
    ledger.settle(contacts, make.page({"created": 9}), None, make.now)
    page = make.page(
        {"created": 1, "held": 1, "dead": 2},
        queued=[
            make.row("1", "INVALID_DATA", field="Stage", value="secret"),
            *(make.row(i, "RECORD_LOCKED", state="dead") for i in ("2", "3")),
        ],
    )
    ledger.settle(contacts, page, None, make.later(4_000))
    ledger.blow(accounts, Blown(kind="refused", count=30, base=40, allowed=20, examples=("5",)), make.now)
    ledger.alerts.note([incident(), incident(mark="2")], [], make.now)
    ledger.alerts.told(ledger.alerts.take(make.now), make.now)
    ledger.polled(contacts, make.later(4_001), make.later(4_000), caught_up=True)
    ledger.polled(contacts, make.later(4_002), None, caught_up=False, trouble="away")
    seen = reader.watched(make.later(4_100))
    polling = seen.polling[contacts.address]
    assert (polling.read_at, polling.polled_at, polling.trouble) == (make.later(4_001), make.later(4_002), "away")
    assert seen.queue == {
        (contacts.address, "held", "INVALID_DATA"): 1,
        (contacts.address, "dead", "RECORD_LOCKED"): 2,
    }
    assert {name: n for name, n in seen.outcomes[contacts.address].items() if n} == {"created": 1, "held": 1, "dead": 2}
    assert reader.watched(make.later(3_599)).outcomes[contacts.address]["created"] == 10
    assert [(fuse.stream, fuse.blown.count) for fuse in seen.fuses] == [(accounts.address, 30)]
    assert [(one.code, one.records) for one in seen.given_up] == [("RECORD_LOCKED", 2)]
    assert (seen.open_alerts, seen.untold) == ({"fuse": 2}, 1)
    assert seen.unbalanced == {}


@pytest.mark.parametrize("off", [1, 2])
def test_cycles_that_do_not_add_up_are_counted(ledger, contacts, make, file, reader, off):
    for _ in range(off):
        ledger.settle(contacts, make.page(), None, make.now)
    ledger.close()
    file.force("UPDATE cycles SET seen = 7")
    assert reader.watched(make.now).unbalanced == {contacts.address: off}
