"""A secret never shows itself."""

from __future__ import annotations

import copy
import pickle
import traceback
from pathlib import Path

import pytest

from daemon.core.org import DATA_CENTERS, Org, Secret

TEXT = "1000.hush"


def _org() -> Org:
    return Org(
        name="a",
        data_center="in",
        accounts_url="https://x",
        api_url="https://y",
        client_id="1000.ID",
        client_secret=Secret(TEXT),
        refresh_token=Secret(TEXT),
        token_file=Path("t.json"),
    )


def test_a_secret_shows_itself_in_no_text() -> None:
    secret = Secret(TEXT)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s %r" % (secret, secret), f"{[secret]}"]  # noqa: UP031
    assert all("hush" not in text and "****" in text for text in [*shown, repr(_org()), str(_org())])
    assert secret.reveal() == TEXT


def test_a_traceback_with_locals_does_not_show_it() -> None:
    secret = Secret(TEXT)
    try:
        raise ValueError(secret)  # noqa: TRY301 - its locals are what is looked at
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert "hush" not in "".join(told.format())
    assert "****" in "".join(told.format())
    assert secret


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, vars])
def test_a_secret_cannot_be_copied_out(leak: object) -> None:
    with pytest.raises(TypeError) as caught:
        leak(Secret(TEXT))  # type: ignore[operator]
    assert "hush" not in str(caught.value)


def test_secrets_are_equal_by_value_and_never_equal_to_a_text() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_every_data_centre_has_its_own_addresses_over_https() -> None:
    assert set(DATA_CENTERS) == {"us", "eu", "in", "au", "jp", "cn", "ca", "sa"}
    urls = [url for dc in DATA_CENTERS.values() for url in (dc.accounts_url, dc.api_url)]
    assert len(set(urls)) == 16
    assert all(url.startswith("https://") for url in urls)
