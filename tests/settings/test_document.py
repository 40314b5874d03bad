"""Files that are no settings at all."""

from __future__ import annotations

import os
from typing import Any

import pytest

from daemon.settings import Problem, SettingsError, load


def problem(house: Any) -> Problem:
    with pytest.raises(SettingsError) as caught:
        load(house.file, {})
    (found,) = caught.value.problems
    assert str(caught.value) == f"{house.file}: {found}"
    assert found.allowed == "a settings file in TOML"
    return found


def test_missing(house: Any) -> None:
    found = problem(house)
    assert (found.path, found.found) == ("", f"no file {house.file}")
    assert found.hint == f"write a commented one with: orgsync init {house.file}"


def test_not_a_file(house: Any) -> None:
    house.file.mkdir()
    assert problem(house).found == f"{house.file}, which is a directory"
    house.file.rmdir()
    os.mkfifo(house.file)
    assert problem(house).found == f"{house.file}, which is not a regular file"


def test_unreadable(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may read everything, so no mode would do
    assert problem(house).found == f"{house.file}, which cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("content", "path", "found"),
    [
        (b"a = 1\nb = ", "line 2, column 5", "Invalid value"),
        (b"a = 1\nb = yes\n", "line 2, column 5", "Invalid value"),
        (b"a = 1\n[orgs", "line 2, column 6", "Expected ']' at the end of a table declaration"),
        (b"a = 1\na = 2\n", "line 2, column 6", "Cannot overwrite a value"),
        (b'a = "x', "line 1, column 7", "Unterminated string"),
        (b"x = " + b"1" * 5000, "", "Exceeds the limit"),
    ],
)
def test_syntax(house: Any, content: bytes, path: str, found: str) -> None:
    house.file.write_bytes(content)
    seen = problem(house)
    assert seen.path == path
    assert seen.found.startswith(f"a text that is not TOML: {found}")
    assert seen.hint == ('texts stand in quotes: name = "value"' if found == "Invalid value" else None)


def test_not_utf8(house: Any) -> None:
    house.file.write_bytes(b"a = 1\n# \xff\n")
    assert (problem(house).path, problem(house).found) == ("line 2", "bytes that are not UTF-8")
    house.file.write_text("a = 1", encoding="utf-16")
    assert problem(house).hint == "save the file as UTF-8"


def test_without_end(house: Any) -> None:
    house.file.write_text("a = " + "[" * 20000)
    assert problem(house).found == "lists or tables inside each other without end"
    house.file.write_text("# " + "x" * (1 << 20))
    assert problem(house).found == f"{house.file}, which is larger than 1 MiB"


def test_no_file_stays_open(house: Any) -> None:
    house.load()
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208  a Path would say the same
    for _ in range(3):
        load(house.file, house.env)
        with pytest.raises(SettingsError):
            load(house.folder, {})
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_a_byte_order_mark_is_no_mistake(house: Any) -> None:
    house.file.write_bytes(b"\xef\xbb\xbf" + house.text({}).encode())
    assert load(house.file, house.env).streams()
