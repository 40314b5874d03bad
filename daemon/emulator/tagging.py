"""The tags of an org: by module, by name without case, made when they are first used (facts 10)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.org import Org
from daemon.emulator.side import Tag
from daemon.emulator.store import Record

Json = dict[str, Any]
MAX_NAME = 25
COLORS = (
    "#57B1FD", "#879BFC", "#658BA8", "#FD87BD", "#969696", "#F48435", "#1DB9B4", "#E7A826", "#63C57E", "#F17574",
    "#D297EE", "#A8C026", "#B88562",
)  # fmt: skip


def of_module(org: Org, module: str) -> dict[str, Tag]:
    """The tags of a module by their folded names."""
    return org.side.tags.setdefault(module, {})


def tag_named(org: Org, module: str, name: str, by: int) -> Tag:
    """The tag with this name, new if need be."""
    tags = of_module(org, module)
    if name.casefold() not in tags:
        tags[name.casefold()] = Tag(id=org.new_id(), name=name, created=org.clock.stamp(), by=by)
    return tags[name.casefold()]


def read_names(given: Any, path: str) -> list[str]:
    """`[{"name": ..}, ..]` as names, checked."""
    if not isinstance(given, list):
        raise errors.wrong_type("Tag", path, "jsonarray")
    names = []
    for place, one in enumerate(given):
        at = f"{path}[{place}]"
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(one, dict):
            raise errors.wrong_type("Tag", at, "jsonobject")
        if name is None:
            raise errors.expected_field("name", f"{at}.name")
        if not isinstance(name, str) or not name.strip():
            raise errors.wrong_type("name", f"{at}.name", "string")
        if len(name) > MAX_NAME:
            raise errors.too_long("name", f"{at}.name", MAX_NAME)
        names.append(name.strip())
    return names


def with_tags(org: Org, module: str, record: Record, tags: list[Json], by: int) -> Record:
    """The record with other tags; whether its Modified_Time moves is a quirk (facts 11.3)."""
    values = {**record.values, "Tag": tags}
    if not tags:
        del values["Tag"]
    moves = org.quirks["tags_move_modified_time"] == "yes"
    changed = record.replaced(
        modified=max(org.clock.stamp(), record.modified) if moves else record.modified,
        modified_by=by if moves else record.modified_by,
        owner=record.owner,
        values=values,
    )
    org.put(module, changed)
    return changed
