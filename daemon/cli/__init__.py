"""The `orgsync` command: parse, call, print. No decisions.

A command's module is imported when it is called, so that `status` and `--help` stay quick.
"""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Final

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from daemon.cli.exits import INTERRUPTED, exit_code, usage_exit
from daemon.cli.guard import guard
from daemon.cli.pasting import USUAL, name_settings, streams_as_before
from daemon.cli.usage import explained, no_command, refuse_twice
from daemon.core.masking import masked

COMMANDS: Final = {
    "init": ("daemon.cli.init", "Write a commented settings.toml to start from."),
    "auth": ("daemon.cli.auth", "Exchange an org's grant code for tokens, and keep them."),
    "check": ("daemon.cli.check", "See whether credentials, modules and key fields are in order."),
    "match": ("daemon.cli.match", "Pair the records that both orgs of a stream held before."),
    "plan": ("daemon.cli.plan", "Show what would be written, field by field, and what it costs."),
    "apply": ("daemon.cli.apply", "Write exactly what a saved plan says, or nothing."),
    "once": ("daemon.cli.once", "Run every stream one time, until it has caught up."),
    "run": ("daemon.cli.run", "Keep every stream in step until stopped."),
    "status": ("daemon.cli.status", "Show health, lag, balance and queue of every stream."),
    "verify": ("daemon.cli.verify", "Prove that both orgs of a stream hold the same, or say what differs."),
    "queue": ("daemon.cli.queue", "Show what is not in the target yet, by cause or record by record."),
    "why": ("daemon.cli.why", "Tell the story of one record, and what happens to it next."),
    "retry": ("daemon.cli.retry", "Make held records due again, by cause, stream or record."),
    "drop": ("daemon.cli.drop", "Take records out of the queue for good, and say why."),
    "release": ("daemon.cli.release", "Let a stream go on that a fuse has stopped."),
    "undo": ("daemon.cli.undo", "Put back what a cycle changed in the target, where it still stands."),
    "resync": ("daemon.cli.resync", "Compare all records of a stream on both sides."),
    "db": ("daemon.cli.db", "Look at the ledger's schema, bring it up or down, or move the ledger."),
    "service": ("daemon.cli.service", "Write the systemd units that keep orgsync running."),
    "egress": ("daemon.cli.egress", "Show which fields have left an org, for where, and when."),
    "snapshot": ("daemon.cli.snapshot", "Write an org's metadata to a file, to rehearse with."),
    "completion": ("daemon.cli.completion", "Print the script that completes commands in a shell."),
    "demo": ("daemon.cli.demo", "Watch two emulated orgs being kept in step, killed and proved."),
    "emulator": ("daemon.cli.emulate", "Serve an emulated Zoho CRM on loopback."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        gc.disable()  # what is imported stays: looking through it again and again takes a tenth of the time
        try:
            command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        finally:
            gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(no_command(args[0], COMMANDS))
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            refuse_twice(command, ctx, rest)
        return name, command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        known = [CompletionItem(name, help=about) for name, (_module, about) in COMMANDS.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(item for item in known if item.value.startswith(incomplete)), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_module, about) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--settings",
    "settings_path",
    envvar="ORGSYNC_SETTINGS",
    default=USUAL,
    show_default=True,
    help="The settings file.",
)
@click.version_option(package_name="orgsync")
@click.pass_context
def app(ctx: click.Context, settings_path: str) -> None:
    """Keep Zoho CRM organisations in step."""
    ctx.obj = settings_path
    if ctx.get_parameter_source("settings_path") is ParameterSource.COMMANDLINE:
        name_settings(settings_path)


def main() -> None:
    """The entry point: runs a command and turns what a user can cause into a message and an exit code."""
    guard()
    with streams_as_before():
        sys.exit(_run())


def _run() -> int:
    try:
        code = app.main(standalone_mode=False)
    except click.ClickException as error:
        code = usage_exit(explained(error))
    except click.Abort:
        click.echo("\norgsync: stopped before the end, by Ctrl-C or the end of the input", err=True)
        code = INTERRUPTED
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        click.echo(masked(f"orgsync: {error}"), err=True)
    return code if isinstance(code, int) else 0
