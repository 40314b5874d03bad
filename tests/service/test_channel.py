"""An alert leaves by a webhook or a command, and shows neither a secret nor the address."""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.core.alerts import Alerting, Incident
from daemon.core.org import Secret
from daemon.ledger.alerts import Notice
from daemon.service import channel
from daemon.service.channel import Untold, document, tell
from tests.service.receiver import receiving

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FUSE = Incident(kind="fuse", subject="r/Leads", mark="3", what="r/Leads is stopped", command="orgsync release r/Leads")
BEGAN = Notice(number=5, event="opened", incident=FUSE, opened_at=NOON, resolved_at=None, tries=1)
ENDED = Notice(
    number=5, event="resolved", incident=FUSE, opened_at=NOON, resolved_at=NOON + timedelta(minutes=1), tries=1
)


def script(folder: Path, text: str) -> Path:
    path = folder / "tell.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)
    return path


def test_what_is_told_has_the_next_command_in_it_and_an_id_that_stays() -> None:
    began, ended = document(BEGAN, "L"), document(ENDED, "L")
    assert began == {
        "schema": 1,
        "id": "L/5/opened",
        "event": "opened",
        "kind": "fuse",
        "subject": "r/Leads",
        "what": "r/Leads is stopped",
        "command": "orgsync release r/Leads",
        "opened_at": "2026-05-04T12:00:00+00:00",
        "resolved_at": None,
        "text": "orgsync: r/Leads is stopped. Next: orgsync release r/Leads",
    }
    assert (ended["id"], ended["event"]) == ("L/5/resolved", "resolved")
    assert ended["text"] == "orgsync: over since 2026-05-04 12:01:00 UTC: r/Leads is stopped"


def test_a_notice_that_it_began_is_the_same_when_it_is_told_after_the_end() -> None:
    late = Notice(
        number=5, event="opened", incident=FUSE, opened_at=NOON, resolved_at=NOON + timedelta(minutes=1), tries=9
    )
    assert document(late, "L") == document(BEGAN, "L")


def test_a_webhook_gets_json() -> None:
    with receiving() as hook:
        tell(Alerting(webhook=Secret(hook.url)), document(BEGAN, "L"))
    assert hook.got == [document(BEGAN, "L")]
    assert hook.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [302, 400, 500])
def test_an_answer_that_is_no_success_is_told_without_the_address_and_followed_nowhere(status: int) -> None:
    with receiving() as hook, receiving() as elsewhere:
        hook.status, hook.location = status, elsewhere.url
        with pytest.raises(Untold) as error:
            tell(Alerting(webhook=Secret(hook.url)), document(BEGAN, "L"))
    assert str(error.value) == f"the webhook answered {status}"
    assert elsewhere.got == []


def test_a_webhook_that_is_away_is_told_without_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/the-key"
        with pytest.raises(Untold) as error:
            tell(Alerting(webhook=Secret(url)), document(BEGAN, "L"))
    assert "the-key" not in str(error.value)
    assert "cannot be reached" in str(error.value)


def test_no_proxy_of_the_environment_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with receiving() as hook:
        tell(Alerting(webhook=Secret(hook.url)), document(BEGAN, "L"))
    assert len(hook.got) == 1


def test_a_command_gets_json_on_its_input_and_its_arguments_as_they_are(tmp_path: Path) -> None:
    path = script(tmp_path, f'cat > {tmp_path}/got; printf "%s" "$1" > {tmp_path}/argument; pwd > {tmp_path}/where')
    tell(Alerting(command=(str(path), "$(id); `id` * 'x'")), document(BEGAN, "L"))
    assert json.loads((tmp_path / "got").read_text()) == document(BEGAN, "L")
    assert (tmp_path / "argument").read_text() == "$(id); `id` * 'x'"
    assert (tmp_path / "where").read_text() == "/\n"


def test_a_command_gets_nothing_of_our_environment_nor_of_our_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORGSYNC_US_CLIENT_SECRET", "canary")
    path = script(tmp_path, f"env > {tmp_path}/env; ls /proc/self/fd > {tmp_path}/fds")
    with (tmp_path / "open").open("w") as open_file:
        os.set_inheritable(open_file.fileno(), True)
        tell(Alerting(command=(str(path),)), document(BEGAN, "L"))
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    assert len((tmp_path / "fds").read_text().split()) == 4  # 0, 1, 2 and the folder that ls reads


def test_a_command_that_fails_or_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Untold, match="ended with 7"):
        tell(Alerting(command=(str(script(tmp_path, "exit 7")),)), document(BEGAN, "L"))
    with pytest.raises(Untold, match="cannot be started: No such file"):
        tell(Alerting(command=(str(tmp_path / "none"),)), document(BEGAN, "L"))


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_TIMEOUT_S", 0.5)
    path = script(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; wait")
    with pytest.raises(Untold, match="did not end"):
        tell(Alerting(command=(str(path),)), document(BEGAN, "L"))
    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    for _ in range(100):
        if not child.exists() or ") Z" in child.read_text():
            return
        time.sleep(0.05)
    pytest.fail("its child lives on")
