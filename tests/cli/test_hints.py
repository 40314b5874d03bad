"""What a command says to do next can be pasted, and is said wherever a person would have to think."""

from __future__ import annotations

import io
import json
import re
import shlex
import signal
from pathlib import Path

import pytest
from rich.console import Console, Group
from rich.text import Text

from daemon.cli import status
from daemon.emulator import Emulator
from tests.blank import put_blank
from tests.cli.inside import Inside, emu, inside
from tests.service.site import until

__all__ = ["emu"]

LEADS = "india-to-us/Leads"


@pytest.fixture
def site(emu: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    return inside(emu, tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    "args",
    [
        "status", "queue --offline", "why 123 --offline", "egress india-to-us", "db current", "retry --cause 1",
        "drop --cause 1 --reason x", f"release {LEADS} --accept 1 --reason x", f"resync {LEADS}", "undo --cycle 1",
    ],
)  # fmt: skip
def test_without_a_ledger_a_command_says_so_and_makes_none(site: Inside, args: str) -> None:
    assert site.run(*args.split()) == 69
    assert "there is no ledger at" in site.said
    assert "The first `orgsync once` or `orgsync run` makes it" in site.said
    assert list(site.site.folder.rglob("*.db")) == []


def test_a_stream_without_a_ladder_makes_no_ledger_and_says_where_the_line_goes(site: Inside) -> None:
    assert site.run("match", LEADS) == 2
    assert "[routes.india-to-us.modules.Leads]: it has no ladder" in site.said
    assert "write one right under that line" in site.said
    assert list(site.site.folder.rglob("*.db")) == []


def test_commands_in_messages_name_the_settings_that_were_given(site: Inside) -> None:
    other = site.site.settings.rename(site.site.folder / 'my "own".toml')
    site.site.settings = other
    option = f"orgsync --settings {shlex.quote(str(other))} "
    assert site.run("status") == 69
    assert f"`{option}once`" in site.said
    assert re.search(r"orgsync (?!--settings )(once|run)\b", site.said) is None
    assert site.run("plan", LEADS, "--json") == 0
    assert next(json.loads(line) for line in site.said.splitlines() if line.startswith("{"))["next"] == f"{option}once"
    assert site.run("queue", "--limit", "0") == 64
    assert "orgsync queue [OPTIONS]" in site.said, "a line of usage is no command"


def test_commands_in_messages_are_short_where_the_settings_are_found_by_themselves(site: Inside) -> None:
    assert site.run("status") == 69
    assert "`orgsync once`" in site.said


def test_an_org_that_nobody_reaches_says_what_to_look_at_and_what_to_type(site: Inside) -> None:
    site.edit(f'accounts_url = "{site.site.emu.orgs["us"].accounts_url}"', 'accounts_url = "http://127.0.0.1:1"')
    assert site.run("once") == 69
    assert "Look whether this machine reaches 127.0.0.1:1" in site.said
    assert "orgs.us.data_center is right, then: orgsync check" in site.said


def test_a_stream_that_is_none_is_named_with_the_nearest_by_every_command_that_takes_one(site: Inside) -> None:
    put_blank(f"sqlite:///{site.site.folder}/state/orgsync.db")
    for words in (("why", "nope/Leads/5"), ("queue", "--stream", "nope/Leads"), ("plan", "india-to-us/Lead")):
        assert site.run(*words) == 64
        assert f"(there is {LEADS}); there are: {LEADS}" in site.said


def test_check_names_each_org_that_does_not_have_the_module(site: Inside) -> None:
    site.edit("Leads", "Laeds")
    code, found = site.check()
    said = [one["seen"] for one in found if one["about"] == "module" and one["level"] == "wrong"]
    assert code == 2
    assert said == [
        f"{org} has no module Laeds (there is Leads), or hides it from the API user" for org in ("india", "us")
    ]


def test_what_means_no_record_changes_nothing_and_ends_with_0(site: Inside) -> None:
    put_blank(f"sqlite:///{site.site.folder}/state/orgsync.db")
    for words in (("retry", "--cause", "999"), ("drop", "--cause", "999", "--reason", "x")):
        assert (site.run(*words), "nothing was changed" in site.said) == (0, True)


def test_no_line_of_a_table_in_a_pipe_ends_in_blanks(site: Inside) -> None:
    site.site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    assert site.run("once") == 0
    [lead] = site.site.emu.orgs["us"].records("Leads")
    for words in (("status",), ("why", lead["id"], "--all-fields"), ("egress", "india-to-us")):
        assert site.run(*words) == 0
        assert [line for line in site.said.split("\n") if line.endswith(" ")] == []


def test_ctrl_c_in_once_says_how_far_each_stream_is_and_that_the_next_goes_on(site: Inside) -> None:
    india, us = (site.site.emu.orgs[name] for name in ("india", "us"))
    for number in range(450):
        india.insert_raw("Leads", {"Last_Name": f"L{number}", "Company": "C"})
    us.faults.add(effect="latency", seconds=0.4)
    process = site.site.start("once")
    until(lambda: us.records("Leads"), 45)
    process.send_signal(signal.SIGINT)
    assert process.wait(45) == 130
    said, there = site.site.log(), len(us.records("Leads"))
    assert "stopped by Ctrl-C. What was written is in the ledger" in said
    assert re.search(rf"{LEADS}: .* in the queue", said)
    assert "next: orgsync once, which goes on from there" in said
    assert "Traceback" not in said
    assert 0 < there < 450
    us.faults.clear()
    assert site.run("once") == 0
    assert len(us.records("Leads")) == 450


def test_a_terminal_that_is_too_low_is_told_how_much_is_not_shown() -> None:
    out = Console(width=60, height=6, file=io.StringIO(), force_terminal=True)
    shown = status._as_high(Group(*(Text(f"line {number}") for number in range(20))), out)
    lines = ["".join(one.text for one in line).rstrip() for line in out.render_lines(shown)]
    assert lines == [*(f"line {n}" for n in range(5)), "15 more lines do not fit here; to see all: orgsync status"]
    low = Group(Text("one"), Text("two"))
    assert status._as_high(low, out) is low
