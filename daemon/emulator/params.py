"""What the query and the headers of a read say, checked (facts 2.1 to 2.5). Reads no records."""

from __future__ import annotations

from collections.abc import Callable

from daemon.emulator import errors
from daemon.emulator.call import Call
from daemon.emulator.external import read_ids
from daemon.emulator.listing import MAX_PER_PAGE, Listing
from daemon.emulator.pagetoken import PageToken, decode
from daemon.emulator.request import header_moment
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id
from daemon.emulator.views import view_passes

MAX_FIELDS = 50
_SORTS = ("id", "Created_Time", "Modified_Time")
_CONVERTED = ("false", "true", "both")
_WITH_TERRITORIES = ("Deals", "Contacts", "Accounts")


def read_fields(call: Call, *, required: bool) -> list[str] | None:
    """The names in `fields` (facts 2.1)."""
    names = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    wanted = list(dict.fromkeys(names))
    only_id = wanted == ["id"] and call.quirks["fields_id_alone"] == "reject"
    if required and (not wanted or only_id):
        raise errors.missing_param("fields")
    if len(wanted) > MAX_FIELDS:
        raise errors.too_many_fields(MAX_FIELDS, call.quirks["fields_limit_details"])
    if call.quirks["unknown_field_param"] == "reject":
        known = {"id", *call.module.fields}
        if any(name not in known and not name.startswith("$") for name in wanted):
            raise errors.bad_param("fields")
    return wanted or None


def read_listing(call: Call, bound: str) -> Listing:
    """The parameters of a list call; `bound` is what its page token must have been made for."""
    query = call.query
    if "page" in query and "page_token" in query:
        raise errors.guessed(errors.ambiguous_params("page", "page_token"), call.quirks)
    if "cvid" in query and "sort_by" in query:
        raise errors.guessed(errors.ambiguous_params("cvid", "sort_by"), call.quirks)
    converted = choice(call, "converted", _CONVERTED)
    return Listing(
        sort_by=choice(call, "sort_by", tuple(name for name in _SORTS if name in call.module.fields)),
        descending=choice(call, "sort_order", ("desc", "asc")) == "desc",
        per_page=per_page(call),
        page=positive(call, "page", 1),
        token=page_token(call, bound),
        since=modified_since(call),
        converted=converted if call.module.api_name == "Leads" else None,
        ids=record_ids(call) if "ids" in query else None,
    )


def choice(call: Call, name: str, among: tuple[str, ...]) -> str:
    """A query parameter with a list of values, the first of which is the default."""
    value = call.query.get(name, among[0])
    if value not in among:
        raise errors.pattern_not_matched(name)
    return value


def view_filter(call: Call) -> Callable[[Record], bool] | None:
    """What the custom view of `cvid` shows, if one is named (facts 2.1)."""
    return view_passes(call.org, call.module, call.query["cvid"], call.user) if "cvid" in call.query else None


def list_filter(call: Call) -> Callable[[Record], bool] | None:
    """What a list call leaves out: records beside the view, and by quirk what waits for approval (facts 11.16)."""
    view, approval = view_filter(call), None
    if call.quirks["list_approved"] == "honour":
        approval = approval_filter(call)
    if view is None or approval is None:
        return view or approval
    return lambda record: view(record) and approval(record)


def approval_filter(call: Call) -> Callable[[Record], bool] | None:
    """`approved`: true (the default), false or both (facts 11.16)."""
    wanted = choice(call, "approved", ("true", "false", "both"))
    if wanted == "both":
        return None
    return lambda record: (record.values.get("$approval_state", "approved") == "approved") == (wanted == "true")


def refuse_territory(call: Call) -> None:
    """The emulated orgs have no territories: codes and texts of OAS25:record, their pairing inferred (facts 2.1)."""
    choice(call, "include_child", ("false", "true"))
    if "territory_id" not in call.query:
        return
    details = {"param_name": "territory_id"}
    if parse_id(call.query["territory_id"]) is None:
        raise errors.bad_param("territory_id")
    if call.module.api_name not in _WITH_TERRITORIES:
        raise errors.refuse("NOT_SUPPORTED", "Territory is not supported for the given module", details)
    raise errors.refuse("TERRITORY_NOT_ENABLED", "the territory feature is not enabled", details)


def page_token(call: Call, bound: str) -> PageToken | None:
    """The token that continues a walk, if one was sent (facts 2.3)."""
    if "page_token" not in call.query:
        return None
    try:
        return decode(call.query["page_token"], user=call.user.id, bound=bound, now=call.org.clock.now())
    except errors.ZohoError as refused:
        if refused.body["code"] == "EXPIRED_VALUE" and call.quirks.says("page_token_error_details", "json_path"):
            refused.body["details"] = {"api_name": "page_token", "json_path": "$.query.page_token"}
        raise


def positive(call: Call, name: str, default: int) -> int:
    """A query parameter that is a whole number from 1 on."""
    text = call.query.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise errors.bad_param(name)
    return int(text)


def per_page(call: Call) -> int:
    """`per_page`, at most 200."""
    wanted = positive(call, "per_page", MAX_PER_PAGE)
    if wanted > MAX_PER_PAGE and call.quirks["per_page_over_max"] == "reject":
        raise errors.bad_param("per_page")
    return min(wanted, MAX_PER_PAGE)


def modified_since(call: Call) -> int | None:
    """If-Modified-Since in whole seconds, if the header is there (facts 2.5)."""
    iso_only = call.quirks["header_rfc1123"] == "reject"
    return header_moment(call.headers, "If-Modified-Since", iso_only=iso_only)


def record_ids(call: Call) -> tuple[int, ...]:
    """The records named in `ids`, by id or by external value."""
    numbers = read_ids(call, [text.strip() for text in call.query["ids"].split(",") if text.strip()])
    if not numbers or any(number is None for number in numbers) or len(numbers) > MAX_PER_PAGE:
        raise errors.bad_param("ids")
    return tuple(number for number in numbers if number is not None)
