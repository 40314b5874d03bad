"""Bulk read: a job that puts up to 200,000 records into one CSV inside a zip (facts 7.1).

A file is believed whole or not at all: one member, the columns that were asked for, rows of one width, as many as the
job says, each text of a bounded length. It is read from disk row by row, however large it is.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from daemon.zoho import coql
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import BadAnswer, CallUncertain, OrgUnavailable, shown
from daemon.zoho.shapes import WrongShapeError, as_bool, as_id, as_object, as_text, objects, parse

_MOST_LINE: Final = 4 * 1024 * 1024  # characters; a cell is at most 131,072 (csv.field_size_limit)
_SCOPE: Final = "ZohoCRM.bulk.READ"
_ROOT: Final = "crm/bulk/v8"
_PRICE: Final = 50
_SLOWER: Final = 5  # deadlines that a download may take: it is larger than any answer
_RUNNING: Final = frozenset({"ADDED", "QUEUED", "INPROGRESS"})
_FAILED: Final = frozenset({"FAILURE", "FAILED", "SKIPPED", "DELETED"})
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    UnicodeDecodeError,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # a compression that Python does not know
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A bulk read job as it is now. Once it is done: how many rows its file has, and the token of the job that reads
    the next ones, if there are any.
    """

    state: Literal["running", "done", "failed"]
    rows: int = 0
    next_token: str | None = None


def create(caller: Caller, module: str, columns: Sequence[str], token: str | None) -> str:
    """Makes a job for all records of a module, or for those that a token stands for; gives its id.

    Costs 50 credits. Raises as reads do; OrgUnavailable also where it may have been made.
    """
    query: Mapping[str, object]
    if token is not None:
        query = {"page_token": token}
    else:
        query = {"module": {"api_name": coql.name(module)}, "fields": [coql.name(column) for column in columns]}
    call = Call(
        method="POST", path="read", root=_ROOT, scope=_SCOPE, body={"query": query, "file_type": "csv"}, credits=_PRICE
    )
    try:
        reply = caller.send(call)
    except CallUncertain as error:
        raise OrgUnavailable(caller.org.name, f"POST read: {error.what}") from None
    if reply.status not in (200, 201):
        raise caller.refusal(call, reply)
    try:
        return _made(parse(reply.body))
    except WrongShapeError as error:
        raise caller.bad(call, reply, str(error)) from None


def _made(found: Mapping[str, object]) -> str:
    one = _only(found)
    if one.get("status") != "success":
        raise WrongShapeError("data[0].status", "success", one.get("status"))
    return as_id("data[0].details.id", as_object("data[0].details", one.get("details")).get("id"))


def _only(found: Mapping[str, object]) -> Mapping[str, object]:
    jobs = objects(found, "data")
    if len(jobs) != 1:
        raise WrongShapeError("data", "one job", jobs)
    return jobs[0]


def look(caller: Caller, job_id: str) -> Job:
    """How a job is. Raises RequestRefused for one that is not known any more."""
    path = f"read/{as_id('a job', job_id)}"
    call = Call(method="GET", path=path, root=_ROOT, scope=_SCOPE)
    found = caller.read(call, _job, None)
    if found is None:
        raise BadAnswer(caller.org.name, f"GET {path} was answered with nothing")
    return found


def _job(found: Mapping[str, object]) -> Job:
    job = _only(found)
    state = as_text("data[0].state", job.get("state")).upper().replace(" ", "").replace("_", "")
    if state in _RUNNING:
        return Job(state="running")
    if state in _FAILED:
        return Job(state="failed")
    if state != "COMPLETED":
        raise WrongShapeError("data[0].state", "a known state", state)
    result = as_object("data[0].result", job.get("result"))
    count, token = result.get("count"), result.get("next_page_token")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise WrongShapeError("data[0].result.count", "a count", count)
    if not as_bool("data[0].result.more_records", result.get("more_records")):
        return Job(state="done", rows=count)
    return Job(state="done", rows=count, next_token=as_text("data[0].result.next_page_token", token))


def fetch(caller: Caller, job_id: str, into: BinaryIO) -> None:
    """Writes a finished job's zip into a file. Asked for once; raises as reads do, RequestRefused when it is gone."""
    path = f"read/{as_id('a job', job_id)}/result"
    call = Call(method="GET", path=path, root=_ROOT, scope=_SCOPE, into=into, slower=_SLOWER)
    if caller.fetch(call) is None:
        raise BadAnswer(caller.org.name, f"GET {path} was answered with nothing")


def rows(org: str, file: BinaryIO, columns: Sequence[str], count: int) -> Iterator[list[str]]:
    """The cells of every row of a fetched zip: the id, then these columns. Raises BadAnswer as soon as it is no such
    file, at its end also when it does not have `count` rows.
    """
    return cells_of(org, file, ("id", *columns), count)


def cells_of(org: str, file: BinaryIO, columns: Sequence[str], count: int) -> Iterator[list[str]]:
    """The cells of these columns, as `rows` gives them."""
    try:
        with zipfile.ZipFile(file) as archive:
            (member,) = archive.infolist()
            with archive.open(member) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
                yield from _cells(csv.reader(_lines(text), strict=True), columns, count)
    except (*_BROKEN, ValueError) as error:
        raise BadAnswer(org, f"the file of a bulk job cannot be believed: {shown(error)}") from None


def _cells(table: Iterator[list[str]], columns: Sequence[str], count: int) -> Iterator[list[str]]:
    header, seen = next(table, []), 0
    places = _places(header, columns)
    for seen, row in enumerate(table, 1):
        if len(row) != len(header) or seen > count:
            raise ValueError(f"row {seen} has {len(row)} of {len(header)} cells, and {count} rows were told")
        yield [row[place] for place in places]
    if seen != count:
        raise ValueError(f"it has {seen} rows, and {count} were told")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_MOST_LINE):
        if len(line) == _MOST_LINE:
            raise ValueError(f"a line has {_MOST_LINE} characters or more")
        yield line


def _places(header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where the columns stand. How a header spells the id is confirmed nowhere (facts 7.1)."""
    names = [name.strip().lower() for name in header]
    wanted = [name.lower() for name in columns]
    lost = [name for name in wanted if names.count(name) != 1]
    if lost:
        raise ValueError(f"its header does not name {', '.join(lost[:5])} exactly once")
    return [names.index(name) for name in wanted]
