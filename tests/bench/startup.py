"""How soon a command answers: `python -m tests.bench.startup [--runs N]`.

`orgsync --help` and `orgsync status` (a ledger of one stream) beside the import of SQLAlchemy alone, in turn, so that a
busy machine slows all of them. A run is the median of some turns.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench._figures import Figure, end, parser, say
from tests.blank import put_blank

MOST: Final = 2.5
TURNS: Final = 3
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


def compiled() -> dict[str, str]:
    """An environment in which modules stay compiled, as pip leaves them, from the second start on."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(words: Sequence[str]) -> Took:
    """One process from its start to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, env=compiled())
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def turns(commands: Mapping[str, Sequence[str]]) -> dict[str, Took]:
    """Each command in turn, some times: the medians."""
    took = [{name: run(words) for name, words in commands.items()} for _ in range(TURNS)]
    return {
        name: Took(median(turn[name].wall for turn in took), median(turn[name].cpu for turn in took))
        for name in commands
    }


def main() -> int:
    """Print the figures; 1 when one is past the target."""
    given = parser(__doc__, runs=5).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.toml"
        settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        put_blank(f"sqlite:///{folder}/orgsync.db")
        orgsync = [str(Path(sys.executable).parent / "orgsync"), "--settings", str(settings)]
        floor = [sys.executable, "-c", "import sqlalchemy"]
        runs = [turns({"floor": floor, "--help": [*orgsync, "--help"], "status": [*orgsync, "status"]})
                for _ in range(given.runs)]  # fmt: skip
    say(f"import sqlalchemy: {1000 * median(run['floor'].wall for run in runs):.0f} ms; {os.cpu_count()} cores")
    figures = [
        Figure(
            name=f"orgsync {name}: time ÷ that of importing SQLAlchemy",
            values=[run[name].wall / run["floor"].wall for run in runs],
            most=MOST,
        )
        for name in ("--help", "status")
    ]
    cpu = Figure(name="orgsync status: CPU", values=[run["status"].cpu for run in runs], unit=" s")
    return end([*figures, cpu], given)


if __name__ == "__main__":
    sys.exit(main())
