"""Which keys each table of the settings file has, of what type, with which default: one frozen model a table.

A field's description is what a person is told is allowed. Tables inside tables are checked by themselves (`object`
here), so that a mistake in one hides none in another.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.core.at_once import AT_ONCE
from daemon.core.fuse import Fuse
from daemon.core.org import DATA_CENTERS
from daemon.core.rules import Bulk, Deletes, Drift, Gone, Owner, Unmatched
from daemon.settings import values as v
from daemon.settings.address import ADDRESS, LEDGER
from daemon.settings.problem import NOTHING, Problem, WrongValueError, describe, did_you_mean, join, quote, type_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Entry(BaseModel):
    """One table of the file: no other keys, no conversions, never shown in an error."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True
    )


class FileEntry(Entry):
    state_dir: v.PathText | None = Field(default=None, description=v.PATH)
    ledger: object = Field(default=None, description="a table [ledger]")
    alerts: object = Field(default=None, description="a table [alerts]")
    orgs: object = Field(description="at least one table [orgs.NAME]")
    routes: object = Field(description="at least one table [routes.NAME]")


class LedgerEntry(Entry):
    url: v.LedgerFile = Field(default="orgsync.db", description=LEDGER)
    password: object = Field(default=None, description=v.KEPT_IN, repr=False)
    retention: v.Retention = Field(default=v.HISTORY, description=v.RETENTION)
    undo_key: object = Field(default=None, description=v.KEPT_IN, repr=False)


class AlertsEntry(Entry):
    """Where a person is told of trouble; read by alerts.py, which shows no address."""

    webhook: object = Field(default=None, description='"https://…", or where that is kept', repr=False)
    command: object = Field(default=None, description="a list: an absolute path, and its arguments", repr=False)


class OrgEntry(Entry):
    data_center: v.DataCenterCode = Field(description=", ".join(DATA_CENTERS))
    client_id: v.Text = Field(description="the self client's id, from Zoho's API console")
    client_secret: object = Field(description=v.KEPT_IN, repr=False)
    refresh_token: object = Field(default=None, description=v.KEPT_IN, repr=False)
    accounts_url: v.Url | None = Field(default=None, description=ADDRESS)
    api_url: v.Url | None = Field(default=None, description=ADDRESS)
    call_deadline: v.Deadline = Field(default=timedelta(seconds=60), description=v.DEADLINE)
    calls_at_once: int = Field(default=AT_ONCE, ge=1, le=25, description="a whole number from 1 to 25")
    daily_credits: int | None = Field(default=None, ge=100, le=100_000_000, description=v.DAILY)
    reserve: v.Credits = Field(default=0, description=v.CREDITS)
    ceiling: v.Credits | None = Field(default=None, description=v.CREDITS)


class SecretEntry(Entry):
    """Exactly one of these; read by secret.py, which shows nothing."""

    env: str | None = Field(default=None, description="the name of an environment variable")
    file: str | None = Field(default=None, description="the path of a file that nobody else can read")
    credential: str | None = Field(default=None, description="the name of a systemd credential")


class RouteEntry(Entry):
    source: v.Text = Field(description="the name of one of the orgs")
    target: v.Text = Field(description="the name of another of the orgs")
    primary: bool = Field(default=False, description="true or false")
    poll: v.Poll = Field(default=timedelta(seconds=60), description=v.POLL)
    poll_fast: v.PollFast = Field(default=None, description=v.POLL_FAST)
    lag: v.Lag = Field(default=timedelta(seconds=120), description=v.LAG)
    default_owner: v.Mail | None = Field(default=None, description="the e-mail address of a user of the target")
    owners: v.Owners = Field(default={}, description=v.OWNERS)
    undo: v.Undo = Field(default=None, description=v.UNDO)
    egress: object = Field(default=None, description="a table of Module = a list of API names of source fields")
    modules: object = Field(description="at least one table [routes.NAME.modules.Module]")


class ModuleEntry(Entry):
    target_module: v.ApiName | None = Field(default=None, description=v.API_NAME)
    key: v.Key = Field(description=v.KEY)
    match: v.MatchLadder = Field(default=(), description=v.LADDER)
    where: v.Where | None = Field(default=None, description="comparisons of fields, like Lead_Status = 'Qualified'")
    unmatched: Unmatched = Field(default="stop", description='"stop", "follow" or "delete"')
    fields: object = Field(default="*", description='"*", a list of API names, or a table of Target_Field = source')
    except_: v.ApiNames = Field(default=[], alias="except", description="a list of API names of target fields")
    deletes: Deletes = Field(default="ignore", description='"ignore", "delete" or "flag"')
    flag: v.ApiName | None = Field(default=None, description="the API name of a checkbox of the target module")
    gone: Gone = Field(default="hold", description='"hold", "leave" or "recreate"')
    drift: Drift = Field(default="report", description='"report", "overwrite" or "keep"')
    compare: v.Compare = Field(default=timedelta(days=7), description=f'{v.COMPARE}; or "never"')
    compare_credits: int = Field(default=1000, ge=1, le=10_000_000, description="a number of credits, from 1")
    bulk: Bulk = Field(default="auto", description='"auto", "write" or "never"')
    fuse: object = Field(default=None, description="a table with deletes, blanked, refused")
    owner: Owner = Field(default="source", description=v.OWNER)
    notes: bool = Field(default=False, description="true or false")
    attachments: v.Attachments = Field(default=None, description=v.COMPARE)
    automations: v.Automations = Field(default=(), description=v.AUTOMATIONS)
    max_attempts: int = Field(default=12, ge=1, le=100, description="a whole number from 1 to 100")
    undo: v.Undo = Field(default=None, description=v.UNDO)
    poll: v.Poll | None = Field(default=None, description=v.POLL)
    poll_fast: v.PollFast = Field(default=None, description=v.POLL_FAST)
    lag: v.Lag | None = Field(default=None, description=v.LAG)


class FuseEntry(Entry):
    """What stops a stream before damage; see core/fuse.py."""

    deletes: v.FuseLimit = Field(default=Fuse().deletes, description=v.LIMIT)
    blanked: v.FuseLimit = Field(default=Fuse().blanked, description=v.LIMIT)
    refused: v.FuseLimit = Field(default=Fuse().refused, description=v.LIMIT)


class SourceEntry(Entry):
    """Where one target field gets its value (exactly one of source, constant, template, expression, subform), and how;
    `fields` and `except` say which columns of a subform's rows are filled, as those of a module do of a record.
    """

    source: v.ApiName | None = Field(default=None, description=v.API_NAME)
    values: object = Field(default=None, description="a table of source value = target value")
    constant: object = Field(default=None, description="a text, a number or a boolean")
    template: str | None = Field(default=None, description=v.TEMPLATE)
    expression: v.ExpressionText | None = Field(default=None, description=v.EXPRESSION)
    subform: v.ApiName | None = Field(default=None, description=v.API_NAME)
    fields: object = Field(default="*", description='"*", a list of API names, or a table of Target_Field = source')
    except_: v.ApiNames = Field(default=[], alias="except", description="a list of API names of columns")
    other: str | None = Field(default=None, description="a text, beside values")
    default: object = Field(default=None, description="a text, a number or a boolean")
    owner: Owner | None = Field(default=None, description=v.OWNER)
    cut: bool = Field(default=False, description="true or false")
    match: object = Field(default=None, description=v.MATCH)


PLACES: Final[dict[type[Entry], str]] = {
    FileEntry: "at the top of the file, before the first [table]",
    LedgerEntry: "in [ledger]",
    AlertsEntry: "in [alerts]",
    OrgEntry: "in [orgs.NAME]",
    RouteEntry: "in [routes.NAME]",
    ModuleEntry: "in [routes.NAME.modules.Module]",
}

E = TypeVar("E", bound=Entry)


def keys_of(model: type[Entry]) -> tuple[str, ...]:
    """The keys of a table, in the order in which the template shows them."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def take(model: type[E], table: object, at: str, problems: list[Problem]) -> E | None:
    """A table of the file as its model; None when something in it is wrong, which then stands in `problems`."""
    if not isinstance(table, dict):
        problems.append(Problem(path=at, found=type_of(table), allowed=f"a table with {', '.join(keys_of(model))}"))
        return None
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems.extend(_problem(model, detail, at) for detail in error.errors(include_url=False))
    return None


def _problem(model: type[Entry], error: ErrorDetails, at: str) -> Problem:
    key, *inner = error["loc"]
    path = join(at, str(key)) + "".join(f"[{index}]" for index in inner)
    if error["type"] == "extra_forbidden":
        hint = _misplaced(model, str(key))
        return Problem(path=path, found="an unknown key", allowed=", ".join(keys_of(model)), hint=hint)
    allowed = _allowed(model, str(key))
    if error["type"] == "missing":
        return Problem(path=path, found=NOTHING, allowed=allowed)
    value: Any = error["input"]
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, WrongValueError):
        shown = quote(value) if isinstance(value, str) else describe(value)
        return Problem(path=path, found=cause.found or shown, allowed=allowed, hint=cause.hint)
    return Problem(path=path, found=describe(value), allowed=allowed)


def _allowed(model: type[Entry], key: str) -> str:
    by_key = dict(zip(keys_of(model), model.model_fields.values(), strict=True))
    return by_key[key].description or "a text"


def _misplaced(model: type[Entry], key: str) -> str | None:
    """Advice on a key that its table does not have: a slip of the pen, or another table's."""
    homes = (place for other, place in PLACES.items() if other is not model and key in keys_of(other))
    home = next(homes, None)
    return f'"{key}" belongs {home}' if home else did_you_mean(key, keys_of(model))
