"""What several commands share: the settings, the clock, and the ledger with its lock."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.guard import environment, take_out
from daemon.settings import Settings, load

if TYPE_CHECKING:
    from daemon.ledger import Ledger, Reader, ReadLedger


def utc_now() -> datetime:
    return datetime.now(UTC)


def load_settings(path: Path) -> Settings:
    """The settings. The environment keeps none of the secrets that they name. Raises SettingsError."""
    return _kept(load(path, environment()))


def org_settings(path: Path, org: str, typed: Mapping[str, str]) -> Settings:
    """The settings with one org only, whose secrets alone must be there yet, or be typed. Raises SettingsError."""
    return _kept(load(path, environment(), only=org, typed=typed))


def ledger_settings(path: Path) -> Settings:
    """The settings without the orgs, for commands that only need the ledger and no secret of an org."""
    return _kept(load(path, environment(), with_orgs=False))


def _kept(settings: Settings) -> Settings:
    take_out(settings.from_env)
    return settings


@contextmanager
def locked_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger, as its only writer. Raises LedgerHeld when another process is."""
    from daemon.ledger import Ledger  # noqa: PLC0415 - a command that only looks does not load it

    make_state_dir(settings)
    with Ledger.open(settings.ledger_url, settings.ledger_password, settings.undo_key) as ledger:
        yield ledger


def make_state_dir(settings: Settings) -> None:
    """Raises LedgerUnavailable where it cannot be made."""
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        from daemon.ledger import LedgerUnavailable  # noqa: PLC0415

        advice = "Name another folder in state_dir, or make it for the user of orgsync"
        raise LedgerUnavailable(settings.state_dir, f"the folder cannot be made ({error.strerror})", advice) from None


def demand_ledger(settings: Settings) -> None:
    """Raises LedgerMissing where there is none yet, and makes none."""
    from daemon.ledger import LedgerMissing  # noqa: PLC0415
    from daemon.ledger.copying import revision  # noqa: PLC0415
    from daemon.ledger.database import locate  # noqa: PLC0415

    database = locate(settings.ledger_url, settings.ledger_password)
    if revision(database)[0] is None:
        raise LedgerMissing(database.name)


@contextmanager
def asked_ledger(settings: Settings) -> Iterator[ReadLedger | None]:
    """The ledger as planning asks it, beside a daemon or without; None where there is none yet."""
    from daemon.ledger import LedgerMissing  # noqa: PLC0415

    with ExitStack() as stack:
        ledger = None
        with suppress(LedgerMissing):
            ledger = stack.enter_context(open_reader(settings)).for_syncing(settings.undo_key)
        yield ledger


@contextmanager
def empty_ledger() -> Iterator[ReadLedger]:
    """One that knows nothing, for as long as it is asked."""
    from daemon.ledger import Ledger  # noqa: PLC0415

    folder = tempfile.TemporaryDirectory(prefix="orgsync-")
    with folder as path, Ledger.open(f"sqlite:///{path}/empty.db") as ledger:
        yield ledger


def open_reader(settings: Settings) -> Reader:
    """The ledger to look at, beside a daemon or without."""
    from daemon.ledger import Reader  # noqa: PLC0415

    return Reader.open(settings.ledger_url, settings.ledger_password)
