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
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.text import Text

from daemon.cli.pasting import JOINT, pasteable, unbroken
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


def wrapped(text: str, indent: str | None = None) -> str:
    """Lines for a person: on a terminal broken at its width, the rest of each behind an indent (unless told, its own
    and four blanks); else as they are. Ids and commands stay whole: what is wider than the terminal, it breaks itself.
    """
    text = pasteable(text)  # a command that is broken first would not be found any more
    if not sys.stdout.isatty():
        return text
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    return "\n".join(_broken(line, width, indent) for line in text.split("\n"))


def sentences(text: str, style: str = "") -> Text:
    """Such lines for a console, which is not to break them once more."""
    return Text(wrapped(text), style=style, no_wrap=True, overflow="ignore")


def _broken(line: str, width: int, indent: str | None) -> str:
    own = " " * (len(line) - len(line.lstrip(" ")))
    rest = f"{own}    " if indent is None else indent
    filled = textwrap.fill(
        unbroken(line), width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace(JOINT, " ")


def show(*parts: RenderableType) -> None:
    """Prints tables and text; in a file or pipe without the blanks that only fill up lines."""
    out = console()
    if out.is_terminal:
        out.print(*parts, sep="\n", crop=False)
        return
    with out.capture() as drawn:
        out.print(*parts, sep="\n", crop=False)
    click.echo("\n".join(line.rstrip() for line in drawn.get().split("\n")), nl=False)


def fits(table: RenderableType, out: Console, *, folded: bool = False) -> bool:
    """Whether a table can be printed with no cell cut; `folded`: its cells may be broken between words."""
    found = Measurement.get(out, out.options.update(max_width=1_000), table)
    return (found.minimum if folded else found.maximum) <= out.width


def console() -> Console:
    """What tables are printed on."""
    return Console(highlight=False, color_system=colours(), width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def coloured(text: str, colour: str) -> str:
    """A word for `click.echo`, which takes the colour out again where no terminal is."""
    return text if is_plain() else click.style(text, fg=colour)
