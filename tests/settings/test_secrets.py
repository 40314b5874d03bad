"""Secrets: where they are read from, what is refused, and that they are never shown."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

import pytest

from daemon.settings import SettingsError

KEYS = pytest.mark.parametrize("key", ["client_secret", "refresh_token"])
INDIA = "orgs.india"
ALLOWED = '{ env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'
CANARY = "canary-1000-aa41"


def secret_file(house: Any, content: bytes = CANARY.encode(), mode: int = 0o600) -> Path:
    file: Path = house.folder / "secret"
    file.write_bytes(content)
    file.chmod(mode)
    return file


@KEYS
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_from_a_file_beside_the_settings(house: Any, key: str, end: bytes) -> None:
    secret_file(house, CANARY.encode() + end)
    org = house.load({(INDIA, key): '{ file = "secret" }'}).orgs["india"]
    assert getattr(org, key).reveal() == CANARY


@KEYS
def test_from_the_environment(house: Any, key: str) -> None:
    house.env["THE_SECRET"] = CANARY
    assert getattr(house.load({(INDIA, key): '{ env = "THE_SECRET" }'}).orgs["india"], key).reveal() == CANARY


@KEYS
def test_from_a_systemd_credential_whatever_its_mode(house: Any, key: str) -> None:
    secret_file(house, mode=0o440)
    house.env["CREDENTIALS_DIRECTORY"] = str(house.folder)
    assert getattr(house.load({(INDIA, key): '{ credential = "secret" }'}).orgs["india"], key).reveal() == CANARY


@pytest.mark.parametrize(
    ("value", "path", "found", "hint"),
    [
        (f'"{CANARY}"', "", "a text (not shown)", '{ env = "NAME" }'),
        ("1000", "", "a number (not shown)", ""),
        (f'["{CANARY}"]', "", "a list (not shown)", ""),
        ("{}", "", "an empty table", "exactly one"),
        ('{ env = "A", file = "B" }', "", "env, file", "exactly one"),
        (f'{{ evn = "{CANARY}" }}', ".evn", "an unknown key", 'did you mean "env"'),
        (f'{{ "{CANARY}" = 1 }}', "", "an unknown key", ""),
        ("{ env = 5 }", ".env", "a number (not shown)", "letters, digits"),
        ('{ env = "" }', ".env", "a text (not shown)", "letters, digits"),
        (f'{{ env = "{CANARY}" }}', ".env", "a text (not shown)", "letters, digits"),
        ('{ file = "~/secret" }', ".file", "a text (not shown)", "not expanded"),
        ('{ file = "a\\u0000b" }', ".file", "a text (not shown)", "path"),
        ('{ credential = "../secret" }', ".credential", "a text (not shown)", "letters, digits"),
        ('{ credential = "x" }', "", "credential x, but no $CREDENTIALS_DIRECTORY to look in", "LoadCredential=x:"),
        ('{ env = "NOT_SET" }', "", "no environment variable NOT_SET", "set NOT_SET"),
        ('{ env = "EMPTY" }', "", "env EMPTY, which is empty", ""),
        ('{ env = "BLANKS" }', "", "env BLANKS, which has blanks or line ends in it", "one line"),
    ],
)
@KEYS
def test_refused(house: Any, key: str, value: str, path: str, found: str, hint: str) -> None:
    house.env |= {"EMPTY": "", "BLANKS": f"{CANARY} x"}
    problem = house.problem(INDIA, key, value)
    assert (problem.path, problem.found, problem.allowed) == (f"{INDIA}.{key}{path}", found, ALLOWED)
    assert hint in (problem.hint or "")
    assert CANARY not in str(problem)


@pytest.mark.parametrize(
    ("content", "mode", "found", "hint"),
    [
        (b"", 0o600, "file {name}, which is empty", None),
        (b"\n", 0o600, "file {name}, which is empty", None),
        (b"a\nb", 0o600, "file {name}, which has blanks or line ends in it", "one line, nothing else"),
        (b"\xff\xfe", 0o600, "file {name}, which is not a text in UTF-8", None),
        (b"x" * (1 << 21), 0o600, "{file}, which is larger than 1 MiB", None),
        (b"x", 0o640, "{file}, which others can read or change (mode 0640)", "run: chmod 600 {file}"),
        (b"x", 0o604, "{file}, which others can read or change (mode 0604)", "run: chmod 600 {file}"),
        (b"x", 0o620, "{file}, which others can read or change (mode 0620)", "run: chmod 600 {file}"),
    ],
)
def test_bad_file(house: Any, content: bytes, mode: int, found: str, hint: str | None) -> None:
    file = secret_file(house, content, mode)
    problem = house.problem(INDIA, "client_secret", '{ file = "secret" }')
    assert (problem.path, problem.found) == (f"{INDIA}.client_secret", found.format(name="secret", file=file))
    assert problem.hint == (hint and hint.format(file=file))


def test_not_a_file(house: Any) -> None:
    def found() -> str:
        return str(house.problem(INDIA, "client_secret", '{ file = "secret" }').found)

    path = house.folder / "secret"
    assert found() == f"no file {path}"
    path.mkdir()
    assert found() == f"{path}, which is a directory"
    path.rmdir()
    os.mkfifo(path, 0o600)
    assert found() == f"{path}, which is not a regular file"
    path.unlink()
    path.symlink_to(path)
    assert "cannot be read" in found()


def test_a_file_of_another_user(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = secret_file(house)
    if os.geteuid() == 0:
        os.chown(file, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    problem = house.problem(INDIA, "client_secret", '{ file = "secret" }')
    assert problem.found.startswith(f"{file}, which belongs to another user (uid ")
    assert str(problem.hint).startswith("run: chown ")


def test_secrets_never_show(house: Any) -> None:
    secret_file(house)
    settings = house.load({(INDIA, "refresh_token"): '{ file = "secret" }'})
    shown = f"{settings} {settings!r} {settings.orgs} {settings.orgs['india']} {settings.streams()}"
    assert "canary" not in shown
    assert settings.orgs["india"].refresh_token.reveal() == CANARY


@pytest.mark.parametrize(
    "text",
    [
        f'[orgs.india]\nclient_secret = "{CANARY}"\nrefresh_token = ["{CANARY}"]\nclient_id = 5',
        f'[orgs.india]\nclient_secret = {{ "{CANARY}" = "{CANARY}" }}\nrefresh_token = {{ env = ["{CANARY}"] }}',
        f'[orgs.india]\nclient_secrt = "{CANARY}"\nrefreshtoken = {{ x = "{CANARY}" }}',
        f'[orgs]\nindia = "{CANARY}"\n[ledger]\nurl = "postgresql://u:{CANARY}@h/d"',
        f'[orgs.india]\naccounts_url = "https://u:{CANARY}@accounts.zoho.in"\napi_url = "http://x@{CANARY}"',
        f'[orgs.india]\nclient_secret = "{CANARY}"\nbroken =',
        f"[orgs.india]\nclient_secret = {CANARY}",
        f'[orgs.india]\nclient_secret = "{CANARY}',
        f'[ledger]\nurl = "{CANARY}"',
        f'[routes]\nx = "{CANARY}"\n[[client_secret]]\ny = "{CANARY}"',
    ],
)
def test_canary_is_in_no_error_and_no_traceback(house: Any, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        house.load(text)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = [str(error), repr(error), repr(error.problems), *traceback.format_exception(error)]
    assert not any(CANARY in line for line in shown)


def test_canary_of_good_secrets_is_in_no_error_about_other_things(house: Any) -> None:
    secret_file(house)
    found = house.problems({(INDIA, "refresh_token"): '{ file = "secret" }', (INDIA, "poll"): "1", ("", "x"): "1"})
    assert len(found) == 2
    assert "canary" not in str(found)
