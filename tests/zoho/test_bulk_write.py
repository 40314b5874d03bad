"""Bulk write over HTTP: the emulator's readings of Zoho, and a server that says anything else."""

import io
import zipfile
from dataclasses import replace

import pytest

from daemon.core.bulkwrite import Column
from daemon.core.org import DATA_CENTERS, Secret
from daemon.emulator import Emulator
from daemon.zoho.bulkwrite import Job, Written
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer, CallUncertain, CredentialRefused, OrgUnavailable, RequestRefused
from tests.sync.pair import KEY, add_key
from tests.zoho.test_emulator import org_of

ID = "700000000000201"
COLUMNS = [Column(api_name=KEY, kind="text"), Column(api_name="Last_Name", kind="text")]
CONTENT = b"Source_Record_ID,Last_Name\n600:1,One\n600:2,Two\n"


@pytest.fixture(scope="module")
def emulator():
    with Emulator(quirks={"bulk_job_seconds": 0}) as emulator:
        yield emulator


@pytest.fixture
def real(emulator, tmp_path):
    emulator.reset()
    emulator.quirks(bulk_job_seconds=0)
    add_key(emulator.orgs["india"], "Contacts")
    with Zoho(org_of(emulator.orgs["india"], tmp_path)) as zoho:
        yield zoho


def made(zoho, content=CONTENT):
    return zoho.start_bulk_write("Contacts", zoho.upload_rows(zoho.profile().zgid, content), COLUMNS, KEY)


@pytest.mark.parametrize("quirks", [{}, {"bulk_write_download_url": "absolute"}])
def test_a_job_makes_a_record_for_each_row_and_says_which(emulator, real, quirks):
    emulator.quirks(**quirks)
    spent = real.credits_spent
    job_id = made(real)
    job = real.bulk_write(job_id)
    assert (job.state, job.rows) == ("done", 2)
    written = real.bulk_written(job, KEY, io.BytesIO())
    names = {str(row["id"]): row["Last_Name"] for row in emulator.orgs["india"].records("Contacts")}
    assert {key: names[one.record_id] for key, one in written.items()} == {"600:1": "One", "600:2": "Two"}
    assert real.credits_spent - spent == 504  # who it is, the upload, the job, a look, the file


def test_a_row_whose_key_is_there_makes_no_record(emulator, real):
    made(real)
    again = real.bulk_write(made(real))
    assert real.bulk_written(again, KEY, io.BytesIO()) == dict.fromkeys(["600:1", "600:2"], Written(record_id=None))
    assert len(emulator.orgs["india"].records("Contacts")) == 2


@pytest.mark.parametrize("spelt", ["IN_PROGRESS", "INPROGRESS"])
def test_a_job_that_runs_is_not_taken_for_done(emulator, real, spelt):
    emulator.quirks(bulk_job_seconds=60, bulk_write_in_progress=spelt)
    job_id = made(real)
    for _ in range(3):
        assert real.bulk_write(job_id) == Job(state="running")
        emulator.clock(advance=25)
    assert real.bulk_write(job_id).state == "done"


@pytest.mark.parametrize("content", [b"Source_Record_ID,Last_Name\n", b"Nonsense\n600:1\n"])
def test_a_job_that_fails_says_so(real, content):
    assert real.bulk_write(made(real, content)).state == "failed"


def test_what_zoho_refuses_is_told_apart(emulator, real):
    with pytest.raises(BadAnswer, match="feature, X-CRM-ORG"):
        real.upload_rows("1", CONTENT)
    with pytest.raises(RequestRefused, match="INVALID_FILE_ID"):
        real.start_bulk_write("Contacts", ID, COLUMNS, KEY)
    with pytest.raises(RequestRefused, match="RESOURCE_NOT_FOUND"):
        real.bulk_write(ID)
    emulator.quirks(bulk_jobs_at_once=2, bulk_job_seconds=60)
    for _ in range(2):
        made(real)
    with pytest.raises(OrgUnavailable, match="TOO_MANY_REQUESTS"):
        made(real)


def test_a_credential_without_the_scopes_names_them(emulator, tmp_path):
    emulator.reset()
    india = emulator.orgs["india"]
    token = Secret(india.new_refresh_token(scopes=["ZohoCRM.modules.ALL", "ZohoCRM.org.ALL"]))
    with Zoho(org_of(india, tmp_path, refresh_token=token)) as zoho:
        with pytest.raises(CredentialRefused, match=r"ZohoFiles\.files"):
            zoho.upload_rows(zoho.profile().zgid, CONTENT)
        with pytest.raises(CredentialRefused, match=r"ZohoCRM\.bulk"):
            zoho.start_bulk_write("Contacts", ID, COLUMNS, KEY)


def test_files_go_to_the_content_host_of_the_same_domain(emulator, tmp_path):
    org = org_of(emulator.orgs["india"], tmp_path)
    assert org.content_url == org.api_url
    hosts = {code: replace(org, api_url=one.api_url).content_url for code, one in DATA_CENTERS.items()}
    assert (hosts["us"], hosts["au"]) == ("https://content.zohoapis.com", "https://content.zohoapis.com.au")
    assert len(set(hosts.values())) == len(hosts)


# --- a server that says anything --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "answer"), [(201, {}), (200, "<html>"), (502, "<html>"), (201, {"details": {"id": 7}})]
)
def test_a_job_that_may_have_been_made_is_not_known_to_be(zoho, server, status, answer):
    server.say(status, answer)
    with pytest.raises(CallUncertain):
        zoho.start_bulk_write("Contacts", ID, COLUMNS, KEY)
    assert len(server.calls) == 1


def job(url="/v2/crm/1/bulk-write/2/2.zip", status="COMPLETED", part="COMPLETED", rows=1):
    parts = [{"status": part, "file": {"total_count": rows}}]
    return {"status": status, "resource": parts, "result": {"download_url": url}}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        job(status="ODD"),
        job(rows="1"),
        job(rows=-1),
        job(url="/x/../../2.zip"),
        job(url="/x?a=b"),
        job(url="2.zip"),
        {**job(), "resource": []},
        {**job(), "resource": job()["resource"] * 2},
    ],
)
def test_a_state_that_says_nothing_certain_is_not_believed(zoho, server, answer):
    server.say(200, answer)
    with pytest.raises(BadAnswer):
        zoho.bulk_write(ID)


def test_a_part_that_failed_is_a_job_that_failed(zoho, server):
    server.say(200, job(part="FAILED"))
    assert zoho.bulk_write(ID).state == "failed"


def test_the_token_does_not_follow_the_address_of_the_file(zoho, server):
    server.say(200, job(url="https://elsewhere.example.com/v2/crm/1/bulk-write/2/2.zip"))
    found = zoho.bulk_write(ID)
    server.say_raw(raw(zipped("Source_Record_ID,STATUS,RECORD_ID,ERRORS\n600:1,added,700000000000209,\n")))
    assert zoho.bulk_written(found, KEY, io.BytesIO()) == {"600:1": Written(record_id="700000000000209")}
    assert server.calls[-1].path == "/v2/crm/1/bulk-write/2/2.zip"


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"PK\x03\x04half",
        "Source_Record_ID,STATUS\n600:1,added\n",
        "Source_Record_ID,STATUS,RECORD_ID,ERRORS\n600:1,added\n",
        "Source_Record_ID,STATUS,RECORD_ID,ERRORS\n",
    ],
)
def test_a_file_that_is_none_is_not_believed(zoho, server, content):
    server.say_raw(raw(content if isinstance(content, bytes) else zipped(content)))
    with pytest.raises(BadAnswer, match="cannot be believed"):
        zoho.bulk_written(Job(state="done", rows=1, path=("v2", "x.zip")), KEY, io.BytesIO())


@pytest.mark.parametrize("row", ["600:1,odd,700000000000209,", "600:1,added,,", "600:1,updated,700000000000209,"])
def test_a_row_that_says_nothing_certain_is_left_out(zoho, server, row):
    server.say_raw(raw(zipped(f"Source_Record_ID,STATUS,RECORD_ID,ERRORS\n{row}\n")))
    assert zoho.bulk_written(Job(state="done", rows=1, path=("v2", "x.zip")), KEY, io.BytesIO()) == {}


def zipped(text):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("rows.csv", text)
    return made.getvalue()


def raw(body):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
