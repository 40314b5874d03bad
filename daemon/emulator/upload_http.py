"""The upload before a bulk write: one zip in a multipart form (facts 7.2)."""

from __future__ import annotations

import io
import zipfile

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from daemon.emulator.bulk_errors import bad_upload_headers, file_too_large, not_a_zip
from daemon.emulator.bulk_jobs import Upload
from daemon.emulator.call import Call, Reply
from daemon.emulator.clock import zone_printer

MAX_BYTES = 25 * 1024 * 1024
_IN_MEMORY = 2 * MAX_BYTES


def upload_file(call: Call) -> Reply:
    """`POST /crm/v8/upload` with `feature: bulk-write` and X-CRM-ORG."""
    if call.headers.get("feature") != "bulk-write" or call.headers.get("x-crm-org") != call.org.zgid:
        raise bad_upload_headers()
    content = file_part(call.headers.get("content-type", ""), call.raw_body)
    if content is None:
        raise not_a_zip()
    if len(content) > MAX_BYTES:
        raise file_too_large()
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise not_a_zip()
    kept = Upload(id=call.org.new_id(), user=call.user.id, content=content)
    call.org.bulk.uploads[kept.id] = kept
    created = zone_printer(call.user.time_zone)(call.org.clock.stamp())
    details = {"file_id": str(kept.id), "created_time": created}
    done = {"status": "success", "code": "FILE_UPLOAD_SUCCESS", "message": "file uploaded.", "details": details}
    return Reply.of(200, done)


def file_part(content_type: str, body: bytes) -> bytes | None:
    """The content of the part `file`; None when there is no such part, or no readable form at all."""
    found: list[bytes] = []

    def keep(file: File) -> None:
        if file.field_name == b"file":
            file.file_object.seek(0)
            found.append(file.file_object.read())

    def ignore(field: Field) -> None:
        """Only files count."""

    headers = {"Content-Type": content_type.encode("latin-1", "replace")}
    config = {"MAX_MEMORY_FILE_SIZE": _IN_MEMORY}
    try:
        parser = create_form_parser(headers, ignore, keep, config=config)
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError):
        return None
    return found[0] if found else None
