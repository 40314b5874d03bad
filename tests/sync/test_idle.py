"""What an org is made of is read seldom while nothing changes, and anew before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.rules import Copy, FieldChoice
from daemon.emulator import Emulator
from tests.sync.pair import Pair, add_key, make_settings, opened

BORN = 1_750_000_000
FIELDS = FieldChoice(table={name: Copy(field=name) for name in ("Last_Name", "Company", "City")})


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A lead is carried, and the time of both orgs and ours stands unless the test moves it."""
    with Emulator(("in", "us")) as emu:
        emu.world.clock.freeze()
        emu.world.clock.set(BORN)
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), fields=FIELDS)
        with opened(emu, settings, monotonic=lambda: emu.world.clock.now() - BORN) as pair:
            pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "City": "Pune"})
            pair.once()
            emu.world.clock.advance(600)
            pair.cycle("Leads")
            yield pair


def polls(pair: Pair, hours: int) -> int:
    """Polls each ten minutes; how often fields were read meanwhile."""
    before = fields_read(pair)
    for _ in range(6 * hours):
        pair.emu.world.clock.advance(600)
        assert pair.cycle("Leads").trouble is None
    return fields_read(pair) - before


def fields_read(pair: Pair) -> int:
    return sum(len(org.log(kind="fields")) for org in (pair.a, pair.b))


def test_while_nothing_changes_fields_are_read_every_six_hours(pair: Pair) -> None:
    assert polls(pair, 5) == 0
    assert polls(pair, 18) == 3 * 2


def test_what_is_written_after_a_calm_is_planned_by_fields_that_are_read_anew(pair: Pair) -> None:
    polls(pair, 3)
    pair.b.change_field("Leads", "City", api_name="Town")
    [lead] = pair.a.records("Leads")
    pair.a.edit("Leads", lead["id"], {"City": "Goa"})
    assert pair.cycle("Leads").trouble is None
    assert [code for _, _, code in pair.queue()] == ["FIELD_ABSENT"]


def test_while_a_record_waits_fields_are_read_every_hour(pair: Pair) -> None:
    pair.b.change_field("Leads", "City", api_name="Town")
    polls(pair, 3)
    [lead] = pair.a.records("Leads")
    pair.a.edit("Leads", lead["id"], {"City": "Goa"})
    pair.cycle("Leads")
    pair.b.change_field("Leads", "Town", api_name="City")
    polls(pair, 2)
    assert pair.queue() == []
    assert pair.counterpart("Leads", lead["id"])["City"] == "Goa"
