"""The values that may stand in the settings, one checked type for each kind, and the words for what is allowed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from daemon.core.expression import ExpressionError, parse_expression
from daemon.core.filter import parse_filter
from daemon.core.functions import FUNCTIONS
from daemon.core.fuse import Limit
from daemon.core.org import DATA_CENTERS
from daemon.core.record import is_api_name
from daemon.core.rules import Ladder
from daemon.settings.address import Address, parse_address, parse_ledger_url
from daemon.settings.problem import WrongValueError, describe, did_you_mean, quote

TRIGGERS: Final = ("approval", "workflow", "blueprint", "pathfinder", "orchestration")
PATH: Final = "a path; a relative one starts at the folder of this file"
KEPT_IN: Final = '{ env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'
MATCH: Final = 'the API name of a field, or of a lookup into several modules a table like { Products = "Product_Code" }'
TEMPLATE: Final = "a text with at least one {Source_Field} in it, and no other braces"
EXPRESSION: Final = (
    f'an expression of fields by API name, like "round(Amount * 1.19, 2)"; functions: {", ".join(FUNCTIONS)}'
)
OWNERS: Final = 'a table of e-mail addresses, source = target, like { "pat@a.com" = "pat@b.com" }'
NAME: Final = "a name of up to 40 small letters, digits and '-', not starting with '-'"
API_NAME: Final = "an API name: a letter, then letters, digits and '_' (Setup > Developer Hub > APIs > API names)"
KEY: Final = (
    "the API name of a unique text field of the target module in which orgsync notes the source record's id, "
    'so that no record is ever created twice; or "none", where duplicates after a crash are left to you'
)
OWNER: Final = '"source", "target", "newest" or "fill-blank"'
LADDER: Final = (
    'a list of target fields, or of lists of them that count together, like ["Email", ["Last_Name", "Phone"]]'
)
AUTOMATIONS: Final = f'"none" or a list of {", ".join(TRIGGERS)}'
DAILY: Final = "a number of credits, from 100"
CREDITS: Final = 'a number of credits, or a share of daily_credits like "30%"'
LIMIT: Final = 'a number of records, a share like "10%", or "off"'
_PERCENT: Final = re.compile(r"([0-9]{1,3})%\Z")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])\Z")
HISTORY: Final = timedelta(days=90)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")


def is_name(text: str) -> bool:
    """Whether a text may be the name of an org or a route."""
    return _NAME.match(text) is not None


def _seconds(text: str) -> int | None:
    found = _DURATION.match(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def _duration(low: str, high: str) -> tuple[Callable[[object], object], str]:
    """A check for durations from low to high, and the words for it."""
    bounds = _seconds(low), _seconds(high)

    def check(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            raise WrongValueError("write the unit too, as a text", found=describe(value))
        if not isinstance(value, str):
            return value  # pydantic says what it is
        seconds = _seconds(value)
        if seconds is None or bounds[0] is None or bounds[1] is None or not bounds[0] <= seconds <= bounds[1]:
            raise WrongValueError
        return timedelta(seconds=seconds)

    return check, f'a duration from "{low}" to "{high}", in s, m, h or d, like "90s"'


def _text(value: str) -> str:
    if not value or not value.isprintable() or value != value.strip():
        raise WrongValueError
    return value


def _path(value: str) -> str:
    if value.startswith("~"):
        raise WrongValueError("'~' is not expanded: write the whole path")
    return _text(value)


def _api_name(value: str) -> str:
    if not is_api_name(value):
        raise WrongValueError
    return value


def _key(value: str) -> str:
    if value != "none" and value.lower() == "none":
        raise WrongValueError('did you mean "none"?')
    return _api_name(value)


def _mail(value: str) -> str:
    if not _MAIL.match(value):
        raise WrongValueError
    return value


def _owners(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise WrongValueError(found=describe(value))
    for pair in value.items():
        for one in pair:
            if not isinstance(one, str) or not _MAIL.match(one):
                raise WrongValueError("both are e-mail addresses", found=describe(one))
    lower = [one.lower() for one in value]
    twice = sorted(one for one, count in Counter(lower).items() if count > 1)
    if twice:
        raise WrongValueError(f"{quote(twice[0])} stands there twice", found=describe(value))
    return dict(value)


def _expression(value: str) -> str:
    try:
        parse_expression(value)
    except ExpressionError as error:
        raise WrongValueError(str(error)) from None
    return value


def _data_center(value: str) -> str:
    if value not in DATA_CENTERS:
        raise WrongValueError(did_you_mean(value, DATA_CENTERS) if value.lower() in DATA_CENTERS else None)
    return value


def _where(value: str) -> str:
    try:
        fields = parse_filter(value).fields
    except RecursionError:
        raise WrongValueError("too many brackets inside each other") from None
    except ValueError as error:
        reason = str(error).removeprefix("where: ").removesuffix(f" in {value!r}")
        raise WrongValueError(reason) from None
    wrong = sorted(name for name in fields if not is_api_name(name))
    if wrong:
        raise WrongValueError(f"{quote(wrong[0])} is not an API name")
    return value


def _limit(value: object) -> Limit:
    if value == "off":
        return Limit()
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000_000:
        return Limit(count=value)
    percent = _PERCENT.match(value) if isinstance(value, str) else None
    if percent is None or int(percent[1]) > 100:
        raise WrongValueError(found=describe(value))
    return Limit(share=int(percent[1]) / 100)


def _compare(value: object) -> timedelta | None:
    if value == "never":
        return None
    checked = _check_compare(value)
    if not isinstance(checked, timedelta):
        raise WrongValueError(found=describe(value))
    return checked


def _undo(value: object) -> timedelta | Literal["off"]:
    if value == "off":
        return "off"
    checked = _check_compare(value)
    if not isinstance(checked, timedelta):
        raise WrongValueError(found=describe(value))
    return checked


def _poll_fast(value: object) -> timedelta | Literal["off"]:
    if value == "off":
        return "off"
    checked = _check_poll(value)
    if not isinstance(checked, timedelta):
        raise WrongValueError(found=describe(value))
    return checked


def _credits(value: object) -> int | float:
    """Credits, or a share of the org's day."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000_000:
        return value
    percent = _PERCENT.match(value) if isinstance(value, str) else None
    if percent is None or int(percent[1]) > 100:
        raise WrongValueError(found=describe(value))
    return int(percent[1]) / 100


def _names(value: list[str]) -> list[str]:
    twice = sorted({name for name in value if value.count(name) > 1})
    if twice:
        raise WrongValueError(f"{quote(twice[0])} stands there twice")
    return value


def _ladder(value: object) -> Ladder:
    """The rungs, each with its fields; one field may stand for a list of one."""
    if not isinstance(value, list):
        raise WrongValueError(found=describe(value))
    rungs = [rung if isinstance(rung, list) else [rung] for rung in value]
    for rung in rungs:
        if not rung or len(set(map(str, rung))) < len(rung):
            raise WrongValueError("each rung names one field or more, each once", found=describe(rung))
        for name in rung:
            if not isinstance(name, str) or not is_api_name(name):
                raise WrongValueError(found=quote(name) if isinstance(name, str) else describe(name))
    ladder = tuple(tuple(rung) for rung in rungs)
    if len({frozenset(rung) for rung in ladder}) < len(ladder):
        raise WrongValueError("a rung stands there twice", found=describe(value))
    return ladder


def _automations(value: object) -> tuple[str, ...]:
    if value == "none":
        return ()
    if not isinstance(value, list):
        raise WrongValueError(found=describe(value))
    for item in value:
        if item not in TRIGGERS:
            hint = did_you_mean(item, TRIGGERS) if isinstance(item, str) else None
            raise WrongValueError(hint, found=describe(item))
    return tuple(_names(value))


def _address(value: object) -> Address:
    if not isinstance(value, str):
        raise WrongValueError(found=describe(value))
    return parse_address(value)


_check_poll, POLL = _duration("1s", "24h")
POLL_FAST: Final = f'{POLL}, or "off"; where poll is shorter, poll counts'
_check_lag, LAG = _duration("0s", "1h")
_check_compare, COMPARE = _duration("1h", "365d")
UNDO: Final = f'{COMPARE}; or "off"'
_check_deadline, DEADLINE = _duration("1s", "10m")
_check_retention, RETENTION = _duration("1d", "3650d")

PathText = Annotated[str, AfterValidator(_path)]
LedgerFile = Annotated[str, AfterValidator(parse_ledger_url)]
DataCenterCode = Annotated[str, AfterValidator(_data_center)]
Text = Annotated[str, AfterValidator(_text)]
Url = Annotated[Address, PlainValidator(_address)]
Deadline = Annotated[timedelta, BeforeValidator(_check_deadline)]
Retention = Annotated[timedelta, BeforeValidator(_check_retention)]
Poll = Annotated[timedelta, BeforeValidator(_check_poll)]
PollFast = Annotated[timedelta | Literal["off"] | None, PlainValidator(_poll_fast)]
Undo = Annotated[timedelta | Literal["off"] | None, PlainValidator(_undo)]
Credits = Annotated[int | float, PlainValidator(_credits)]
Lag = Annotated[timedelta, BeforeValidator(_check_lag)]
Mail = Annotated[str, AfterValidator(_mail)]
Owners = Annotated[dict[str, str], PlainValidator(_owners)]
ExpressionText = Annotated[str, AfterValidator(_expression)]
ApiName = Annotated[str, AfterValidator(_api_name)]
ApiNames = Annotated[list[ApiName], AfterValidator(_names)]
Key = Annotated[str, AfterValidator(_key)]
MatchLadder = Annotated[Ladder, PlainValidator(_ladder)]
Where = Annotated[str, AfterValidator(_where)]
FuseLimit = Annotated[Limit, PlainValidator(_limit)]
Attachments = Annotated[timedelta | None, BeforeValidator(_check_compare)]
Compare = Annotated[timedelta | None, PlainValidator(_compare)]
Automations = Annotated[tuple[str, ...], PlainValidator(_automations)]
