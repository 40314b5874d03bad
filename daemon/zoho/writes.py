"""Sending records: what leaves, and how every way in which a write can end becomes answers.

Never raises for what a single record did: a record that cannot be sent is refused here, and the others go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from daemon.core.answer import Answer, Busy, NotSent, Refused, Uncertain
from daemon.core.record import WireRecord, is_record_id
from daemon.zoho.answers import Sent, read_answers, request_error
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import CallUncertain, OrgUnavailable, RequestRefused, kind_of
from daemon.zoho.shapes import WrongShapeError, parse
from daemon.zoho.transport import Reply

MOST_RECORDS: Final = 100
_PER_CREDIT: Final = 10  # insert, update and upsert cost one credit per ten records (facts 9.2)

_TAGGED_PER_CREDIT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """At most 100 records of one module on their way, with the keys that go beside `data`."""

    method: str
    path: str
    records: Sequence[WireRecord]
    extra: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)
    ids_needed: bool = False
    upsert: bool = False
    prefer: Sequence[str] = ()


def send_records(caller: Caller, batch: Batch) -> list[Answer]:
    """One Answer per record, in order.

    Raises RequestRefused or CredentialRefused when the request was refused as a whole: then nothing was executed.
    """
    if len(batch.records) > MOST_RECORDS:
        raise ValueError(f"a write takes at most {MOST_RECORDS} records, not {len(batch.records)}")
    prepared = [_prepare(record, batch.ids_needed) for record in batch.records]
    going = [(place, item) for place, item in enumerate(prepared) if isinstance(item, _Ready)]
    answers: dict[int, Answer] = {place: item for place, item in enumerate(prepared) if not isinstance(item, _Ready)}
    if going:
        body = {"data": [orjson.Fragment(ready.json) for _, ready in going], **batch.extra}
        sent = Sent(ids=[ready.record_id for _, ready in going], upsert=batch.upsert, prefer=batch.prefer)
        call = Call(
            method=batch.method,
            path=batch.path,
            scope="ZohoCRM.modules.ALL",
            headers=batch.headers,
            body=body,
            credits=-(-len(going) // _PER_CREDIT),
        )
        given = settle(caller, call, sent)
        answers.update({place: answer for (place, _), answer in zip(going, given, strict=True)})
    return [answers[place] for place in range(len(prepared))]


def delete_records(caller: Caller, module: str, ids: Sequence[str], *, automations: bool) -> list[Answer]:
    """One Answer per id, in order; Done carries the server's time, for Zoho tells none, and Gone was not there."""
    if len(ids) > MOST_RECORDS:
        raise ValueError(f"a delete takes at most {MOST_RECORDS} ids, not {len(ids)}")
    good = [record_id for record_id in ids if is_record_id(record_id)]
    given: list[Answer] = []
    if good:
        params = {"ids": ",".join(good), "wf_trigger": str(automations).lower()}
        call = Call(method="DELETE", path=module, scope="ZohoCRM.modules.ALL", params=params)
        given = settle(caller, call, Sent(ids=good, deletes=True))
    rest = iter(given)
    return [next(rest) if is_record_id(record_id) else _bad_id(record_id) for record_id in ids]


def remove_tags(caller: Caller, module: str, ids: Sequence[str], names: Sequence[str]) -> list[Answer]:
    """Takes tags away from records, one Answer per id; a tag that was not there is no error (facts 10)."""
    if len(ids) > MOST_RECORDS:
        raise ValueError(f"tags are removed from at most {MOST_RECORDS} records, not {len(ids)}")
    body = {"tags": [{"name": name} for name in names], "ids": list(ids)}
    path = f"{module}/actions/remove_tags"
    price = -(-len(ids) // _TAGGED_PER_CREDIT)
    call = Call(method="POST", path=path, scope="ZohoCRM.modules.ALL", body=body, credits=price)
    return settle(caller, call, Sent(ids=ids, deletes=True))


def settle(caller: Caller, call: Call, sent: Sent) -> list[Answer]:
    """Make a write call once and say what became of each record (see `send_records`)."""
    try:
        reply = caller.send(call)
    except OrgUnavailable as error:
        return sent.all(NotSent, "UNAVAILABLE", str(error))
    except CallUncertain as error:
        return sent.all(Uncertain, "NO_ANSWER", str(error))
    if reply.status == 413:
        what = f"{call.method} {call.path}: the body is too large"
        raise RequestRefused(caller.org.name, what, code="PAYLOAD_TOO_LARGE", details={})
    unread = f"HTTP_{reply.status}"
    if reply.status >= 500 or 300 <= reply.status < 400:
        return sent.all(Uncertain, unread, str(caller.bad(call, reply, "no results")))
    try:
        found = parse(reply.body)
    except WrongShapeError as error:
        kind = NotSent if reply.status == 429 else Uncertain
        return sent.all(kind, unread, str(caller.bad(call, reply, str(error))))
    return _read(caller, call, reply, found, sent)


def _read(caller: Caller, call: Call, reply: Reply, found: Mapping[str, object], sent: Sent) -> list[Answer]:
    error = request_error(reply.status, found, sent)
    if reply.status == 429:
        return sent.all(NotSent, "TOO_MANY_REQUESTS", str(caller.refusal(call, reply)))
    if error is None:
        moment = (reply.server_time or caller.now()) if sent.deletes else None
        return read_answers(found, replace(sent, deleted_at=moment), caller.shown)
    code, refusal = error.get("code"), caller.refusal(call, reply)
    if kind_of(code) is NotSent:
        return sent.all(NotSent, caller.shown(code), str(refusal))
    if kind_of(code) is Busy:
        # Zoho failed while it worked on the whole batch: how far it came is not told.
        return sent.all(Uncertain, caller.shown(code), str(refusal))
    raise refusal


@dataclass(frozen=True, slots=True)
class _Ready:
    record_id: str | None
    json: bytes


def _prepare(record: WireRecord, id_needed: bool) -> _Ready | Refused:
    record_id = record.get("id")
    if (id_needed or record_id is not None) and not is_record_id(record_id):
        return _bad_id(record_id)
    try:
        return _Ready(record_id if isinstance(record_id, str) else None, orjson.dumps(dict(record)))
    except orjson.JSONEncodeError as error:
        return Refused(code="NOT_JSON", message=f"the record cannot be sent: {error}")


def _bad_id(record_id: object) -> Refused:
    return Refused(code="BAD_ID", message=f"{str(record_id)[:50]!r} is not a record id", field="id")
