"""What people and programs are told of first loads that go on: how far they are, and whether credits let them end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.cli.words import duration, instant, iso

if TYPE_CHECKING:
    from daemon.core.budget import Leeway
    from daemon.core.rules import Stream
    from daemon.ledger import Loading


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLoad:
    """A first load, the credits that its rest `needs` of each org, those it `waits_for` now, and what first passes may
    spend (`spare`) in orgs where that is less than all of them need.
    """

    load: Loading
    needs: Mapping[str, int] = field(default_factory=dict)
    waits_for: Sequence[str] = ()
    spare: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_s(self) -> int | None:
        """Seconds until it ends; None where nobody knows that: nothing is done yet, or credits do not suffice."""
        if self.load.left is None or self.waits_for or self.spare:
            return None
        return int(self.load.left.total_seconds())


def first_loads(loads: Sequence[Loading], streams: Sequence[Stream], leeways: Sequence[Leeway]) -> dict[str, FirstLoad]:
    """Those of these streams, by stream."""
    orgs = {one.address: (one.source, one.target) for one in streams}
    mine = [load for load in loads if load.stream in orgs]
    needs = {load.stream: dict(zip(orgs[load.stream], load.needs or (), strict=False)) for load in mine}
    together = sum((Counter(one) for one in needs.values()), Counter[str]())
    waits = {one.org for one in leeways if one.allows != "everything"}
    spare = {one.org: one.spare for one in leeways if one.spare is not None and one.spare < together[one.org]}
    return {
        load.stream: FirstLoad(
            load=load,
            needs=needs[load.stream],
            waits_for=[org for org in orgs[load.stream] if org in waits],
            spare={org: spare[org] for org in orgs[load.stream] if org in spare},
        )
        for load in mine
    }


def document(one: FirstLoad | None) -> dict[str, object] | None:
    """The object of `status --json`."""
    if one is None:
        return None
    load = one.load
    return {
        "way": load.way,
        "started_at": iso(load.started_at),
        "total": load.total,
        "done": load.done,
        "left_s": one.left_s,
        "needs": [{"org": org, "credits": needed} for org, needed in one.needs.items()],
        "waits_for": list(one.waits_for),
        "writing": load.writes,
        "writing_job": load.write_job_id,
        "writing_until": iso(load.write_until),
    }


def sentence(one: FirstLoad) -> str:
    """How far it is, and when it ends if it goes on as it went so far."""
    load = one.load
    head = f"{load.stream} is read for the first time by {load.way}: "
    if load.waits:
        return f"{head}Zoho is making the file of {load.total:,} records"
    share = "" if load.total == 0 else f" ({100 * load.done // load.total} %)"
    return f"{head}{load.done:,} of {load.total:,} records{share}{_rest(one)}{_writing(load)}"


def _rest(one: FirstLoad) -> str:
    if one.waits_for:
        return f", waits for credits of {' and '.join(one.waits_for)}"
    if one.spare:
        short = (
            f"about {one.needs[org]:,} credits of {org}, of which {may:,} may be spent now"
            for org, may in one.spare.items()
        )
        return f", needs {' and '.join(short)}"
    return "" if one.left_s is None else f", about {duration(one.left_s)} left at this rate"


def _writing(load: Loading) -> str:
    if not load.writes:
        return ""
    if load.write_job_id is not None:
        return f"; bulk write {load.write_job_id} is at work, until {instant(load.write_until)} at the latest"
    until = f"until {instant(load.write_until)}, then its records are looked up"
    return f"; a bulk write may be at work whose id is not known: it is waited for {until}"
