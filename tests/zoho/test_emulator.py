"""The client against the project's own Zoho, over HTTP: every call, in the shapes of the facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daemon.core.answer import Done, Gone, Refused
from daemon.core.org import Secret
from daemon.core.record import START, Position, parse_instant
from daemon.emulator import Emulator
from daemon.zoho import auth, coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, RequestRefused
from tests.sync import pair


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as emulator:
        yield emulator


def org_of(handle, folder, **changes):
    return replace(pair.org_of(handle, folder), **{"call_deadline": 10.0, **changes})


@pytest.fixture
def india(emulator):
    emulator.reset()
    emulator.quirks(token_throttle="off")
    return emulator.orgs["india"]


@pytest.fixture
def zoho(india, tmp_path):
    with Zoho(org_of(india, tmp_path)) as zoho:
        yield zoho


def lead(number, **values):
    return {"Last_Name": f"Name {number}", "Company": "Acme", **values}


def test_a_grant_code_becomes_a_stored_refresh_token_that_works(india, tmp_path):
    org = org_of(india, tmp_path, refresh_token=None)
    auth.exchange_grant(org, Secret(india.new_grant()))
    with Zoho(org) as zoho:
        assert zoho.profile().type == "production"


def test_a_grant_code_works_once(india, tmp_path):
    org, code = org_of(india, tmp_path, refresh_token=None), Secret(india.new_grant())
    auth.exchange_grant(org, code)
    with pytest.raises(CredentialRefused, match="invalid_code"):
        auth.exchange_grant(org, code)


def test_a_revoked_credential_asks_for_a_person(india, tmp_path):
    org = org_of(india, tmp_path, refresh_token=Secret(india.new_refresh_token()))
    with Zoho(org) as zoho:
        zoho.profile()
        auth.revoke(org)
        assert not org.token_file.exists()
        with pytest.raises(CredentialRefused, match="orgsync auth india"):
            zoho.profile()


def test_an_expired_access_token_is_renewed_without_a_word(zoho, india):
    zoho.profile()
    india.tokens(expire=True)
    assert zoho.modules()


def test_records_are_inserted_and_read_back_by_cursor(zoho):
    answers = zoho.insert("Leads", [lead(n) for n in range(3)])
    assert [type(answer) for answer in answers] == [Done] * 3
    page = zoho.coql("Leads", ["Last_Name", "Modified_Time"], coql.after(START), ["Modified_Time", "id"])
    assert [row["Last_Name"] for row in page.rows] == ["Name 0", "Name 1", "Name 2"]
    last = page.rows[-1]
    place = Position(modified_time=parse_instant(last["Modified_Time"]), record_id=last["id"])
    assert zoho.coql("Leads", ["Last_Name"], coql.after(place)).rows == []


def test_a_cursor_walk_with_small_pages_sees_every_record_once(zoho, emulator):
    emulator.seed("india", 300)
    place, seen = START, []
    while True:
        page = zoho.coql("Contacts", ["Modified_Time"], coql.after(place), ["Modified_Time", "id"], limit=17)
        for row in page.rows:
            place = Position(modified_time=parse_instant(row["Modified_Time"]), record_id=row["id"])
            seen.append(row["id"])
        if not page.more:
            break
    assert len(seen) == len(set(seen)) == zoho.count("Contacts")


def test_count_takes_a_condition(zoho):
    zoho.insert("Leads", [lead(1), lead(2, Company="O'Neil & Söhne")])
    assert zoho.count("Leads") == 2
    assert zoho.count("Leads", coql.equals("Company", "O'Neil & Söhne")) == 1
    assert zoho.count("Leads", coql.is_null("Last_Name")) == 0


def test_a_record_may_be_told_from_others_by_text_of_any_script(zoho):
    names = ["O'Neil", "''", "印度", "naïve '); drop", "🙂 emoji", "back\\slash", '"quoted"', "%"]
    zoho.insert("Leads", [{"Last_Name": name, "Company": "x"} for name in names])
    for name in names:
        rows = zoho.coql("Leads", ["Last_Name"], coql.field_in("Last_Name", [name])).rows
        assert [row["Last_Name"] for row in rows] == [name]


def test_update_changes_and_an_unknown_id_is_gone(zoho):
    [made] = zoho.insert("Leads", [lead(1)])
    changed, gone = zoho.update("Leads", [{"id": made.record_id, "Company": "New"}, {"id": "99", "Company": "New"}])
    assert isinstance(changed, Done)
    assert gone == Gone(record_id="99", message="the id given seems to be invalid")
    assert zoho.get_one("Leads", made.record_id)["Company"] == "New"


def test_upsert_says_whether_it_matched(zoho, india):
    india.add_field("Leads", field_label="Source Key", data_type="text", length=60, unique={"casesensitive": False})
    record = lead(1, Source_Key="1:77")
    [first] = zoho.upsert("Leads", [record], ["Source_Key"])
    [second] = zoho.upsert("Leads", [record], ["Source_Key"])
    assert (first.matched, second.matched, second.record_id) == (False, True, first.record_id)


def test_a_duplicate_tells_its_field_and_its_holder(zoho, india):
    india.add_field("Leads", field_label="Source Key", data_type="text", length=60, unique={"casesensitive": False})
    [made] = zoho.insert("Leads", [lead(1, Source_Key="1:77")])
    [refused] = zoho.insert("Leads", [lead(2, Source_Key="1:77")])
    assert (refused.code, refused.field, refused.existing_id) == ("DUPLICATE_DATA", "Source_Key", made.record_id)


def test_one_bad_record_does_not_hold_the_others(zoho):
    good, bad, also_good = zoho.insert("Leads", [lead(1), lead(2, Email="no email"), lead(3)])
    assert isinstance(good, Done)
    assert isinstance(also_good, Done)
    assert (bad.code, bad.field) == ("INVALID_DATA", "Email")


@pytest.mark.parametrize("envelope", ["bare", "data"])
def test_a_module_that_does_not_exist_is_refused_as_a_whole(zoho, emulator, envelope):
    emulator.quirks(error_envelope=envelope)
    with pytest.raises(RequestRefused, match="INVALID_MODULE"):
        zoho.insert("Nonsense", [lead(1)])
    with pytest.raises(RequestRefused, match="there is no module Nonsense"):
        zoho.schema("Nonsense")
    emulator.quirks(error_envelope="bare")


def test_deleted_records_are_told_with_their_time(zoho):
    since = zoho.server_now() - timedelta(seconds=2)
    made = zoho.insert("Leads", [lead(1), lead(2)])
    answers = zoho.delete("Leads", [made[0].record_id, "99"])
    assert [type(answer) for answer in answers] == [Done, Gone]
    assert [row.record_id for row in zoho.deleted("Leads", since).rows] == [made[0].record_id]
    assert zoho.deleted("Leads", datetime.now(UTC) + timedelta(hours=1)).rows == []
    assert zoho.get_one("Leads", made[0].record_id) is None


def test_list_pages_follow_their_token_to_the_end(zoho, emulator):
    emulator.seed("india", 500)
    token, seen = None, []
    while True:
        page = zoho.get_records("Contacts", ["Last_Name", "Modified_Time"], page_token=token, per_page=20)
        seen += [row["id"] for row in page.rows]
        token = page.token
        if not page.more:
            break
    assert len(seen) == len(set(seen)) == zoho.count("Contacts") > 20


def test_a_list_read_gives_what_changed_since(zoho):
    [made] = zoho.insert("Leads", [lead(1)])
    rows = zoho.get_records("Leads", ["Last_Name"], modified_since=made.modified_time).rows
    assert [row["id"] for row in rows] == [made.record_id]
    assert zoho.get_records("Leads", ["Last_Name"], modified_since=made.modified_time + timedelta(hours=1)).rows == []


def test_by_ids_reads_any_number_of_ids_and_fields_in_the_order_asked_for(zoho, india, emulator):
    emulator.seed("india", 400)
    ids = [row["id"] for row in india.records("Contacts")][:130][::-1]
    fields = [name for name, field in zoho.schema("Contacts").fields.items() if field.data_type != "subform"]
    for number in range(60 - len(fields)):
        fields.append(india.add_field("Contacts", field_label=f"Extra {number}", data_type="text", length=50))
    rows = zoho.by_ids("Contacts", fields, [*ids, "12345"])
    assert len(fields) > 50
    assert [row["id"] for row in rows] == ids
    assert set(rows[0]) == {"id", *fields}


def test_who_the_org_is_and_who_works_there(zoho):
    profile, users = zoho.profile(), zoho.users()
    assert (profile.edition, profile.type) == ("enterprise", "production")
    assert profile.zgid.isdigit()
    assert all("@" in user.email for user in users)
    assert any(user.active for user in users)


def test_modules_and_fields_are_narrow_values(zoho):
    leads = next(module for module in zoho.modules() if module.api_name == "Leads")
    fields = zoho.schema("Leads").fields
    assert (leads.api_supported, leads.creatable, leads.generated_type) == (True, True, "default")
    assert fields["Last_Name"].mandatory
    assert fields["Last_Name"].length
    assert not fields["Modified_Time"].writable
    assert fields["Lead_Status"].picklist
    assert zoho.schema("Contacts").fields["Account_Name"].lookup_module == "Accounts"


def test_a_key_field_is_created_and_then_unique(zoho):
    field = zoho.create_text_field("Leads", "Source Record ID", 60)
    assert (field.unique, field.custom, field.length, field.writable) == (True, True, 60, True)
    assert zoho.schema("Leads").fields[field.api_name].unique


def test_a_missing_scope_is_named(india, tmp_path):
    token = india.new_refresh_token(scopes=["ZohoCRM.modules.ALL"])
    with Zoho(org_of(india, tmp_path, refresh_token=Secret(token))) as zoho:
        with pytest.raises(CredentialRefused, match=r"ZohoCRM\.coql\.READ") as caught:
            zoho.count("Leads")
        assert caught.value.scope.startswith("ZohoCRM.coql.READ")


def test_the_clients_credits_are_the_servers(zoho, india):
    zoho.insert("Leads", [lead(n) for n in range(25)])
    zoho.coql("Leads", ["Last_Name"], coql.everything(), limit=2000)
    zoho.update("Leads", [{"id": row["id"], "Company": "B"} for row in india.records("Leads")])
    zoho.create_text_field("Leads", "Key", 60)
    zoho.users()
    zoho.by_ids("Leads", ["Last_Name"], [row["id"] for row in india.records("Leads")])
    zoho.delete("Leads", [row["id"] for row in india.records("Leads")])
    assert zoho.credits_spent == india.credits()["used"] > 20


def test_a_later_change_beats_a_conditional_update(zoho, india):
    [made] = zoho.insert("Leads", [lead(1)])
    earlier = made.modified_time - timedelta(minutes=1)
    [answer] = zoho.update("Leads", [{"id": made.record_id, "Company": "B"}], unmodified_since=earlier)
    assert (type(answer), answer.code) == (Refused, "ALREADY_MODIFIED")
