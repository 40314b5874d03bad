"""What a stream's key, its flag and its ways of recognising records need of the target's fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from daemon.core.absent import NOTHING, Carried, name_of_today, place
from daemon.core.fitting import FieldRule
from daemon.core.problem import Problem
from daemon.core.rules import Constant, Stream
from daemon.core.schema import Field, Schema

_TELLING: Final = ("text", "email")

_KEY_LENGTH: Final = 40  # zgid, colon, 19 digits


def recognises(field: Field) -> bool:
    """Whether this field's value names a record, where there is no key."""
    return field.data_type in ("email", "phone") or (field.mandatory and field.data_type in _TELLING)


def key_problems(stream: Stream, target: Schema, filled: Iterable[str], before: Carried = NOTHING) -> list[Problem]:
    """Without a key, a create whose answer was lost is recognised by its values: some must always be there. `before` is
    what the stream has carried so far.
    """
    if stream.key is not None:
        wrong = _wrong_key(stream, stream.key, target, before)
        return [] if wrong is None else [wrong]
    if stream.notes_of:  # known by what they say and where they hang (notes.py)
        return []
    fields = [target.fields[name] for name in filled if name in target.fields]
    if any(f.mandatory and f.data_type in _TELLING for f in fields):
        return []
    seen = (
        f"without a key a lost create is found again by its values, but no mandatory text of {stream.target}'s "
        f"{stream.target_module} is mapped"
    )
    return [_problem(stream, "key", seen, "map one, or name a key")]


def _problem(stream: Stream, field: str, seen: str, do: str, about: Literal["flag", "key"] = "key") -> Problem:
    return Problem(stream=stream.address, field=field, seen=seen, do=do, about=about)


def _wrong_key(stream: Stream, key: str, target: Schema, before: Carried) -> Problem | None:
    where, field = f"{stream.target}'s {stream.target_module}", target.fields.get(key)
    if field is None:
        if today := name_of_today(key, before.target, target):
            seen, do = f"{where} calls its key field {key} {today} now", f'write key = "{today}" into {place(stream)}'
        else:
            renamed = f"if it was renamed, name it in {place(stream)}.key; else " if before.parts else ""
            seen, do = f"{where} has no field {key}", f"{renamed}create it with `orgsync check --create-keys`"
    elif not field.unique:
        seen = f"{where}.{key} is not unique"
        do = 'mark it "Do not allow duplicate values" in Zoho, or a repeated create could not be told from a new record'
    elif field.data_type != "text" or not field.writable or (field.length or 255) < _KEY_LENGTH:
        seen = f"{where}.{key} must be a writable text of {_KEY_LENGTH} characters or more"
        do = f"name another field in {place(stream)}.key, and create it with `orgsync check --create-keys`"
    else:
        return None
    return _problem(stream, key, seen, do)


def flag_problems(stream: Stream, target: Schema, filled: Iterable[str], before: Carried = NOTHING) -> list[Problem]:
    """Whether the checkbox that marks deleted records can be set."""
    if stream.flag is None:
        return []
    where, field = f"{stream.target}'s {stream.target_module}", target.fields.get(stream.flag)
    if field is None and (today := name_of_today(stream.flag, before.target, target)):
        seen, do = f"flag: {where} calls {stream.flag} {today} now", f'write flag = "{today}" into {place(stream)}'
    elif field is None:
        seen, do = f"flag: {where} has no field {stream.flag}", "make it there, as a checkbox"
    elif field.data_type != "boolean" or not field.writable:
        seen = f"flag: {where}.{stream.flag} must be a checkbox that can be written"
        do = f"name another field in {place(stream)}.flag"
    elif stream.flag in set(filled):
        seen = f"flag: {stream.flag} is filled from the source already"
        do = f"flag another checkbox in {place(stream)}.flag"
    else:
        return []
    return [_problem(stream, stream.flag, seen, do, "flag")]


def ladder_problems(stream: Stream, rules: Iterable[FieldRule]) -> list[Problem]:
    """Names of the ladder that nothing can be compared by. Only `orgsync match` needs it."""
    by_target = {rule.target: rule for rule in rules}
    found = []
    for name in dict.fromkeys(name for rung in stream.match for name in rung):
        rule = by_target.get(name)
        if rule is None:
            seen, do = f"match names {name}, which no field of the source fills", "map it, or take it out"
        elif isinstance(rule.source, Constant):
            seen, do = f"match names {name}, which is the same in every record", "take it out"
        else:
            continue
        found.append(Problem(stream=stream.address, field=name, seen=seen, do=do, about="match", fatal=False))
    return found
