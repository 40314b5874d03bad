"""What `status` tells of a first load that goes on."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from daemon.cli.status import as_document, show
from daemon.ledger import Loading, StreamStatus

STREAM = StreamStatus(stream="india-to-us/Leads", health="behind")
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def loading(**more: object) -> Loading:
    given = {"stream": STREAM.stream, "way": "bulk", "started_at": AT, "total": 200_000, "done": 0, "waits": False}
    return Loading(**{**given, "left": None, **more})  # type: ignore[arg-type]


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
    ],
)
def test_it_says_how_far_it_is_and_how_long_the_rest_takes(load: Loading, line: str) -> None:
    said = io.StringIO()
    show(Console(file=said, width=200, highlight=False), [STREAM], [], {}, {STREAM.stream: load})
    assert f"{STREAM.stream} is read for the first time {line}\n" in said.getvalue()


def test_the_document_has_it_in_numbers() -> None:
    load = loading(done=50_000, left=timedelta(minutes=30))
    (shown,) = as_document([STREAM], [], {}, {STREAM.stream: load})["streams"]  # type: ignore[misc]
    told = {"way": "bulk", "started_at": AT.isoformat(), "total": 200_000, "done": 50_000, "left_s": 1800}
    assert shown["first_load"] == told
    (shown,) = as_document([STREAM], [], {}, {})["streams"]  # type: ignore[misc]
    assert shown["first_load"] is None
