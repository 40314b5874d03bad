"""Texts as TOML has them, for what a person is to paste into the settings."""

from __future__ import annotations

import json


def quoted(text: str) -> str:
    """A text in quotes; TOML's escapes are JSON's, and the delete character needs one too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
