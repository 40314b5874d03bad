"""Misfortune on demand: which calls meet which accident.

A fault is a JSON object (a file, `POST /faults` and the Python API take one, a list, or `{"faults": [...]}`):

    {"effect": "status", "org": "us", "kind": "upsert", "module": "Leads",   who meets it (absent = everyone)
     "times": 3, "skip": 2,                  the next 3 such calls after 2 that pass (times absent = for ever)
     "rate": 0.05, "seed": 7,                or each such call with a probability
     ... }

`kind`: list get insert update upsert delete deleted coql count full_data users org modules fields create_field layouts
token revoke and so on (see KINDS), or `read`, `write`, `action`, `metadata`, `bulk`, `auth`, or a list of these. `rate`
is a fraction; seconds go up to a day, those that move a clock up to ten years either way. Effects and their own keys:

    latency     seconds, or min and max             the answer comes late
    status      status, code, message, body, when   an error answer; body json (default), html or empty
    html        status (200)                        an HTML page instead of JSON; the call is not executed
    cut         when                                the connection is reset
    half        -                                   executed; half of the answer, then the connection is cut
    stall       seconds (3600), when                no answer, the connection stays open
    garbage     shape, status (200), when           text null number list string empty wrong_type truncated
    token_expired   -                               the access token of this call is dead from now on
    token_revoked   -                               the refresh token behind it and all its access tokens are revoked
    visibility  seconds                             the write is done, but readers see it only that much later
    date_skew   seconds                             the Date header is wrong by so much
    clock_step  seconds                             the emulator's clock jumps when the call arrives

`when`: "before" (default) the call is executed, or "after": it was executed and the answer is lost. Delays, visibility
and clocks add up; of the others the first one that matches is met.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from daemon.emulator import asked

Json = dict[str, Any]
_MANY = 10**9
KINDS = {
    name: frozenset(kinds.split())
    for name, kinds in {
        "read": "list get deleted coql count full_data search related attachments attachment lock_info"
        " merge_job mass_delete_job bin bin_count",
        "write": "insert update upsert delete",
        "action": "mass_delete change_owner merge convert add_tags remove_tags lock unlock attach detach link unlink"
        " add_note bin_restore bin_delete bin_empty",
        "metadata": "users org modules fields create_field change_field delete_field layouts roles profiles"
        " related_lists tags create_tags delete_tag currencies features"
        " custom_views",
        "bulk": "bulk_read bulk_read_status bulk_read_result upload bulk_write bulk_write_status bulk_write_result",
        "auth": "token revoke",
    }.items()
}
SINGLE_KINDS = frozenset[str]().union(*KINDS.values())
ADDING = frozenset({"latency", "visibility", "date_skew", "clock_step"})
SHAPES = ("text", "null", "number", "list", "string", "empty", "wrong_type", "truncated")
_SELECTORS = ("effect", "org", "kind", "module", "times", "skip", "rate", "seed")
_OWN_KEYS: dict[str, tuple[str, ...]] = {
    "latency": ("seconds", "min", "max"),
    "status": ("status", "code", "message", "body", "when"),
    "html": ("status",),
    "cut": ("when",),
    "half": (),
    "stall": ("seconds", "when"),
    "garbage": ("shape", "status", "when"),
    "token_expired": (),
    "token_revoked": (),
    "visibility": ("seconds",),
    "date_skew": ("seconds",),
    "clock_step": ("seconds",),
}
EFFECTS = tuple(_OWN_KEYS)
_REACH = {
    "token_expired": SINGLE_KINDS - KINDS["auth"],
    "token_revoked": SINGLE_KINDS - KINDS["auth"],
    "visibility": KINDS["write"] | KINDS["action"],
}
"""The calls on which an effect shows; on any other the fault would be spent for nothing."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One scripted misfortune and how often it still strikes."""

    effect: str
    org: str | None = None
    kinds: frozenset[str] | None = None
    module: str | None = None
    times: int | None = None
    skip: int = 0
    rate: float | None = None
    when: str = "before"
    details: Json = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - misfortune is no secret
    struck: int = 0

    def strikes(self, org: str, kind: str, module: str | None) -> bool:
        """Whether this call meets the fault; counts down."""
        if self.times is not None and self.times <= 0:
            return False
        if self.org not in (None, org) or self.module not in (None, module):
            return False
        if self.kinds is not None and kind not in self.kinds:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.rate is not None and self.dice.random() >= self.rate:
            return False
        if self.times is not None:
            self.times -= 1
        self.struck += 1
        return True

    def seconds(self) -> float:
        """How long, for the effects that last."""
        if "min" in self.details or "max" in self.details:
            low = float(self.details.get("min", 0))
            return self.dice.uniform(low, float(self.details.get("max", low)))
        return float(self.details.get("seconds", 3_600 if self.effect == "stall" else 1))

    def as_json(self) -> Json:
        """The fault as the control endpoint lists it."""
        kinds = sorted(self.kinds) if self.kinds is not None else None
        shown = {"effect": self.effect, "org": self.org, "kind": kinds, "module": self.module, "times": self.times}
        return {**shown, "skip": self.skip, "rate": self.rate, "when": self.when, "struck": self.struck, **self.details}


@dataclass(slots=True, kw_only=True)
class Misfortune:
    """What one call meets: delays and clocks that add up, and at most one accident."""

    latency: float = 0.0
    visibility: float = 0.0
    date_skew: float = 0.0
    clock_step: float = 0.0
    accident: Fault | None = None
    names: list[str] = field(default_factory=list)


class Faults:
    """The script of misfortune of the whole emulator."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.base_latency = 0.0

    def add(self, faults: Iterable[Fault]) -> None:
        """Add faults to the script."""
        self._faults += faults

    def clear(self) -> None:
        """No more misfortune."""
        self._faults.clear()

    def as_json(self) -> list[Json]:
        """Every fault, also those that are used up."""
        return [fault.as_json() for fault in self._faults]

    def draw(self, org: str, kind: str, module: str | None) -> Misfortune:
        """What this call meets."""
        met = Misfortune(latency=self.base_latency)
        for fault in self._faults:
            if fault.effect not in ADDING and met.accident is not None:
                continue
            if not fault.strikes(org, kind, module):
                continue
            met.names.append(fault.effect)
            if fault.effect in ADDING:
                setattr(met, fault.effect, getattr(met, fault.effect) + fault.seconds())
            else:
                met.accident = fault
        return met


def parse_faults(given: Any) -> list[Fault]:
    """Faults from the JSON form above; ValueError tells what is wrong with them."""
    if isinstance(given, dict) and "faults" in given:
        given = asked.an_object(given, "a script of faults", ("faults",)).get("faults", [])
    return [parse_fault(item) for item in (given if isinstance(given, list) else [given])]


def parse_fault(given: Any) -> Fault:
    """A fault from its JSON form, or ValueError."""
    effect = asked.choice(asked.an_object(given, "a fault"), "effect", "a fault", EFFECTS)
    if effect is None:
        raise ValueError(f"a fault: effect is missing; one of {', '.join(EFFECTS)}")
    what = f"fault {effect}"
    fault = asked.an_object(given, what, (*_SELECTORS, *_OWN_KEYS[effect]))
    return Fault(
        effect=effect,
        org=asked.text(fault, "org", what),
        kinds=_kinds(fault, effect, what),
        module=asked.text(fault, "module", what),
        times=asked.whole(fault, "times", what, least=1, most=_MANY),
        skip=asked.whole(fault, "skip", what, least=0, most=_MANY) or 0,
        rate=asked.number(fault, "rate", what, least=0, most=1),
        when=asked.choice(fault, "when", what, ("before", "after")) or "before",
        details=_details(fault, effect, what),
        dice=random.Random(asked.whole(fault, "seed", what, least=-_MANY, most=_MANY) or 0),  # noqa: S311 - misfortune is no secret
    )


def _details(fault: Json, effect: str, what: str) -> Json:
    """The keys of its own, each checked."""
    signed = effect in ("date_skew", "clock_step")
    least, most = (-asked.FAR, asked.FAR) if signed else (0, asked.LONGEST)
    for key in ("seconds", "min", "max"):
        asked.number(fault, key, what, least=least, most=most)
    if "seconds" in fault and ("min" in fault or "max" in fault):
        raise ValueError(f"{what}: seconds, or min and max, not both")
    if "max" in fault and fault["max"] < fault.get("min", 0):
        raise ValueError(f"{what}: max is not below min")
    asked.whole(fault, "status", what, least=200, most=599)
    asked.choice(fault, "body", what, ("json", "html", "empty"))
    asked.choice(fault, "shape", what, SHAPES)
    for key in ("code", "message"):
        asked.text(fault, key, what)
    return {key: fault[key] for key in _OWN_KEYS[effect] if key in fault and key != "when"}


def _kinds(fault: Json, effect: str, what: str) -> frozenset[str] | None:
    """The calls that meet the fault; None when all do."""
    given, reach = fault.get("kind", "any"), _REACH.get(effect)
    if given == "any":
        return reach
    chosen: set[str] = set()
    for name in given if isinstance(given, list) else [given]:
        if not isinstance(name, str) or name not in SINGLE_KINDS | KINDS.keys():
            known = ", ".join((*KINDS, *sorted(SINGLE_KINDS)))
            raise ValueError(f"{what}: unknown kind of call {asked.shown(name)}; known: {known}")
        chosen |= KINDS.get(name, {name})
    met = chosen if reach is None else chosen & reach
    if not met:
        raise ValueError(f"{what}: shows on no call of kind {asked.shown(given)}")
    return frozenset(met)
