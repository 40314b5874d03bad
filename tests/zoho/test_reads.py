"""Reads: believed only when they have the right shape, repeated twice when the road broke, else a typed error."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.record import START
from daemon.core.schema import OrgProfile, User
from daemon.zoho import coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer, CallUncertain, CredentialRefused, OrgUnavailable, RequestRefused, ZohoError
from daemon.zoho.metadata import Deletion

ID, TIME = "700000000000201", "2026-03-01T09:05:00+01:00"
ROW = {"id": ID, "Modified_Time": TIME, "Last_Name": "Lee"}
INFO = {"count": 1, "more_records": False}
PAGE = {"data": [ROW], "info": INFO}


def error(code, message="no", **details):
    return {"code": code, "details": details, "message": message, "status": "error"}


def poll(zoho):
    return zoho.coql("Leads", ["Last_Name", "Modified_Time"], coql.after(START), ["Modified_Time", "id"])


def test_a_page_is_rows_and_whether_there_are_more(zoho, server):
    server.say(200, {"data": [ROW], "info": {"count": 1, "more_records": True}})
    page = poll(zoho)
    assert (page.rows, page.more) == ([ROW], True)
    assert server.calls[0].json["select_query"].startswith("select id, Last_Name, Modified_Time from Leads where ((")


@pytest.mark.parametrize("status", [204, 304])
def test_no_content_is_an_empty_answer_of_every_read(zoho, server, status):
    server.default = server.answer(status)
    assert poll(zoho).rows == zoho.get_records("Leads", ["Email"]).rows == zoho.deleted("Leads").rows == []
    assert zoho.modules() == zoho.by_ids("Leads", ["Email"], [ID]) == []
    assert zoho.get_one("Leads", ID) is None
    assert zoho.count("Leads") == 0
    with pytest.raises(RequestRefused, match="Leads shows no fields"):
        zoho.schema("Leads")
    with pytest.raises(BadAnswer):
        zoho.profile()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"data": [ROW, None], "info": INFO}, "data[1]: an object was expected, null was found"),
        ({"data": [ROW, {**ROW, "id": 5}], "info": INFO}, "data[1].id: a record id was expected, a number was found"),
        ({"data": [{**ROW, "id": "x"}], "info": INFO}, "data[0].id"),
        ({"data": [{"Modified_Time": TIME}], "info": INFO}, "data[0].id"),
        ({"data": [{**ROW, "Modified_Time": None}], "info": INFO}, "data[0].Modified_Time: a time with an offset"),
        ({"data": [{**ROW, "Modified_Time": "2026-03-01T09:05:00"}], "info": INFO}, "data[0].Modified_Time"),
        ({"data": [{**ROW, "Modified_Time": "0001-01-01T00:00:00+14:00"}], "info": INFO}, "data[0].Modified_Time"),
        ({"data": {"0": ROW}, "info": INFO}, "data: a list was expected, an object was found"),
        ({"data": None, "info": INFO}, "data: a list was expected, null was found"),
        ({"data": [ROW]}, "info: an object was expected, null was found"),
        ({"data": [ROW], "info": {}}, "info.more_records: a boolean was expected, null was found"),
        ({"data": [ROW], "info": {"more_records": "false"}}, "info.more_records"),
        ({"data": [ROW], "info": {**INFO, "next_page_token": 5}}, "info.next_page_token"),
        ([], "the answer: an object was expected, a list was found"),
        (None, "the answer: JSON"),
        (b"<html><body>Sign in</body></html>", "the answer: JSON"),
        (b'{"data": [', "the answer: JSON"),
        (b"[" * 100_000, "the answer: JSON"),
        (b'{"data": [{"id": "\xff"}]}', "the answer: JSON"),
    ],
)
def test_a_wrong_type_is_a_bad_answer_that_names_its_place(zoho, server, content, place):
    server.default = server.answer(200, content)
    with pytest.raises(BadAnswer) as caught:
        poll(zoho)
    assert place in str(caught.value)
    assert len(server.calls) == (3 if place.startswith("the answer") else 1)


def test_a_bad_answer_shows_what_was_seen_in_one_short_printable_line(zoho, server):
    server.default = server.answer(200, b"<html>\n\x1b[31m\x00" + b"A" * 5000, Content_Type="text/html; charset=x")
    with pytest.raises(BadAnswer, match="text/html") as caught:
        poll(zoho)
    text = str(caught.value)
    assert text.isprintable()
    assert "<html> [31m" in text
    assert len(text) < 400


@pytest.mark.parametrize("trouble", [500, 502, 503, "html", "half", "nothing", "reset"])
def test_a_read_is_repeated_twice_when_the_road_breaks(zoho, server, slept, trouble):
    for _ in range(2):
        if isinstance(trouble, int):
            server.say(trouble, b"oops")
        elif trouble == "html":
            server.say(200, b"<html>")
        else:
            server.say_raw(
                {"half": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "nothing": b"", "reset": b"X"}[trouble]
            )
    server.say(200, PAGE)
    assert poll(zoho).rows == [ROW]
    assert slept == [0.5, 2.0]


def test_after_two_repeats_a_server_error_is_unavailable(zoho, server):
    server.default = server.answer(503, b"<html>maintenance</html>")
    with pytest.raises(OrgUnavailable, match="POST coql was answered 503"):
        poll(zoho)
    assert len(server.calls) == 3


def test_a_read_that_used_up_its_time_is_not_repeated(make_org, clock, server, slept):
    server.default = server.raw(b"", b"late", pause=1)
    with Zoho(make_org(call_deadline=0.3), now=clock, sleep=slept.append) as zoho, pytest.raises(OrgUnavailable):
        poll(zoho)
    assert (len(server.calls), slept) == (1, [])


@pytest.mark.parametrize(
    ("status", "code", "after"), [(429, "TOO_MANY_REQUESTS", 60), (400, "RATE_LIMIT_EXCEEDED", 60), (429, None, 60)]
)
def test_a_throttle_is_not_repeated_and_says_how_long_to_wait(zoho, server, slept, status, code, after):
    server.default = server.answer(status, error(code) if code else b"<html>")
    with pytest.raises(OrgUnavailable) as caught:
        poll(zoho)
    assert (caught.value.retry_after, len(server.calls), slept) == (after, 1, [])


@pytest.mark.parametrize(("status", "code"), [(429, "TOO_MANY_REQUESTS"), (400, "RATE_LIMIT_EXCEEDED")])
def test_the_org_rests_after_a_throttle_whatever_its_status(zoho, server, status, code):
    server.say(status, error(code))
    for _ in range(2):
        with pytest.raises(OrgUnavailable):
            poll(zoho)
    assert len(server.calls) == 1


def test_a_retry_after_is_listened_to(zoho, server):
    server.say(429, error("TOO_MANY_REQUESTS"), Retry_After="7")
    with pytest.raises(OrgUnavailable) as caught:
        poll(zoho)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(("wrapped", "status"), [(False, 200), (False, 400), (True, 400)])
@pytest.mark.parametrize("code", ["INVALID_QUERY", "INVALID_MODULE", "LIMIT_EXCEEDED", "TOKEN_BOUND_DATA_MISMATCH"])
def test_a_refusal_has_its_code_and_details_and_is_not_repeated(zoho, server, wrapped, status, code):
    body = error(code, "said no", column_name="Foo")
    server.say(status, {"data": [body]} if wrapped else body)
    with pytest.raises(RequestRefused, match="said no") as caught:
        poll(zoho)
    assert (caught.value.code, caught.value.details) == (code, {"column_name": "Foo"})


def test_a_lacking_scope_and_a_lacking_permission_are_named(zoho, server):
    server.say(401, error("OAUTH_SCOPE_MISMATCH", "Unauthorized"))
    with pytest.raises(CredentialRefused, match=r"scope ZohoCRM\.coql\.READ.*orgsync auth india") as caught:
        poll(zoho)
    assert caught.value.scope == "ZohoCRM.coql.READ,ZohoCRM.modules.ALL"
    server.say(403, error("NO_PERMISSION", permissions=["Crm_Implied_View_Leads"]))
    with pytest.raises(CredentialRefused, match="Crm_Implied_View_Leads"):
        poll(zoho)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_not_followed(zoho, server, status):
    server.default = server.answer(status, b"", Location="https://www.zohoapis.com/crm/v8/org?token=x")
    with pytest.raises(BadAnswer, match=r"redirected to www\.zohoapis\.com.*orgs\.india\.api_url") as caught:
        zoho.profile()
    assert "token=x" not in str(caught.value)


def test_a_list_call_sends_its_parameters(zoho, server):
    server.say(200, {"data": [ROW], "info": {**INFO, "next_page_token": "abc"}})
    since = datetime(2026, 3, 1, tzinfo=UTC)
    page = zoho.get_records(
        "Leads",
        ["Email", "$approval_state"],
        page_token="t",
        sort_by="Modified_Time",
        modified_since=since,
        converted="both",
    )
    [call] = server.calls
    assert page.token == "abc"
    assert call.headers["if-modified-since"] == "2026-03-01T00:00:00+00:00"
    assert call.query == {
        "fields": "Email,$approval_state",
        "page_token": "t",
        "sort_by": "Modified_Time",
        "sort_order": "asc",
        "per_page": "200",
        "converted": "both",
    }


def test_a_page_has_one_to_fifty_fields_and_a_number_or_a_token(zoho):
    for fields in ([], ["F"] * 51):
        with pytest.raises(ValueError, match="1 to 50 fields"):
            zoho.get_records("Leads", fields)
    with pytest.raises(ValueError, match="not by both"):
        zoho.get_records("Leads", ["Email"], page=1, page_token="t")


def rows_with(values, ids):
    return {"data": [{"id": record_id, **values} for record_id in ids], "info": INFO}


def test_by_ids_takes_a_hundred_at_a_time_and_leaves_out_what_is_not_there(zoho, server):
    ids = [str(n) for n in range(1, 251)]
    for chunk in (ids[:99], ids[100:200], ids[200:]):
        server.say(200, rows_with({"Email": None}, chunk[::-1]))
    assert [row["id"] for row in zoho.by_ids("Leads", ["Email"], ids)] == ids[:99] + ids[100:]
    assert server.calls[0].query["ids"].split(",") == ids[:100]
    assert server.calls[0].query["converted"] == "both"


def test_by_ids_merges_pieces_of_the_same_version(zoho, server):
    fields = [f"F{n}" for n in range(60)]
    first, second = dict.fromkeys(fields[:49], 1), dict.fromkeys(fields[49:], 2)
    server.say(200, rows_with({**first, "Modified_Time": TIME}, ["1"]))
    server.say(200, rows_with({**second, "Modified_Time": TIME}, ["1"]))
    assert zoho.by_ids("Leads", fields, ["1"]) == [{"id": "1", **first, **second}]


def test_by_ids_reads_a_record_again_that_changed_between_its_pieces(zoho, server):
    fields = [f"F{n}" for n in range(60)]
    whole = {"id": "1", "Modified_Time": "2026-03-01T09:06:00+01:00", **dict.fromkeys(fields, 3), "Other": 4}
    server.say(200, rows_with({"F0": 1, "Modified_Time": TIME}, ["1"]))
    server.say(200, rows_with({"F59": 2, "Modified_Time": "2026-03-01T09:06:00+01:00"}, ["1"]))
    server.say(200, {"data": [whole]})
    assert zoho.by_ids("Leads", fields, ["1"]) == [{"id": "1", **dict.fromkeys(fields, 3)}]


def test_by_ids_leaves_out_a_record_that_vanished_between_its_pieces(zoho, server):
    server.say(200, rows_with({"F0": 1, "Modified_Time": TIME}, ["1"]))
    server.say(204)
    server.say(204)
    assert zoho.by_ids("Leads", [f"F{n}" for n in range(60)], ["1"]) == []


def test_a_record_that_was_not_asked_for_is_a_bad_answer(zoho, server):
    server.default = server.answer(200, PAGE)
    with pytest.raises(BadAnswer, match="an id that was asked for"):
        zoho.by_ids("Leads", ["Email"], ["1"])
    with pytest.raises(BadAnswer, match="an id that was asked for"):
        zoho.get_one("Leads", "1")


def test_an_id_of_another_org_is_no_record(zoho, server):
    server.say(400, error("INVALID_DATA", "the id given seems to be invalid", resource_path_index=1))
    assert zoho.get_one("Leads", ID) is None


@pytest.mark.parametrize("record_id", ["", "x", "1/../2", "1\n", "1?x=1"])
def test_an_id_that_is_none_is_refused_before_anything_is_sent(zoho, server, record_id):
    with pytest.raises(ValueError, match="is not a record id"):
        zoho.get_one("Leads", record_id)
    with pytest.raises(ValueError, match="is not a record id"):
        zoho.by_ids("Leads", ["Email"], [record_id])
    assert server.seen == []


def test_deletions_have_an_id_a_time_and_are_for_good_or_not(zoho, server):
    rows = [
        {"id": "1", "deleted_time": TIME, "type": "recycle"},
        {"id": "2", "deleted_time": TIME, "type": "permanent"},
    ]
    server.say(200, {"data": rows, "info": INFO})
    moment = datetime(2026, 3, 1, 8, 5, tzinfo=UTC)
    assert zoho.deleted("Leads", moment, page=2).rows == [
        Deletion(record_id="1", deleted_time=moment, permanent=False),
        Deletion(record_id="2", deleted_time=moment, permanent=True),
    ]
    assert server.calls[0].query["page"] == "2"
    assert server.calls[0].headers["if-modified-since"] == "2026-03-01T08:05:00+00:00"


@pytest.mark.parametrize("row", [{"id": "1", "deleted_time": None}, {"id": None, "deleted_time": TIME}, None])
def test_a_deletion_without_id_or_time_is_a_bad_answer(zoho, server, row):
    server.default = server.answer(200, {"data": [row], "info": INFO})
    with pytest.raises(BadAnswer, match=r"data\[0\]"):
        zoho.deleted("Leads")


@pytest.mark.parametrize("row", [{"COUNT(id)": 42}, {"COUNT(id)": "42"}, {"id": "7", "total": 42}])
def test_a_count_is_the_only_number_of_its_row(zoho, server, row):
    server.say(200, {"data": [row], "info": INFO})
    assert zoho.count("Leads") == 42


@pytest.mark.parametrize("rows", [[], [{}], [{"a": 1, "b": 2}], [{"a": "x"}], [{"a": True}], [{"a": -1}], [{"a": 1.5}]])
def test_a_count_that_is_none_is_a_bad_answer(zoho, server, rows):
    server.default = server.answer(200, {"data": rows, "info": INFO})
    with pytest.raises(BadAnswer, match="one count"):
        zoho.count("Leads")


# --- metadata --------------------------------------------------------------------------------------------------------


def test_users_are_read_to_the_last_page(zoho, server):
    user = {"id": "1", "full_name": "Pat Doe", "email": "pat@example.com", "status": "active"}
    server.say(200, {"users": [user], "info": {"more_records": True}})
    nameless = {"id": "2", "first_name": "A", "last_name": "B", "email": None, "status": "disabled"}
    server.say(200, {"users": [nameless], "info": {"more_records": False}})
    assert zoho.users() == [
        User(user_id="1", email="pat@example.com", name="Pat Doe", active=True),
        User(user_id="2", email="", name="A B", active=False),
    ]


def test_a_list_of_users_that_names_nobody_is_a_bad_answer(zoho, server):
    """Whoever asks is a user: else everything would wait for an owner."""
    server.say(204)
    with pytest.raises(BadAnswer, match="names nobody"):
        zoho.users()


def org_body(**changes):
    licence = {"paid_type": "enterprise", "users_license_purchased": 10}
    org = {
        "zgid": "56000047",
        "company_name": "Ex",
        "type": "production",
        "time_zone": "UTC",
        "license_details": licence,
    }
    return {"org": [org | changes]}


def test_an_org_says_who_it_is(zoho, server):
    server.say(200, org_body())
    assert zoho.profile() == OrgProfile(
        zgid="56000047", company_name="Ex", edition="enterprise", licences=10, type="production", time_zone="UTC"
    )
    server.say(200, org_body(iso_code="EUR"))
    assert zoho.profile().currency == "EUR"


@pytest.mark.parametrize(
    "body",
    [
        {"org": []},
        {"org": [None]},
        {},
        org_body(zgid=None),
        org_body(zgid="x"),
        org_body(zgid=True),
        org_body(type=None),
        org_body(license_details=None),
        org_body(license_details={"users_license_purchased": "ten"}),
    ],
)
def test_an_org_that_does_not_say_who_it_is_is_a_bad_answer(zoho, server, body):
    server.default = server.answer(200, body)
    with pytest.raises(BadAnswer, match="org"):
        zoho.profile()


def test_an_org_number_may_come_as_a_number(zoho, server):
    server.say(200, org_body(zgid=56000047))
    assert zoho.profile().zgid == "56000047"


def field(**changes):
    return {"api_name": "F", "field_label": "Label", "data_type": "text"} | changes


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"length": 80}, "length", 80),
        ({"system_mandatory": True}, "mandatory", True),
        ({"read_only": True}, "writable", False),
        ({"field_read_only": True}, "writable", False),
        ({"operation_type": {"api_create": True, "api_update": False}}, "writable", False),
        ({"operation_type": {}}, "writable", True),
        ({"data_type": "formula"}, "writable", False),
        ({"unique": {}}, "unique", False),
        ({"unique": None}, "unique", False),
        ({"unique": {"case_sensitive": False}}, "unique", True),
        ({"unique": {"casesensitive": "false"}}, "unique", True),
        ({"external": {"show": True, "type": "org"}}, "unique", True),
        ({"external": {"show": True, "type": "user"}}, "unique", False),
        ({"custom_field": True}, "custom", True),
        ({"data_type": "textarea", "textarea": {"type": "rich_text"}}, "rich_text", True),
        ({"data_type": "textarea", "textarea": {"type": "large"}}, "rich_text", False),
        ({"lookup": {"module": {"api_name": "Accounts", "id": "1"}}}, "lookup_module", "Accounts"),
        ({"lookup": {}}, "lookup_module", None),
        ({"associated_module": {"module": "Visits", "id": "1"}}, "rows_module", "Visits"),
        ({"associated_module": None, "subform": {"module": {"api_name": "Visits"}}}, "rows_module", "Visits"),
        (
            {"multiselectlookup": {"connected_details": {"module": {"api_name": "Accounts"}}}},
            "linked_module",
            "Accounts",
        ),
        (
            {"multiselectlookup": {"linking_details": {"connected_lookup_field": {"api_name": "Interests"}}}},
            "link_field",
            "Interests",
        ),
        ({"multiselectlookup": {"connected_details": {"field": {"api_name": "To"}}}}, "link_field", "To"),
        ({"multiselectlookup": {}}, "link_field", None),
        (
            {
                "multi_module_lookup": {
                    "modules": [{"api_name": "Leads", "id": "1"}, {"api_name": "Accounts"}, "Deals", 5]
                }
            },
            "lookup_modules",
            ("Accounts", "Deals", "Leads"),
        ),
        ({"multi_module_lookup": {"modules": None}}, "lookup_modules", ()),
        (
            {"pick_list_values": [{"actual_value": "A"}, {"actual_value": "B", "type": "unused"}]},
            "picklist",
            frozenset({"A"}),
        ),
    ],
)
def test_field_metadata_becomes_narrow_values(zoho, server, changes, attribute, value):
    server.say(200, {"fields": [field(**changes)]})
    assert getattr(zoho.schema("Leads").fields["F"], attribute) == value


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (None, r"fields\[0\]"),
        (field(api_name=None), r"fields\[0\]\.api_name"),
        (field(data_type=7), r"fields\[0\]\.data_type"),
        (field(length="80"), r"fields\[0\]\.length"),
        (field(pick_list_values={}), r"fields\[0\]\.pick_list_values"),
        (field(pick_list_values=[None]), r"fields\[0\]\.pick_list_values\[0\]"),
        (field(pick_list_values=[{"actual_value": 1}]), r"pick_list_values\[0\]\.actual_value"),
    ],
)
def test_broken_field_metadata_is_a_bad_answer(zoho, server, row, place):
    server.default = server.answer(200, {"fields": [row]})
    with pytest.raises(BadAnswer, match=place):
        zoho.schema("Leads")


def created(code="SUCCESS"):
    return {"fields": [{"code": code, "details": {"id": "9"}, "message": "field created", "status": "success"}]}


def test_a_new_field_is_looked_up_by_its_label(zoho, server):
    server.say(201, created())
    made = field(api_name="Source_Key1", field_label="Source Key", unique={"casesensitive": False}, custom_field=True)
    server.say(200, {"fields": [field(field_label="Source Key"), made]})
    assert zoho.create_text_field("Leads", "Source Key", 60).api_name == "Source_Key1"
    wanted = {"field_label": "Source Key", "data_type": "text", "length": 60, "unique": {"casesensitive": False}}
    assert server.calls[0].json == {"fields": [wanted]}
    assert zoho.credits_spent == 11


@pytest.mark.parametrize("changes", [{"unique": {}}, {"data_type": "textarea"}, {"field_label": "Other"}])
def test_a_new_field_that_is_not_as_it_was_asked_for_is_told(zoho, server, changes):
    server.say(201, created())
    made = {"field_label": "Key", "unique": {"casesensitive": False}, "custom_field": True}
    server.say(200, {"fields": [field(**(made | changes))]})
    with pytest.raises(BadAnswer, match="Key"):
        zoho.create_text_field("Leads", "Key")


@pytest.mark.parametrize("say", ["raw", "500"])
def test_a_field_whose_creation_was_not_answered_is_uncertain(zoho, server, say):
    server.default = server.raw(b"") if say == "raw" else server.answer(500, b"<html>")
    with pytest.raises(CallUncertain):
        zoho.create_text_field("Leads", "Key")
    assert len(server.calls) == 1


@pytest.mark.parametrize(("label", "length"), [("", 10), ("a\nb", 10), ("Key", 0), ("Key", 256)])
def test_a_field_that_cannot_be_is_refused_before_anything_is_sent(zoho, server, label, length):
    with pytest.raises(ValueError, match="printable label"):
        zoho.create_text_field("Leads", label, length)
    assert server.seen == []


def test_a_field_that_zoho_refuses_is_a_refusal(zoho, server):
    server.say(400, {"fields": [error("DUPLICATE_DATA", "duplicate data", api_name="field_label")]})
    with pytest.raises(RequestRefused, match="duplicate data"):
        zoho.create_text_field("Leads", "Key")


# --- clock and credits -----------------------------------------------------------------------------------------------


def test_before_the_first_answer_the_clock_is_asked_for(zoho, server):
    server.say(200, org_body())
    assert zoho.server_time is None
    assert zoho.clock_before_next_call() == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert zoho.clock_before_next_call() == zoho.server_time
    assert len(server.calls) == 1


def test_an_org_without_dates_has_no_clock(zoho, server):
    server.say(200, org_body(), Date="")
    with pytest.raises(BadAnswer, match="no Date"):
        zoho.clock_before_next_call()


def test_the_clock_is_the_last_good_answers(zoho, server):
    server.say(200, PAGE)
    server.say(400, error("INVALID_QUERY"), Date="Tue, 24 Nov 2026 12:00:00 GMT")
    poll(zoho)
    with pytest.raises(RequestRefused):
        poll(zoho)
    assert zoho.server_time == datetime(2026, 11, 24, 10, tzinfo=UTC)
    server.say(204, Date="Tue, 24 Nov 2026 11:00:00 GMT")
    poll(zoho)
    assert zoho.server_time == datetime(2026, 11, 24, 11, tzinfo=UTC)


def test_the_servers_now_goes_on_between_answers(org, clock, server):
    ticks = [100.0]
    server.say(200, PAGE)
    with Zoho(org, now=clock, monotonic=lambda: ticks[0]) as zoho:
        poll(zoho)
        ticks[0] += 90
        assert zoho.server_now() == zoho.server_time + timedelta(seconds=90)


@pytest.mark.parametrize(("limit", "price"), [(1, 1), (200, 1), (201, 2), (1000, 2), (1001, 3), (2000, 3)])
def test_a_query_costs_by_its_limit(zoho, server, limit, price):
    server.say(204)
    zoho.coql("Leads", ["Email"], coql.everything(), limit=limit)
    assert zoho.credits_spent == price


def test_remaining_credits_are_what_was_said_last(zoho, server):
    server.say(204, X_API_CREDITS_REMAINING="4711")
    server.say(204)
    assert zoho.credits_remaining is None
    poll(zoho)
    poll(zoho)
    assert zoho.credits_remaining == 4711


# --- property --------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([ID, TIME, "error", "INVALID_DATA"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "fields", "users", "org", "modules", "info", "code", "status", "details", "id", "message"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
CALLS = st.sampled_from(
    [
        poll,
        lambda zoho: zoho.get_records("Leads", ["Email"]),
        lambda zoho: zoho.by_ids("Leads", ["Email"], [ID]),
        lambda zoho: zoho.get_one("Leads", ID),
        lambda zoho: zoho.deleted("Leads"),
        lambda zoho: zoho.count("Leads"),
        lambda zoho: zoho.users(),
        lambda zoho: zoho.modules(),
        lambda zoho: zoho.profile(),
        lambda zoho: zoho.schema("Leads"),
        lambda zoho: zoho.create_text_field("Leads", "Key"),
        lambda zoho: zoho.insert("Leads", [{}, {}]),
        lambda zoho: zoho.update("Leads", [{"id": ID}]),
        lambda zoho: zoho.delete("Leads", [ID]),
    ]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    JSON | st.binary(max_size=40),
    st.sampled_from([200, 201, 202, 204, 207, 302, 400, 401, 403, 404, 412, 429, 500]),
    CALLS,
)
def test_any_answer_to_any_call_is_a_value_or_one_of_the_declared_errors(zoho, server, content, status, call):
    server.default = server.answer(status, None if status == 204 else content)
    text = ""
    try:
        call(zoho)
    except ZohoError as error:
        text = str(error)
    assert len(text) < 1000
    assert text.isprintable()
