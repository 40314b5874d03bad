"""Attachments: files that hang at a record, without a Modified_Time that moves and without a key (facts 10, 11.3).

They never change: a new version is another attachment. So one is known by its id, and known again in the other org by
its name and size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from daemon.core.digest import digest_values

ATTACHMENTS: Final = "Attachments"
VERSION: Final = "1"
"""Of the rules for attachments; when it changes, all records are looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One attachment; `size` as Zoho says it. `link` is the address of one that is only a link."""

    file_id: str
    name: str
    size: str
    link: str | None = None

    @property
    def likeness(self) -> tuple[str, str, str | None]:
        """What two attachments that are the same have in common. Of the name letters and digits only: Zoho may store
        the rest otherwise.
        """
        return "".join(c for c in self.name.casefold() if c.isalnum()), self.size, self.link


def standing(file: File, target_id: str, key: bytes) -> str:
    """A keyed digest of an attachment at its record of the target: another record there, another digest."""
    values = {"File_Name": file.name, "Size": file.size, "Parent_Id": target_id}
    return digest_values(values, VERSION, key).whole
