"""Writes docs/reference.md from the code: `python -m tests.reference`. Commands and options come from the parser, keys
from the settings' models, causes from their table.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from daemon.cli import app
from daemon.core import causes
from daemon.core.causes import Cause
from daemon.settings import shape
from daemon.sync.writing import BATCH_REFUSED

FILE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """# Reference: commands, settings, causes

<!-- written by `python -m tests.reference` from the code, do not edit -->

[README.md](../README.md) tells what the commands are for, and [json.md](json.md) what `--json` prints.
[settings.toml](../settings.toml) explains the keys, with their defaults; [ledger.md](ledger.md) the tables and views.
"""
TABLES = {
    shape.FileEntry: "The top of the file",
    shape.LedgerEntry: "[ledger]",
    shape.AlertsEntry: "[alerts]",
    shape.OrgEntry: "[orgs.NAME]",
    shape.SecretEntry: "Where a secret is kept: one of",
    shape.RouteEntry: "[routes.NAME]",
    shape.ModuleEntry: "[routes.NAME.modules.Module]",
    shape.FuseEntry: "fuse",
    shape.SourceEntry: "[routes.NAME.modules.Module.fields], for one field",
}


def text() -> str:
    """The whole page."""
    parts = [HEAD, "\n## Commands\n", *_commands(), "\n## Settings\n", *_settings(), "\n## Causes\n", *_causes()]
    return "".join(parts)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words to type."""
    yield "orgsync", app
    for name in app.list_commands(click.Context(app)):
        command = app.get_command(click.Context(app), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"orgsync {name} {inner}", one) for inner, one in sorted(command.commands.items()))
        else:
            yield f"orgsync {name}", command


def _commands() -> Iterator[str]:
    for words, command in commands():
        context = click.Context(command, info_name=words)
        yield f"\n### {words}\n\n`{' '.join([words, *command.collect_usage_pieces(context)])}`\n"
        yield f"\n{inspect.cleandoc(command.help or '').replace(chr(8) + chr(10), '')}\n"
        shown = [one.get_help_record(context) for one in command.params if isinstance(one, click.Option)]
        rows = [f"| `{_cell(option[0])}` | {_cell(option[1])} |\n" for option in shown if option is not None]
        yield "".join(["\n| option | what it does |\n|---|---|\n", *rows]) if rows else ""


def _settings() -> Iterator[str]:
    for model, title in TABLES.items():
        yield f"\n### {title}\n\n| key | what is allowed |\n|---|---|\n"
        for key, field in zip(shape.keys_of(model), model.model_fields.values(), strict=True):
            yield f"| {key} | {_cell(field.description or '')} |\n"


def _causes() -> Iterator[str]:
    """Each code with what mends it; `…` stands for the field, the module or the value that it is about."""
    yield "\nWhatever Zoho answers is a cause of its own, under Zoho's code; these have a remedy of their own.\n"
    yield "\n| code | what mends it |\n|---|---|\n"
    for code in codes():
        plain = [Cause(code=code, module="…").remedy] if (code, None) not in causes._VALUED else []
        named = [
            Cause(code=code, module="…", field=field or "…", value="…").remedy
            for known, field in causes._VALUED
            if known == code
        ]
        yield f"| {code} | {_cell('; or: '.join(dict.fromkeys([*plain, *named])))} |\n"


def codes() -> list[str]:
    """Every code that orgsync gives by itself or knows a remedy for."""
    ours = {value for name, value in vars(causes).items() if name.isupper() and value == name}
    return sorted(ours | set(causes._REMEDIES) | {code for code, _ in causes._VALUED} | {BATCH_REFUSED})


def _cell(said: str) -> str:
    return " ".join(said.split()).replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
