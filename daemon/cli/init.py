"""`orgsync init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from daemon.cli.screen import json_option, say
from daemon.shipped import shipped


@click.command("init")
@click.argument("path", default="settings.toml", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def command(path: Path, as_json: bool) -> None:
    """Write a commented settings file to PATH; an existing file is never overwritten."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(shipped("settings.toml").read_text(encoding="utf-8"))
            os.fchmod(file.fileno(), 0o644)  # it holds no secret, and the service's user is to read it
    except FileExistsError:
        raise click.ClickException(f"{path} exists; it was not touched. Move it away, or name another file") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    text = f"wrote {path}; fill in your orgs, then: orgsync auth ORG (for each), orgsync check, orgsync run"
    say({"file": str(path)}, text, as_json=as_json)
