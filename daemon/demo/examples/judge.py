"""The judge of an example: what each org must hold in the end, stated by hand, and what the emulator's log shows.

It reads the orgs through Zoho's public API, by a client of its own, and knows nothing of the product.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from daemon.demo.caller import Caller, Json

Expected = Mapping[str, Mapping[str, Sequence[Json]]]
"""Org -> module -> every record that it must hold. A row's first field tells which record it is; lookups by name."""


def compare(callers: Mapping[str, Caller], expected: Expected) -> list[str]:
    """What is missing, differs, or is there unasked. Raises Refused."""
    return [
        text
        for org, modules in expected.items()
        for module, rows in modules.items()
        for text in _module(org, module, rows, callers[org])
    ]


def _module(org: str, module: str, rows: Sequence[Json], caller: Caller) -> list[str]:
    fields = list(dict.fromkeys(name for row in rows for name in row)) or ["Created_Time"]
    left = list(caller.records(module, fields))
    wrong = []
    for row in rows:
        name, called = next(iter(row.items()))
        same = [record for record in left if record.get(name) == called]
        left = [record for record in left if record not in same]
        if len(same) != 1:
            wrong.append(f"{org} has {len(same)} records {called!r} in {module}, and must have one")
            continue
        shown = {key: _plain(same[0].get(key)) for key in row}
        wrong += [
            f"{org}: {key} of {module} {called!r} is {shown[key]!r}, and must be {value!r}"
            for key, value in row.items()
            if shown[key] != value
        ]
    return wrong + [f"{org} has a record in {module} that nobody asked for: {record}" for record in left]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("email") or value.get("name")
    return None if value in ("", []) else value


def leaks(calls: Sequence[Json], own: Mapping[str, Collection[str]]) -> list[str]:
    """Texts that must stay in their org (org -> texts) and stand in a request to another. `calls`: org, path, sent."""
    return [
        f"{text!r} of {org} was sent to {call['org']}: {call['path']}"
        for org, texts in own.items()
        for text in texts
        for call in calls
        if call["org"] != org and text in call["sent"]
    ]


def beyond(written: Sequence[Json], allowed: Mapping[tuple[str, str], Collection[str]]) -> list[str]:
    """Writes to an (org, module) with fields that are not among those that may come to it."""
    return [
        f"{one['org']} was sent {', '.join(more)} of {one['module']}"
        for one in written
        if (more := sorted(set(one["fields"]) - set(allowed.get((one["org"], one["module"]), ()))))
    ]
