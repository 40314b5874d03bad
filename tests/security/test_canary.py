"""Canaries everywhere: real commands, in good days and bad ones, and no secret in anything that they wrote."""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from daemon.emulator import Emulator
from tests.postgres import GUARDED, Server, running_server
from tests.security.canary import Cage, Parrot, found_in, notify_socket
from tests.service.site import Site, until

KEPT, HELD = "carried-canary-of-a-record-1f7e", "held-canary-of-another-record-77c0"
BROKEN = """
import httpx

def broken(self, request, **_more):
    raise RuntimeError(f"{request.headers.raw} {request.content!r} {request.content.decode()}")

httpx.Client.send = broken
"""
"""A bug of a library whose error carries all that it was given."""


@pytest.fixture
def cage(tmp_path: Path) -> Iterator[Cage]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",))
        yield Cage(site)
        site.close()


def lead(cage: Cage, **values: object) -> str:
    return cage.site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "L", "Company": "C", **values})


@pytest.mark.timeout(300)  # some thirty processes
def test_no_command_shows_or_keeps_a_secret_in_good_days_and_bad_ones(cage: Cage) -> None:
    site, india, us = cage.site, cage.site.emu.orgs["india"], cage.site.emu.orgs["us"]
    cage.set('refresh_token = { env = "INDIA_TOKEN" }\n', "")
    code = india.grant_tokens[0]
    cage.secrets.append(code)
    cage.call("init", "new.toml", "--all-keys", code=0)
    cage.call("check", code=2)
    cage.call("auth", "india", stdin="1000.no.code\n", code=2)
    cage.call("auth", "india", stdin=code + "\n", code=0)
    cage.call("auth", "india", stdin=code + "\n", code=2)
    site.emu.quirks(unknown_picklist="reject")
    lead(cage, Description=KEPT)
    lead(cage, Description=HELD, Lead_Source="Carrier Pigeon")
    cage.call("check", code=0)
    cage.call("once", code=1)
    assert us.records("Leads")[0]["Description"] == KEPT
    for effect in ("token_expired", "html", "cut", "half", "garbage", "status"):
        more = {"status": 500, "code": "INTERNAL_ERROR"} if effect == "status" else {}
        for org in (india, us):
            org.faults.next(["list", "insert", "upsert", "coql"], effect=effect, times=2, **more)
        lead(cage, Description=KEPT)
        cage.call("once", "--json")
    for org in (india, us):
        org.faults.next(["coql"], effect="token_revoked", times=1)
    cage.call("once")
    for args in (
        *(("status",), ("status", "--json"), ("egress", "india-to-us"), ("db", "current"), ("db", "upgrade")),
        *(("retry", "--stream", "india-to-us/Leads"), ("resync", "india-to-us/Leads"), ("snapshot", "us")),
        *(("db", "copy", "--to", f"sqlite:///{site.folder}/copy.db"), ("match", "india-to-us/Leads")),
        *(("release", "india-to-us/Leads", "--accept", "1", "--reason", "x"), ("nonsense", "--verbose")),
    ):
        cage.call(*args)
    assert len(cage.secrets) >= 7
    assert cage.leaks() == []
    values = [(name, seen) for name, content in cage.written() if (seen := found_in(content, [KEPT, HELD]))]
    assert values == []


@pytest.mark.parametrize(
    ("shape", "status"), list(zip(Parrot.SHAPES, [500, 400, 200, 403, 401, 429, 302], strict=True))
)
def test_a_server_that_repeats_all_that_it_is_told_gets_nothing_shown_or_kept(
    cage: Cage, shape: str, status: int
) -> None:
    token, code = "1000.canarygiven0000cccc.canarygiven0000dddd", "1000.canarycode0000eeee.canarycode0000ffff"
    cage.secrets += [token, code]
    us = cage.site.emu.orgs["us"]
    for gives in (None, token):
        with Parrot(gives).running() as parrot:
            parrot.shape, parrot.status = shape, status
            cage.set(us.base_url, parrot.url)
            if gives:
                cage.call("once")
                cage.call("status")
            else:
                cage.call("auth", "us", stdin=f"{code}\n")
                cage.call("check", code=69 if status in (429, 500) else 2)
            cage.set(parrot.url, us.base_url)
            assert parrot.heard
    assert cage.leaks() == []


def test_a_running_daemon_tells_no_secret_to_its_log_to_systemd_or_to_whoever_lists_processes(cage: Cage) -> None:
    site, folder = cage.site, cage.site.folder
    site.env["NOTIFY_SOCKET"] = str(folder / "notify")
    with notify_socket(folder / "notify") as said:
        lead(cage, Description=KEPT)
        process = site.start("run", "--verbose", "--log-json")
        until(lambda: site.emu.orgs["us"].records("Leads"))
        seen = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        cage.call("retry", "--stream", "india-to-us/Leads", code=0)
        site.emu.orgs["us"].faults.next(["insert", "upsert"], effect="html", times=2)
        site.emu.orgs["india"].faults.next(["coql", "list"], effect="token_expired", times=2)
        lead(cage, Description=KEPT)
        until(lambda: len(site.emu.orgs["us"].records("Leads")) == 2, 30)
        cage.learn()
        process.send_signal(signal.SIGTERM)
        assert process.wait(12) == 0
        until(lambda: any(line.startswith(b"STOPPING=1") for line in said))
    assert any(line.startswith(b"READY=1") for line in said)
    assert found_in(seen + b"".join(said), [*cage.secrets, KEPT]) == []
    assert cage.leaks() == []
    assert found_in(site.log().encode(), [KEPT]) == []


@pytest.mark.parametrize("as_json", [False, True])
def test_a_bug_whose_text_holds_every_secret_is_told_without_them(cage: Cage, as_json: bool) -> None:
    folder = cage.site.folder / "broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BROKEN)
    cage.ours |= set(folder.rglob("*"))
    cage.call("check", code=0)  # leaves access tokens
    cage.site.env["PYTHONPATH"] = str(folder)
    said = cage.call("check", code=1)
    assert "RuntimeError" in said
    assert "****" in said
    for kept in cage.site.folder.glob("state/tokens/*.json"):
        kept.unlink()  # now the client secret is what is sent
    assert "****" in cage.call("check", code=1)
    process = cage.site.start("run", "--verbose", *(["--log-json"] if as_json else []))
    until(lambda: cage.site.log().count("RuntimeError") >= 1)
    process.terminate()
    process.wait(12)
    log = cage.site.log()
    assert "internal error (RuntimeError)" in log
    assert "Traceback" in log
    assert "****" in log
    assert cage.leaks() == []


def test_a_child_process_of_ours_inherits_no_secret(cage: Cage) -> None:
    program = """
import os, subprocess, sys
from pathlib import Path
from daemon.cli.context import load_settings
before = load_settings(Path("settings.toml"))
again = load_settings(Path("settings.toml"))  # what is taken out is not lost to whoever reads the settings once more
assert before.orgs["india"].client_secret == again.orgs["india"].client_secret
subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], check=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=cage.site.env, cwd=cage.site.folder, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert "'UNRELATED': 'kept'" in done.stdout
    assert "INDIA_SECRET" not in done.stdout
    assert found_in(done.stdout.encode(), cage.secrets) == []


def test_a_killed_process_leaves_no_core_with_secrets_in_it(cage: Cage) -> None:
    process = cage.site.start("run")
    until(lambda: "started with" in cage.site.log())
    [limit] = [line for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines() if "core file" in line]
    assert limit.split()[4] == "0"


def test_settings_that_are_wrong_show_no_secret_that_stands_in_them(cage: Cage) -> None:
    token = "1000.canaryinsettings00.canaryinsettings11"
    cage.ours.add(cage.site.settings)
    cage.secrets.append(token)
    right = cage.site.settings.read_text()
    for wrong in (
        f'client_secret = "{token}"',
        f'client_secret = {{ env = "{token}" }}',
        f'client_secret = {{ "{token}" = "x" }}',
        f'client_secret = "{token}',
        f'refresh_token = ["{token}"]',
        f'accounts_url = "https://{token}@accounts.zoho.in"',
    ):
        cage.site.settings.write_text(right.replace('client_secret = { env = "INDIA_SECRET" }', wrong))
        cage.call("run", code=78)
    assert cage.leaks() == []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


def test_the_password_of_the_ledger_is_shown_and_kept_nowhere(cage: Cage, server: Server) -> None:
    password, wrong = "canary-of+the/ledger-4711", "canary-that-is-wrong-0815"
    server.make("canary")
    server.sql("canary", f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{password}'")
    server.sql("canary", f"ALTER DATABASE canary OWNER TO {GUARDED}; ALTER SCHEMA public OWNER TO {GUARDED}")
    cage.secrets += [password, wrong]
    cage.secret_file("password", password)
    lead(cage, Description=KEPT)
    cage.call("once", code=0)
    url = server.url("canary").replace("orgsync@", f"{GUARDED}@")
    cage.call("db", "copy", "--to", url, "--password-file", "password", code=0)
    hidden = f"{url.replace('@', f':{quote(password)}@')}"
    cage.call("db", "copy", "--to", hidden)
    with cage.site.settings.open("a") as settings:
        settings.write(f'[ledger]\nurl = "{url}"\npassword = {{ file = "password" }}\n')
    lead(cage, Description=KEPT)
    for command in ("once", "status", "db current", "check"):
        cage.call(*command.split(), code=0)
    cage.secret_file("password", wrong)
    for command in ("once", "status", "db current", "run"):
        cage.call(*command.split(), code=69)
    cage.secret_file("password", password)
    process = cage.site.start("run", "--verbose")
    until(lambda: "started with" in cage.site.log())
    server.stop()
    until(lambda: "its server cannot be used" in cage.site.log())
    process.terminate()
    process.wait(12)
    server.start()
    assert cage.leaks() == []
    dump = [server.sql("canary", f'TABLE "{table}"') for (table,) in _tables(server, "canary")]
    assert len(dump) > 10
    assert found_in(repr(dump).encode(), [*cage.secrets, KEPT]) == []


def _tables(server: Server, name: str) -> list[tuple[str]]:
    return server.sql(name, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'")


def test_the_search_finds_a_canary_in_every_form(tmp_path: Path) -> None:
    secret = "1000.0a1b2c3d4e5f67/+.8e9f0a1b2c3d4e5f"
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as ledger:
        ledger.execute("create table t (x)")
        ledger.execute("insert into t values (?)", (f"said: {secret}",))
    for content in (
        path.read_bytes(),
        secret[: len(secret) // 2].encode(),
        secret.encode().hex().encode(),
        quote(secret, safe="").encode(),
        *(base64.b64encode(b"x" * n + secret.encode() + b"yz") for n in range(5)),
        json.dumps(secret).encode(),
        os.linesep.join(secret[n : n + 10] for n in range(0, len(secret), 10)).encode(),
    ):
        assert found_in(content, [secret, "another-secret-77"]) == [secret]
