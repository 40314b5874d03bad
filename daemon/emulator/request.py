"""A request as it came in over HTTP, decoded without ever failing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from daemon.emulator import errors
from daemon.emulator.accounts_http import read_form
from daemon.emulator.clock import parse_header_moment


class Request:
    """One request; unknown parameters and a trailing `&` do no harm."""

    def __init__(self, scope: MutableMapping[str, Any], body: bytes) -> None:
        self.method: str = scope["state"].get("verb", scope["method"])
        self.path: str = scope["path"]
        self.body = body
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        text = scope["query_string"].decode("latin-1")
        self.query = dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=None))
        self.transport: asyncio.Transport = scope["state"]["transport"]

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            content = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def records(self) -> int:
        """How many records the body of a write holds, nested rows not counted."""
        data = self.json.get("data")
        return len(data) if isinstance(data, list) else 0

    def form(self) -> dict[str, str]:
        """Query and body together, urlencoded or multipart (facts 1.2)."""
        return {**self.query, **read_form(self.headers.get("content-type", ""), self.body)}


def header_moment(headers: Mapping[str, str], name: str, *, iso_only: bool = False) -> int | None:
    """A header that names a moment, in whole seconds; None when it is absent, INVALID_DATA when it is no moment."""
    text = headers.get(name.lower())
    if not text:
        return None
    moment = parse_header_moment(text, iso_only=iso_only)
    if moment is None:
        raise errors.refuse("INVALID_DATA", "invalid data", {"param_name": name, "expected_data_type": "datetime"})
    return moment
