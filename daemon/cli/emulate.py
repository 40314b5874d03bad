"""`orgsync emulator`: the emulator room's own command under the product's name."""

from __future__ import annotations

from daemon.emulator.cli import command

__all__ = ["command"]
