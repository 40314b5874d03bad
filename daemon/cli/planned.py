"""How a plan is shown: as text, the writes first and by kind, and as a document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from daemon.cli.screen import coloured
from daemon.cli.words import printable
from daemon.core.forecast import AT_REST, Difference, Item, Kind
from daemon.sync.foreseeing import Cost, Forecast

_FIELDS: Final = 8  # of a record that would be created
_LONG: Final = 60  # characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A plan and how it is to be shown; `latency` is in seconds a call, `following` the command to type next. Without
    `everything` it is `few` records of a kind, and `wider` is the option that lists more.
    """

    forecast: Forecast
    latency: float
    everything: bool
    following: str
    few: int = 20
    wider: str = "--all lists them"

    @property
    def seconds(self) -> int:
        """About how long applying takes."""
        return round(self.forecast.price.calls * self.latency) if self.forecast.writes else 0

    def some(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those of a kind that are listed."""
        return items if self.everything else items[: self.few]


def as_text(shown: Shown) -> str:
    """For a person."""
    seen = shown.forecast
    lines = [_summary(seen), *_costs(shown), _automations(seen)]
    if seen.following != 0:
        more = "more follow" if seen.following is None else f"about {seen.following:,} more follow"
        was = "change was" if seen.read == 1 else "changes were"
        lines.append(f"this is the beginning: {seen.read:,} {was} read, and {more} (--records reads more)")
    lines += [coloured(f"the next cycle stops before this is written: {why}", "red") for why in seen.blocked]
    for kind, title, draw in _SECTIONS:
        items = [item for item in seen.items if item.kind == kind]
        if items:
            few = shown.some(items)
            lines += ["", f"{title} ({len(items):,}):", *(line for item in few for line in draw(item, seen, shown))]
            lines += [f"  … and {len(items) - len(few):,} more ({shown.wider})"] if len(few) < len(items) else []
    lines += _held(shown)
    if seen.resting:
        wait = f"{seen.resting:,} more are held or given up already, and are not looked at"
        lines += ["", f"{wait}: orgsync queue --stream {seen.standing.stream}"]
    first = "what is said of the stop above, then: " if seen.blocked else ""
    return "\n".join([*lines, "", f"nothing was written. next: {first}{shown.following}"])


def _summary(seen: Forecast) -> str:
    n = seen.counts
    parts = [f"create {n['create']:,}"]
    parts += [f"adopt {n['adopt']:,}"] if n["adopt"] else []
    parts += [f"update {n['update']:,}", f"delete {n['delete']:,}"]
    parts += [f"flag {n['flag']:,}"] if n["flag"] else []
    parts += [f"link {n['link']:,}"] if n["link"] else []
    parts.append(f"hold {n['hold']:,}")
    rest = [f"{n['unchanged']:,} unchanged", f"{n['filtered']:,} not carried"]
    rest += [f"{n['follow']:,} follow in the cycle after"] if n["follow"] else []
    rest += [f"{n['wait']:,} decided later"] if n["wait"] else []
    rest += [f"{n['conflict']:,} stay as the target has them"] if n["conflict"] else []
    return f"{seen.standing.stream}: would {', '.join(parts)}; {', '.join(rest)}"


def _costs(shown: Shown) -> list[str]:
    seen, stream = shown.forecast, shown.forecast.prepared.stream
    spent = f"planning cost {stream.source} {seen.spent.source:,} credits and {stream.target} {seen.spent.target:,}"
    if not seen.writes:
        return [f"costs nothing to apply; {spent}"]
    price = f"{stream.source} {seen.price.source:,} credits and {stream.target} {seen.price.target:,}"
    calls = f"{seen.sent.calls:,} write call{'' if seen.sent.calls == 1 else 's'}"
    about = f"about {max(1, shown.seconds):,} s at {shown.latency:.2f} s a call"
    return [f"to apply it costs about {price}, {calls}, {about}; {spent}"]


def _automations(seen: Forecast) -> str:
    stream = seen.prepared.stream
    if not stream.triggers:
        return f'automations of {stream.target}: none would run (automations = "none", trigger: [])'
    return (
        f"automations of {stream.target} that would run for {len(seen.writes):,} records, where they are set up there: "
        f"{', '.join(stream.triggers)}"
    )


def _created(item: Item, seen: Forecast, shown: Shown) -> list[str]:
    few = item.differences if shown.everything else item.differences[:_FIELDS]
    people = seen.prepared.in_target.emails
    values = ", ".join(f"{one.field} {value_text(one.new, people)}" for one in few)
    rest = len(item.differences) - len(few)
    more = f" and {rest} more fields" if rest else ""
    return [f"  {coloured('+', 'green')} {_who(item, seen)}: {values}{more}", *_later(item)]


def _updated(item: Item, seen: Forecast, _shown: Shown) -> list[str]:
    people = seen.prepared.in_target.emails
    lines = [f"  {coloured('~', 'yellow')} {_who(item, seen)}", *(_difference(d, people) for d in item.differences)]
    if item.again:
        lines.append(f"      sent again as it is there: {', '.join(item.again)}")
    return [*lines, *_later(item)]


def _difference(one: Difference, people: Mapping[str, str]) -> str:
    return f"      {one.field}: {value_text(one.old, people)} -> {value_text(one.new, people)}"


def _gone(item: Item, seen: Forecast, _shown: Shown) -> list[str]:
    why = "is not in the source any more" if item.deletion else "does not match the filter any more"
    return [f"  {coloured('-', 'red')} {_who(item, seen)}: {why}"]


def _told(item: Item, seen: Forecast, _shown: Shown) -> list[str]:
    return [f"  {_who(item, seen)}" + (f": {printable(item.detail)}" if item.detail else "")]


def _later(item: Item) -> list[str]:
    return [f"      later: {printable(item.detail)}"] if item.detail else []


def _held(shown: Shown) -> list[str]:
    """By cause, with what mends it."""
    seen = shown.forecast
    held = [item for item in seen.items if item.kind == "hold"]
    lines = [*(["", f"hold ({len(held):,}):"] if held else [])]
    for cause, found in groupby(sorted(held, key=_cause_key), key=lambda item: item.cause):
        items = list(found)
        if cause is None:
            continue
        about = " ".join(
            part for part in (cause.code, cause.field, f"= {cause.value!r}" if cause.value else "") if part
        )
        lines.append(f"  {coloured('!', 'red')} {printable(about)}, {len(items):,}: {cause.remedy}")
        few = shown.some(items)
        lines += [f"      {_who(item, seen)}: {printable(item.detail)}" for item in few]
        lines += [f"      … and {len(items) - len(few):,} more ({shown.wider})"] if len(few) < len(items) else []
    return lines


def _cause_key(item: Item) -> tuple[str, ...]:
    cause = item.cause
    return () if cause is None else (cause.code, cause.module, cause.field or "", cause.value or "")


def _who(item: Item, seen: Forecast) -> str:
    stream = seen.prepared.stream
    there = f" -> {item.target_id} of {stream.target}" if item.target_id else ""
    name = f"{printable(item.name)} " if item.name else ""
    return f"{name}({item.source_id} of {stream.source}{there})"


def value_text(value: object, people: Mapping[str, str]) -> str:
    """A value on one line; of a user the e-mail, of a record its name, where it is known."""
    match value:
        case {"id": str() as user} if user in people:
            return printable(people[user])
        case None | "" | []:
            return "(blank)"
        case {"name": str() as name, "id": record_id}:
            return f"{printable(name)} ({record_id})"
        case {"id": record_id}:
            return f"the record {record_id}"
        case list() if all(isinstance(one, dict) for one in value):
            return f"{len(value)} row{'' if len(value) == 1 else 's'}"
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
            return printable(text if len(text) <= _LONG else f"{text[:_LONG]}…")


_Draw = Callable[[Item, Forecast, Shown], Sequence[str]]
_SECTIONS: Final[Sequence[tuple[Kind, str, _Draw]]] = (
    ("create", "create", _created),
    ("adopt", "adopt what is there", _updated),
    ("update", "update", _updated),
    ("delete", "delete", _gone),
    ("flag", "flag as deleted", _gone),
    ("link", "link to what is there", _told),
    ("conflict", "left as they are in the target", _told),
    ("follow", "follow in the cycle after, when what they point to is there", _told),
    ("wait", "decided later", _told),
)


def as_document(shown: Shown) -> dict[str, object]:
    """For a program; every record but those at rest."""
    seen, stream = shown.forecast, shown.forecast.prepared.stream
    price = seen.price if seen.writes else Cost(source=0, target=0, calls=0)
    return {
        "schema": 1,
        "stream": stream.address,
        "counts": seen.counts,
        "read": seen.read,
        "following": seen.following,
        "blocked": list(seen.blocked),
        "resting": seen.resting,
        "automations": list(stream.triggers),
        "credits": {
            "planning": {"source": seen.spent.source, "target": seen.spent.target},
            "applying": {"source": price.source, "target": price.target},
        },
        "write_calls": seen.sent.calls,
        "seconds": shown.seconds,
        "records": [_entry(item) for item in seen.items if item.kind not in AT_REST],
        "next": shown.following,
    }


def _entry(item: Item) -> dict[str, object]:
    cause = item.cause
    return {
        "kind": item.kind,
        "source_id": item.source_id,
        "target_id": item.target_id,
        "name": item.name,
        "modified_time": item.modified_time.isoformat(),
        "fields": [{"field": one.field, "old": one.old, "new": one.new} for one in item.differences],
        "again": list(item.again),
        "code": cause.code if cause else None,
        "field": cause.field if cause else None,
        "value": cause.value if cause else None,
        "remedy": cause.remedy if cause else None,
        "detail": item.detail,
    }
