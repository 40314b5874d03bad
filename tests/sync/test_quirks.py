"""The road under every reading of every unconfirmed fact: create, update, refuse, delete, replay, and then silence.

Three readings at a time, of different facts; a failure names them, and `-k` with one of them plays the three alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator.quirks import QUIRKS
from tests.sync.pair import MODULES, Pair, running_pair

NOT_ON_THE_ROAD = ("bulk_",)  # bulk jobs are not called by this version
READINGS = [
    (name, choice)
    for name, quirk in QUIRKS.items()
    for choice in quirk.choices[1:]
    if not name.startswith(NOT_ON_THE_ROAD) and name != "unknown_picklist"
]


AT_ONCE = -(-len(READINGS) // 3)
GROUPS = [READINGS[start::AT_ONCE] for start in range(AT_ONCE)]  # far apart in the list: of different facts


@pytest.fixture
def pair(tmp_path: Path, readings: list[tuple[str, str]]) -> Iterator[Pair]:
    quirks = {"unknown_picklist": "reject", **dict(readings)}
    assert len(dict(readings)) == len(readings), "two readings of one fact"
    with running_pair(tmp_path, quirks=quirks, deletes="delete", default_owner="pat.doe@example.com") as pair:
        yield pair


@pytest.mark.parametrize("readings", GROUPS, ids=lambda group: ",".join(map("=".join, group)))
def test_the_road_holds(pair: Pair) -> None:
    planted = {defect["id"] for defect in pair.emu.seed("india", records=120, seed=5, defects=0.1)}
    pair.once()
    pair.pass_time(60)
    edited = [record["id"] for record in pair.a.records("Leads")[:20]]
    for lead in edited:
        pair.a.edit("Leads", lead, {"Company": "Edited"})
    deleted = [record["id"] for record in pair.a.records("Leads")[20:25] if record["id"] not in planted]
    for lead in deleted:
        pair.a.delete("Leads", lead)
    pair.pass_time(40)  # longer than what a query may lag behind
    pair.once()
    assert [pair.counterparts("Leads", lead) for lead in deleted] == [[]] * len(deleted)
    stuck = {row[0]: row[2] for row in pair.queue()}
    for module in MODULES:
        for record in pair.a.records(module):
            assert len(pair.counterparts(module, record["id"])) == (0 if record["id"] in stuck else 1)
    assert {i for i, code in stuck.items() if code != "WAITS_FOR_PARENT"} <= planted
    assert {pair.counterpart("Leads", i)["Company"] for i in edited if i not in stuck} == {"Edited"}
    pair.pass_time(600)
    before = len(pair.writes())
    pair.once()
    assert len(pair.writes()) == before
