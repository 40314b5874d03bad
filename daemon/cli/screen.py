"""Where commands print: a terminal of some width, styled unless nobody wants it; or a file or pipe, plain."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from daemon.cli.pasting import pasteable
from daemon.service.styles import colours, is_plain

PLAIN_WIDTH: Final = 160  # of a file or pipe, which has none of its own
_NARROWEST: Final = 40


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document; its keys are stable.")
"""The option of every command that prints one document (docs/json.md)."""


def say(document: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Prints what was done, for a program or for a person."""
    click.echo(json.dumps({"schema": 1, **document}) if as_json else text)


def unwritten(path: Path, error: OSError) -> str:
    """What is said of a file that could not be made, and what to do."""
    folder = path.absolute().parent
    advice = "" if folder.is_dir() else f". There is no folder {folder}: make it, or name another file"
    return f"{path} cannot be written: {error.strerror}{advice}"


def wrapped(text: str, indent: str = "") -> str:
    """A line for a person: on a terminal broken at its width, the further lines behind an indent; else as it is."""
    text = pasteable(text)  # a command that is broken first would not be found any more
    if not sys.stdout.isatty():
        return text
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def console() -> Console:
    """What tables are printed on."""
    return Console(highlight=False, color_system=colours(), width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def coloured(text: str, colour: str) -> str:
    """A word for `click.echo`, which takes the colour out again where no terminal is."""
    return text if is_plain() else click.style(text, fg=colour)
