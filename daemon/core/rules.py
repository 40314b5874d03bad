"""What the settings say about one stream, as plain values; settings.py fills them, everything inward reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from daemon.core.fuse import Fuse

Scalar = str | int | float | bool
Deletes = Literal["ignore", "delete", "flag"]
Gone = Literal["hold", "leave", "recreate"]
Drift = Literal["report", "overwrite", "keep"]
Owner = Literal["source", "target", "newest", "fill-blank"]
"""Who has the say over a field of the target: the source, always; the target, which gets the source's value only when
the record is made; whoever changed it last; or the target where its field is not blank.
"""
Unmatched = Literal["stop", "follow", "delete"]
Bulk = Literal["auto", "write", "never"]
Ladder = tuple[tuple[str, ...], ...]
"""Rungs from the most to the least certain; each names target fields that must all be equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The value of a source field, through a value map when one is given (source value -> target value).

    `other` is what a value takes that the map does not name; without it such a value is carried as it is.
    """

    field: str
    values: Mapping[str, str] | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """The same value for every record."""

    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text with `{Field_Name}` places; blank fields leave nothing behind."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What an expression gives for the record (expression.py)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a source's subform; `columns` says for each column of the target's rows what fills it."""

    field: str
    columns: FieldChoice


Source = Copy | Constant | Template | Expression | Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How a target field is filled, besides where its value comes from.

    `default` is the value where the source's is blank. `cut` says that a text is cut to the field's length. `owner` is
    None where the stream's counts. `match` is the field by which both orgs know a lookup's record that no stream
    carries; of a lookup into several modules a table of source module -> field.
    """

    default: Scalar | None = None
    owner: Owner | None = None
    cut: bool = False
    match: str | Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChoice:
    """Which fields a stream carries: a table of target field -> source, everything both sides have, or both.

    `table` is None for `fields = "*"`; `star` says that everything else goes too, beside a table. `except_` (target
    fields) takes away from the star only. `fills` holds what is unusual about fields of the table.
    """

    table: Mapping[str, Source] | None = None
    except_: frozenset[str] = frozenset()
    star: bool = False
    fills: Mapping[str, Fill] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a record of a stream's source may have come from: the source's field `key` names the record of that org."""

    key: str
    org: str
    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One module of one route. `address` is its name in every command, table and log line.

    `key` is the unique field of the target module that holds `<source zgid>:<record id>`; None means `key = "none"`.
    `triggers` are the automations of the target that may run (facts 4.1), none by default. `lag` is how far behind
    the source's clock the checkpoint stays, because a write may become visible late.

    `deletes` says what a deletion in the source does to the counterpart; `flag` is the target's checkbox for "flag".
    `gone` says what happens when the counterpart was deleted in the target, `drift` when its fields were changed there,
    `unmatched` when a record that the stream has carried does not match `where` any more.
    `owners` says by e-mail addresses which user of the source is which of the target, where that is not the same one.
    `notes_of` are the modules whose notes a stream of Notes carries (notes.py), `files_of` the one whose attachments a
    stream of Attachments does (files.py).
    `match` is the ladder of target fields by which records that both sides held before are paired (match.py).
    Every `compare` (None: never) all records of both sides are compared, for at most `compare_credits` a day.

    `owner` has the say over the fields that name no owner of their own. `circle` are the addresses of the other streams
    on the ways back from the target to the source (two-way: one), and `origins` what they note in the source.
    `primary` is the org whose edit is kept where two orgs changed a field in the same second.

    The source is read every `poll` while nothing changes there, and `poll_fast` after a change (None: as ever).

    `egress` are the only source fields whose values may leave the source; None: all that are mapped.
    `bulk` says whether a first load may be read from files where that is cheaper, and written by them (backfill.py).
    `undo` is for how long the values before an update are kept, so that it can be undone (undo.py); None: not at all.
    """

    address: str
    route: str
    source: str
    target: str
    source_module: str
    target_module: str
    key: str | None
    match: Ladder = ()
    where: str | None = None
    unmatched: Unmatched = "stop"
    fields: FieldChoice = field(default_factory=FieldChoice)
    triggers: tuple[str, ...] = ()
    deletes: Deletes = "ignore"
    flag: str | None = None
    gone: Gone = "hold"
    drift: Drift = "report"
    fuse: Fuse = field(default_factory=Fuse)
    compare: timedelta | None = timedelta(days=7)
    compare_credits: int = 1000
    default_owner: str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    owner: Owner = "source"
    circle: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    primary: str | None = None
    poll: timedelta = timedelta(seconds=60)
    poll_fast: timedelta | None = None
    lag: timedelta = timedelta(seconds=120)
    max_attempts: int = 12
    notes_of: tuple[str, ...] = ()
    files_of: str | None = None
    egress: frozenset[str] | None = None
    bulk: Bulk = "auto"
    undo: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Source org -> target org, with the streams it carries."""

    name: str
    source: str
    target: str
    streams: tuple[Stream, ...]

    def carried(self) -> Mapping[str, str]:
        """Source module -> target module, for lookups."""
        return {s.source_module: s.target_module for s in self.streams}
