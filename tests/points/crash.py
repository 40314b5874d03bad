"""Kills the real process at one point after the other, restarts it until it is quiet, and has the end judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.points.judge import Judge, come_to_rest
from tests.points.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One kill, and what was wrong in the end: nothing, it is to be hoped."""

    number: int
    point: str
    restarts: int
    wrong: tuple[str, ...]


def count_points(stage: Stage) -> int:
    """How many points an undisturbed `orgsync once` comes by."""
    stage.restore()
    code = stage.run("once")
    assert code in (0, 1), stage.output()
    return len(stage.points())


def crashes(stage: Stage, first: int = 1, every: int = 1) -> Iterator[Crash]:
    """A kill at every chosen point; fewer where calls that begin together had fewer commits than when counted."""
    judge = Judge(stage)
    try:
        for number in range(first, count_points(stage) + 1, every):
            if (done := crash(stage, judge, number)) is None:
                return
            yield done
    finally:
        judge.close()


def crash(stage: Stage, judge: Judge, number: int) -> Crash | None:
    """One kill; None when it ended before that point. Every second time the daemon is started again at once, while the
    dead one's call may be on its way.
    """
    stage.restore()
    code = stage.run("once", kill_at=number)
    points, wrong = stage.points(), list[str]()
    if code in (0, 1) and len(points) < number:
        return None
    if code != -9 or len(points) < number:  # other threads may have come a point further
        wrong.append(f"it was not killed there: exit code {code}, {len(points)} points")
    if number // 4 % 2:
        wrong += _run(stage)
    restarts, found = come_to_rest(stage, judge, lambda: _run(stage))
    return Crash(number=number, point=points[-1], restarts=restarts, wrong=(*wrong, *found))


def _run(stage: Stage) -> list[str]:
    code = stage.run("once")
    return [] if code in (0, 1) else [f"exit code {code}: {stage.output()[-2000:]}"]
