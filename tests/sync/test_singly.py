"""A record that Zoho fails to show alone holds no other: its own time comes again."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from daemon.core.rules import Copy, FieldChoice, Rows
from daemon.emulator import Emulator
from daemon.sync.changes import FieldAbsent
from daemon.sync.singly import singly
from daemon.zoho.errors import BadAnswer, OrgUnavailable
from tests.sync.carrying import equip
from tests.sync.pair import Pair, add_key, make_settings, opened, running_pair


def poison(pair: Pair, org: str, record_id: str) -> None:
    """Every answer about this one record alone is a 500."""

    def spoil(reply: httpx.Response) -> None:
        if reply.request.method == "GET" and reply.request.url.path.endswith(f"/{record_id}"):
            reply.status_code = 500

    pair.fleet.catalogs[org].zoho._caller.transport._client.event_hooks = {"response": [spoil]}


def lead(pair: Pair, name: str, **values: object) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


def test_what_is_queued_behind_one_that_cannot_be_read_is_settled(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        held = lead(pair, "held", Email="none")
        pair.pass_time(30)
        pair.once()
        poison(pair, "india", held)
        pair.a.delete("Leads", held, permanent=True)
        pair.ledger.retry(pair.fleet._now(), source_id=held)
        lost = lead(pair, "lost")
        pair.b.faults.next("insert", effect="cut", when="after")
        for _ in range(3):
            pair.pass_time(300)
            assert pair.once()["india-to-us/Leads"].trouble is None
        assert pair.counterpart("Leads", lost)
        assert pair.queue() == [(held, "due", "UNREAD")]


def test_new_records_arrive_beside_one_whose_rows_cannot_be_read(tmp_path: Path) -> None:
    columns = FieldChoice(table={"Place": Copy(field="Place")})
    rows = Rows(field="Visits", columns=columns)
    fields = FieldChoice(table={**{name: Copy(field=name) for name in ("Last_Name", "Company")}, "Visits": rows})
    with Emulator(("in", "us")) as emu:
        for org in emu.orgs.values():
            equip(org, "Visits", ("Place", "Day", "Account"), "Interests")
        add_key(emu.orgs["us"], "Leads")
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",), fields=fields)) as pair:
            bad = lead(pair, "bad", Visits=[{"Place": "Wien"}])
            poison(pair, "india", bad)
            good = [lead(pair, f"good {n}", Visits=[{"Place": "Graz"}]) for n in range(2)]
            for _ in range(2):
                pair.pass_time(30)
                assert pair.once()["india-to-us/Leads"].trouble is None
            assert [len(pair.counterparts("Leads", i)) for i in good] == [1, 1]
            assert pair.queue() == [(bad, "due", "UNREAD")]


def read_of(failing: dict[str, Exception]):
    def read(record_id: str) -> str:
        if record_id in failing:
            raise failing[record_id]
        return record_id.upper()

    return read


def test_single_failures_are_told_apart_from_what_was_read():
    failing = {"a": OrgUnavailable("org", "500"), "c": BadAnswer("org", "half")}
    assert singly("abcd", read_of(failing)) == ({"b": "B", "d": "D"}, frozenset("ac"))


@pytest.mark.parametrize(
    "failing",
    [
        {"a": OrgUnavailable("org", "500"), "b": OrgUnavailable("org", "500")},
        {"b": OrgUnavailable("org", "429", retry_after=2.0)},
        {"c": FieldAbsent("org", "a column is missing")},
    ],
)
def test_two_in_a_row_a_rest_and_a_missing_field_are_not_the_records_own_trouble(failing):
    with pytest.raises(type(next(iter(failing.values())))):
        singly("abcd", read_of(failing))
