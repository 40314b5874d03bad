"""Every benchmark, one after the other: `python -m tests.bench [NAME ...] [--runs N]`; about half an hour on an idle
machine. Each says its figures beside a floor of the same run; the last lines say which targets were missed.
"""

from __future__ import annotations

import argparse
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

HAVE_RUNS = ("startup", "road", "scale")


def names() -> list[str]:
    """The modules beside this one that are no helper of theirs."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if not name.startswith("_"))


def main() -> int:
    """Run them; 1 when one missed a target."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *names()], help="only these")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    told: list[str] = []
    for name in given.name or names():
        say(f"\n--- {name}")
        runs = ["--runs", str(given.runs)] if name in HAVE_RUNS else []
        began = time.monotonic()
        code = subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *runs], check=False).returncode
        verdict = "as it should be" if code == 0 else "missed a target"
        told.append(f"{name:10} {time.monotonic() - began:6.0f} s  {verdict}")
    say("\n" + "\n".join(told))
    return 1 if any("missed" in line for line in told) else 0


def say(text: str) -> None:
    """This program's only voice."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
