"""What `status` tells of a first load that goes on."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from daemon.cli.firstload import first_loads
from daemon.cli.status import Look, as_document, picture
from daemon.core.budget import Budget, Leeway
from daemon.ledger import Loading, StreamStatus
from tests.core.make import stream

LEADS = replace(stream("Leads"), address="india-to-us/Leads", source="india", target="us")
STREAM = StreamStatus(stream=LEADS.address, health="behind")
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def loading(**more: object) -> Loading:
    given = {"stream": STREAM.stream, "way": "bulk", "started_at": AT, "total": 200_000, "done": 0}
    return Loading(**{**given, "waits": False, "writes": False, "left": None, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("load", "line"),
    [
        (loading(waits=True), "by bulk: Zoho is making the file of 200,000 records"),
        (loading(way="query"), "by query: 0 of 200,000 records (0 %)"),
        (
            loading(done=50_000, left=timedelta(minutes=30)),
            "by bulk: 50,000 of 200,000 records (25 %), about 30m left at this rate",
        ),
        (loading(total=0), "by bulk: 0 of 0 records"),
        (
            loading(done=50_000, writes=True, write_until=AT, write_job_id="77"),
            "by bulk: 50,000 of 200,000 records (25 %); bulk write 77 is at work, until 2026-11-30 12:00:00 UTC at the "
            "latest",
        ),
        (
            loading(done=50_000, writes=True, write_until=AT),
            "by bulk: 50,000 of 200,000 records (25 %); a bulk write may be at work whose id is not known: it is "
            "waited for until 2026-11-30 12:00:00 UTC, then its records are looked up",
        ),
    ],
)
def test_it_says_how_far_it_is_and_how_long_the_rest_takes(load: Loading, line: str) -> None:
    said = io.StringIO()
    out = Console(file=said, width=300, highlight=False)
    out.print(picture(look(load), out))
    assert f"{STREAM.stream} is read for the first time {line}\n" in said.getvalue()


def test_the_document_has_it_in_numbers() -> None:
    load = loading(done=50_000, left=timedelta(minutes=30))
    told = {
        "way": "bulk",
        "started_at": AT.isoformat(),
        "total": 200_000,
        "done": 50_000,
        "left_s": 1800,
        "needs": [],
        "waits_for": [],
        "writing": False,
        "writing_job": None,
        "writing_until": None,
    }
    assert first_load(look(load)) == told
    assert first_load(look(None)) is None
    at_work = first_load(look(loading(writes=True, write_until=AT, write_job_id="77")))
    assert at_work == {
        **told,
        "done": 0,
        "left_s": None,
        "writing": True,
        "writing_job": "77",
        "writing_until": AT.isoformat(),
    }


def spent(org: str, **more: object) -> Leeway:
    return Leeway(org=org, budget=Budget(ceiling=10_000), **more)  # type: ignore[arg-type]


LATER = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("leeways", "said"),
    [
        ([], ", about 30m left at this rate"),
        ([spent("us", spare=4_000), spent("india", spare=40)], ", about 30m left at this rate"),
        ([spent("us", allows="news", spare=0)], ", waits for credits of us"),
        (
            [spent("us", allows="nothing", spare=0), spent("india", allows="news")],
            ", waits for credits of india and us",
        ),
        ([spent("elsewhere", allows="nothing", spare=0)], ", about 30m left at this rate"),
        (
            [spent("us", spare=3_999), spent("india", spare=40)],
            ", needs about 4,000 credits of us, of which 3,999 may be spent now",
        ),
        (
            [spent("us", spare=9), spent("india", spare=8)],
            ", needs about 40 credits of india, of which 8 may be spent now and about 4,000 credits of us, of which 9 "
            "may be spent now",
        ),
    ],
)
def test_where_credits_do_not_suffice_no_time_is_foretold(leeways: list[Leeway], said: str) -> None:
    seen = look(loading(done=50_000, left=LATER, needs=(40, 4_000)), leeways)
    told = io.StringIO()
    out = Console(file=told, width=300, highlight=False)
    out.print(picture(seen, out))
    assert f"50,000 of 200,000 records (25 %){said}\n" in told.getvalue()
    shown = first_load(seen)
    assert shown["left_s"] == (1800 if "left at this rate" in said else None)
    assert shown["needs"] == [{"org": "india", "credits": 40}, {"org": "us", "credits": 4_000}]
    assert shown["waits_for"] == [org for org in ("india", "us") if "waits" in said and org in said]


def test_what_may_be_spent_is_for_all_first_loads_together() -> None:
    other = replace(LEADS, address="india-to-us/Deals")
    one = loading(done=1, left=LATER, needs=(1, 600))
    both = first_loads([one, replace(one, stream=other.address)], [LEADS, other], [spent("us", spare=1_000)])
    assert [load.left_s for load in both.values()] == [None, None]
    assert first_loads([one], [LEADS, other], [spent("us", spare=1_000)])[LEADS.address].left_s == 1800


def test_a_stream_that_the_settings_do_not_name_is_left_out() -> None:
    assert first_loads([loading()], [], []) == {}


def look(load: Loading | None, leeways: list[Leeway] | None = None) -> Look:
    some = leeways or []
    loads = first_loads([] if load is None else [load], [LEADS], some)
    return Look(streams=[STREAM], stuck=[], compared={}, comparing={}, loads=loads, off=[], leeways=some)


def first_load(seen: Look) -> dict[str, object]:
    (shown,) = as_document(seen)["streams"]  # type: ignore[misc]
    return shown["first_load"]  # type: ignore[no-any-return]
