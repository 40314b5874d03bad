"""`orgsync egress`: reads the ledger, with or without a daemon, and says what a route has taken out of its source."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import click
from rich.table import Table

from daemon.cli import typed
from daemon.cli.context import ledger_settings, open_reader
from daemon.cli.screen import json_option, show
from daemon.ledger import Export


@click.command("egress")
@click.argument("route", shell_complete=typed.routes)
@json_option
@click.pass_obj
def command(settings_path: str, route: str, as_json: bool) -> None:
    """Show which fields have left the source of ROUTE, for which org and data centre, and when.

    From the ledger alone, which never forgets it: also for routes that the settings do not have any more.
    """
    settings = ledger_settings(Path(settings_path))
    with open_reader(settings) as reader:
        exports = reader.exports()
    known = {r.name for r in settings.routes} | {e.route for e in exports}
    if route not in known:
        close = difflib.get_close_matches(route, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise click.UsageError(f"no route is called {route!r}{hint}; there are: {', '.join(sorted(known))}")
    left = [e for e in exports if e.route == route]
    if as_json:
        click.echo(json.dumps({"schema": 1, "route": route, "fields": [_as_json(e) for e in left]}))
    elif not left:
        click.echo(f"nothing has left by {route} yet")
    else:
        show(_table(left))


def _as_json(one: Export) -> dict[str, object]:
    return {
        "source": one.source,
        "source_module": one.source_module,
        "field": one.field,
        "target": one.target,
        "data_center": one.data_center,
        "first_at": one.first_at.isoformat(),
        "last_at": one.last_at.isoformat(),
        "writes": one.records,
    }


def _table(left: list[Export]) -> Table:
    """A line a field; `id` is what the key field notes."""
    table = Table(box=None, pad_edge=False)
    for title in ("from", "module", "field", "to", "data centre", "first (UTC)", "last (UTC)"):
        table.add_column(title, no_wrap=True)
    table.add_column("writes", justify="right", no_wrap=True)
    for one in left:
        times = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (one.first_at, one.last_at))
        place = (one.source, one.source_module, one.field, one.target, one.data_center)
        table.add_row(*place, *times, f"{one.records:,}")
    return table
