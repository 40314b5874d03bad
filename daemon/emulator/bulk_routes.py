"""Which function answers which bulk call."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.emulator import bulk_read_http, bulk_write_http, upload_http
from daemon.emulator.call import Handler

BULK_HANDLERS: Mapping[str, Handler] = {
    "bulk_read": bulk_read_http.create_read,
    "bulk_read_status": bulk_read_http.read_status,
    "bulk_read_result": bulk_read_http.read_result,
    "upload": upload_http.upload_file,
    "bulk_write": bulk_write_http.create_write,
    "bulk_write_status": bulk_write_http.write_status,
    "bulk_write_result": bulk_write_http.write_result,
}
