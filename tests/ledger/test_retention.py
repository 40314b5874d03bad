"""The history is forgotten in small steps; what the road stands on is not."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from daemon.core.fuse import Blown
from daemon.ledger import Ledger, retention
from daemon.ledger.tables import conflicts, metadata

DAY = 86_400


def history(ledger, contacts, make, days):
    """A cycle a day: one created, one that waits under a cause of its own."""
    for day in range(days):
        record, now = str(1_000 + day), make.later(day * DAY)
        page = make.page(
            {"created": 1, "held": 1},
            linked=[make.linked(record, f"9{record}")],
            written=[make.written(record, f"9{record}", "Email")],
            queued=[make.row(f"7{record}", value=f"v{day}")],
        )
        ledger.settle(contacts, page, None, now)


def forget_all(ledger, before):
    steps = []
    while rows := ledger.forget(before):
        steps.append(rows)
    return steps


def counts(file):
    tables = ("changes", "cycles", "causes", "retry_queue", "id_map", "agreed", "checkpoints")
    return {table: file.one(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - names from here


def test_old_history_goes_and_nothing_else(ledger, contacts, make, file):
    history(ledger, contacts, make, 10)
    assert sum(forget_all(ledger, make.later(7 * DAY))) == 14
    assert counts(file) == {
        **{"changes": 3, "cycles": 3},
        **{"causes": 10, "retry_queue": 10, "id_map": 20, "agreed": 10, "checkpoints": 2},
    }
    assert file.orphans() == []


def test_it_goes_in_small_steps(ledger, contacts, make, monkeypatch):
    history(ledger, contacts, make, 7)
    monkeypatch.setattr(retention.forget, "__defaults__", (2,))
    assert forget_all(ledger, make.later(7 * DAY)) == [4, 4, 4]


def test_the_last_cycle_of_a_stream_stays_however_old(ledger, contacts, accounts, make, reader):
    history(ledger, contacts, make, 3)
    ledger.settle(accounts, make.page(), None, make.now)
    forget_all(ledger, make.later(9_999 * DAY))
    shown = {s.stream: (s.last_cycle_id, s.last_seen, s.last_balance) for s in reader.streams()}
    assert shown == {"india-to-us/Contacts": (3, 2, "ok"), "india-to-us/Accounts": (4, 1, "ok")}


def test_a_number_is_never_given_twice(ledger, contacts, make, file):
    history(ledger, contacts, make, 3)
    ledger.settle(contacts, make.page(dequeued=[f"7100{n}" for n in range(3)]), None, make.later(3 * DAY))
    forget_all(ledger, make.later(9_999 * DAY))
    assert counts(file) | {"id_map": 0, "agreed": 0} == {
        **{"changes": 1, "cycles": 2, "causes": 1},
        **{"retry_queue": 0, "id_map": 0, "agreed": 0, "checkpoints": 2},
    }
    history(ledger, contacts, make, 1)
    assert (file.one("SELECT max(id) FROM changes"), file.one("SELECT max(id) FROM causes")) == (4, 4)


def test_a_cycle_with_changes_left_stays_with_them(ledger, contacts, make, file):
    number = ledger.settle(contacts, make.page({"created": 1}, written=[make.written("1", "91")]), None, make.now)
    ledger.settle(contacts, make.page({"created": 1}, written=[make.written("2", "92")]), number, make.later(9 * DAY))
    ledger.settle(contacts, make.page(), None, make.later(9 * DAY))
    assert forget_all(ledger, make.later(DAY)) == [1]
    assert file.rows("SELECT id FROM cycles ORDER BY id") == [(1,), (2,)]


def test_a_sum_that_is_off_stays_an_alarm(ledger, contacts, make, file, reader):
    history(ledger, contacts, make, 3)
    file.force("UPDATE cycles SET seen = 5 WHERE id = 1")
    forget_all(ledger, make.later(9_999 * DAY))
    assert {s.health for s in reader.streams() if s.stream == contacts.address} == {"unbalanced"}


def test_ended_comparisons_and_used_up_fuses_go_but_for_the_last(ledger, contacts, accounts, make, file):
    for day in range(5):
        now = make.later(day * DAY)
        for stream in (contacts, accounts):
            ledger.start_comparison(stream.address, "asked", now)
            ledger.compared(ledger.comparison(stream)[0], 1, now, now, finished=day < 4)
        ledger.blow(contacts, Blown(kind="deletes", count=9, base=9, allowed=1, examples=()), now)
        ledger.release(contacts.address, 9, "meant", now)
        if day < 3:
            ledger.spend_releases(contacts, now)
    forget_all(ledger, make.later(9_999 * DAY))
    assert file.rows("SELECT stream, finished_at FROM comparisons ORDER BY stream") == [
        (accounts.address, None),
        (contacts.address, None),
    ]
    assert ledger.comparison(contacts)[1] == make.later(4 * DAY)
    assert file.rows("SELECT spent_at FROM fuses") == [(None,), (None,)]


FOR_EVER = {
    "checkpoints",
    "id_map",
    "agreed",
    "baselines",
    "retry_queue",
    "drops",
    "exports",
    "orgs",
    "meta",
    "backfills",
    "late_jobs",
}
BY_THE_ROAD = {"intents", "deletions"}  # they go when they are answered, and after 61 days
ELSEWHERE = {"daemons", "renewals", "alerts", "spending"}
"""After an hour and ten minutes (test_claims); test_alerts; after a day (test_spending)."""


def test_every_table_stays_as_long_as_it_was_but_for_what_is_kept_for_ever(ledger, contacts, make, file):
    """Day by day the same people do the same: after the retention, what is forgotten is as much as what comes."""
    lengths, kept = [], []
    for day in range(30):
        now = make.later(day * DAY)
        a_day(ledger, contacts, make, day)
        forget_all(ledger, now - timedelta(days=5))
        names = [name for name in metadata.tables if name not in FOR_EVER | BY_THE_ROAD | ELSEWHERE]
        lengths.append({name: file.one(f"SELECT count(*) FROM {name}") for name in names})  # noqa: S608
        kept.append(file.one("SELECT count(*) FROM retry_queue WHERE state = 'dead'"))
    lengths = [one | {"causes": one["causes"] - dead} for one, dead in zip(lengths, kept, strict=True)]
    assert lengths[29] == lengths[10]
    assert min(lengths[29].values()) > 0
    assert kept[29] == 30
    assert file.one("SELECT count(*) FROM id_map") == 60
    assert file.orphans() == []


def a_day(ledger, contacts, make, day):
    """One record made and linked, one given up, one held and mended, a conflict, a comparison, a fuse."""
    record, now = str(1_000 + day), make.later(day * DAY)
    queued = [make.row(f"7{record}", value=f"dead {day}", state="dead"), make.row(f"8{record}", value=f"held {day}")]
    cycle = ledger.settle(
        contacts,
        make.page(
            {"created": 1, "dead": 1, "held": 1},
            linked=[make.linked(record, f"9{record}")],
            written=[make.written(record, f"9{record}", "Email")],
            queued=queued,
        ),
        None,
        now,
    )
    ledger.settle(contacts, make.page(dequeued=[f"8{record}"]), cycle, now)
    ledger.start_comparison(contacts.address, "scheduled", now)
    ledger.compared(ledger.comparison(contacts)[0], 1, now, now, finished=True)
    ledger.blow(contacts, Blown(kind="deletes", count=9, base=9, allowed=1, examples=()), now)
    ledger.release(contacts.address, 9, "meant", now)
    ledger.spend_releases(contacts, now)
    with ledger._writing() as connection:
        connection.execute(
            insert(conflicts),
            {"stream": contacts.address, "source_id": record, "target_id": record, "field": "Email"}
            | {"rule": "newest", "winner": "india", "at": now},
        )


@pytest.mark.sqlite
def test_the_file_stays_as_long_as_the_history(ledger, contacts, make, file):
    """Freed pages are used again: ten times the history in the same file."""
    sizes = []
    for day in range(40):
        rows = [make.written(f"{day}{n}", f"9{day}{n}", "Email", "Phone") for n in range(200)]
        ledger.settle(contacts, make.page({"updated": 200}, written=rows), None, make.later(day * DAY))
        forget_all(ledger, make.later(day * DAY) - timedelta(days=4))
        sizes.append(file.one("PRAGMA page_count"))
    assert max(sizes) < 1.1 * sizes[7]


def test_the_tables_of_a_server_stay_as_long_as_the_history(server, make, contacts):
    """As the file does; its autovacuum is played by hand."""
    server.drop("bounded")
    with Ledger.open(server.make("bounded", "fresh")) as ledger:
        ledger.start_stream(contacts, "v1", "create", make.now)
        sizes = []
        for day in range(30):
            rows = [make.written(f"{day}{n}", f"9{day}{n}", "Email", "Phone") for n in range(200)]
            ledger.settle(contacts, make.page({"updated": 200}, written=rows), None, make.later(day * DAY))
            forget_all(ledger, make.later(day * DAY) - timedelta(days=4))
            server.sql("bounded", "VACUUM changes")
            sizes.append(server.sql("bounded", "SELECT pg_total_relation_size('changes')")[0][0])
    assert max(sizes) < 1.2 * sizes[7]
