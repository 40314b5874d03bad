"""Fingerprints of what B holds, so that "is it the same?" needs no copy of anybody's data.

Keyed with a secret of the ledger, because a bare hash of a short value (a phone number) can be looked up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from daemon.core.convert import Json, Values

_Keyed = Callable[[], hashlib.blake2b]
_SORTED: Final = orjson.OPT_SORT_KEYS
OWED: Final = ""
"""Stands for the digest of a field that was not written when its record was made, and still is to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """`whole` covers all values and the rules' version; `by_field` is target API name -> short digest."""

    whole: str
    by_field: Mapping[str, str]


def digest_values(values: Values, version: str, key: bytes) -> Digests:
    """The digests of a record's canonical values; `key` is the ledger's, up to 64 bytes."""
    keyed, blank = _keyed(key)
    by_field = {name: blank if value is None else _short(value, keyed) for name, value in values.items()}
    return together(by_field, version, key)


def digest_value(value: Json, key: bytes) -> str:
    """The short digest of one canonical value."""
    return _short(value, _keyed(key)[0])


def together(by_field: Mapping[str, str], version: str, key: bytes) -> Digests:
    """The digests of a record whose fields have these."""
    body = orjson.dumps([version, by_field], option=orjson.OPT_SORT_KEYS)
    return Digests(whole=hashlib.blake2b(body, key=key, digest_size=16).hexdigest(), by_field=by_field)


def without(digests: Digests, names: frozenset[str], version: str, key: bytes) -> Digests:
    """The digests of a record of which some fields are not decided yet: they count as changed the next time."""
    if not names:
        return digests
    return together({n: digest for n, digest in digests.by_field.items() if n not in names}, version, key)


def with_kept(digests: Digests, old: Mapping[str, str], names: Iterable[str], version: str, key: bytes) -> Digests:
    """The digests of a record of which some fields are not carried for now: B holds there what it confirmed last."""
    kept = {name: old[name] for name in names if name in old}
    return together({**digests.by_field, **kept}, version, key) if kept else digests


def changed_fields(old: Mapping[str, str], new: Digests) -> frozenset[str]:
    """The fields whose value is not the one B confirmed last; all of them when nothing was confirmed."""
    return frozenset(name for name, digest in new.by_field.items() if old.get(name) != digest)


def blanked_fields(old: Mapping[str, str], new: Digests, values: Values) -> frozenset[str]:
    """The fields that B confirmed with a value and that are to lose it."""
    return frozenset(name for name in changed_fields(old, new) if name in old and values.get(name) is None)


def cover(values: Values, names: Iterable[str]) -> dict[str, Json]:
    """Only the named fields of a record's values."""
    wanted = set(names)
    return {name: value for name, value in values.items() if name in wanted}


def _short(value: Json, keyed: _Keyed) -> str:
    """Choices of a multi-select count as a set: Zoho may give them in another order than they were written in. Rows of
    a subform count in their order. Of a lookup only the id counts: COQL does not name the module (facts 3.4).
    """
    if isinstance(value, str):  # most are
        pass
    elif isinstance(value, dict):
        value = {"id": value["id"]}
    elif isinstance(value, list):
        value = sorted(texts) if (texts := [one for one in value if isinstance(one, str)]) else value
    digest = keyed()
    digest.update(orjson.dumps(value, option=_SORTED))
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> tuple[_Keyed, str]:
    """What makes a digest that has taken the key in, and the digest of a blank: both once, not for every value."""
    keyed = hashlib.blake2b(key=key, digest_size=6).copy
    return keyed, _short(None, keyed)
