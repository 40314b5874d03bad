"""Zips as bulk jobs take and give them."""

from __future__ import annotations

import csv
import io
import zipfile


def zipped(*texts: str | bytes, names: tuple[str, ...] = ("a.csv", "b.csv")) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in zip(names, texts, strict=False):
            archive.writestr(name, text)
    return made.getvalue()


def tables(content: bytes) -> dict[str, list[list[str]]]:
    """The rows of every CSV, by its name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: list(csv.reader(io.StringIO(archive.read(name).decode()))) for name in archive.namelist()}
