"""`orgsync demo --example NAME`: a settings file of docs/examples, played between emulated orgs and judged."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Final

import httpx

from daemon.demo.caller import Refused
from daemon.demo.examples import global_and_regional, judge, parent_and_subsidiaries, vendor_and_partner
from daemon.demo.examples.stage import Stage, StageError
from daemon.demo.proof import Check, balance_check
from daemon.demo.screen import Screen, plural
from daemon.shipped import shipped

HELD: Final = 1
EXAMPLES: Final[dict[str, ModuleType]] = {
    "global-and-regional": global_and_regional,
    "parent-and-subsidiaries": parent_and_subsidiaries,
    "vendor-and-partner": vendor_and_partner,
}
_CONFLICTS: Final = (
    "SELECT stream, field, source_value, target_value, rule, winner, source_author, target_author FROM conflicts "
    "ORDER BY id"
)
_COMPARED: Final = "SELECT stream FROM comparisons GROUP BY stream HAVING count(finished_at) > 0 ORDER BY stream"


def settings_of(name: str) -> Path:
    """Where the settings file of an example is."""
    return shipped("docs/examples") / f"{name}.toml"


def run(name: str, keep: Path | None) -> int:
    """Play an example; the exit code: 0 only when the proof holds."""
    screen, example = Screen(), EXAMPLES[name]
    folder = keep or Path(tempfile.mkdtemp(prefix=f"orgsync-{name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Stage(folder, settings_of(name).read_text(encoding="utf-8"), screen) as stage:
            screen.say(f"docs/examples/{name}.toml as it stands, but for the orgs' addresses and secrets.")
            stage.open(example.FIELDS, example.VALUES)
            example.play(stage)
            code = 0 if _prove(stage, example) else HELD
    except (StageError, Refused, httpx.HTTPError) as error:
        screen.say(f"\nThe example did not come to its end: {error}", style="bold red")
        code = HELD
    screen.say(f"What there is lies in {folder} (settings.toml, state/orgsync.db)")
    return code


def _prove(stage: Stage, example: ModuleType) -> bool:
    screen, tally = stage.screen, stage.tally
    screen.chapter("The proof, by somebody who does not know the daemon")
    checks = [_writes(stage), *_left(stage, example), _conflicts(stage, example), _equal(stage, example)]
    checks += [balance_check(stage.ledger), _compared(stage)]
    for check in checks:
        screen.say(f"{'ok' if check.holds else 'x '} {check.sentence}", style="green" if check.holds else "bold red")
        for text in check.wrong:
            screen.say(f"     {text}", style="red")
    for row in stage.sql(_CONFLICTS):
        stream, field, mine, theirs, rule, winner, one, other = row
        screen.say(f"   conflict in {stream}, {field}: {mine} by {one} or {theirs} by {other}: {winner} ({rule})")
    holds = all(check.holds for check in checks)
    end = "The proof holds" if holds else "The proof does not hold"
    screen.say(f"\n{end}: {tally.carried} times something had to reach another org, {plural(tally.written, 'write')}.")
    return holds


def _writes(stage: Stage) -> Check:
    tally = stage.tally
    return Check(
        sentence=f"people entered {plural(tally.created, 'record')} and made {plural(tally.edited, 'edit')}; "
        f"{tally.to_stay} of these had to stay where they were, or lost to a later edit; the others had to reach "
        f"{plural(tally.carried, 'org')} in all, and {plural(tally.written, 'write')} did it, one each",
        wrong=tuple(tally.wrong),
    )


def _left(stage: Stage, example: ModuleType) -> list[Check]:
    """What must not leave an org, looked for in every request that the others got."""
    calls = [
        {"org": name, "path": f"{call['method']} {call['path']}", "sent": f"{call['query']} {call['body']}"}
        for name, org in stage.orgs.items()
        for call in org.log()
    ]
    left: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for route, module, name in stage.sql("SELECT route, source_module, field FROM exports"):
        left[route].add((module, name))
    wrong = [
        f"{route}: {', '.join(sorted(map('.'.join, left[route] ^ allowed)))} by one of the two only"
        for route, allowed in example.LEFT.items()
        if left[route] != allowed
    ]
    texts = sum(len(one) for one in example.STAYS.values())
    told = Check(
        sentence="what the ledger says has left (`orgsync egress ROUTE`) is what may leave, on all "
        f"{plural(len(example.LEFT), 'route')}",
        wrong=tuple(wrong),
    )
    return [
        Check(
            sentence=f"none of {plural(texts, 'text')} that must stay in their org stands in any of the {len(calls)} "
            "requests to the others",
            wrong=tuple(judge.leaks(calls, example.STAYS)),
        ),
        Check(
            sentence="every write names fields only that may come to its org and module",
            wrong=tuple(judge.beyond(stage.written(), example.MAY_COME)),
        ),
        *([told] if example.LEFT else []),
    ]


def _conflicts(stage: Stage, example: ModuleType) -> Check:
    found = [row[:6] for row in stage.sql(_CONFLICTS)]
    expected = example.CONFLICTS
    wrong = [f"{row} is in the ledger, and was none" for row in found if row not in expected]
    wrong += [f"{row} is not in the ledger" for row in expected if row not in found]
    return Check(sentence=f"the ledger's conflicts are {len(expected)}, those that were made", wrong=tuple(wrong))


def _equal(stage: Stage, example: ModuleType) -> Check:
    expected = example.EXPECTED
    wrong = judge.compare({org: stage.caller(org) for org in expected}, expected)
    records = [row for modules in expected.values() for rows in modules.values() for row in rows]
    values = sum(len(row) for row in records)
    return Check(
        sentence=f"{plural(len(records), 'record')} in {len(expected)} orgs, read through Zoho's API: all {values} "
        "values are what they must be, and there is no other record",
        wrong=tuple(wrong),
    )


def _compared(stage: Stage) -> Check:
    """Every stream has been compared as a whole since, which changed nothing but what the story says."""
    streams = [row[0] for row in stage.sql("SELECT stream FROM checkpoints ORDER BY stream")]
    compared = [row[0] for row in stage.sql(_COMPARED)]
    return Check(
        sentence=f"full comparisons of all {len(streams)} streams found nothing else to write",
        wrong=tuple(f"{stream} was not compared" for stream in streams if stream not in compared),
    )
