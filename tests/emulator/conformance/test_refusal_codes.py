"""The SDK shows each refusal of facts 1.8, 3.5, 4.4, 7 and 9.4, each really provoked: status, code, details, message.

Its `APIException` shows only those keys of `details` that its own lists name; the facts have more. The last column of
the tables names what it leaves out; `get_response_json()` has them still.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap
from zohocrmsdk.src.com.zoho.crm.api.bulk_read import ResponseHandler as BulkReader
from zohocrmsdk.src.com.zoho.crm.api.bulk_write import BulkWriteOperations, FileBodyWrapper, UploadFileHeader
from zohocrmsdk.src.com.zoho.crm.api.coql import BodyWrapper as CoqlBody
from zohocrmsdk.src.com.zoho.crm.api.coql import CoqlOperations
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import BodyWrapper, GetRecordsParam, RecordOperations, ResponseHandler
from zohocrmsdk.src.com.zoho.crm.api.util import Choice, CommonAPIHandler, StreamWrapper

from daemon.emulator import Emulator
from tests.emulator.conformance.sdk import Sdk, fill, headers, params, record, write

Json = dict[str, Any]
Provoke = Callable[[Sdk], Any]
LEAD: Json = {"Last_Name": "Lee", "Company": "Acme"}
DEAL: Json = {"Deal_Name": "d", "Closing_Date": date(2026, 1, 1), "Pipeline": Choice("Renewals")}
CALL: Json = {"Call_Start_Time": datetime(2026, 1, 1, tzinfo=UTC)}
CLERK = "asha.iyer@example.com"
AT_ID: Json = {"api_name": "id", "json_path": "$.data[0].id"}
DURATION: Json = {"api_name": "Call_Duration", "json_path": "$.data[0].Call_Duration"}
BAD_URL = "Please check if the URL trying to access is a correct one"
ONE_OF = "One of the expected field is missing"


def shown(answer: Any) -> tuple[int, str, Json, str, set[str]]:
    """Status, code, details and message of a refused request, or of a write's one element; the keys left out."""
    found, sent = answer.get_object(), answer.get_response_json()
    if type(found).__name__ == "ActionWrapper":
        (found,), (sent,) = found.get_data(), sent["data"]
    assert (type(found).__name__, found.get_status().get_value()) == ("APIException", "error")
    code, message, details = found.get_code(), found.get_message(), found.get_details()
    text = message.get_value() if isinstance(message, Choice) else message
    return answer.get_status_code(), code.get_value(), details, text, sent["details"].keys() - details.keys()


def send(method: str, path: str, reader: Any = ResponseHandler) -> Any:
    """Under the SDK's operations, for what these cannot say: a wrong path or verb, a job without a body."""
    handler = CommonAPIHandler()
    handler.set_http_method(method)
    handler.set_api_path(path)
    return handler.api_call(reader.__module__, "application/json")


def listed(_: Sdk) -> Any:
    given = params(GetRecordsParam, fields="Last_Name", sort_by="Modified_Time")
    return RecordOperations("Leads").get_records(given, HeaderMap())


def without_token(sdk: Sdk) -> Any:
    sdk.start(OAuthToken(access_token=" ", find_user=False))
    return OrgOperations().get_organization()


def without_right(sdk: Sdk) -> Any:
    profile = {"name": "Clerk", "denied": ["Crm_Implied_Create_Leads"], "users": [CLERK]}
    url = f"{sdk.org._emulator.control_url}/orgs/us/profiles"
    httpx.post(url, json=profile).raise_for_status()
    sdk.start(sdk.token(refresh_token=sdk.org.new_refresh_token(user=CLERK), find_user=False))
    return write("create_records", "Leads", LEAD)


def without_privilege(sdk: Sdk) -> Any:
    # the facts tell neither when it comes nor how it differs from NO_PERMISSION, so only a fault gives it
    number = sdk.create("Leads", **LEAD)
    sdk.org.faults.next("update", effect="status", status=400, code="AUTHORIZATION_FAILED", message="denied")
    return write("update_records", "Leads", {"id": number, "City": "x"})


def too_large(_: Sdk) -> Any:
    zgid = OrgOperations().get_organization().get_object().get_org()[0].get_zgid()
    body = fill(FileBodyWrapper(), file=StreamWrapper("a.zip", io.BytesIO(bytes(25 * 1024 * 1024 + 1))))
    return BulkWriteOperations().upload_file(body, headers(UploadFileHeader, feature="bulk-write", x_crm_org=zgid))


def twice_named(_: Sdk) -> Any:
    query = "select City as a, State as a from Leads where id is not null"
    return CoqlOperations().get_records(fill(CoqlBody(), select_query=query))


def create(module: str, **values: Any) -> Provoke:
    return lambda _: write("create_records", module, values)


@pytest.mark.parametrize(
    ("provoke", "status", "code", "details", "message", "left_out"),
    [
        (without_token, 401, "AUTHENTICATION_FAILURE", {}, "Authentication failed", set()),
        (without_right, 403, "NO_PERMISSION", {"permissions": ["Crm_Implied_Create_Leads"]},
         "permission denied", set()),
        (without_privilege, 400, "AUTHORIZATION_FAILED", {}, "denied", set()),
        (lambda _: send("GET", "/crm/v8/Leads/1/2/3"), 404, "INVALID_URL_PATTERN", {}, BAD_URL, set()),
        (lambda _: send("PATCH", "/crm/v8/Leads"), 400, "INVALID_REQUEST_METHOD", {},
         "The http request method type is not a valid one", set()),
        (lambda _: write("upsert_records", "Tasks", {"Subject": "t"}), 400, "NOT_SUPPORTED",
         {"resource_path_index": 0}, "upsert is not supported for this module", set()),
        (lambda _: send("POST", "/crm/bulk/v8/read", BulkReader), 415, "MEDIA_TYPE_NOT_SUPPORTED", {},
         "Media type is not supported", set()),
        (too_large, 413, "FILE_TOO_LARGE", {}, "File size too large to process", set()),
        (twice_named, 400, "DUPLICATE_ALIAS", {}, "duplicate alias found", {"alias"}),
        # the SDK takes `mapped_field` for a text and prints the object into it
        (create("Deals", **DEAL, Stage=Choice("Value Proposition")), 400, "MAPPING_MISMATCH",
         {"api_name": "Stage", "json_path": "$.data[0].Stage",
          "mapped_field": "{'api_name': 'Pipeline', 'json_path': '$.data[0].Pipeline'}"},
         "Pipeline doesn't contain the Stage", set()),
        (create("Calls", **CALL, Call_Type=Choice("Outbound"), Call_Duration="00:00"), 400, "DEPENDENT_MISMATCH",
         DURATION, "Call Duration can not be zero.", {"dependee"}),
        (create("Calls", **CALL, Call_Type=Choice("Inbound")), 400, "DEPENDENT_FIELD_MISSING",
         DURATION, "required field not found", {"dependee"}),
        (create("Tasks", Subject="t", Who_Id=record({"name": "x"})), 400, "EXPECTED_FIELD_MISSING",
         {}, ONE_OF, {"expected_fields"}),
    ],
)  # fmt: skip
def test_a_refusal_is_shown(
    sdk: Sdk, provoke: Provoke, status: int, code: str, details: Json, message: str, left_out: set[str]
) -> None:
    assert shown(provoke(sdk)) == (status, code, details, message, left_out)


LOCKED = "Sorry, you cannot perform this operation as the record is locked."


@pytest.mark.parametrize(
    ("state", "code", "details", "message", "left_out"),
    [
        ({"Locked__s": True}, "RECORD_LOCKED", AT_ID, LOCKED, {"action"}),
        ({"$in_merge": True}, "RECORD_LOCKED", AT_ID, "The record under merge is locked", {"action"}),
        ({"$approval_state": "approval_process_pending"}, "NOT_APPROVED", {},
         "Cannot update record that is not approved yet", set()),
        ({"$review": {"x": 1}}, "NOT_REVIEWED", {}, "record in review", set()),
        ({"$process_flow": True}, "RECORD_IN_BLUEPRINT", AT_ID, "The record is in blue print", set()),
        ({"Converted__s": True}, "CONVERTED_RECORD", {"id": None}, "can't update the converted record", set()),
        ({"$dependency_error": "tax"}, "DEPENDENT_SERVICE_ERROR", {}, "dependent service failed",
         {"dependency_error"}),
    ],
)  # fmt: skip
def test_a_record_whose_state_refuses_an_update(
    sdk: Sdk, state: Json, code: str, details: Json, message: str, left_out: set[str]
) -> None:
    number = sdk.create("Leads", **LEAD)
    sdk.org.edit("Leads", str(number), state)
    answer = write("update_records", "Leads", {"id": number, "City": "x"})
    told = {"id": number} if "id" in details else details
    assert shown(answer) == (400, code, told, message, left_out)


def test_a_locked_record_is_not_deleted(sdk: Sdk) -> None:
    number = sdk.create("Leads", **LEAD)
    sdk.org.edit("Leads", str(number), {"Locked__s": True})
    answer = RecordOperations("Leads").delete_record(number)
    assert shown(answer) == (400, "RECORD_LOCKED", {"id": number}, LOCKED, {"action"})


def test_an_update_that_comes_too_late(emu: Emulator, sdk: Sdk) -> None:
    # the SDK names no If-Unmodified-Since among its headers (facts 4.5); its `HeaderMap` makes "None" of any
    # value under a name that it does not know, so the header is put beneath it
    emu.clock(freeze=True)
    number = sdk.create("Leads", **LEAD)
    seen = emu.clock(advance=5)
    emu.clock(advance=5)
    sdk.org.edit("Leads", str(number), {"City": "Graz"})
    since = HeaderMap()
    since.request_headers["If-Unmodified-Since"] = datetime.fromtimestamp(int(seen), UTC).isoformat()
    body = fill(BodyWrapper(), data=[record({"City": "x"})])
    answer = RecordOperations("Leads").update_record(number, body, since)
    text = "record updated time has already passed if-unmodified-since time"
    left_out = {"Created_Time", "Modified_Time", "Created_By", "Modified_By"}
    assert shown(answer) == (412, "ALREADY_MODIFIED", {"id": number}, text, left_out)


@pytest.mark.parametrize(
    ("code", "status"), [("TOO_MANY_REQUESTS", 429), ("RATE_LIMIT_EXCEEDED", 429), ("TOO_MANY_REQUESTS", 400)]
)
def test_more_calls_at_once_than_the_org_may_have(emu: Emulator, sdk: Sdk, code: str, status: int) -> None:
    emu.quirks(over_limit_code=code, over_limit_status=str(status))
    listed(sdk)  # now the SDK knows the fields
    sdk.org.faults.add(effect="latency", kind="list", seconds=0.7)
    with ThreadPoolExecutor(14) as pool:
        answers = list(pool.map(listed, [sdk] * 14))
    refused = [shown(answer) for answer in answers if answer.get_status_code() >= 400]
    assert refused == [(status, code, {}, "too many requests", set())] * 4
