"""How soon a command answers: `python -m tests.bench.startup [--runs N]`.

`orgsync --help` and `orgsync status` (a ledger of one stream, plain and as JSON) beside the import of SQLAlchemy alone,
in turn, so that a busy machine slows all of them. Prints medians of the wall time and of the CPU.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.blank import put_blank

MOST: Final = 2.5
SETTINGS: Final = """
[ledger]
url = "sqlite:///{folder}/orgsync.db"
[orgs.india]
data_center = "in"
client_id = "1000.A"
client_secret = {{ env = "BENCH_SECRET" }}
[orgs.us]
data_center = "us"
client_id = "1000.B"
client_secret = {{ env = "BENCH_SECRET" }}
[routes.india-to-us]
source = "india"
target = "us"
[routes.india-to-us.modules.Leads]
key = "Source_Record_ID"
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one process."""

    wall: float
    cpu: float


def run(words: Sequence[str]) -> Took:
    """One process from its start to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> int:
    """Print the figures; 1 when one is past the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.toml"
        settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        put_blank(f"sqlite:///{folder}/orgsync.db")
        orgsync = [str(Path(sys.executable).parent / "orgsync"), "--settings", str(settings)]
        floor = [sys.executable, "-c", "import sqlalchemy"]
        commands = {"--help": [*orgsync, "--help"], "status": [*orgsync, "status"]}
        took: dict[str, list[Took]] = {name: [] for name in ("floor", *commands)}
        for _ in range(given.runs):
            took["floor"].append(run(floor))
            for name, words in commands.items():
                took[name].append(run(words))
    base = took.pop("floor")
    wall, cpu = median(t.wall for t in base), median(t.cpu for t in base)
    say(f"import sqlalchemy: {1000 * wall:.0f} ms, {1000 * cpu:.0f} ms of CPU; {os.cpu_count()} cores")
    worst = 0.0
    for name, runs in took.items():
        ratio = median(t.cpu for t in runs) / cpu
        slower = median(t.wall for t in runs) / wall
        say(f"orgsync {name}: {1000 * median(t.wall for t in runs):.0f} ms, {slower:.2f} times; CPU {ratio:.2f} times")
        worst = max(worst, slower)
    say(f"target ({MOST} times the wall time): " + ("reached" if worst <= MOST else "missed"))
    return 0 if worst <= MOST else 1


def say(text: str) -> None:
    """This program's only voice."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
