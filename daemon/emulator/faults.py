"""Misfortune on demand: which calls meet which accident.

A fault is a JSON object (a file, `POST /faults` and the Python API take one, a list, or `{"faults": [...]}`):

    {"effect": "status", "org": "us", "kind": "upsert", "module": "Leads",   who meets it (absent = everyone)
     "times": 3, "skip": 2,                  the next 3 such calls after 2 that pass (times absent = for ever)
     "rate": 0.05, "seed": 7,                or each such call with a probability
     ... }

`kind`: list get insert update upsert delete deleted coql count full_data users org modules fields create_field layouts
token revoke and so on (see KINDS), or `read`, `write`, `action`, `metadata`, `auth`, or a list of these. Effects and
their own keys:

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
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
KINDS = {
    "read": {"list", "get", "deleted", "coql", "count", "full_data", "search", "related"},
    "write": {"insert", "update", "upsert", "delete"},
    "action": {
        "mass_delete",
        "change_owner",
        "merge",
        "convert",
        "add_tags",
        "remove_tags",
        "lock",
        "unlock",
        "attach",
        "detach",
        "link",
        "unlink",
        "add_note",
        "bin_restore",
        "bin_delete",
        "bin_empty",
    },
    "metadata": {
        "users",
        "org",
        "modules",
        "fields",
        "create_field",
        "layouts",
        "roles",
        "profiles",
        "related_lists",
        "tags",
    },
    "auth": {"token", "revoke"},
}
SINGLE_KINDS = frozenset().union(*KINDS.values())
ADDING = frozenset({"latency", "visibility", "date_skew", "clock_step"})
EFFECTS = frozenset(
    {"status", "html", "cut", "half", "stall", "garbage", "token_expired", "token_revoked"}
) | ADDING  # fmt: skip
SHAPES = ("text", "null", "number", "list", "string", "empty", "wrong_type", "truncated")
_SELECTORS = {"effect", "org", "kind", "module", "times", "skip", "rate", "seed", "when"}
_OWN_KEYS = {
    "latency": {"seconds", "min", "max"},
    "status": {"status", "code", "message", "body"},
    "html": {"status"},
    "stall": {"seconds"},
    "garbage": {"shape", "status"},
    "visibility": {"seconds"},
    "date_skew": {"seconds"},
    "clock_step": {"seconds"},
}


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

    def add(self, given: Any) -> None:
        """Add faults in the JSON form above; ValueError tells what is wrong with them, and then none is added."""
        if isinstance(given, dict) and "faults" in given:
            given = given["faults"]
        self._faults += [parse_fault(item) for item in (given if isinstance(given, list) else [given])]

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


def parse_fault(given: Any) -> Fault:
    """A fault from its JSON form, or ValueError."""
    if not isinstance(given, dict):
        raise ValueError(f"a fault is a JSON object, not {given!r}")
    effect = given.get("effect")
    if effect not in EFFECTS:
        raise ValueError(f"unknown effect {effect!r}; known: {', '.join(sorted(EFFECTS))}")
    unknown = set(given) - _SELECTORS - _OWN_KEYS.get(effect, set())
    if unknown:
        raise ValueError(f"fault {effect}: unknown keys {', '.join(sorted(unknown))}")
    if given.get("when", "before") not in ("before", "after"):
        raise ValueError(f"fault {effect}: when is before or after, not {given['when']!r}")
    if given.get("shape", "text") not in SHAPES:
        raise ValueError(f"fault {effect}: shape is one of {', '.join(SHAPES)}")
    for key in ("times", "skip", "rate", "seconds", "min", "max", "status", "seed"):
        if key in given and (isinstance(given[key], bool) or not isinstance(given[key], int | float)):
            raise ValueError(f"fault {effect}: {key} is a number, not {given[key]!r}")
    return Fault(
        effect=effect,
        org=given.get("org"),
        kinds=_kinds(given.get("kind")),
        module=given.get("module"),
        times=given.get("times"),
        skip=given.get("skip", 0),
        rate=given.get("rate"),
        when=given.get("when", "before"),
        details={key: given[key] for key in _OWN_KEYS.get(effect, ()) if key in given},
        dice=random.Random(given.get("seed", 0)),  # noqa: S311 - misfortune is no secret
    )


def _kinds(given: Any) -> frozenset[str] | None:
    if given is None or given == "any":
        return None
    chosen: set[str] = set()
    for name in given if isinstance(given, list) else [given]:
        if name not in SINGLE_KINDS and name not in KINDS:
            raise ValueError(f"unknown kind of call {name!r}; known: {', '.join(sorted(SINGLE_KINDS | KINDS.keys()))}")
        chosen |= KINDS.get(name, {name})
    return frozenset(chosen)
