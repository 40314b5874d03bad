"""`orgsync demo`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.demo import story


@click.command("demo")
@click.option(
    "--records", type=click.IntRange(200, 30_000), default=10_000, show_default=True, help="Records in A at the start."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, other records.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for ledger, settings and logs; it must be empty or not exist.  [default: a temporary one]",
)
@click.pass_context
def command(ctx: click.Context, records: int, seed: int, keep: Path | None) -> None:
    """Watch the real daemon keep two emulated orgs in step, be killed, and prove that nothing was lost.

    Needs no Zoho account and no network; takes about a minute. Exit code 0 only when the proof holds.
    """

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty; it was not touched. Name another folder, or empty it")
    ctx.exit(story.run(records, seed, None if keep is None else keep.absolute()))
