"""A merge in the source deletes a record and points its children to the survivor, without moving their Modified_Time
(facts 5.3). No list says which deletion was a merge, so the children of whoever may be the survivor are read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.rules import Route, Stream
from daemon.sync.catalog import Catalog
from daemon.zoho import coql
from daemon.zoho.errors import CredentialRefused, RequestRefused

MERGEABLE: Final = frozenset({"Accounts", "Contacts", "Leads", "Deals", "Cases", "Campaigns"})
_SECOND: Final = timedelta(seconds=1)
_MOMENTS: Final = 20
_SURVIVORS: Final = 5  # of one moment; more were edited by an import, not by a merge
_MOST: Final = 2000


def merged_children(
    route: Route, stream: Stream, source: Catalog, deleted_at: Iterable[datetime]
) -> list[tuple[Stream, dict[str, datetime]]]:
    """For each stream of the route, the records (id -> when) that point to one which was changed as others were
    deleted. Where it cannot be asked, nothing is found, and it is left to the full comparison.
    """
    pointing = [(child, fields) for child in route.streams if (fields := _lookups(child, stream.source_module, source))]
    if stream.source_module not in MERGEABLE or not pointing:
        return []
    moments = sorted(set(deleted_at), reverse=True)[:_MOMENTS]
    try:
        survivors = {
            record: moment for moment in moments for record in _changed_at(stream.source_module, moment, source)
        }
        return [(child, _children(child, fields, survivors, source)) for child, fields in pointing]
    except (RequestRefused, CredentialRefused) as error:
        logger.warning("{}: whether a deletion was a merge cannot be told: {}", stream.address, error)
        return []


def _lookups(child: Stream, module: str, source: Catalog) -> list[str]:
    try:
        fields = source.schema(child.source_module).fields.values()
    except RequestRefused:  # that stream's own trouble
        return []
    return [field.api_name for field in fields if field.lookup_module == module]


def _changed_at(module: str, moment: datetime, source: Catalog) -> list[str]:
    around = coql.and_(
        coql.at_or_after("Modified_Time", moment - _SECOND), coql.before("Modified_Time", moment + 2 * _SECOND)
    )
    rows = source.zoho.coql(module, ["id"], where=around, order_by=("id",), limit=200).rows
    return [str(row["id"]) for row in rows] if len(rows) <= _SURVIVORS else []


def _children(
    child: Stream, fields: Iterable[str], survivors: Mapping[str, datetime], source: Catalog
) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for survivor, moment in survivors.items():
        for field in fields:
            here = coql.equals(f"{field}.id", survivor)
            rows = source.zoho.coql(child.source_module, ["id"], where=here, order_by=("id",), limit=_MOST).rows
            found |= {str(row["id"]): moment for row in rows}
    return found
