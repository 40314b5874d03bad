"""The clock of the source goes back while the daemon runs, and a record is edited before it has noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.emulator import Emulator
from tests.sync.pair import Pair, add_key, make_settings, opened


class Clocks:
    """Time passes for both orgs and for our monotonic clock; our wall clock is right all the time."""

    def __init__(self, emu: Emulator) -> None:
        self._emu = emu
        emu.world.clock.freeze()  # what the test itself takes would pass for the orgs alone
        self._passed = 0.0
        started = datetime.fromtimestamp(emu.world.clock.now(), UTC)
        self.ours: dict[str, Any] = {
            "monotonic": lambda: self._passed,
            "now": lambda: started + timedelta(seconds=self._passed),
        }

    def elapse(self, seconds: float) -> None:
        self._passed += seconds
        self._emu.clock(advance=seconds)


# A small step while nothing runs leaves no trace: such an edit is for the full comparison to find.
@pytest.mark.parametrize(("step", "restarted"), [(-3600, False), (-20, False), (-5, False), (-3600, True)])
@pytest.mark.parametrize("lag", [0, 10])
def test_an_edit_right_after_the_clock_of_a_went_back_is_read(
    tmp_path: Path, step: int, restarted: bool, lag: int
) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), lag=timedelta(seconds=lag))
        clocks = Clocks(emu)
        with opened(emu, settings, **clocks.ours) as pair:
            mine = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
            clocks.elapse(60)
            pair.once()
            pair.once()
            emu.clock(advance=step)
            pair.a.edit("Leads", mine, {"City": "Pune"})
            clocks.elapse(30)
            if not restarted:
                follow(pair, mine, lambda: clocks.elapse(30))
        if restarted:
            with opened(emu, settings, **clocks.ours) as pair:
                follow(pair, mine, lambda: clocks.elapse(30))


def follow(pair: Pair, mine: str, later: Callable[[], None]) -> None:
    for _ in range(3):
        later()
        pair.once()
    assert pair.counterpart("Leads", mine)["City"] == "Pune"


@pytest.mark.parametrize("deletes", ["ignore", "delete"])
def test_edits_long_after_the_step_are_read_though_other_calls_have_seen_the_new_clock(
    tmp_path: Path, deletes: str
) -> None:
    """The walks are further apart than the lag, and the deleted list and another stream ask the org in between."""
    with Emulator(("in", "us")) as emu:
        for module in ("Leads", "Accounts"):
            add_key(emu.orgs["us"], module)
        settings = make_settings(
            emu, tmp_path, modules=("Leads", "Accounts"), lag=timedelta(seconds=120), deletes=deletes
        )
        clocks = Clocks(emu)
        with opened(emu, settings, **clocks.ours) as pair:
            mine = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
            for _ in range(3):
                clocks.elapse(300)
                pair.once()
            emu.clock(advance=-86_400)
            for number in range(4):
                clocks.elapse(100)
                pair.a.edit("Leads", mine, {"City": f"Pune {number}"})
                clocks.elapse(200)
                pair.once()
                if number:  # the first walk after the step is the one that notices it
                    assert pair.counterpart("Leads", mine)["City"] == f"Pune {number}"


def test_a_crowd_of_edits_after_the_step_is_walked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a cycle's ration: the next cycle goes on from there, and not from the step again."""
    monkeypatch.setattr("daemon.sync.polling.PAGES", 1)
    monkeypatch.setattr("daemon.sync.polling.LARGE", 3)
    monkeypatch.setattr("daemon.sync.polling.SMALL", 3)
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), lag=timedelta(seconds=120))
        clocks = Clocks(emu)
        with opened(emu, settings, **clocks.ours) as pair:
            mine = [pair.a.insert_raw("Leads", {"Last_Name": f"A{n}", "Company": "C"}) for n in range(12)]
            for _ in range(12):
                clocks.elapse(60)
                pair.cycle("Leads")
            emu.clock(advance=-86_400)
            for lead in mine:
                clocks.elapse(5)
                pair.a.edit("Leads", lead, {"City": "Pune"})
            for _ in range(12):
                clocks.elapse(5)
                pair.cycle("Leads")
            assert {pair.counterpart("Leads", lead)["City"] for lead in mine} == {"Pune"}


@pytest.mark.parametrize(("step", "poll", "lag"), [(-900, 60, 120), (-3600, 300, 10), (-300, 60, 0)])
def test_what_is_made_while_the_clock_catches_up_with_the_checkpoint_is_read(
    tmp_path: Path, step: int, poll: int, lag: int
) -> None:
    """The last interval before it does stands before the checkpoint as well, though by then the clock is past it."""
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), lag=timedelta(seconds=lag))
        clocks = Clocks(emu)
        with opened(emu, settings, **clocks.ours) as pair:
            for _ in range(3):
                pair.a.insert_raw("Leads", {"Last_Name": "before", "Company": "C"})
                clocks.elapse(poll)
                pair.once()
            emu.clock(advance=step)
            made = []
            for _ in range(-step // poll + 5):
                made.append(pair.a.insert_raw("Leads", {"Last_Name": "after", "Company": "C"}))
                clocks.elapse(poll)
                pair.once()
            clocks.elapse(poll + lag)
            pair.once()
            assert [lead for lead in made if not pair.counterparts("Leads", lead)] == []


def test_what_is_made_while_the_clock_goes_back_and_no_daemon_runs_is_read_though_the_clock_has_caught_up(
    tmp_path: Path,
) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), lag=timedelta(seconds=120))
        clocks = Clocks(emu)
        with opened(emu, settings, **clocks.ours) as pair:
            for _ in range(5):
                pair.a.insert_raw("Leads", {"Last_Name": "before", "Company": "C"})
                clocks.elapse(60)
                pair.once()
        clocks.elapse(600)
        emu.clock(advance=-3600)
        mine = emu.orgs["india"].insert_raw("Leads", {"Last_Name": "while off", "Company": "C"})
        clocks.elapse(7200)
        with opened(emu, settings, **clocks.ours) as pair:
            for _ in range(2):
                clocks.elapse(60)
                pair.once()
            assert len(pair.counterparts("Leads", mine)) == 1


@pytest.mark.parametrize("lag", [0, 10])
def test_an_edit_in_the_very_second_of_the_checkpoint_is_read_after_the_clock_went_back_to_it(
    tmp_path: Path, lag: int
) -> None:
    """Its id is below the checkpoint's, which is as good as a time below it."""
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), lag=timedelta(seconds=lag))
        emu.world.clock.freeze()
        emu.world.clock.set(float(int(emu.world.clock.now())))
        clocks = Clocks(emu)
        with opened(emu, settings, **clocks.ours) as pair:
            first = pair.a.insert_raw("Leads", {"Last_Name": "first", "Company": "C"})
            clocks.elapse(60)
            pair.a.insert_raw("Leads", {"Last_Name": "last", "Company": "C"})
            moment = emu.world.clock.now()
            clocks.elapse(30)
            pair.once()
            clocks.elapse(30)
            emu.world.clock.set(moment + 0.2)
            for _ in range(3):  # the step is noticed, and read up to
                pair.once()
            pair.a.edit("Leads", first, {"City": "Pune"})
            follow(pair, first, lambda: clocks.elapse(2))
