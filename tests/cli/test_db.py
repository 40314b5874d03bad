"""`orgsync db`: the ledger's schema, and its move from a file to a server and back, as a shell sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from daemon.ledger.tables import HEAD
from tests.postgres import GUARDED, Server, running_server
from tests.service.site import Site, until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",))
        yield site
        site.close()


def lead(site: Site, name: str) -> str:
    return site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": name, "Company": "C"})


def use(site: Site, *lines: str) -> None:
    text = site.settings.read_text().partition("[ledger]")[0]
    site.settings.write_text("\n".join([text, "[ledger]", *lines, ""]))


def writes(site: Site) -> int:
    us = site.emu.orgs["us"]
    return sum(len(call["body"]["data"]) for kind in ("insert", "update", "upsert") for call in us.log(kind=kind))


def test_a_ledger_moves_to_postgres_and_back_without_reading_or_writing_anything_twice(
    site: Site, server: Server, tmp_path: Path
) -> None:
    url = server.make("moved")
    lead(site, "Ada")
    assert site.call("once").returncode == 0
    moved = site.call("db", "copy", "--to", url, "--json")
    assert moved.returncode == 0, moved.stderr
    rows = json.loads(moved.stdout)["rows"]
    assert (rows["checkpoints"], rows["id_map"], rows["agreed"]) == (1, 2, 1)
    again = site.call("db", "copy", "--to", url)
    assert (again.returncode, "holds a ledger already; nothing was copied" in again.stderr) == (69, True)
    use(site, f'url = "{url}"')
    assert site.call("db", "current").stdout.strip().endswith(f"revision {HEAD}, newest {HEAD}")
    lead(site, "Bob")
    before = writes(site)
    assert site.call("once").returncode == 0
    assert writes(site) == before + 1
    status = json.loads(site.call("status", "--json").stdout)
    assert [(s["health"], s["last_cycle"]["balance"]) for s in status["streams"]] == [("ok", "ok")]
    back = site.call("db", "copy", "--to", f"sqlite:///{tmp_path}/back.db")
    assert f'now set url = "sqlite:///{tmp_path}/back.db"' in back.stdout
    use(site, f'url = "sqlite:///{tmp_path}/back.db"')
    lead(site, "Cid")
    assert site.call("once").returncode == 0
    assert writes(site) == before + 2
    assert len(site.emu.orgs["us"].records("Leads")) == 3


def test_the_daemon_runs_on_postgres_outlives_its_restart_and_lets_nobody_take_the_ledger_away(
    site: Site, server: Server
) -> None:
    url = server.make("run")
    server.sql("run", f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'canary-4711'")
    server.sql("run", f"ALTER DATABASE run OWNER TO {GUARDED}; ALTER SCHEMA public OWNER TO {GUARDED}")
    secret = site.folder / "password"
    secret.write_text("canary-4711\n")
    secret.chmod(0o600)
    use(site, f'url = "{url.replace("orgsync@", f"{GUARDED}@")}"', 'password = { file = "password" }')
    us = site.emu.orgs["us"]
    first = lead(site, "Ada")
    site.start("run", "--first-run", "create")
    until(lambda: len(us.records("Leads")) == 1)
    once = site.call("once")
    assert (once.returncode, once.stdout, once.stderr.count("is run by another daemon")) == (0, "", 1)
    assert site.call("db", "downgrade", "0006", "--yes").returncode == 75
    assert site.call("db", "copy", "--to", f"sqlite:///{site.folder}/x.db").returncode == 75
    server.stop()
    site.emu.orgs["india"].edit("Leads", first, {"City": "Pune"})
    until(lambda: "its server cannot be used" in site.log())
    server.start()
    until(lambda: us.records("Leads")[0].get("City") == "Pune")
    assert site.call("status").returncode == 0
    files = [path for path in site.folder.rglob("*") if path.is_file() and path != secret]
    assert not any(b"canary-4711" in path.read_bytes() for path in files)
    assert "Traceback" not in site.log()


def test_commands_beside_the_daemons_count_the_tokens_that_they_renew_for_all_machines(
    site: Site, server: Server
) -> None:
    """`check` on a new machine renewed past the count of all, and Zoho locked the credential out for every daemon."""
    use(site, f'url = "{server.make("counted")}"')
    assert site.call("check").returncode == 0  # there is no ledger yet: it makes none, and its token file counts
    assert site.call("once").returncode == 0
    assert server.sql("counted", "SELECT count(*) FROM renewals") == [(0,)]
    tokens = site.folder / "state" / "tokens"
    for command in (("check",), ("snapshot", "us")):
        for file in tokens.iterdir():
            file.unlink()
        assert site.call(*command).returncode == 0
    assert server.sql("counted", "SELECT count(*) FROM renewals") == [(3,)]
    later = "clock_timestamp() + n * interval '1 ms'"
    more = f"INSERT INTO renewals SELECT DISTINCT credential, {later} FROM renewals, generate_series(1, 7) n"  # noqa: S608
    server.sql("counted", more)
    for file in tokens.iterdir():
        file.unlink()
    asked = len(site.emu.log(kind="token"))
    refused = site.call("check")
    assert (refused.returncode, "all daemons together renewed its token" in refused.stdout) == (69, True)
    assert len(site.emu.log(kind="token")) == asked
    server.sql("postgres", "ALTER DATABASE counted SET default_transaction_read_only = on")
    said = site.call("check")
    assert (said.returncode, said.stderr.count("are counted on this machine only")) == (0, 1)


@pytest.mark.parametrize("command", ["once", "run"])
def test_a_server_that_takes_no_writes_is_said_at_the_start_and_nothing_else(
    site: Site, server: Server, command: str
) -> None:
    """`once` said that another daemon runs the streams, and `run` that it kept all of them in step."""
    url = server.make(f"standby {command}".replace(" ", ""))
    use(site, f'url = "{url}"')
    assert site.call("once").returncode == 0
    server.sql("postgres", f"ALTER DATABASE standby{command} SET default_transaction_read_only = on")
    said = site.call(command)
    assert (said.returncode, "its server takes no writes (a standby?)" in said.stderr) == (69, True)
    assert not any(wrong in said.stderr for wrong in ("run by another", "keeping", "Traceback"))


def test_the_schema_goes_down_only_when_it_is_said_twice_and_up_by_itself(site: Site) -> None:
    assert site.call("db", "current").returncode == 69
    made = site.call("db", "upgrade")
    assert (made.returncode, made.stdout.strip().endswith(f"revision {HEAD}")) == (0, True)
    unsure = site.call("db", "downgrade", "0004")
    assert (unsure.returncode, "nothing was done" in unsure.stderr) == (64, True)
    assert site.call("db", "downgrade", "0004", "--yes").stdout.strip().endswith("revision 0004")
    current = site.call("db", "current", "--json")
    assert current.returncode == 1
    assert json.loads(current.stdout)["revision"] == "0004"
    assert site.call("status").returncode == 69
    lead(site, "Ada")
    assert site.call("once").returncode == 0
    assert site.call("db", "current").returncode == 0
    assert "beyond 0004 already: nothing was done" in site.call("db", "upgrade", "0004").stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("copy", "--to", "mysql://x/y"), 64, '--to: allowed: "sqlite:///FILE", or "postgresql://'),
        (("copy", "--to", "postgresql://me:secret@db/x"), 64, "--to: it holds a password"),
        (("copy", "--to", "postgresql://u@127.0.0.1/x?host=192.0.2.2"), 64, "--to: it names a host twice"),
        (("copy", "--to", "sqlite:///x.db", "--password-file", "absent"), 64, "--password-file"),
        (("copy",), 64, "--to"),
        (("upgrade", "7777"), 69, "no migration leads to '7777'"),
        (("nonsense",), 64, "No such command"),
    ],
)
def test_a_mistake_is_one_message_and_a_code(site: Site, args: tuple[str, ...], code: int, said: str) -> None:
    done = site.call("db", *args)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stderr
    assert "secret" not in done.stderr.replace("ledger.password", "")
