"""Times and texts as people read them, and times as programs do."""

from __future__ import annotations

from datetime import datetime


def duration(seconds: int | None) -> str:
    """Seconds as people say them: 42s, 5m, 3h, 2d."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def instant(moment: datetime | None) -> str:
    """A time as people read it, in UTC."""
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def printable(text: str) -> str:
    """A text from a record without what would move the cursor of a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def iso(moment: datetime | None) -> str | None:
    """A time as documents have it."""
    return None if moment is None else moment.isoformat()
