"""What Zoho accepts as the value of a field, by type, and the stored form of it (facts 4.4, 4.7, 11.5 to 11.8)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from daemon.emulator import errors
from daemon.emulator.clock import parse_moment
from daemon.emulator.fields import Field

if TYPE_CHECKING:
    from daemon.emulator.org import Org

_EMAIL = re.compile(r"^[^\s@,;<>()\[\]\\\"]+@[^\s@.,;<>()\[\]\\\"]+(\.[^\s@.,;<>()\[\]\\\"]+)+$")
_PHONE = re.compile(r"^[+]?([0-9A-Za-z()\.\-\s]){1,30}$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_ID = re.compile(r"^\d{1,19}$")
_BIG_INT = 2**63
Links = Mapping[str, str]
"""External fields allowed in place of ids, by the path of what they identify; `""` is the record or lookup itself."""


_WRONG_EXTERNAL = "The external ID of the lookup field or the Price Book is incorrect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value on its way in: of which field, in which org, where it stands in the body, who sends it."""

    org: Org
    field: Field
    path: str
    user: int | None = None
    external: str | None = None

    def wrong(self, expected: str) -> errors.RecordError:
        """The value has the wrong type."""
        return errors.wrong_type(self.field.api_name, self.path, expected)

    def bad(self) -> errors.RecordError:
        """The value has the right type and is not acceptable."""
        return errors.bad_value(self.field.api_name, self.path)

    def too_long(self) -> errors.RecordError:
        """The value does not fit."""
        return errors.too_long(self.field.api_name, self.path, self.field.length)


def check_value(place: Place, value: Any) -> Any:
    """The stored form of `value`, or RecordError. `None` has been dealt with before."""
    if place.field.json_type == "jsonarray":
        return _json_list(place, value)
    check: Callable[[Place, Any], Any] = _CHECKS.get(place.field.data_type, _text)
    return check(place, value)


def parse_id(value: Any) -> int | None:
    """An id as Zoho writes it: a string of digits (a JSON number is understood too)."""
    if isinstance(value, str) and _ID.match(value) and value.isascii():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _BIG_INT else None


def _text(place: Place, value: Any) -> str:
    if not isinstance(value, str):
        raise place.wrong("string")
    if place.org.quirks["trim_text"] == "trim":
        value = value.strip()
    if len(value) > place.field.length:
        raise place.too_long()
    return str(value)


def _email(place: Place, value: Any) -> str:
    if place.org.quirks["email_pattern"] == "off":
        return _text(place, value)
    if not isinstance(value, str) or not _EMAIL.match(value):
        raise place.wrong("email")
    return _text(place, value)


def _phone(place: Place, value: Any) -> str:
    text = _text(place, value)
    if place.org.quirks["phone_pattern"] == "on" and not _PHONE.match(text):
        raise place.wrong("phone")
    return text


def _website(place: Place, value: Any) -> str:
    text = _text(place, value)
    if place.org.quirks["website_pattern"] == "on" and re.search(r"\s", text.strip()):
        raise place.wrong("website")
    return text


def _picklist(place: Place, value: Any) -> str | None:
    text = _text(place, value)
    if text in place.field.picklist:
        return None if text == "-None-" else text
    if place.org.quirks["unknown_picklist"] == "reject":
        raise errors.bad_value(place.field.api_name, place.path, list(place.field.picklist))
    return text


def _multiselect(place: Place, value: Any) -> list[str] | None:
    if not isinstance(value, list):
        raise place.wrong("jsonarray")
    chosen: list[str] = []
    for number, item in enumerate(value):
        one = _picklist(Place(org=place.org, field=place.field, path=f"{place.path}[{number}]"), item)
        if one is not None and one not in chosen:
            chosen.append(one)
    return chosen or None


def _integer(place: Place, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise place.wrong("integer")
    if len(str(abs(value))) > place.field.length:
        raise place.too_long()
    return value


def _bigint(place: Place, value: Any) -> str:
    number = value
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value) and value.isascii():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise place.wrong("bigint")
    if len(str(abs(number))) > place.field.length:
        raise place.too_long()
    return str(number)


def _double(place: Place, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise place.wrong("double")
    if abs(value) >= 10.0**place.field.length:
        raise place.too_long()
    return value


def _boolean(place: Place, value: Any) -> bool:
    if not isinstance(value, bool):
        raise place.wrong("boolean")
    return value


def is_date(text: str) -> bool:
    """Whether a text is a day of the calendar, as `YYYY-MM-DD`."""
    try:
        return bool(_DATE.match(text)) and text.isascii() and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _date(place: Place, value: Any) -> str:
    if not isinstance(value, str) or not is_date(value):
        raise place.wrong("date")
    return value


def _datetime(place: Place, value: Any) -> int:
    moment = parse_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise place.wrong("datetime")
    return moment


def _reference(place: Place, value: Any) -> int:
    """The id inside `{"id": ..}`, or a bare id (facts 4.7), or what an external value stands for (facts 4.8)."""
    if isinstance(value, dict) and place.external is not None and place.external in value:
        return _by_external(place, place.external, value)
    if isinstance(value, dict):
        if "id" not in value:
            raise errors.expected_field("id", f"{place.path}.id")
        value = value["id"]
    elif place.org.quirks["bare_lookup_id"] == "reject" or not isinstance(value, str):
        raise place.wrong("jsonobject")
    number = parse_id(value)
    if number is None:
        raise place.wrong("bigint")
    return number


def _by_external(place: Place, name: str, value: dict[str, Any]) -> int:
    path = f"{place.path}.{name}"
    if "id" in value:
        both = [{"api_name": "id", "json_path": f"{place.path}.id"}, {"api_name": name, "json_path": path}]
        text, details = "ambiguity while processing the request", {"ambiguity_due_to": both}
        raise errors.RecordError(errors.problem("AMBIGUITY_DURING_PROCESSING", text, details))
    given, target = value[name], place.org.modules[str(place.field.lookup)]
    found = place.org.holders(target, name, given, place.user) if isinstance(given, str | int) else []
    if len(found) != 1:
        code = "DUPLICATE_DATA" if found else "INVALID_DATA"
        text = "The external field contains duplicate data." if found else _WRONG_EXTERNAL
        raise errors.RecordError(errors.problem(code, text, {"api_name": name, "json_path": path}))
    return found[0]


def _missing_reference(place: Place) -> errors.RecordError:
    if place.org.quirks["missing_lookup_path"] == "id":
        return errors.unknown_id({"api_name": "id", "json_path": f"{place.path}.id"})
    return errors.unknown_id({"api_name": place.field.api_name, "json_path": place.path})


def _lookup(place: Place, value: Any) -> int | None:
    number = _reference(place, value)
    return _if_there(place, number, there=number in place.org.tables[str(place.field.lookup)].records)


def _if_there(place: Place, number: int, *, there: bool) -> int | None:
    """A lookup to what is not there is refused, or taken as empty (facts 11.5)."""
    if not there and place.org.quirks["missing_lookup"] == "reject":
        raise _missing_reference(place)
    return number if there else None


def _multi_lookup(place: Place, value: Any) -> int | None:
    """A lookup into several modules; `module` may say which one is meant (facts 10)."""
    number = _reference(place, value)
    module = value.get("module") if isinstance(value, dict) else None
    named = module.get("api_name") if isinstance(module, dict) else None
    among = tuple(name for name in place.field.lookups if named in (None, name))
    there = any(number in place.org.tables[name].records for name in among if name in place.org.tables)
    return _if_there(place, number, there=there)


def _json_list(place: Place, value: Any) -> list[Any]:
    """A field that is typed text and holds an array of objects (facts 6)."""
    if not isinstance(value, list):
        raise place.wrong("jsonarray")
    for number, one in enumerate(value):
        if not isinstance(one, dict):
            raise errors.wrong_type(place.field.api_name, f"{place.path}[{number}]", "jsonobject")
    return value


def _user(place: Place, value: Any) -> int:
    number = _reference(place, value)
    user = place.org.user(number)
    if user is None or user.status != "active":
        raise _missing_reference(place)
    return number


_CHECKS: dict[str, Callable[[Place, Any], Any]] = {
    "email": _email,
    "phone": _phone,
    "website": _website,
    "picklist": _picklist,
    "multiselectpicklist": _multiselect,
    "integer": _integer,
    "bigint": _bigint,
    "double": _double,
    "currency": _double,
    "percent": _double,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "lookup": _lookup,
    "ownerlookup": _user,
    "userlookup": _user,
    "multi_module_lookup": _multi_lookup,
}


def lenient_value(field: Field, value: Any) -> Any:
    """The stored form of a value that nobody checks: hand edits and seeding may hold what the API would refuse."""
    if value is None or value == "":
        return None
    if field.data_type in ("lookup", "ownerlookup", "userlookup", "multi_module_lookup"):
        inner = value.get("id") if isinstance(value, dict) else value
        number = parse_id(inner)
        return inner if number is None else number
    if field.data_type == "datetime" and isinstance(value, str):
        moment = parse_moment(value)
        return value if moment is None else moment
    return value
