"""`orgsync auth ORG`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from daemon.cli import typed
from daemon.cli.allowance import shared_allowance
from daemon.cli.context import org_settings, utc_now
from daemon.cli.exits import STOPPED
from daemon.cli.guide import LIFE, code_for
from daemon.cli.screen import json_option, say, unwritten
from daemon.core.org import Org, Secret, console_url
from daemon.core.scopes import Scope, lacking, scopes_for, to_paste
from daemon.settings import Settings, SettingsError
from daemon.settings.document import read_document
from daemon.settings.draft import PLACEHOLDER
from daemon.settings.places import Place, secret_places
from daemon.settings.problem import Problem
from daemon.zoho.auth import exchange_grant
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, ZohoError


@click.command("auth")
@click.argument("org", shell_complete=typed.orgs)
@json_option
@click.pass_context
def command(ctx: click.Context, org: str, as_json: bool) -> None:
    """Exchange ORG's grant code for tokens and keep them under state_dir, mode 0600.

    The code comes from the API console (Self Client, "Generate Code") and is valid for minutes. Where the settings name
    a file for the client secret that is not there yet, that is asked for first, and kept in that file, mode 0600, once
    Zoho has taken it. Both are read from a prompt, or from standard input, one a line, when that is not a terminal;
    never from an argument, where others could see them.
    """

    path = Path(ctx.obj)
    names = _org_names(path)
    if org not in names:
        raise click.UsageError(f"no org is called {org!r}; there are: {', '.join(names) or 'none'}")
    place = _place_of_secret(path, org)
    typed = _typed_secret(path, org, place)
    settings = org_settings(path, org, typed)
    target = settings.orgs[org]
    if target.client_id.startswith(PLACEHOLDER):
        console = console_url(target.data_center)
        found, allowed = "the words of the template", f"the Client ID of the Self Client at {console}"
        raise SettingsError(path, [Problem(path=f"orgs.{org}.client_id", found=found, allowed=allowed)])
    if sys.stdin.isatty():
        click.echo(f"The code: {code_for(org, target.data_center, settings.routes)}.\n    A {LIFE}.", err=True)
    code = _secret(f"Grant code of {org}")
    if not code:
        where = f"Make one at {console_url(target.data_center)} (Self Client > Generate Code)"
        raise click.UsageError(f"no grant code was given, and nothing changed. {where}, then: orgsync auth {org}")
    try:
        scopes = exchange_grant(target, Secret(code), now=utc_now)
    except ZohoError as error:
        error.advise(_after_refusal(org, error, place, path.absolute().parent, typed=bool(typed)))
        raise
    if place is not None:
        for secret in typed.values():
            _keep(secret, path.absolute().parent / place.name, org)
    wanted = scopes_for(org, settings.routes)
    missing = lacking(scopes, wanted) if scopes else []
    company, trouble = _who(settings, target)
    needed = any(scope.needed for scope in missing)
    following = f"orgsync auth {org}" if needed else _next(settings, names)
    document = {"org": org, "file": str(target.token_file), "company": company, "missing": to_paste(missing) or None}
    text = _told(target, company, trouble, bool(scopes), missing, wanted)
    say({**document, "next": following}, f"{text}\nnext: {following}", as_json=as_json)
    ctx.exit(STOPPED if needed else 0)


def _org_names(path: Path) -> list[str]:
    orgs = read_document(path).get("orgs")
    return list(orgs) if isinstance(orgs, dict) else []


def _place_of_secret(path: Path, org: str) -> Place | None:
    """Where the settings say that the client secret is; None where they do not say it in a way that can be read."""
    return next((one for one in secret_places(read_document(path)) if one.key == f"orgs.{org}.client_secret"), None)


def _typed_secret(path: Path, org: str, place: Place | None) -> Mapping[str, str]:
    """The client secret by its key, asked for where it is to be in a file that is not there; else none."""
    if place is None or place.kind != "file" or os.path.lexists(path.absolute().parent / place.name):
        return {}
    secret = _secret(f"Client Secret of {org} (it is kept in {place.name}, for you alone)")
    if not secret:
        raise click.UsageError(f"no client secret was given, and there is no file {place.name}")
    return {place.key: secret}


def _keep(secret: str, file: Path, org: str) -> None:
    """Makes the file of a client secret that Zoho has taken."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(secret + "\n")
    except OSError as error:
        what = f"the tokens of {org} are kept, but its client secret is not: {unwritten(file, error)}"
        raise click.ClickException(f"{what}. Then, with a new code: orgsync auth {org}") from None


def _after_refusal(org: str, error: ZohoError, place: Place | None, folder: Path, *, typed: bool) -> str:
    """What was not changed, and what to type for another client secret where that may be what is wrong."""
    if typed:
        return f"Nothing was kept. The client secret and a code are asked for again by: orgsync auth {org}"
    if place is None or not isinstance(error, CredentialRefused) or "invalid_client_secret" not in error.what:
        return ""
    if place.kind == "file":
        again = f"rm {shlex.quote(_near(folder / place.name))} && orgsync auth {org}"
        return f"It is in the file {place.name}. To type another one, and a new code: {again}"
    called = {"env": "the environment variable", "credential": "the systemd credential"}[place.kind]
    return f"It is in {called} {place.name}: put the right one there; then, with a new code: orgsync auth {org}"


def _secret(question: str) -> str:
    """Something that nobody is to see: from a prompt, or a line of standard input."""
    given = click.prompt(question, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return str(given).strip()


def _who(settings: Settings, org: Org) -> tuple[str | None, str]:
    """The company that the tokens are for, or why that cannot be told."""
    try:
        with shared_allowance(settings) as allowance, Zoho(org, now=utc_now, allowance=allowance) as zoho:
            return zoho.profile().company_name, ""
    except ZohoError as error:
        return None, str(error)


def _next(settings: Settings, names: list[str]) -> str:
    """What to type now: the same for an org that has no tokens yet, or a look at everything."""
    kept = settings.state_dir / "tokens"
    later = next((name for name in names if name not in settings.orgs and not (kept / f"{name}.json").exists()), None)
    return "orgsync check --create-keys" if later is None else f"orgsync auth {later}"


def _near(path: Path) -> str:
    """A path as short as it can be typed here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _told(
    org: Org, company: str | None, trouble: str, known: bool, missing: list[Scope], wanted: tuple[Scope, ...]
) -> str:
    whose = f"{company} ({org.data_center})" if company else f"its data centre {org.data_center}"
    lines = [f"{org.name}: {whose} gave a refresh token, which is good until it is revoked, and an access token"]
    lines.append(f"  kept in {_near(org.token_file)}, which only you can read (0600)")
    if org.refresh_token is not None:
        lines.append(f"  orgs.{org.name}.refresh_token names another one, and that is the one in use: take it out")
    if trouble:
        lines.append(f"  who it is could not be asked: {trouble}")
    if known and not missing:
        lines.append(f"  scopes: all {len(wanted)} that orgsync needs here")
    lines += [f"  {'x ' if scope.needed else '- '} scope {scope.name} is missing: {scope.why}" for scope in missing]
    if any(scope.needed for scope in missing):
        lines.append(f"  make a code with all of these: {to_paste(wanted)}")
    return "\n".join(lines)
