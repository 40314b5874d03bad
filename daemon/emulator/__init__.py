"""A Zoho that fits in memory, for tests, rehearsals and the demo. It shares no code with the rooms that it judges."""

from daemon.emulator.cli import Options, command, run, serve
from daemon.emulator.handle import Emulator, OrgHandle

__all__ = ["Emulator", "Options", "OrgHandle", "command", "run", "serve"]
