"""For how long the values before an update are kept, and the key by which they are sealed: none are without."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from daemon.core.org import Secret
from daemon.core.rules import Stream
from daemon.settings.problem import NOTHING, Problem, join
from daemon.settings.secret import Surroundings, read_org_secret
from daemon.settings.shape import LedgerEntry, ModuleEntry, RouteEntry
from daemon.settings.values import KEPT_IN

_AT: Final = "ledger.undo_key"
_SHORTEST: Final = 32  # characters
_MAKE: Final = "32 characters or more that nobody can guess: head -c 32 /dev/urandom | base64"


def kept_for(route: RouteEntry, module: ModuleEntry) -> timedelta | None:
    """For how long a module's stream keeps them; None: not at all."""
    given = route.undo if module.undo is None else module.undo
    return given if isinstance(given, timedelta) else None


def read_undo_key(
    entry: LedgerEntry | None, streams: Sequence[Stream], around: Surroundings, problems: list[Problem]
) -> Secret | None:
    """The key, where the settings name one and it is wanted. On a circle nothing is kept: what an undo puts back there
    would pass for an edit, and go round.
    """
    undone = [stream for stream in streams if stream.undo is not None]
    for stream in (one for one in undone if one.circle):
        at = join(join(join("routes", stream.route), "modules"), stream.source_module)
        found = "a time, on a way that leads back"
        allowed = '"off": what an undo puts back would be carried on as an edit'
        problems.append(Problem(path=join(at, "undo"), found=found, allowed=allowed))
    if entry is None or entry.undo_key is None:
        if entry is not None and undone:
            hint = f"{undone[0].address} has undo; the key is {_MAKE}"
            problems.append(Problem(path=_AT, found=NOTHING, allowed=KEPT_IN, hint=hint))
        return None
    key = read_org_secret("", entry.undo_key, _AT, around, problems)
    if key is not None and len(key.reveal()) < _SHORTEST:
        problems.append(Problem(path=_AT, found="a short text (not shown)", allowed=KEPT_IN, hint=_MAKE))
    return key
