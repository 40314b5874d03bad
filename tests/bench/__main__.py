"""Benchmarks, one after the other: `python -m tests.bench [NAME ...] [--runs N] [--full]`; without a name all that a
promise hangs on. Each measures beside a floor of the same run; at the end one table says what holds.

--full: in the sizes of the promises (a million records, ten million links), each once; more memory and disk is needed.
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench._figures import Figure, read, say, table

PROMISED: Final = ("credits", "idle", "road", "memory", "scale", "lag", "startup", "profile")
COUNTED: Final = ("credits", "idle")
"""What does not depend on the machine: once is enough."""
FULL: Final = {
    "memory": ("--records", "100000"),
    "scale": ("--links", "10000000"),
}


def names() -> list[str]:
    """The modules beside this one that are no helper of theirs."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if not name.startswith("_"))


def measured(name: str, options: Sequence[str]) -> tuple[list[Figure], bool]:
    """The figures of a benchmark in a process of its own, and whether it came to its end."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "figures.json"
        words = [sys.executable, "-m", f"tests.bench.{name}", *options, "--into", str(into)]
        subprocess.run(words, check=False)
        return read(into), into.exists()


def main() -> int:
    """Run them; 1 when a promise does not hold, or one did not come to its end."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *names()], help="only these")
    parser.add_argument("--runs", type=int, help="of each; 5, or 1 with --full")
    parser.add_argument("--full", action="store_true", help=f"in full size: {', '.join(FULL)}")
    given = parser.parse_args()
    runs = given.runs or (1 if given.full else 5)
    figures: list[Figure] = []
    fell: list[str] = []
    began = time.monotonic()
    for name in given.name or (FULL if given.full else PROMISED):
        say(f"\n--- {name}")
        options = FULL.get(name, ()) if given.full else ()
        found, ended = measured(name, ["--runs", "1" if name in COUNTED else str(runs), *options])
        figures += found
        fell += [] if ended else [name]
    say(f"\n{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, {(time.monotonic() - began) / 60:.0f} minutes\n")
    say(table(figures))
    for name in fell:
        say(f"{name} did not come to its end")
    return 1 if fell or any(figure.missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
