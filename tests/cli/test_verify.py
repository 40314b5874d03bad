"""`orgsync verify` as it is typed: what it prints, its exit codes, and how it has things put right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from daemon.cli import app
from daemon.cli import verify as verify_room
from daemon.cli.exits import UNREACHABLE, exit_code
from daemon.cli.verify_text import place_of, token_of
from daemon.core import buckets
from daemon.emulator import Emulator
from daemon.sync.prepare import StreamRefusedError
from daemon.sync.verified import LEAST, Place
from daemon.zoho.errors import OrgUnavailable
from tests.service.site import Site, until

STREAM = "india-to-us/Leads"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Three leads in step, of which somebody has edited the first by hand in us."""
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",))
        for name in ("Ann", "Bob", "Cid"):
            emu.orgs["india"].insert_raw("Leads", {"Last_Name": name, "Company": "C", "City": "Pune"})
        emu.clock(advance=60)
        assert typed(site, "once", "--first-run", "create").exit_code == 0
        emu.clock(advance=60)
        twin = next(r for r in emu.orgs["us"].records("Leads") if r["Last_Name"] == "Ann")
        emu.orgs["us"].edit("Leads", twin["id"], {"City": "Hand\x1b[31m"})
        yield site


def typed(site: Site, *args: str) -> Result:
    return CliRunner(env={**site.env, "ORGSYNC_SETTINGS": str(site.settings)}).invoke(app, args)


def test_it_says_what_differs_how_the_rest_was_proved_and_what_to_type(site: Site) -> None:
    done = typed(site, "verify", STREAM)
    ann = next(r for r in site.emu.orgs["india"].records("Leads") if r["Last_Name"] == "Ann")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"{STREAM}: 2 of 3 equal, 1 differ"
    assert any(line.strip().startswith(f"{ann['id']} Ann = ") for line in lines)
    assert "      City: 'Pune' is wanted, 'Hand\N{REPLACEMENT CHARACTER}[31m' is there" in lines
    assert any(line.startswith("proved: india: 3 records counted, ") for line in lines)
    assert any(line.startswith("proved: us: 3 read and compared by digests") for line in lines)
    ways = "--repair FILE (a plan to apply) or --queue (the daemon does it)"
    assert lines[-1] == f"next: orgsync verify {STREAM} {ways}"


def test_queue_puts_it_into_the_queue_and_the_next_run_puts_it_right(site: Site) -> None:
    said = json.loads(typed(site, "verify", STREAM, "--queue", "--json").stdout)
    assert (said["queued"], said["equal"], said["findings"][0]["kind"]) == (1, False, "differs")
    assert typed(site, "once").exit_code == 0
    done = typed(site, "verify", STREAM, "--deep")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, f"{STREAM}: 3 of 3 equal")
    assert {r["City"] for r in site.emu.orgs["us"].records("Leads")} == {"Pune"}
    assert "nothing was put into the queue" in typed(site, "verify", STREAM, "--queue").stdout


def test_it_works_beside_a_daemon_which_is_asked_to_put_it_right(site: Site) -> None:
    site.start("run")
    try:
        until(lambda: "started with 1 streams" in site.log())
        assert typed(site, "verify", STREAM).exit_code == 1
        said = typed(site, "verify", STREAM, "--queue").stdout
        assert "put into the queue: 1, to be read again and written now" in said
        until(lambda: {r["City"] for r in site.emu.orgs["us"].records("Leads")} == {"Pune"})
    finally:
        site.close()


def test_too_few_credits_are_said_with_the_place_where_it_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("READ", "IDS"):
        monkeypatch.setattr(buckets, name, 1)
    everything = json.loads(typed(site, "verify", STREAM, "--json").stdout)["credits"]
    assert everything > LEAST
    done = typed(site, "verify", STREAM, "--credits", str(LEAST))
    assert done.exit_code == 1
    assert "were not verified, as " in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"goes on with: orgsync verify {STREAM} --from ")
    rest = typed(site, "verify", *last.removeprefix("goes on with: orgsync verify ").split()[:3])
    assert rest.exit_code == 1
    assert "goes on with" not in rest.stdout


@pytest.mark.parametrize("most", ["1", "5", "8", "12"])
def test_credits_that_suffice_for_no_step_are_said_before_any_is_spent(site: Site, most: str) -> None:
    before = [org.credits()["used"] for org in site.emu.orgs.values()]
    done = typed(site, "verify", STREAM, "--credits", most)
    assert (done.exit_code, [org.credits()["used"] for org in site.emu.orgs.values()]) == (1, before)
    assert "3 were not verified, as 0 credits are spent" in done.stdout
    assert f"{most} credits do not suffice for a step: it takes at least 13" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.endswith(" --credits 13")
    rest = typed(site, *last.removeprefix("goes on with: orgsync ").split())
    assert "(3 of 3 equal" in rest.stdout or "2 of 3 equal, 1 differ" in rest.stdout
    said = json.loads(typed(site, "verify", STREAM, "--credits", most, "--json").stdout)
    assert (said["equal"], said["least"], said["credits"]) == (False, 13, 0)


def test_metadata_that_takes_all_credits_is_no_outage(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_room, "LEAST", 1)
    done = typed(site, "verify", STREAM, "--credits", "5")
    assert (done.exit_code, "5 credits do not suffice for a step" in done.stdout) == (1, True)


def test_an_org_that_is_not_there_is_no_answer(site: Site) -> None:
    site.emu.orgs["us"].faults.next("coql", status=503, times=20)
    done = typed(site, "verify", STREAM)
    assert isinstance(done.exception, OrgUnavailable)
    assert exit_code(done.exception) == UNREACHABLE


@pytest.mark.parametrize("place", [Place(side="source", edge=51), Place(side="target", edge=1_790_000_000)])
def test_a_place_can_be_typed(place: Place) -> None:
    assert place_of(token_of(place)) == place


@pytest.mark.parametrize("word", ["", "51", "source@", "source@x", "target@yesterday", "both@5"])
def test_a_place_that_no_run_has_named_is_refused(word: str) -> None:
    with pytest.raises(click.UsageError):
        place_of(word)


def test_a_stream_that_never_ran_is_refused(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Accounts",))
        assert typed(site, "once").exit_code == 0
        added = '[routes.india-to-us.modules.Leads]\nkey = "none"\n'
        site.settings.write_text(site.settings.read_text() + added)
        done = typed(site, "verify", STREAM)
        assert isinstance(done.exception, StreamRefusedError)
        assert f"{STREAM} has not run yet" in str(done.exception)
