"""What became of each record of a write: one Answer per record, in order, whatever came back.

Done is said only of an element with code SUCCESS, an id that is an id (and the one that was asked for) and a
Modified_Time that is a time. What cannot be read is Uncertain, which is always safe: it is looked up before it is sent
again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from daemon.core.answer import Answer, Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.record import is_api_name, is_record_id
from daemon.zoho.errors import PERMISSION_CODES, REQUEST_CODES, kind_of
from daemon.zoho.shapes import error_in, instant_or_none

_FIELD_OF: Final = re.compile(r"\$\.data\[[0-9]+\]\.(\$?[A-Za-z][A-Za-z0-9_]*)")
_UNKNOWN_ID: Final = "the id given seems to be invalid"
_NOT_DELETED: Final = "record not deleted"
_MERGING: Final = "under merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a write call sent: the id of each record (None where it had none), and how its answer is to be read.

    The answers of deletions carry no time, so `deleted_at` is given for them. `prefer` are the fields whose duplicates
    matter most, when one record has several.
    """

    ids: Sequence[str | None]
    upsert: bool = False
    deletes: bool = False
    deleted_at: datetime | None = None
    prefer: Sequence[str] = ()

    def all(self, kind: type[Uncertain] | type[NotSent], code: str, message: str) -> list[Answer]:
        return [kind(code=code, message=message) for _ in self.ids]


def request_error(status: int, found: Mapping[str, object], sent: Sent) -> Mapping[str, object] | None:
    """The error object of a write that was refused as a whole, or None when its elements speak for themselves."""
    error = error_in(found)
    if error is None:
        return None
    code, wrapped = error.get("code"), error is not found
    details = _object(error.get("details"))
    about_record = code not in REQUEST_CODES and details.get("api_name") != "data"
    if wrapped:
        # One error for many records, and a status that says that nothing succeeded (facts 4.2).
        return error if not about_record or (len(sent.ids) > 1 and 400 <= status < 500) else None
    path = details.get("json_path")
    of_element = not isinstance(path, str) or path.startswith("$.data[")
    about_record = about_record and code not in PERMISSION_CODES and kind_of(code) is not Busy
    return None if about_record and of_element and len(sent.ids) == 1 else error


def read_answers(found: Mapping[str, object], sent: Sent, shown: Callable[[object], str]) -> list[Answer]:
    """One Answer per record sent. Raises nothing, whatever `found` holds."""
    rows = found.get("data")
    if rows is None and isinstance(found.get("code"), str) and len(sent.ids) == 1:
        rows = [found]
    if not isinstance(rows, list):
        return sent.all(Uncertain, "NO_DATA", "the answer has no list of results")
    aligned = len(rows) == len(sent.ids)
    answers: list[Answer] = []
    for place, record_id in enumerate(sent.ids):
        element = rows[place] if place < len(rows) else None
        if not isinstance(element, dict):
            answers.append(Uncertain(code="NO_RESULT", message="the answer has no result for this record"))
        elif not aligned and not _names(element, record_id):
            # Results are told apart by order alone; with one missing, nobody can say whose this is.
            answers.append(Uncertain(code="NO_RESULT", message=f"{len(rows)} results for {len(sent.ids)} records"))
        else:
            answers.append(_one(element, record_id, sent, shown))
    return answers


def _names(element: Mapping[str, object], record_id: str | None) -> bool:
    return record_id is not None and _object(element.get("details")).get("id") == record_id


def _one(element: Mapping[str, object], record_id: str | None, sent: Sent, shown: Callable[[object], str]) -> Answer:
    code, kind = element.get("code"), kind_of(element.get("code"))
    if kind is Done:
        return _done(element, record_id, sent)
    if not isinstance(code, str) or kind is Uncertain:
        return Uncertain(code="NO_CODE", message="the result has no code")
    if code == "MULTIPLE_OR_MULTI_ERRORS":
        return _several(element, record_id, sent, shown)
    message = shown(element.get("message") or "")
    if kind is NotSent:
        return NotSent(code=code, message=message)
    if kind is Busy or _MERGING in message.lower():
        return Busy(code=shown(code), message=message)
    return _refused(element, record_id, shown(code), message)


def _refused(element: Mapping[str, object], record_id: str | None, code: str, message: str) -> Answer:
    field = _field(element)
    if record_id is not None and code == "INVALID_DATA" and _is_gone(element, record_id, field):
        return Gone(record_id=record_id, message=message)
    existing = _existing(element) if code == "DUPLICATE_DATA" else None
    return Refused(code=code, message=message, field=field, existing_id=existing)


def _done(element: Mapping[str, object], record_id: str | None, sent: Sent) -> Answer:
    details = _object(element.get("details"))
    found, moment = details.get("id"), sent.deleted_at or instant_or_none(details.get("Modified_Time"))
    if element.get("status") not in ("success", None) or not isinstance(found, str) or not is_record_id(found):
        return Uncertain(code="SUCCESS", message="a success without an id")
    if record_id is not None and found != record_id:
        return Uncertain(code="SUCCESS", message="a success for another record")
    if moment is None:
        return Uncertain(code="SUCCESS", message="a success without a time")
    action = element.get("action", element.get("message"))
    matched = sent.upsert and action in ("update", "record updated")
    return Done(record_id=found, modified_time=moment, matched=matched)


def _several(
    element: Mapping[str, object], record_id: str | None, sent: Sent, shown: Callable[[object], str]
) -> Answer:
    """Several faults of one record: the duplicate that matters most, else the first that is about the content."""
    errors = _object(element.get("details")).get("errors")
    inner = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    flat = [error for error in inner if error.get("code") not in ("MULTIPLE_OR_MULTI_ERRORS", "SUCCESS")]
    found = [_one(error, record_id, sent, shown) for error in flat]
    twins = [answer for answer in found if isinstance(answer, Refused) and answer.existing_id is not None]
    twins.sort(key=lambda answer: answer.field not in sent.prefer)
    rest = [answer for kind in (Gone, Refused, Busy, NotSent) for answer in found if isinstance(answer, kind)]
    whole = Refused(code="MULTIPLE_OR_MULTI_ERRORS", message=shown(element.get("message") or ""))
    return [*twins, *rest, whole][0]


def _field(element: Mapping[str, object]) -> str | None:
    """The record's own field that an error is about: of `$.data[0].Owner.id` it is Owner, not id."""
    details = _object(element.get("details"))
    path, api_name = details.get("json_path"), details.get("api_name")
    if isinstance(path, str) and (match := _FIELD_OF.match(path)):
        return match.group(1)
    return api_name if isinstance(api_name, str) and is_api_name(api_name) else None


def _is_gone(element: Mapping[str, object], record_id: str, field: str | None) -> bool:
    """Whether it is the record's own id that is unknown, and not that of a lookup (facts 4.4, 5.1)."""
    if field is not None:
        return field == "id"
    named = _object(element.get("details")).get("id", record_id)
    return named == record_id and element.get("message") in (_UNKNOWN_ID, _NOT_DELETED)


def _existing(element: Mapping[str, object]) -> str | None:
    details = _object(element.get("details"))
    for value in (_object(details.get("duplicate_record")).get("id"), details.get("id")):
        if isinstance(value, str) and is_record_id(value):
            return value
    return None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
