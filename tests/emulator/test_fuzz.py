# ruff: noqa: S608 - queries are what is fuzzed
"""Whatever a client sends, it gets Zoho's refusal, never a 500."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


def words(text: str) -> list[str]:
    """The words of a line."""
    return text.split()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    words(
        """id Last_Name Company Email Phone Website Lead_Source Languages Annual_Revenue No_of_Employees Email_Opt_Out
        Owner Account_Name Date_of_Birth
        Last_Meeting Loyalty_Points Customer_Number Tag Layout $append_values Created_Time"""
    )
)
ELEMENT = st.dictionaries(FIELDS, JSON, max_size=6)
BODY = JSON | st.fixed_dictionaries(
    {"data": st.lists(ELEMENT | JSON, max_size=3) | JSON},
    optional={"trigger": JSON, "duplicate_check_fields": JSON | st.lists(FIELDS, max_size=2)},
)
MODULES = st.sampled_from(["Leads", "Contacts", "Accounts", "Deals", "Unicorns", "settings", "é"])
TAILS = st.sampled_from(["", "/upsert", "/deleted", "/actions/count", "/1", "/abc", "/actions/fetch_full_data", "/x/y"])
PARAMS = st.dictionaries(
    st.sampled_from(
        words("fields ids page per_page page_token sort_by sort_order converted type module cvid wf_trigger")
    ),
    st.text(max_size=10) | st.sampled_from(["1", "0", "-1", "99999999999", "id", "Modified_Time", "asc", "Leads", "²"]),
    max_size=4,
)
HEADERS = st.dictionaries(
    st.sampled_from(["If-Modified-Since", "If-Unmodified-Since"]),
    st.sampled_from(
        ["x", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "Mon, 1", "-1"]
    ),
    max_size=2,
)
QUIET = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SALAD = """select from where and or not in like is null between group by order limit offset as ( ) , = != > < >= '%a%'
'x' 5 -1 1.5 id Last_Name Modified_Time Account_Name.Phone Account_Name COUNT( SUM( true Leads Contacts Unicorns # . ''
" ; '2026-01-01T00:00:00Z' Languages Email_Opt_Out Loyalty_Points Date_of_Birth 99999999999999999999999999 asc desc"""
WORDS = st.sampled_from(words(SALAD))
COLUMNS = st.sampled_from(
    words(
        """id Last_Name Modified_Time Account_Name Account_Name.Phone Languages Email_Opt_Out Loyalty_Points
        Date_of_Birth Owner Full_Name Tag Layout Annual COUNT(id) MAX(Modified_Time) SUM(Loyalty_Points)"""
    )
)
LITERALS = st.sampled_from(
    words("'x' '%x%' 5 -5 1.5 true 'true' '2026-01-01T00:00:00Z' '2026-01-01' '' '99999999999999999999'")
)
TESTS = st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "in", "like", "is", "between"]).flatmap(
    lambda op: st.tuples(COLUMNS, LITERALS, LITERALS).map(
        lambda t: {
            "in": f"{t[0]} in ({t[1]}, {t[2]})",
            "is": f"{t[0]} is not null",
            "between": f"{t[0]} between {t[1]} and {t[2]}",
        }.get(op, f"{t[0]} {op} {t[1]}")
    )
)


def sound(status: int, body: bytes) -> bool:
    if status in (204, 304):
        return body == b""
    return status < 500 and isinstance(json.loads(body), dict)


@QUIET
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]), MODULES, TAILS, PARAMS, HEADERS, BODY)
def test_no_request_breaks_the_gateway(
    us: Client, method: str, module: str, tail: str, params: dict[str, str], headers: dict[str, str], body: Any
) -> None:
    content = json.dumps(body).encode()
    answer = us.http.request(method, f"/crm/v8/{module}{tail}", params=params, headers=headers, content=content)
    assert sound(answer.status_code, answer.content), (answer.status_code, answer.text)


@QUIET
@given(st.sampled_from(["insert", "upsert", "update"]), st.lists(ELEMENT, min_size=1, max_size=3))
def test_no_record_breaks_a_write(us: Client, act: str, elements: list[dict[str, Any]]) -> None:
    body = json.dumps({"data": elements}).encode()
    method, path = {"insert": ("POST", ""), "upsert": ("POST", "/upsert"), "update": ("PUT", "")}[act]
    answer = us.http.request(method, f"/crm/v8/Contacts{path}", content=body)
    assert sound(answer.status_code, answer.content), answer.text
    listed = us.coql("select Last_Name, Languages, Last_Meeting from Contacts where id is not null order by Email asc")
    assert sound(listed.status_code, listed.content)


@QUIET
@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=40))
def test_no_word_salad_breaks_coql(us: Client, words: str) -> None:
    for query in (words, f"select id from Contacts where {words}"):
        answer = us.coql(query)
        assert sound(answer.status_code, answer.content), (query, answer.text)


@QUIET
@given(COLUMNS, TESTS, TESTS, COLUMNS, st.sampled_from(["", "group by Last_Name", "limit 3 offset 1"]))
def test_no_wellformed_query_breaks_coql(us: Client, column: str, one: str, two: str, order: str, tail: str) -> None:
    if not us.org.records("Contacts"):
        us.insert("Contacts", {"Last_Name": "x", "Languages": ["Hindi"], "Loyalty_Points": "5"}, {"Last_Name": "y"})
    group, limit = (tail, "") if tail.startswith("group") else ("", tail)
    query = f"select {column} from Contacts where ({one} or {two}) {group} order by {order} {limit}"
    answer = us.coql(query)
    assert sound(answer.status_code, answer.content), (query, answer.text)


@QUIET
@given(BODY, PARAMS)
def test_no_field_description_breaks_field_creation(us: Client, body: Any, params: dict[str, str]) -> None:
    content = json.dumps({"fields": [body]}).encode()
    answer = us.http.post("/crm/v8/settings/fields", params={"module": "Leads", **params}, content=content)
    assert sound(answer.status_code, answer.content), answer.text


@QUIET
@given(
    st.binary(max_size=60),
    st.sampled_from(["", "application/json", "multipart/form-data", "multipart/form-data; boundary=x"]),
)
def test_no_token_request_breaks_the_accounts_server(us: Client, body: bytes, kind: str) -> None:
    for path in ("/oauth/v2/token", "/oauth/v2/token/revoke"):
        answer = us.http.post(path, content=body, headers={"Content-Type": kind})
        assert sound(answer.status_code, answer.content), answer.text
