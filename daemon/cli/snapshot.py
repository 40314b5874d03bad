"""`orgsync snapshot`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from daemon.cli import typed
from daemon.cli.allowance import shared_allowance
from daemon.cli.context import load_settings, utc_now
from daemon.cli.progress import Part, progress
from daemon.cli.screen import json_option, say, unwritten
from daemon.zoho.client import Zoho
from daemon.zoho.raw import snapshot


@click.command("snapshot")
@click.argument("org", shell_complete=typed.orgs)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Default: ORG.snapshot.json")
@json_option
@click.pass_obj
def command(settings_path: str, org: str, output: Path | None, as_json: bool) -> None:
    """Write ORG's metadata to a file: modules, fields, layouts, people. No records, no secrets, and nothing is changed.

    The file rehearses a route: orgsync emulator --snapshot FILE. An existing file is never overwritten.
    """

    settings = load_settings(Path(settings_path))
    if org not in settings.orgs:
        raise click.UsageError(f"no org is called {org!r}; there are: {', '.join(settings.orgs) or 'none'}")
    path = output or Path(f"{org}.snapshot.json")
    if path.exists():
        raise click.ClickException(f"{path} exists; it was not touched. Move it away, or name another --output")
    left_out: list[str] = []
    with shared_allowance(settings) as allowance, Zoho(settings.orgs[org], now=utc_now, allowance=allowance) as zoho:
        with progress(f"reading {org}") as show:
            taken = snapshot(zoho, left_out.append, lambda done, of: show([Part(what="modules", done=done, total=of)]))
        spent = zoho.credits_spent
    _write(path, json.dumps(taken, ensure_ascii=False, indent=1))
    _tell(path, list(taken["fields"]) if isinstance(taken["fields"], dict) else [], left_out, spent, as_json=as_json)


def _write(path: Path, text: str) -> None:
    """For its owner only, for it names the org's users."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(unwritten(path, error)) from None


def _tell(path: Path, modules: list[str], left_out: list[str], spent: int, *, as_json: bool) -> None:
    lines = [
        f"wrote {path}: {len(modules)} modules, {spent} credits; it names users, so mind whom you give it to",
        *([f"left out, for the org does not show them: {', '.join(left_out)}"] if left_out else []),
        f"next: orgsync emulator --snapshot {path}",
    ]
    document = {"file": str(path), "modules": modules, "left_out": left_out, "credits": spent}
    say(document, "\n".join(lines), as_json=as_json)
