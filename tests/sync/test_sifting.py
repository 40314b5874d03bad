"""The filter at the source: it means there what it means here, it saves credits, and nothing is lost by it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.core.criteria import Comparison, Criteria
from daemon.core.filter import parse_filter
from daemon.core.fuse import Fuse, Limit
from daemon.core.record import WireRecord
from daemon.core.sifting import sendable
from daemon.emulator import Emulator
from daemon.emulator.coql import run_query
from daemon.emulator.coql_parse import parse
from daemon.sync import polling
from daemon.zoho import coql
from tests.sync.pair import Pair, add_key, make_settings, opened, running_pair

STREAM = "india-to-us/Leads"
LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
PUNE = "City = 'Pune'"

# --- one meaning -----------------------------------------------------------------------------------------------------

TEXTS = ["abc", "ABC", "Abc ", "12", "120", "it's", "ß", "SS", "É", "é", "12@a.b", "a\\b", "%", "null", "5", "true"]
MOMENTS = ["2026-03-01T12:00:00+00:00", "2026-03-01T17:30:00+05:30", "2026-03-01T12:00:01Z", "2026-03-01"]
DAYS = ["2026-02-28", "2026-03-01", "2026-12-31"]
POOLS: Final[dict[str, list[Any]]] = {
    "Title": [*TEXTS, MOMENTS[0]],
    "Phone": ["12", "+49 12", "120"],
    "Lead_Source": ["Cold Call", "cold call", "Partner"],
    "Languages": [["English"], ["German", "English"], ["English", "German"]],
    "Score": [-1, 0, 0.1, 0.3, 5, 5.5, 1e15],
    "Points": [-5, 0, 5, 12, 10**17],
    "Email_Opt_Out": [True, False],
    "Date_of_Birth": DAYS,
    "Last_Meeting": [*MOMENTS[:2], "2026-03-01T12:00:01+00:00", "2025-12-31T23:59:59-08:00"],
}
ODD: Final = ["5", "5.0", "0.1", "true", "'5'", "'abc'", "'English;German'", *(f"'{t}'" for t in (*MOMENTS, *DAYS))]
OPERATORS: Final = ["=", "!=", "<", "<=", ">", ">="]
PATTERNS: Final = ["'12%'", "'%12'", "'%2%'", "'a%'", "'%C'", "'%'", "'%@%'", "'1%0'"]


def literal(value: object) -> str:
    if isinstance(value, str | list):
        text = value if isinstance(value, str) else ";".join(value)
        return "'" + text.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else format(Decimal(repr(value)), "f")


def comparisons(pools: dict[str, list[Any]]) -> st.SearchStrategy[str]:
    def of(name: str) -> st.SearchStrategy[str]:
        mine = st.sampled_from([literal(value) for value in pools[name]])
        one = st.one_of(mine, mine, mine, st.sampled_from(ODD))
        some = st.lists(one, min_size=1, max_size=3).map(", ".join)
        return st.one_of(
            st.builds("{} {}".format, st.sampled_from(OPERATORS), one),
            st.builds("{} ({})".format, st.sampled_from(["in", "not in"]), some),
            st.sampled_from([f"like {pattern}" for pattern in PATTERNS]),
            st.sampled_from(["is null", "is not null"]),
        ).map(lambda rest: f"{name} {rest}")

    return st.sampled_from(sorted(pools)).flatmap(of)


def filters(pools: dict[str, list[Any]]) -> st.SearchStrategy[str]:
    one = comparisons(pools)
    pair = st.builds("{} {} {}".format, one, st.sampled_from(["and", "or"]), one)
    return st.one_of(pair, st.builds("({}) {} ({})".format, pair, st.sampled_from(["and", "or"]), pair))


class Court:
    """An org full of awkward contacts, as its records read, and as COQL finds them."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._zoho = pair.fleet.catalogs["india"].zoho
        for label, kind in (("Score", "double"), ("Points", "bigint")):
            pair.a.add_field("Contacts", field_label=label, data_type=kind)
        accounts = [pair.a.insert_raw("Accounts", {"Account_Name": f"A{n}"}) for n in range(2)]
        draw = random.Random(5)
        pools = {**POOLS, "Account_Name": [{"id": one} for one in accounts]}
        for number in range(80):
            values = {name: draw.choice([None, *pool]) for name, pool in pools.items()}
            pair.a.insert_raw("Contacts", {"Last_Name": f"C{number}", **values})
        self.schema = self._zoho.schema("Contacts").fields
        self.records = self._ask("(id is not null)", [*pools, "Owner"])
        owner = self.records[0]["Owner"]
        assert isinstance(owner, dict)
        self.pools = {**POOLS, "Account_Name": accounts, "Owner": [owner["id"], accounts[0]]}

    def _ask(self, where: str, columns: list[str]) -> list[WireRecord]:
        return list(self._zoho.coql("Contacts", columns, where=coql.Condition(where), limit=2000).rows)

    def here(self, where: str) -> set[object]:
        keep = parse_filter(where)
        return {row["id"] for row in self.records if keep.test(row)}

    def there(self, criteria: Criteria) -> list[set[object]]:
        """Under every reading of COQL; the last is the one that means what we do."""
        org = self._pair.emu.world.sites["india"].org
        query = parse(coql.select("Contacts", ["id"], coql.matching(criteria), limit=200))
        found = []
        for case, null in (("insensitive", "include"), ("insensitive", "exclude"), ("sensitive", "exclude")):
            org.quirks.set({"coql_text_case": case, "coql_not_equal_null": null})
            rows, _ = run_query(org, org.administrator, query)
            found.append({row["id"] for row in rows})
        return found


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    with running_pair(tmp_path_factory.mktemp("court"), modules=("Contacts",)) as pair:
        yield Court(pair)


def leaves(criteria: Criteria) -> list[tuple[str, str]]:
    if isinstance(criteria, Comparison):
        return [(criteria.field, criteria.operator)]
    return [leaf for part in criteria.parts for leaf in leaves(part)]


def judge(court: Court, where: str) -> bool | None:
    """None when nothing is asked; else whether exactly what was said here is said there."""
    criteria = parse_filter(where).criteria
    assert criteria is not None
    sent = sendable(criteria, court.schema)
    if sent is None:
        return None
    here, there = court.here(where), court.there(sent)
    assert all(here <= found for found in there), where
    exact = leaves(sent) == leaves(criteria)
    assert here == there[-1] or not exact, where
    return exact


def test_the_source_keeps_no_record_back_that_matches_whatever_coql_means(court: Court) -> None:
    exact = set()
    for name, pool in court.pools.items():
        literals = [*map(literal, pool), *ODD]
        rests = [f"{op} {one}" for op in OPERATORS for one in literals]
        rests += [f"{op} ({one}, {other})" for op in ("in", "not in") for one, other in pairwise(literals)]
        rests += [f"like {pattern}" for pattern in PATTERNS] + ["is null", "is not null"]
        exact |= {(name, rest.split(" ")[0]) for rest in rests if judge(court, f"{name} {rest}")}
    assert len(exact) > 50


def test_nor_does_it_by_several_comparisons(court: Court) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(filters(court.pools))
    def judged(where: str) -> None:
        judge(court, where)

    judged()


# --- a first pass ----------------------------------------------------------------------------------------------------


def leads(pair: Pair, cities: str) -> list[str]:
    """One lead for each letter: P lives in Pune, any other in Delhi. They are older than the lag."""
    found = [
        pair.a.insert_raw("Leads", {"Last_Name": f"{letter}{n}", "Company": "C", "City": city(letter)})
        for n, letter in enumerate(cities)
    ]
    pair.pass_time(60)
    return found


def city(letter: str) -> str:
    return "Pune" if letter == "P" else "Delhi"


def queries(pair: Pair, since: int = 0) -> list[str]:
    """What A was asked for by COQL, of leads."""
    found = [str(call["body"]) for call in pair.a.log(kind="coql")[since:]]
    return [text for text in found if "from Leads" in text and "Modified_Time >" in text]


def names(pair: Pair) -> list[str]:
    return sorted(str(row["Last_Name"]) for row in pair.b.records("Leads"))


def settle(pair: Pair) -> None:
    for _ in range(4):
        pair.pass_time(30)
        pair.once()


def test_a_first_pass_asks_by_the_filter_and_polls_after_it_see_every_change(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), where=PUNE) as pair:
        mine = leads(pair, "P" + "D" * 20 + "P")
        assert pair.once()[STREAM].outcomes == {"created": 2}
        first, last = queries(pair)
        assert "City = 'Pune'" in first
        assert "City" not in last.partition("where")[2]
        pair.a.edit("Leads", mine[1], {"City": "Pune"})
        pair.a.edit("Leads", mine[0], {"City": "Delhi"})
        assert pair.once()[STREAM].outcomes == {"created": 1, "filtered": 1}
        assert not any("City = " in text for text in queries(pair, 2))
        assert names(pair) == ["D1", "P0", "P21"]


@pytest.mark.parametrize(
    ("unmatched", "restarted"), [("stop", True), ("follow", False), ("delete", False), ("delete", True)]
)
def test_what_changes_while_a_first_pass_goes_on_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unmatched: str, restarted: bool
) -> None:
    for name, value in (("SMALL", 2), ("LARGE", 2), ("PAGES", 1)):
        monkeypatch.setattr(polling, name, value)
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        given = make_settings(emu, tmp_path, modules=("Leads",), where=PUNE, unmatched=unmatched, fuse=LOOSE)
        with opened(emu, given) as pair:
            mine = leads(pair, "PPDDPDDP")
            pair.cycle("Leads")
            assert names(pair) == ["P0"] or names(pair) == ["P0", "P1"]
            pair.a.edit("Leads", mine[0], {"City": "Delhi", "Last_Name": "out"})
            pair.a.edit("Leads", mine[2], {"City": "Pune", "Last_Name": "in"})
            pair.a.edit("Leads", mine[7], {"City": "Delhi"})
            if not restarted:
                pair.pass_time(60)
                for _ in range(8):
                    pair.cycle("Leads")
        with opened(emu, given) as pair:
            for _ in range(3):
                settle(pair)
            left = {"stop": ["P0"], "follow": ["out"], "delete": []}[unmatched]
            assert names(pair) == sorted(["P1", "P4", "in", *left])
            assert pair.queue() == []


def test_a_query_by_the_filter_that_the_source_refuses_is_not_asked_again(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), where=PUNE) as pair:
        leads(pair, "PDDP")
        pair.a.faults.next("coql", effect="status", status=400, code="INVALID_QUERY")
        assert pair.once()[STREAM].outcomes == {"created": 2, "filtered": 2}
        assert ["City = 'Pune'" in text for text in queries(pair)] == [True, False]


@pytest.mark.parametrize(("unmatched", "asked"), [("stop", True), ("delete", False)])
def test_a_comparison_asks_by_the_filter_where_nothing_outside_it_counts(
    tmp_path: Path, unmatched: str, asked: bool
) -> None:
    with running_pair(tmp_path, modules=("Leads",), where=PUNE, unmatched=unmatched) as pair:
        leads(pair, "PDDP")
        settle(pair)
        before = len(pair.a.log(kind="coql"))
        assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        settle(pair)
        assert any("City = 'Pune'" in text for text in queries(pair, before)) is asked
        assert pair.sql("select source_seen, differing, finished_at is not null from comparisons") == [
            (2 if asked else 4, 0, 1)
        ]


def test_other_rules_ask_by_the_filter_only_where_nothing_is_left_to_be_seen_outside_it(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        given = make_settings(emu, tmp_path, modules=("Leads",), fuse=LOOSE)
        (route,) = given.routes
        with opened(emu, given) as pair:
            leads(pair, "PDDP")
            settle(pair)
            assert len(names(pair)) == 4
        for where, unmatched, left in ((PUNE, "stop", 4), (PUNE, "delete", 2)):
            streams = tuple(replace(one, where=where, unmatched=unmatched) for one in route.streams)
            with opened(emu, replace(given, routes=(replace(route, streams=streams),))) as pair:
                before = len(pair.a.log(kind="coql"))
                settle(pair)
                assert len(names(pair)) == left
                assert any("City = 'Pune'" in text for text in queries(pair, before)) is (unmatched == "stop")
