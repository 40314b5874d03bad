"""Reads a secret from the place that the settings name: environment, private file, or systemd credential.

Shows the name of the place and never anything else: not the value, and not what stands in the settings by mistake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from daemon.core.nearest import nearest
from daemon.core.org import Secret
from daemon.settings.files import Unreadable, read_bytes
from daemon.settings.problem import Problem, did_you_mean, join, type_of
from daemon.settings.shape import SecretEntry, keys_of
from daemon.settings.values import KEPT_IN

_NAMES: Final = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}\Z"),
    "file": re.compile(r"[^~].{0,4000}\Z"),
    "credential": re.compile(r"(?!\.)[A-Za-z0-9._-]{1,255}\Z"),
}
_SHAPES: Final = {
    "env": "a variable's name of letters, digits and _",
    "file": "a file's path; '~' is not expanded",
    "credential": "a credential's name of letters, digits, '.', '_' and '-'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the settings may read beside their own file: the folder that relative paths start from, the environment.

    `used` gathers the names of the variables that secrets were read from. Without `with_orgs`, whoever asks only wants
    the ledger: the orgs' secrets stay where they are; with `only` those of other orgs do. `typed` is a secret by its
    key in the file, for one that is in no place yet.
    """

    folder: Path
    env: Mapping[str, str]
    with_orgs: bool = True
    only: str | None = None
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    used: set[str] = field(default_factory=set)


def read_org_secret(org: str, value: object, at: str, around: Surroundings, problems: list[Problem]) -> Secret | None:
    """As `read_secret`, where the org's secrets are wanted; else None, unless the place itself is a mistake."""
    if around.with_orgs and around.only in (None, org):
        return read_secret(value, at, around, problems)
    _place(value, at, problems)
    return None


def read_secret(value: object, at: str, around: Surroundings, problems: list[Problem]) -> Secret | None:
    """The secret that a key of the settings points to; None when there is a problem."""
    place = _place(value, at, problems)
    if place is None:
        return None
    kind, name = place
    if at in around.typed:
        checked = _checked(around.typed[at], "what was typed")
    else:
        read = {"env": _from_env, "file": _from_file, "credential": _from_credential}[kind](name, around)
        checked = read if isinstance(read, Unreadable) else _checked(read, f"{kind} {name}")
    if isinstance(checked, Unreadable):
        asks = re.fullmatch(r"orgs\.([^.]+)\.client_secret", at)
        missing = kind == "file" and at not in around.typed and not os.path.lexists(around.folder / name)
        hint = f"run: orgsync auth {asks[1]}; it asks for the secret and makes the file" if missing and asks else None
        problems.append(Problem(path=at, found=checked.found, allowed=KEPT_IN, hint=checked.hint or hint))
        return None
    return Secret(checked)


def _place(value: object, at: str, problems: list[Problem]) -> tuple[str, str] | None:
    """Which place a value names, as (kind, name)."""
    if isinstance(value, str):
        found, hint = "a text (not shown)", 'a secret does not belong in this file; name its place: { env = "NAME" }'
    elif not isinstance(value, dict):
        found, hint = f"{type_of(value)} (not shown)", None
    elif unknown := [key for key in value if key not in keys_of(SecretEntry)]:
        # The key itself is only shown when it is a slip of the pen: it may be the secret.
        close = nearest(unknown[0], keys_of(SecretEntry))
        at = join(at, unknown[0]) if close else at
        found, hint = "an unknown key", did_you_mean(unknown[0], keys_of(SecretEntry))
    elif len(value) != 1:
        found, hint = (", ".join(value) if value else "an empty table"), "exactly one of them"
    else:
        kind, name = next(iter(value.items()))
        if isinstance(name, str) and name.isprintable() and _NAMES[kind].match(name):
            return kind, name
        at, found, hint = join(at, kind), f"{type_of(name)} (not shown)", _SHAPES[kind]
    problems.append(Problem(path=at, found=found, allowed=KEPT_IN, hint=hint))
    return None


def _from_env(name: str, around: Surroundings) -> str | Unreadable:
    value = around.env.get(name)
    if value is None:
        return Unreadable(found=f"no environment variable {name}", hint=f"set {name} for the daemon and for commands")
    around.used.add(name)
    return value


def _from_file(name: str, around: Surroundings) -> str | Unreadable:
    return _text(read_bytes(around.folder / name, private=True), f"file {name}")


def _from_credential(name: str, around: Surroundings) -> str | Unreadable:
    folder = around.env.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return Unreadable(
            found=f"credential {name}, but no $CREDENTIALS_DIRECTORY to look in",
            hint=f"systemd sets it for a unit with LoadCredential={name}:… or LoadCredentialEncrypted=",
        )
    # Modes are systemd's own affair: with an ACL its files look as if their group could read them.
    return _text(read_bytes(around.folder / folder / name), f"credential {name}")


def _text(content: bytes | Unreadable, place: str) -> str | Unreadable:
    if isinstance(content, Unreadable):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        return Unreadable(found=f"{place}, which is not a text in UTF-8")


def _checked(value: str, place: str) -> str | Unreadable:
    """A secret without the line end that editors leave; blank or broken ones are refused."""
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        return Unreadable(found=f"{place}, which is empty")
    if any(c.isspace() or not c.isprintable() for c in value):
        return Unreadable(found=f"{place}, which has blanks or line ends in it", hint="one line, nothing else")
    return value
