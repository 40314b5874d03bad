"""docs/operations.md is tested: its commands are run as they stand there, against an emulator, on both databases."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.postgres import Server, running_server
from tests.service.site import Site

DOCS = Path(__file__).parent.parent / "docs"
GUIDE = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("operations.md", "ledger.md"))
BLOCKS = dict(re.findall(r"<!-- run: ([^\n]*) -->\n```sh\n(.*?)```", GUIDE, re.DOTALL))
EXTERNAL = re.findall(r"<!-- external: [^\n]+ -->\n```sh\n", GUIDE)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


class Shop(Site):
    """A site with one stream, and the guide's commands typed in its folder."""

    path = ""
    ledger = ""

    def type(self, name: str, folder: Path | None = None, stdin: str = "") -> str:
        """The commands of one block, up to the first that fails; that something is silent or held is no failure."""
        if "sqlite3 " in BLOCKS[name] and shutil.which("sqlite3") is None:
            pytest.skip("the sqlite3 program is not installed")
        script = re.sub(r"^(orgsync status)$", r"\1 || [ $? -eq 1 ]", BLOCKS[name], flags=re.MULTILINE)
        paths = [str(Path(sys.executable).parent), self.path, os.environ["PATH"]]
        more = {"PATH": ":".join(filter(None, paths)), "ORGSYNC_SETTINGS": "settings.toml", "LEDGER": self.ledger}
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", script],
            cwd=folder or self.folder,
            env={**self.env, **more},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout

    def once(self) -> None:
        done = self.call("once")
        assert done.returncode == 0, done.stdout + done.stderr

    def use(self, url: str) -> None:
        self.settings.write_text(f'{self.settings.read_text()}[ledger]\nurl = "{url}"\n')

    def lead(self, name: str) -> str:
        return self.emu.orgs["india"].insert_raw("Leads", {"Last_Name": name, "Company": "C"})

    def edit(self, lead: str, city: str) -> None:
        self.emu.orgs["india"].edit("Leads", lead, {"City": city})

    def there(self) -> dict[str, str | None]:
        return {record["Last_Name"]: record.get("City") for record in self.emu.orgs["us"].records("Leads")}

    def writes(self) -> int:
        us = self.emu.orgs["us"]
        return sum(len(call["body"]["data"]) for kind in ("insert", "update", "upsert") for call in us.log(kind=kind))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Emulator(("in", "us")) as emu:
        shop = Shop(emu, tmp_path, modules=("Leads",))
        yield shop
        shop.close()


@pytest.fixture
def remote(shop: Shop, server: Server, request: pytest.FixtureRequest) -> Shop:
    """The shop with its ledger in Postgres."""
    name = re.sub(r"\W", "", request.node.name)[-40:]
    shop.path, shop.ledger = str(server._binaries), server.make(name)
    return shop


def test_every_command_of_the_guide_is_run_here_or_says_what_it_needs() -> None:
    assert GUIDE.count("```sh") == len(BLOCKS) + len(EXTERNAL)
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in BLOCKS if f'"{name}"' not in source] == []


def play_a_restore(shop: Shop, backup: str, restore: str) -> None:
    """Between backup and restore one record was made, one changed twice, one deleted nowhere."""
    ada, _ = shop.lead("Ada"), shop.lead("Bob")
    shop.once()
    shop.type(backup)
    shop.edit(ada, "Pune")
    shop.lead("Cid")
    shop.once()
    shop.type(restore)
    shop.edit(ada, "Goa")
    before = shop.writes()
    shop.once()
    assert shop.there() == {"Ada": "Goa", "Bob": None, "Cid": None}
    assert shop.writes() - before <= 2  # Cid is found by its key, Bob is right already
    shop.type("compare")
    quiet = shop.writes()
    shop.once()
    assert shop.writes() == quiet
    assert shop.there() == {"Ada": "Goa", "Bob": None, "Cid": None}


def test_a_file_is_backed_up_and_put_back_and_the_targets_are_right_again(shop: Shop) -> None:
    play_a_restore(shop, "backup of a file", "restore of a file")
    assert oct((shop.folder / "backup" / "orgsync.db").stat().st_mode & 0o777) == "0o600"


def test_a_file_is_backed_up_whole_while_a_daemon_runs(shop: Shop) -> None:
    shop.lead("Ada")
    shop.once()
    daemon = shop.start("run")
    assert "ok" in shop.type("backup of a file").splitlines()
    assert daemon.poll() is None
    daemon.terminate()
    daemon.wait()


def test_a_server_is_backed_up_and_put_back_and_the_targets_are_right_again(remote: Shop) -> None:
    remote.use(remote.ledger)
    play_a_restore(remote, "backup of a server", "restore of a server")


def test_a_record_changed_in_both_after_the_backup_is_looked_at_before_it_is_written(remote: Shop) -> None:
    """Without `db restored` what the ledger says of the target would be believed, and the edit be left out."""
    remote.use(remote.ledger)
    ada = remote.lead("Ada")
    remote.edit(ada, "Graz")
    remote.once()
    remote.type("backup of a server")
    remote.edit(ada, "Pune")
    remote.once()
    assert remote.there() == {"Ada": "Pune"}
    remote.edit(ada, "Graz")  # as the backup has it: its digest says that there is nothing to do
    remote.type("restore of a server")
    remote.once()
    assert remote.there() == {"Ada": "Graz"}


def test_a_ledger_moves_to_another_host_and_nothing_is_written_anew(shop: Shop, tmp_path: Path) -> None:
    shop.lead("Ada")
    shop.once()
    shop.type("pack")
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(shop.folder / "orgsync.tgz", other)
    assert "newest" in shop.type("unpack", other)
    before = shop.writes()
    shop.lead("Bob")
    shop.settings = other / "settings.toml"
    shop.once()
    assert shop.writes() == before + 1


def test_a_ledger_moves_to_postgres(remote: Shop) -> None:
    remote.lead("Ada")
    remote.once()
    assert "now set url" in remote.type("copy")
    remote.use(remote.ledger)
    before = remote.writes()
    remote.type("copied")
    assert remote.writes() == before
    assert " kB" in remote.type("size of a server")
    assert "india-to-us/Leads" in remote.type("reading on postgres")


def test_a_ledger_goes_down_and_up_and_is_looked_into(shop: Shop) -> None:
    shop.lead("Ada")
    shop.once()
    shop.type("down and up")
    shop.once()
    assert "Leads" in shop.type("reading")
    shop.type("after days off")
    assert "2|1" in shop.type("size")
    shop.type("vacuum")
    before = shop.writes()
    shop.once()
    assert shop.writes() == before


def test_a_new_refresh_token_takes_the_place_of_the_old_one(shop: Shop) -> None:
    lines = [line for line in shop.settings.read_text().splitlines() if "refresh_token" not in line]
    shop.settings.write_text("\n".join(lines) + "\n")
    india, us = shop.emu.orgs["india"].grant_tokens, shop.emu.orgs["us"].grant_tokens[0]
    assert shop.call("auth", "us", stdin=f"{us}\n").returncode == 0
    shop.type("new token", stdin=f"{india[0]}\n")
    first = (shop.folder / "state" / "tokens" / "india.json").read_text()
    shop.type("new token", stdin=f"{india[1]}\n")
    assert (shop.folder / "state" / "tokens" / "india.json").read_text() != first
