"""The SDK hears every class of refusal (facts 1.8, 2.4, 9.4). It reads each through its `APIException`, whatever the
status; codes that its own lists lack come through all the same.
"""

from __future__ import annotations

from typing import Any

import pytest
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import GetDeletedRecordsParam, GetRecordsParam, RecordOperations

from daemon.emulator import Emulator
from tests.emulator.conformance.sdk import Sdk, params, refusal, write

LEAD: dict[str, Any] = {"Last_Name": "Lee", "Company": "Acme"}


def listed(**given: Any) -> Any:
    return RecordOperations("Leads").get_records(params(GetRecordsParam, **given), HeaderMap())


def test_a_dead_token(sdk: Sdk) -> None:
    sdk.org.tokens(expire=True)
    # the SDK renews by its own clock only: it does not ask for a new token when it hears this
    assert refusal(OrgOperations().get_organization()) == (401, "INVALID_TOKEN")


def test_a_scope_that_is_missing(idle_sdk: Sdk) -> None:
    refresh = idle_sdk.org.new_refresh_token(scopes=["ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL"])
    idle_sdk.start(idle_sdk.token(refresh_token=refresh, find_user=False))
    assert refusal(OrgOperations().get_organization()) == (401, "OAUTH_SCOPE_MISMATCH")


def test_a_module_that_is_none(sdk: Sdk) -> None:
    # the SDK asks for the module's fields first and fails there, so the list call itself never leaves
    with pytest.raises(SDKException, match="INVALID_MODULE"):
        RecordOperations("Unicorns").get_records(params(GetRecordsParam, fields="Name"), HeaderMap())


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "REQUIRED_PARAM_MISSING"),
        ({"fields": ",".join(f"F{n}" for n in range(51))}, "LIMIT_EXCEEDED"),
        ({"fields": "Last_Name", "page": 11, "per_page": 200}, "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
        ({"fields": "Last_Name", "page_token": "nonsense"}, "TOKEN_BOUND_DATA_MISMATCH"),
        ({"fields": "Last_Name", "page": 1, "page_token": "nonsense"}, "AMBIGUITY_DURING_PROCESSING"),
    ],
)
def test_parameters_that_are_refused(sdk: Sdk, given: dict[str, Any], code: str) -> None:
    assert refusal(listed(**given)) == (400, code)


def test_a_page_token_under_other_parameters_and_out_of_date(emu: Emulator, sdk: Sdk) -> None:
    for _ in range(3):
        sdk.create("Leads", **LEAD)
    token = listed(fields="Last_Name", per_page=2).get_object().get_info().get_next_page_token()
    assert refusal(listed(fields="Company", per_page=2, page_token=token)) == (400, "TOKEN_BOUND_DATA_MISMATCH")
    emu.clock(advance=24 * 3600 + 1)
    idle = OAuthToken(access_token=sdk.org.access_token(), find_user=False)
    sdk.start(idle)
    assert refusal(listed(fields="Last_Name", per_page=2, page_token=token)) == (400, "EXPIRED_VALUE")


def test_a_value_outside_its_list(sdk: Sdk) -> None:
    answer = RecordOperations("Leads").get_deleted_records(params(GetDeletedRecordsParam, type="lost"), HeaderMap())
    assert refusal(answer) == (400, "PATTERN_NOT_MATCHED")


def test_a_failure_of_the_server(sdk: Sdk) -> None:
    sdk.create("Leads", **LEAD)
    sdk.org.faults.next("insert", effect="status", status=500)
    assert refusal(write("create_records", "Leads", LEAD)) == (500, "INTERNAL_ERROR")


def test_the_envelope_of_a_refusal_may_be_data(sdk: Sdk) -> None:
    # OAS26 wraps the error in `data[]`, its examples do not (facts 2.4); the SDK's reader of lists knows only the
    # bare one and gives records where the error is
    sdk.org.quirks(error_envelope="data")
    answer = listed()
    assert answer.get_status_code() == 400
    assert type(answer.get_object()).__name__ == "ResponseWrapper"
