"""The story: two orgs, a daemon between them, people at work, a kill, a mended cause, and the proof.

It decides the order of things and what counts as done; the rest is done by the stage and judged by the oracle.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Never

import httpx

from daemon.demo import crash, ending
from daemon.demo.caller import Caller, Json, Refused
from daemon.demo.expected import MODULES
from daemon.demo.oracle import Verdict, judge
from daemon.demo.proof import Check, Spent, balance_check, once_check, queue_check, source_spent, target_spent
from daemon.demo.scene import CALL_DEADLINE_S, LAG_S, LATENCY_MS, POLL_S, Scene, SceneError
from daemon.demo.screen import Screen, why
from daemon.demo.watch import Look, Watcher, reading
from daemon.demo.writer import LOOK_AROUND_CREDITS, Writer
from daemon.ledger import Stuck

DEFECTS: Final = 0.03
MENDED_BY_PEOPLE: Final = 3
HELD: Final = 1
_FIRST_PASS_S, _QUIET_S, _RETRIED_S, _WORKDAY_S = 60.0, 25.0, 15.0, 12.0


class StoryError(Exception):
    """The demo cannot go on; the text says what was waited for."""


@dataclass(slots=True)
class Cast:
    """Everyone on stage."""

    scene: Scene
    screen: Screen
    watcher: Watcher
    writer: Writer
    b: Caller
    defects: list[Json]
    observed: int = 0

    def watch(self, until: Callable[[Look], bool], limit_s: float, what: str) -> Look:
        """Show the state of things until it is as wished. Raises StoryError or SceneError."""

        def look() -> Look:
            self.scene.check_on()
            if self.writer.trouble:
                raise StoryError(f"the people in A could not work: {self.writer.trouble}")
            return self.watcher.look()

        seen, done = self.screen.watch(look, until, limit_s)
        if not done:
            raise StoryError(f"waited {limit_s:.0f} s in vain: {what}")
        return seen


def run(records: int, seed: int, keep: Path | None) -> int:
    """Play the demo with so many records; the exit code: 0 only when the proof holds."""
    screen = Screen()
    folder = keep or Path(tempfile.mkdtemp(prefix="orgsync-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with ExitStack() as stack:
            scene = stack.enter_context(Scene(folder))
            cast = _open(scene, screen, stack, records, seed)
            code = _play(cast)
    except (StoryError, SceneError, Refused, TimeoutError, AssertionError, httpx.HTTPError) as error:
        screen.say(f"\nThe demo did not come to its end: {error}", style="bold red")
        code = HELD
    except KeyboardInterrupt:
        screen.say(f"\nStopped; every process that was started has ended. What there is lies in {folder}")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code:
        screen.say(f"Everything is kept for a look: {folder} (daemon.log, emulator.log, state/orgsync.db)")
    return code


def _end(number: int, _: FrameType | None) -> Never:
    sys.exit(128 + number)


def _open(scene: Scene, screen: Screen, stack: ExitStack, records: int, seed: int) -> Cast:
    screen.say(
        "orgsync keeps Zoho CRM orgs in step. This shows it at work: an emulated Zoho with an org in India (A) and one "
        "in the US (B), and the real daemon, which has to bring every record of A to B and keep it so, while people go "
        "on working in A, while B refuses what it cannot take, and although we kill it in mid-work."
    )
    screen.chapter("Two orgs")
    scene.start_emulator()
    planted: list[Json] = scene.control.send(
        "POST", "/seed", {"org": "india", "records": records, "seed": seed, "defects": DEFECTS}
    )["defects"]
    a, b = scene.caller("india"), scene.caller("us")
    in_a = {module: a.count(module) for module in MODULES}
    counts = ", ".join(f"{count:,} {module}" for module, count in in_a.items())
    screen.say(
        f"A holds {sum(in_a.values()):,} records ({counts}), in many scripts; {len(planted)} of them carry a defect "
        f"that B must refuse. B is empty. Every call takes at least {LATENCY_MS} ms, as if there were a network."
    )
    spoiled = {one["id"] for one in planted} | {one["twin"] for one in planted if "twin" in one}
    to_mend = [one["id"] for one in planted if one["kind"] == "bad_email" and one["module"] == "Leads"]
    writer = Writer(a, spoiled=spoiled, to_mend=to_mend[:MENDED_BY_PEOPLE], seed=seed)
    stack.callback(writer.stop)
    watcher = stack.enter_context(Watcher(scene.ledger, scene.control, writer.work, in_a))
    return Cast(scene, screen, watcher, writer, b, planted)


def _play(cast: Cast) -> int:
    _settle_in(cast)
    _first_half(cast)
    _first_pass(cast)
    _quiet(cast)
    mended = _mend_one_cause(cast)
    _stop(cast)
    return _prove(cast, mended)


def _settle_in(cast: Cast) -> None:
    scene, screen = cast.scene, cast.screen
    screen.chapter("Settings and check")
    scene.write_settings()
    for org in scene.orgs:
        done = scene.run("auth", org, stdin=scene.control.code_for(org))
        if done.code:
            raise StoryError(f"orgsync auth {org} ended with {done.code}: {done.err or done.out}")
    done = scene.run("check", "--create-keys")
    if done.code:
        raise StoryError(f"orgsync check ended with {done.code}:\n{done.out}{done.err}")
    screen.say(
        "settings.toml is written, both orgs gave their tokens (orgsync auth), and `orgsync check --create-keys` says:"
    )
    for line in done.out.splitlines():
        screen.say(f"  {line}", style="dim")
    screen.say(
        f"The daemon will ask A every {POLL_S} s, stay {LAG_S} s behind its clock, and wait {CALL_DEADLINE_S} s at "
        "most for an answer."
    )


def _first_half(cast: Cast) -> None:
    """Until the kill."""
    scene, screen, control = cast.scene, cast.screen, cast.scene.control
    screen.chapter("The first pass, with people at work in A")
    since = crash.arrange(control, scene_contacts(cast))
    cast.writer.start()
    pid = scene.start_daemon()
    screen.say(
        f"`orgsync run` has started (process {pid}). In A people create and edit records all the while. Somewhere in "
        f"the middle B will carry out a batch of {crash.MODULE} and keep its answer back: that is when we kill."
    )
    cast.watch(lambda _: crash.has_struck(control), _FIRST_PASS_S, "no call met the arranged silence")
    flight = crash.executed(control, since)
    scene.kill_daemon()
    _tell_the_kill(cast, flight, pid)


def scene_contacts(cast: Cast) -> int:
    """How many contacts A had at the start."""
    return next(row.in_a for row in cast.watcher.look().rows if row.module == crash.MODULE)


def _tell_the_kill(cast: Cast, flight: crash.InFlight, pid: int) -> None:
    scene, screen, control = cast.scene, cast.screen, cast.scene.control
    screen.chapter("Killed in the middle of a write")
    with reading(scene.ledger) as ledger:
        known = {one for (one,) in ledger.execute("SELECT record_id FROM id_map WHERE org = 'india'")}
        intents = dict(ledger.execute("SELECT stream, count(*) FROM intents GROUP BY stream"))
    before = control.get("/credits")["us"]["total"]
    there = crash.in_b(cast.b, flight.keys)
    cast.observed += control.get("/credits")["us"]["total"] - before
    linked = sum(key.partition(":")[2] in known for key in flight.keys)
    screen.say(
        f"kill -9 {pid}: killed while {len(flight.keys)} creates of {crash.MODULE} were on their way. B has done "
        f"{flight.done} of them and refused {flight.refused} (asked just now, it shows {there}); the ledger knows of "
        f"{linked}.",
        style="bold",
    )
    open_ = ", ".join(f"{count:,} in {stream.partition('/')[2]}" for stream, count in intents.items())
    screen.say(
        f"But before each call the ledger had noted what was about to be sent. {sum(intents.values()):,} such notes "
        f"are open ({open_}): the batch that was cut off, and those before it on the same page."
    )
    mark = crash.log_end(control)
    pid = scene.start_daemon()
    screen.say(
        f"A new daemon (process {pid}). It may not send those again, nor call them done: it waits until the dead "
        f"one's calls can no longer arrive ({CALL_DEADLINE_S} s + {LAG_S} s by B's clock), and then asks B for their "
        "keys."
    )
    ids = [key.partition(":")[2] for key in flight.keys]

    def asked(_: Look) -> bool:
        return open_intents(scene.ledger, ids) == 0

    cast.watch(asked, _FIRST_PASS_S, "the interrupted writes were not looked into")
    _tell_the_aftermath(cast, flight, mark)


def open_intents(ledger: Path, ids: list[str]) -> int:
    """How many of these records still have an uncertain write."""
    with reading(ledger) as connection:
        rows = connection.execute("SELECT source_id FROM intents").fetchall()
    return len({one for (one,) in rows} & set(ids))


def _tell_the_aftermath(cast: Cast, flight: crash.InFlight, mark: int) -> None:
    after = crash.aftermath(cast.scene.control, flight.keys, mark)
    if after.sent_unasked:
        raise StoryError(f"sent again without asking B first: {', '.join(after.sent_unasked[:5])}")
    if len(after.sent_again) > flight.refused:
        raise StoryError(f"B had done {flight.done} of the batch, and {len(after.sent_again)} were sent again")
    again = (
        f"{len(after.sent_again)} were sent again, which B had refused" if after.sent_again else "none was sent again"
    )
    cast.screen.say(
        f"The emulator's log shows it: {after.look_ups} look-ups by key ({after.first_look_up[:96]}…) came before "
        f"anything was sent. Of the {len(flight.keys)} records {flight.done} were found and linked; {again}."
    )


def _first_pass(cast: Cast) -> None:
    cast.screen.chapter("The rest of the first pass")
    started = time.monotonic()

    def done(seen: Look) -> bool:
        return seen.first_pass_done and (time.monotonic() - started > _WORKDAY_S or seen.edited > 100)

    cast.watch(done, _FIRST_PASS_S, "the first pass did not end")
    cast.writer.stop()
    work = cast.writer.work
    cast.screen.say(
        f"Every stream has been through A once. The people in A go home: they have created "
        f"{sum(work.created.values())} records, made {work.edited} edits, and corrected {work.mended} of the "
        "e-mail addresses that B had refused."
    )


def _quiet(cast: Cast) -> None:
    seen = _wait_until_quiet(cast)
    held = sum(one.records for one in seen.stuck)
    cast.screen.say(
        f"All is quiet: what could be written is written, and {held} records are held, each with its cause, none of "
        "them in the way of another."
    )


def _wait_until_quiet(cast: Cast) -> Look:
    moment = max(cast.writer.work.last_at, time.time() - LAG_S) + LAG_S
    return cast.watch(lambda seen: seen.quiet_since(moment), _QUIET_S, "something is still on its way")


def _mend_one_cause(cast: Cast) -> str:
    scene, screen = cast.scene, cast.screen
    screen.chapter("One cause is mended")
    cause = next((one for one in cast.watcher.look().stuck if one.code == "INVALID_DATA" and one.value), None)
    if cause is None:
        screen.say("Nothing is held that an administrator of B could mend; a demo with more records shows it.")
        return "no cause was mended"
    path = f"/orgs/us/schema/{cause.module}/fields/{cause.field}"
    scene.control.send("PATCH", path, {"add_values": [cause.value]})
    screen.say(
        f"Cause {cause.cause_id} holds {cause.records} {cause.module}: {why(cause)}. An administrator of B adds "
        f"{cause.value!r} to the list of {cause.field}, and types `orgsync retry --cause {cause.cause_id}`:"
    )
    done = scene.run("retry", "--cause", str(cause.cause_id))
    screen.say(f"  {done.out.strip() or done.err.strip()}", style="dim")
    if done.code:
        raise StoryError(f"orgsync retry ended with {done.code}")
    cast.watch(lambda seen: not _still_held(seen, cause), _RETRIED_S, f"cause {cause.cause_id} still holds records")
    seen = _wait_until_quiet(cast)
    left = sum(one.records for one in seen.stuck)
    screen.say(f"They are in, and whatever waited for them; {left} records are still held.")
    return f"{cause.records} {cause.module} came in after their cause was mended"


def _still_held(seen: Look, cause: Stuck) -> bool:
    return any(one.cause_id == cause.cause_id for one in seen.stuck)


def _stop(cast: Cast) -> None:
    cast.screen.chapter("The daemon is told to stop")
    seconds, code = cast.scene.stop_daemon()
    if code:
        raise StoryError(f"after SIGTERM the daemon ended with exit code {code}")
    cast.screen.say(f"SIGTERM: it ended in {seconds:.1f} s with exit code {code}.")


def _prove(cast: Cast, mended: str) -> int:
    scene, screen, work = cast.scene, cast.screen, cast.writer.work
    screen.chapter("The proof, by somebody who does not know the daemon")
    meter = scene.control.get("/credits")
    log = [entry for kind in (*crash.CREATES, "update") for entry in scene.control.log(org="us", kind=kind)]
    a = scene.caller("india")
    verdicts: Mapping[str, Verdict] = judge(a, cast.b, cast.defects)
    checks: list[Check] = [
        queue_check(scene.ledger, verdicts),
        balance_check(scene.ledger),
        once_check(log, verdicts, cast.defects),
    ]
    people = sum(meter["india"]["by_kind"].get(kind, 0) for kind in (*crash.CREATES, "update")) + LOOK_AROUND_CREDITS
    in_a = sum(one.in_a for one in verdicts.values())
    spent: list[Spent] = [source_spent(meter["india"], in_a, people), target_spent(meter["us"], log, cast.observed)]
    holds = ending.show_proof(screen, verdicts, checks, spent)
    ending.show_what_to_try(screen, scene)
    ending.last_word(screen, verdicts, work, mended, holds=holds)
    return 0 if holds else HELD
