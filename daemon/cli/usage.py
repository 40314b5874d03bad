"""What click's words for wrong usage leave to think about: the nearest command, which names there are, an option given
twice, and the one option that stands before the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import click

from daemon.core.nearest import nearest

_GIVEN: Final = re.compile(r"(.+) is not (?:a valid|in the range)")


def no_command(name: str, known: Iterable[str]) -> str:
    """What is said of a command that is none."""
    close = nearest(name, list(known))
    return f"No such command {name!r}.{f' Did you mean {close!r}?' if close else ''} 'orgsync --help' lists them."


def refuse_twice(command: click.Command, parent: click.Context, args: list[str]) -> None:
    """Raises UsageError where an option stands twice that is asked once: the first value would be lost."""
    ctx = click.Context(command, parent, info_name=command.name)
    try:
        order = command.make_parser(ctx).parse_args(list(args))[2]
    except click.UsageError:
        return  # the command says it itself
    for option in order:
        if isinstance(option, click.Option) and not (option.multiple or option.is_flag) and order.count(option) > 1:
            raise click.UsageError(f"{option.opts[0]} is given twice; once is allowed. Nothing was done", ctx)


def explained(error: click.ClickException) -> click.ClickException:
    """The same error, with what to type instead where that is known."""
    if isinstance(error, click.NoSuchOption) and error.option_name == "--settings" and error.ctx is not None:
        where = f"--settings stands before the command: orgsync --settings FILE {error.ctx.info_name} …"
        return click.UsageError(where, error.ctx)
    if isinstance(error, click.MissingParameter) and isinstance(error.param, click.Argument) and error.ctx is not None:
        known = [item.value for item in error.param.shell_complete(error.ctx, "") if item.type == "plain"]
        if known and not isinstance(error.param.type, click.Choice):
            error = click.UsageError(
                f"Missing argument {error.param.make_metavar(error.ctx)!r}; there are: {', '.join(known)}", error.ctx
            )
    if isinstance(error, click.BadParameter) and error.param is not None and error.ctx is not None:
        return _number(error, error.param, error.ctx) or error
    return error


def _number(error: click.BadParameter, param: click.Parameter, ctx: click.Context) -> click.UsageError | None:
    """In our words, which numbers are allowed; None where it is about something else."""
    kind, given = param.type, _GIVEN.match(error.message)
    if given is None or not isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return None
    bounds = [
        f"{word} {bound:,}"
        for word, bound in (("from", getattr(kind, "min", None)), ("to", getattr(kind, "max", None)))
        if bound is not None
    ]
    whole = "whole " if isinstance(kind, click.types.IntParamType) else ""
    allowed = " ".join([f"a {whole}number", *bounds])
    return click.UsageError(f"{param.opts[0]} takes {allowed}, not {given[1]}. Nothing was done", ctx)
