"""The SDK and the bulk calls (facts 7).

On the wire: a JSON Content-Type for jobs; the upload goes to the file host of its environment as one multipart part
named `file`; a bulk write's `download_url` is put behind the API root and one more slash.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from zohocrmsdk.src.com.zoho.crm.api.bulk_read import BodyWrapper, BulkReadOperations, CallBack, Criteria, Query
from zohocrmsdk.src.com.zoho.crm.api.bulk_write import (
    BulkWriteOperations,
    DefaultValue,
    FieldMapping,
    FileBodyWrapper,
    RequestWrapper,
    Resource,
    UploadFileHeader,
)
from zohocrmsdk.src.com.zoho.crm.api.fields import MinifiedField
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice, StreamWrapper

from daemon.emulator import Emulator
from tests.emulator.conformance.sdk import Sdk, fill, headers, refusal, unzipped, zipped

LEAD: dict[str, Any] = {"Last_Name": "Lee", "Company": "Acme"}
READ, WRITE = BulkReadOperations(), BulkWriteOperations()


def module(name: str) -> MinifiedModule:
    return fill(MinifiedModule(), api_name=name)


def condition(field: str, comparator: str, value: Any) -> Criteria:
    return fill(Criteria(), field=fill(MinifiedField(), api_name=field), comparator=Choice(comparator), value=value)


def start_read(**query: Any) -> Any:
    return READ.create_bulk_read_job(fill(BodyWrapper(), query=fill(Query(), **query)))


def job_of(answer: Any) -> int:
    assert answer.get_status_code() == 201, answer.get_response_json()
    return int(answer.get_object().get_data()[0].get_details()["id"])


def read_job(number: int) -> Any:
    (job,) = READ.get_bulk_read_job_details(number).get_object().get_data()
    return job


def test_bulk_read_with_criteria_and_download(emu: Emulator, sdk: Sdk) -> None:
    emu.clock(freeze=True)
    kept = sdk.create("Leads", **LEAD)
    sdk.create("Leads", Last_Name="Roy", Company="Globex")
    either = fill(
        Criteria(),
        group_operator=Choice("or"),
        group=[condition("Last_Name", "starts_with", "le"), condition("Company", "in", ["x", "y"])],
    )
    number = job_of(start_read(module=module("Leads"), fields=["Last_Name", "Company"], criteria=either))
    assert read_job(number).get_state().get_value() == "ADDED"
    emu.clock(advance=60)
    job = read_job(number)
    assert (job.get_state().get_value(), job.get_result().get_count()) == ("COMPLETED", 1)
    assert job.get_result().get_more_records() is False
    rows = unzipped(READ.download_result(number)).splitlines()
    assert rows[1:] == [f"{kept},Lee,Acme"]


def test_bulk_read_goes_on_by_its_page_token(emu: Emulator, sdk: Sdk) -> None:
    emu.quirks(bulk_job_seconds="0", bulk_read_page="2")
    for name in "abc":
        sdk.create("Leads", **{**LEAD, "Last_Name": name})
    first = read_job(job_of(start_read(module=module("Leads"), fields=["Last_Name"])))
    job = read_job(job_of(start_read(page_token=first.get_result().get_next_page_token())))
    assert (job.get_result().get_page(), job.get_result().get_count()) == (2, 1)


def test_a_bulk_read_with_a_callback_is_accepted(sdk: Sdk) -> None:
    callback = fill(CallBack(), url="https://cb.example.com", method=Choice("post"))
    body = fill(BodyWrapper(), query=fill(Query(), module=module("Leads")), callback=callback)
    assert READ.create_bulk_read_job(body).get_status_code() == 201


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"module": module("Unicorns")}, "MODULE_NOT_AVAILABLE"),
        ({"module": module("Leads"), "fields": ["Horn"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": module("Leads"), "page": 51}, "PAGE_RANGE_EXCEEDED"),
        ({"module": module("Leads"), "criteria": condition("Horn", "equal", "x")}, "FIELD_IN_CRITERIA_NOT_AVAILABLE"),
    ],
)
def test_a_bulk_read_that_is_refused(sdk: Sdk, query: dict[str, Any], code: str) -> None:
    assert refusal(start_read(**query)) == (400, code)


def test_more_bulk_jobs_than_may_run_at_once(emu: Emulator, sdk: Sdk) -> None:
    emu.clock(freeze=True)
    emu.quirks(bulk_jobs_at_once="2")
    for _ in range(2):
        job_of(start_read(module=module("Leads")))
    assert refusal(start_read(module=module("Leads"))) == (400, "TOO_MANY_REQUESTS")


def test_a_job_that_is_none(sdk: Sdk) -> None:
    # OAS25 and the SDK's reader agree on RESOURCE_NOT_FOUND; the facts take 404 from the v7 page
    assert refusal(READ.get_bulk_read_job_details(7)) == (404, "RESOURCE_NOT_FOUND")
    assert refusal(WRITE.get_bulk_write_job_details("7")) == (404, "RESOURCE_NOT_FOUND")


def test_a_result_before_its_time(sdk: Sdk) -> None:
    number = job_of(start_read(module=module("Leads")))
    assert refusal(READ.download_result(number)) == (400, "RESOURCE_NOT_FOUND")


# --- bulk write ------------------------------------------------------------------------------------------------------


def upload(text: str, *, zgid: str | None = None) -> Any:
    known = OrgOperations().get_organization().get_object().get_org()[0].get_zgid()
    body = fill(FileBodyWrapper(), file=StreamWrapper("leads.zip", zipped("leads.csv", text)))
    return WRITE.upload_file(body, headers(UploadFileHeader, feature="bulk-write", x_crm_org=zgid or known))


def mapping(name: str, index: int | None = None, **more: Any) -> FieldMapping:
    made = fill(FieldMapping(), api_name=name, **more)
    return made if index is None else fill(made, index=index)


def start_write(operation: str, text: str, *mappings: FieldMapping, **resource: Any) -> Any:
    file_id = upload(text).get_object().get_details()["file_id"]
    one = fill(
        Resource(),
        type=Choice("data"),
        module=module("Leads"),
        file_id=str(file_id),
        file_names=["leads.csv"],
        field_mappings=list(mappings),
        **resource,
    )
    return WRITE.create_bulk_write_job(fill(RequestWrapper(), operation=Choice(operation), resource=[one]))


def test_bulk_write_from_upload_to_result(emu: Emulator, sdk: Sdk) -> None:
    emu.clock(freeze=True)
    text = "name,mail\nLee,lee@example.com\nRoy,bad\n"
    constant = mapping("Company", default_value=fill(DefaultValue(), value="Acme"))
    answer = start_write("insert", text, mapping("Last_Name", 0), mapping("Email", 1), constant)
    assert answer.get_status_code() == 201
    number = answer.get_object().get_details()["id"]
    assert WRITE.get_bulk_write_job_details(number).get_object().get_status() == "ADDED"
    emu.clock(advance=60)
    job = WRITE.get_bulk_write_job_details(number).get_object()
    assert job.get_status() == "COMPLETED"
    file = job.get_resource()[0].get_file()
    assert (file.get_added_count(), file.get_skipped_count(), file.get_total_count()) == (1, 1, 2)
    (kept,) = sdk.org.records("Leads")
    result = unzipped(WRITE.download_bulk_write_result(job.get_result().get_download_url())).splitlines()
    assert result[1:] == [f"Lee,lee@example.com,added,{kept['id']},", "Roy,bad,skipped,,INVALID_DATA-mail"]


def test_the_download_url_may_be_absolute(emu: Emulator, sdk: Sdk) -> None:
    # the SDK puts a slash before whatever it is given; it takes the slash away again only when the text holds "http"
    emu.quirks(bulk_job_seconds="0", bulk_write_download_url="absolute")
    number = start_write("update", "id\n7\n", mapping("id", 0), find_by="id").get_object().get_details()["id"]
    url = WRITE.get_bulk_write_job_details(number).get_object().get_result().get_download_url()
    assert url.startswith("http://")
    assert "RESOURCE_NOT_FOUND-id" in unzipped(WRITE.download_bulk_write_result(url))


def test_bulk_write_upserts_by_a_unique_field(emu: Emulator, sdk: Sdk) -> None:
    emu.quirks(bulk_job_seconds="0")
    number = sdk.create("Leads", **LEAD, Email="lee@example.com")
    text = "lee@example.com,Globex,Lee\nroy@example.com,Initech,Roy\n"
    columns = (mapping("Email", 0), mapping("Company", 1), mapping("Last_Name", 2))
    answer = start_write("upsert", f"mail,firm,name\n{text}", *columns, find_by="Email")
    job = WRITE.get_bulk_write_job_details(answer.get_object().get_details()["id"]).get_object()
    file = job.get_resource()[0].get_file()
    assert (file.get_added_count(), file.get_updated_count()) == (1, 1)
    changed = sdk.org.record("Leads", str(number))
    assert changed is not None
    assert changed["Company"] == "Globex"


def test_an_upload_that_is_no_zip(sdk: Sdk) -> None:
    zgid = OrgOperations().get_organization().get_object().get_org()[0].get_zgid()
    body = fill(FileBodyWrapper(), file=StreamWrapper("leads.zip", io.BytesIO(b"not a zip")))
    answer = WRITE.upload_file(body, headers(UploadFileHeader, feature="bulk-write", x_crm_org=zgid))
    assert refusal(answer) == (400, "INVALID_FILE_FORMAT")


def test_an_upload_for_another_org_is_refused_in_its_own_shape(sdk: Sdk) -> None:
    found = upload("a\n1\n", zgid="1").get_object()
    assert found.get_error_message().get_value() == "Bad Request"
    assert found.get_x_error().get_value() == "check if headers [feature, X-CRM-ORG] are present and valid"


def test_a_bulk_write_that_is_refused(sdk: Sdk) -> None:
    assert refusal(start_write("insert", "a\n1\n", mapping("Horn", 0))) == (400, "INVALID_FIELD")
    assert refusal(start_write("insert", "a\n1\n", mapping("Email", 0))) == (400, "MANDATORY_FIELDS_NOT_MAPPED")
    assert refusal(start_write("update", "a\n1\n", mapping("Email", 0))) == (400, "MISSING_REQUIRED_KEY")
