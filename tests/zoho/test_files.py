"""Attachments: the form that leaves, the answers that are believed, and what is never taken for a file."""

import pytest

from daemon.core.answer import Done, Gone, NotSent, Refused, Uncertain
from daemon.core.files import File
from daemon.zoho.errors import BadAnswer, OrgUnavailable, RequestRefused

ID, TIME = "700000000000201", "2026-03-01T09:05:00+01:00"
FILE = File(file_id="700000000000301", name="a.pdf", size="3")
DONE = {"code": "SUCCESS", "details": {"id": "900", "Modified_Time": TIME}, "message": "m", "status": "success"}
PATH = f"/crm/v8/Leads/{ID}/Attachments"


def listing(*rows, more=False, token=None):
    return {"data": list(rows), "info": {"more_records": more, "next_page_token": token}}


def row(file_id="301", **more):
    return {"id": file_id, "File_Name": "a.pdf", "Size": "3", "$link_url": None, **more}


def test_a_file_travels_byte_for_byte_in_a_form_that_its_name_cannot_break(zoho, server):
    server.say(200, {"data": [DONE]})
    content = b"\r\n--x\x00\xff"
    answer = zoho.upload("Leads", ID, File(file_id="1", name='a"b\r\nX: y.pdf', size="7"), content)
    assert isinstance(answer, Done)
    assert answer.record_id == "900"
    [call] = server.calls
    kind = call.headers["content-type"]
    boundary = kind.partition("boundary=")[2].encode()
    assert (call.method, call.path) == ("POST", PATH)
    assert kind.startswith("multipart/form-data; ")
    assert call.body == (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="a%22b%0D%0AX: y.pdf"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--" + boundary + b"--\r\n"
    )


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"data": [{**DONE, "details": {"id": "900"}}]}, Uncertain),  # without a time: the list will tell
        (500, "<html>", Uncertain),
        (200, "<html>", Uncertain),
        (429, {"code": "TOO_MANY_REQUESTS", "details": {}, "message": "m", "status": "error"}, NotSent),
        (400, {"data": [{"code": "INVALID_DATA", "details": {}, "message": "m", "status": "error"}]}, Refused),
    ],
)
def test_what_became_of_an_upload(zoho, server, status, body, kind):
    server.say(status, body)
    assert isinstance(zoho.upload("Leads", ID, FILE, b"abc"), kind)
    assert len(server.calls) == 1


def test_a_link_is_attached_as_a_link(zoho, server):
    server.say(200, {"data": [DONE]})
    zoho.upload("Leads", ID, File(file_id="1", name="doc", size="0", link="https://x.example/a?b=c"), b"")
    [call] = server.calls
    assert (call.path, call.query, call.body) == (PATH, {"attachmentUrl": "https://x.example/a?b=c"}, b"")


def test_a_list_is_read_to_its_end(zoho, server):
    server.say(200, listing(row("301"), more=True, token="t"))
    server.say(200, listing(row("302", Size=3, **{"$link_url": "https://x.example"})))
    files = zoho.attachments("Leads", ID)
    assert [(f.file_id, f.size, f.link) for f in files] == [("301", "3", None), ("302", "3", "https://x.example")]


def test_no_list_is_not_an_empty_list(zoho, server):
    server.say(204)
    assert zoho.attachments("Leads", ID) == []
    unknown = {"code": "INVALID_DATA", "details": {"resource_path_index": 1}, "message": "m", "status": "error"}
    server.say(400, unknown)
    assert zoho.attachments("Leads", ID) is None
    server.say(400, {**unknown, "code": "SOMETHING"})
    with pytest.raises(RequestRefused):
        zoho.attachments("Leads", ID)
    for wrong in ({"File_Name": None}, {"id": 7}):
        server.say(200, listing(row(**wrong)))
        with pytest.raises(BadAnswer):
            zoho.attachments("Leads", ID)


def test_a_download_is_the_file_or_nothing_or_an_error(zoho, server):
    octets = {"Content-Type": "application/octet-stream"}
    server.say(200, b"\x00\xff\n", **octets)
    assert zoho.download("Leads", ID, FILE) == b"\x00\xff\n"
    server.say(204)
    assert zoho.download("Leads", ID, FILE) is None
    server.say(200, b"<p>", **{"Content-Type": "text/html"})  # a page of HTML that is the file
    assert zoho.download("Leads", ID, FILE) == b"<p>"
    server.say(200, b"<html>busy</html>", **{"Content-Type": "text/html"})
    with pytest.raises(BadAnswer):
        zoho.download("Leads", ID, FILE)
    server.say(500, b"no")
    with pytest.raises(OrgUnavailable):
        zoho.download("Leads", ID, FILE)


def test_a_file_that_is_not_there_is_gone(zoho, server):
    gone = {"code": "INVALID_DATA", "details": {"id": "301"}, "message": "record not deleted", "status": "error"}
    server.say(400, {"data": [gone]})
    [answer] = zoho.detach("Leads", ID, ["301"])
    assert isinstance(answer, Gone)
