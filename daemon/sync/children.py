"""Records that point to a record whose counterpart is another one now: they are read again, because that moves no
Modified_Time of theirs (design 3: a re-pointed parent enqueues every record concerned).

It happens in two ways. A counterpart is made again; or a merge in the source deletes a record and points its children
to the survivor (facts 5.3). Who the children are, the ledger knows: those whose counterpart was given the parent's
counterpart in a lookup. Where it does not know, all records of the children's stream are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from loguru import logger

from daemon.core.causes import DIFFERS
from daemon.core.composed import COMPOSED
from daemon.core.digest import digest_values
from daemon.core.ends import due_row
from daemon.core.fitting import FieldRule
from daemon.core.rules import Copy, Route, Stream
from daemon.ledger import Ledger
from daemon.sync.catalog import Catalog
from daemon.sync.prepare import field_map
from daemon.zoho.errors import CredentialRefused, RequestRefused


class Children:
    """Finds the children of one stream's records in all streams of its route, and puts them into the queue."""

    def __init__(
        self,
        stream: Stream,
        route: Route,
        source: Catalog,
        target: Catalog,
        ledger: Ledger,
        now: Callable[[], datetime],
    ) -> None:
        self._stream = stream
        self._route = route
        self._source = source
        self._target = target
        self._ledger = ledger
        self._now = now

    def of(self, changed: Mapping[str, str]) -> None:
        """Has every record read again that points to one of these (source id -> counterpart so far), which get a new
        counterpart, or are left without one; also those that the target refused, for it does not have the old one, and
        those that were carried without it.
        """
        for child in self._route.streams if changed else ():
            if child.files_of is not None:
                if child.files_of == self._stream.source_module:
                    self._read_again(child, changed, "its record has another counterpart now, or none")
                continue
            lookups = self._lookups(child)
            found = {i for field in lookups for i in self._pointing(child, field, changed.values(), or_nothing=True)}
            self._read_again(child, found, "the record that it points to has another counterpart now, or none")
            self._ledger.wake_refused(child, list(lookups), self._now())

    def of_deleted(self, deleted: Mapping[str, str]) -> None:
        """Has every record read again that pointed to one of these (source id -> counterpart), and that points to
        another one now that they are deleted: a merge did that, and no list says so.
        """
        for child in self._route.streams if deleted else ():
            lookups = {} if child.files_of is not None else self._lookups(child)
            pointed = {field: self._pointing(child, field, deleted.values()) for field in lookups}
            ids = sorted({i for found in pointed.values() for i in found})
            try:
                rows = self._source.zoho.by_ids(child.source_module, sorted(set(lookups.values())), ids) if ids else []
            except (RequestRefused, CredentialRefused) as error:
                self._compare(child, str(error))
                continue
            now = {str(row["id"]): row for row in rows}
            moved = {
                i
                for field, found in pointed.items()
                for i in found & now.keys()
                if isinstance(there := now[i].get(lookups[field]), dict) and there.get("id") not in deleted
            }
            self._read_again(child, moved, f"the {self._stream.source_module} record that it pointed to was merged")

    def _lookups(self, child: Stream) -> dict[str, str]:
        """The child's lookups to records of the stream: field of the target -> field of the source."""
        try:
            fields, _problems = field_map(child, self._route, self._source, self._target, self._ledger.carried(child))
        except RequestRefused:
            fields = None
        if fields is None:  # that stream's own trouble
            self._compare(child, "its fields cannot be told")
            return {}
        module = self._stream.source_module
        inside = [r for r in fields.rules if r.kind in COMPOSED and any(_leads_to(one, module) for one in (r, *r.rows))]
        if inside:
            self._compare(child, f"what {inside[0].target} points to is known by the whole field only")
        mine = [r for r in fields.rules if r.kind not in COMPOSED and _leads_to(r, module) and r.owner != "target"]
        if mine and self._ledger.has_unknown(child):
            self._compare(child, "of some of its records it is not known what the target holds")
        return {rule.target: rule.source.field for rule in mine if isinstance(rule.source, Copy)}

    def _pointing(
        self, child: Stream, field: str, counterparts: Collection[str], *, or_nothing: bool = False
    ) -> set[str]:
        values = {target_id: {"id": target_id} for target_id in counterparts}
        digests = digest_values(values, "", self._ledger.digest_key).by_field
        return self._ledger.holding(child, field, list(digests.values()), or_nothing=or_nothing)

    def _read_again(self, child: Stream, ids: Collection[str], why: str) -> None:
        now = self._now()
        rows = [due_row(child, record_id, DIFFERS, why, now, now) for record_id in sorted(ids)]
        if rows:
            self._ledger.enqueue(child, rows, now)

    def _compare(self, child: Stream, why: str) -> None:
        if self._ledger.start_comparison(child.address, "pointed", self._now()):
            what = "{}: a record that others point to got another counterpart, and {}: all its records are compared"
            logger.warning(what, child.address, why)


def _leads_to(rule: FieldRule, module: str) -> bool:
    return rule.parent == module or module in rule.several
