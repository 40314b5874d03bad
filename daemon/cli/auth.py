"""`orgsync auth ORG`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from daemon.cli import typed
from daemon.cli.context import load_settings, utc_now
from daemon.cli.screen import json_option, say
from daemon.core.org import Secret
from daemon.zoho.auth import exchange_grant


@click.command("auth")
@click.argument("org", shell_complete=typed.orgs)
@json_option
@click.pass_obj
def command(settings_path: str, org: str, as_json: bool) -> None:
    """Exchange ORG's grant code for tokens and keep them under state_dir, mode 0600.

    The code comes from the API console (Self Client, "Generate Code") and is valid for minutes. It is read from a
    prompt, or from standard input when that is not a terminal; never from an argument, where others could see it.
    """

    settings = load_settings(Path(settings_path))
    if org not in settings.orgs:
        raise click.UsageError(f"no org is called {org!r}; there are: {', '.join(settings.orgs) or 'none'}")
    code = click.prompt(f"Grant code of {org}", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not code.strip():
        raise click.UsageError("no grant code was given")
    target = settings.orgs[org]
    exchange_grant(target, Secret(code.strip()), now=utc_now)
    text = f"{org}: the tokens are kept in {target.token_file}; next: orgsync check"
    say({"org": org, "file": str(target.token_file)}, text, as_json=as_json)
