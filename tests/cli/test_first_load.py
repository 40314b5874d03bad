"""What `status` tells of a first load that goes on."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from daemon.cli.status import Look, as_document, picture
from daemon.ledger import Loading, StreamStatus

STREAM = StreamStatus(stream="india-to-us/Leads", health="behind")
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


def look(load: Loading | None) -> Look:
    loads = {} if load is None else {STREAM.stream: load}
    return Look(streams=[STREAM], stuck=[], compared={}, comparing={}, loads=loads, off=[], leeways=[])


def first_load(seen: Look) -> object:
    (shown,) = as_document(seen)["streams"]  # type: ignore[misc]
    return shown["first_load"]
