"""Records that point to a record whose counterpart is another one now: they are read again, because that moves no
Modified_Time of theirs (design 3: a re-pointed parent enqueues every record concerned).

It happens in two ways. A counterpart is made again; or a merge in the source deletes a record and points its children
to the survivor (facts 5.3). No list says which deletion was a merge, so the children of whoever may be the survivor
are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.causes import DIFFERS
from daemon.core.ends import due_row
from daemon.core.notes import PARENT
from daemon.core.rules import Route, Stream
from daemon.core.schema import Field
from daemon.ledger import Ledger
from daemon.sync.catalog import Catalog
from daemon.zoho import coql
from daemon.zoho.errors import CredentialRefused, RequestRefused

MERGEABLE: Final = frozenset({"Accounts", "Contacts", "Leads", "Deals", "Cases", "Campaigns"})
_SECOND: Final = timedelta(seconds=1)
_MOMENTS: Final = 20
_SURVIVORS: Final = 5  # of one moment; more were edited by an import, not by a merge
_MOST: Final = 2000


class Children:
    """Finds the children of one stream's records in all streams of its route, and puts them into the queue.

    Where the source cannot be asked for them, it is left to the full comparison.
    """

    def __init__(
        self, stream: Stream, route: Route, source: Catalog, ledger: Ledger, now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._route = route
        self._source = source
        self._ledger = ledger
        self._now = now

    def of(self, records: Iterable[str], why: str) -> None:
        """Has every record read again that points to one of these; `why` is a sentence about the record pointed to."""
        parents = list(records)
        for child in self._route.streams if parents else ():
            lookups = [] if child.files_of is not None else self._lookups(child)
            try:
                found = (
                    set(parents)
                    if child.files_of == self._stream.source_module
                    else {i for lookup in lookups for parent in parents for i in self._pointing(child, lookup, parent)}
                )
            except (RequestRefused, CredentialRefused) as error:
                logger.warning("{}: its records that point to {} are not found: {}", child.address, parents[0], error)
                continue
            now = self._now()
            rows = [due_row(child, record_id, DIFFERS, why, now, now) for record_id in sorted(found)]
            if rows:
                self._ledger.enqueue(child, rows, now)

    def of_survivors(self, deleted_at: Iterable[datetime]) -> None:
        """Has the children of every record read again that was changed just as others were deleted."""
        if self._stream.source_module not in MERGEABLE:
            return
        moments = sorted(set(deleted_at), reverse=True)[:_MOMENTS]
        try:
            survivors = {record_id for moment in moments for record_id in self._changed_at(moment)}
        except (RequestRefused, CredentialRefused) as error:
            logger.warning("{}: whether a deletion was a merge cannot be told: {}", self._stream.address, error)
            return
        self.of(sorted(survivors), f"the {self._stream.source_module} record that it points to may have been merged")

    def _lookups(self, child: Stream) -> list[str | Field]:
        if child.notes_of:
            return [PARENT] if self._stream.source_module in child.notes_of else []
        try:
            fields = self._source.schema(child.source_module).fields.values()
        except RequestRefused:  # that stream's own trouble
            return []
        return [field for field in fields if self._stream.source_module in field.leads_to]

    def _changed_at(self, moment: datetime) -> list[str]:
        since, until = moment - _SECOND, moment + 2 * _SECOND
        around = coql.and_(coql.at_or_after("Modified_Time", since), coql.before("Modified_Time", until))
        found = self._ids(self._stream.source_module, around, limit=200)
        return found if len(found) <= _SURVIVORS else []

    def _pointing(self, child: Stream, lookup: str | Field, parent: str) -> list[str]:
        if isinstance(lookup, str):
            return self._ids(child.source_module, coql.equals(lookup, parent), limit=_MOST)
        among = None if lookup.lookup_module else self._stream.source_module
        return self._ids(child.source_module, coql.points_to(lookup.api_name, parent, among), limit=_MOST)

    def _ids(self, module: str, where: coql.Condition, limit: int) -> list[str]:
        rows = self._source.zoho.coql(module, ["id"], where=where, order_by=("id",), limit=limit).rows
        return [str(row["id"]) for row in rows]
