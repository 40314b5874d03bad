"""Progress of what takes longer than two seconds: on a terminal, on standard error, and nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from daemon.cli.progress import Part, far
from daemon.emulator import Emulator
from tests.cli.test_watch import COLOUR, CONTROL, on_a_terminal
from tests.service.site import Site


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose source takes some time to answer."""
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path_factory.mktemp("site"), modules=("Leads",))
        site.settings.write_text(
            site.settings.read_text().replace("modules.Leads]", "modules.Leads]\nmatch = ['Email']")
        )
        emu.orgs["india"].faults.add(effect="latency", seconds=0.7)
        yield site
        site.close()


def test_once_and_match_show_how_far_they_are_on_a_terminal_of_any_width(slow: Site) -> None:
    slow.call("once")
    for command, said in (("once", "streams caught up"), ("match india-to-us/Leads", "reading both orgs")):
        code, drawn = on_a_terminal(slow, *command.split(), columns=40 if command == "once" else 100, NO_COLOR="1")
        assert (code, COLOUR.search(drawn), "Traceback" in drawn) == (0, None, False)
        shown = [CONTROL.sub("", line) for line in drawn.replace("\r", "\n").splitlines()]
        bars = [line for line in shown if said in line]
        assert bars
        drawn_wide = "━" in bars[0] and re.search(r"\d:\d\d:\d\d", bars[0]) is not None
        assert drawn_wide == (command != "once"), "a narrow terminal gets words alone"
        assert command != "once" or max(map(len, bars)) <= 40


def test_a_pipe_gets_none_of_it(slow: Site) -> None:
    slow.env["FORCE_COLOR"] = "1"  # says nothing of where the cursor can be moved
    done = slow.call("once", "--json")
    assert json.loads(done.stdout)["streams"][0]["stream"] == "india-to-us/Leads"
    assert "streams caught up" not in done.stderr


@pytest.mark.parametrize(
    ("part", "before", "took_s", "said"),
    [
        (Part(what="x"), 0, 5, ""),
        (Part(what="x", done=1_200), 0, 5, "1,200"),
        (Part(what="x", done=0, total=4_000), 0, 5, "0 of 4,000"),
        (Part(what="x", done=1_000, total=4_000), 0, 5, "1,000 of 4,000, about 15s left"),
        (Part(what="x", done=4_000, total=4_000), 0, 5, "4,000 of 4,000"),
        (Part(what="x", done=2_000, total=4_000), 1_000, 150, "2,000 of 4,000, about 5m left"),
    ],
)
def test_what_is_left_goes_by_the_rate_since_it_was_first_seen(part: Part, before: int, took_s: int, said: str) -> None:
    assert far(part, before, timedelta(seconds=took_s)) == said
