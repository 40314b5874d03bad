"""docs/fields.md says what the code does: its two tables name every conversion and every function, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from daemon.core.convert import CONVERSIONS
from daemon.core.functions import FUNCTIONS

DOC = (Path(__file__).parents[2] / "docs" / "fields.md").read_text(encoding="utf-8")


def table(mark: str) -> list[str]:
    """The rows below a mark, without their head."""
    rows = DOC.split(f"<!-- {mark} -->\n")[1].split("\n\n")[0].splitlines()
    return rows[2:]


def test_every_conversion_is_documented() -> None:
    assert [tuple(row.strip("| ").split(" | ")[:2]) for row in table("conversions")] == list(CONVERSIONS)


def test_every_function_is_documented() -> None:
    assert {name for row in table("functions") for name in re.findall(r"`(\w+)\(", row)} == FUNCTIONS.keys()
