"""The file of a plan that was kept: JSON for its owner only, with ids, times, field names and digests, and no value."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import click
from pydantic import TypeAdapter, ValidationError

from daemon.cli.screen import unwritten
from daemon.core.saved import SavedPlan

_SCHEMA: Final = 2
_KIND: Final = "orgsync plan"
_MOST: Final = 64 * 1024 * 1024  # bytes: more than a hundred thousand writes
_PLAN: Final = TypeAdapter(SavedPlan)


def must_be_new(path: Path) -> None:
    """Raises ClickException where there is a file, before anything is spent on what is to be written there."""
    if path.exists():
        raise _there(path)


def _there(path: Path) -> click.ClickException:
    return click.ClickException(f"{path} exists; it was not touched. Name another file")


def write(path: Path, plan: SavedPlan) -> None:
    """Writes a new file. Raises ClickException where there is one, or it cannot be written."""
    document = {"schema": _SCHEMA, "kind": _KIND, **_PLAN.dump_python(plan, mode="json")}
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1) + "\n")
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        raise click.ClickException(unwritten(path, error)) from None


def read(path: Path) -> SavedPlan:
    """Reads a file that `write` wrote. Raises ClickException for any other."""
    try:
        if path.stat().st_size > _MOST:
            raise click.ClickException(f"{path} is larger than any saved plan; nothing was written")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # no JSON, or no UTF-8
        document = None
    if not isinstance(document, dict) or document.get("kind") != _KIND:
        raise click.ClickException(f"{path} is no saved plan; `orgsync plan STREAM --save FILE` makes one")
    if document.get("schema") != _SCHEMA:
        what = f"{path} was saved by another version of orgsync (schema {document.get('schema')!r})"
        raise click.ClickException(f"{what}; nothing was written. Plan again")
    try:
        plan = _PLAN.validate_python(document)
        bytes.fromhex(plan.key)
    except (ValidationError, ValueError) as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "key"
        raise click.ClickException(f"{path} was changed by hand or cut off, at {where}; plan again") from None
    return plan
