"""The names of a few records, read from their source now: the ledger keeps ids and no names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from daemon.cli.orgs import connected
from daemon.settings import Settings

Named = Mapping[tuple[str, str], str]
"""Stream and source id -> the record's name."""


def names(settings: Settings, wanted: Iterable[tuple[str, str]]) -> tuple[Named, str | None]:
    """The names of these records (stream, source id), and why some are missing, if an org could not be asked. Two
    credits a module, and one more for every hundred records. What the source does not have any more has none.
    """
    from daemon.sync.sought import Place, names_of  # noqa: PLC0415 - `queue --offline` loads no client
    from daemon.zoho.errors import ZohoError  # noqa: PLC0415

    by_place: dict[tuple[str, str], set[tuple[str, str]]] = {}
    streams = {stream.address: stream for stream in settings.streams()}
    for address, record_id in wanted:
        if (stream := streams.get(address)) is not None:
            end = stream.source, stream.files_of or stream.source_module
            by_place.setdefault(end, set()).add((address, record_id))
    found: dict[tuple[str, str], str] = {}
    with connected(settings) as orgs:
        for (org, module), records in by_place.items():
            place = Place(org=org, module=module, by=frozenset())
            try:
                told = names_of(place, orgs[org], sorted({i for _, i in records}))
            except ZohoError as error:
                return found, str(error)
            found |= {(address, i): told[i] for address, i in records if told.get(i)}
    return found, None
