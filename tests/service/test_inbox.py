"""The inbox of a running daemon: whatever lies in it, the daemon lives and the other requests are answered."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from daemon.service import inbox
from daemon.service.inbox import NoAnswerError, Request
from tests.service.site import until
from tests.sync.pair import running_pair


def test_no_request_ends_the_daemon_or_is_done_twice_and_the_others_are_answered(tmp_path: Path) -> None:
    box = tmp_path / "inbox"
    box.mkdir()
    (box / "0.request").write_text(json.dumps({"kind": "retry", "cause_id": 10**20}))
    (box / "1.request").write_bytes(b"\xff\x00 no JSON")
    (box / "2.request").write_text("[" * 100_000)
    (box / "3.request").write_text(json.dumps({"kind": "release", "accept": [1], "stream": {}}))
    (box / "4.request").write_text(json.dumps({"kind": "retry", "source_id": "\udcff"}))
    (box / "5.request").symlink_to("/proc/self/mem")  # a file that cannot be read, even by root
    os.mkfifo(box / "6.request")
    (box / "7.request").mkdir()
    (box / "8.request").write_text(json.dumps({"kind": "resync", "stream": "india-to-us/Leads"}))
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        done = inbox.serve(box, lambda request: inbox.carry_out(request, pair.ledger, pair.fleet._now()))
    assert done == (1, None)
    said = {path.name[0]: json.loads(path.read_text()) for path in box.glob("*.answer")}
    assert said["8"] == {"done": 1}
    assert [name for name, answer in sorted(said.items()) if "error" in answer] == ["0", "1", "2", "3", "4", "5"]
    assert "ask as the user that it runs as" in said["5"]["error"]
    assert inbox.serve(box, lambda request: pytest.fail(f"{request} once more")) == (0, None)


def test_a_request_that_ends_the_process_is_not_there_for_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "0.request").write_text(json.dumps({"kind": "retry"}))

    def killed(_request: Request) -> int:
        raise SystemExit

    with pytest.raises(SystemExit):
        inbox.serve(tmp_path, killed)
    assert inbox.serve(tmp_path, lambda _request: 1) == (0, None)


def test_whoever_gives_up_waiting_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match="nothing was changed"):
        inbox.ask(tmp_path / "inbox", Request(kind="retry"), timeout=0.1)
    assert list((tmp_path / "inbox").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask another user's daemon")
def test_what_root_asks_can_be_read_by_the_user_whose_daemon_it_is(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    box = tmp_path / "inbox"
    owners: list[int] = []

    def daemon() -> None:
        until(lambda: any(box.glob("*.request")))
        owners.extend(path.stat().st_uid for path in (box, *box.glob("*.request")))
        inbox.serve(box, lambda _request: 3)

    thread = threading.Thread(target=daemon)
    thread.start()
    assert inbox.ask(box, Request(kind="retry")) == 3
    thread.join()
    assert owners == [65534, 65534]
