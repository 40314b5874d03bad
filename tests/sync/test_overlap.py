"""What is read again of the last seconds: nothing that is much, until nothing can appear there any more."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.sync import polling
from daemon.sync.changes import ChangeReader, Page
from daemon.zoho.client import Zoho
from daemon.zoho.errors import RequestRefused
from tests.sync.pair import Pair, running_pair

LAG = timedelta(seconds=60)
MANY = 12
_READ = ChangeReader.page


class Watched:
    """A pair at rest, whose source is read by cycles that tell how many records they were shown."""

    pair: Pair

    def __init__(self) -> None:
        self._pages: list[int] = []
        self.told = self.stops = False

    def read(self, reader: ChangeReader, *given: Any) -> Page:
        page = _READ(reader, *given)
        self._pages.append(len(page.changes))
        self.told = self.stops
        return page

    def burst(self) -> list[str]:
        return [self.pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(MANY)]

    def shown(self, after: float) -> int:
        """By the cycle that runs when so many seconds have passed."""
        self.pair.pass_time(after)
        self._pages.clear()
        report = self.pair.cycle("Leads")
        assert (report.trouble, report.caught_up) == (None, True)
        return sum(self._pages)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Four records are much."""
    watched = Watched()

    def page(reader: ChangeReader, *given: Any) -> Page:
        return watched.read(reader, *given)

    for name, value in (("SMALL", 6), ("LARGE", 20), ("FEW", 3), ("LATE_S", 0)):
        monkeypatch.setattr(polling, name, value)
    monkeypatch.setattr(ChangeReader, "page", page)
    with running_pair(tmp_path, modules=("Leads",), lag=LAG, stopping=lambda: watched.told) as watched.pair:
        watched.pair.once()
        yield watched


def insert_unseen(pair: Pair, seconds: float) -> str:
    """A record that reads show only so many seconds after its Modified_Time."""
    pair.a.faults.add(effect="visibility", seconds=seconds, kind=["insert"])
    body = {"data": [{"Last_Name": "late", "Company": "C"}]}
    answer = httpx.post(f"{pair.a.base_url}/crm/v8/Leads", headers=pair.a.headers(), json=body).json()
    pair.emu.clear_faults()
    return str(answer["data"][0]["details"]["id"])


def test_a_burst_is_read_when_it_comes_and_once_more_when_nothing_can_appear_in_it(watched: Watched) -> None:
    watched.burst()
    assert watched.shown(after=5) == MANY
    assert [watched.shown(after=15) for _ in range(3)] == [0, 0, 0]
    assert watched.shown(after=20) == MANY
    assert watched.shown(after=15) == 0
    assert len(watched.pair.b.records("Leads")) == MANY


def test_a_few_changes_are_read_at_each_poll(watched: Watched) -> None:
    for name in ("one", "two"):
        watched.pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C"})
    assert [watched.shown(after=15) for _ in range(3)] == [2, 2, 2]


def test_what_is_changed_after_a_burst_is_seen_at_once(watched: Watched) -> None:
    first, *_ = watched.burst()
    watched.shown(after=5)
    watched.pair.pass_time(15)
    watched.pair.a.edit("Leads", first, {"Company": "D"})
    assert watched.shown(after=2) == 1
    assert watched.pair.counterpart("Leads", first)["Company"] == "D"


def test_what_appears_late_in_what_is_left_out_is_carried_when_the_horizon_has_passed_it(watched: Watched) -> None:
    watched.burst()
    late = insert_unseen(watched.pair, 30)
    assert watched.shown(after=5) == MANY
    assert watched.shown(after=30) == 0
    assert watched.shown(after=40) == MANY + 1
    assert watched.pair.counterpart("Leads", late)


def test_what_appears_within_a_few_seconds_is_carried_by_the_next_poll(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "LATE_S", 10)
    watched.burst()
    late = insert_unseen(watched.pair, 8)
    assert watched.shown(after=5) == MANY
    assert watched.shown(after=15) == MANY + 1
    assert watched.pair.counterpart("Leads", late)
    assert watched.shown(after=15) == 0


def test_an_org_that_shows_all_changes_late_holds_back_none_longer(watched: Watched) -> None:
    """It was taken to have shown all until the poll: what came between waited for the whole lag besides."""
    pair = watched.pair
    pair.a.faults.add(effect="visibility", seconds=30)
    watched.burst()
    pair.pass_time(10)
    body = {"data": [{"Last_Name": "second", "Company": "C"}]}
    httpx.post(f"{pair.a.base_url}/crm/v8/Leads", headers=pair.a.headers(), json=body)
    pair.emu.clear_faults()
    assert watched.shown(after=5) == MANY
    assert watched.shown(after=28) >= 1
    assert len(pair.b.records("Leads")) == MANY + 1


def test_what_appears_late_is_carried_though_a_burst_behind_it_is_still_left_out(watched: Watched) -> None:
    watched.burst()
    late = insert_unseen(watched.pair, 50)
    assert watched.shown(after=5) == MANY
    assert watched.shown(after=25) == 0
    watched.burst()
    assert watched.shown(after=5) == MANY
    assert watched.shown(after=30) == MANY + 1
    assert watched.pair.counterpart("Leads", late)


def test_an_edit_right_after_a_small_step_back_of_the_clock_is_not_left_out(watched: Watched) -> None:
    """The step is shorter than a poll, so that the checkpoint lies before it, and the walk that notices it is empty."""
    pair = watched.pair
    pair.emu.clock(advance=10)
    first, *_ = watched.burst()
    pair.emu.clock(advance=1)
    last = pair.a.insert_raw("Leads", {"Last_Name": "last", "Company": "C"})
    pair.emu.clock(advance=4)
    pair.cycle("Leads")
    pair.a.delete("Leads", last)
    pair.emu.clock(advance=-10)
    pair.a.edit("Leads", first, {"Company": "D"})
    for _ in range(2):
        pair.cycle("Leads")
    assert pair.counterpart("Leads", first)["Company"] == "D"


@pytest.mark.parametrize("step", [-10, -30])
def test_a_step_back_while_a_walk_stands_for_its_ration_leaves_out_no_later_edit(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    """Its end went by the clock of before: what was edited until that came round again waited for the whole lag."""
    pair = watched.pair
    first, *_ = watched.burst()
    pair.pass_time(40)
    watched.burst()
    watched.burst()
    pair.pass_time(5)
    monkeypatch.setattr(polling, "PAGES", 1)
    assert pair.cycle("Leads").more
    monkeypatch.setattr(polling, "PAGES", 100)
    watched.shown(after=step)
    pair.pass_time(1)
    pair.a.edit("Leads", first, {"Company": "D"})
    watched.shown(after=8)
    assert pair.counterpart("Leads", first)["Company"] == "D"


def test_a_step_back_that_was_read_up_to_is_not_left_out_by_what_was_read_before_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk that reads up to it stands for its ration, and the next cycle fails: the third begins at the checkpoint,
    and what was left out there was what had been read before the step.
    """
    pair = watched.pair
    first, *_ = watched.burst()
    watched.burst()
    assert watched.shown(after=20) == 2 * MANY
    pair.pass_time(-15)
    pair.a.edit("Leads", first, {"Company": "D"})
    monkeypatch.setattr(polling, "PAGES", 1)
    monkeypatch.setattr(polling, "LARGE", 6)
    assert pair.cycle("Leads").more
    assert pair.counterpart("Leads", first)["Company"] == "C"
    pair.a.faults.add(effect="status", status=500, kind=["coql"])
    pair.pass_time(1)
    assert pair.cycle("Leads").trouble is not None
    pair.emu.clear_faults()
    monkeypatch.setattr(polling, "PAGES", 100)
    monkeypatch.setattr(polling, "LARGE", 20)
    watched.shown(after=6)
    assert pair.counterpart("Leads", first)["Company"] == "D"


def test_an_org_that_does_not_take_the_narrower_question_is_asked_for_everything(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def refuse(self: ChangeReader, *given: Any) -> Page:
        refused.append(given)
        raise RequestRefused(self._source.org.name, "refused", code="SYNTAX_ERROR", details={})

    monkeypatch.setattr(ChangeReader, "_narrowed", refuse)
    watched.burst()
    watched.shown(after=5)
    assert [watched.shown(after=5) for _ in range(3)] == [MANY, MANY, MANY]
    assert len(refused) == 1
    assert not watched.pair.fleet.runners[0]._reader._by_list


def test_nothing_is_left_out_when_the_clock_of_the_source_went_back(watched: Watched) -> None:
    first, *_ = watched.burst()
    watched.shown(after=20)
    assert watched.shown(after=20) == 0
    watched.pair.pass_time(-30)
    watched.pair.a.edit("Leads", first, {"Company": "D"})
    assert watched.shown(after=2) >= MANY
    assert watched.pair.counterpart("Leads", first)["Company"] == "D"


def test_a_burst_that_is_not_written_is_read_again(watched: Watched) -> None:
    watched.burst()
    watched.shown(after=5)
    made = watched.burst()
    watched.pair.pass_time(5)
    watched.stops = True  # when the page has been read
    watched.pair.cycle("Leads")
    watched.stops = watched.told = False
    assert len(watched.pair.b.records("Leads")) == MANY
    assert watched.shown(after=5) == MANY
    assert [len(watched.pair.counterparts("Leads", one)) for one in made] == [1] * MANY


def test_what_comes_within_the_second_that_was_read_last_is_not_left_out(watched: Watched) -> None:
    watched.burst()
    watched.pair.pass_time(1)
    watched.pair.emu.clock(freeze=True)
    watched.pair.a.insert_raw("Leads", {"Last_Name": "one", "Company": "C"})
    watched.shown(after=0)
    other = watched.pair.a.insert_raw("Leads", {"Last_Name": "other", "Company": "C"})
    assert watched.shown(after=0) == 2
    assert watched.pair.counterpart("Leads", other)


def test_after_new_rules_a_burst_is_read_again(watched: Watched) -> None:
    watched.burst()
    watched.shown(after=5)
    assert watched.shown(after=15) == 0
    watched.pair.fleet.runners[0]._admitted = None  # type: ignore[union-attr]
    assert watched.shown(after=15) == MANY


def test_lists_jump_over_what_is_left_out(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """They can only be asked from a time on, so one page of it is read in vain."""
    listing = Zoho.get_records
    monkeypatch.setattr(Zoho, "get_records", lambda *args, **given: listing(*args, **{**given, "per_page": 3}))
    watched.pair.fleet.runners[0]._reader._by_list = True  # type: ignore[union-attr]
    for number in range(MANY):
        watched.pair.a.insert_raw("Leads", {"Last_Name": f"L{number}", "Company": "C"})
        watched.pair.pass_time(1)
    assert watched.shown(after=5) == MANY
    assert watched.shown(after=15) <= 3
    last = watched.pair.a.insert_raw("Leads", {"Last_Name": "last", "Company": "C"})
    assert watched.shown(after=2) <= 4
    assert watched.pair.counterpart("Leads", last)
    assert watched.shown(after=80) >= MANY


@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_and_shows_late_between_polls_that_fail_arrives(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(polling, "FEW", 0)
    dice, pair = random.Random(seed), watched.pair
    made = watched.burst()
    for number in range(60):
        match dice.choice(("edit", "edit", "hide", "poll", "poll", "stopped", "wait")):
            case "edit":
                pair.a.edit("Leads", dice.choice(made), {"Company": f"C{number}"})
            case "hide":
                insert_unseen(pair, dice.uniform(1, LAG.total_seconds() - 5))
            case "poll":
                pair.cycle("Leads")
            case "stopped":
                watched.stops = True
                pair.cycle("Leads")
                watched.stops = watched.told = False
            case _:
                pair.pass_time(dice.choice((1, 5, 20, 40)))
    for _ in range(4):
        pair.pass_time(LAG.total_seconds())
        pair.once()
    told = [{(row["Last_Name"], row["Company"]) for row in org.records("Leads")} for org in (pair.a, pair.b)]
    assert told[0] == told[1]
    assert len(pair.a.records("Leads")) == len(pair.b.records("Leads"))
