"""`orgsync completion`: the script by which a shell asks orgsync itself what may come next; so it is never stale."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

_SHELLS: Final = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete orgsync's commands and options.

    \b
    bash  orgsync completion bash > ~/.local/share/bash-completion/completions/orgsync
    zsh   orgsync completion zsh > ~/.zsh/completions/_orgsync   (a folder of $fpath)
    fish  orgsync completion fish > ~/.config/fish/completions/orgsync.fish
    """
    click.echo(_SHELLS[shell](ctx.find_root().command, {}, "orgsync", "_ORGSYNC_COMPLETE").source())
