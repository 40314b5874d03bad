"""What random lives found, each as the shortest story that shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.sync.pair import running_pair

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("order", ["total", "first_only"])
def test_a_full_page_that_ends_within_a_second_loses_none_of_it(tmp_path: Path, order: str) -> None:
    """Where COQL heeds the first order column only, a page may show one record of a second, in order, and hide two."""
    with running_pair(tmp_path, modules=("Leads",), quirks={"coql_order": order}) as pair:
        for number in range(202):
            moment = LONG_AGO + timedelta(seconds=min(number, 199))
            values = {"Last_Name": f"L{number}", "Company": "C", "Modified_Time": moment.isoformat()}
            pair.a.insert_raw("Leads", values)
        pair.once()
        assert len(pair.b.records("Leads")) == 202


@pytest.mark.parametrize("order", ["total", "first_only"])
def test_a_second_of_more_than_a_page_is_read_whole(tmp_path: Path, order: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks={"coql_order": order}) as pair:
        for number in range(450):
            values = {"Last_Name": f"L{number}", "Company": "C", "Modified_Time": LONG_AGO.isoformat()}
            pair.a.insert_raw("Leads", values)
        pair.once()
        assert len(pair.b.records("Leads")) == 450
