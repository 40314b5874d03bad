"""A secret is taken out of a text however it was written down, as long as somebody holds it."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.masking import MASK, forms, masked
from daemon.core.org import Secret, living

HARD = "c'a\"n/a+r<y é&\\z%=?"


def percent_in_small_letters(text: str) -> str:
    return "".join(c.lower() if c in "ABCDEF" else c for c in quote(text, safe=""))


WAYS = {
    "plain": str,
    "repr": repr,
    "json": json.dumps,
    "json as UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "html": html.escape,
    "address": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "address in small letters": percent_in_small_letters,
    "hex": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in two lines": lambda text: text[:5] + "\n" + text[5:],
    "in two cells": lambda text: text[:5] + " \t\x00" + text[5:],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [HARD, "1000.0a1b2c3d4e5f.9f8e7d6c5b4a"])
def test_it_is_found_in_every_form(way: str, value: str) -> None:
    kept = Secret(value)
    said = masked(f"seen: {WAYS[way](value)}; what now?")
    assert MASK in said
    assert (said.startswith("seen: "), said.endswith("; what now?")) == (True, True)
    for part in (value, value[:6], base64.b64encode(value.encode()).decode()[:8], value.encode().hex()[:12]):
        assert part not in said
    del kept
    assert MASK not in masked(f"seen: {WAYS[way](value)}; what now?")


@given(st.text(min_size=8, max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_base64_is_found_wherever_it_begins(value: str, before: bytes, behind: bytes) -> None:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        return
    kept = Secret(value)
    coded = base64.b64encode(before + raw + behind).decode()
    assert MASK in masked(coded)
    assert kept in living()


def test_a_short_one_is_masked_where_it_is_named_and_nowhere_else() -> None:
    short = Secret("hunter2")
    assert masked("key hunter2 key", [short]) == f"key {MASK} key"
    assert masked("key hunter2 key") == "key hunter2 key"
    assert masked("nothing here", [Secret("")]) == "nothing here"


def test_the_longer_of_two_goes_first() -> None:
    kept = [Secret("canary-1234"), Secret("canary-1234-and-more")]
    assert masked("it is canary-1234-and-more.", kept) == f"it is {MASK}."


def test_every_form_is_another_text() -> None:
    assert all(form and form != "plain-token" for form in forms("plain-token"))
