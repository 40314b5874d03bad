"""`orgsync demo`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.demo import examples, story


@click.command("demo")
@click.option(
    "--records", type=click.IntRange(200, 30_000), default=10_000, show_default=True, help="Records in A at the start."
)
@click.option(
    "--example",
    type=click.Choice(list(examples.EXAMPLES)),
    help="Instead of the story: a settings file of docs/examples at work, and judged.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, other records.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for ledger, settings and logs; it must be empty or not exist.  [default: a temporary one]",
)
@click.pass_context
def command(ctx: click.Context, records: int, example: str | None, seed: int, keep: Path | None) -> None:
    """Watch the real daemon keep two emulated orgs in step, be killed, and prove that nothing was lost.

    With --example: one of the complete examples, with orgs in three or four data centres, and the proof of it.

    Needs no Zoho account and no network; takes about a minute, an example seconds. Exit code 0 only when the proof
    holds.
    """

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty; it was not touched. Name another folder, or empty it")
    folder = None if keep is None else keep.absolute()
    ctx.exit(story.run(records, seed, folder) if example is None else examples.run(example, folder))
