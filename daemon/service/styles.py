"""Whether text on a terminal has colours and bold: not where NO_COLOR is set, nor on a terminal without them."""

from __future__ import annotations

import os
from typing import Literal


def is_plain() -> bool:
    """Whether nobody wants an escape sequence for style, whatever text is shown on."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def colours() -> Literal["auto"] | None:
    """The `color_system` of rich: without one it leaves out bold and dim too, which its own NO_COLOR keeps."""
    return None if is_plain() else "auto"
