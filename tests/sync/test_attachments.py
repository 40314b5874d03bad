"""Attachments go with their records: once each, never twice, whatever is lost; looked at when a record changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.core.rules import FieldChoice
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from daemon.settings import Settings
from tests.sync.pair import DEADLINE, LAG, Pair, add_key, make_settings, opened

WAIT = DEADLINE + LAG.total_seconds() + 1
STREAM = "india-to-us/Leads/Attachments"
PDF = b"%PDF-1.7 \x00\xff\r\n--not a boundary--\r\n" * 40


LINK = "https://example.com/doc"
HTTP = httpx.Client()


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


def with_files(settings: Settings, **more: Any) -> Settings:
    """Settings as `attachments = "1d"` of Leads makes them."""
    (route,) = settings.routes
    (leads,) = route.streams
    given = {"source_module": "Attachments", "target_module": "Attachments", "key": None, "files_of": "Leads"}
    files = replace(leads, address=STREAM, fields=FieldChoice(), compare=timedelta(days=1), **given, **more)
    return replace(settings, routes=(replace(route, streams=(leads, files)),))


@contextmanager
def filed(folder: Path, *, moves: bool = False, records: dict[str, Any] | None = None, **more: Any) -> Iterator[Pair]:
    """`moves`: attachments move their record's Modified_Time (facts 11.3)."""
    with Emulator(("in", "us"), quirks={"attachment_moves_modified_time": "yes" if moves else "no"}) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, folder, modules=("Leads",), **(records or {}))
        with opened(emu, with_files(settings, **more)) as pair:
            yield pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with filed(tmp_path) as pair:
        yield pair


def lead(pair: Pair, **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": "Lee", "Company": "C", **values})


def path(org: OrgHandle, record: str) -> str:
    return f"{org.base_url}/crm/v8/Leads/{record}/Attachments"


def attach(org: OrgHandle, record: str, name: str = "a.pdf", content: bytes = PDF, **params: str) -> str:
    form = {} if params else {"files": {"file": (name, content)}}
    answer = HTTP.post(path(org, record), headers=org.headers(), params=params, **form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"][0]["details"]["id"])


def detach(org: OrgHandle, record: str, file_id: str) -> None:
    assert HTTP.delete(f"{path(org, record)}/{file_id}", headers=org.headers()).status_code == 200


def attached(org: OrgHandle, record: str) -> list[tuple[str, bytes | str]]:
    """(name, content or link) of what hangs at a record."""
    answer = HTTP.get(path(org, record), headers=org.headers(), params={"fields": "File_Name"})
    rows = answer.json()["data"] if answer.status_code == 200 else []
    return sorted(
        (
            row["File_Name"],
            row["$link_url"] or HTTP.get(f"{path(org, record)}/{row['id']}", headers=org.headers()).content,
        )
        for row in rows
    )


def caught_up(pair: Pair) -> None:
    """Past the lag, behind which a record's own stream stays."""
    pair.once()
    pair.pass_time(LAG.total_seconds() + 5)
    pair.once()


def there(pair: Pair, record: str) -> list[tuple[str, bytes | str]]:
    return attached(pair.b, pair.counterpart("Leads", record)["id"])


def test_files_and_links_arrive_as_they_are_and_cost_nothing_when_nothing_changes(pair: Pair) -> None:
    mine, bare = lead(pair), lead(pair)
    attach(pair.a, mine)
    attach(pair.a, mine, 'a "q" ü.txt', b"")
    attach(pair.a, mine, attachmentUrl=LINK)
    caught_up(pair)
    assert there(pair, mine) == attached(pair.a, mine)
    assert sorted(str(content) for _, content in there(pair, mine)) == sorted(map(str, (PDF, b"", LINK)))
    assert there(pair, bare) == []
    assert pair.queue() == []
    assert pair.sql("select sum(seen), sum(updated) from cycles where stream like '%Attachments'") == [(2, 1)]
    assert pair.sql("select count(*), min(answer_code) from changes where module = 'Attachments'") == [(3, "SUCCESS")]
    pair.pass_time(60)
    pair.once()
    before = {org: len(pair.emu.log(org=org)) for org in ("india", "us")}
    pair.once()
    kinds = [call["kind"] for org, count in before.items() for call in pair.emu.log(org=org)[count:]]
    assert kinds == ["coql", "coql"]


def test_a_new_file_comes_with_a_change_of_its_record_or_else_with_the_walk(pair: Pair) -> None:
    edited, quiet = lead(pair), lead(pair)
    attach(pair.a, edited)
    caught_up(pair)
    attach(pair.a, edited)  # another one that is like the first
    attach(pair.a, quiet)
    pair.a.edit("Leads", edited, {"City": "Pune"})
    caught_up(pair)
    assert (len(there(pair, edited)), len(there(pair, quiet))) == (2, 0)
    pair.pass_time(86_400)
    pair.once()
    assert (len(there(pair, edited)), len(there(pair, quiet))) == (2, 1)
    assert len(pair.b.log(kind="attach")) == 3


def test_an_upload_whose_answer_was_lost_or_never_arrived_is_there_once(pair: Pair) -> None:
    mine = lead(pair)
    for _ in range(2):  # two that are alike
        attach(pair.a, mine)
    pair.once()
    pair.pass_time(LAG.total_seconds() + 5)
    pair.b.faults.next("attach", effect="cut", when="after")
    pair.b.faults.next("attach", effect="cut", when="before")
    pair.once()
    assert [state for _, state, _ in pair.queue()] == ["due"]
    assert len(there(pair, mine)) == 1
    sent = len(pair.b.log(kind="attach"))
    pair.ledger.retry(pair.fleet._now(), stream=STREAM)
    pair.once()
    assert len(pair.b.log(kind="attach")) == sent  # it may still be on its way
    pair.pass_time(WAIT)
    pair.once()
    assert there(pair, mine) == [("a.pdf", PDF)] * 2
    assert (pair.queue(), pair.sql("select count(*) from intents")) == ([], [(0,)])


def test_a_kill_between_the_upload_and_the_ledgers_commit_leaves_one(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = lead(pair)
    pair.once()
    attach(pair.a, mine)
    pair.pass_time(LAG.total_seconds() + 5)
    pair.cycle("Leads")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "settle", _killed)
        with pytest.raises(Killed):
            pair.cycle("Attachments")
    assert len(there(pair, mine)) == 1
    pair.pass_time(WAIT)
    pair.once()
    assert len(there(pair, mine)) == 1
    assert len(pair.b.log(kind="attach")) == 1
    assert (pair.queue(), pair.sql("select count(*) from intents")) == ([], [(0,)])


def _killed(*_: object) -> int:
    raise Killed


def test_an_older_and_an_empty_ledger_upload_nothing_again(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = with_files(make_settings(emu, tmp_path, modules=("Leads",)))
        with opened(emu, settings) as pair:
            mine = lead(pair)
            attach(pair.a, mine, "known.pdf")
            caught_up(pair)
        shutil.copy(tmp_path / "orgsync.db", tmp_path / "backup")
        with opened(emu, settings) as pair:
            attach(pair.a, mine, "later.pdf")
            attach(pair.b, pair.counterpart("Leads", mine)["id"], "a person's.pdf")
            pair.a.edit("Leads", mine, {"City": "Pune"})
            caught_up(pair)
            had = there(pair, mine)
            assert len(had) == 3
        for ledger in (tmp_path / "backup", None):
            for file in ("orgsync.db", "orgsync.db-wal", "orgsync.db-shm"):
                (tmp_path / file).unlink(missing_ok=True)
            if ledger is not None:
                shutil.copy(ledger, tmp_path / "orgsync.db")
            with opened(emu, settings, first_run="create") as pair:
                caught_up(pair)
                assert there(pair, mine) == had
                assert len(pair.b.log(kind="attach")) == 3
                assert pair.queue() == []


def test_what_is_deleted_in_a_goes_by_the_policy_and_a_persons_file_stays(tmp_path: Path) -> None:
    with filed(tmp_path, moves=True, deletes="delete") as pair:
        mine = lead(pair)
        goes, _ = attach(pair.a, mine, "goes.pdf"), attach(pair.a, mine, "stays.pdf")
        caught_up(pair)
        attach(pair.b, pair.counterpart("Leads", mine)["id"], "theirs.pdf")
        detach(pair.a, mine, goes)
        pair.b.faults.next("detach", effect="cut", when="after")
        caught_up(pair)
        pair.pass_time(3600)
        pair.once()
        assert [name for name, _ in there(pair, mine)] == ["stays.pdf", "theirs.pdf"]
        assert pair.queue() == []


def test_one_empty_list_of_a_deletes_nothing(tmp_path: Path) -> None:
    with filed(tmp_path, deletes="delete") as pair:
        mine = lead(pair)
        attach(pair.a, mine)
        caught_up(pair)
        pair.a.edit("Leads", mine, {"City": "Pune"})
        pair.a.faults.next("attachments", effect="status", status=204, body="empty")
        caught_up(pair)
        assert len(there(pair, mine)) == 1


def test_files_wait_for_their_record_and_follow_it_to_a_new_counterpart(tmp_path: Path) -> None:
    with filed(tmp_path, records={"gone": "recreate"}) as pair:
        mine = lead(pair, Email="none")
        attach(pair.a, mine)
        caught_up(pair)
        assert {(i, cause) for i, _, cause in pair.queue()} >= {(mine, "WAITS_FOR_PARENT")}
        pair.a.edit("Leads", mine, {"Email": "l@example.com"})
        caught_up(pair)
        assert (len(there(pair, mine)), pair.queue()) == (1, [])
        pair.b.delete("Leads", pair.counterpart("Leads", mine)["id"])
        pair.a.edit("Leads", mine, {"City": "Pune"})
        caught_up(pair)
        assert (there(pair, mine), pair.queue()) == ([("a.pdf", PDF)], [])
        pair.b.delete("Leads", pair.counterpart("Leads", mine)["id"])
        assert pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet._now())
        caught_up(pair)  # nothing moved the record's Modified_Time
        pair.pass_time(60)
        pair.once()
        assert (there(pair, mine), pair.queue()) == ([("a.pdf", PDF)], [])


def test_a_file_that_b_refuses_is_held_with_its_cause_and_holds_no_other(pair: Pair) -> None:
    mine = lead(pair)
    attach(pair.a, mine, "1.pdf")
    attach(pair.a, mine, "2.pdf")
    pair.b.faults.next("attach", effect="status", status=400, code="FILE_SIZE_MORE_THAN_ALLOWED_SIZE")
    caught_up(pair)
    assert [name for name, _ in there(pair, mine)] == ["2.pdf"]
    assert pair.queue() == [(mine, "held", "FILE_SIZE_MORE_THAN_ALLOWED_SIZE")]
    pair.ledger.retry(pair.fleet._now(), stream=STREAM)
    pair.once()
    assert [name for name, _ in there(pair, mine)] == ["1.pdf", "2.pdf"]
    assert pair.queue() == []


def test_a_page_from_the_edge_is_not_taken_for_a_file(pair: Pair) -> None:
    mine = lead(pair)
    attach(pair.a, mine)
    pair.a.faults.next("attachment", effect="html")
    caught_up(pair)
    pair.pass_time(3600)
    pair.once()
    assert there(pair, mine) == [("a.pdf", PDF)]


def test_a_record_whose_list_cannot_be_read_holds_no_other(pair: Pair) -> None:
    odd, mine = lead(pair), lead(pair)
    attach(pair.a, odd)
    attach(pair.a, mine)
    pair.a.faults.next("attachments", effect="garbage", shape="wrong_type")
    caught_up(pair)
    assert (len(there(pair, odd)), len(there(pair, mine))) == (0, 1)
    pair.pass_time(3600)
    pair.once()
    assert (len(there(pair, odd)), pair.queue()) == (1, [])


def test_too_many_deletions_stop_the_stream_before_the_first(tmp_path: Path) -> None:
    with filed(tmp_path, deletes="delete", fuse=Fuse(deletes=Limit(count=1))) as pair:
        mine = lead(pair)
        files = [attach(pair.a, mine, f"{n}.pdf") for n in range(3)]
        caught_up(pair)
        for file in files[:2]:
            detach(pair.a, mine, file)
        pair.a.edit("Leads", mine, {"City": "Pune"})
        caught_up(pair)
        assert len(there(pair, mine)) == 3
        assert pair.ledger.release(STREAM, 2, "meant", pair.fleet._now()) == "deletes"
        pair.once()
        assert [name for name, _ in there(pair, mine)] == ["2.pdf"]
