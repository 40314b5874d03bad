"""A route that lists what may leave: the lists arrive, and a mapping that would send more is refused with its names."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.settings import Settings

ROUTE = "routes.india-to-us"
LEADS = f"{ROUTE}.modules.Leads"
EGRESS = (ROUTE, "egress")


def lists(house: Any, fields: str, egress: str) -> Settings:
    loaded: Settings = house.load({(LEADS, "fields"): fields, EGRESS: egress})
    return loaded


def test_without_lists_all_that_is_mapped_may_leave(house: Any) -> None:
    assert house.load().streams()[0].egress is None


@pytest.mark.parametrize(
    "fields",
    [
        '"*"',
        '["Last_Name", "Email"]',
        '{ Last_Name = "Last_Name", Company = { constant = "C" }, City = { source = "Email", default = "x" } }',
        '{ Last_Name = { template = "{Last_Name} {Email}" }, Fax = "never", "*" = "*" }',
    ],
)
def test_a_mapping_that_reads_only_what_is_listed_is_taken(house: Any, fields: str) -> None:
    (stream,) = lists(house, fields, '{ Leads = ["Last_Name", "Email"] }').streams()
    assert stream.egress == {"Last_Name", "Email"}


def test_what_only_the_filter_reads_need_not_be_listed(house: Any) -> None:
    where = {(LEADS, "where"): "\"Rating = 'Hot'\"", (LEADS, "fields"): '["Email"]', EGRESS: '{ Leads = ["Email"] }'}
    assert house.load(where).streams()[0].egress == {"Email"}


@pytest.mark.parametrize(
    ("fields", "target", "column"),
    [
        ('["Email", "Phone"]', "Phone", "Phone"),
        ('{ Email = "Email", City = "Phone" }', "City", "Phone"),
        ('{ City = { source = "Phone", values = { A = "B" }, other = "C" } }', "City", "Phone"),
        ('{ City = { template = "{Email} {Phone}" } }', "City", "Phone"),
        ('{ City = { expression = "Email if Phone else None" } }', "City", "Phone"),
        ('{ City = { source = "id" } }', "City", "id"),
        ('{ City = "Phone", "*" = "*" }', "City", "Phone"),
    ],
)
def test_a_mapping_that_reads_more_is_refused_with_the_field(house: Any, fields: str, target: str, column: str) -> None:
    (problem,) = house.problems({(LEADS, "fields"): fields, EGRESS: '{ Leads = ["Email"] }'})
    assert problem.path == f"{LEADS}.fields.{target}"
    assert problem.found == f"'{column}', which {ROUTE}.egress.Leads does not list"
    assert "may not leave" in problem.allowed


def test_a_slip_in_a_list_is_pointed_out(house: Any) -> None:
    (problem,) = house.problems({(LEADS, "fields"): '["Email"]', EGRESS: '{ Leads = ["Emial"] }'})
    assert problem.hint == 'it lists "Emial"'


@pytest.mark.parametrize(
    ("egress", "path", "found"),
    [
        ('["Email"]', "", "a list"),
        ('"*"', "", "'*' (a text)"),
        ("{}", ".Leads", "nothing"),
        ('{ Leads = "*" }', ".Leads", "'*' (a text)"),
        ('{ Leads = ["E Mail"] }', ".Leads[0]", "'E Mail' (a text)"),
        ('{ Leads = ["Email", 5] }', ".Leads[1]", "5 (a number)"),
        ('{ Leads = ["Email", "Email"] }', ".Leads[1]", "'Email' again"),
        ('{ Leads = ["Email"], Leeds = [] }', ".Leeds", "'Leeds', which this route does not carry"),
    ],
)
def test_a_mistake_in_the_lists_is_one_message(house: Any, egress: str, path: str, found: str) -> None:
    (problem,) = house.problems({EGRESS: egress})
    assert (problem.path, problem.found) == (f"{ROUTE}.egress{path}", found)
