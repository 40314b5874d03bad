"""`python -m tests.full mutants [--only NAME ...] [--lives N] [--every N]`: the proof is proved.

Each deliberate bug of _bugs.py is put into a copy of the tree; random lives must find it, or where they miss it the
tests named after what they found once, or the single faults. Prints which found it, and at which life or fault. The
exit code is 1 when one survives, 2 when a patch does not apply any more.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.full._bugs import BUGS, Bug

ROOT: Final = Path(__file__).parents[2]
NAMED: Final = ("tests/lives/test_found.py", "tests/lives/test_found_policies.py")
_FAULT: Final = re.compile(r"^   (\w+(?: \w+)*) at (\d+), (.*):\n +(.*)$", re.MULTILINE)


class NotApplicable(Exception):  # noqa: N818 - named for what is the matter
    """The code that a bug is put into is not there any more."""


def main(argv: list[str]) -> int:
    """Every bug, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.full mutants", description=__doc__)
    parser.add_argument("--only", action="append", choices=[bug.name for bug in BUGS])
    parser.add_argument("--lives", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="of the single faults, every Nth; 0: none")
    given = parser.parse_args(argv)
    chosen = [bug for bug in BUGS if not given.only or bug.name in given.only]
    stale = [bug.name for bug in chosen if not applies(bug)]
    if stale:
        _say(f"these patches do not apply any more: {', '.join(stale)}")
        return 2
    survived = 0
    _say(f"{'bug':52} {'killed by':10} where")
    for bug in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutant") as folder:
            tree = Path(folder)
            put_in(bug, tree)
            if bug.faults:
                killer, where = _faults(tree, *bug.faults)
            else:
                killer, where = _lives(tree, given.lives, given.seed)
            if killer == "nothing":
                killer, where = _named(tree)
            if killer == "nothing" and given.every:
                killer, where = _faults(tree, "--every", str(given.every))
        survived += killer == "nothing"
        _say(f"{bug.name:52} {killer:10} {where} ({time.monotonic() - began:.0f} s)")
    _say(f"{len(chosen)} bugs, {survived} survived")
    return 1 if survived else 0


def applies(bug: Bug) -> bool:
    """Whether the code that the bug is put into is there, once."""
    text = {file: (ROOT / file).read_text() for file, _, _ in bug.patches}
    return all(text[file].count(old) == 1 for file, old, _ in bug.patches)


def put_in(bug: Bug, tree: Path) -> None:
    """A copy of what is needed to run, with the bug in it. Raises NotApplicable."""
    for name in ("daemon", "tests", "migrations", "pyproject.toml", "settings.toml"):
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, tree / name)
    for file, old, new in bug.patches:
        text = (tree / file).read_text()
        if text.count(old) != 1:
            raise NotApplicable(f"{bug.name}: {file} has the text to replace {text.count(old)} times")
        (tree / file).write_text(text.replace(old, new))


def _lives(tree: Path, count: int, seed: int) -> tuple[str, str]:
    told = _run(tree, "tests.full", "lives", "--count", str(count), "--seed", str(seed), "--stop", "1")
    found = re.search(r"^life (\d+) failed: (.*)", told, re.MULTILINE)
    if found is None:
        return "nothing", ""
    what = found[2]
    if what.startswith("Traceback"):
        what = told.partition("\nreplay:")[0].strip().splitlines()[-1]
    return "lives", f"life {int(found[1]) - seed + 1}: {what[:150]}"


def _named(tree: Path) -> tuple[str, str]:
    """What lives found once is a test with a name."""
    words = ["-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", *NAMED]
    found = re.search(r"^FAILED (?:\S*::)?(\S+)", _run(tree, "pytest", *words), re.MULTILINE)
    return ("a test", found[1]) if found else ("nothing", "")


def _faults(tree: Path, *which: str) -> tuple[str, str]:
    told = _run(tree, "tests.full", "faults", *which)
    found = _FAULT.search(told)
    if found is None:
        return "nothing", "" if "0 of them ended wrong" in told else told[-200:]
    return "faults", f"{found[1]} at {found[2]}: {found[4][:120]}"


def _run(tree: Path, *words: str) -> str:
    """A module run in the copy. Its words are its findings."""
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=tree, env=env, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr[-2000:] * (not done.stdout)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
