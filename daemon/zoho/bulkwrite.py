"""Bulk write: a CSV inside a zip is uploaded, a job makes records of its rows, a result file says what became of each
(facts 7.2). Only inserts: an upsert might match a stranger by another unique field (facts 4.6).

The token goes to the org's own hosts, whatever address an answer names for its file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal
from urllib.parse import urlsplit

from daemon.core.bulkwrite import Column
from daemon.core.record import is_record_id
from daemon.zoho import coql
from daemon.zoho.bulk import cells_of
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import BadAnswer, CallUncertain
from daemon.zoho.files import form
from daemon.zoho.shapes import WrongShapeError, as_id, as_object, as_text, objects, parse
from daemon.zoho.transport import Reply

_ROOT: Final = "crm/bulk/v8"
_UPLOAD: Final = "ZohoFiles.files.ALL"
_SCOPE: Final = "ZohoCRM.bulk.ALL"
_PRICE: Final = 500
_SLOWER: Final = 5  # deadlines that 25 MB may take
_FILE: Final = "rows"
_RUNNING: Final = frozenset({"ADDED", "QUEUED", "INPROGRESS"})
_FAILED: Final = frozenset({"FAILURE", "FAILED", "SKIPPED", "DELETED"})
_PATH: Final = re.compile(r"/+([\w-]+(?:/[\w-]+)*)/([\w-]+(?:\.zip)?)\Z", re.ASCII)
_FORMATS: Final = {"date": "yyyy-MM-dd", "datetime": "yyyy-MM-dd'T'HH:mm:ssXXX"}
_LINKED: Final = ("lookup", "owner", "user")
_RESULT: Final = ("STATUS", "RECORD_ID")
_NOT_MADE: Final = ("skipped", "unprocessed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A bulk write job as it is now; `path` (root, rest) leads to the file with what became of its `rows`."""

    state: Literal["running", "done", "failed"]
    rows: int = 0
    path: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one row: the record that was made of it; None: none was, for certain."""

    record_id: str | None


def upload(caller: Caller, zgid: str, content: bytes | bytearray) -> str:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{_FILE}.csv", content)
    kind, body = form(f"{_FILE}.zip", zipped.getvalue())
    headers = {"Content-Type": kind, "feature": "bulk-write", "X-CRM-ORG": zgid}
    call = Call(
        method="POST", path="upload", scope=_UPLOAD, headers=headers, content=body, slower=_SLOWER, to_content=True
    )
    return caller.read(call, _uploaded, "")


def _uploaded(found: Mapping[str, object]) -> str:
    return as_id("details.file_id", as_object("details", found.get("details")).get("file_id"))


def create(caller: Caller, module: str, file_id: str, columns: Sequence[Column], key: str) -> str:
    resource = {
        "type": "data",
        "module": {"api_name": coql.name(module)},
        "file_id": file_id,
        "file_names": [f"{_FILE}.csv"],
        "find_by": coql.name(key),
        "field_mappings": [_mapping(index, column) for index, column in enumerate(columns)],
    }
    body = {"operation": "insert", "character_encoding": "UTF-8", "ignore_empty": False, "resource": [resource]}
    call = Call(method="POST", path="write", root=_ROOT, scope=_SCOPE, body=body, credits=_PRICE)
    reply = caller.send(call)
    if 300 <= reply.status < 400 or reply.status >= 500:
        raise CallUncertain(caller.org.name, str(caller.bad(call, reply, "no job")))
    if reply.status not in (200, 201):
        raise caller.refusal(call, reply)
    return _made(caller, call, reply)


def _made(caller: Caller, call: Call, reply: Reply) -> str:
    try:
        found = parse(reply.body)
        if found.get("status") == "error":
            raise caller.refusal(call, reply)
        return as_id("details.id", as_object("details", found.get("details")).get("id"))
    except WrongShapeError as error:
        raise CallUncertain(caller.org.name, str(caller.bad(call, reply, str(error)))) from None


def _mapping(index: int, column: Column) -> dict[str, object]:
    """A lookup says by which field of its target it is given, a day and a moment how they are written."""
    mapping: dict[str, object] = {"api_name": coql.name(column.api_name), "index": index}
    if column.kind in _LINKED:
        mapping["find_by"] = "id"
    if column.kind in _FORMATS:
        mapping["format"] = _FORMATS[column.kind]
    return mapping


def look(caller: Caller, job_id: str) -> Job:
    path = f"write/{as_id('a job', job_id)}"
    found = caller.read(Call(method="GET", path=path, root=_ROOT, scope=_SCOPE), _job, None)
    if found is None:
        raise BadAnswer(caller.org.name, f"GET {path} was answered with nothing")
    return found


def _job(found: Mapping[str, object]) -> Job:
    """A part that failed may have made records before it did, and its file says nothing of them."""
    parts = objects(found, "resource")
    states = [_state("status", found), *(_state(f"resource[{at}].status", one) for at, one in enumerate(parts))]
    if any(state in _RUNNING for state in states):
        return Job(state="running")
    if any(state in _FAILED for state in states):
        return Job(state="failed")
    if len(parts) != 1 or states != ["COMPLETED"] * 2:
        raise WrongShapeError("status", "a known state of one part", states)
    rows = as_object("resource[0].file", parts[0].get("file")).get("total_count")
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
        raise WrongShapeError("resource[0].file.total_count", "a count", rows)
    url = as_text("result.download_url", as_object("result", found.get("result")).get("download_url"))
    at = _PATH.match(urlsplit(url).path)
    if at is None:
        raise WrongShapeError("result.download_url", "an address of a zip", url)
    return Job(state="done", rows=rows, path=(at[1], at[2]))


def _state(place: str, found: Mapping[str, object]) -> str:
    return as_text(place, found.get("status")).upper().replace(" ", "").replace("_", "")


def written(caller: Caller, job: Job, key: str, into: BinaryIO) -> dict[str, Written]:
    root, rest = job.path
    call = Call(method="GET", root=root, path=rest, scope=_SCOPE, into=into, slower=_SLOWER)
    if caller.fetch(call) is None:
        raise BadAnswer(caller.org.name, f"GET {root}/{rest} was answered with nothing")
    found: dict[str, Written] = {}
    for value, status, record_id in cells_of(caller.org.name, into, (key, *_RESULT), job.rows):
        if status.lower() in _NOT_MADE:
            found[value] = Written(record_id=None)
        elif status.lower() == "added" and is_record_id(record_id):
            found[value] = Written(record_id=record_id)
    return found
