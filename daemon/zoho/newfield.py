"""Creating a field: the one change that this room makes to an org's metadata."""

from __future__ import annotations

from typing import Final

from daemon.core.schema import Field, Schema
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import BadAnswer, CallUncertain
from daemon.zoho.shapes import WrongShapeError, objects, parse

_PRICE: Final = 10  # credits for a custom field (facts 9.2)
_MOST_LENGTH: Final = 255


def create(caller: Caller, module: str, label: str, length: int, *, unique: bool) -> None:
    """Ask Zoho for a custom single-line field. Raises what a read raises, and CallUncertain."""
    if not label or not label.isprintable() or not 1 <= length <= _MOST_LENGTH:
        raise ValueError(f"a field needs a printable label and a length of 1 to {_MOST_LENGTH}: {label!r}, {length}")
    # The key inside `unique` is spelt without the underscore in requests (OAS25:fields).
    rule = {"unique": {"casesensitive": False}} if unique else {}
    wanted = {"field_label": label, "data_type": "text", "length": length, **rule}
    call = Call(
        method="POST",
        path="settings/fields",
        scope="ZohoCRM.settings.fields.CREATE",
        params={"module": module},
        body={"fields": [wanted]},
        credits=_PRICE,
    )
    reply = caller.send(call)
    if reply.status >= 500:
        what = f"POST settings/fields was answered {reply.status}"
        raise CallUncertain(caller.org.name, what, f"Look whether {module} has the field {label!r} now")
    try:
        element = objects(parse(reply.body), "fields")[0]
    except (WrongShapeError, IndexError):
        raise caller.refusal(call, reply) from None
    if element.get("code") != "SUCCESS":
        raise caller.refusal(call, reply)


def made(org: str, schema: Schema, label: str, *, unique: bool) -> Field:
    """The field that carries a label. Raises BadAnswer when it is not there, or not as it was asked for."""
    found = [field for field in schema.fields.values() if field.custom and field.label == label]
    if not found:
        raise BadAnswer(org, f"{schema.module} does not show the new field {label!r} yet", "Try again in a minute")
    field = found[0]
    if field.data_type != "text" or (unique and not field.unique):
        what = f"{schema.module}.{field.api_name} is not a unique single-line text"
        raise BadAnswer(org, what, f"Make it one in Zoho, or delete it: its label is {label!r}")
    return field
