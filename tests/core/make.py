"""Short ways to the values of core: a stream of contacts from `a` to `b`, its fields, its records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from daemon.core.answer import Answer
from daemon.core.digest import digest_values
from daemon.core.dropped import Version
from daemon.core.ends import Lane, Waiting
from daemon.core.fieldmap import FieldMap
from daemon.core.filter import parse_filter
from daemon.core.fitting import FieldRule
from daemon.core.knowledge import Knowledge
from daemon.core.plan import plan
from daemon.core.record import Change, Position, Seen, WireRecord
from daemon.core.rules import Copy, Stream
from daemon.core.settle import Settlement, Walk, settle
from daemon.core.steps import Link, LinkState, Step
from daemon.core.translate import Known, Values, observe

often = settings(max_examples=200, deadline=None, derandomize=True)

T0 = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ZGID = "600"
SECRET = b"ledger"
KINDS = ("text", "number", "boolean", "date", "datetime", "multiselect", "lookup", "owner")


def at(seconds: int = 0, record_id: str = "1") -> Position:
    return Position(modified_time=T0 + timedelta(seconds=seconds), record_id=record_id)


def rule(target: str, kind: str = "text", parent: str | None = None, **more: Any) -> FieldRule:
    source = more.pop("source", Copy(field=target))
    return FieldRule(target=target, source=source, kind=kind, parent=parent, **more)


RULES = (
    rule("Account_Name", "lookup", parent="Accounts"),
    rule("Age", "number"),
    rule("Last_Name"),
    rule("Stage", names_cause=True),
)


def fields(
    *rules: FieldRule,
    key: str | None = "Key",
    where: str | None = None,
    version: str = "v1",
    match: tuple[str, ...] = (),
) -> FieldMap:
    return FieldMap(
        rules=rules or RULES,
        version=version,
        key=key,
        columns=(),
        match=match,
        keep=parse_filter(where),
    )


def stream(module: str = "Contacts", **more: Any) -> Stream:
    named = {"key": "Key", **more}
    return Stream(
        address=f"a-b/{module}",
        route="a-b",
        source="a",
        target="b",
        source_module=module,
        target_module=module,
        **named,
    )


def change(record_id: str = "1", seconds: int = 0, **values: object) -> Change:
    return Change(position=at(seconds, record_id), values={"id": record_id, **values})


def known(parents: Mapping[Any, str] | None = None, **more: Any) -> Known:
    return Known(parents=parents or {}, owners=more.pop("owners", {}), **more)


def link(values: Values, target_id: str = "901", version: str = "v1", state: LinkState = "live") -> Link:
    """A link whose counterpart was confirmed to hold these values."""
    digests = digest_values(values, version, SECRET)
    return Link(entity_id="e1", target_id=target_id, whole=digests.whole, by_field=digests.by_field, state=state)


def held_by(record: WireRecord, **more: Any) -> Link:
    return link(observe(record, fields()), **more)


def plan_one(
    one: Seen,
    *,
    field_map: FieldMap | None = None,
    links: Mapping[str, Link] | None = None,
    found: Mapping[str, tuple[WireRecord, ...]] | None = None,
    deferred: Mapping[str, datetime] | None = None,
    parents: Mapping[Any, str] | None = None,
    ended: frozenset[str] = frozenset(),
    unsure: frozenset[str] = frozenset(),
    dropped: Mapping[str, Version] | None = None,
    carried: Mapping[str, frozenset[str]] | None = None,
    keyless: frozenset[str] = frozenset(),
    **more: Any,
) -> Step:
    knowledge = Knowledge(
        known=known(parents),
        links=links or {},
        found=found or {},
        deferred=deferred or {},
        ended=ended,
        unsure=unsure,
        dropped=dropped or {},
        carried=carried or {},
        keyless=keyless,
        source_zgid=ZGID,
        digest_key=SECRET,
    )
    (step,) = plan([one], stream(**more), field_map or fields(), knowledge)
    return step


def settled(
    steps: list[Step] | Step,
    answers: Mapping[str, Answer] | None = None,
    *,
    lane: Lane = "poll",
    waiting: Mapping[str, Waiting] | None = None,
    walk: Walk | None = None,
    jitter: float = 0.5,
    dropped: Mapping[str, Version] | None = None,
    **more: Any,
) -> Settlement:
    return settle(
        steps if isinstance(steps, list) else [steps],
        answers or {},
        seen=len(steps) if isinstance(steps, list) else 1,
        lane=lane,
        stream=stream(**more),
        fields=fields(),
        waiting=waiting or {},
        now=T0,
        jitter=lambda: jitter,
        walk=walk,
        dropped=dropped or {},
    )


awkward = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(
        [
            "",
            " ",
            "'",
            '"',
            "\\",
            "0",
            "-0",
            "null",
            "😀" * 3,
            "👩‍👩‍👧‍👦",
            "مرحبا بالعالم",
            "\u202eabc",
            "e\u0301",
            "é",
            "ß",
            "\x00",
            "\n",
            "x" * 32_000,
        ]
    ),
)
big = st.integers(-(2**63), 2**64 - 1)
numbers = st.one_of(
    big, st.floats(allow_nan=False, allow_infinity=False), big.map(str), st.sampled_from([0.0, -0.0, 1.0, 2**53, 1e300])
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, awkward),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["id", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
instants = st.integers(-70 * 365, 174 * 365).flatmap(
    lambda day: st.integers(0, 86_399_999_999).map(lambda us: T0 + timedelta(days=day, microseconds=us))
)
