"""One valid request for every call that a Zoho client can make, and a small org in which they all do something.

`<Name>` in a path, a parameter or a body stands for an id that `furnish` made.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import zipfile
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from daemon.emulator import Emulator

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request; `body` is what goes over the wire. Its repr is the reproduction of a failure."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A valid request, its parts still open to harm."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


def _sample(line: str, body: Any = None, **headers: str) -> Sample:
    method, target = line.split()
    path, _, query = target.partition("?")
    pairs = dict(part.split("=", 1) for part in query.split("&")) if query else {}
    prefix = "" if path.startswith(("/crm", "/v2", "/oauth")) else "/crm/v8"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sample(method=method, path=prefix + path, query=pairs, headers=names, body=body)


def _one(**values: Any) -> Json:
    return {"data": [values]}


def _condition(name: str, comparator: str, value: Any) -> Json:
    return {"field": {"api_name": name}, "comparator": comparator, "value": value}


LEAD = {"Last_Name": "Lee", "Company": "Acme", "Email": "lee@example.com", "Lead_Source": "Cold Call",
        "Annual_Revenue": 10.5, "No_of_Employees": 5, "Email_Opt_Out": False, "Owner": {"id": "<user>"},
        "Tag": [{"name": "vip"}], "Layout": {"id": "<layout>"}}  # fmt: skip
CONTACT = {"Last_Name": "Roy", "Email": "roy@example.com", "Account_Name": {"id": "<Accounts>"},
           "Languages": ["Hindi", "English"], "Date_of_Birth": "1980-02-29", "Loyalty_Points": "12",
           "Last_Meeting": "2026-01-02T03:04:05+00:00", "$append_values": {"Languages": True}}  # fmt: skip
PROJECT = {"Name": "p", "Milestones": [{"Title": "m", "Cost": 5, "Labels": ["x"]}],
           "Consultants": [{"Consultants": {"id": "<Contacts>"}}]}  # fmt: skip
CRITERIA = {"group_operator": "and", "group": [_condition("Last_Name", "contains", "e"),
            _condition("Account_Name", "in", ["<Accounts>"]), _condition("Last_Meeting", "not_equal", "${EMPTY}"),
            _condition("Loyalty_Points", "between", [1, 50])]}  # fmt: skip
MAPPING = {"api_name": "Last_Name", "index": 0, "find_by": None, "format": None, "default_value": {"value": "x"}}
FILTERS = '{"field":{"api_name":"module"},"comparator":"equal","value":{"api_name":"Leads"}}'
COQL = (
    "select Last_Name, Account_Name.Phone, Modified_Time from Contacts where ((Last_Name like 'R%' and "
    "Languages in ('Hindi', 'Tamil')) or Loyalty_Points between 1 and 50) order by Modified_Time asc limit 0, 200"
)
UPLOAD = {"feature": "bulk-write", "X_CRM_ORG": "<zgid>", "Content_Type": "multipart/form-data; boundary=x"}
PLACES = ("settings/modules", "settings/modules/Leads", "settings/roles", "settings/roles/<role>", "settings/profiles",
          "settings/profiles/<profile>", "users?type=ActiveUsers&page=1&per_page=5", "users/<user>", "org",
          "org/currencies", "__features?module=Leads", "settings/recycle_bin?page=1&per_page=5",
          "settings/recycle_bin/<gone>", "settings/recycle_bin/actions/count", "settings/fields?module=Contacts",
          "settings/fields/Last_Name?module=Leads", "settings/layouts?module=Leads",
          "settings/layouts/<layout>?module=Leads", "settings/related_lists?module=Contacts",
          "settings/tags?module=Leads", "settings/custom_views?module=Leads&page=1&per_page=5",
          "settings/custom_views/<view>?module=Leads")  # fmt: skip


def form(content: bytes) -> bytes:
    """A multipart form with one file."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n"


def zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.csv"), content)
    return made.getvalue()


SAMPLES: tuple[Sample, ...] = (
    *(_sample(f"GET /{place}") for place in PLACES),
    _sample("POST /settings/fields?module=Leads", {"fields": [
        {"field_label": "Horn", "data_type": "text", "length": 20, "unique": {"case_sensitive": False}},
        {"field_label": "Hue", "data_type": "picklist", "length": 20,
         "pick_list_values": [{"display_value": "a", "actual_value": "a"}]},
        {"field_label": "Firm", "data_type": "lookup", "lookup": {"module": {"api_name": "Accounts"}}},
        {"field_label": "Tale", "data_type": "textarea", "textarea": {"type": "rich_text"}},
        {"field_label": "Number", "data_type": "autonumber", "auto_number": {"prefix": "a", "start_number": "1"}}]}),
    _sample("POST /settings/fields?module=Leads", {"fields": [
        {"field_label": "Rows", "data_type": "subform", "subform": {"module": "Rows", "fields": [
            {"field_label": "Cell", "data_type": "text"}]}}]}),
    _sample("PATCH /settings/fields/Customer_Number?module=Contacts", {"fields": [
        {"field_label": "Number", "length": 60, "unique": {"case_sensitive": True},
         "external": None}]}),
    _sample("PATCH /settings/fields/Languages?module=Contacts", {"fields": [
        {"pick_list_values": [{"display_value": "b", "actual_value": "b"}]}]}),
    _sample("DELETE /settings/fields/Customer_Number?module=Contacts"),
    _sample("POST /settings/tags?module=Leads", {"tags": [{"name": "a"}, {"name": "b", "color_code": "#fff"}]}),
    _sample("DELETE /settings/tags/<tag>"),
    _sample("DELETE /settings/recycle_bin?ids=<gone>"),
    Sample(method="DELETE", path="/crm/v8/settings/recycle_bin", query={"filters": FILTERS}),
    _sample("DELETE /settings/recycle_bin/<gone>"),
    _sample("POST /settings/recycle_bin/actions/restore", {"recycle_bin": {"ids": ["<gone>"]}}),
    _sample("POST /settings/recycle_bin/<gone>/actions/restore"),
    _sample("POST /settings/recycle_bin/actions/empty"),
    _sample("POST /coql", {"select_query": COQL, "include_meta": ["fields"]}),
    _sample("GET /Contacts?fields=Last_Name,Account_Name,Tag&page=1&per_page=5&sort_by=Modified_Time&sort_order=asc",
            If_Modified_Since="2020-01-01T00:00:00Z"),
    _sample("GET /Leads?fields=Last_Name&converted=both&ids=<Leads>,<other>&cvid=<view>"),
    _sample("GET /Projects?fields=Name,Milestones&page_token=<token>&cvid=<view>"),
    _sample("GET /Contacts/<Contacts>?fields=Last_Name"),
    _sample("GET /Projects/<Projects>"),
    _sample("GET /Leads/deleted?type=all&page=1&per_page=5"),
    _sample("GET /Contacts/search?criteria=((Last_Name:starts_with:R)and(Loyalty_Points:between:1,50))&per_page=5"),
    _sample("GET /Contacts/search?email=roy@example.com"),
    _sample("GET /Contacts/search?phone=123"),
    _sample("GET /Contacts/search?word=Roy"),
    _sample("GET /Contacts/actions/count?criteria=(Last_Name:equals:Roy)"),
    _sample("GET /Contacts/actions/fetch_full_data?ids=<Contacts>&fields=Description"),
    _sample("GET /Contacts/<Contacts>/actions/fetch_full_data?fields=Description"),
    _sample("POST /Leads", {"data": [LEAD], "trigger": ["workflow"]}),
    _sample("POST /Contacts", {"data": [CONTACT], "trigger": []}, X_EXTERNAL="Contacts.Customer_Number"),
    _sample("POST /Projects", {"data": [PROJECT]}),
    _sample("PUT /Leads", {"data": [{**LEAD, "id": "<Leads>"}, {"id": "<other>", "City": "x"}]}),
    _sample("PUT /Contacts/<Contacts>", {"data": [CONTACT]}, If_Unmodified_Since="2030-01-01T00:00:00Z"),
    _sample("PUT /Projects/<Projects>", _one(Milestones=[{"id": "<row>", "_delete": None}, {"Title": "n"}])),
    _sample("POST /Contacts/upsert", {"data": [CONTACT], "duplicate_check_fields": ["Email"], "trigger": ["workflow"]}),
    _sample("POST /Projects/upsert", {"data": [PROJECT], "duplicate_check_fields": ["Name"]}),
    _sample("DELETE /Leads?ids=<Leads>,<other>&wf_trigger=false"),
    _sample("DELETE /Contacts/<Contacts>"),
    _sample("POST /Leads/actions/mass_delete", {"ids": ["<Leads>"]}),
    _sample("POST /Leads/actions/mass_delete", {"cvid": "<view>"}),
    _sample("GET /Leads/actions/mass_delete?job_id=<job>"),
    _sample("POST /Leads/actions/change_owner", {"owner": {"id": "<user>"}, "ids": ["<Leads>"], "notify": True}),
    _sample("POST /Leads/<Leads>/actions/change_owner", {"owner": {"id": "<user>"}}),
    _sample("POST /Leads/actions/add_tags", {"tags": [{"name": "a"}], "ids": ["<Leads>"], "over_write": True}),
    _sample("POST /Leads/<Leads>/actions/add_tags", {"tags": [{"name": "a"}]}),
    _sample("POST /Leads/actions/remove_tags", {"tags": [{"name": "vip"}], "ids": ["<Leads>"]}),
    _sample("POST /Leads/<Leads>/actions/remove_tags", {"tags": [{"name": "vip"}]}),
    _sample("POST /Leads/<Leads>/actions/merge",
            {"merge": [{"data": [{"id": "<other>", "_fields": [{"api_name": "Email"}]}]}]}),
    _sample("GET /Leads/<Leads>/actions/merge?job_id=<job>"),
    _sample("POST /Leads/<Leads>/actions/convert",
            _one(Accounts={"id": "<Accounts>"}, Contacts="<Contacts>", assign_to={"id": "<user>"}, overwrite=True,
                 Deals={"Deal_Name": "d", "Stage": "Qualification", "Closing_Date": "2026-01-01",
                        "Pipeline": "Standard (Standard)"})),
    _sample("GET /Leads/<Leads>/Attachments?fields=id,File_Name"),
    _sample("POST /Leads/<Leads>/Attachments?attachmentUrl=https://x.example.com/a"),
    _sample("POST /Leads/<Leads>/Attachments", form(b"hello"), Content_Type="multipart/form-data; boundary=x"),
    _sample("GET /Leads/<Leads>/Attachments/<file>"),
    _sample("DELETE /Leads/<Leads>/Attachments/<file>"),
    _sample("DELETE /Leads/<Leads>/Attachments?ids=<file>"),
    _sample("GET /Leads/<locked>/Locking_Information__s"),
    _sample("POST /Leads/<Leads>/Locking_Information__s", _one(Locked_Reason__s="why")),
    _sample("DELETE /Leads/<locked>/Locking_Information__s/<lock>"),
    _sample("GET /Leads/<Leads>/Notes?fields=Note_Title&page=1"),
    _sample("POST /Leads/<Leads>/Notes", _one(Note_Title="t", Note_Content="c")),
    _sample("GET /Projects/<Projects>/Consultants?fields=Last_Name"),
    _sample("PUT /Projects/<Projects>/Consultants", _one(id="<Contacts>")),
    _sample("DELETE /Projects/<Projects>/Consultants?ids=<Contacts>"),
    _sample("DELETE /Projects/<Projects>/Consultants/<Contacts>"),
    _sample("PUT /Accounts/<Accounts>/Contacts/", _one(id="<Contacts>")),
    _sample("POST /Tasks", _one(Subject="t", What_Id={"id": "<Accounts>"}, **{"$se_module": "Accounts"})),
    _sample("POST /Events", _one(Event_Title="e", Start_DateTime="2026-01-02T03:04:05Z",
            End_DateTime="2026-01-02T04:04:05Z", Participants=[{"type": "email", "participant": "a@example.com"}])),
    _sample("POST /Calls", _one(Subject="c", Call_Type="Inbound", Call_Start_Time="2026-01-02T03:04:05Z",
            Call_Duration="05:00", Who_Id={"id": "<Contacts>"})),
    _sample("POST /Quotes", _one(Subject="q", Quoted_Items=[{"Product_Name": {"id": "<Products>"}, "Quantity": 2,
            "List_Price": 3, "Discount": 1}])),
    _sample("POST /Notes", _one(Note_Title="t", Parent_Id={"id": "<Leads>", "module": {"api_name": "Leads"}},
            **{"$se_module": "Leads"})),
    _sample("POST /crm/bulk/v8/read", {"query": {"module": {"api_name": "Contacts"}, "page": 1, "cvid": None,
            "fields": ["Last_Name", "Account_Name.Phone", "Languages"], "criteria": CRITERIA},
            "file_type": "csv", "callback": {"url": "https://x.example.com", "method": "post"}}),
    _sample("POST /crm/bulk/v8/read", {"query": {"module": {"api_name": "Events"}}, "file_type": "ics"}),
    _sample("GET /crm/bulk/v8/read/<read>"),
    _sample("GET /crm/bulk/v8/read/<read>/result"),
    _sample("POST /crm/v8/upload", form(zipped(b"Last_Name,Company\na,b\n")), **UPLOAD),
    _sample("POST /crm/bulk/v8/write", {"operation": "upsert", "ignore_empty": True, "character_encoding": "UTF-8",
            "callback": {"url": "https://x.example.com", "method": "post"}, "resource": [
                {"type": "data", "module": {"api_name": "Contacts"}, "file_id": "<upload>", "file_names": ["a.csv"],
                 "find_by": "Email", "field_mappings": [
                     MAPPING, {"api_name": "Email", "index": 1},
                     {"api_name": "Account_Name", "index": 2, "find_by": "id"},
                     {"api_name": "Date_of_Birth", "index": 3, "format": "yyyy-MM-dd"}]}]}),
    _sample("POST /crm/bulk/v8/write", {"operation": "insert", "resource": [
        {"type": "data", "module": {"api_name": "Projects"}, "file_id": "<upload>", "file_names": ["a.csv"],
         "field_mappings": [{"api_name": "Name", "index": 0}]},
        {"type": "data", "module": {"api_name": "Milestones"}, "file_id": "<upload>", "file_names": ["a.csv"],
         "field_mappings": [{"api_name": "Title", "index": 1},
                            {"api_name": "Parent_Id", "parent_column_index": 0, "index": 0, "find_by": "Name"}]}]}),
    _sample("GET /crm/bulk/v8/write/<write>"),
    _sample("GET /v2/crm/<zgid>/bulk-write/<write>/<write>.zip"),
    _sample("POST /oauth/v2/token?grant_type=refresh_token&refresh_token=<refresh>&client_id=<client>"
            "&client_secret=<secret>"),
    _sample("POST /oauth/v2/token", b"grant_type=authorization_code&code=x&client_id=<client>&client_secret=<secret>",
            Content_Type="application/x-www-form-urlencoded"),
    _sample("POST /oauth/v2/token/revoke?token=<refresh>"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    kind: str
    body: bytes
    method: str


class Range:
    """An emulator that is as new before each round, and the client that shoots at it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.org = emulator.orgs["us"]
        self.http = httpx.Client(base_url=self.org.base_url, timeout=20)
        self.names: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None

    def furnish(self) -> None:
        """Start anew: records of each kind, one in the bin, a tag, a lock, a file, jobs that are done."""
        self.emulator.reset()
        self.emulator.quirks(bulk_job_seconds="0")
        site = self.org._site
        site.meter.allowance = 10**9
        self.http.headers.update(self.org.headers())
        new = self._id
        names = self.names = {"zgid": str(site.org.zgid), "client": self.org.client_id, "token": "0" * 64, "job": "1"}
        names["long"] = "a" * 70_000
        names["secret"], names["refresh"] = self.org.client_secret, self.org.refresh_token
        names["user"], names["layout"] = str(site.org.users[0].id), str(site.org.modules["Leads"].layout_id)
        names["role"], names["profile"] = str(site.org.users[0].role.id), str(site.org.users[0].profile.id)
        names["Accounts"] = new("Accounts", Account_Name="Acme", Phone="1")
        names["Contacts"] = new("Contacts", **{**CONTACT, "Account_Name": {"id": names["Accounts"]}})
        names["Leads"] = new("Leads", Last_Name="Lee", Company="Acme", Tag=[{"name": "vip"}])
        names["other"] = new("Leads", Last_Name="Kim", Company="Acme", Email="kim@example.com")
        names["Products"] = new("Products", Product_Name="p")
        names["Projects"] = new(
            "Projects", Name="p", Milestones=[{"Title": "m"}], Consultants=[{"Consultants": {"id": names["Contacts"]}}]
        )
        names["locked"] = new("Leads", Last_Name="Fixed", Company="Acme")
        names["gone"] = new("Leads", Last_Name="Gone", Company="Acme")
        self.http.delete(f"/crm/v8/Leads/{names['gone']}")
        rows = self.http.get(f"/crm/v8/Projects/{names['Projects']}").json()["data"][0]["Milestones"]
        names["row"] = rows[0]["id"]
        names["tag"] = self.http.get("/crm/v8/settings/tags?module=Leads").json()["tags"][0]["id"]
        views = self.http.get("/crm/v8/settings/custom_views?module=Leads").json()["custom_views"]
        names["view"] = views[0]["id"]
        lock = self.http.post(f"/crm/v8/Leads/{names['locked']}/Locking_Information__s", json=_one())
        names["lock"] = lock.json()["data"][0]["details"]["id"]
        file = self.http.post(f"/crm/v8/Leads/{names['Leads']}/Attachments?attachmentUrl=https://x.example.com/a")
        names["file"] = file.json()["data"][0]["details"]["id"]
        content = zipped(b"Last_Name,Email,firm,day\nRoy,roy@example.com,,1980-01-02\n,x@example.com,7,02/03/1980\n")
        upload = self.http.post("/crm/v8/upload", content=form(content), headers=_headers(self._fill_all(UPLOAD)))
        names["upload"] = upload.json()["details"]["file_id"]
        read = self.http.post("/crm/bulk/v8/read", json={"query": {"module": {"api_name": "Contacts"}}})
        names["read"] = read.json()["data"][0]["details"]["id"]
        resource = {"module": {"api_name": "Contacts"}, "file_id": names["upload"], "field_mappings": [MAPPING]}
        write = self.http.post("/crm/bulk/v8/write", json={"operation": "insert", "resource": [resource]})
        names["write"] = write.json()["details"]["id"]

    def _id(self, module: str, **values: Any) -> str:
        answer = self.http.post(f"/crm/v8/{module}", json={"data": [values]})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"][0]["details"]["id"])

    def fill(self, text: str) -> str:
        """The text with ids for its `<Name>`s."""
        return re.sub(r"<(\w+)>", lambda match: self.names.get(match[1], match[0]), text)

    def _fill_all(self, values: dict[str, str]) -> dict[str, str]:
        return {name: self.fill(value) for name, value in values.items()}

    def filled(self, shot: Shot) -> Shot:
        """A shot at this very org."""
        body = re.sub(
            rb"<(\w+)>", lambda match: self.names.get(match[1].decode(), match[0].decode()).encode(), shot.body
        )
        return replace(
            shot,
            path=self.fill(shot.path),
            query=self.fill(shot.query),
            headers=self._fill_all(shot.headers),
            body=body,
        )

    def fire(self, shot: Shot) -> Answer:
        """Send it, also where an HTTP library would refuse to."""
        shot = self.filled(shot)
        connection = self._connection or http.client.HTTPConnection(
            self.org.base_url.removeprefix("http://"), timeout=20
        )
        self._connection = None
        target = shot.path + (f"?{shot.query}" if shot.query else "")
        connection.putrequest(shot.method, _clean(target), skip_accept_encoding=True)
        headers = {"Authorization": self.http.headers["Authorization"], **shot.headers}
        for name, value in {**headers, "Content-Length": str(len(shot.body))}.items():
            connection.putheader(name, value.encode("utf-8", "replace"))
        connection.endheaders(shot.body)
        got = connection.getresponse()
        answer = Answer(got.status, got.headers.get("content-type") or "", got.read(), shot.method)
        self._connection = connection
        return answer


def _headers(values: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in values.items()}


def _clean(target: str) -> str:
    """A request line needs plain characters; the rest is percent-encoded."""
    raw = target.encode("utf-8", "replace")
    return "".join(chr(one) if 32 < one < 127 else f"%{one:02X}" for one in raw) or "/"


def plain(sample: Sample) -> Shot:
    """A sample as it stands."""
    query = "&".join(f"{name}={value}" for name, value in sample.query.items())
    body = (
        sample.body
        if isinstance(sample.body, bytes)
        else b""
        if sample.body is None
        else json.dumps(sample.body).encode()
    )
    headers = dict(sample.headers)
    if body and not isinstance(sample.body, bytes):
        headers.setdefault("Content-Type", "application/json")
    return Shot(method=sample.method, path=sample.path, query=query, headers=headers, body=body)
