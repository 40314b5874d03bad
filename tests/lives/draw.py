"""What a seed decides: the life's settings, which deeds and faults it knows, its steps. Swarm: each life its own few.

A step is its kind and a number that seeds whatever the step chooses, so that leaving one out leaves the others as
they are.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from daemon.core.fuse import Fuse, Limit
from tests.lives.shapes import FLAG, SHAPES

STRUCTURE: Final = ("ledger_restore", "ledger_lost")
IN_A: Final = (
    "create", "create", "create", "edit", "edit", "edit", "blank", "flurry", "crowd", "delete", "purge", "silent",
    "restore", "merge", "convert", "refuse", "mend", "hide", "child",
)  # fmt: skip
IN_B: Final = ("drift", "widen", "narrow", "listed", "new_field", "stranger", "unstranger", "lock", "unlock", "gone")
WORK: Final = ("create", "create", "edit", "edit", "flurry", "crowd")
OURS: Final = ("restart", "clock", "backup", "ledger_restore", "ledger_lost", "retry", "compare", "sleep")
LOOSE: Final = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
# What each quirk may be: the readings of the facts that the road meets. null_clears=no and the like cannot converge.
QUIRKS: Final = {
    "unknown_picklist": ("accept", "reject", "reject"),
    "failed_write_status": ("400", "202"),
    "pure_insert_upsert_status": ("200", "201"),
    "insert_duplicate_field": ("null", "named"),
    "collect_faults": ("first", "all"),
    "error_envelope": ("bare", "data"),
    "coql_adds_id": ("yes", "no"),
    "coql_text_case": ("insensitive", "sensitive"),
    "modified_time_on_restore": ("keep", "move"),
    "lookup_to_deleted": ("keep", "null"),
    "page_token_walk": ("live", "cursor"),
    "empty_304_or_204": ("304", "204"),
    "token_page_number": ("stay", "advance"),
    "missing_lookup_path": ("field", "id"),
    "merge_runs": ("at_once", "later"),
    "merged_type": ("recycle", "permanent"),
    "over_limit_code": ("TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"),
    "deleted_order": ("newest_first", "oldest_first"),
}
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"effect": "status", "status": 500},
    {"effect": "status", "status": 500, "when": "after"},
    {"effect": "status", "status": 502, "body": "html"},
    {"effect": "status", "status": 503, "body": "empty", "when": "after"},
    {"effect": "status", "status": 400, "code": "INTERNAL_ERROR"},
    {"effect": "status", "status": 429, "code": "TOO_MANY_REQUESTS"},
    {"effect": "html"},
    {"effect": "cut"},
    {"effect": "cut", "when": "after"},
    {"effect": "half"},
    *({"effect": "garbage", "shape": shape, "when": "after"} for shape in ("text", "null", "truncated", "wrong_type")),
    *({"effect": "garbage", "shape": shape} for shape in ("number", "list", "string", "empty")),
    {"effect": "token_expired"},
    {"effect": "token_revoked", "times": 1},
    {"effect": "visibility"},
    {"effect": "date_skew"},
    {"effect": "clock_step"},
)
STALLS: Final = ("stall_before", "stall_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens."""

    kind: str
    dice: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.dice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A life before it is lived."""

    seed: int
    modules: tuple[str, ...]
    keyed: bool
    filtered: bool
    stream: dict[str, Any]
    all_unique: bool
    reader: str
    sizes: dict[str, int]
    quirks: dict[str, str]
    faults: tuple[dict[str, Any], ...]
    stalls: tuple[str, ...]
    rate: float
    crash_rate: float
    meddle_rate: float
    meddles: tuple[str, ...]
    tick: float
    hidden_s: float
    steps: tuple[Step, ...] = field(repr=False)

    def settings(self) -> dict[str, Any]:
        """For the report of a failure."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "steps"}


def draw(seed: int) -> Plan:
    """The life of a seed."""
    dice = random.Random(seed)
    modules = tuple(m for m in SHAPES if dice.random() < 0.55) or (dice.choice(list(SHAPES)),)
    keyed = dice.random() < 0.85
    lag = dice.choice((0, 0, 10, 120))
    reader = dice.choice(("coql", "coql", "coql", "no_scope", "first_only"))
    stream = {
        "key": "Source_Record_ID" if keyed else None,
        "lag": timedelta(seconds=lag),
        "max_attempts": dice.choice((3, 12)),
        **_policies(dice),
    }
    deeds = _swarm(dice, sorted({*IN_A, *IN_B, *OURS} - {"create", "edit"}), 0.5)
    known = [kind for kind in (*IN_A, *IN_B, *OURS) if kind in deeds or kind in ("create", "edit")]
    if not keyed:
        known = [kind for kind in known if kind not in STRUCTURE]
    faults = [fault for fault in FAULTS if dice.random() < 0.35]
    # One lie at a time: a late write behind a Date that runs ahead is no promise of anyone's.
    hidden = dice.choice((0.0, lag / 2)) if lag else 0.0
    if not lag:
        faults = [fault for fault in faults if fault["effect"] != "visibility"]
    rate = dice.choice((0.0, 0.02, 0.1, 0.3))
    count = dice.randint(8, 40)
    steps = [Step(kind="create", dice=dice.randrange(10**6)) for _ in range(dice.randint(2, 8))]
    for _ in range(count):
        kind = dice.choices(("cycle", "pass", "work", "deed"), (0.3, 0.15, 0.3, 0.25))[0]
        chosen = {"work": WORK, "deed": known}.get(kind, [kind])
        steps.append(Step(kind=dice.choice(chosen), dice=dice.randrange(10**6)))
    return Plan(
        seed=seed,
        modules=modules,
        keyed=keyed,
        filtered=dice.random() < 0.3,
        stream=stream,
        all_unique=dice.random() < 0.5,
        reader=reader,
        sizes=_sizes(dice),
        quirks={name: dice.choice(values) for name, values in QUIRKS.items()},
        faults=tuple(faults),
        stalls=tuple(stall for stall in STALLS if dice.random() < 0.3),
        rate=rate,
        crash_rate=dice.choice((0.0, 0.2, 0.5)),
        meddle_rate=dice.choice((0.0, 0.0, 0.05, 0.2)),
        meddles=tuple(_swarm(dice, ["create", "edit", "edit", "flurry", "delete", "crowd", "hide", "child"], 0.6))
        or ("edit",),
        tick=dice.choice((0.0, 0.1, 0.4, 1.0, 2.5)),
        hidden_s=hidden,
        steps=tuple(steps),
    )


def _policies(dice: random.Random) -> dict[str, Any]:
    """What the settings say of deletions, of hands in B, of comparisons and of fuses."""
    deletes = dice.choice(("ignore", "delete", "delete", "flag"))
    tight = {name: Limit(count=dice.choice((0, 1, 3))) for name in ("deletes", "blanked", "refused")}
    return {
        "deletes": deletes,
        "flag": FLAG if deletes == "flag" else None,
        "gone": dice.choice(("hold", "leave", "recreate")),
        "drift": dice.choice(("report", "overwrite", "keep")),
        "compare": dice.choice((None, None, None, timedelta(hours=1))),
        "fuse": Fuse(**tight) if dice.random() < 0.25 else LOOSE,
    }


def _swarm(dice: random.Random, names: list[str], share: float) -> list[str]:
    return [name for name in names if dice.random() < share]


def _sizes(dice: random.Random) -> dict[str, int]:
    """Pages, rations and batches: small ones, so that a few records are many pages."""
    if dice.random() < 0.2:
        return {}
    return {
        "SMALL": dice.choice((2, 3, 5)),
        "LARGE": dice.choice((3, 4, 8)),
        "PAGES": dice.choice((1, 2, 5)),
        "RETRIES": dice.choice((2, 4, 500)),
        "BATCH": dice.choice((2, 3, 100)),
        "LIST": dice.choice((2, 3, 5)),
        "FEW": dice.choice((0, 0, 1, 100)),
        "LATE_S": dice.choice((0, 0, 5)),
    }
