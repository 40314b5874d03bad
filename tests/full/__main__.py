"""`python -m tests.full COMMAND ...`: the long campaigns that are too slow for the suite; one module a command."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path


def commands() -> list[str]:
    """The modules beside this one that are no helper of theirs."""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in names if not name.startswith("_"))


def main(argv: list[str]) -> int:
    """Hand the rest of the words to the command's own `main`."""
    parser = argparse.ArgumentParser(prog="python -m tests.full", description=__doc__)
    parser.add_argument("command", choices=commands())
    chosen = parser.parse_args(argv[:1]).command
    code: int = importlib.import_module(f"tests.full.{chosen}").main(argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
