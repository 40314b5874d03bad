"""Whether a record of the target is one that was sent there, where no key says so: by the digests of what was sent.

Pure. Equal in everything that can be compared: it is that one. Equal only in what names a thing (a mandatory text, an
e-mail address, a phone number): it may be that one, changed since, or a stranger; that is for a person to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.digest import digest_values
from daemon.core.fieldmap import FieldMap
from daemon.core.record import WireRecord
from daemon.core.translate import observe

Likeness = Literal["same", "perhaps", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """By source id, the ids of the target records that are what was sent, and of those that may be."""

    same: Mapping[str, Sequence[str]]
    perhaps: Mapping[str, Sequence[str]]


def alike(
    sent: Mapping[str, Mapping[str, str]], records: Sequence[WireRecord], fields: FieldMap, digest_key: bytes
) -> Alike:
    """Compares what was sent (source id -> target field -> digest) with target records. One that is what was sent for
    one source record is not perhaps another's.
    """
    blank = digest_values({"": None}, "", digest_key).by_field[""]
    there = {str(r["id"]): digest_values(observe(r, fields), "", digest_key).by_field for r in records}
    kinds = {
        (source_id, target_id): likeness(digests, seen, fields.match, blank)
        for source_id, digests in sent.items()
        for target_id, seen in there.items()
    }
    taken = {target_id for (_, target_id), kind in kinds.items() if kind == "same"}
    return Alike(
        same={i: [t for t in there if kinds[i, t] == "same"] for i in sent},
        perhaps={i: [t for t in there if kinds[i, t] == "perhaps" and t not in taken] for i in sent},
    )


def likeness(sent: Mapping[str, str], there: Mapping[str, str], naming: Collection[str], blank: str) -> Likeness:
    """How one record compares: digests by target field; `naming` are the fields that name a thing."""
    compared = sent.keys() & there.keys()
    told = [name for name in compared if sent[name] != blank]
    if told and all(sent[name] == there[name] for name in compared):
        return "same"
    return "perhaps" if any(sent[name] == there[name] for name in told if name in naming) else "other"
