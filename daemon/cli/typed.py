"""Which names a shell offers for an argument or option: those of the settings file, read at the press of the key."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.settings.names import Names, read_names


def orgs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Orgs that begin so."""
    return [name for name in _names(ctx).orgs if name.startswith(incomplete)]


def routes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - as above
    """Routes that begin so."""
    return [name for name in _names(ctx).routes if name.startswith(incomplete)]


def streams(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - as above
    """Addresses of streams that begin so."""
    return [name for name in _names(ctx).streams if name.startswith(incomplete)]


def _names(ctx: click.Context) -> Names:
    return read_names(Path(str(ctx.find_root().params.get("settings_path") or "settings.toml")))
