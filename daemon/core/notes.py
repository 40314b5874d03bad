"""Notes: records of the module Notes that hang at a record of one of several modules (facts 10).

The module has no unique field and room for no mark of ours, so a note is known again by what it says and where it
hangs. That is asked before every new note, not only after a lost answer: so a ledger that has forgotten a note finds
it again, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from daemon.core.convert import Values
from daemon.core.fitting import FieldRule
from daemon.core.record import WireRecord
from daemon.core.rules import Copy, Stream
from daemon.core.schema import Schema

NOTES: Final = "Notes"
PARENT: Final = "Parent_Id"
_SAYS: Final = ("Note_Title", "Note_Content")
_MODULE: Final = "module"
_MARK: Final = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A note that may be in the target already: the record there that it hangs at, and the mark of what it says."""

    module: str
    parent: str
    mark: str


def parent_rule(stream: Stream, carried: Mapping[str, str]) -> FieldRule:
    """The record that a note hangs at, in whichever module of the stream's it is; `carried` is source -> target."""
    several = {module: carried[module] for module in stream.notes_of}
    return FieldRule(target=PARENT, source=Copy(field=PARENT), kind="multilookup", several=several)


def readable(schema: Schema) -> Schema:
    """The fields of the source's notes: their text is read whole where list answers cut it (facts 2.6)."""
    plain = {name: replace(f, rich_text=False) if name in _SAYS else f for name, f in schema.fields.items()}
    return replace(schema, fields=plain)


def is_carried(note: WireRecord, stream: Stream) -> bool:
    """Whether a note hangs at a record of one of the stream's modules. What is not told is for `translate` to say."""
    value = note.get(PARENT)
    module = value.get("module") if isinstance(value, dict) else None
    named = module.get("api_name") if isinstance(module, dict) else None
    return named is None or named in stream.notes_of


def mark_of(values: WireRecord | Values, key: bytes) -> str:
    """What a note says, as a keyed digest; spaces and line ends do not count, for Zoho may store them otherwise."""
    said = [" ".join(str(values.get(name) or "").split()) for name in _SAYS]
    return hashlib.blake2b("\0".join(said).encode(), key=key, digest_size=16).hexdigest()


def match_of(values: Values, key: bytes) -> dict[str, str]:
    """By what a note that is about to be sent can be found again; nothing that it says."""
    parent = values.get(PARENT)
    if not isinstance(parent, dict):
        return {}
    return {PARENT: parent["id"], _MODULE: parent["module"], _MARK: mark_of(values, key)}


def wanted_of(match: Mapping[str, str]) -> Wanted | None:
    """The note that `match_of` described."""
    if not match.keys() >= {PARENT, _MODULE, _MARK}:
        return None
    return Wanted(module=match[_MODULE], parent=match[PARENT], mark=match[_MARK])
