"""What `orgsync service install` writes, as texts: the shipped units with other paths, and the list of credentials.

Each text begins with a line that says who wrote it and a digest of the rest, by which it is known again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from daemon.shipped import shipped

INSTANCE: Final = re.compile(r"[a-z][a-z0-9-]{0,20}\Z")
"""Part of a user's name (at most 31 characters), a file's and a unit's."""

HIDDEN: Final = tuple(PurePosixPath(folder) for folder in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108 - ProtectHome= and PrivateTmp= hide these
_PROGRAM: Final = "/opt/orgsync/bin/orgsync"
_SETTINGS: Final = "/etc/orgsync/settings.toml"
_SIGNATURE: Final = re.compile(r"# Written by `orgsync service install` \(digest ([0-9a-f]{16})\)[^\n]*\n")


def unit_name(instance: str | None) -> str:
    """The unit to start."""
    return "orgsync.service" if instance is None else f"orgsync@{instance}.service"


def unit(*, system: bool, program: Path, settings: Path, template: bool) -> str:
    """The unit's text; the template of all instances takes NAME.toml in the folder of `settings`."""
    text = shipped("systemd").joinpath("orgsync.service" if system else "user/orgsync.service").read_text()
    text = instanced(text) if template else text
    place = _quoted(settings.parent, "%i.toml") if template else _quoted(settings)
    return text.replace(_PROGRAM, _quoted(program)).replace("/etc/orgsync/%i.toml" if template else _SETTINGS, place)


def instanced(text: str) -> str:
    """The unit of one orgsync as a template of several: each has its own settings, user, ledger and tokens."""
    text = text.replace(_SETTINGS, "/etc/orgsync/%i.toml").replace("in step\n", "in step (%i)\n", 1)
    text = text.replace("/var/lib/orgsync ", "/var/lib/orgsync-%i ").replace(
        "systemctl edit orgsync,", "systemctl edit orgsync@,"
    )
    return re.sub(r"^(User|StateDirectory)=orgsync$", r"\1=orgsync-%i", text, flags=re.MULTILINE)


def credentials(names: Iterable[str], folder: Path, *, encrypted: bool) -> str:
    """The drop-in that hands secrets to the service: a file of the name in `folder`, with .cred where encrypted."""
    how, end = ("LoadCredentialEncrypted", ".cred") if encrypted else ("LoadCredential", "")
    lines = [f"{how}={name}:{str(folder).replace('%', '%%')}/{name}{end}\n" for name in names]
    return "[Service]\n" + "".join(lines)


def signed(text: str) -> str:
    """With a first line that tells its origin."""
    first = f"# Written by `orgsync service install` (digest {_digest(text)}), and replaced by it until it is edited."
    return f"{first}\n{text}"


def ours(text: str) -> bool:
    """Whether it was written here and nobody has edited it since."""
    found = _SIGNATURE.match(text)
    return found is not None and found[1] == _digest(text[found.end() :])


def hidden(path: Path) -> bool:
    """Whether the unit of the system does not see this path."""
    return any(PurePosixPath(path).is_relative_to(folder) for folder in HIDDEN)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _quoted(path: Path, name: str = "") -> str:
    """A word of ExecStart=; `name` may hold specifiers."""
    word = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    word = f"{word}/{name}" if name else word
    return f'"{word}"' if re.search(r"[\s'\"\\;]", word) else word
