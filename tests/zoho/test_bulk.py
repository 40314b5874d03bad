"""Bulk read over HTTP: the emulator's readings of Zoho, and a server that says anything else."""

import csv
import io
import zipfile

import pytest

from daemon.core.org import Secret
from daemon.emulator import Emulator
from daemon.zoho.bulk import Job, rows
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer, CredentialRefused, OrgUnavailable, RequestRefused
from tests.zoho.test_emulator import lead, org_of

ID = "700000000000201"
COLUMNS = ["Last_Name", "Modified_Time"]


@pytest.fixture(scope="module")
def emulator():
    with Emulator(quirks={"bulk_job_seconds": 0}) as emulator:
        yield emulator


@pytest.fixture
def real(emulator, tmp_path):
    emulator.reset()
    emulator.quirks(bulk_job_seconds=0)
    with Zoho(org_of(emulator.orgs["india"], tmp_path)) as zoho:
        yield zoho


def fetched(zoho, job_id, columns=COLUMNS):
    job, file = zoho.bulk_read(job_id), io.BytesIO()
    zoho.fetch_bulk_read(job_id, file)
    return list(rows("india", file, columns, job.rows))


@pytest.mark.parametrize(
    "quirks", [{}, {"bulk_csv_id": "id"}, {"bulk_csv_quoting": "all"}, {"bulk_result_early": "yes"}]
)
def test_a_job_holds_every_record_with_the_columns_in_the_order_asked_for(emulator, real, quirks):
    emulator.quirks(**quirks)
    names = ["Plain", 'a "quoted", one', "two\nlines", "ünïcode"]
    ids = [emulator.orgs["india"].insert_raw("Leads", lead(0, Last_Name=name)) for name in names]
    spent = real.credits_spent
    found = fetched(real, real.start_bulk_read("Leads", COLUMNS))
    assert [row[:2] for row in found] == [[i, name] for i, name in zip(ids, names, strict=True)]
    assert real.credits_spent - spent == 52


def test_the_next_records_are_read_by_a_token(emulator, real):
    emulator.quirks(bulk_read_page=2)
    ids = [emulator.orgs["india"].insert_raw("Leads", lead(n)) for n in range(3)]
    first = real.start_bulk_read("Leads", COLUMNS)
    token = real.bulk_read(first).next_token
    second = real.start_bulk_read("Leads", COLUMNS, token)
    assert [row[0] for one in (first, second) for row in fetched(real, one)] == ids
    assert real.bulk_read(second).next_token is None


@pytest.mark.parametrize("early", ["no", "yes"])
def test_a_job_that_runs_is_not_taken_for_done(emulator, real, early):
    emulator.quirks(bulk_job_seconds=60, bulk_result_early=early)
    job_id = real.start_bulk_read("Leads", COLUMNS)
    for _ in range(3):
        assert real.bulk_read(job_id) == Job(state="running")
        emulator.clock(advance=25)
    assert real.bulk_read(job_id).state == "done"


def test_a_job_that_fails_says_so_and_has_no_file(emulator, real):
    emulator.quirks(bulk_read_outcome="failure")
    job_id = real.start_bulk_read("Leads", COLUMNS)
    assert real.bulk_read(job_id).state == "failed"
    with pytest.raises(RequestRefused):
        real.fetch_bulk_read(job_id, io.BytesIO())


def test_what_zoho_refuses_is_told_apart(emulator, real):
    with pytest.raises(RequestRefused) as unknown:
        real.bulk_read(ID)
    assert unknown.value.code == "RESOURCE_NOT_FOUND"
    with pytest.raises(RequestRefused, match="FIELD_NOT_AVAILABLE"):
        real.start_bulk_read("Leads", ["Nonsense"])
    emulator.quirks(bulk_jobs_at_once=2, bulk_job_seconds=60)
    for _ in range(2):
        real.start_bulk_read("Leads", COLUMNS)
    with pytest.raises(OrgUnavailable, match="TOO_MANY_REQUESTS"):
        real.start_bulk_read("Leads", COLUMNS)


def test_ten_downloads_a_minute_and_then_the_org_rests(real):
    job_id = real.start_bulk_read("Leads", COLUMNS)
    for _ in range(10):
        real.fetch_bulk_read(job_id, io.BytesIO())
    with pytest.raises(OrgUnavailable):
        real.fetch_bulk_read(job_id, io.BytesIO())


def test_a_credential_without_the_scope_names_it(emulator, tmp_path):
    emulator.reset()
    india = emulator.orgs["india"]
    token = Secret(india.new_refresh_token(scopes=["ZohoCRM.modules.ALL", "ZohoCRM.coql.READ"]))
    with Zoho(org_of(india, tmp_path, refresh_token=token)) as zoho, pytest.raises(CredentialRefused, match="bulk"):
        zoho.start_bulk_read("Leads", COLUMNS)


# --- a server that says anything --------------------------------------------------------------------------------------


def job(**more):
    result = {"page": 1, "per_page": 200000, "count": 1, "download_url": "/x", "more_records": False}
    return {"data": [{"id": ID, "operation": "read", "state": "COMPLETED", "result": result, **more}]}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": [{"status": "success", "details": {}}]},
        {"data": [{"status": "success", "details": {"id": 7}}]},
        {"data": [{"status": "success", "details": {"id": ID}}] * 2},
        "<html>",
    ],
)
def test_a_job_without_an_id_is_none(zoho, server, answer):
    server.say(201, answer)
    with pytest.raises(BadAnswer):
        zoho.start_bulk_read("Leads", COLUMNS)
    assert len(server.calls) == 1


def test_a_job_that_may_have_been_made_is_not_made_again_at_once(zoho, server):
    server.say_raw(b"HTTP/1.1 201 X\r\nContent-Length: 50\r\n\r\n{")
    with pytest.raises(OrgUnavailable):
        zoho.start_bulk_read("Leads", COLUMNS)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        job(state="DREAMING"),
        job(state=None),
        job(result=None),
        job(result={"count": -1, "more_records": False}),
        job(result={"count": True, "more_records": False}),
        job(result={"count": 1}),
        job(result={"count": 1, "more_records": True}),
        {"data": job()["data"] * 2},
    ],
)
def test_a_state_that_cannot_be_read_is_an_error(zoho, server, answer):
    server.say(200, answer)
    with pytest.raises(BadAnswer):
        zoho.bulk_read(ID)


@pytest.mark.parametrize(
    ("state", "means"), [("IN PROGRESS", "running"), ("INPROGRESS", "running"), ("QUEUED", "running")]
)
def test_states_are_told_however_they_are_spelt(zoho, server, state, means):
    server.say(200, job(state=state))
    assert zoho.bulk_read(ID).state == means


def test_a_download_that_breaks_off_is_the_orgs_trouble(zoho, server):
    server.say_raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-download\r\nContent-Length: 500\r\n\r\nPK")
    with pytest.raises(OrgUnavailable):
        zoho.fetch_bulk_read(ID, io.BytesIO())


def test_a_download_that_is_too_large_is_not_written_to_its_end(zoho, server, monkeypatch):
    monkeypatch.setattr("daemon.zoho.transport.MAX_FILE", 10)
    server.say(200, b"x" * 11)
    file = io.BytesIO()
    with pytest.raises(OrgUnavailable, match="larger than 10"):
        zoho.fetch_bulk_read(ID, file)
    assert len(file.getvalue()) <= 10


# --- files ------------------------------------------------------------------------------------------------------------


def zipped(text, *others, compression=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for number, content in enumerate((text, *others)):
            archive.writestr(f"{number}.csv", content)
    return made


def table(*lines):
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


GOOD = table(["Id", "Last_Name", "Modified_Time"], ["7", "A", "t"], ["8", "B", "t"])


def test_a_file_may_begin_with_a_mark_and_hold_more_columns_than_asked_for():
    file = zipped("\ufeff" + table(["X", "MODIFIED_TIME", "id", "last_name"], ["x", "t", "7", "A"]))
    assert list(rows("india", file, COLUMNS, 1)) == [["7", "A", "t"]]


@pytest.mark.parametrize(
    ("file", "count"),
    [
        (io.BytesIO(b"<html>"), 1),
        (io.BytesIO(zipped(GOOD).getvalue()[:-30]), 2),
        (io.BytesIO(zipped(GOOD * 500).getvalue()[:60] + b"\x00" * 4 + zipped(GOOD * 500).getvalue()[64:]), 2),
        (zipped(GOOD, GOOD), 2),
        (zipped(""), 0),
        (zipped(GOOD), 1),
        (zipped(GOOD), 3),
        (zipped(table(["Id", "Last_Name"], ["7", "A"])), 1),
        (zipped(table(["Id", "Last_Name", "Modified_Time", "ID"], ["7", "A", "t", "8"])), 1),
        (zipped(table(["Id", "Last_Name", "Modified_Time"], ["7", "A"])), 1),
        (zipped('Id,Last_Name,Modified_Time\n7,"A,t'), 1),
        (zipped(b"Id,Last_Name,Modified_Time\n7,\xff,t"), 1),
        (zipped(table(["Id", "Last_Name", "Modified_Time"], ["7", "A" * 140_000, "t"])), 1),
    ],
)
def test_a_file_that_is_not_what_the_job_told_is_not_believed(file, count):
    with pytest.raises(BadAnswer, match="cannot be believed"):
        list(rows("india", file, COLUMNS, count))


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("daemon.zoho.bulk._MOST_LINE", 1000)
    with pytest.raises(BadAnswer, match="1000 characters"):
        list(rows("india", zipped("x" * 100_000), COLUMNS, 1))
