"""The option of every command that may run a stream for the first time."""

from __future__ import annotations

import click

first_run_option = click.option(
    "--first-run",
    type=click.Choice(["refuse", "create"]),
    default="refuse",
    show_default=True,
    help="What a first run does when the target holds records that are not linked.",
)
