"""The second part: the daemon runs, is killed in the middle of a write, and has to find out what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from daemon.demo import crash
from daemon.demo.cast import Cast, StoryError
from daemon.demo.scene import CALL_DEADLINE_S, LAG_S
from daemon.demo.watch import reading

_PATIENCE_S: Final = 60.0


def run_into_the_kill(cast: Cast) -> crash.InFlight:
    """Start the daemon and the people, and SIGKILL the daemon while B keeps an answer back. Raises StoryError."""
    scene, screen, control = cast.scene, cast.screen, cast.scene.control
    screen.chapter("The first pass, with people at work in A")
    crash.arrange(control, cast.contacts)
    cast.writer.start()
    pid = scene.start_daemon()
    screen.say(
        f"`orgsync run` has started (process {pid}). In A people create and edit records all the while. Somewhere in "
        f"the middle B will carry out a batch of {crash.MODULE} and keep its answer back: that is when we kill."
    )
    cast.watch(lambda _: crash.has_struck(control), _PATIENCE_S, "no call met the arranged silence")
    flight = crash.executed(control)
    scene.kill_daemon()
    screen.chapter("Killed in the middle of a write")
    _tell_the_kill(cast, flight, pid)
    return flight


def _tell_the_kill(cast: Cast, flight: crash.InFlight, pid: int) -> None:
    """What B has and what the ledger knows, looked up in both while no daemon runs."""
    with reading(cast.scene.ledger) as ledger:
        known = {one for (one,) in ledger.execute("SELECT record_id FROM id_map WHERE org = 'india'")}
        intents = dict(ledger.execute("SELECT stream, count(*) FROM intents GROUP BY stream"))
    there = _count_in_b(cast, flight.keys)
    linked = len(known & set(flight.ids))
    refused = f" and refused {flight.refused}" if flight.refused else ""
    cast.screen.say(
        f"kill -9 {pid}, while {len(flight.keys)} creates of {crash.MODULE} were on their way. B has done "
        f"{flight.done} of them{refused} (asked just now, it shows {there}); the ledger knows of {linked}.",
        style="bold",
    )
    places = ", ".join(f"{count:,} {stream.partition('/')[2]}" for stream, count in intents.items())
    cast.screen.say(
        f"But before every call the ledger had noted what was about to be sent, and {sum(intents.values()):,} such "
        f"notes are open ({places}): the batch that was cut off, those beside it, and what came before."
    )


def _count_in_b(cast: Cast, keys: Sequence[str]) -> int:
    control = cast.scene.control
    before = control.get("/credits")["us"]["total"]
    there = crash.in_b(cast.b, keys)
    cast.observed += control.get("/credits")["us"]["total"] - before
    return there


def rise_again(cast: Cast, flight: crash.InFlight) -> None:
    """Start a new daemon, and see from B's side that it asks before it sends. Raises StoryError."""
    scene = cast.scene
    mark = crash.log_end(scene.control)
    pid = scene.start_daemon()
    cast.screen.say(
        f"A new daemon (process {pid}) may not send those again, nor call them done: it waits until the dead one's "
        f"calls can no longer arrive ({CALL_DEADLINE_S} s + {LAG_S} s by B's clock), and then asks B for their keys."
    )
    ids = set(flight.ids)
    cast.watch(lambda _: not _open(scene.ledger) & ids, _PATIENCE_S, "the interrupted writes were not looked into")
    after = crash.aftermath(scene.control, flight.keys, mark)
    if after.sent_unasked:
        raise StoryError(f"sent again without asking B first: {', '.join(after.sent_unasked[:5])}")
    if len(after.sent_again) > flight.refused:
        raise StoryError(f"B had done {flight.done} of the batch, and {len(after.sent_again)} were sent again")
    again = f"the {len(after.sent_again)} that B had refused" if after.sent_again else "none"
    cast.screen.say(
        f"The emulator's log shows it: {after.look_ups} look-ups by key came before anything was sent "
        f"({after.first_look_up[:84]}…). Of the {len(flight.keys)} records {flight.done} were found and linked; "
        f"sent again: {again}."
    )


def _open(ledger: Path) -> set[str]:
    """The records with an uncertain write."""
    with reading(ledger) as connection:
        return {one for (one,) in connection.execute("SELECT source_id FROM intents")}
