"""`orgsync db`: the ledger's database, while no daemon runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from daemon.cli.context import ledger_settings, make_state_dir
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.progress import Part, progress
from daemon.cli.screen import json_option, say
from daemon.core.org import Secret
from daemon.ledger import copying, migrate, witness
from daemon.ledger.database import Database, locate
from daemon.settings import Settings
from daemon.settings.address import LEDGER_URL, parse_ledger_url
from daemon.settings.files import Unreadable, read_bytes
from daemon.settings.problem import WrongValueError


@click.group("db")
def command() -> None:
    """Look at the ledger's schema, bring it up or down, or move the ledger to another database.

    A daemon that starts brings its ledger up by itself.
    """


@command.command("current")
@json_option
@click.pass_context
def current(ctx: click.Context, as_json: bool) -> None:
    """Say which revision the ledger has. Exit code 1: not the one that this orgsync reads."""
    database = _database(ledger_settings(Path(ctx.obj)))
    found, wanted = copying.revision(database)
    newer = "" if found is None or migrate.is_known(found) else "; a newer orgsync wrote it: install that one"
    text = f"{database.name}: revision {found or 'none'}, newest {wanted}{newer}"
    say({"ledger": database.name, "revision": found, "newest": wanted}, text, as_json=as_json)
    ctx.exit(HEALTHY if found == wanted else HELD)


@command.command("upgrade")
@click.argument("revision", default="head")
@json_option
@click.pass_obj
def upgrade(settings_path: str, revision: str, as_json: bool) -> None:
    """Bring the ledger up to REVISION, the newest unless given. Makes it where there is none."""
    settings = ledger_settings(Path(settings_path))
    make_state_dir(settings)
    with _locked(_database(settings)) as database:
        with progress(f"bringing {database.name} up"):
            database.make()
            migrate.upgrade(database, revision)
        found, _ = copying.revision(database)
        beyond = "" if revision in ("head", found) else f", which is beyond {revision} already: nothing was done"
        document = {"ledger": database.name, "revision": found}
        say(document, f"{database.name}: revision {found}{beyond}", as_json=as_json)


@command.command("downgrade")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do it: what only newer revisions keep is lost.")
@json_option
@click.pass_obj
def downgrade(settings_path: str, revision: str, yes: bool, as_json: bool) -> None:
    """Bring the ledger down to REVISION, to run an older orgsync on it. Make a backup first."""
    with _locked(_database(ledger_settings(Path(settings_path)))) as database:
        if not yes:
            raise click.UsageError(
                f"{database.name} is at {copying.revision(database)[0]}; what revisions after {revision} keep would be "
                "lost, and nothing was done. Make a backup, then add --yes"
            )
        with progress(f"bringing {database.name} down"):
            migrate.downgrade(database, revision)
        found, _ = copying.revision(database)
        document = {"ledger": database.name, "revision": found}
        say(document, f"{database.name}: revision {found or 'none'}", as_json=as_json)


@command.command("restored")
@json_option
@click.pass_obj
def restored(settings_path: str, as_json: bool) -> None:
    """Say that the ledger was put back from a backup, where it cannot find out by itself: Postgres, a whole machine.

    What it says of the targets is then not believed: each record is looked at there before it is written to again.
    """
    with _locked(_database(ledger_settings(Path(settings_path)))) as database:
        database.demand()
        migrate.upgrade(database)
        with database.transaction(database.migrator(alone=True)) as connection:
            records = witness.distrust(connection)
    text = f"{database.name}: {records:,} records are looked at in their targets before they are written to again"
    say({"ledger": database.name, "records": records}, text, as_json=as_json)


@command.command("copy")
@click.option("--to", "url", required=True, help="sqlite:///FILE or postgresql://USER@HOST/DATABASE, which is empty.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A private file with the password of the Postgres user; else libpq looks in ~/.pgpass.",
)
@json_option
@click.pass_obj
def copy(settings_path: str, url: str, password_file: Path | None, as_json: bool) -> None:
    """Copy the ledger of the settings to another database, and compare the two.

    The copy goes on where the ledger stood: nothing is read from Zoho again. The old one stays as it is.
    """
    source = _database(ledger_settings(Path(settings_path)))
    target = locate(_wanted(url), _password(password_file))
    if target.name == source.name:
        raise click.UsageError(f"{source.name} is the ledger of the settings itself; nothing was copied")
    source.demand()
    with _locked(source, still=True), _locked(target), progress("copying the ledger") as show:
        what = "rows copied and compared"
        counts = copying.copy(source, target, lambda done, total: show([Part(what=what, done=done, total=total)]))
    if as_json:
        click.echo(json.dumps({"schema": 1, "from": source.name, "to": target.name, "rows": counts}))
        return
    click.echo(f"{sum(counts.values()):,} rows of {len(counts)} tables are in {target.name}, equal to {source.name}")
    shown = url if not url.startswith("sqlite") else f"sqlite:///{target.name}"
    lines = [f'url = "{shown}"']
    if password_file is not None:
        lines.append(f"password = {{ file = {json.dumps(str(password_file.absolute()), ensure_ascii=False)} }}")
    click.echo(f"now set {' and '.join(lines)} under [ledger] in {settings_path}, and start orgsync")


def _database(settings: Settings) -> Database:
    return locate(settings.ledger_url, settings.ledger_password)


def _wanted(url: str) -> str:
    """What --to names, if it may be a ledger's."""
    try:
        parse_ledger_url(url)
    except WrongValueError as error:
        raise click.BadParameter(error.hint or f"allowed: {LEDGER_URL}", param_hint="--to") from None
    return url


def _password(file: Path | None) -> Secret | None:
    if file is None:
        return None
    content = read_bytes(file, private=True)
    if isinstance(content, Unreadable):
        raise click.UsageError(f"--password-file: {content.found}")
    return Secret(content.decode(errors="replace").strip())


@contextmanager
def _locked(database: Database, *, still: bool = False) -> Iterator[Database]:
    """For writing to it, or (`still`) for reading what must not change. Raises LedgerHeld while a daemon has it."""
    lock = database.held_still() if still else database.lock()
    lock.acquire()
    try:
        yield database
    finally:
        lock.release()
