"""The kill, made certain: B is told to do a write and to keep its answer back, and while the daemon waits it is killed.

Then the witnesses: what the emulator's log says was sent before, and what is asked and sent after the new start.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daemon.demo.caller import Caller, Control, Json
from daemon.demo.expected import KEY

CREATES: Final = ("insert", "upsert")
MODULE: Final = "Contacts"
_BATCH, _IN = 100, 50
_ALOFT: Final = 50  # calls among which the unanswered one is looked for: others go on beside it
_STALL_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """A write call that B has executed and not answered."""

    number: int
    keys: tuple[str, ...]
    done: int
    refused: int

    @property
    def ids(self) -> tuple[str, ...]:
        """The records' ids in A."""
        return tuple(key.partition(":")[2] for key in self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What the new daemon did about records that were on their way, by the emulator's log."""

    look_ups: int
    first_look_up: str
    sent_again: tuple[str, ...]
    sent_unasked: tuple[str, ...]


def arrange(control: Control, contacts: int) -> None:
    """One create call of contacts, in the middle of the first pass, will be done and not answered."""
    skipped = max(1, int(contacts / _BATCH * 0.4))
    fault = {
        "effect": "stall",
        "seconds": _STALL_S,
        "when": "after",
        "org": "us",
        "kind": list(CREATES),
        "module": MODULE,
        "skip": skipped,
        "times": 1,
    }
    control.send("POST", "/faults", fault)


def log_end(control: Control) -> int:
    """The number of the last request so far."""
    last = control.get("/log", limit=1)["log"]
    return int(last[-1]["number"]) if last else 0


def has_struck(control: Control) -> bool:
    """Whether the call that gets no answer has arrived."""
    return any(fault["struck"] for fault in control.get("/faults")["faults"])


def executed(control: Control) -> InFlight:
    """The unanswered call, as soon as B has carried it out. Raises TimeoutError."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        for kind in CREATES:
            for entry in control.log(org="us", kind=kind, module=MODULE, limit=_ALOFT):
                if "stall" in entry["faults"] and entry["executed"]:
                    done = entry["codes"].get("SUCCESS", 0)
                    keys = tuple(keys_of(entry))
                    return InFlight(number=entry["number"], keys=keys, done=done, refused=len(keys) - done)
        time.sleep(0.02)
    raise TimeoutError("the call that was to get no answer was never carried out")


def keys_of(entry: Json) -> list[str]:
    """The keys of the records in a create call of the log."""
    return [str(record.get(KEY)) for record in entry["body"]["data"]]


def in_b(b: Caller, keys: Sequence[str]) -> int:
    """How many records with these keys B has, asked through its public API."""
    found = 0
    for start in range(0, len(keys), _IN):
        values = ", ".join(f"'{key}'" for key in keys[start : start + _IN])
        found += len(b.query(f"select id from {MODULE} where {KEY} in ({values}) limit 200"))  # noqa: S608 - COQL
    return found


def aftermath(control: Control, keys: Sequence[str], since: int) -> Aftermath:
    """What was asked and what was sent for these keys after request number `since`."""
    asked: dict[str, int] = {}
    look_ups: list[Json] = []
    for entry in control.log(org="us", kind="coql", module=MODULE, since=since):
        query = str(entry["body"]["select_query"])
        named = [key for key in keys if key in query]
        if named:
            look_ups.append(entry)
            asked |= {key: entry["number"] for key in named if key not in asked}
    sent: dict[str, int] = {}
    for kind in CREATES:
        for entry in control.log(org="us", kind=kind, module=MODULE, since=since):
            sent |= {key: entry["number"] for key in keys_of(entry) if key in set(keys) and key not in sent}
    return Aftermath(
        look_ups=len(look_ups),
        first_look_up=str(look_ups[0]["body"]["select_query"]) if look_ups else "",
        sent_again=tuple(sent),
        sent_unasked=tuple(key for key, number in sent.items() if asked.get(key, number) >= number),
    )
