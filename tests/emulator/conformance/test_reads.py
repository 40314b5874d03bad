"""The SDK reads: modules, fields, users, org, lists, deleted records, COQL (facts 2, 3, 5.2, 6).

On the wire: GET with parameters, and ISO headers of whole seconds in the local zone. Before it touches the records of a
module it fetches `settings/fields?module=` once and caches the types in a file. It reads ids as numbers.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.coql import BodyWrapper as CoqlBody
from zohocrmsdk.src.com.zoho.crm.api.coql import CoqlOperations
from zohocrmsdk.src.com.zoho.crm.api.fields import FieldsOperations, GetFieldsParam
from zohocrmsdk.src.com.zoho.crm.api.layouts import GetLayoutsParam, LayoutsOperations
from zohocrmsdk.src.com.zoho.crm.api.modules import ModulesOperations
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import (
    GetDeletedRecordsHeader,
    GetDeletedRecordsParam,
    GetRecordsHeader,
    GetRecordsParam,
    RecordOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.users import GetUsersParam, UsersOperations

from daemon.emulator import Emulator
from tests.emulator.conformance.sdk import Sdk, fill, headers, params, refusal

LEAD: dict[str, Any] = {"Last_Name": "Lee", "Company": "Acme"}


def listed(module: str = "Leads", since: datetime | None = None, **given: Any) -> Any:
    asked = params(GetRecordsParam, **{"fields": "Last_Name", **given})
    since_header = headers(GetRecordsHeader, if_modified_since=since) if since else HeaderMap()
    return RecordOperations(module).get_records(asked, since_header)


def names(answer: Any) -> list[str]:
    return [one.get_key_value("Last_Name") for one in answer.get_object().get_data()]


# --- metadata --------------------------------------------------------------------------------------------------------


def test_modules(sdk: Sdk) -> None:
    answer = ModulesOperations().get_modules(ParameterMap(), HeaderMap())
    modules = {one.get_api_name(): one for one in answer.get_object().get_modules()}
    assert {"Leads", "Accounts", "Contacts", "Deals"} <= modules.keys()
    assert modules["Leads"].get_api_supported() is True
    assert modules["Leads"].get_generated_type().get_value() == "default"
    assert isinstance(modules["Leads"].get_id(), int)  # the SDK reads ids as numbers, on the wire they are texts


def test_one_module(sdk: Sdk) -> None:
    answer = ModulesOperations().get_module_by_api_name("Leads")
    assert answer.get_object().get_modules()[0].get_plural_label() == "Leads"


def test_fields(sdk: Sdk) -> None:
    answer = FieldsOperations().get_fields(params(GetFieldsParam, module="Contacts"))
    fields = {one.get_api_name(): one for one in answer.get_object().get_fields()}
    assert fields["Last_Name"].get_system_mandatory() is True
    assert fields["Last_Name"].get_length() == 80
    assert fields["Account_Name"].get_lookup().get_module().get_api_name() == "Accounts"
    assert "Cold Call" in [one.get_actual_value() for one in fields["Lead_Source"].get_pick_list_values()]
    assert fields["Email"].get_operation_type().get_api_create() is True


def test_a_module_without_that_name_has_no_fields(sdk: Sdk) -> None:
    assert refusal(FieldsOperations().get_fields(params(GetFieldsParam, module="Unicorns"))) == (400, "INVALID_MODULE")


def test_layouts(sdk: Sdk) -> None:
    answer = LayoutsOperations().get_layouts(params(GetLayoutsParam, module="Leads"))
    assert answer.get_object().get_layouts()[0].get_sections()[0].get_fields()


def test_users_by_type_and_by_id(sdk: Sdk) -> None:
    answer = UsersOperations().get_users(params(GetUsersParam, type="ActiveConfirmedUsers"), HeaderMap())
    users = answer.get_object().get_users()
    assert {one.get_status() for one in users} == {"active"}
    assert answer.get_object().get_info().get_more_records() is False
    one = UsersOperations().get_user(users[0].get_id(), HeaderMap()).get_object().get_users()[0]
    assert (one.get_email(), one.get_profile().get_name()) == ("pat.doe@example.com", "Administrator")


def test_the_org(sdk: Sdk) -> None:
    org = OrgOperations().get_organization().get_object().get_org()[0]
    assert org.get_type().get_value() == "production"
    assert org.get_license_details().get_paid_type() == "enterprise"
    assert org.get_zgid().isdigit()


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_list_by_page_numbers(sdk: Sdk) -> None:
    for name in "abcde":
        sdk.create("Leads", **{**LEAD, "Last_Name": name})
    pages = [listed(per_page=2, page=page, sort_by="id", sort_order="asc") for page in (1, 2, 3, 4)]
    assert [names(page) for page in pages[:3]] == [["a", "b"], ["c", "d"], ["e"]]
    assert [page.get_object().get_info().get_more_records() for page in pages[:3]] == [True, True, False]
    assert pages[3].get_status_code() == 204
    assert pages[3].get_object() is None


def test_a_list_by_page_tokens(sdk: Sdk) -> None:
    for name in "abcde":
        sdk.create("Leads", **{**LEAD, "Last_Name": name})
    seen, given = [], {}
    while True:
        answer = listed(per_page=2, sort_by="id", sort_order="asc", **given)
        seen += names(answer)
        token = answer.get_object().get_info().get_next_page_token()
        if token is None:
            break
        given = {"page_token": token}
    assert seen == list("abcde")


def test_modified_since_is_inclusive_and_says_304_for_nothing(emu: Emulator, sdk: Sdk) -> None:
    sdk.create("Leads", **LEAD)
    emu.clock(advance=60)
    sdk.create("Leads", **{**LEAD, "Last_Name": "Late"})
    moment = listed(fields="Last_Name,Modified_Time").get_object().get_data()[0].get_key_value("Modified_Time")
    assert names(listed(since=moment)) == ["Late"]
    answer = listed(since=moment + timedelta(seconds=1))
    # the SDK takes 304 as it takes 204: no object, no error
    assert (answer.get_status_code(), answer.get_object()) == (304, None)


def test_a_record_comes_with_the_types_that_its_fields_announce(sdk: Sdk) -> None:
    account = sdk.create("Accounts", Account_Name="Acme")
    contact = sdk.org.insert_raw(
        "Contacts",
        {
            "Last_Name": "Lee",
            "Account_Name": {"id": str(account)},
            "Languages": ["Hindi", "English"],
            "Date_of_Birth": "1980-02-29",
            "Email_Opt_Out": True,
            "Loyalty_Points": "12",
        },
    )
    found = RecordOperations("Contacts").get_record(int(contact), ParameterMap(), HeaderMap())
    (one,) = found.get_object().get_data()
    assert one.get_key_value("Account_Name").get_id() == account
    assert one.get_key_value("Account_Name").get_key_value("name") == "Acme"
    assert [choice.get_value() for choice in one.get_key_value("Languages")] == ["Hindi", "English"]
    assert one.get_key_value("Date_of_Birth") == date(1980, 2, 29)
    assert one.get_key_value("Email_Opt_Out") is True
    # the SDK reads bigint as a number; the facts (2.6) say that it comes as a text, and both hold
    assert int(one.get_key_value("Loyalty_Points")) == 12
    assert one.get_key_value("Owner").get_email() == "pat.doe@example.com"
    assert one.get_created_time().tzinfo is not None


def test_an_unknown_id_is_204(sdk: Sdk) -> None:
    answer = RecordOperations("Leads").get_record(4_876_876_000_000_000, ParameterMap(), HeaderMap())
    assert (answer.get_status_code(), answer.get_object()) == (204, None)


# --- deleted records and COQL ----------------------------------------------------------------------------------------


def test_deleted_records(emu: Emulator, sdk: Sdk) -> None:
    first = sdk.create("Leads", **LEAD)
    sdk.org.delete("Leads", str(first))
    emu.clock(advance=60)
    second = sdk.create("Leads", **LEAD)
    sdk.org.delete("Leads", str(second), permanent=True)
    asked = params(GetDeletedRecordsParam, type="all", per_page=200, page=1)
    answer = RecordOperations("Leads").get_deleted_records(asked, HeaderMap())
    rows = {one.get_id(): one for one in answer.get_object().get_data()}
    assert rows.keys() == {first, second}
    assert rows[first].get_deleted_by() is not None
    assert (rows[second].get_type(), rows[second].get_display_name()) == ("permanent", None)
    since = headers(GetDeletedRecordsHeader, if_modified_since=rows[second].get_deleted_time())
    late = RecordOperations("Leads").get_deleted_records(asked, since)
    assert [one.get_id() for one in late.get_object().get_data()] == [second]


def test_nothing_deleted_is_204(sdk: Sdk) -> None:
    answer = RecordOperations("Leads").get_deleted_records(params(GetDeletedRecordsParam, type="all"), HeaderMap())
    assert answer.get_status_code() == 204


def coql(query: str) -> Any:
    return CoqlOperations().get_records(fill(CoqlBody(), select_query=query))


def test_coql(sdk: Sdk) -> None:
    for name in "abc":
        sdk.create("Leads", **{**LEAD, "Last_Name": name})
    answer = coql("select Last_Name, Modified_Time from Leads where Last_Name != 'b' order by id asc limit 1")
    assert names(answer) == ["a"]
    assert (answer.get_object().get_info().get_count(), answer.get_object().get_info().get_more_records()) == (1, True)
    (row,) = answer.get_object().get_data()
    assert row.get_key_value("Modified_Time").tzinfo is not None
    assert row.get_id() > 0  # although `id` was not selected (facts 3.4)


def test_coql_that_finds_nothing_is_204(sdk: Sdk) -> None:
    assert coql("select Last_Name from Leads where Last_Name = 'x'").get_status_code() == 204


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select Last_Name from Leads", "SYNTAX_ERROR"),
        ("select Horn from Leads where id is not null", "INVALID_QUERY"),
        ("select Last_Name from Leads where id is not null limit 5000", "LIMIT_EXCEEDED"),
    ],
)
def test_coql_that_is_refused(sdk: Sdk, query: str, code: str) -> None:
    assert refusal(coql(query)) == (400, code)
