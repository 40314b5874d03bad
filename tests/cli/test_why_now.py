"""`orgsync why` with both orgs at hand: how a record is there now, and why one that the ledger does not know is not."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from daemon import cli
from daemon.emulator import Emulator
from tests.service.site import Site, until

STREAM = "india-to-us/Contacts"
Why = Callable[..., tuple[int, str]]


@dataclass
class Cast:
    """The site and its records: ids of the source, `theirs` of the counterpart of `ann`."""

    site: Site
    ann: str
    theirs: str
    secret: str


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """A site that has run once; nothing here writes to it but what undoes itself."""
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path_factory.mktemp("site"), modules=("Accounts", "Contacts"))
        rules = "where = \"Last_Name != 'Secret'\"\nmatch = ['Email']\n"
        rules += "fields = { '*' = '*', Mobile = { source = 'Mobile', owner = 'target' } }"
        site.settings.write_text(site.settings.read_text().replace("modules.Contacts]", f"modules.Contacts]\n{rules}"))
        india, us = emu.orgs["india"], emu.orgs["us"]
        account = india.insert_raw("Accounts", {"Account_Name": "Zylker"})
        person = {"Last_Name": "Lee", "Email": "ann@zylker.example", "Phone": "1", "Fax": "1", "Mobile": "1"}
        ann = india.insert_raw("Contacts", person | {"Account_Name": {"id": account}})
        for number in (1, 2):
            india.insert_raw("Contacts", {"Last_Name": "Twin", "Email": f"twin{number}@zylker.example"})
        secret = india.insert_raw("Contacts", {"Last_Name": "Secret", "Email": "hush@zylker.example"})
        done = site.call("once")
        assert done.returncode == 0, done.stderr
        theirs = next(r["id"] for r in us.records("Contacts") if r["Last_Name"] == "Lee")
        us.edit("Contacts", theirs, {"Phone": "2", "Mobile": "2"})
        yield Cast(site, ann, theirs, secret)
        site.close()


@pytest.fixture
def why(cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Why:
    """The command in this process: its exit code and all that it prints."""

    def call(*args: str) -> tuple[int, str]:
        for name, value in cast.site.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ORGSYNC_SETTINGS", str(cast.site.settings))
        monkeypatch.setattr(sys, "argv", ["orgsync", "why", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out + err

    return call


def test_both_records_are_shown_field_by_field_and_what_differs_is_marked(cast: Cast, why: Why) -> None:
    code, said = why(cast.ann)
    assert code == 0
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "Phone 1 1 2 changed in us since the last write" in lines
    assert "Mobile 1 1 2 left to us by the settings" in lines
    assert "field india has should be us has" in lines
    assert not any(line.startswith("Fax") for line in lines), "what is equal is counted, not listed"
    assert 'holds it for a person (drift = "report")' in said
    assert "rule: [routes.india-to-us.modules.Contacts] where Last_Name != 'Secret'" in said
    assert "Fax" in why("--all-fields", cast.ann)[1]


def test_an_e_mail_address_finds_the_record_and_tells_the_same_story(cast: Cast, why: Why) -> None:
    told = why("ann@zylker.example")
    assert f"india Contacts {cast.ann} -> us Contacts {cast.theirs}" in told[1]
    assert told == why(cast.theirs)
    assert why(f"{STREAM}/ANN@zylker.example")[0] == 0


def test_a_value_that_fits_several_records_lists_each_once(why: Why) -> None:
    code, said = why("Twin")
    assert code == 1
    assert "Twin fits several records:" in said
    assert said.count(f": orgsync why {STREAM}/") == 2


def test_what_the_filter_leaves_out_is_said_with_the_filter(cast: Cast, why: Why) -> None:
    code, said = why("hush@zylker.example")
    assert code == 1
    assert f"india Contacts {cast.secret} Secret by Email" in said
    assert "does not match [routes.india-to-us.modules.Contacts] where = \"Last_Name != 'Secret'\"" in said
    assert why(cast.secret)[1].endswith(said.splitlines()[-1] + "\n"), "its id says so too"


def test_a_record_that_is_not_read_yet_deleted_or_the_target_s_own_is_told_so(cast: Cast, why: Why) -> None:
    india, us = cast.site.emu.orgs["india"], cast.site.emu.orgs["us"]
    fresh = india.insert_raw("Contacts", {"Last_Name": "Fresh"})
    own = us.insert_raw("Contacts", {"Last_Name": "Own"})
    try:
        assert f"and {STREAM} has read to " in why(fresh)[1]
        assert "us has it of its own" in why("Own")[1]
    finally:
        india.delete("Contacts", fresh)
        us.delete("Contacts", own)
    assert f"india Contacts {fresh} was deleted there " in why(fresh)[1]
    code, nobody = why("nobody@zylker.example")
    assert code == 1
    assert "no record was found: asked were " in nobody


def test_without_an_org_the_ledger_s_part_is_told_and_the_exit_code_is_its_own(cast: Cast, why: Why) -> None:
    site = cast.site
    code, offline = why(cast.ann, "--offline")
    assert (code, "us has" in offline) == (0, False)
    assert "the orgs were not asked how it is there now: --offline" in offline
    assert why("ann@zylker.example", "--offline")[0] == 64
    site.emu.orgs["us"].faults.add(effect="status", status=429)
    try:
        code, away = why(cast.ann)
        assert (code, "create in cycle" in away) == (0, True)
        assert "the orgs were not asked how it is there now: us: " in away
        assert why("ann@zylker.example")[0] == 69, "without the orgs nobody knows who that is"
    finally:
        site.emu.clear_faults()
    text = site.settings.read_text()
    site.settings.write_text(text.replace("INDIA_SECRET", "NO_SUCH_SECRET"))
    try:
        code, said = why(cast.ann)
        assert (code, "no environment variable NO_SUCH_SECRET" in said) == (0, True)
    finally:
        site.settings.write_text(text)


def test_it_asks_and_never_writes_and_leaves_the_ledger_as_it_is(cast: Cast, why: Why) -> None:
    def rows() -> list[str]:
        with sqlite3.connect(f"file:{cast.site.folder / 'state' / 'orgsync.db'}?mode=ro", uri=True) as ledger:
            return list(ledger.iterdump())

    before, calls = rows(), {org: len(cast.site.emu.orgs[org].log()) for org in ("india", "us")}
    for asked in (cast.ann, "ann@zylker.example", "Twin", cast.secret):
        why(asked)
    assert rows() == before
    for org, count in calls.items():
        new = cast.site.emu.orgs[org].log()[count:]
        assert {call["kind"] for call in new} & {"insert", "update", "upsert", "delete"} == set()


def test_the_document_names_every_field_and_how_it_stands(cast: Cast, why: Why) -> None:
    [stream] = json.loads(why(cast.ann, "--json")[1])["streams"]
    by_name = {one["field"]: one for one in stream["now"]["fields"]}
    assert by_name["Phone"] == {
        **{"field": "Phone", "made_of": ["Phone"], "source": "1", "wanted": "1", "target": "2"},
        **{"standing": "changed there", "about": ""},
    }
    assert {by_name["Mobile"]["standing"], by_name["Fax"]["standing"]} == {"kept", "equal"}
    assert by_name["Account_Name"]["source"].startswith("Zylker (")
    assert by_name["Account_Name"]["standing"] == "equal", "by the id map, as on the road"
    assert stream["now"]["matches"] is True
    [found] = json.loads(why("hush@zylker.example", "--json")[1])["found"]
    assert (found["record_id"], found["reason"], found["by"], found["stream"]) == (
        *(cast.secret, "filtered", ["Email"]),
        STREAM,
    )


def test_it_answers_beside_a_daemon_that_runs(cast: Cast, why: Why) -> None:
    india = cast.site.emu.orgs["india"]
    daemon = cast.site.start("run")
    india.edit("Contacts", cast.ann, {"Fax": "3"})
    until(lambda: why(cast.ann)[0] == 0 and "update in cycle" in why(cast.ann)[1])
    daemon.terminate()
    assert daemon.wait(20) == 0
