"""Connections to the orgs for commands that look at a few records beside a daemon, and that can do without: where an
org cannot be asked they say so, and tell what the ledger knows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from daemon.cli.context import ledger_settings, load_settings, utc_now
from daemon.settings import Settings, SettingsError

if TYPE_CHECKING:
    from daemon.sync.catalog import Catalog

_PATIENCE_S: Final = 15.0  # somebody sits and waits

offline_option = click.option("--offline", is_flag=True, help="Ask no org: what the ledger knows must do.")
"""The option of every command that looks at records in the orgs besides."""


def settings_to_look(path: Path, *, offline: bool) -> tuple[Settings, str | None]:
    """The settings, and why no org can be asked: nobody wants it, or a secret is not there. Raises SettingsError for
    what is wrong besides the orgs' secrets.
    """
    if offline:
        return ledger_settings(path), "--offline"
    try:
        return load_settings(path), None
    except SettingsError as error:
        return ledger_settings(path), "; ".join(str(problem) for problem in error.problems)


@contextmanager
def connected(settings: Settings) -> Iterator[Mapping[str, Catalog]]:
    """The orgs of the routes by name. Nothing is asked before it is needed, and no call takes longer than seconds."""
    from daemon.cli.allowance import shared_allowance  # noqa: PLC0415 - a command that stays offline loads no client
    from daemon.sync.catalog import Catalog  # noqa: PLC0415
    from daemon.zoho.client import Zoho  # noqa: PLC0415

    names = sorted({org for route in settings.routes for org in (route.source, route.target)})
    with ExitStack() as stack:
        allowance = stack.enter_context(shared_allowance(settings))
        asked = [settings.orgs[name] for name in names]
        quick = [replace(org, call_deadline=min(org.call_deadline, _PATIENCE_S)) for org in asked]
        yield {
            org.name: Catalog(stack.enter_context(Zoho(org, now=utc_now, allowance=allowance)), time.monotonic)
            for org in quick
        }
