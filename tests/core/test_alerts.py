"""What is told, and when it is over: only when something shows that it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.core.alerts import (
    LONGEST_WAIT,
    NEARLY,
    Credential,
    Facts,
    GivenUp,
    Quiet,
    Standing,
    StandingFuse,
    judge,
    wait_before,
)
from daemon.core.budget import Budget, Leeway
from daemon.core.credits import Forecast
from daemon.core.fuse import Blown
from daemon.core.silence import Silence

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LEADS = "india-to-us/Leads"
FINE = Quiet(last_change_at=NOON - timedelta(hours=5), silence=None, trouble=None)
QUIET = Quiet(last_change_at=NOON - timedelta(hours=5), silence=Silence(hours=3, an_hour=40), trouble=None)
FUSE = StandingFuse(number=7, stream=LEADS, blown=Blown(kind="deletes", count=9, base=20, allowed=2, examples=("51",)))
NONE_LEFT = Leeway(
    org="us", budget=Budget(ceiling=900), allows="nothing", by_ceiling=True, until=NOON + timedelta(hours=2)
)
DEAD = GivenUp(cause_id=4, stream=LEADS, code="UNCERTAIN", field="", remedy="Wait.", records=2)


def facts(**given: Any) -> Facts:
    defaults: dict[str, Any] = {
        "streams": {LEADS: FINE},
        "credentials": {"us": Credential(made_at=NOON)},
        "credits": {"us": Forecast(low=False)},
    }
    return Facts(**(defaults | given))


TROUBLES = {
    "fuse": facts(fuses=[FUSE]),
    "dead": facts(given_up=[DEAD]),
    "silence": facts(streams={LEADS: QUIET}),
    "refused": facts(credentials={"us": Credential(refused="invalid_code", made_at=NOON)}),
    "renewals": facts(credentials={"us": Credential(made_at=NOON, renewals=NEARLY)}),
    "credits": facts(credits={"us": Forecast(low=True, remaining=90, lasts=timedelta(minutes=12))}),
    "ceiling": facts(leeways={"us": NONE_LEFT}),
}


def standing(trouble: str, ago: timedelta = timedelta(hours=1)) -> Standing:
    [found] = judge(TROUBLES[trouble], [], NOON).opened
    return Standing(number=1, kind=found.kind, subject=found.subject, mark=found.mark, opened_at=NOON - ago)


@pytest.mark.parametrize(
    ("trouble", "says", "command"),
    [
        ("fuse", "is stopped by its fuse (deletes): 9 of 20", f'orgsync release {LEADS} --accept 9 --reason "…"'),
        ("dead", "2 records of india-to-us/Leads given up: UNCERTAIN;", "orgsync retry --cause 4"),
        ("silence", "usually 40 changes an hour at this time, none for 3 hours", "orgsync check"),
        ("refused", "Zoho refuses the refresh token of us (invalid_code)", "orgsync auth us"),
        ("renewals", "renewed 6 times in 10 minutes", "orgsync status"),
        ("credits", "us has 90 API credits left of its day, enough for 12 minutes", "orgsync status"),
        (
            "ceiling",
            "(900 credits in 24 hours) is reached; goes on at 2026-05-04 14:00 UTC. Until then",
            "orgsync status",
        ),
    ],
)
def test_every_trouble_says_what_was_seen_and_what_to_type(trouble: str, says: str, command: str) -> None:
    [incident] = judge(TROUBLES[trouble], [], NOON).opened
    assert says in incident.what
    assert incident.command == command


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_known_already_is_neither_new_nor_over(trouble: str) -> None:
    verdict = judge(TROUBLES[trouble], [standing(trouble)], NOON)
    assert (verdict.opened, verdict.over) == ([], [])


def test_in_health_there_is_nothing_to_tell() -> None:
    assert judge(facts(), [], NOON).opened == []


@pytest.mark.parametrize("trouble", ["fuse", "dead", "renewals", "credits", "ceiling"])
def test_what_is_not_seen_any_more_is_over(trouble: str) -> None:
    assert judge(facts(), [standing(trouble)], NOON).over == [1]


def test_a_fuse_that_blows_again_is_another_incident() -> None:
    again = StandingFuse(number=8, stream=LEADS, blown=FUSE.blown)
    verdict = judge(facts(fuses=[again]), [standing("fuse")], NOON)
    assert (len(verdict.opened), verdict.over) == (1, [1])


def test_silence_is_over_with_a_change_and_not_with_the_night() -> None:
    assert judge(facts(), [standing("silence")], NOON).over == []
    changed = Quiet(last_change_at=NOON, silence=None, trouble=None)
    assert judge(facts(streams={LEADS: changed}), [standing("silence")], NOON).over == [1]


def test_a_silent_stream_that_stands_still_sends_to_its_status() -> None:
    stopped = Quiet(last_change_at=QUIET.last_change_at, silence=QUIET.silence, trouble="the module is gone")
    [incident] = judge(facts(streams={LEADS: stopped}), [], NOON).opened
    assert incident.command == "orgsync status"
    assert "it is stopped" in incident.what


def test_a_refused_token_is_over_with_a_newer_one_and_not_with_an_old_one_of_another_machine() -> None:
    old = facts(credentials={"us": Credential(made_at=NOON - timedelta(hours=2))})
    assert judge(old, [standing("refused")], NOON).over == []
    assert judge(facts(), [standing("refused")], NOON).over == [1]


@pytest.mark.parametrize("trouble", ["refused", "renewals", "credits"])
def test_what_is_not_known_ends_nothing(trouble: str) -> None:
    unknown = facts(credentials={"us": None}, credits={"us": Forecast()})
    assert judge(unknown, [standing(trouble)], NOON).over == []


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_about_a_stream_or_org_that_was_taken_out_of_the_settings_is_over(trouble: str) -> None:
    assert judge(Facts(fuses=[FUSE], given_up=[DEAD]), [standing(trouble)], NOON).over == [1]


def test_renewals_count_as_many_for_ten_minutes() -> None:
    just = standing("renewals", timedelta(minutes=9))
    assert judge(facts(), [just], NOON).over == []


def test_each_attempt_to_tell_waits_longer_up_to_ten_minutes() -> None:
    waits = [wait_before(tries).total_seconds() for tries in range(1, 10)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert wait_before(10**9) == LONGEST_WAIT
