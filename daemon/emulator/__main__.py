"""`python -m daemon.emulator`."""

import sys

from daemon.emulator.cli import run

if __name__ == "__main__":
    sys.exit(run())
