"""Zoho's refusals of bulk calls (facts 7, OAS25:bulk_read and bulk_write).

The codes are Zoho's; most texts of bulk read are placeholders, for the sources name its codes only.
"""

from __future__ import annotations

from typing import Any

from daemon.emulator.errors import ZohoError, refuse

Json = dict[str, Any]


def not_found(resource: object, status: int = 404) -> ZohoError:
    """No such job, or no result of it yet (facts 12.9)."""
    return refuse("RESOURCE_NOT_FOUND", "The requested resource doesn't exist.", {"resource": resource}, status=status)


def no_media_type() -> ZohoError:
    """A bulk read without a JSON Content-Type (facts 7.1)."""
    return refuse("MEDIA_TYPE_NOT_SUPPORTED", "Media type is not supported", status=415)


def no_body(code: str) -> ZohoError:
    """REQUEST_BODY_IS_EMPTY or REQUEST_BODY_NOT_READABLE."""
    return refuse(code, "Request body is empty" if code.endswith("EMPTY") else "Request body is not readable")


def bad_query(code: str, **details: Any) -> ZohoError:
    """A query of a bulk read that Zoho does not take; the text is the code in words."""
    return refuse(code, code.replace("_", " ").capitalize(), details)


def bad_callback(code: str) -> ZohoError:
    """A callback that Zoho does not take."""
    details = {"supported_callback_methods": ["post"]} if code == "INVALID_CALLBACK_METHOD" else {}
    return refuse(code, "Given callback is invalid", details)


def module_not_available(name: object) -> ZohoError:
    """The module does not exist (message from OAS25:bulk_write)."""
    return refuse("MODULE_NOT_AVAILABLE", f"Requested module '{name}' is not available.", {"module": name})


def missing_key(name: str, where: str = "") -> ZohoError:
    """A key of the body is absent (message from OAS25:bulk_write)."""
    text = f"required key {name}{f' for field {where}' if where else ''} is not found in request body."
    return refuse("COLUMN_INDEX_NOT_FOUND" if name == "index" else "MISSING_REQUIRED_KEY", text, {"api_name": name})


def invalid_data(name: str, expected: str) -> ZohoError:
    """A key of the body has the wrong type or value."""
    return refuse("INVALID_DATA", "invalid data", {"api_name": name, "expected_data_type": expected})


def invalid_field(name: object) -> ZohoError:
    """A mapping to a field that does not exist (message from OAS25:bulk_write)."""
    return refuse("INVALID_FIELD", f"invalid mapping. invalid api_name {name}.", {"api_name": name})


def mandatory_not_mapped(names: list[str]) -> ZohoError:
    """An insert that leaves out a mandatory field (message from OAS25:bulk_write)."""
    text = "All mandatory fields are not mapped for the layout"
    return refuse("MANDATORY_FIELDS_NOT_MAPPED", text, {"api_names": names})


def improper_file_id() -> ZohoError:
    """No upload with this id (message from OAS25:bulk_write)."""
    return refuse("INVALID_FILE_ID", "improper file id", {"api_name": "file_id"})


def not_together(module: str, place: int) -> ZohoError:
    """A part that holds no rows of the first one, or a second file for a module (code from OAS25:bulk_write)."""
    details = {"api_name": "module", "json_path": f"$.resource[{place}].module"}
    return refuse("COEXISTENCE_NOT_ALLOWED", f"Module '{module}' is not allowed beside the first one", details)


def too_many_jobs() -> ZohoError:
    """More jobs at once than the org may have: a 400, as the list of codes of bulk read says (facts 7.1)."""
    return refuse("TOO_MANY_REQUESTS", "Too many jobs are running")


def not_a_zip() -> ZohoError:
    """An upload that is no zip (facts 7.2)."""
    return refuse("INVALID_FILE_FORMAT", "invalid file format. only zip format is supported")


def file_too_large() -> ZohoError:
    """An upload over 25 MB (facts 7.2)."""
    return refuse("FILE_TOO_LARGE", "File size too large to process", status=413)


def bad_upload_headers() -> ZohoError:
    """`feature` or X-CRM-ORG is missing or wrong: the one error in another shape (facts 7.2)."""
    return ZohoError(
        400,
        {
            "ERROR_CODE": 400,
            "ERROR_MESSAGE": "Bad Request",
            "x-error": "check if headers [feature, X-CRM-ORG] are present and valid",
            "info": "Forbidden",
            "x-info": "Link not valid",
        },
    )
