"""`orgsync check` against emulated orgs in which something is wrong: what was seen, what it means, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.core.scopes import scopes_for
from daemon.emulator import Emulator
from daemon.settings import load
from tests.cli.inside import Inside, emu, inside

__all__ = ["emu"]

LEADS = "india-to-us/Leads"
OWNED = 'default_owner = "pat.doe@example.com"\n'


@pytest.fixture
def site(emu: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    return inside(emu, tmp_path, monkeypatch, capsys)


def told(found: list[dict[str, Any]], subject: str, level: str) -> list[tuple[str, str | None]]:
    return [(f["about"], f["field"]) for f in found if (f["subject"], f["level"]) == (subject, level)]


def about(found: list[dict[str, Any]], kind: str, subject: str | None = None) -> dict[str, Any]:
    [one] = [f for f in found if f["about"] == kind and subject in (None, f["subject"])]
    return one


def with_scopes(site: Inside, org: str, *without: str) -> None:
    """Gives an org a token with exactly the scopes that it needs, but for these."""
    settings = load(site.site.settings, site.site.env)
    named = [s.name for s in scopes_for(org, settings.routes) if s.name not in without]
    site.site.env[f"{org.upper()}_TOKEN"] = site.site.emu.orgs[org].new_refresh_token(scopes=named)


def profile(site: Inside, org: str, *denied: str) -> None:
    """Takes rights away from the user that orgsync is."""
    emails = [user.email for user in site.site.emu.world.sites[org].org.users]
    given = {"name": "Narrow", "denied": list(denied), "users": emails}
    site.site.emu.do(lambda hands: hands.profile(org, given))


def test_a_field_that_may_be_refused_is_told_before_the_first_record(site: Inside) -> None:
    india, us = (site.site.emu.orgs[name] for name in ("india", "us"))
    us.change_field("Leads", "City", length=20)
    us.change_field("Leads", "Phone", mandatory=True)
    us.change_field("Leads", "Mobile", unique=True)
    us.remove_field("Leads", "Fax")
    india.change_field("Leads", "Rating", add_values=["Lukewarm"])
    code, found = site.check()
    assert code == 0
    assert set(told(found, LEADS, "remark")) >= {
        *(("length", "City"), ("mandatory", "Phone"), ("unique", "Mobile"), ("picklist", "Rating")),
        ("verdict", None),
    }
    assert "Fax" in about(found, "unmapped")["seen"]
    assert "INR" in about(found, "currency")["seen"]
    verdict = about(found, "verdict")
    assert (verdict["verdict"], verdict["mapping"]) == ("ready with remarks", None)
    assert "length City" in verdict["seen"]
    remarks = [f for f in found if f["level"] in ("remark", "wrong") and f["about"] != "verdict"]
    assert [f for f in remarks if not (f["seen"] and f["means"] and f["do"])] == []


def test_a_stream_that_is_not_ready_says_why_and_prints_the_mapping_that_mends_it(site: Inside) -> None:
    us = site.site.emu.orgs["us"]
    us.add_field("Leads", field_label="Must Have", data_type="text", length=30)
    us.change_field("Leads", "Must_Have", mandatory=True)
    code, found = site.check()
    verdict = about(found, "verdict")
    assert (code, verdict["verdict"], verdict["ok"]) == (2, "not ready", False)
    assert "mandatory Must_Have" in verdict["seen"]
    table = verdict["mapping"].replace('#Must_Have = { constant = "…" }', 'Must_Have = { constant = "yes" }')
    assert site.run("once") == 2
    site.site.settings.write_text(f"{site.site.settings.read_text()}\n{table}")
    code, found = site.check()
    assert (code, about(found, "verdict")["verdict"]) == (0, "ready with remarks")
    assert site.run("once") == 0


def test_the_mapping_that_is_asked_for_carries_what_was_carried(site: Inside) -> None:
    _, before = site.check()
    assert site.run("check", "--mapping", LEADS) == 0
    assert site.said.startswith(f"# {LEADS}: 27 fields as they are carried now.")
    site.site.settings.write_text(site.site.settings.read_text() + site.said)
    _, after = site.check()
    assert [f["seen"] for f in after if f["about"] == "mapping"] == [
        f["seen"] for f in before if f["about"] == "mapping"
    ]
    assert site.run("check", "--mapping", "india-to-us/Lead") == 64


@pytest.mark.parametrize(
    ("defect", "verdict"), [("key", "not ready"), ("owner", "not ready"), ("length", "ready with remarks")]
)
def test_what_is_ready_starts_and_what_is_not_does_not(site: Inside, defect: str, verdict: str) -> None:
    us = site.site.emu.orgs["us"]
    if defect == "key":
        us.remove_field("Leads", "Source_Record_ID")
    elif defect == "owner":
        site.edit('lag = "1s"\n', 'lag = "1s"\ndefault_owner = "nobody@example.com"\n')
    else:
        us.change_field("Leads", "City", length=20)
    _, found = site.check()
    assert about(found, "verdict")["verdict"] == verdict
    assert (site.run("once") == 2) is (verdict == "not ready")


def test_a_missing_key_field_is_offered_and_made(site: Inside) -> None:
    site.site.emu.orgs["us"].remove_field("Leads", "Source_Record_ID")
    code, found = site.check()
    wrong = about(found, "key")
    assert (code, wrong["do"]) == (2, "create it with `orgsync check --create-keys`")
    code, found = site.check("--create-keys")
    assert (code, about(found, "key")["seen"]) == (0, "created us's Leads.Source_Record_ID (text, unique)")


def test_least_rights_are_enough_for_everything(site: Inside) -> None:
    site.site.emu.orgs["us"].remove_field("Leads", "Source_Record_ID")
    site.edit('lag = "1s"\n', f'lag = "1s"\n{OWNED}')
    for org in ("india", "us"):
        with_scopes(site, org)
    site.site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    code, found = site.check("--create-keys")
    assert (code, [f["level"] for f in found if f["about"] == "scopes"]) == (0, ["ok", "ok"])
    assert site.run("once") == 0
    assert "1 created" in site.said


def test_a_scope_that_is_missing_is_named_and_the_stream_is_not_ready(site: Inside) -> None:
    with_scopes(site, "us", "ZohoCRM.modules.leads.UPDATE", "ZohoCRM.settings.profiles.READ")
    with_scopes(site, "india", "ZohoCRM.org.READ", "ZohoCRM.bulk.READ")
    code, found = site.check()
    assert code == 2
    wrong = {f["subject"]: f for f in found if f["about"] == "scopes" and f["level"] == "wrong"}
    assert wrong["us"]["seen"] == "its token lacks ZohoCRM.modules.leads.UPDATE (to change Leads)"
    assert wrong["us"]["do"].startswith(
        "run `orgsync auth us` with a code for all of these: ZohoCRM.modules.leads.READ"
    )
    assert wrong["india"]["seen"] == "its token lacks ZohoCRM.org.READ (to know the org again)"
    notes = [f["seen"] for f in found if f["about"] == "scopes" and f["level"] == "note"]
    assert ["ZohoCRM.bulk.READ" in notes[0], "ZohoCRM.settings.profiles.READ" in notes[1]] == [True, True]
    assert "scopes of india, scopes of us" in about(found, "verdict")["seen"]


def test_a_right_that_the_user_lacks_is_named_as_zoho_shows_it(site: Inside) -> None:
    profile(site, "us", "Crm_Implied_Create_Leads", "Crm_Implied_Manage_Workflow")
    code, found = site.check()
    assert code == 2
    assert about(found, "rights", LEADS)["seen"] == "orgsync's user may not Create Leads in us"
    quiet = about(found, "rights", "us")
    assert (quiet["level"], "Manage Automation" in quiet["seen"]) == ("remark", True)
    profile(site, "us", "Crm_Implied_Manage_Profiles")
    _, found = site.check()
    assert about(found, "rights", "us")["level"] == "note"


def test_a_user_without_api_access_is_told_where_to_tick_it(site: Inside) -> None:
    profile(site, "us", "Crm_Implied_Api_Access")
    code, found = site.check()
    wrong = about(found, "credential")
    assert (code, wrong["subject"]) == (2, "us")
    assert "Crm_Implied_Api_Access (Zoho CRM API Access)" in wrong["do"]
    assert "Setup > Users and Control > Security Control > Profiles" in wrong["do"]


def test_a_client_of_another_data_centre_is_told_as_that(site: Inside) -> None:
    india, us = (site.site.emu.orgs[name] for name in ("india", "us"))
    site.edit(f'client_id = "{india.client_id}"', f'client_id = "{us.client_id}"')
    code, found = site.check()
    wrong = about(found, "credential")
    assert (code, wrong["subject"]) == (2, "india")
    assert "The data centre in (127.0.0.1) does not know this client" in wrong["do"]
    assert "orgs.india.data_center" in wrong["do"]
    assert about(found, "verdict")["seen"] == "not ready (credential of india)"


def test_a_token_for_another_data_centre_is_told_as_that_and_goes_nowhere(site: Inside) -> None:
    india, us = (site.site.emu.orgs[name] for name in ("india", "us"))
    site.edit(f'api_url = "{india.base_url}"', f'api_url = "{us.base_url}"')
    code, found = site.check()
    wrong = about(found, "credential")
    assert (code, india.base_url in wrong["seen"], "nothing was sent there" in wrong["do"]) == (2, True, True)


def test_an_org_that_does_not_answer_is_no_mistake_in_the_settings(site: Inside) -> None:
    us = site.site.emu.orgs["us"]
    site.edit(f'accounts_url = "{us.accounts_url}"', 'accounts_url = "http://127.0.0.1:1"')
    code, found = site.check()
    assert (code, about(found, "unreachable")["subject"]) == (69, "us")
    assert [f["about"] for f in found if f["subject"] == LEADS] == ["verdict"]


def test_polling_every_second_is_compared_with_what_the_org_has(site: Inside) -> None:
    site.edit('poll = "60s"', 'poll = "1s"')
    _, found = site.check()
    costly = about(found, "credits", "india")
    assert costly["level"] == "remark"
    assert "(it polls every 1s; at 60s it would be 1,452); the org has 60,000" in costly["seen"]
    assert "lengthen poll" in costly["do"]
    site.edit("[orgs.india]", "[orgs.india]\nceiling = 500")
    site.run("check")
    assert "its ceiling is 500" in site.said
    assert "raise orgs.india.ceiling" in site.said
    assert "\x1b" not in site.said


def test_people_without_a_counterpart_and_a_default_owner_who_is_none_are_told(site: Inside) -> None:
    _, found = site.check()
    assert "ravi.menon@example.com" in about(found, "owners")["seen"]
    site.edit('lag = "1s"\n', 'lag = "1s"\ndefault_owner = "nobody@example.com"\n')
    code, found = site.check()
    wrong = about(found, "owners")
    assert (code, wrong["level"], wrong["do"]) == (2, "wrong", "correct routes.india-to-us.default_owner")
