"""The names in a settings file, for a shell that completes them: nothing is checked, and no secret is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.core.files import ATTACHMENTS
from daemon.core.notes import NOTES
from daemon.settings.document import read_document
from daemon.settings.problem import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a person may name on the command line, each in the order of the file."""

    orgs: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


def read_names(path: Path) -> Names:
    """The names that stand in a file; none where it cannot be read."""
    try:
        document = read_document(path)
    except SettingsError:
        return Names()
    routes = _tables(document.get("routes"))
    return Names(
        orgs=tuple(_tables(document.get("orgs"))),
        routes=tuple(routes),
        streams=tuple(address for name, route in routes.items() for address in _streams(name, route)),
    )


def _streams(route: str, table: dict[str, object]) -> list[str]:
    """The addresses of a route's streams, with those of what hangs at its records (beside.py)."""
    modules = _tables(table.get("modules"))
    found = []
    for module, given in modules.items():
        found.append(f"{route}/{module}")
        if "attachments" in given:
            found.append(f"{route}/{module}/{ATTACHMENTS}")
    if NOTES not in modules and any(given.get("notes") is True for given in modules.values()):
        found.append(f"{route}/{NOTES}")
    return found


def _tables(value: object) -> dict[str, dict[str, object]]:
    return {name: table for name, table in value.items() if isinstance(table, dict)} if isinstance(value, dict) else {}
