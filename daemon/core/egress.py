"""Which fields leave the source org with a write, and whether the route lets them go. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from daemon.core import notes
from daemon.core.files import ATTACHMENTS
from daemon.core.nearest import there_is
from daemon.core.rules import Stream
from daemon.core.schema import Schema

MadeOf = Mapping[str, tuple[str, ...]]
"""Target field -> the source fields that its value is made of."""


def egress_problem(stream: Stream, made_of: MadeOf) -> str | None:
    """Why the stream may not run: source fields that it would send, and that its route does not list."""
    if stream.egress is None:
        return None
    kept = sorted({column for columns in made_of.values() for column in columns} - stream.egress)
    if not kept:
        return None
    names = ", ".join(_for_what(column, made_of) for column in kept)
    they, module = "it" if len(kept) == 1 else "they", stream.source_module
    return (
        f"routes.{stream.route}.egress.{module} does not list {names}: {they} may not leave {stream.source}, and no "
        f"{module} are sent to {stream.target}; list what may leave, and take the rest out of "
        f'routes.{stream.route}.modules.{module}.fields ("*" is all that both sides have; except takes some away)'
    )


def listed_in_vain(stream: Stream, source: Schema) -> list[str]:
    """What the route lists and the source's module does not have, as sentences: a slip in a name, most likely. Zoho may
    list neither the id nor where a note hangs.
    """
    columns = {f"{name}.{column}" for name, rows in source.rows.items() for column in rows.fields}
    unknown = (stream.egress or frozenset()) - source.fields.keys() - columns - {"id", ATTACHMENTS}
    module = stream.source_module
    return [
        f"routes.{stream.route}.egress.{module} lists {name}, which {stream.source}'s {module} does not have"
        f"{there_is(name, source.fields.keys() | columns)}"
        for name in sorted(unknown - {notes.PARENT} if stream.notes_of else unknown)
    ]


def _for_what(column: str, made_of: MadeOf) -> str:
    """A source field, with the target fields that it would go to where they are called otherwise."""
    targets = sorted(target for target, columns in made_of.items() if column in columns)
    return column if targets == [column] else f"{column} (for {', '.join(targets)})"


def leaving(bodies: Iterable[Iterable[str]], stream: Stream, made_of: MadeOf) -> Counter[str]:
    """How many of these writes (the names of their target fields) carry each source field. What no rule of the mapping
    fills counts under its own name (rather one field too many than one too few), save for the flag, which is ours.
    """
    known: MadeOf = {**made_of, **({} if stream.flag is None else {stream.flag: ()})}
    found: Counter[str] = Counter()
    for names, times in Counter(map(tuple, bodies)).items():  # most writes of a page carry the same
        found.update(dict.fromkeys({column for name in names for column in known.get(name, (name,))}, times))
    return found
