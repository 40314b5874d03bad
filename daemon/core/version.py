"""The version of a stream's rules: when it changes, all records are read again."""

from __future__ import annotations

import hashlib

import orjson

from daemon.core.fitting import FieldRule
from daemon.core.rules import Copy, Source, Stream


def version_of(rules: tuple[FieldRule, ...], stream: Stream) -> str:
    """A short name for exactly these rules: equal rules give equal names in every process and every version of orgsync,
    or all records would be read again. So what is new is only named where it is used.
    """
    return _short([*(_described(rule) for rule in rules), _beside(stream)])


def parts_of(rules: tuple[FieldRule, ...], stream: Stream) -> dict[str, str]:
    """The same by target field, and under "" what concerns no field alone."""
    return {"": _short(_beside(stream))} | {rule.target: _short(_described(rule)) for rule in rules}


def _beside(stream: Stream) -> list[object]:
    more: list[object] = [dict(stream.owners)] if stream.owners else []
    more += [{"unmatched": stream.unmatched}] if stream.unmatched != "stop" else []
    return [stream.where, stream.default_owner, *more]


def _short(described: object) -> str:
    text = orjson.dumps(described, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _described(rule: FieldRule) -> list[object]:
    named = [rule.target, type(rule.source).__name__, _named(rule.source), rule.kind, rule.parent]
    more = _more(rule)
    return [*named, more] if more else named


def _named(source: Source) -> object:
    if isinstance(source, Copy) and source.other is None:
        return {"field": source.field, "values": source.values}
    return source


def _more(rule: FieldRule) -> dict[str, object]:
    between_integers = {rule.origin, rule.kind} == {"number", "bigint"}
    found = {
        "origin": None if between_integers else rule.origin,
        "zone": None if str(rule.zone) == "UTC" else str(rule.zone),
        "cut": rule.cut,
        "default": rule.default,
        "owner": None if rule.owner == "source" else rule.owner,
        "rows": [_described(column) for column in rule.rows] or None,
        "links": rule.links,
        "several": rule.several or None,
        "matches": rule.matches or None,
    }
    return {name: value for name, value in found.items() if value is not None}
