"""What is said of an org: scopes, rights, edition and credits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.budget import Budget
from daemon.core.editions import caps_of
from daemon.core.org_report import credit_remark, edition_remarks, right_remarks, scope_remarks
from daemon.core.remark import Remark, Verdict, verdict
from daemon.core.rights import AUTOMATION, Rights, in_words
from daemon.core.rules import Route
from daemon.core.schema import OrgProfile
from daemon.core.scopes import scopes_for
from tests.core.make import stream


def profile(edition: str = "enterprise", licences: int = 10) -> OrgProfile:
    return OrgProfile(
        zgid="1", company_name="C", edition=edition, licences=licences, type="production", time_zone="UTC"
    )


def route(**more: Any) -> Route:
    return Route(name="a-b", source="a", target="b", streams=(stream("Leads", **more),))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("edition", "users", "daily", "at_once"),
    [
        ("free", 3, 5_000, 5),
        ("standard", 10, 52_500, 10),
        ("standard", 1_000, 100_000, 10),  # 50,000 + 250,000, capped
        ("professional", 4, 52_000, 15),
        ("enterprise", 10, 60_000, 20),
        ("zohoone", 9_000, 5_000_000, 20),
        ("ultimate", 9_000, 18_050_000, 25),
    ],
)
def test_an_edition_has_its_credits_and_its_calls(edition: str, users: int, daily: int, at_once: int) -> None:
    caps = caps_of(edition, users)
    assert caps is not None
    assert (caps.daily, caps.at_once) == (daily, at_once)


def test_an_edition_that_nobody_knows_has_no_caps_and_the_setting_is_named() -> None:
    [remark] = edition_remarks(profile("bigin"), Budget(), 8, "a")
    assert (remark.level, "orgs.a" in remark.do) == ("note", True)


def test_too_many_credits_or_calls_in_the_settings_are_told() -> None:
    said = list(edition_remarks(profile("free", 1), Budget(daily=80_000), 8, "a"))
    assert [(r.level, r.do) for r in said[1:]] == [
        ("remark", "correct orgs.a.daily_credits, unless credits were bought besides"),
        ("remark", "set orgs.a.calls_at_once = 3"),
    ]


def test_a_missing_scope_is_named_with_what_it_is_for_and_with_all_to_paste() -> None:
    wanted = [one.name for one in scopes_for("b", [route()])]
    [wrong] = [r for r in scope_remarks("b", [route()], set(wanted) - {"ZohoCRM.modules.leads.UPDATE"}) if r.do]
    assert (wrong.level, wrong.seen) == ("wrong", "its token lacks ZohoCRM.modules.leads.UPDATE (to change Leads)")
    assert wrong.do == f"run `orgsync auth b` with a code for all of these: {','.join(wanted)}"


def test_a_scope_that_can_be_done_without_is_a_note_and_unknown_ones_are_no_mistake() -> None:
    wanted = {one.name for one in scopes_for("a", [route()])}
    assert [r.level for r in scope_remarks("a", [route()], wanted - {"ZohoCRM.bulk.READ"})] == ["note"]
    assert [r.level for r in scope_remarks("a", [route()], ())] == ["note"]
    assert [r.level for r in scope_remarks("a", [route()], wanted)] == ["ok"]


def test_a_token_that_may_write_where_orgsync_only_reads_is_told() -> None:
    granted = {one.name for one in scopes_for("a", [route()])} | {"ZohoCRM.modules.ALL"}
    assert [r.level for r in scope_remarks("a", [route()], granted)] == ["ok", "note"]
    assert [r.level for r in scope_remarks("b", [route()], {"ZohoCRM.modules.ALL", *granted})][-1] != "ok"


def test_a_profile_without_manage_automation_is_a_remark_on_a_target_only() -> None:
    lacking = Rights(profile="Standard", denied=frozenset({AUTOMATION}))
    [remark] = right_remarks("b", [stream("Leads")], lacking)
    assert (remark.level, "profile Standard" in remark.seen) == ("remark", True)
    assert list(right_remarks("a", [stream("Leads")], lacking)) == []
    assert [r.level for r in right_remarks("b", [stream("Leads")], None)] == ["note"]
    assert in_words("Crm_Implied_View_Leads") == "View of Leads"


def test_a_poll_of_a_second_says_what_a_minute_would_cost() -> None:
    said = credit_remark("a", Budget(), [stream("Leads", poll=seconds(1))], profile())
    assert "(it polls every 1s; at 60s it would be 1,452)" in said.seen
    assert (said.level, "the org has 60,000" in said.seen) == ("remark", True)
    assert "lengthen poll" in said.do


@pytest.mark.parametrize(
    ("budget", "level", "words"),
    [
        (Budget(), "note", "the org has 60,000"),
        (Budget(daily=1_000), "remark", "the org has 1,000"),
        (Budget(ceiling=1_000), "remark", "its ceiling is 1,000"),
        (Budget(reserve=59_000), "remark", "the org has 1,000 without its reserve of 59,000"),
        (Budget(ceiling=2_000), "remark", "its ceiling is 2,000"),
        (Budget(ceiling=3_000), "note", "its ceiling is 3,000"),
    ],
)
def test_what_polling_costs_is_compared_with_the_tightest_limit(budget: Budget, level: str, words: str) -> None:
    fast = stream("Leads", poll=seconds(60), poll_fast=seconds(15))  # 1,452 while calm, 5,832 while busy
    said = credit_remark("a", budget, [fast], profile())
    assert (said.level, words in said.seen) == (level, True)
    assert ("at 60s" in said.seen) is False
    assert bool(said.means) is (budget != Budget())


def test_where_polls_would_take_more_than_half_of_a_ceiling_the_interval_that_fits_is_named() -> None:
    said = credit_remark("a", Budget(ceiling=340), [stream("Leads", poll=seconds(300))], profile())
    assert said.message == (
        "credits a day to read it: about 300 while nothing changes, 360 while every poll finds a change; its ceiling "
        "is 340; orgsync polls every 547s, not every 300s: polls take at most half of a ceiling: write that as poll in "
        "the routes that read a, or raise orgs.a.ceiling"
    )
    assert credit_remark("a", Budget(ceiling=340), [stream("Leads", poll=seconds(547))], profile()).level == "note"


@given(st.lists(st.sampled_from(["ok", "note", "remark", "wrong"])), st.lists(st.sampled_from(["note", "wrong"])))
def test_a_stream_is_ready_exactly_where_nothing_is_said_against_it(own: list[Any], around: list[Any]) -> None:
    found = verdict(
        [Remark(level=level, about="x", seen="s") for level in own],
        [("org", Remark(level=level, about="y", seen="s")) for level in around],
    )
    assert (found.state == "not ready") is ("wrong" in own + around)
    assert (found.state == "ready") is not ({"wrong", "remark"} & {*own, *around})
    assert bool(found.why) is (found.state != "ready")


def test_a_verdict_names_what_it_rests_on_once() -> None:
    own = [Remark(level="remark", about="length", field="City", seen="s")] * 2
    around = [("us", Remark(level="remark", about="credits", seen="s"))]
    assert verdict(own, around) == Verdict(state="ready with remarks", why="length City, credits of us")
