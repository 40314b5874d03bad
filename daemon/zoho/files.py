"""Attachments of a record: listed, downloaded, uploaded, deleted (facts 10).

A file travels in memory, under the transport's cap and deadline.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from daemon.core.answer import Answer
from daemon.core.files import ATTACHMENTS, File
from daemon.zoho import coql
from daemon.zoho.answers import Sent
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import RequestRefused
from daemon.zoho.shapes import as_id, as_text, more_of, objects
from daemon.zoho.transport import MAX_BODY
from daemon.zoho.writes import settle

LARGEST: Final = MAX_BODY
"""Bytes of a file that can be carried."""
_SCOPE: Final = "ZohoCRM.modules.ALL"
_FIELDS: Final = "File_Name,Size,$link_url"
_MOST_PAGES: Final = 50
_PAGES_OF_ERRORS: Final = ("text/html", "application/json")


def attached(caller: Caller, module: str, record_id: str) -> list[File] | None:
    found: list[File] = []
    nothing: tuple[list[File], bool, str | None] = ([], False, None)
    params = {"fields": _FIELDS, "per_page": "200"}
    for page in range(1, _MOST_PAGES + 1):
        call = Call(method="GET", path=_path(module, record_id), scope=_SCOPE, params=params)
        try:
            files, more, token = caller.read(call, _page, nothing)
        except RequestRefused as error:
            if error.code == "INVALID_DATA" and error.details.get("resource_path_index") == 1:
                return None
            raise
        found += files
        if not more:
            return found
        params = {**params, **({"page_token": token} if token else {"page": str(page + 1)})}
    what = f"more than {_MOST_PAGES} pages of attachments"
    raise RequestRefused(caller.org.name, f"{module} {record_id}: {what}", code="TOO_MANY", details={})


def download(caller: Caller, module: str, record_id: str, file: File) -> bytes | None:
    call = Call(method="GET", path=f"{_path(module, record_id)}/{_id(file.file_id)}", scope=_SCOPE)
    reply = caller.fetch(call)
    if reply is None:
        return None
    if reply.content_type in _PAGES_OF_ERRORS and str(len(reply.body)) != file.size:
        raise caller.bad(call, reply, f"{file.size} bytes of a file were expected")  # a page from the edge, perhaps
    return reply.body


def upload(caller: Caller, module: str, record_id: str, file: File, content: bytes) -> Answer:
    if file.link is not None:
        call = Call(method="POST", path=_path(module, record_id), scope=_SCOPE, params={"attachmentUrl": file.link})
    else:
        kind, body = form(file.name, content)
        call = Call(
            method="POST", path=_path(module, record_id), scope=_SCOPE, headers={"Content-Type": kind}, content=body
        )
    (answer,) = settle(caller, call, Sent(ids=[None]))
    return answer


def detach(caller: Caller, module: str, record_id: str, file_ids: Sequence[str]) -> list[Answer]:
    answers: list[Answer] = []
    for file_id in file_ids:
        call = Call(method="DELETE", path=f"{_path(module, record_id)}/{_id(file_id)}", scope=_SCOPE)
        answers += settle(caller, call, Sent(ids=[file_id], deletes=True))
    return answers


def form(name: str, content: bytes) -> tuple[str, bytes]:
    """Content type and body of a form with one file; the name is escaped as browsers do."""
    boundary = secrets.token_hex(16)
    shown = "".join(quote(c) if c in '"\r\n' else c for c in name)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


def _page(found: Mapping[str, object]) -> tuple[list[File], bool, str | None]:
    files = []
    for place, row in enumerate(objects(found, "data")):
        size, link = row.get("Size"), row.get("$link_url")
        files.append(
            File(
                file_id=as_id(f"data[{place}].id", row.get("id")),
                name=as_text(f"data[{place}].File_Name", row.get("File_Name")),
                size="" if size is None else str(size),
                link=link if isinstance(link, str) and link else None,
            )
        )
    info = found.get("info")
    token = info.get("next_page_token") if isinstance(info, dict) else None
    return files, more_of(found), token if isinstance(token, str) else None


def _path(module: str, record_id: str) -> str:
    return f"{coql.name(module)}/{_id(record_id)}/{ATTACHMENTS}"


def _id(record_id: str) -> str:
    return as_id("an id", record_id)
