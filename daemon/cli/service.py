"""`orgsync service install`: writes systemd units, says what each is for, and what to type next."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource

from daemon.service import units
from daemon.settings.document import read_document
from daemon.settings.places import Place, secret_places


@click.group("service")
def command() -> None:
    """Run orgsync as a service of systemd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file to write: where, what, and what it is for."""

    path: Path
    text: str
    about: str

    @property
    def there(self) -> str | None:
        return self.path.read_text(errors="replace") if self.path.exists() else None


@command.command("install")
@click.option("--system", "scope", flag_value="system", help="A service of the machine, with a user of its own.")
@click.option("--user", "scope", flag_value="user", help="A service of yours, without root.")
@click.option("--instance", metavar="NAME", help="One of several: its settings are NAME.toml.")
@click.option("--program", type=click.Path(path_type=Path), help="The orgsync to run. Default: this one.")
@click.option("--credentials", "folder", type=click.Path(path_type=Path), help="Where the secrets' files lie.")
@click.option("--encrypted", is_flag=True, help="They are encrypted, NAME.cred (LoadCredentialEncrypted=).")
@click.option("--root", type=click.Path(path_type=Path), default="/", help="Write below this folder, for an image.")
@click.option("--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--force", is_flag=True, help="Replace units that were edited or written by somebody else.")
@click.pass_context
def install(
    ctx: click.Context,
    scope: str | None,
    instance: str | None,
    program: Path | None,
    folder: Path | None,
    encrypted: bool,
    root: Path,
    dry_run: bool,
    force: bool,
) -> None:
    """Write the units that start, watch and restart orgsync. Nothing is started; the next commands are shown."""
    if scope is None:
        raise click.UsageError("say for whom: --system (the machine, as root) or --user (you)")
    if instance is not None and not units.INSTANCE.match(instance):
        raise click.UsageError("--instance is a small letter, then up to 20 small letters, digits and '-'")
    system = scope == "system"
    if root != Path("/") and not system:
        raise click.UsageError("--root goes with --system: an image has no user's folder")
    settings = _settings_path(ctx, system, instance)
    document = read_document(root / settings.relative_to("/") if root != Path("/") else settings)
    places = secret_places(document)
    names = list(dict.fromkeys(place.name for place in places if place.kind == "credential"))
    run = program.absolute() if program else Path(sys.executable).absolute().with_name("orgsync")
    if system:
        _demand_visible(settings, run)
        if "state_dir" in document:
            what = f"{settings} sets state_dir, but the service may write to its StateDirectory only"
            raise click.UsageError(f"{what}; nothing was written. Remove state_dir, then type this again")
        _demand_own_folder(settings, document, "orgsync" if instance is None else f"orgsync-{instance}")
    secrets = (folder or (Path("/etc/orgsync/credentials") if system else settings.parent / "credentials")).absolute()
    files = _files(_unit_folder(root, system=system), system, instance, run, settings, names, secrets, encrypted)
    if not force:
        _demand_ours(files)
    for number, file in enumerate(files, 1):
        _show(number, file, dry_run=dry_run)
        if not dry_run and file.there != file.text:
            _write(file)
    _warn(places, system=system)
    _say_next(instance, names, secrets, system=system, encrypted=encrypted)
    if system:
        _say_beside(instance, names, secrets, run, settings, encrypted=encrypted)


def _settings_path(ctx: click.Context, system: bool, instance: str | None) -> Path:
    top = ctx.find_root()
    name = f"{instance or 'settings'}.toml"
    if top.get_parameter_source("settings_path") == ParameterSource.DEFAULT:
        return Path("/etc/orgsync", name) if system else Path(name).absolute()
    path = Path(str(ctx.obj)).absolute()
    if instance is not None and path.name != name:
        raise click.UsageError(f"the settings of instance {instance} are a file {name}, not {path.name}: rename it")
    return path


def _unit_folder(root: Path, *, system: bool) -> Path:
    if system:
        return root / "etc/systemd/system"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"


def _demand_visible(settings: Path, program: Path) -> None:
    for path, better in (
        (settings, f"move it to /etc/orgsync/{settings.name}"),
        (program, "install orgsync in /opt/orgsync and use /opt/orgsync/bin/orgsync"),
        (program.with_name("python").resolve(), "make the virtual environment with a Python of the system"),
    ):
        if units.hidden(path):
            what = f"the service would not see {path}: homes and temporary folders are hidden from it"
            raise click.UsageError(f"{what}; nothing was written. Next: {better}")


def _demand_own_folder(settings: Path, document: Mapping[str, object], name: str) -> None:
    """The file of a ledger, where the settings name one, lies where the service may write."""
    ledger = document.get("ledger")
    url = ledger.get("url") if isinstance(ledger, Mapping) else None
    if isinstance(url, str) and url.startswith("sqlite:////"):
        file = Path(url.removeprefix("sqlite:///"))
        if not file.is_relative_to(f"/var/lib/{name}"):
            what = f"{settings} puts the ledger into {file}, but the service may write to its StateDirectory only"
            raise click.UsageError(
                f'{what}; nothing was written. Write url = "sqlite:///{file.name}", and move the file'
            )


def _files(
    folder: Path,
    system: bool,
    instance: str | None,
    program: Path,
    settings: Path,
    names: list[str],
    secrets: Path,
    encrypted: bool,
) -> list[_File]:
    template = instance is not None
    text = units.unit(system=system, program=program, settings=settings, template=template)
    shown = settings.with_name("%i.toml") if template else settings
    about = f"runs {program} with {shown}"
    if system:
        about += f" as a user of its own; ledger and tokens lie in /var/lib/orgsync{'-%i' if template else ''}"
    files = [
        _File(
            path=folder / ("orgsync@.service" if template else "orgsync.service"), text=units.signed(text), about=about
        )
    ]
    if names:
        path = folder / f"{units.unit_name(instance)}.d" / "credentials.conf"
        text = units.signed(units.credentials(names, secrets, encrypted=encrypted))
        files.append(_File(path=path, text=text, about=f"hands it the secrets {', '.join(names)} from {secrets}"))
    return files


def _demand_ours(files: list[_File]) -> None:
    for file in files:
        if file.there is not None and file.there != file.text and not units.ours(file.there):
            what = f"{file.path} was written or edited by somebody else; nothing was touched"
            raise click.UsageError(f"{what}. Keep changes in a drop-in (systemctl edit), then type this with --force")


def _show(number: int, file: _File, *, dry_run: bool) -> None:
    if file.there == file.text:
        done = "is so already"
    elif dry_run:
        done = "would be written"
    else:
        done = "written" if file.there is None else "replaced"
    click.echo(f"{number}. {file.path}: {done}\n   {file.about}")
    if dry_run:
        click.echo("".join(f"   | {line}\n" for line in file.text.splitlines()), nl=False)


def _write(file: _File) -> None:
    draft = file.path.with_name(f".{file.path.name}.draft")
    try:
        file.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft.write_text(file.text)
        draft.chmod(0o644)
        draft.replace(file.path)
    except OSError as error:
        raise click.UsageError(f"{file.path} cannot be written: {error.strerror}. As root? Or take --user") from None


def _warn(places: list[Place], *, system: bool) -> None:
    for place in places:
        if place.kind == "env":
            what = f"is read from ${place.name}, which a service does not get from your shell"
        elif place.kind == "file" and system:
            what = f"is read from {place.name}, which the service's own user may not read"
        else:
            continue
        click.echo(f'!  {place.key} {what}: name a credential, {{ credential = "NAME" }}, then type this again')


def _say_next(instance: str | None, names: list[str], secrets: Path, *, system: bool, encrypted: bool) -> None:
    mine = "" if system else " --user"
    name = units.unit_name(instance)
    click.echo("next:")
    for one in names:
        path = shlex.quote(str(secrets / one))
        if encrypted:
            click.echo(f"   systemd-ask-password -n | systemd-creds encrypt --name={one} - {path}.cred")
        else:
            click.echo(f"   install -D -m 0600 /dev/stdin {path}    # paste the secret, then ctrl-D")
    click.echo(f"   systemctl{mine} daemon-reload")
    click.echo(f"   systemctl{mine} enable --now --no-block {name}")
    click.echo(f"   systemctl{mine} status {name}")
    if not system:
        click.echo("   loginctl enable-linger    # so that it runs while you are not logged in")


def _say_beside(
    instance: str | None, names: list[str], secrets: Path, program: Path, settings: Path, *, encrypted: bool
) -> None:
    own = "orgsync" if instance is None else f"orgsync-{instance}"
    how, end = ("LoadCredentialEncrypted", ".cred") if encrypted else ("LoadCredential", "")
    given = [f"User={own}", "DynamicUser=yes", f"StateDirectory={own}", "StateDirectoryMode=0700", "UMask=0077"]
    given += [f"{how}={one}:{secrets / one}{end}" for one in names]
    words = ["systemd-run", "--quiet", "--pty", "--wait", "--collect"]
    words += [word for one in given for word in ("-p", one)] + [str(program), "--settings", str(settings)]
    click.echo(f"other commands, as the service's user:\n   {shlex.join(words)} status")
