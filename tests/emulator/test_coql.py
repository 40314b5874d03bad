# ruff: noqa: S608 - these are the queries under test
"""COQL (facts 3)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from daemon.emulator import Emulator, OrgHandle
from daemon.emulator.call import Reply
from tests.emulator.test_metadata import planted

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


def ids(client: Client, query: str) -> list[str]:
    answer = client.coql(query)
    return [] if answer.status_code == 204 else [row["id"] for row in answer.json()["data"]]


def names(prefix: str, count: int) -> str:
    return ", ".join(f"{prefix}{n}" for n in range(count))


def sums(count: int) -> str:
    return ", ".join(f"SUM(F{n})" for n in range(count))


def test_rows_are_flat_with_lookups_as_name_and_id(us: Client) -> None:
    account = us.insert("Accounts", {"Account_Name": "Acme", "Phone": "123"})[0]
    contact = us.insert("Contacts", {"Last_Name": "Lee", "Account_Name": {"id": account}})[0]
    answer = us.coql(
        "select Last_Name, Account_Name, Account_Name.Phone, Owner from Contacts where id is not null"
    ).json()
    row = answer["data"][0]
    assert row["Account_Name"] == {"name": "Acme", "id": account}
    assert (row["Account_Name.Phone"], row["id"], "email" in row["Owner"]) == ("123", contact, False)
    assert answer["info"] == {"count": 1, "more_records": False}


def test_the_cursor_reads_everything_once_in_total_order(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    made = us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(7)))
    emu.clock(advance=1)
    made += us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(5)))
    seen: list[str] = []
    moment, last = "1970-01-01T00:00:00+00:00", "0"
    while True:
        where = f"((Modified_Time > '{moment}') or ((Modified_Time = '{moment}') and (id > '{last}')))"
        query = f"select Modified_Time from Leads where {where} order by Modified_Time asc, id asc limit 4"
        answer = us.coql(query)
        if answer.status_code == 204:
            break
        seen += [row["id"] for row in answer.json()["data"]]
        moment, last = answer.json()["data"][-1]["Modified_Time"], seen[-1]
    assert seen == made


def test_a_page_of_a_crowded_module_does_not_scan_it(client_of: Callable[[OrgHandle], Client]) -> None:
    with Emulator(data_centers=("us",), records=30_000) as emulator:
        client = client_of(emulator.orgs["us"])
        row = client.coql("select Modified_Time from Contacts where id is not null order by Modified_Time desc limit 1")
        moment = row.json()["data"][0]["Modified_Time"]
        where = f"((Modified_Time > '{moment}') or ((Modified_Time = '{moment}') and (id > '1')))"
        query = f"select id from Contacts where {where} order by Modified_Time asc, id asc limit 2000"
        client.coql(query)
        start = time.perf_counter()
        for _ in range(10):
            assert client.coql(query).json()["info"]["count"] == 1
        assert time.perf_counter() - start < 0.5


def test_three_unbracketed_conditions_are_a_syntax_error(us: Client) -> None:
    answer = us.coql("select id from Leads where City = 'a' and State = 'b' and Country = 'c'")
    assert answer.status_code == 400
    assert answer.json()["code"] == "SYNTAX_ERROR"
    assert answer.json()["details"] == {"near": "and"}
    bracketed = us.coql("select id from Leads where ((City = 'a' and State = 'b') and Country = 'c')")
    assert bracketed.status_code == 204


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Last_Name = 'ada'", ["Ada"]),
        ("Last_Name != 'Ada'", ["Bob", "Cy"]),
        ("Last_Name in ('Ada','Cy')", ["Ada", "Cy"]),
        ("Last_Name not in ('Ada','Cy')", ["Bob"]),
        ("Last_Name like '%d%'", ["Ada"]),
        ("Last_Name not like '%d%'", ["Bob", "Cy"]),
        ("City is null", ["Bob", "Cy"]),
        ("City is not null", ["Ada"]),
        ("No_of_Employees > 5", ["Bob", "Cy"]),
        ("No_of_Employees between 2 and 7", ["Bob"]),
        ("No_of_Employees not between 2 and 7", ["Ada", "Cy"]),
        ("Email_Opt_Out = true", ["Cy"]),
        ("(Last_Name = 'Ada' or Last_Name = 'Bob')", ["Ada", "Bob"]),
        ("City = 'it''s'", ["Ada"]),
        ("Modified_Time > '2100-01-01T00:00:00Z'", []),
    ],
)
def test_operators_find_what_they_should(us: Client, condition: str, expected: list[str]) -> None:
    us.insert(
        "Leads",
        {"Last_Name": "Ada", "Company": "c", "City": "it's", "No_of_Employees": 1},
        {"Last_Name": "Bob", "Company": "c", "No_of_Employees": 7},
        {"Last_Name": "Cy", "Company": "c", "No_of_Employees": 9, "Email_Opt_Out": True},
    )
    answer = us.coql(f"select Last_Name from Leads where {condition}")
    assert [row["Last_Name"] for row in answer.json()["data"]] == expected if expected else answer.status_code == 204


@pytest.mark.parametrize(
    ("query", "code", "details"),
    [
        ("select id from Leads", "SYNTAX_ERROR", {"clause": "where"}),
        ("select id where id is not null", "SYNTAX_ERROR", {"clause": "from"}),
        ("select Foo from Leads where id is not null", "INVALID_QUERY", {"column_name": "Foo"}),
        (
            "select id from Leads where First_Name > 'a'",
            "INVALID_QUERY",
            {"reason": "invalid operator found", "column_name": "First_Name", "operator": ">"},
        ),
        ("select id from Leads where id is not null limit 2001", "LIMIT_EXCEEDED", {"limit": 2000}),
        ("select id from Leads where id is not null limit 2000 offset 98001", "LIMIT_EXCEEDED", {"limit": 100000}),
        ("select id from Leads where id is not null limit 0", "INVALID_DATA", {}),
        ("select id from Unicorns where id is not null", "INVALID_MODULE", {}),
        ("select City, City from Leads where id is not null", "DUPLICATE_DATA", {"column_name": "City"}),
        (
            "select COUNT(id), COUNT(id) from Leads where id is not null",
            "DUPLICATE_DATA",
            {"column_name": "id", "aggregate": "COUNT"},
        ),
        (
            "select id from Leads where Email_Opt_Out != true",
            "INVALID_QUERY",
            {"reason": "invalid operator found", "column_name": "Email_Opt_Out", "operator": "!="},
        ),
        (
            "select id from Leads where City not like 'a%'",
            "INVALID_QUERY",
            {"reason": "invalid operator found", "column_name": "City", "operator": "not like"},
        ),
        ("select count(id) from Leads where id is not null", "SYNTAX_ERROR", {"line": 1, "column": 13, "near": "("}),
        (f"select id from Leads where id is not null order by {names('F', 11)}", "LIMIT_EXCEEDED", {"limit": 10}),
        (f"select City from Leads where id is not null group by {names('F', 5)}", "LIMIT_EXCEEDED", {"limit": 4}),
        (f"select {sums(6)} from Leads where id is not null", "LIMIT_EXCEEDED", {"limit": 5}),
        ("select City as a, State as a from Leads where id is not null", "DUPLICATE_ALIAS", {"alias": "a"}),
        ("select Milestones from Projects where id is not null", "INVALID_QUERY", {"column_name": "Milestones"}),
        (
            "select id from Contacts where Date_of_Birth = '2000-02-30'",
            "INVALID_QUERY",
            {"column_name": "Date_of_Birth", "operator": "=", "expected_data_type": "date"},
        ),
    ],
)
def test_refusals_name_what_is_wrong(us: Client, query: str, code: str, details: dict[str, object]) -> None:
    answer = us.coql(query)
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["details"]) == (code, details)


def test_a_wrong_value_and_a_missing_query_are_refused(us: Client) -> None:
    wrong = us.coql("select id from Leads where Modified_Time > 'yesterday'").json()
    assert wrong["details"]["expected_data_type"] == "datetime"
    assert us.post("coql", {}).json()["details"] == {"api_name": "select_query"}


def test_offset_has_two_spellings(us: Client) -> None:
    made = us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(5)))
    assert ids(us, "select id from Leads where id is not null limit 2 offset 1") == made[1:3]
    assert ids(us, "select id from Leads where id is not null limit 1, 2") == made[1:3]


def test_order_by_several_columns_mixes_directions(us: Client) -> None:
    rows = [("b", 1), ("a", 1), ("a", 2)]
    us.insert("Leads", *({"Last_Name": n, "Company": "c", "No_of_Employees": e} for n, e in rows))
    query = (
        "select Last_Name, No_of_Employees from Leads where id is not null order by Last_Name asc, No_of_Employees desc"
    )
    found = [(row["Last_Name"], row["No_of_Employees"]) for row in us.coql(query).json()["data"]]
    assert found == [("a", 2), ("a", 1), ("b", 1)]


def test_groups_are_counted(us: Client) -> None:
    us.insert("Leads", *({"Last_Name": n, "Company": "c", "City": c} for n, c in [("x", "A"), ("y", "A"), ("z", "B")]))
    query = "select City, COUNT(id) as n from Leads where id is not null group by City"
    assert us.coql(query).json()["data"] == [{"City": "A", "n": 2}, {"City": "B", "n": 1}]


def test_ids_and_unique_values_are_looked_up(us: Client) -> None:
    made = us.insert("Contacts", *({"Last_Name": str(n), "Customer_Number": f"C-{n}"} for n in range(3)))
    assert ids(us, f"select id from Contacts where id in ('{made[0]}', {made[2]}, 5)") == [made[0], made[2]]
    assert ids(us, "select id from Contacts where Customer_Number = 'C-1'") == [made[1]]
    assert ids(us, "select id from Contacts where Customer_Number in ('C-2','C-0')") == [made[0], made[2]]


def test_columns_reach_two_lookups_far_and_no_further(us: Client) -> None:
    top = us.insert("Accounts", {"Account_Name": "Top"})[0]
    low = us.insert("Accounts", {"Account_Name": "Low", "Parent_Account": {"id": top}})[0]
    us.insert("Contacts", {"Last_Name": "L", "Account_Name": {"id": low}})
    path = "Account_Name.Parent_Account.Account_Name"
    row = us.coql(f"select {path} from Contacts where {path} = 'Top'").json()["data"][0]
    assert row[path] == "Top"
    too_far = "Account_Name.Parent_Account.Parent_Account.Account_Name"
    assert us.coql(f"select {too_far} from Contacts where id is not null").status_code == 400


def test_fifty_values_fit_into_in_and_fifty_one_do_not(us: Client) -> None:
    def query(size: int) -> int:
        values = ",".join(f"'{n}'" for n in range(1, size + 1))
        return us.coql(f"select id from Leads where id in ({values})").status_code

    assert (query(50), query(51)) == (204, 400)


def test_a_subquery_is_run_first_and_names_itself_when_it_is_wrong(us: Client) -> None:
    account, other = us.insert("Accounts", {"Account_Name": "a", "Phone": "1"}, {"Account_Name": "b"})
    for number, name in ((account, "x"), (other, "y")):
        us.insert("Contacts", {"Last_Name": name, "Account_Name": {"id": number}})
    outer = "select Last_Name from Contacts where Account_Name in "
    rows = us.coql(outer + "(select id from Accounts where Phone = '1')").json()["data"]
    assert [row["Last_Name"] for row in rows] == ["x"]
    assert us.coql(outer + "(select id from Accounts where Phone = '9')").status_code == 204
    nested = "(select Account_Name from Contacts where Account_Name in (select id from Accounts where Phone = '1'))"
    assert len(us.coql(outer + nested).json()["data"]) == 1
    for wrong in ("(select id, Phone from Accounts where id is not null)", "(select Foo from Accounts where id = '1')"):
        answer = us.coql(outer + wrong)
        assert (answer.status_code, answer.json()["details"]["sub_query_sequence"]) == (400, 1)


@pytest.mark.parametrize(("joins", "status"), [(24, 204), (25, 400), (140, 400), (2_000, 400)])
def test_twenty_five_criteria_are_the_limit_however_deep_they_nest(us: Client, joins: int, status: int) -> None:
    where = "(" * joins + "City = 'a'" + ") or City = 'b'" * joins
    answer = us.coql(f"select id from Leads where {where}")
    assert answer.status_code == status
    if status == 400:
        assert (answer.json()["code"], answer.json()["details"]) == ("LIMIT_EXCEEDED", {"limit": 25})


def test_a_user_is_shown_by_last_name_and_without_an_address(us: Client) -> None:
    us.lead()
    user = us.get("users", type="CurrentUser").json()["users"][0]
    row = us.coql("select Owner from Leads where id is not null").json()["data"][0]
    assert row["Owner"] == {"name": user["last_name"], "id": user["id"]}


@pytest.mark.parametrize(
    ("given", "path"), [("fields", "$.include_meta"), ({}, "$.include_meta"), (["data"], "$.include_meta[0]")]
)
def test_include_meta_is_a_list_of_one_known_word(us: Client, given: object, path: str) -> None:
    query = "select Last_Name from Leads where id is not null"
    refused = us.post("coql", {"select_query": query, "include_meta": given})
    assert (refused.status_code, refused.json()["details"]["json_path"]) == (400, path)
    us.lead()
    meta = us.post("coql", {"select_query": query, "include_meta": ["fields"]}).json()["fields"]
    assert meta["Last_Name"]["data_type"] == "text"


def test_by_default_two_hundred_rows_come_ascending_by_id_without_the_deleted(us: Client) -> None:
    made = [number for _ in range(3) for number in us.insert("Leads", *[{"Last_Name": "x", "Company": "c"}] * 70)]
    us.delete(f"Leads/{made[0]}")
    answer = us.coql("SELECT id FROM Leads WHERE id IS NOT NULL").json()
    assert [row["id"] for row in answer["data"]] == made[1:201]
    assert answer["info"] == {"count": 200, "more_records": True}


def test_an_alias_orders_and_names_the_column(us: Client) -> None:
    us.insert("Leads", *({"Last_Name": n, "Company": "c"} for n in "ab"))
    rows = us.coql("select Last_Name as who from Leads where id is not null order by who desc").json()["data"]
    assert [row["who"] for row in rows] == ["b", "a"]


@pytest.mark.parametrize("column", ["Layout", "id", "Owner", "Account_Name"])
def test_an_id_is_no_number_to_be_summed(us: Client, column: str) -> None:
    us.insert("Contacts", *[{"Last_Name": "Lee"}] * 5)
    answer = us.coql(f"select SUM({column}) as total from Contacts where id is not null")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY")


def test_a_sum_outside_64_bits_is_a_double(us: Client) -> None:
    made = us.post("settings/fields", {"fields": [{"field_label": "Long", "data_type": "bigint"}]}, module="Leads")
    assert made.status_code == 201, made.text
    us.insert("Leads", *[{"Last_Name": "Lee", "Company": "c", "Long": str(9 * 10**17)}] * 22)
    answer = us.coql("select SUM(Long) as total from Leads where id is not null")
    assert answer.json()["data"] == [{"total": 1.98e19}]
    assert isinstance(answer.json()["data"][0]["total"], float)


def test_an_answer_may_hold_numbers_of_any_length() -> None:
    assert json.loads(Reply.of(200, {"n": 10**30, "text": "\u00e9\ud800"}).body or b"") == {
        "n": 10**30,
        "text": "\u00e9?",
    }


def test_an_offset_needs_no_limit(us: Client) -> None:
    made = us.insert("Leads", *[{"Last_Name": "Lee", "Company": "c"}] * 3)
    assert ids(us, "select Last_Name from Leads where id is not null offset 1") == made[1:]
    assert ids(us, "select Last_Name from Leads where id is not null order by id desc offset 2") == made[:1]
    many = us.insert("Leads", *[{"Last_Name": "Lee", "Company": "d"}] * 100)
    many += us.insert("Leads", *[{"Last_Name": "Lee", "Company": "d"}] * 100)
    answer = us.coql("select id from Leads where id is not null offset 1").json()
    assert answer["info"] == {"count": 200, "more_records": True}


@pytest.mark.parametrize("tail", [f"limit {'9' * 5_000}", f"limit 1 offset {'9' * 5_000}", f"limit {'9' * 5_000}, 1"])
def test_an_endless_limit_is_a_limit_exceeded(us: Client, tail: str) -> None:
    answer = us.coql(f"select id from Leads where id is not null {tail}").json()
    assert (answer["code"], answer["message"]) == ("LIMIT_EXCEEDED", "max limit exceeded")


def scoped(us: Client, *scopes: str) -> None:
    """From here on the client holds a token with these scopes alone."""
    accounts = us.org._site.accounts
    token = us.org._emulator.do(lambda _: accounts.new_access(accounts.new_refresh(scopes)).token)
    us.http.headers["Authorization"] = f"Zoho-oauthtoken {token}"


FROM_LEADS = [
    "select id from Leads where id is not null",
    "select id\nfrom\nLeads where id is not null",
    "select id from\tLeads where id is not null",
    "select id FROM Leads#{view} where id is not null",
    "select Company from Leads where Company != 'sent from Contacts'",
]


@pytest.mark.parametrize("query", FROM_LEADS)
def test_the_module_of_a_query_is_the_same_for_scope_right_fault_and_log(us: Client, query: str) -> None:
    us.lead()
    view = us.get("settings/custom_views", module="Leads").json()["custom_views"][0]["id"]
    asked = {"select_query": query.replace("{view}", view)}
    scoped(us, "ZohoCRM.modules.Leads.READ", "ZohoCRM.coql.READ")
    assert us.post("coql", asked).status_code == 200
    scoped(us, "ZohoCRM.modules.Contacts.READ", "ZohoCRM.coql.READ")
    assert us.post("coql", asked).json()["code"] == "OAUTH_SCOPE_MISMATCH"
    with planted(us, "Crm_Implied_View_Leads") as caller:
        assert caller.post("/coql", json=asked).json()["code"] == "NO_PERMISSION"
    assert [entry["module"] for entry in us.org.log(kind="coql")] == ["Leads"] * 3
    us.org.faults.add(effect="status", status=503, kind="coql", module="Leads")
    assert us.log_in().post("coql", asked).status_code == 503


@pytest.mark.parametrize("query", ["select id from Leads", "select", "from Leads", ""])
def test_what_cannot_be_read_is_a_syntax_error_whatever_module_the_token_opens(us: Client, query: str) -> None:
    scoped(us, "ZohoCRM.modules.Contacts.READ", "ZohoCRM.coql.READ")
    assert us.coql(query).json()["code"] == "SYNTAX_ERROR"
    scoped(us, "ZohoCRM.modules.Contacts.CREATE", "ZohoCRM.coql.READ")
    assert us.coql(query).json()["code"] == "OAUTH_SCOPE_MISMATCH"


@pytest.mark.parametrize(
    "query",
    [
        "select Last_Name, Account_Name.Phone from Contacts where id is not null",
        "select id from Contacts where Account_Name.Phone = '1'",
        "select id from Contacts where id is not null order by Account_Name.Phone",
        "select COUNT(id) from Contacts where id is not null group by Account_Name.Phone",
        "select id from Contacts where Account_Name in (select id from Accounts where id is not null)",
    ],
)
def test_what_a_query_joins_or_nests_needs_the_right_to_view_too(us: Client, query: str) -> None:
    account = us.insert("Accounts", {"Account_Name": "Acme", "Phone": "1"})[0]
    us.insert("Contacts", {"Last_Name": "Lee", "Account_Name": {"id": account}})
    with planted(us, "Crm_Implied_View_Accounts") as caller:
        refused = caller.post("/coql", json={"select_query": query})
        plain = caller.post("/coql", json={"select_query": "select Last_Name from Contacts where id is not null"})
    assert (refused.status_code, plain.status_code) == (403, 200)
    assert refused.json()["details"]["permissions"] == ["Crm_Implied_View_Accounts"]
    scoped(us, "ZohoCRM.modules.Contacts.READ", "ZohoCRM.coql.READ")
    assert us.coql(query).status_code == 200


def test_meta_describes_the_field_at_the_end_of_a_path(us: Client) -> None:
    account = us.insert("Accounts", {"Account_Name": "Acme", "Annual_Revenue": 5})[0]
    us.insert("Contacts", {"Last_Name": "Lee", "Account_Name": {"id": account}})
    query = "select Account_Name.Annual_Revenue, Account_Name from Contacts where id is not null"
    meta = us.post("coql", {"select_query": query, "include_meta": ["fields"]}).json()["fields"]
    shown = {alias: (one["api_name"], one["data_type"]) for alias, one in meta.items()}
    assert shown == {
        "Account_Name.Annual_Revenue": ("Annual_Revenue", "currency"),
        "Account_Name": ("Account_Name", "lookup"),
    }


@pytest.mark.parametrize(("meta", "status"), [(None, 200), ([], 200), (["fields"], 401), (["fields", "fields"], 401)])
def test_only_asked_for_meta_needs_the_scope_of_the_fields(us: Client, meta: object, status: int) -> None:
    us.lead()
    scoped(us, "ZohoCRM.modules.Leads.READ", "ZohoCRM.coql.READ")
    body = {"select_query": "select id from Leads where id is not null", "include_meta": meta}
    assert us.post("coql", body).status_code == status
