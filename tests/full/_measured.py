"""What the soak watches of its own process and of the ledger, in figures."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

TITLES = ("hour", "records", "edits", "writes", "queue", "RSS kB", "files", "sockets", "threads", "ledger kB")
WARM_UP_H: Final = 13  # the first peak: until then SQLite's caches and the allocator fill; `--hours 48` sees another
SLOPE_KB_H: Final = 512
"""At peak an hour is 18,000 edits: what kept 30 bytes of each would show. Below it, the allocator is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One simulated hour, as it stood at its end."""

    hour: int
    records: int
    edits: int
    writes: int
    queue: int
    rss_kb: int
    files: int
    sockets: int
    threads: int
    ledger_kb: int

    def __str__(self) -> str:
        return " ".join(f"{figure:>9}" for figure in astuple(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What this process holds."""

    files: int
    sockets: int
    threads: int


def left_open() -> Open:
    """Open files that are no sockets, sockets, and threads."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(entry.readlink()))
        except OSError:  # the folder that is being listed
            continue
    sockets = sum(name.startswith("socket:") for name in names)
    return Open(files=len(names) - sockets, sockets=sockets, threads=threading.active_count())


def rss_kb() -> int:
    """Memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def size_kb(ledger: Path) -> int:
    """The ledger with its companions."""
    return sum(path.stat().st_size for path in ledger.parent.glob(f"{ledger.name}*")) // 1024


def slope(points: list[tuple[int, int]]) -> float:
    """By least squares."""
    x, y = (sum(column) / len(points) for column in zip(*points, strict=True))
    return float(sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points))


def bounds(hourly: list[Measured], most_kept: int, say: Callable[[str], None]) -> list[str]:
    """What outgrew its bound, in sentences; `most_kept`: edits within the retention and an hour."""
    wrong = []
    warm = [m for m in hourly if m.hour > WARM_UP_H]
    if len(warm) > 2:
        growth = slope([(m.hour, m.rss_kb) for m in warm])
        say(f"RSS slope after {WARM_UP_H} h: {growth:+.0f} kB an hour (bound {SLOPE_KB_H})")
        if growth > SLOPE_KB_H:
            wrong.append(f"RSS grew by {growth:.0f} kB an hour")
    last = hourly[-1]
    # 450 bytes a change with its four index entries, 1.5 kB a record with links and digests, and the log of writes
    bound = 8_192 + last.records * 3 // 2 + most_kept * 450 // 1024
    most = max(m.ledger_kb for m in hourly)
    say(f"ledger at most {most} kB (bound {bound}: {last.records} records, {most_kept} edits in retention + 1 h)")
    if most > bound:
        wrong.append(f"the ledger grew to {most} kB, more than {bound}")
    return wrong
