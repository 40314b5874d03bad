"""What a benchmark has measured, with what was promised: how it is told, and handed on to the table of all.

A figure has one value a run. Its median is what counts; the fastest and the slowest run beside it show the noise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

HEAD: Final = ("measure", "promised", "median", "runs", "lowest to highest", "holds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Promised is that the median is at most `most`, or at least `least`; neither: it is there to be compared with.
    `digits` are those behind the point.
    """

    name: str
    values: Sequence[float]
    unit: str = ""
    digits: int = 2
    most: float | None = None
    least: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def missed(self) -> bool:
        """As it is, not as it is printed."""
        return (self.most is not None and self.median > self.most) or (
            self.least is not None and self.median < self.least
        )

    def cells(self) -> tuple[str, ...]:
        """As HEAD names them."""
        bounds = (("at most", self.most), ("at least", self.least))
        promised = next((f"{word} {self._text(bound)}" for word, bound in bounds if bound is not None), "")
        spread = "" if len(self.values) < 2 else f"{self._text(min(self.values))} to {self._text(max(self.values))}"
        holds = "" if not promised else "NO" if self.missed else "yes"
        return (self.name, promised, self._text(self.median), str(len(self.values)), spread, holds)

    def _text(self, value: float) -> str:
        return f"{value:,.{self.digits}f}{self.unit}"


def parser(doc: str | None, runs: int = 1) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=doc)
    made.add_argument("--runs", type=int, default=runs, help="how often it is measured")
    made.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # a file of its figures, for the table
    return made


def end(figures: Sequence[Figure], given: argparse.Namespace) -> int:
    """The last words of a benchmark: its own table; 1 when a target was missed."""
    say("\n" + table(figures))
    if given.into is not None:
        given.into.write_text(json.dumps([asdict(figure) for figure in figures]), encoding="utf-8")
    return 1 if any(figure.missed for figure in figures) else 0


def read(path: Path) -> list[Figure]:
    """What `end` has left in a file; nothing where a benchmark died before."""
    return [Figure(**figure) for figure in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def table(figures: Sequence[Figure]) -> str:
    """One line a figure, in columns."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    first, *others = widths
    lines = []
    for name, *cells in rows:
        columns = [name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))]
        lines.append("  ".join(columns).rstrip())
    return "\n".join(lines)


def say(text: str) -> None:
    """The programs' only voice."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
