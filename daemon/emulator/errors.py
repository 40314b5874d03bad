"""Every sentence with which Zoho says no, in one place (facts 1.8, 2.4, 4.4, 12.2, 12.3, 12.6).

A `ZohoError` ends a whole request; a `RecordError` ends one element of a batch. No HTTP here but its status.
"""

from __future__ import annotations

from typing import Any

from daemon.emulator.quirks import Quirks

Json = dict[str, Any]


def problem(code: str, message: str, details: Json | None = None) -> Json:
    """The object that every Zoho error is made of."""
    return {"code": code, "details": details or {}, "message": message, "status": "error"}


class ZohoError(Exception):
    """The whole request is refused with `status` and `body`."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(body.get("code"))
        self.status = status
        self.body = body


class RecordError(Exception):
    """One record of a batch is refused; `element` is its place in `data[]`."""

    def __init__(self, element: Json) -> None:
        super().__init__(element.get("code"))
        self.element = element


def refuse(code: str, message: str, details: Json | None = None, *, status: int = 400) -> ZohoError:
    """An error of the request as a whole."""
    return ZohoError(status, problem(code, message, details))


# --- the gateway -----------------------------------------------------------------------------------------------------


def invalid_token() -> ZohoError:
    """Bad or expired access token (facts 1.8)."""
    return refuse("INVALID_TOKEN", "invalid oauth token", status=401)


def authentication_failure() -> ZohoError:
    """No usable Authorization header (facts 1.8)."""
    return refuse("AUTHENTICATION_FAILURE", "Authentication failed", status=401)


def scope_mismatch() -> ZohoError:
    """The token lacks a scope (facts 1.8)."""
    return refuse("OAUTH_SCOPE_MISMATCH", "Unauthorized", status=401)


def invalid_url() -> ZohoError:
    """No such path (facts 1.8)."""
    return refuse("INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one", status=404)


def invalid_method() -> ZohoError:
    """The path exists, the verb does not (facts 1.8)."""
    return refuse("INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def invalid_module(details: Json | None = None) -> ZohoError:
    """The module of the path does not exist (facts 2.4)."""
    known = {"resource_path_index": 0} if details is None else details
    return refuse("INVALID_MODULE", "the module name given seems to be invalid", known)


def internal_error() -> ZohoError:
    """Zoho's own failure (facts 1.8)."""
    return refuse("INTERNAL_ERROR", "Internal Server Error", status=500)


def too_many_requests() -> ZohoError:
    """Credits, concurrency or sub-concurrency used up (facts 9.4)."""
    return refuse("TOO_MANY_REQUESTS", "too many requests", status=429)


# --- parameters of reads ---------------------------------------------------------------------------------------------


def missing_param(name: str) -> ZohoError:
    """A required query parameter is absent (facts 12.3)."""
    return refuse("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": name})


def bad_param(name: str) -> ZohoError:
    """A query parameter that cannot be read as what it should be."""
    return refuse("INVALID_DATA", "invalid data", {"param_name": name})


def pattern_not_matched(name: str) -> ZohoError:
    """A query parameter outside its list of values (facts 5.2)."""
    return refuse("PATTERN_NOT_MATCHED", "Please check whether the input values are correct", {"param_name": name})


def ambiguous_params(*names: str) -> ZohoError:
    """Two parameters that exclude each other (facts 2.3)."""
    details = {"ambiguity_due_to": [{"param_name": name} for name in names]}
    return refuse("AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request", details)


def too_many_fields(limit: int, key: str) -> ZohoError:
    """More names in `fields` than allowed (facts 2.4)."""
    return refuse("LIMIT_EXCEEDED", "Fields limit exceeded", {key: limit, "param_name": "fields"})


def page_wall() -> ZohoError:
    """Page numbers end at 2,000 records (facts 2.3)."""
    text = "You can only get the first 2000 records without using page_token param"
    return refuse("DISCRETE_PAGINATION_LIMIT_EXCEEDED", text, {"limit": 2000})


def token_wall() -> ZohoError:
    """Page tokens end at 100,000 records (facts 2.3)."""
    text = "You can only get up to first 100000 records using page_token param"
    return refuse("PAGINATION_LIMIT_EXCEEDED", text, {"limit": 100000})


def guessed(refused: ZohoError, quirks: Quirks) -> ZohoError:
    """The same refusal; its details are a guess (facts 12.3) and may be missing."""
    if quirks["guessed_details"] == "empty":
        refused.body["details"] = {}
    return refused


def page_token_mismatch() -> ZohoError:
    """The token belongs to other parameters (facts 2.3)."""
    text = "The page_token given seems to be invalid or input param is added or altered or deleted"
    return refuse("TOKEN_BOUND_DATA_MISMATCH", text, {"param_name": "page_token"})


def page_token_expired() -> ZohoError:
    """The token is older than 24 hours (facts 2.3)."""
    return refuse("EXPIRED_VALUE", "Page token expired", {"param_name": "page_token"})


def page_token_foreign() -> ZohoError:
    """The token was given to another user (facts 2.3)."""
    return refuse("INVALID_DATA", "invalid data", {"param_name": "page_token"})


def invalid_path_id() -> ZohoError:
    """An id in the path that is no id (facts 2.5)."""
    return refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 1})


# --- bodies of writes ------------------------------------------------------------------------------------------------


def bad_body() -> ZohoError:
    """The body is not a JSON object (message from OAS25:record)."""
    return refuse("INVALID_DATA", "body", {"expected_data_type": "jsonobject"})


def body_key_missing(key: str) -> ZohoError:
    """A mandatory key of the body is absent."""
    return refuse("MANDATORY_NOT_FOUND", "required field not found", {"api_name": key, "json_path": f"$.{key}"})


def body_key_type(key: str, expected: str, path: str | None = None) -> ZohoError:
    """A key of the body has the wrong JSON type."""
    details = {"expected_data_type": expected, "api_name": key, "json_path": path or f"$.{key}"}
    return refuse("INVALID_DATA", "invalid data", details)


def too_many_records(limit: int, code: str = "LIMIT_EXCEEDED") -> ZohoError:
    """More records in one write than allowed; Zoho wraps this one in `data` (facts 4.1)."""
    details = {"maximum_length": limit, "api_name": "data"}
    text = "count of records in your request exceeds the limit" if code == "LIMIT_EXCEEDED" else "invalid data"
    return ZohoError(400, {"data": [problem(code, text, details)]})


# --- single records --------------------------------------------------------------------------------------------------


def mandatory(name: str, path: str, layout: Json | None = None) -> RecordError:
    """A mandatory field is missing or emptied; `layout` when only that layout demands it."""
    details: Json = {"api_name": name, "json_path": path}
    if layout is not None:
        details["layout_rule"] = layout
    return RecordError(problem("MANDATORY_NOT_FOUND", "required field not found", details))


def wrong_type(name: str, path: str, expected: str) -> RecordError:
    """A value of the wrong type."""
    details = {"expected_data_type": expected, "api_name": name, "json_path": path}
    return RecordError(problem("INVALID_DATA", "invalid data", details))


def too_long(name: str, path: str, limit: int) -> RecordError:
    """A value longer than the field."""
    details = {"maximum_length": limit, "api_name": name, "json_path": path}
    return RecordError(problem("INVALID_DATA", "invalid data", details))


def bad_value(name: str, path: str, supported: list[str] | None = None) -> RecordError:
    """A value of the right type that the field does not take."""
    details: Json = {"api_name": name, "json_path": path}
    if supported is not None:
        details["supported_values"] = supported
    return RecordError(problem("INVALID_DATA", "invalid data", details))


def unknown_key(name: str, path: str) -> RecordError:
    """A key that is no field (facts 4.1)."""
    details = {"api_name": name, "json_path": path}
    return RecordError(problem("INVALID_DATA", "the field api name given seems to be invalid", details))


def unknown_id(details: Json) -> RecordError:
    """An id that names no record (facts 4.4)."""
    return RecordError(problem("INVALID_DATA", "the id given seems to be invalid", details))


def duplicate(details: Json) -> RecordError:
    """A unique value that another record has (facts 4.4)."""
    return RecordError(problem("DUPLICATE_DATA", "duplicate data", details))


def several(elements: list[Json]) -> RecordError:
    """Several faults of one record together (facts 4.4)."""
    details: Json = {"errors": elements}
    return RecordError(problem("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request", details))


LOCKED = "Sorry, you cannot perform this operation as the record is locked."


def locked(path: str, text: str = LOCKED) -> RecordError:
    """A locked record refuses updates (facts 4.4)."""
    details = {"api_name": "id", "json_path": path, "action": "record_locking"}
    return RecordError(problem("RECORD_LOCKED", text, details))


def already_modified(details: Json) -> RecordError:
    """If-Unmodified-Since lost (facts 4.5)."""
    text = "record updated time has already passed if-unmodified-since time"
    return RecordError(problem("ALREADY_MODIFIED", text, details))


def not_deleted(details: Json) -> RecordError:
    """A delete of what is not there (facts 5.1)."""
    return RecordError(problem("INVALID_DATA", "record not deleted", details))


def expected_field(name: str, path: str, text: str = "One of the expected field is missing") -> RecordError:
    """One of several fields is needed and none is there (facts 12.6)."""
    details = {"expected_fields": [{"api_name": name, "json_path": path}]}
    return RecordError(problem("EXPECTED_FIELD_MISSING", text, details))


def dependent(code: str, text: str, name: str, dependee: str, path: str) -> RecordError:
    """DEPENDENT_FIELD_MISSING or DEPENDENT_MISMATCH: `name` does not fit `dependee` (facts 4.4)."""
    details = {
        "dependee": {"api_name": dependee, "json_path": f"{path}.{dependee}"},
        "api_name": name,
        "json_path": f"{path}.{name}",
    }
    return RecordError(problem(code, text, details))


def mapping(text: str, name: str, mapped: str, path: str) -> RecordError:
    """MAPPING_MISMATCH: a value outside what another field allows (facts 4.4)."""
    field = {"api_name": mapped, "json_path": f"{path}.{mapped}"}
    details = {"mapped_field": field, "api_name": name, "json_path": f"{path}.{name}"}
    return RecordError(problem("MAPPING_MISMATCH", text, details))
