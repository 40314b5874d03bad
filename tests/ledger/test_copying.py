"""A ledger moves between the two databases whole, and goes on there."""

from datetime import timedelta

import pytest

from daemon.core.record import Position
from daemon.ledger import Ledger, LedgerError, Reader, copying
from daemon.ledger.database import locate
from daemon.ledger.tables import metadata


def filled(ledger, make, contacts):
    for n in range(3):
        page = make.page(
            {"created": 1, "held": 2},
            linked=[make.linked(f"1{n}", f"91{n}", Email="d1")],
            queued=[make.row(f"2{n}", value="Ünïcode \N{SNOWMAN}"), make.child(f"3{n}", "77")],
            written=[make.written(f"1{n}", f"91{n}", "Email")],
            checkpoint=Position(modified_time=make.later(n), record_id=str(10 + n)),
        )
        cycle = ledger.settle(contacts, page, None, make.later(n))
        ledger.finish_cycle(cycle, 3, 2, None, make.later(n))
    ledger.begin(contacts, [make.intent("40")])


@pytest.mark.parametrize("there", ["sqlite", "postgres"])
def test_all_of_it_arrives_and_new_rows_follow_the_old_ones(ledger, make, contacts, url, tmp_path, request, there):
    filled(ledger, make, contacts)
    ledger.close()
    other = f"sqlite:///{tmp_path}/other.db"
    if there == "postgres":
        server = request.getfixturevalue("server")
        server.drop("other")
        other = server.make("other")
    counts = copying.copy(locate(url), locate(other))
    assert counts.keys() == metadata.tables.keys()
    assert {counts[name] for name in ("cycles", "changes", "agreed")} == {3}
    with Reader.open(url) as old, Reader.open(other) as new:
        assert old.history() == new.history()
        assert old.balance() == new.balance()
        assert [s.checkpoint_id for s in old.streams()] == [s.checkpoint_id for s in new.streams()]
    with Ledger.open(other) as moved:
        assert moved.ledger_id == ledger.ledger_id
        assert moved.digest_key == ledger.digest_key
        assert moved.settle(contacts, make.page(), None, make.later(9)) == 4
        assert moved.links(contacts, ["10"])["10"].target_id == "910"
        assert moved.distrusted == 0


def test_a_database_that_holds_a_ledger_already_is_left_as_it_is(ledger, url, tmp_path):
    ledger.close()
    other = f"sqlite:///{tmp_path}/other.db"
    Ledger.open(other).close()
    with pytest.raises(LedgerError, match="holds a ledger already; nothing was copied"):
        copying.copy(locate(url), locate(other))


def test_a_copy_that_fails_leaves_nothing(ledger, make, contacts, url, tmp_path, monkeypatch):
    filled(ledger, make, contacts)
    ledger.close()
    other = locate(f"sqlite:///{tmp_path}/other.db")
    with monkeypatch.context() as broken:
        broken.setattr(copying, "_digest", lambda table, connection, _: (id(connection), table.name))
        with pytest.raises(LedgerError, match="nothing was kept"):
            copying.copy(locate(url), other)
    assert copying.revision(other) == (None, copying.HEAD)
    copying.copy(locate(url), other)
    with Reader.open(f"sqlite:///{tmp_path}/other.db") as reader:
        assert len(reader.history()) == 3
        assert reader.history()[0].at - reader.history()[2].at == timedelta(seconds=2)
