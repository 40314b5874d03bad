"""`orgsync init`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from daemon.cli.guide import LIFE, code_for, self_client
from daemon.cli.screen import json_option, say, unwritten, wrapped
from daemon.core.org import DATA_CENTERS, console_url
from daemon.core.scopes import scopes_for
from daemon.settings.draft import Answers, NewOrg, draft, routes_of, wrong_modules, wrong_name
from daemon.shipped import shipped

_CODES: Final = click.Choice(list(DATA_CENTERS))
_WAYS: Final = click.Choice(["one-way", "two-way"])
_USUAL: Final = "Accounts,Contacts,Leads,Deals"


@click.command("init")
@click.argument("path", default="settings.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", metavar="NAME", help="What to call the org that is read, like india.")
@click.option("--source-dc", type=_CODES, help="Its data centre.")
@click.option("--source-client-id", metavar="ID", help="The Client ID of its Self Client; may be filled in later.")
@click.option("--target", metavar="NAME", help="What to call the org that is written, like us.")
@click.option("--target-dc", type=_CODES, help="Its data centre.")
@click.option("--target-client-id", metavar="ID", help="The Client ID of its Self Client; may be filled in later.")
@click.option("--direction", type=_WAYS, help="Whether the target's edits come back.")
@click.option("--modules", metavar="A,B", help="The modules to carry, by API name, with commas between them.")
@click.option("--all-keys", is_flag=True, help="Write the list of all keys with their defaults instead; asks nothing.")
@json_option
def command(path: Path, all_keys: bool, as_json: bool, **given: str | None) -> None:
    """Write a commented settings file to PATH; an existing file is never overwritten.

    On a terminal it asks for what is not given as an option. It says then how to get the credentials, with the scopes
    that these modules need.
    """

    if os.path.lexists(path):
        raise click.ClickException(f"{path} exists; it was not touched. Move it away, or name another file")
    if all_keys:
        _write(path, shipped("settings.toml").read_text(encoding="utf-8"))
        text = f"wrote {path}; fill in your orgs, then: orgsync auth ORG (for each), orgsync check --create-keys"
        say({"file": str(path), "orgs": [], "next": "orgsync auth"}, text, as_json=as_json)
        return
    answers = _ask(given)
    _write(path, draft(answers))
    routes = routes_of(answers)
    orgs = [
        {"org": o.name, "console": console_url(o.data_center), "scopes": [s.name for s in scopes_for(o.name, routes)]}
        for o in (answers.source, answers.target)
    ]
    following = f"orgsync auth {answers.source.name}"
    say({"file": str(path), "orgs": orgs, "next": following}, _told(path, answers), as_json=as_json)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)  # it holds no secret, and the service's user is to read it
    except FileExistsError:
        raise click.ClickException(f"{path} exists; it was not touched. Move it away, or name another file") from None
    except OSError as error:
        raise click.ClickException(unwritten(path, error)) from None


def _ask(given: dict[str, str | None]) -> Answers:
    """The answers, from options and else from the terminal. Raises UsageError that names the option."""
    source = _org(given, "source", "that is read", "india", "in", None)
    target = _org(given, "target", "that is written", "us", "us", source.name)
    way = _answer(given, "direction", "One-way, or two-way (each gets the other's edits)", "one-way", _choice(_WAYS))
    modules = _answer(given, "modules", "Modules by API name, with commas", _USUAL, _modules)
    return Answers(source=source, target=target, two_way=way == "two-way", modules=_split(modules))


def _org(given: dict[str, str | None], end: str, what: str, name: str, code: str, other: str | None) -> NewOrg:
    def called(text: str) -> str:
        wrong = wrong_name(text) or (
            f"the other org is called so; choose another name than {other}" if text == other else None
        )
        if wrong:
            raise click.BadParameter(f"{text!r} is not allowed: {wrong}")
        return text

    named = _answer(given, end, f"Name for the org {what}", name, called)
    centre = _answer(given, f"{end}_dc", f"Data centre of {named}", code, _choice(_CODES))
    client_id = given[f"{end}_client_id"]
    if client_id is None and sys.stdin.isatty():
        click.echo(wrapped(f"  {self_client(centre)}.", "  "), err=True)
        client_id = click.prompt(f"Client ID of {named} (empty: later)", default="", show_default=False, err=True)
    if client_id and (not client_id.isascii() or not client_id.isprintable() or any(c in client_id for c in ' "\\')):
        raise click.UsageError(f"--{end}-client-id: a Client ID begins with 1000. and has no blanks or quotes")
    return NewOrg(name=named, data_center=centre, client_id=client_id or None)


def _answer(given: dict[str, str | None], key: str, question: str, usual: str, checked: Callable[[str], str]) -> str:
    option, value = f"--{key.replace('_', '-')}", given[key]
    if value is None and not sys.stdin.isatty():
        raise click.UsageError(f"{option} is missing (where no terminal is, nobody can be asked): {question}")
    if value is None:
        return str(click.prompt(question, default=usual, value_proc=checked, err=True))
    try:
        return checked(value)
    except click.BadParameter as wrong:
        raise click.UsageError(f"{option}: {wrong.message}") from None


def _choice(kind: click.Choice[str]) -> Callable[[str], str]:
    return lambda text: str(kind.convert(text.strip().lower(), None, None))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in (one.strip() for one in text.split(",")) if part)


def _modules(text: str) -> str:
    if wrong := wrong_modules(_split(text)):
        raise click.BadParameter(wrong)
    return text


def _told(path: Path, answers: Answers) -> str:
    """What was written, and the way from here to a first sync."""
    source, target, routes = answers.source, answers.target, routes_of(answers)
    arrow = "<->" if answers.two_way else "->"
    orgs = f"{source.name} ({source.data_center}) {arrow} {target.name} ({target.data_center})"
    lines = [f"wrote {path}: {orgs}, {', '.join(answers.modules)}"]
    if path != Path("settings.toml"):  # else the commands below would read another file
        lines += ["", f"first: export ORGSYNC_SETTINGS={shlex.quote(str(path.absolute()))}"]
    for org in (source, target):
        if org.client_id is None:
            place = f"{path}, as orgs.{org.name}.client_id"
            lines += ["", f"first: write {org.name}'s Client ID into {place}. {self_client(org.data_center)}"]
        asked = "it asks for the Client Secret, and for a code"
        lines += ["", f"next: orgsync auth {org.name}", f"  {asked}: {code_for(org.name, org.data_center, routes)}"]
    lines += ["", f"A {LIFE}.", "then: orgsync check --create-keys, orgsync once, and from then on orgsync run"]
    return "\n".join(lines)
