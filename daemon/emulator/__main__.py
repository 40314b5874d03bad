"""`python -m daemon.emulator`."""

from daemon.emulator.cli import command

if __name__ == "__main__":
    command(prog_name="orgsync emulator")
