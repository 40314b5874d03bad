"""What hangs at one record under a fixed name: its lock and its attachments (facts 10)."""

from __future__ import annotations

import io
from typing import Any

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.reads_http import path_id
from daemon.emulator.ripples import attached
from daemon.emulator.side import Attachment, Lock
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
MAX_ATTACHMENT = 20_000_000


def _record(call: Call) -> Record:
    record = call.org.tables[call.module.api_name].records.get(path_id(call))
    if record is None:
        raise errors.invalid_path_id()
    return record


def _done(number: int, message: str, status: int = 200) -> Reply:
    element = {"code": "SUCCESS", "details": {"id": str(number)}, "message": message, "status": "success"}
    return Reply.of(status, {"data": [element]})


def _set_locked(call: Call, record: Record, *, locked: bool) -> None:
    values = {name: value for name, value in record.values.items() if name != "Locked__s"}
    if locked:
        values["Locked__s"] = True
    changed = record.replaced(
        modified=record.modified, modified_by=record.modified_by, owner=record.owner, values=values
    )
    call.org.put(call.module.api_name, changed)


def get_lock(call: Call) -> Reply:
    """`GET /{module}/{id}/Locking_Information__s`: 204 when the record is free."""
    record = _record(call)
    lock = call.org.side.locks.get(record.id)
    if lock is None or not record.values.get("Locked__s") or (call.part is not None and call.part != str(lock.id)):
        return NO_CONTENT
    user, text = call.org.user(lock.by), zone_printer(call.user.time_zone)
    shown = {
        "id": str(lock.id),
        "Locked_Reason__s": lock.reason,
        "Lock_Source__s": "User",
        "Locked_Time__s": text(lock.at),
        "Locked_By__s": user.brief() if user else None,
        "Locked_For__s": {"module": {"api_name": call.module.api_name}, "id": str(record.id)},
    }
    return Reply.of(200, {"data": [shown]})


def lock_record(call: Call) -> Reply:
    """`POST /{module}/{id}/Locking_Information__s`: 201."""
    record, data = _record(call), call.json.get("data")
    if data is None:
        raise errors.body_key_missing("data")
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        raise errors.body_key_type("data", "jsonarray")
    reason = data[0].get("Locked_Reason__s")
    if reason is not None and not isinstance(reason, str):
        raise errors.body_key_type("Locked_Reason__s", "string", "$.data[0].Locked_Reason__s")
    if record.values.get("Locked__s"):
        raise errors.ZohoError(400, {"data": [errors.locked("$.data[0]").element]})
    lock = Lock(id=call.org.new_id(), reason=reason, at=call.org.clock.stamp(), by=call.user.id)
    call.org.side.locks[record.id] = lock
    _set_locked(call, record, locked=True)
    return _done(lock.id, "record locked successfully", 201)


def unlock_record(call: Call) -> Reply:
    """`DELETE /{module}/{id}/Locking_Information__s/{lock}`."""
    record = _record(call)
    lock = call.org.side.locks.get(record.id)
    if lock is None or str(lock.id) != call.part:
        raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 3})
    del call.org.side.locks[record.id]
    _set_locked(call, record, locked=False)
    return _done(lock.id, "record unlocked successfully")


def _file(call: Call) -> tuple[str, bytes] | None:
    found: list[tuple[str, bytes]] = []

    def keep(file: File) -> None:
        file.file_object.seek(0)
        name = (file.file_name or b"file").decode("utf-8", "replace")
        found.append((name, file.file_object.read()))

    def ignore(_: Field) -> None:
        """Plain fields of the form say nothing here."""

    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        return None
    try:
        parser = create_form_parser({"Content-Type": kind.encode("latin-1", "replace")}, ignore, keep)
        stream = io.BytesIO(call.raw_body)
        while chunk := stream.read(65_536):
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, ValueError):
        return None
    return found[0] if found else None


def attach(call: Call) -> Reply:
    """`POST /{module}/{id}/Attachments`: a file, or `attachmentUrl`."""
    record, link = _record(call), call.query.get("attachmentUrl")
    file = (link.rsplit("/", 1)[-1] or link, b"") if link else _file(call)
    if file is None:
        raise errors.missing_param("file")
    if len(file[1]) > MAX_ATTACHMENT:
        raise errors.refuse("FILE_SIZE_MORE_THAN_ALLOWED_SIZE", "file too large", {"limit": MAX_ATTACHMENT})
    org = call.org
    made = Attachment(id=org.new_id(), name=file[0], content=file[1], link=link, at=org.clock.stamp(), by=call.user.id)
    org.side.attachments.setdefault(record.id, {})[made.id] = made
    attached(org, call.module.api_name, record.id, call.user.id)
    at, by = zone_printer(call.user.time_zone)(made.at), call.user.brief()
    stamps = {"Modified_Time": at, "Modified_By": by, "Created_Time": at, "Created_By": by}
    text = "attachment uploaded successfully"
    element = {"code": "SUCCESS", "details": {"id": str(made.id), **stamps}, "message": text, "status": "success"}
    return Reply.of(200, {"data": [element]})


def list_attachments(call: Call) -> Reply:
    """`GET /{module}/{id}/Attachments`; `fields` is required (facts 10)."""
    record = _record(call)
    if not call.query.get("fields"):
        raise errors.missing_param("fields")
    held = list(call.org.side.attachments.get(record.id, {}).values())
    if not held:
        return NO_CONTENT
    info = {"per_page": 200, "count": len(held), "page": 1, "more_records": False}
    return Reply.of(200, {"data": [_shown(call, record, one) for one in held], "info": info})


def _shown(call: Call, record: Record, one: Attachment) -> Json:
    user, at = call.org.user(one.by), zone_printer(call.user.time_zone)(one.at)
    by = user.with_email() if user else None
    return {
        "id": str(one.id),
        "File_Name": one.name,
        "Size": str(len(one.content)),
        "Owner": by,
        "Created_By": by,
        "Modified_By": by,
        "Created_Time": at,
        "Modified_Time": at,
        "Parent_Id": {"name": call.org.display_name(call.module.api_name, record.id), "id": str(record.id)},
        "$se_module": call.module.api_name,
        "$link_url": one.link,
        "$type": "Link URL" if one.link else "Attachment",
        "$file_id": None if one.link else f"f{one.id}",
        "$editable": True,
    }


def get_attachment(call: Call) -> Reply:
    """`GET /{module}/{id}/Attachments/{part}`: the bytes; 204 for an unknown one."""
    held = call.org.side.attachments.get(_record(call).id, {}).get(parse_id(call.part) or 0)
    if held is None:
        return NO_CONTENT
    return Reply(status=200, body=held.content, content_type="application/octet-stream")


def detach(call: Call) -> Reply:
    """`DELETE .../Attachments/{part}` or `?ids=`."""
    record = _record(call)
    held = call.org.side.attachments.get(record.id, {})
    given = call.part or call.query.get("ids", "")
    if not given:
        raise errors.missing_param("ids")
    results = []
    for text in given.split(",")[:100]:
        if held.pop(parse_id(text) or 0, None) is None:
            results.append(errors.not_deleted({"id": text}).element)
        else:
            message = "record deleted"
            results.append({"code": "SUCCESS", "details": {"id": text}, "message": message, "status": "success"})
    good = sum(1 for one in results if one["status"] == "success")
    if good:
        attached(call.org, call.module.api_name, record.id, call.user.id)
    return Reply.of(400 if good == 0 else 200 if good == len(results) else 207, {"data": results})
