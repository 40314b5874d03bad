"""Whether settings that were read again may take the place of those that are at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from loguru import logger

from daemon.ledger import LedgerError
from daemon.settings import Settings, SettingsError

T = TypeVar("T")


class ReloadRefusedError(Exception):
    """The settings before go on, untouched; the text says why."""


def take_up(old: Settings, read: Callable[[], Settings], open_with: Callable[[Settings], T]) -> T:
    """What `open_with` makes of the settings as they now are. Raises ReloadRefusedError and nothing else."""
    try:
        new = read()
        kept = _fixed(old, new)
        if kept is None:
            return open_with(new)
    except (SettingsError, LedgerError) as error:
        raise ReloadRefusedError(str(error)) from None
    except Exception as error:  # noqa: BLE001  no new settings may end a daemon that runs
        logger.opt(exception=error).error("the settings that were read again cannot be taken up")
        raise ReloadRefusedError(f"internal error ({type(error).__name__})") from None
    raise ReloadRefusedError(f"{kept} changed, which only a restart takes up")


def _fixed(old: Settings, new: Settings) -> str | None:
    """The keys that were changed of those that the process stands on: its lock and its open ledger."""
    pairs = {
        "ledger.url": old.ledger_url != new.ledger_url,
        "ledger.password": old.ledger_password != new.ledger_password,
        "state_dir": old.state_dir != new.state_dir,
    }
    return " and ".join(key for key, changed in pairs.items() if changed) or None
