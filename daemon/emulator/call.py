"""One API call on its way through the emulator, and the answer to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from daemon.emulator import errors
from daemon.emulator.org import Org
from daemon.emulator.people import User
from daemon.emulator.quirks import Quirks
from daemon.emulator.schema import Module

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Status and body; `None` is an empty body without content type (204, 304)."""

    status: int
    body: bytes | None = None
    content_type: str = "application/json;charset=UTF-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @staticmethod
    def of(status: int, content: Any) -> Reply:
        """A JSON answer; numbers may have any number of digits."""
        try:
            return Reply(status=status, body=orjson.dumps(content))
        except orjson.JSONEncodeError:
            # orjson stops at 64 bits, JSON does not
            return Reply(status=status, body=json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


NO_CONTENT = Reply(status=204)


@dataclass(kw_only=True)
class Call:
    """A request after routing and authentication."""

    org: Org
    user: User
    kind: str
    method: str
    path: str
    version: int
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    module_name: str | None = None
    record_id: str | None = None
    related: str | None = None
    part: str | None = None
    automations: list[Json] = field(default_factory=list)

    @property
    def quirks(self) -> Quirks:
        """The switches that hold in this org."""
        return self.org.quirks

    @property
    def module(self) -> Module:
        """The module named by the path or the `module` parameter; INVALID_MODULE when there is none."""
        found = self.org.modules.get(self.module_name or "")
        if found is None or not found.shown:
            raise errors.invalid_module()
        return found

    @cached_property
    def json(self) -> Json:
        """The body as a JSON object."""
        try:
            content = orjson.loads(self.raw_body)
        except orjson.JSONDecodeError:
            raise errors.bad_body() from None
        if not isinstance(content, dict):
            raise errors.bad_body()
        return content


Handler = Callable[[Call], Reply]
