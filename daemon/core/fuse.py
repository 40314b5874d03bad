"""The fuse of a stream: how much may be deleted, blanked or refused before a person must look (design 1, promise 7).

Pure. A fuse blows before the damage: what would go past the limit is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

FuseKind = Literal["deletes", "blanked", "refused", "empty", "undone"]
AT_LEAST: Final = 20
"""A share of few records is no alarm: up to this many always pass a limit in percent."""
MOST_TRUSTED: Final = 1_000
"""Records, ten calls: what may be refused before it is noticed, where just as many were taken the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `count` records, or `share` of the base (0 to 1, but AT_LEAST records); neither: no limit."""

    count: int | None = None
    share: float | None = None

    def allowed(self, base: int) -> int | None:
        if self.share is not None:
            return max(AT_LEAST, int(base * self.share))
        return self.count

    def __str__(self) -> str:
        if self.share is not None:
            return f"{self.share * 100:g}%"
        return "off" if self.count is None else str(self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuse:
    """The limits of one stream, each for one catching-up: `deletes` and `blanked` of its linked records, `refused` of
    the writes that it sent.
    """

    deletes: Limit = Limit(share=0.1)
    blanked: Limit = Limit(share=0.1)
    refused: Limit = Limit(share=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blown:
    """What a fuse saw: `count` of `base` records, of which `allowed` would have passed; up to five ids of them. Of
    "undone" so many of the writes of `cycle` were taken back by a person.
    """

    kind: FuseKind
    count: int
    base: int
    allowed: int
    examples: tuple[str, ...] = ()
    cycle: int | None = None


@dataclass(slots=True, kw_only=True)
class Meter:
    """Counts what one catching-up of a stream does. `accepted` is what a person released, by kind; `linked` says how
    many records the stream has linked; it is asked once, and only when there is something to count. `trusted` records
    may be on their way unanswered, because so many were taken before.

    A record counts once, however often it is met. `passed` says of which records a deletion was sent before and is
    tried again: it passed then.
    """

    fuse: Fuse
    linked: Callable[[], int]
    passed: Callable[[Sequence[str]], Collection[str]] = lambda _: ()
    accepted: Mapping[FuseKind, int] = field(default_factory=lambda: MappingProxyType({}))
    trusted: int = 0
    base: int | None = None
    deleted: set[str] = field(default_factory=set)
    blanked: set[str] = field(default_factory=set)
    refused: int = 0
    sent: int = 0

    def blanks(self, ids: Iterable[str]) -> Blown | None:
        """These records would lose a value; counted when they may."""
        found = tuple(ids)
        blown = self._judge("blanked", self.fuse.blanked, len(self.blanked.union(found)), self._linked, found)
        if blown is None:
            self.blanked.update(found)
        return blown

    def answered(self, sent: int, refused: Iterable[str]) -> Blown | None:
        """A write call of so many records was answered; these were refused. After a release the count begins anew: what
        was refused before is done, and a person has seen it.
        """
        found = tuple(refused)
        self.refused += len(found)
        self.sent += sent
        blown = self._judge("refused", self.fuse.refused, self.refused, lambda: self.sent, found)
        if blown is not None:
            self.refused = self.sent = 0
        return blown

    def may_risk(self, unanswered: int, more: int) -> bool:
        """Whether `more` records may be sent beside those that are `unanswered`, though all of them might be refused:
        so that no more are than if they had gone one after the other. Of a share those that are trusted pass as well.
        """
        limit = self.fuse.refused
        allowed = limit.allowed(self.sent + unanswered + more)
        refusable = max(self.accepted.get("refused", 0), 0 if limit.share is None else self.trusted)
        return allowed is None or self.refused + unanswered + more <= max(allowed, refusable)

    @property
    def trust(self) -> int:
        """How many are trusted in the next catching-up."""
        return max(self.trusted, min(MOST_TRUSTED, self.sent - self.refused))

    def deletes(self, ids: Iterable[str]) -> Blown | None:
        """The counterparts of these records would be deleted or flagged; counted when they may. All that the stream has
        is one too many.
        """
        found = tuple(ids)
        before = self.passed(found)
        found = tuple(i for i in found if i not in before)
        count = len(self.deleted.union(found))  # a comparison meets what the deleted list has queued already
        blown = self._judge("deletes", self.fuse.deletes, count, self._linked, found)
        if blown is None and found and count > self.accepted.get("deletes", 0) and self._linked():
            everything = Limit(count=max(1, self._linked() - 1))
            blown = self._judge("empty", everything, count, self._linked, found)
        if blown is None:
            self.deleted.update(found)
        return blown

    def _linked(self) -> int:
        """As it was at the beginning: what is deleted meanwhile still counts."""
        if self.base is None:
            self.base = self.linked()
        return self.base

    def _judge(
        self, kind: FuseKind, limit: Limit, count: int, base: Callable[[], int], ids: tuple[str, ...]
    ) -> Blown | None:
        if not ids or (limit.share is not None and count <= AT_LEAST):
            return None
        whole = base()
        allowed = limit.allowed(whole)
        if allowed is None or count <= max(allowed, self.accepted.get(kind, 0)):
            return None
        return Blown(kind=kind, count=count, base=whole, allowed=allowed, examples=ids[:5])


_WORDS: Final[dict[FuseKind, str]] = {
    "deletes": "{count} of {base} linked records would be deleted or flagged, more than the {allowed} that pass",
    "empty": "all {base} linked records would be deleted or flagged: is the module empty, or are rights missing?",
    "blanked": "{count} of {base} linked records would lose a value, more than the {allowed} that pass",
    "refused": "{count} of {base} records were refused, more than the {allowed} that pass",
    "undone": "a person has undone {count} of the {base} writes of cycle {cycle}",
}


def seen(blown: Blown) -> str:
    """What a fuse saw and what was not touched."""
    words = _WORDS[blown.kind].format(count=blown.count, base=blown.base, allowed=blown.allowed, cycle=blown.cycle)
    rest = "there the target is not what the source says" if blown.kind == "undone" else "the rest was not written"
    return (
        f"fuse ({blown.kind}): {words} (source records {', '.join(blown.examples)}); {rest} and the checkpoint stands"
    )


def release_command(blown: Blown, stream: str) -> str:
    """What a person types who meant it."""
    # How many more the target would refuse nobody knows.
    accept = {"refused": "all", "undone": 0}.get(blown.kind, blown.count)
    return f'orgsync release {stream} --accept {accept} --reason "…"'


def sentence(blown: Blown, stream: str) -> str:
    """What the fuse of a stream saw, what was not touched, and what to type."""
    when = "When the mapping, or the source, is mended" if blown.kind == "undone" else "If this is meant"
    return f"{seen(blown)}. {when}: {release_command(blown, stream)}"
