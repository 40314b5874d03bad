"""No value leaves its literal, and no name enters a query or an address that is not a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from daemon.core.criteria import Comparison, Criteria, Joined
from daemon.core.files import File
from daemon.core.filter import FilterError, parse_filter
from daemon.core.org import Org, Secret
from daemon.emulator import Emulator
from daemon.emulator.coql_parse import Pair, parse
from daemon.emulator.coql_parse import Test as Found
from daemon.zoho import coql
from daemon.zoho.client import Zoho

HOSTILE = [
    "'",
    "''",
    "' or id is not null or Last_Name = '",
    "\\",
    "\\'",
    "%",
    ")",
    "null",
    "a' -- ",
    "\u2019",
    "{}",
    '"',
]
NAMES = ["Last_Name", "Order", "id", "Account_Name.Owner.email"]
texts = st.one_of(
    st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30),
    st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=5).map("".join),
)
numbers = st.one_of(
    st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
)
values = st.one_of(texts, numbers, st.booleans())
fields = st.sampled_from(NAMES)
comparisons = st.one_of(
    st.builds(
        lambda field, operator, value: Comparison(field, operator, (value,)),
        fields,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        values,
    ),
    st.builds(
        lambda field, operator, some: Comparison(field, operator, tuple(some)),
        fields,
        st.sampled_from(["in", "not in"]),
        st.lists(st.one_of(texts, numbers), min_size=1, max_size=8),
    ),
    st.builds(lambda field, text: Comparison(field, "like", (text,)), fields, texts),
    st.builds(Comparison, fields, st.sampled_from(["is null", "is not null"])),
)
trees: st.SearchStrategy[Criteria] = st.recursive(
    comparisons,
    lambda inner: st.builds(
        lambda word, parts: Joined(word, tuple(parts)),
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=12,
)


def read_back(seen: Found | Pair) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """What a parser of COQL, written by others, finds: every comparison, in the order of the text."""
    if isinstance(seen, Pair):
        yield from read_back(seen.left)
        yield from read_back(seen.right)
    else:
        yield ".".join(seen.column.path), seen.operator, seen.values


def meant(criteria: Criteria) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    if isinstance(criteria, Joined):
        for part in criteria.parts:
            yield from meant(part)
    else:
        truths = {True: "true", False: "false"}
        plain = tuple(truths[v] if isinstance(v, bool) else v for v in criteria.values)
        yield criteria.field, criteria.operator, plain


@settings(max_examples=800, deadline=None)  # some 4,000 values
@given(trees)
def test_criteria_of_any_values_are_read_as_they_were_meant(criteria: Criteria) -> None:
    query = parse(coql.select("Leads", ["Last_Name"], coql.matching(criteria)))
    assert list(read_back(query.where)) == list(meant(criteria))
    assert (query.module, query.limit, [name for _, name in query.columns]) == ("Leads", 200, ["id", "Last_Name"])


@settings(max_examples=2000, deadline=None)
@given(texts)
def test_a_where_of_the_settings_keeps_its_text_or_is_refused(text: str) -> None:
    quoted = text.replace("'", "''")
    assert parse_filter(f"Last_Name = '{quoted}'").criteria == Comparison("Last_Name", "=", (text,))
    try:
        criteria = parse_filter(text).criteria
    except FilterError:
        return
    assert criteria is not None
    assert all(coql.name(field.partition(".")[0]) for field, _, _ in meant(criteria))
    parse(coql.select("Leads", [], coql.matching(criteria)))


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.text(max_size=12), st.sampled_from(["Leads\n", "id) or (id", "Leads'", "1st", "Läds", "a b", ""])))
def test_no_name_that_is_none_enters_a_query(name: str) -> None:
    hops = name.split(".")  # dots walk through lookups
    assume(not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", hop) for hop in hops))
    for build in (
        lambda: coql.select(name, [], coql.everything()),
        lambda: coql.count(name, coql.everything()),
        lambda: coql.points_to(name, "1"),
        lambda: coql.points_to("What_Id", "1", name),
        lambda: coql.equals(f"A.{name}", "x"),
        lambda: coql.is_null(f"{name}.A"),
        lambda: coql.at_or_after(name, datetime(2026, 1, 1, tzinfo=UTC)),
        lambda: coql.matching(Comparison(name, "=", ("x",))),
    ):
        with pytest.raises(ValueError, match=r"is not an API name|walks through more"):
            build()


FILE = File(file_id="1", name="n", size=1)
CALLS: dict[str, Callable[[Zoho, str], object]] = {
    "coql": lambda zoho, bad: zoho.coql(bad, [], coql.everything()),
    "count": lambda zoho, bad: zoho.count(bad),
    "get_records": lambda zoho, bad: zoho.get_records(bad, ["id"]),
    "get_records by": lambda zoho, bad: zoho.get_records("Leads", ["id"], sort_by=bad),
    "get_records of": lambda zoho, bad: zoho.get_records("Leads", [bad]),
    "by_ids": lambda zoho, bad: zoho.by_ids("Leads", ["id"], [bad]),
    "by_ids of": lambda zoho, bad: zoho.by_ids(bad, ["id"], ["1"]),
    "get_one": lambda zoho, bad: zoho.get_one("Leads", bad),
    "get_one of": lambda zoho, bad: zoho.get_one(bad, "1"),
    "related": lambda zoho, bad: zoho.related("Leads", "1", bad),
    "deleted": lambda zoho, bad: zoho.deleted(bad),
    "insert": lambda zoho, bad: zoho.insert(bad, [{}]),
    "update": lambda zoho, bad: zoho.update(bad, [{"id": "1"}]),
    "upsert": lambda zoho, bad: zoho.upsert("Leads", [{}], [bad]),
    "delete": lambda zoho, bad: zoho.delete(bad, ["1"]),
    "remove_tags": lambda zoho, bad: zoho.remove_tags(bad, ["1"], ["t"]),
    "attachments": lambda zoho, bad: zoho.attachments("Leads", bad),
    "download": lambda zoho, bad: zoho.download("Leads", bad, FILE),
    "upload": lambda zoho, bad: zoho.upload("Leads", bad, FILE, b""),
    "detach": lambda zoho, bad: zoho.detach(bad, "1", ["1"]),
    "schema": lambda zoho, bad: zoho.schema(bad),
    "create_text_field": lambda zoho, bad: zoho.create_text_field(bad, "Key"),
}


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator(("in",)) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def zoho(emu: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoho]:
    one = emu.orgs["india"]
    org = Org(
        name="india",
        data_center="in",
        accounts_url=one.accounts_url,
        api_url=one.base_url,
        client_id=one.client_id,
        client_secret=Secret(one.client_secret),
        refresh_token=Secret(one.refresh_token),
        token_file=tmp_path_factory.mktemp("tokens") / "tokens" / "india.json",
    )
    with Zoho(org) as client:
        yield client


@pytest.mark.parametrize(
    "bad", ["", "../org", "Leads/1", "a?b=c", "Leads\n", "//evil.example/x", "1 or 1", "%2e%2e", "é", "@"]
)
@pytest.mark.parametrize("call", CALLS)
def test_no_name_or_id_that_is_none_enters_an_address(zoho: Zoho, emu: Emulator, call: str, bad: str) -> None:
    before = len(emu.log(org="india"))
    with pytest.raises(ValueError, match=r"is not an? (API name|record id)|a record id was expected"):
        CALLS[call](zoho, bad)
    assert len(emu.log(org="india")) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts.filter(lambda text: text.strip() == text and text != ""))
def test_a_value_that_is_written_is_found_again_by_itself_and_finds_nothing_else(
    zoho: Zoho, emu: Emulator, text: str
) -> None:
    org = emu.orgs["india"]
    other = org.insert_raw("Leads", {"Last_Name": "other", "Company": "C", "City": f"not {text}"[:100]})
    mine = org.insert_raw("Leads", {"Last_Name": "mine", "Company": "C", "City": text})
    try:
        found = zoho.coql("Leads", ["City"], coql.equals("City", text)).rows
        assert [(row["id"], row["City"]) for row in found] == [(mine, text)]
    finally:
        for one in (mine, other):
            org.delete("Leads", one)
