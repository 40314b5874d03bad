"""What `orgsync check` has to say: what was seen, what it means, what to do; and the verdict that follows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "remark", "wrong"]
"""In order; to be known; for a person to decide, and nothing stops for it; to be mended, or a stream does not run."""
State = Literal["ready", "ready with remarks", "not ready"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing. `about` is its kind (docs/json.md lists them), `field` the field where it is one's."""

    level: Level
    about: str
    seen: str
    means: str = ""
    do: str = ""
    field: str | None = None

    @property
    def message(self) -> str:
        """All of it in one sentence."""
        said = f"{self.seen}; {self.means}" if self.means else self.seen
        return f"{said}: {self.do}" if self.do else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a stream can run, and why not, or what is to be thought of."""

    state: State
    why: str = ""


def verdict(stream: Iterable[Remark], around: Iterable[tuple[str, Remark]] = ()) -> Verdict:
    """The verdict on a stream by its own remarks and by those on its route and orgs, each with what it is on."""
    said = [("", remark) for remark in stream] + list(around)
    wrong = _kinds((whose, remark) for whose, remark in said if remark.level == "wrong")
    if wrong:
        return Verdict(state="not ready", why=wrong)
    remarks = _kinds((whose, remark) for whose, remark in said if remark.level == "remark")
    return Verdict(state="ready with remarks", why=remarks) if remarks else Verdict(state="ready")


def _kinds(said: Iterable[tuple[str, Remark]]) -> str:
    """What they are about, each once: "key, length of Last_Name, credits of india"."""
    names = (
        f"{remark.about} of {whose}" if whose else f"{remark.about} {remark.field}" if remark.field else remark.about
        for whose, remark in said
    )
    return ", ".join(dict.fromkeys(names))
