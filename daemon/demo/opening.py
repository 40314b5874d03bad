"""The first part: two orgs come to life, settings are written, and the real commands get them ready."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from daemon.demo import crash
from daemon.demo.caller import Json
from daemon.demo.cast import Cast, StoryError
from daemon.demo.expected import MODULES
from daemon.demo.scene import CALL_DEADLINE_S, LAG_S, LATENCY_MS, POLL_S, Scene
from daemon.demo.screen import Screen
from daemon.demo.watch import Watcher
from daemon.demo.writer import Writer

DEFECTS: Final = 0.03
MENDED_BY_PEOPLE: Final = 3


def raise_the_curtain(scene: Scene, screen: Screen, stack: ExitStack, records: int, seed: int) -> Cast:
    """Start the emulator, fill A, and gather everyone; `stack` lets them go."""
    screen.say(
        "orgsync keeps Zoho CRM orgs in step. This shows it at work: an emulated Zoho with an org in India (A) and one "
        "in the US (B), and the real daemon, which has to bring every record of A to B and keep it so, while people go "
        "on working in A, although B refuses some records, and although we kill the daemon in mid-write."
    )
    screen.chapter("Two orgs")
    scene.start_emulator()
    seeding = {"org": "india", "records": records, "seed": seed, "defects": DEFECTS}
    planted: list[Json] = scene.control.send("POST", "/seed", seeding)["defects"]
    a, b = scene.caller("india"), scene.caller("us")
    in_a = {module: a.count(module) for module in MODULES}
    counts = ", ".join(f"{count:,} {module}" for module, count in in_a.items())
    screen.say(
        f"A holds {sum(in_a.values()):,} records ({counts}) in many scripts; {len(planted)} of them carry a defect "
        f"for which B must refuse them. B is empty. Every call takes {LATENCY_MS} ms more, as if there were a network."
    )
    spoiled = {one["id"] for one in planted} | {one["twin"] for one in planted if "twin" in one}
    to_mend = [one["id"] for one in planted if one["kind"] == "bad_email" and one["module"] == "Leads"]
    writer = Writer(a, spoiled=spoiled, to_mend=to_mend[:MENDED_BY_PEOPLE], seed=seed)
    stack.callback(writer.stop)
    watcher = stack.enter_context(Watcher(scene.ledger, scene.control, writer.work, in_a))
    return Cast(scene, screen, watcher, writer, b, planted, in_a[crash.MODULE])


def settle_in(cast: Cast) -> None:
    """settings.toml, `orgsync auth` for both orgs, `orgsync check --create-keys`. Raises StoryError."""
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
    for line in done.out.splitlines()[-len(MODULES) - 1 :]:  # the verdicts; what they are about takes a page
        screen.say(f"  {line}", style="dim")
    screen.say(
        f"The daemon will ask A every {POLL_S} s, stay {LAG_S} s behind its clock, and wait {CALL_DEADLINE_S} s at "
        "most for an answer."
    )
