"""`orgsync why`: the story of one record, told from the ledger, by any of its ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.service.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        yield Site(emu, tmp_path, modules=("Accounts", "Contacts"))


def test_why_tells_where_a_record_is_what_was_written_and_what_it_waits_for(site: Site) -> None:
    india, us = site.emu.orgs["india"], site.emu.orgs["us"]
    site.emu.quirks(unknown_picklist="reject")
    account = india.insert_raw("Accounts", {"Account_Name": "Zylker", "Industry": "Alchemy"})
    contact = india.insert_raw("Contacts", {"Last_Name": "Waits", "Account_Name": {"id": account}})
    free = india.insert_raw("Contacts", {"Last_Name": "Free"})
    assert site.call("once").returncode == 1
    [theirs] = [record["id"] for record in us.records("Contacts")]

    fine = site.call("why", free)
    assert fine.returncode == 0
    assert f"india-to-us/Contacts: india Contacts {free} -> us Contacts {theirs}" in fine.stdout
    assert "create in cycle" in fine.stdout
    assert "SUCCESS" in fine.stdout
    assert "next: nothing is owed" in fine.stdout
    assert site.call("why", theirs).stdout == fine.stdout, "either id tells the same story"

    held = site.call("why", f"india-to-us/Accounts/{account}")
    assert held.returncode == 1
    assert f"india Accounts {account} -> not in us yet" in held.stdout
    assert "held since" in held.stdout
    assert "INVALID_DATA Industry = 'Alchemy'" in held.stdout
    assert f"then: orgsync retry --record {account}" in held.stdout

    child = site.call("why", contact)
    assert child.returncode == 1
    assert f"as soon as Accounts {account} has its counterpart: orgsync why {account}" in child.stdout

    [stream] = json.loads(site.call("why", contact, "--json").stdout)["streams"]
    assert (stream["source_id"], stream["target_id"], stream["writes"]) == (contact, None, [])
    assert stream["waiting"]["code"] == "WAITS_FOR_PARENT"
    assert stream["waiting"]["waits_id"] == account


def test_why_says_so_where_nothing_is_known_of_a_record(site: Site) -> None:
    site.call("once")
    unknown = site.call("why", "5725767000000999999")
    assert unknown.returncode == 1
    assert "the ledger knows nothing of 5725767000000999999" in unknown.stdout
    assert "india-to-us/Contacts" in unknown.stdout
    wrong = site.call("why", "ann@example.com")
    assert wrong.returncode == 1
    assert "no record was found" in wrong.stdout


def test_queue_shows_the_causes_and_the_records_of_one(site: Site) -> None:
    india = site.emu.orgs["india"]
    site.emu.quirks(unknown_picklist="reject")
    assert site.call("once").returncode == 0
    assert (empty := site.call("queue")).returncode == 0
    assert empty.stdout == "nothing waits\n"
    made = [india.insert_raw("Accounts", {"Account_Name": f"A{n}", "Industry": "Alchemy"}) for n in range(3)]
    assert site.call("once").returncode == 1
    shown = site.call("queue")
    assert shown.returncode == 1
    assert "3 held in india-to-us/Accounts: INVALID_DATA Industry = 'Alchemy'" in shown.stdout
    assert "orgsync retry --cause 1" in shown.stdout
    assert f"for example A0 ({made[0]}), A1 ({made[1]}), A2 ({made[2]}) (oldest " in shown.stdout
    listed = site.call("queue", "--cause", "1", "--limit", "2")
    assert [i for n, i in enumerate(made) if f"  {i}  A{n}  held, 1 attempt, since" in listed.stdout] == made[:2]
    document = json.loads(site.call("queue", "--stream", "india-to-us/Contacts", "--json").stdout)
    assert document == {"schema": 1, "causes": []}
    [cause] = json.loads(site.call("queue", "--cause", "1", "--json").stdout)["causes"]
    assert (cause["stream"], cause["records"], cause["field"]) == ("india-to-us/Accounts", 3, "Industry")
    assert cause["names"] == ["A0", "A1", "A2"]
    assert site.call("queue", "--stream", "nonsense").returncode == 64


def test_queue_shows_ids_alone_offline_and_where_the_source_does_not_answer_or_has_no_name_any_more(site: Site) -> None:
    india = site.emu.orgs["india"]
    site.emu.quirks(unknown_picklist="reject")
    made = [india.insert_raw("Accounts", {"Account_Name": f"A{n}", "Industry": "Alchemy"}) for n in range(2)]
    assert site.call("once").returncode == 1
    india.delete("Accounts", made[0])
    assert f"for example {made[0]}, A1 ({made[1]}) (oldest " in site.call("queue").stdout
    asked = len(india.log())
    offline = site.call("queue", "--offline")
    assert (offline.returncode, offline.stderr, len(india.log())) == (1, "", asked)
    assert f"for example {made[0]}, {made[1]} (oldest " in offline.stdout
    india.faults.add(effect="status", status=429)
    away = site.call("queue")
    assert (away.returncode, f"for example {made[0]}, {made[1]} (oldest " in away.stdout) == (1, True)
    assert "ids without names: india: " in away.stderr
