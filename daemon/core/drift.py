"""Hand edits in the target: which fields of a counterpart somebody has changed there, and how a person is told. Pure.

What a comparison saw is kept at the link (Link.drifted) until the field is sent again or seen to be as it was: so the
report stands whatever else the record waits for in between.
"""

from __future__ import annotations

from collections.abc import Iterable

from daemon.core.causes import DRIFT, Cause
from daemon.core.record import Change
from daemon.core.rules import Stream
from daemon.core.steps import Hold


def drift_cause(stream: Stream, names: Iterable[str]) -> Cause:
    """Why a counterpart waits for a person who decides about these fields."""
    return Cause(code=DRIFT, module=stream.target_module, field=", ".join(sorted(names)))


def drift_detail(stream: Stream, names: Iterable[str], target_id: str) -> str:
    """What was seen, in a sentence."""
    return f"{', '.join(sorted(names))} of {target_id} was changed in {stream.target}"


def report(change: Change, names: frozenset[str], stream: Stream, target_id: str) -> Hold | None:
    """A person is to decide about these fields, where the settings say so; None where there is nothing to decide."""
    if not names or stream.drift != "report":
        return None
    return Hold(change=change, cause=drift_cause(stream, names), detail=drift_detail(stream, names, target_id))
