"""Whatever a client sends to the bulk calls, it gets Zoho's refusal; whatever a file holds, its job comes to an end."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.emulator import Emulator
from tests.emulator.zips import zipped

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


QUIET = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
TYPED = """
id Last_Name Email Phone Website Lead_Source Languages Email_Opt_Out Date_of_Birth Last_Meeting Loyalty_Points
Account_Name Owner Created_Time Full_Name Tag Layout Account_Name.Phone Account_Name.Owner Horn"""
FIELDS = st.sampled_from(words(TYPED))
MODULE = st.sampled_from([{"api_name": name} for name in ("Contacts", "Leads", "Notes", "Unicorns")]) | JSON
VALUES = st.sampled_from(
    ["${EMPTY}", "", "x", "5", "-1.5", "true", "2026-01-01", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"]
)
COMPARATORS = st.sampled_from(
    words(
        """equal not_equal in not_in less_than less_equal greater_than greater_equal between not_between contains
        not_contains starts_with ends_with like"""
    )
)
TEST = st.fixed_dictionaries(
    {
        "field": FIELDS.map(lambda name: {"api_name": name}) | JSON,
        "comparator": COMPARATORS,
        "value": VALUES | st.lists(VALUES, min_size=1, max_size=2) | JSON,
    }
)
CRITERIA = st.recursive(
    TEST,
    lambda inner: st.fixed_dictionaries(
        {"group_operator": st.sampled_from(["and", "or", "xor"]), "group": st.lists(inner, max_size=3)}
    ),
    max_leaves=4,
)
QUERY = st.fixed_dictionaries(
    {"module": MODULE},
    optional={
        "fields": st.lists(FIELDS, max_size=4) | JSON,
        "criteria": CRITERIA | JSON,
        "page": st.integers(-1, 52) | JSON,
        "page_token": JSON,
        "cvid": JSON,
        "file_type": JSON,
    },
)
READ = st.fixed_dictionaries(
    {"query": QUERY | JSON}, optional={"file_type": st.sampled_from(["csv", "ics"]) | JSON, "callback": JSON}
)
MAPPING = st.fixed_dictionaries(
    {"api_name": FIELDS | JSON},
    optional={
        "index": st.integers(-1, 4) | JSON,
        "find_by": FIELDS | JSON,
        "format": st.sampled_from(["yyyy-MM-dd", "MM/dd/yyyy", "dd.MM.yy HH:mm", "'T'", "Q", "%Y", ""]) | JSON,
        "default_value": st.fixed_dictionaries({"value": VALUES | JSON}) | JSON,
        "parent_column_index": JSON,
    },
)
RESOURCE = st.fixed_dictionaries(
    {"module": MODULE},
    optional={
        "type": JSON,
        "file_id": JSON,
        "file_names": st.just(["a.csv"]) | JSON,
        "find_by": FIELDS | JSON,
        "ignore_empty": JSON,
        "field_mappings": st.lists(MAPPING | JSON, max_size=4) | JSON,
    },
)
WRITE = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["insert", "update", "upsert"]) | JSON,
        "resource": st.lists(RESOURCE, max_size=2) | JSON,
    },
    optional={"character_encoding": st.sampled_from(["UTF-8", "utf-16", "base64", "idna"]) | JSON, "callback": JSON},
)
CELLS = (
    VALUES
    | st.text(max_size=8)
    | st.sampled_from(["5100131000000001006", "Hindi;English", "01/02/2026", "99999999999"])
)


def sound(status: int, body: bytes) -> bool:
    return status < 500 and isinstance(json.loads(body), dict)


@pytest.fixture
def org(emu: Emulator, us: Client) -> Client:
    """An org with no end of credits and jobs that are done at once."""
    emu.quirks(bulk_job_seconds="0")
    for site in emu.world.sites.values():
        site.meter.allowance = 10**9
    us.insert("Contacts", {"Last_Name": "x", "Languages": ["Hindi"], "Loyalty_Points": "5"}, {"Last_Name": "y"})
    return us


def uploaded(client: Client, content: bytes, content_type: str | None = None) -> Any:
    zgid = client.org._site.org.zgid
    headers = {"feature": "bulk-write", "X-CRM-ORG": zgid}
    if content_type is not None:
        return client.http.post("/crm/v8/upload", content=content, headers={**headers, "Content-Type": content_type})
    return client.http.post("/crm/v8/upload", files={"file": ("a.zip", content)}, headers=headers)


@QUIET
@given(READ | JSON)
def test_no_body_breaks_a_bulk_read(org: Client, body: Any) -> None:
    content = json.dumps(body).encode()
    answer = org.http.post("/crm/bulk/v8/read", content=content, headers={"Content-Type": "application/json"})
    assert sound(answer.status_code, answer.content), answer.text
    if answer.status_code == 201:
        job = answer.json()["data"][0]["details"]["id"]
        shown = org.http.get(f"/crm/bulk/v8/read/{job}")
        assert sound(shown.status_code, shown.content)
        assert shown.json()["data"][0]["state"] == "COMPLETED", shown.text


@QUIET
@given(CRITERIA, st.lists(FIELDS, max_size=3))
def test_no_wellformed_criteria_break_a_bulk_read(org: Client, criteria: Any, fields: list[str]) -> None:
    query = {"module": {"api_name": "Contacts"}, "criteria": criteria, "fields": fields}
    answer = org.http.post("/crm/bulk/v8/read", json={"query": query})
    assert sound(answer.status_code, answer.content), answer.text
    if answer.status_code == 201:
        job = answer.json()["data"][0]["details"]["id"]
        assert org.http.get(f"/crm/bulk/v8/read/{job}").json()["data"][0]["state"] == "COMPLETED"


@QUIET
@given(WRITE | JSON)
def test_no_body_breaks_a_bulk_write(org: Client, body: Any) -> None:
    if isinstance(body, dict) and isinstance(body.get("resource"), list):
        file_id = uploaded(org, zipped(b"id,Last_Name\n7,x\n,y\n")).json()["details"]["file_id"]
        for resource in body["resource"]:
            if isinstance(resource, dict):
                resource.setdefault("file_id", file_id)
    answer = org.http.post("/crm/bulk/v8/write", content=json.dumps(body).encode())
    assert sound(answer.status_code, answer.content), answer.text
    if answer.status_code == 201:
        shown = org.http.get(f"/crm/bulk/v8/write/{answer.json()['details']['id']}")
        assert sound(shown.status_code, shown.content)
        assert shown.json()["status"] in ("COMPLETED", "FAILED", "SKIPPED")


@QUIET
@given(
    st.sampled_from(["insert", "update", "upsert"]),
    st.lists(FIELDS.filter(lambda name: "." not in name and name != "Horn"), min_size=1, max_size=5, unique=True),
    st.lists(st.lists(CELLS, max_size=6), max_size=4),
    st.booleans(),
)
def test_no_row_breaks_a_job(org: Client, act: str, names: list[str], rows: list[list[str]], ignore: bool) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["Last_Name", *names], *rows])
    file_id = uploaded(org, zipped(text.getvalue().encode("utf-8", "replace"))).json()["details"]["file_id"]
    resource: dict[str, Any] = {"module": {"api_name": "Contacts"}, "file_id": file_id}
    resource["find_by"] = "Email" if "Email" in names else "id"
    if act == "insert":
        del resource["find_by"]
    answer = org.http.post(
        "/crm/bulk/v8/write", json={"operation": act, "resource": [resource], "ignore_empty": ignore}
    )
    assert answer.status_code == 201, answer.text
    shown = org.http.get(f"/crm/bulk/v8/write/{answer.json()['details']['id']}").json()
    assert shown["status"] in ("COMPLETED", "FAILED", "SKIPPED")
    if shown["status"] == "COMPLETED":
        counts = shown["resource"][0]["file"]
        parts = counts["added_count"] + counts["updated_count"] + counts["skipped_count"]
        assert parts == counts["total_count"]
    assert org.coql("select Last_Name from Contacts where id is not null order by Email asc").status_code == 200


@QUIET
@given(st.binary(max_size=80), st.sampled_from([None, "", "multipart/form-data", "multipart/form-data; boundary=x"]))
def test_no_upload_breaks_the_file_host(org: Client, content: bytes, content_type: str | None) -> None:
    for body in (content, zipped(b"a\n")[:40] + content, zipped(b"a\n") + content):
        answer = uploaded(org, body, content_type)
        assert sound(answer.status_code, answer.content), answer.text
        if answer.status_code == 200:
            resource = {"module": {"api_name": "Leads"}, "file_id": answer.json()["details"]["file_id"]}
            started = org.http.post("/crm/bulk/v8/write", json={"operation": "insert", "resource": [resource]})
            assert started.status_code == 201
            assert org.http.get(f"/crm/bulk/v8/write/{started.json()['details']['id']}").status_code == 200


@QUIET
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    st.sampled_from(["/crm/bulk/v8/read", "/crm/bulk/v8/write", "/crm/v8/upload", "/v2/crm/1/bulk-write", "//v2/crm"]),
    st.sampled_from(
        ["", "/", "/7", "/x", "/²", "/7/result", "/7/result/x", "/7/7.zip", "/%00", "/99999999999999999999999"]
    ),
)
def test_no_path_breaks_the_gateway(org: Client, method: str, root: str, tail: str) -> None:
    answer = org.http.request(method, f"{org.org.base_url}{root}{tail}", content=b"{}")
    assert sound(answer.status_code, answer.content), answer.text
