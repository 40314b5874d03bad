"""How the daemon stands, in the one line that `systemctl status` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`waiting` are orgs that have not answered yet, `stopped` streams that cannot run, both with the reason; `refused`
    is why the last wish to reload was not met; `ledger` is why the ledger takes no writes, without which nothing runs;
    `unread` is how many streams were not read since the start.
    """

    streams: int
    unread: int = 0
    ledger: str | None = None
    waiting: Mapping[str, str] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None


def line(standing: Standing) -> str:
    """The worst first, as a line is cut at 400 characters."""
    parts = []
    if standing.refused:
        parts.append(f"reload refused, the settings before go on: {standing.refused}")
    if standing.waiting:
        org, why = next(iter(standing.waiting.items()))
        orgs = org if len(standing.waiting) == 1 else f"{org} and others"
        parts.append(f"waiting for {orgs} to answer" + (f": {why}" if why else ""))
    if standing.ledger:
        parts.append(f"nothing is carried: {standing.ledger}")
    runs = 0 if standing.ledger else standing.streams - len(standing.stopped) - standing.unread
    parts.append(f"keeping {runs} of {standing.streams} streams in step")
    if standing.stopped:
        stream, why = next(iter(sorted(standing.stopped.items())))
        parts.append(f"{stream} is stopped: {why}")
    text = " ".join("; ".join(parts).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
