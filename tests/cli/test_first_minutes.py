"""From an empty folder to a first sync: the README's five commands, and a mistake at each step."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from daemon.settings import load
from tests.cli.inside import Inside, emu, inside
from tests.first_minutes import BLOCK, README, environment, play, point_at, type_in

__all__ = ["emu"]

OPTIONS = {
    **{"--source": "india", "--source-dc": "in", "--target": "us", "--target-dc": "us"},
    **{"--direction": "one-way", "--modules": "Leads, Contacts"},
}


@pytest.fixture
def site(emu: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    found = inside(emu, tmp_path, monkeypatch, capsys)
    found.site.settings.unlink()
    found.site.env = {name: value for name, value in found.site.env.items() if not name.startswith(("INDIA", "US_"))}
    return found


def words(**changes: str | None) -> list[str]:
    given = OPTIONS | {f"--{key.replace('_', '-')}": value for key, value in changes.items()}
    return [word for option, value in given.items() if value is not None for word in (option, value)]


def test_the_five_commands_show_what_the_readme_shows(tmp_path: Path) -> None:
    """`python -m tests.first_minutes` writes it anew."""
    codes, transcript = play(tmp_path)
    [(_, block, _)] = BLOCK.findall(README.read_text(encoding="utf-8"))
    assert (codes, transcript) == ([0, 0, 0, 0, 1], block)  # 1: five records wait for an owner


@pytest.mark.parametrize("option", OPTIONS)
def test_without_a_terminal_an_answer_that_is_missing_is_named(site: Inside, option: str) -> None:
    assert site.run("init", *words(**{option[2:].replace("-", "_"): None})) == 64
    assert f"{option} is missing" in site.said
    assert not site.site.settings.exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("source", "India Org", "small letters"),
        ("target", "india", "another name than india"),
        ("source_dc", "uk", "'uk' is not one of"),
        ("direction", "both", "is not one of"),
        ("modules", "Leads,Notes", "notes = true"),
        ("modules", "Leads,Leads", "named twice"),
        ("modules", "Sales Orders", "no API name"),
        ("modules", " , ", "at least one"),
        ("source_client_id", 'x"\n', "begins with 1000."),
    ],
)
def test_an_answer_that_cannot_be_is_refused_with_what_can(site: Inside, option: str, value: str, said: str) -> None:
    assert site.run("init", *words(**{option: value})) == 64
    assert said in site.said
    assert not site.site.settings.exists()


@pytest.mark.parametrize("direction", ["one-way", "two-way"])
def test_what_init_writes_is_accepted_and_has_a_line_of_its_own_for_each_thing(site: Inside, direction: str) -> None:
    assert site.run("init", *words(direction=direction, source_client_id="1000.A")) == 0
    assert site.said.count("orgsync auth") == 2
    assert ("ZohoCRM.modules.contacts.UPDATE" in site.said.partition("orgsync auth us")[0]) is (direction == "two-way")
    secrets = site.site.folder / "state" / "secrets"
    secrets.mkdir(parents=True)
    for org in ("india", "us"):
        (secrets / org).write_text("secret\n")
        (secrets / org).chmod(0o600)
    assert site.run("check", "--settings-only") == 0
    settings = load(site.site.settings, {})
    assert {stream.address for stream in settings.streams()} == {
        f"{route}/{module}"
        for route in ("india-to-us", "us-to-india")[: 1 + (direction == "two-way")]
        for module in ("Leads", "Contacts")
    }
    text = site.site.settings.read_text()
    uncommented = re.sub(r"^#( {3})?(?=\w+ = )", "", text, flags=re.MULTILINE)
    site.site.settings.write_text(uncommented)
    assert site.run("check", "--settings-only") == 0, site.said


def test_a_file_that_is_there_is_never_overwritten_not_even_a_link_into_nothing(site: Inside) -> None:
    site.site.settings.symlink_to("/nowhere/at/all")
    for more in (words(), ["--all-keys"]):
        assert site.run("init", *more) == 64
        assert "exists; it was not touched" in site.said


def test_a_client_id_that_was_never_filled_in_is_told_before_anything_is_asked_of_zoho(site: Inside) -> None:
    site.run("init", *words())
    assert site.run("auth", "india", stdin="secret\n1000.code\n") == 78
    assert "orgs.india.client_id: found the words of the template" in site.said
    assert "https://api-console.zoho.in" in site.said


def prepared(site: Inside) -> None:
    """Settings as `init` writes them, pointed at the emulated orgs."""
    ids = {
        f"{end}_client_id": site.site.emu.orgs[org].client_id for end, org in (("source", "india"), ("target", "us"))
    }
    assert site.run("init", *words(modules="Leads", **ids)) == 0
    point_at(site.site.emu, site.site.settings)


def files(site: Inside) -> set[Path]:
    return {path for path in site.site.folder.rglob("*") if path.is_file()}


def test_a_client_secret_that_zoho_does_not_take_is_asked_for_again(site: Inside) -> None:
    prepared(site)
    india, kept = site.site.emu.orgs["india"], site.site.folder / "state" / "secrets" / "india"
    assert site.run("auth", "india", stdin=f"wrong\n{india.new_grant()}\n") == 2
    assert ("orgs.india.client_secret" in site.said, kept.exists()) == (True, False)
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n{india.new_grant()}\n") == 0
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert site.said.endswith("next: orgsync auth us\n")
    assert india.client_secret not in site.said
    assert site.run("auth", "india", stdin=f"{india.new_grant()}\n") == 0  # the secret is there now


def test_nothing_typed_is_a_usage_error_and_keeps_nothing(site: Inside) -> None:
    prepared(site)
    before = files(site)
    assert site.run("auth", "india") == 64
    assert "no client secret was given" in site.said
    assert site.run("auth", "india", stdin="secret\n") == 64
    assert "no grant code was given, and nothing changed" in site.said
    assert files(site) == before


def test_a_client_secret_is_kept_only_when_zoho_has_taken_it_whatever_else_went_wrong(site: Inside) -> None:
    prepared(site)
    india, before = site.site.emu.orgs["india"], files(site)
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n1000.no.code\n") == 2
    site.edit(f'accounts_url = "{india.accounts_url}"', 'accounts_url = "http://127.0.0.1:1"')
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n{india.new_grant()}\n") == 69
    assert "Nothing was kept. The client secret and a code are asked for again by: orgsync auth india" in site.said
    assert {path for path in files(site) - before if path.suffix != ".lock"} == set()


def test_a_kept_client_secret_that_zoho_refuses_says_how_another_one_is_typed(site: Inside) -> None:
    prepared(site)
    india = site.site.emu.orgs["india"]
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n{india.new_grant()}\n") == 0
    kept = site.site.folder / "state" / "secrets" / "india"
    kept.write_text("rotated-in-the-console\n")
    assert site.run("auth", "india", stdin=f"{india.new_grant()}\n") == 2
    assert "To type another one, and a new code: rm " in site.said
    subprocess.run(re.search(r"rm \S+", site.said)[0].split(), cwd=site.site.folder, check=True)  # type: ignore[index]
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n{india.new_grant()}\n") == 0
    assert kept.read_text() == f"{india.client_secret}\n"


def test_a_refused_client_secret_of_the_environment_names_the_variable(site: Inside) -> None:
    prepared(site)
    site.site.env["INDIA_SECRET"] = "wrong-secret"
    site.edit('client_secret = { file = "state/secrets/india" }', 'client_secret = { env = "INDIA_SECRET" }')
    assert site.run("auth", "india", stdin="1000.code\n") == 2
    assert "It is in the environment variable INDIA_SECRET: put the right one there" in site.said
    assert "wrong-secret" not in site.said


def test_a_code_that_is_used_up_says_where_to_make_a_new_one(site: Inside) -> None:
    prepared(site)
    india = site.site.emu.orgs["india"]
    code = india.new_grant()
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n{code}\n") == 0
    assert site.run("auth", "india", stdin=f"{code}\n") == 2
    assert "A code works once" in site.said
    assert "https://api-console.zoho.in (Self Client > Generate Code)" in site.said


def test_a_code_without_a_scope_that_is_needed_says_which_and_what_to_paste(site: Inside) -> None:
    prepared(site)
    us = site.site.emu.orgs["us"]
    few = us.new_grant(scopes=["ZohoCRM.modules.leads.READ", "ZohoCRM.settings.ALL", "ZohoCRM.org.READ"])
    assert site.run("auth", "us", stdin=f"{us.client_secret}\n{few}\n") == 2
    assert "x  scope ZohoCRM.modules.leads.CREATE is missing: to make Leads" in site.said
    assert "make a code with all of these: ZohoCRM.modules.leads.READ,ZohoCRM.modules.leads.CREATE" in site.said
    assert site.said.endswith("next: orgsync auth us\n")


def test_a_refresh_token_that_the_settings_name_is_said_to_be_the_one_in_use(site: Inside) -> None:
    prepared(site)
    india = site.site.emu.orgs["india"]
    site.site.env["T"] = india.refresh_token
    site.edit("[orgs.india]", '[orgs.india]\nrefresh_token = { env = "T" }')
    assert site.run("auth", "india", stdin=f"{india.client_secret}\n{india.new_grant()}\n") == 0
    assert "orgs.india.refresh_token names another one" in site.said


def test_a_slip_on_the_terminal_is_asked_again(tmp_path: Path) -> None:
    answers = ["India", "india", "xx", "in", "", "india", "us", "us", "", "one-way", "Notes", "Leads"]
    code, shown = type_in(["init"], answers, tmp_path, environment())
    assert (code, shown.count("Error: ")) == (0, 4)
    assert "orgs.india.client_id" in shown
    assert 'client_id = "1000.CLIENT_ID_OF_US"' in (tmp_path / "settings.toml").read_text()
