"""What a log line must not show."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from loguru import logger

from daemon.core.org import Org, Secret
from daemon.service.logs import hide, set_up


@pytest.fixture(autouse=True)
def _the_log_of_other_tests() -> Iterator[None]:
    yield
    logger.remove()
    hide([])


def test_secrets_that_a_reload_brought_are_stars_from_then_on_and_so_are_the_old_ones(tmp_path: Path) -> None:
    old = Org(
        name="us",
        data_center="us",
        accounts_url="https://accounts.zoho.com",
        api_url="https://www.zohoapis.com",
        client_id="1000.A",
        client_secret=Secret("canary-old"),
        refresh_token=None,
        token_file=tmp_path / "us.json",
    )
    log = io.StringIO()
    set_up([old], as_json=False, stream=log)
    logger.info("canary-old")
    hide([old, replace(old, client_secret=Secret("canary-new"), refresh_token=Secret("canary-token"))])
    logger.info("canary-old canary-new canary-token")
    assert "canary" not in log.getvalue()
    assert log.getvalue().count("****") == 4
