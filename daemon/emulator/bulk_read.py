"""Bulk read: which records a job holds, and the CSV or ICS inside its zip (facts 7.1). No HTTP."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from daemon.emulator import errors
from daemon.emulator.bulk_criteria import Reader, compile_criteria
from daemon.emulator.bulk_errors import bad_query
from daemon.emulator.bulk_jobs import Continuation, ReadJob, ReadQuery
from daemon.emulator.clock import zone_printer
from daemon.emulator.compare import Passes
from daemon.emulator.coql_columns import Bound, bind
from daemon.emulator.coql_parse import Column
from daemon.emulator.org import Org
from daemon.emulator.pagetoken import LIFETIME
from daemon.emulator.people import User
from daemon.emulator.schema import Module
from daemon.emulator.store import Record
from daemon.emulator.views import view_passes

Cell = Callable[[Record], Any]
NOT_READABLE = frozenset({"Notes", "Attachments", "Emails"})
NEVER_IN_CSV = frozenset({"subform", "multiselectlookup", "multiuserlookup", "imageupload", "fileupload"})
ICS_MODULES = frozenset({"Events"})
ICS_PAGE = 20_000


def column_of(org: Org, module: Module, name: str, caller: User) -> Bound | None:
    """The column behind a name, also through lookups; None when there is no such field."""
    try:
        return bind(org, module, Column(tuple(name.split("."))), caller)
    except errors.ZohoError:
        return None


def check_names(org: Org, query: ReadQuery, caller: User) -> None:
    """Refuse fields and criteria that this org cannot read."""
    module = org.modules[query.module]
    for name in query.fields:
        item = module.fields.get(name)
        if item is not None and item.data_type in NEVER_IN_CSV:
            raise bad_query("FIELD_NOT_SUPPORTED", api_name=name, module=query.module)
        if column_of(org, module, name, caller) is None:
            raise bad_query("FIELD_NOT_AVAILABLE", api_name=name, module=query.module)
    _condition(org, query, caller)


def _condition(org: Org, query: ReadQuery, caller: User) -> Passes:
    """The test of the criteria and of the custom view, both of which a record must pass."""
    module = org.modules[query.module]
    reader = Reader(bind=lambda name: column_of(org, module, name, caller), quirks=org.quirks)
    tests = [compile_criteria(reader, query.criteria)] if query.criteria is not None else []
    if query.cvid is not None:
        tests.append(_view(org, module, query.cvid, caller))
    return lambda record: all(test(record) for test in tests)


def _view(org: Org, module: Module, cvid: str, caller: User) -> Passes:
    try:
        return view_passes(org, module, cvid, caller)
    except errors.ZohoError:
        raise bad_query("CVID_NOT_SUPPORTED", cvid=cvid, module=module.api_name) from None


def finish(org: Org, job: ReadJob) -> None:
    """Make the job's zip from the data as it is now; a job is made once."""
    if job.content is not None:
        return
    caller = org.user(job.user) or org.administrator
    module = org.modules.get(job.query.module)
    try:
        # the schema may have changed since the job was created
        passes = _condition(org, job.query, caller) if module is not None else None
    except errors.ZohoError:
        passes = None
    if module is None or passes is None:
        job.fails = True
        return
    first = (job.page - 1) * job.per_page
    found = list(islice(_matching(org, job.query, passes), first, first + job.per_page + 1))
    job.more = len(found) > job.per_page
    records = found[: job.per_page]
    job.count = len(records)
    write = _calendar if job.query.file_type == "ics" else _csv
    job.content = _zip(f"{job.id}.{job.query.file_type}", write(org, module, job.query.fields, records, caller))
    if job.more:
        job.next_token = _token(org, job)


def _matching(org: Org, query: ReadQuery, passes: Passes) -> Iterator[Record]:
    skip_converted = org.quirks["bulk_read_converted"] == "exclude"
    for record in org.visible(query.module).by_id(None):
        if passes(record) and not (skip_converted and record.values.get("Converted__s")):
            yield record


def _token(org: Org, job: ReadJob) -> str:
    token = hashlib.sha256(f"{job.id}/{job.page}".encode()).hexdigest()
    expires = max(org.clock.now(), job.due) + LIFETIME
    org.bulk.tokens[token] = Continuation(query=job.query, page=job.page + 1, user=job.user, expires=expires)
    return token


def continue_from(org: Org, token: str, caller: User) -> Continuation:
    """What a page_token stands for, or Zoho's refusal."""
    found = org.bulk.tokens.get(token)
    if found is None or found.user != caller.id:
        raise errors.page_token_foreign()
    if org.clock.now() > found.expires:
        raise errors.page_token_expired()
    return found


def _zip(name: str, text: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(zipfile.ZipInfo(name), text.encode(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


# --- the file ---------------------------------------------------------------------------------------------------------


def _csv(org: Org, module: Module, fields: tuple[str, ...], records: list[Record], caller: User) -> str:
    id_header = org.quirks["bulk_csv_id"]
    names = list(fields) or [
        name for name, item in module.fields.items() if item.data_type not in NEVER_IN_CSV and name != "id"
    ]
    if "id" not in names:
        names.insert(0, "id")
    text_of, booleans = _moments(org.quirks["bulk_csv_datetime"], caller), _BOOLEANS[org.quirks["bulk_csv_boolean"]]
    cells = [_cell(column_of(org, module, name, caller), text_of, booleans) for name in names]
    dialect = csv.unix_dialect if org.quirks["bulk_csv_quoting"] == "all" else csv.excel
    text = io.StringIO()
    writer = csv.writer(text, dialect, lineterminator="\n")
    writer.writerow([id_header if name == "id" else name for name in names])
    writer.writerows([cell(record) for cell in cells] for record in records)
    return text.getvalue()


_BOOLEANS = {"lower": ("false", "true"), "upper": ("FALSE", "TRUE"), "number": ("0", "1")}


def _moments(form: str, caller: User) -> Callable[[int], str]:
    """How moments are printed: in the caller's zone, in UTC with a Z, or in the caller's zone without its offset."""
    text = zone_printer("UTC" if form == "utc" else caller.time_zone)
    if form == "utc":
        return lambda moment: text(moment).replace("+00:00", "Z")
    return text if form == "offset" else lambda moment: text(moment)[:19].replace("T", " ")


def _cell(bound: Bound | None, text: Callable[[int], str], booleans: tuple[str, str]) -> Cell:
    """How one cell is printed: lookups as ids, moments in the caller's zone, lists joined by semicolons."""
    if bound is None:
        return lambda _: None  # a field that was removed since the job was created
    raw, kind = bound.raw, bound.field.data_type
    if kind == "datetime":
        return lambda record: text(value) if isinstance(value := raw(record), int) else value
    if kind == "boolean":
        return lambda record: booleans[bool(raw(record))]
    return lambda record: ";".join(map(str, value)) if isinstance(value := raw(record), list) else value


def _calendar(org: Org, module: Module, _: tuple[str, ...], records: list[Record], caller: User) -> str:
    title, start, end = (
        column_of(org, module, name, caller) for name in (module.display, "Start_DateTime", "End_DateTime")
    )
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Zoho CRM//EN"]
    for record in records:
        lines += ["BEGIN:VEVENT", f"UID:{record.id}"]
        lines += [f"SUMMARY:{_escaped(title.raw(record))}"] if title else []
        lines += [f"DTSTART:{_stamp(start.raw(record))}"] if start and start.raw(record) is not None else []
        lines += [f"DTEND:{_stamp(end.raw(record))}"] if end and end.raw(record) is not None else []
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _escaped(value: Any) -> str:
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _stamp(value: Any) -> str:
    text = zone_printer("UTC")(value) if isinstance(value, int) else str(value)
    return text.removesuffix("+00:00").replace("-", "").replace(":", "") + "Z"
