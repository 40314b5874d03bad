"""`orgsync service install`: what it writes, what it refuses, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
[orgs.india]
data_center = "in"
client_id = "1000.A"
client_secret = { credential = "india_secret" }
refresh_token = { credential = "india_token" }
[orgs.us]
data_center = "us"
client_id = "1000.B"
client_secret = { credential = "us_secret" }
"""
PROGRAM = "/opt/orgsync/bin/orgsync"


class Image:
    """A machine's root in a folder, and a home in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.units = root / "etc/systemd/system"
        self.mine = root / "home/.config/systemd/user"
        (root / "home").mkdir()
        self.settings("settings.toml")

    def settings(self, name: str, text: str = SETTINGS) -> None:
        file = self.root / "etc/orgsync" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def call(self, *args: str, top: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORGSYNC_"))}
        return subprocess.run(
            [str(Path(sys.executable).with_name("orgsync")), *top, "service", "install", *args],
            env=env | {"HOME": str(self.root / "home")},
            cwd=self.root / "etc/orgsync",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            umask=0o077,
        )

    def system(self, *args: str, top: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return self.call("--system", "--root", str(self.root), "--program", PROGRAM, *args, top=top)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_secret_of_the_settings_is_handed_over_the_webhooks_too(image: Image) -> None:
    image.settings("settings.toml", SETTINGS + '[alerts]\nwebhook = { credential = "hook" }\n')
    assert image.system().returncode == 0
    drop_in = files(image.units)["orgsync.service.d/credentials.conf"]
    assert "LoadCredential=hook:/etc/orgsync/credentials/hook\n" in drop_in


def test_the_unit_of_the_system_and_its_credentials(image: Image) -> None:
    done = image.system()
    assert done.returncode == 0, done.stderr
    found = files(image.units)
    assert list(found) == ["orgsync.service", "orgsync.service.d/credentials.conf"]
    unit = found["orgsync.service"]
    assert f"\nExecStart={PROGRAM} --settings /etc/orgsync/settings.toml run --log-json\n" in unit
    assert "\nUser=orgsync\nDynamicUser=yes\nStateDirectory=orgsync\n" in unit
    drop_in = found["orgsync.service.d/credentials.conf"]
    assert drop_in.split("\n", 1)[1] == "[Service]\n" + "".join(
        f"LoadCredential={name}:/etc/orgsync/credentials/{name}\n"
        for name in ("india_secret", "india_token", "us_secret")
    )
    assert {p.stat().st_mode & 0o777 for p in image.units.rglob("*") if p.is_file()} == {0o644}
    for said in (
        "1. ",
        "2. ",
        ": written",
        "next:",
        "systemctl enable --now --no-block orgsync.service",
        "systemd-run",
    ):
        assert said in done.stdout


def test_a_second_time_changes_nothing_and_a_new_secret_is_added(image: Image) -> None:
    image.system()
    before = {p: p.stat().st_mtime_ns for p in image.units.rglob("*") if p.is_file()}
    again = image.system()
    assert again.stdout.count("is so already") == 2
    assert {p: p.stat().st_mtime_ns for p in image.units.rglob("*") if p.is_file()} == before
    image.settings("settings.toml", SETTINGS + 'refresh_token = { credential = "us_token" }\n')
    assert image.system().stdout.count(": replaced") == 1
    assert "us_token" in files(image.units)["orgsync.service.d/credentials.conf"]


@pytest.mark.parametrize("name", ["orgsync.service", "orgsync.service.d/credentials.conf"])
@pytest.mark.parametrize("how", ["foreign", "edited"])
def test_what_somebody_else_wrote_or_edited_is_kept_without_force(image: Image, name: str, how: str) -> None:
    image.system()
    image.settings("settings.toml", SETTINGS.replace("us_secret", "other"))
    mine = image.units / name
    mine.write_text("[Service]\n" if how == "foreign" else mine.read_text() + "# mine\n")
    before = files(image.units)
    refused = image.system()
    assert refused.returncode == 64
    assert f"{mine} was written or edited by somebody else; nothing was touched" in refused.stderr
    assert files(image.units) == before
    assert image.system("--force").returncode == 0
    assert "# mine" not in files(image.units)[name]


def test_several_instances_share_a_template_and_no_secret(image: Image) -> None:
    for name in ("eu", "asia"):
        image.settings(f"{name}.toml", SETTINGS.replace("us_secret", f"{name}_secret"))
        assert image.system("--instance", name).returncode == 0
    found = files(image.units)
    assert list(found) == [
        "orgsync@.service",
        "orgsync@asia.service.d/credentials.conf",
        "orgsync@eu.service.d/credentials.conf",
    ]
    assert f"ExecStart={PROGRAM} --settings /etc/orgsync/%i.toml run" in found["orgsync@.service"]
    assert "StateDirectory=orgsync-%i\n" in found["orgsync@.service"]
    assert "asia_secret" not in found["orgsync@eu.service.d/credentials.conf"]


def test_encrypted_credentials(image: Image) -> None:
    done = image.system("--encrypted", "--credentials", "/etc/credstore.encrypted")
    drop_in = files(image.units)["orgsync.service.d/credentials.conf"]
    assert "LoadCredentialEncrypted=us_secret:/etc/credstore.encrypted/us_secret.cred\n" in drop_in
    assert "systemd-creds encrypt --name=us_secret" in done.stdout


def test_a_dry_run_shows_everything_and_writes_nothing(image: Image) -> None:
    shown = image.system("--dry-run")
    assert shown.returncode == 0
    assert "would be written" in shown.stdout
    assert "   | DynamicUser=yes" in shown.stdout
    assert not image.units.exists()


def test_the_unit_of_a_user_names_this_program_and_these_settings(image: Image) -> None:
    done = image.call("--user")
    assert done.returncode == 0, done.stderr
    unit = files(image.mine)["orgsync.service"]
    program = Path(sys.executable).with_name("orgsync")
    assert f"ExecStart={program} --settings {image.root}/etc/orgsync/settings.toml run" in unit
    assert "DynamicUser" not in unit
    assert "systemctl --user enable" in done.stdout
    assert "loginctl enable-linger" in done.stdout


def test_paths_with_blanks_and_percent_signs_reach_systemd_whole(image: Image) -> None:
    image.settings("a b%c.toml")
    done = image.call("--user", top=("--settings", "a b%c.toml"))
    assert done.returncode == 0, done.stderr
    assert f'--settings "{image.root}/etc/orgsync/a b%%c.toml" run' in files(image.mine)["orgsync.service"]


@pytest.mark.parametrize(
    ("args", "top", "text", "said"),
    [
        ((), (), None, "--system (the machine, as root) or --user (you)"),
        (("--system", "--instance", "A/b"), (), None, "--instance is a small letter"),
        (("--system", "--instance", "eu"), ("--settings", "/etc/orgsync/settings.toml"), None, "a file eu.toml"),
        (("--system",), ("--settings", "/home/settings.toml"), SETTINGS, "homes and temporary folders are hidden"),
        (("--system",), (), 'state_dir = "x"\n' + SETTINGS, "Remove state_dir"),
        (("--system",), (), f'{SETTINGS}\n[ledger]\nurl = "sqlite:////srv/x.db"\n', 'url = "sqlite:///x.db"'),
    ],
)
def test_what_could_not_run_is_refused_and_nothing_is_written(
    image: Image, args: tuple[str, ...], top: tuple[str, ...], text: str | None, said: str
) -> None:
    if text:
        image.settings("settings.toml", text)
        (image.root / "home/settings.toml").write_text(text)
    given = ("--root", str(image.root), "--program", PROGRAM) if "--system" in args else ()
    refused = image.call(*args, *given, top=top)
    assert refused.returncode == 64
    assert said in refused.stderr
    assert files(image.units) | files(image.mine) == {}


def test_a_program_in_a_home_is_refused_for_the_system(image: Image) -> None:
    refused = image.system("--program", "/home/me/venv/bin/orgsync")
    assert refused.returncode == 64
    assert "would not see /home/me/venv/bin/orgsync" in refused.stderr


def test_settings_that_are_not_there_end_with_78(image: Image) -> None:
    assert image.system("--instance", "nowhere").returncode == 78


def test_secrets_that_a_service_would_not_get_are_named(image: Image) -> None:
    image.settings(
        "settings.toml",
        SETTINGS.replace('{ credential = "us_secret" }', '{ env = "US" }').replace(
            '{ credential = "india_token" }', '{ file = "t" }'
        ),
    )
    said = image.system().stdout
    assert "orgs.us.client_secret is read from $US" in said
    assert "orgs.india.refresh_token is read from t" in said
