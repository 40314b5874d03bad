"""The story: two orgs, a daemon between them, people at work, a kill, a mended cause, and the proof.

It decides the order of things and what counts as done; the rest is done by the stage and judged by the oracle.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final, Never

import httpx

from daemon.demo import crash, ending
from daemon.demo.caller import Refused
from daemon.demo.cast import Cast, StoryError
from daemon.demo.killing import rise_again, run_into_the_kill
from daemon.demo.opening import raise_the_curtain, settle_in
from daemon.demo.oracle import judge
from daemon.demo.proof import balance_check, once_check, queue_check, source_spent, target_spent
from daemon.demo.scene import Scene, SceneError
from daemon.demo.screen import Screen, plural, why
from daemon.demo.watch import Look
from daemon.demo.writer import LOOK_AROUND_CREDITS

HELD: Final = 1
_FIRST_PASS_S, _RETRIED_S = 60.0, 15.0
_WORKDAY_S, _OVERTIME_S = 18.0, 1.0  # people work through the kill, and a breath longer


def run(records: int, seed: int, keep: Path | None) -> int:
    """Play the demo with so many records; the exit code: 0 only when the proof holds."""
    screen = Screen()
    folder = keep or Path(tempfile.mkdtemp(prefix="orgsync-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits none
    try:
        with Scene(folder) as scene, ExitStack() as stack:
            code = _play(raise_the_curtain(scene, screen, stack, records, seed))
    except (StoryError, SceneError, Refused, TimeoutError, httpx.HTTPError) as error:
        screen.say(f"\nThe demo did not come to its end: {error}", style="bold red")
        code = HELD
    except KeyboardInterrupt:
        screen.say(f"\nStopped, and every process that was started has ended. What there is lies in {folder}")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code:
        screen.say(f"Everything is kept for a look: {folder} (daemon.log, emulator.log, state/orgsync.db)")
    return code


def _end(number: int, _: FrameType | None) -> Never:
    sys.exit(128 + number)


def _play(cast: Cast) -> int:
    settle_in(cast)
    flight = run_into_the_kill(cast)
    rise_again(cast, flight)
    _first_pass(cast)
    mended = _mend_one_cause(cast)
    _stop(cast)
    return _prove(cast, mended)


def _first_pass(cast: Cast) -> None:
    """The rest of it, the end of the working day in A, and peace."""
    cast.screen.chapter("The rest of the first pass")
    ends = max(cast.writer.work.began_at + _WORKDAY_S, time.time() + _OVERTIME_S)

    def done(seen: Look) -> bool:
        return seen.first_pass_done and time.time() > ends

    cast.watch(done, _FIRST_PASS_S, "the first pass did not end")
    cast.writer.stop()
    work = cast.writer.work
    cast.screen.say(
        f"Every stream has been through A once. The people in A go home: they have created "
        f"{sum(work.created.values())} records, made {work.edited} edits, and corrected {work.mended} of the "
        "e-mail addresses that B had refused."
    )
    seen = cast.watch_until_quiet()
    held = sum(one.records for one in seen.stuck)
    cast.screen.say(
        f"All is quiet: what could be written is written, and {held} records are held, each with its cause and "
        "none of them in the way of another."
    )
    cast.screen.queue(seen)


def _mend_one_cause(cast: Cast) -> str:
    """An administrator of B mends what holds records, and `orgsync retry` is told so. Raises StoryError."""
    scene, screen = cast.scene, cast.screen
    screen.chapter("One cause is mended")
    cause = next((one for one in cast.watcher.look().stuck if one.code == "INVALID_DATA" and one.value), None)
    if cause is None:
        screen.say("Nothing is held that an administrator of B could mend; a demo with more records shows it.")
        return "no cause was mended"
    path = f"/orgs/us/schema/{cause.module}/fields/{cause.field}"
    scene.control.send("PATCH", path, {"add_values": [cause.value]})
    screen.say(
        f"Cause {cause.cause_id} holds {plural(cause.records, 'record')} of {cause.module}: {why(cause)}. An "
        f"administrator of B adds {cause.value!r} to the list of {cause.field}, and types `orgsync retry --cause "
        f"{cause.cause_id}`:"
    )
    done = scene.run("retry", "--cause", str(cause.cause_id))
    screen.say(f"  {done.out.strip() or done.err.strip()}", style="dim")
    if done.code:
        raise StoryError(f"orgsync retry ended with {done.code}")

    def released(seen: Look) -> bool:
        return all(one.cause_id != cause.cause_id for one in seen.stuck)

    cast.watch(released, _RETRIED_S, f"cause {cause.cause_id} still holds records")
    left = sum(one.records for one in cast.watch_until_quiet().stuck)
    screen.say(f"They are in, and what had waited for them; {left} records are still held.")
    return f"{plural(cause.records, 'record')} of {cause.module} came in when their cause was mended"


def _stop(cast: Cast) -> None:
    cast.screen.chapter("The daemon is told to stop")
    seconds, code = cast.scene.stop_daemon()
    if code:
        raise StoryError(f"after SIGTERM the daemon ended with exit code {code}")
    cast.screen.say(f"SIGTERM: it ended in {seconds:.1f} s with exit code {code}.")


def _prove(cast: Cast, mended: str) -> int:
    scene, screen = cast.scene, cast.screen
    screen.chapter("The proof, by somebody who does not know the daemon")
    meter = scene.control.get("/credits")  # before the oracle reads, which costs too
    log = [entry for kind in (*crash.CREATES, "update") for entry in scene.control.log(org="us", kind=kind)]
    verdicts = judge(scene.caller("india"), cast.b, cast.defects)
    checks = [
        queue_check(scene.ledger, verdicts),
        balance_check(scene.ledger),
        once_check(log, verdicts, cast.defects),
    ]
    people = sum(meter["india"]["by_kind"].get(kind, 0) for kind in (*crash.CREATES, "update")) + LOOK_AROUND_CREDITS
    in_a = sum(one.in_a for one in verdicts.values())
    spent = [source_spent(meter["india"], in_a, people), target_spent(meter["us"], log, cast.observed)]
    holds = ending.show_proof(screen, verdicts, checks, spent)
    ending.show_what_to_try(screen, scene)
    ending.last_word(screen, verdicts, cast.writer.work, mended, holds=holds)
    return 0 if holds else HELD
