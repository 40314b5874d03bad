"""Looks for notes in the target before they are made there: a note has no key, so this is what keeps it from being
made twice after a lost answer, a kill, or an older or empty ledger (promises 2 and 11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from daemon.core.notes import PARENT, Wanted, mark_of
from daemon.core.record import is_record_id
from daemon.core.rules import Stream
from daemon.core.twins import share_out
from daemon.ledger import ReadLedger
from daemon.sync.changes import uncut
from daemon.zoho import coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import RequestRefused

_IN: Final = 50  # values that one `in (…)` may hold (facts 3.1)
_LIMITS: Final = (200, 2000)  # rows for one credit, and for three
_TEXTS: Final = ("Note_Title", "Note_Content")


def find_copies(wanted: Mapping[str, Wanted], stream: Stream, ledger: ReadLedger, target: Zoho) -> dict[str, str]:
    """Source id -> the note of the target that hangs at the same record, says the same and stands for nothing yet; at
    most one for each. Costs a credit for about fifty parents, and one for a hundred notes found at them.
    """
    if not wanted:
        return {}
    modules = {note.parent: note.module for note in wanted.values()}
    at = dict(_hanging(modules, target))
    taken = ledger.linked_targets(stream.target, stream.target_module, list(at))
    free = [note_id for note_id in at if note_id not in taken]
    rows = uncut(target, stream.target_module, target.by_ids(stream.target_module, _TEXTS, free)) if free else []
    there = [
        (note_id, Wanted(module=modules[at[note_id]], parent=at[note_id], mark=mark_of(row, ledger.digest_key)))
        for row in rows
        if (note_id := str(row["id"])) in at
    ]
    return share_out(wanted, there)


def _hanging(modules: Mapping[str, str], target: Zoho) -> Iterator[tuple[str, str]]:
    """(note, record that it hangs at) of all notes at these records (record -> module)."""
    records = iter(modules)
    while some := list(islice(records, _IN)):
        found = _by_query(some, target)
        if found is None:  # COQL refuses the question, or there are more than it shows
            found = {note: record for record in some for note in target.related(modules[record], record, "Notes")}
        yield from found.items()


def _by_query(records: list[str], target: Zoho) -> dict[str, str] | None:
    for limit in _LIMITS:
        try:
            page = target.coql("Notes", [PARENT], where=coql.field_in(PARENT, records), order_by=("id",), limit=limit)
        except RequestRefused:
            return None
        if not page.more and len(page.rows) < limit:
            pairs = ((str(row["id"]), row.get(PARENT)) for row in page.rows)
            found = {note: value.get("id") for note, value in pairs if isinstance(value, dict)}
            return {note: str(record) for note, record in found.items() if is_record_id(record)}
    return None
