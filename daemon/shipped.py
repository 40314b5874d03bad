"""Finds the files that travel beside the code: migrations, the settings template, the systemd units.

Installed, they lie in `daemon/shipped`; in a checkout they are the folders at its top.
"""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """The path of a shipped file or folder. Raises FileNotFoundError when the installation is incomplete."""
    package = Path(__file__).parent
    for place in (package / "shipped" / name, package.parent / name):
        if place.exists():
            return place
    raise FileNotFoundError(f"{name} did not come with this installation of orgsync: install it again")
