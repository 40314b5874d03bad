# ruff: noqa: S608 - queries are what is fuzzed
"""Whatever a client sends, it gets Zoho's refusal, never a 500."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.emulator import Emulator
from daemon.emulator.handlers import HANDLERS
from tests.emulator.havoc import ROUNDS, odd_parameters, wrong_shapes
from tests.emulator.rounds import Rounds
from tests.emulator.shots import SAMPLES, Range, Shot, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        """Subject Name Milestones Consultants Members Quoted_Items Title What_Id Who_Id Parent_Id $se_module
        Participants
        Start_DateTime End_DateTime Call_Type Call_Duration Pipeline Stage ERP_Id Regions Brief _delete ids tags cvid
        merge _fields id Last_Name Company Email
        Phone Website Lead_Source Languages Annual_Revenue No_of_Employees Email_Opt_Out
        Owner Account_Name Date_of_Birth
        Last_Meeting Loyalty_Points Customer_Number Tag Layout $append_values Created_Time"""
    )
)
ELEMENT = st.dictionaries(FIELDS, JSON, max_size=6)
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


@pytest.fixture(scope="module")
def rounds() -> Iterator[Rounds]:
    """An emulator of its own, for it is as new before each round."""
    with Emulator(("us",)) as emulator:
        played = Rounds(Range(emulator))
        yield played
        played.close()


def test_every_call_has_a_sample_that_is_taken(rounds: Rounds) -> None:
    taken = set()
    for sample in SAMPLES:
        rounds.target.furnish()
        answer = rounds.target.fire(plain(sample))
        if answer.status < 400:
            taken.add(rounds.target.emulator.world.journal.select()[-1].kind)
    assert {*HANDLERS, "token", "revoke"} - taken == set()


@pytest.mark.parametrize("share", range(7), ids=lambda share: f"share {share}")
def test_no_wrong_shape_in_any_place_of_a_body_or_a_parameter_breaks_a_call(rounds: Rounds, share: int) -> None:
    """A seventh of what `tests.full fuzz` does to each sample."""
    samples = list(enumerate(SAMPLES))[share::7]
    for number, sample in samples:
        rounds.each([*wrong_shapes(sample), *odd_parameters(sample)][number % 7 :: 7])


@settings(QUIET, max_examples=150)
@given(ROUNDS)
def test_no_round_of_requests_breaks_the_gateway(rounds: Rounds, shots: list[Shot]) -> None:
    rounds.play(shots)


# --- what was found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_choice_is_refused(us: Client, text: str) -> None:
    body = {"fields": [{"pick_list_values": [{"display_value": text}]}]}
    answer = us.http.patch("/crm/v8/settings/fields/Languages", params={"module": "Contacts"}, json=body)
    (element,) = answer.json()["fields"]
    assert (answer.status_code, element["status"]) == (400, "error")


def test_a_like_of_many_percents_comes_to_an_end(us: Client) -> None:
    us.insert("Accounts", {"Account_Name": "x", "Description": "a" * 5_000})
    for pattern, found in (("%a" * 30 + "%b", 204), ("%a" * 30 + "%", 200)):
        assert us.coql(f"select id from Accounts where Description like '{pattern}'").status_code == found


# ----------------------------------------------------------------------------------------------------------------------


def sound(status: int, body: bytes) -> bool:
    if status in (204, 304):
        return body == b""
    return status < 500 and isinstance(json.loads(body), dict)


@settings(QUIET, max_examples=120)
@given(
    st.sampled_from(["insert", "upsert", "update"]),
    st.sampled_from(words("Contacts Projects Quotes Tasks Events Calls Notes Deals")),
    st.lists(ELEMENT, min_size=1, max_size=3),
)
def test_no_record_breaks_a_write(us: Client, act: str, module: str, elements: list[dict[str, Any]]) -> None:
    body = json.dumps({"data": elements}).encode()
    method, path = {"insert": ("POST", ""), "upsert": ("POST", "/upsert"), "update": ("PUT", "")}[act]
    answer = us.http.request(method, f"/crm/v8/{module}{path}", content=body)
    assert sound(answer.status_code, answer.content), answer.text
    listed = us.coql("select Last_Name, Languages, Last_Meeting from Contacts where id is not null order by Email asc")
    assert sound(listed.status_code, listed.content)


ROW = st.dictionaries(st.sampled_from(words("id Title Due Cost Labels Consultants Members _delete Parent_Id")), JSON)


@settings(QUIET, max_examples=120)
@given(st.sampled_from(["Milestones", "Consultants", "Members"]), st.lists(ROW | JSON, max_size=4) | JSON)
def test_no_row_breaks_a_record(us: Client, name: str, rows: Any) -> None:
    body = {"data": [{"Name": "p", name: rows}]}
    made = us.http.post("/crm/v8/Projects/upsert", content=json.dumps(body).encode())
    assert sound(made.status_code, made.content), made.text
    if made.status_code < 300:
        number = made.json()["data"][0]["details"]["id"]
        whole = us.get(f"Projects/{number}")
        assert sound(whole.status_code, whole.content)


BITS = st.sampled_from(
    words("( ) and or (Last_Name:equals:x) City : equals , \\\\ \\\\) (id:in:1,2) (Created_Time:between:x) Lee")
)


@QUIET
@given(st.lists(BITS, max_size=12).map("".join) | st.text(max_size=30))
def test_no_criteria_break_a_search(us: Client, criteria: str) -> None:
    us.lead()
    for path in ("Leads/search", "Leads/actions/count"):
        answer = us.get(path, criteria=criteria)
        assert sound(answer.status_code, answer.content), answer.text


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
@given(
    st.binary(max_size=60),
    st.sampled_from(["", "application/json", "multipart/form-data", "multipart/form-data; boundary=x"]),
)
def test_no_token_request_breaks_the_accounts_server(us: Client, body: bytes, kind: str) -> None:
    for path in ("/oauth/v2/token", "/oauth/v2/token/revoke"):
        answer = us.http.post(path, content=body, headers={"Content-Type": kind})
        assert sound(answer.status_code, answer.content), answer.text
