"""The last part on the screen: the proof as tables, what to try next, and one closing sentence."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from daemon.demo.oracle import WAITS, Verdict
from daemon.demo.proof import Check, Spent
from daemon.demo.scene import Scene
from daemon.demo.screen import Screen
from daemon.demo.writer import Work

_SHOWN: Final = 20
_REASONS: Final = {
    "bad_email": "the e-mail address is none",
    "too_long": "a text is longer than B's field",
    "missing_parent": "points to a record that A does not have",
    "unknown_picklist": "a value that B's list does not have",
    "duplicate_unique": "a number that must be unique in B is taken by its twin",
    WAITS: "its parent is missing for one of these reasons",
}
_QUERIES: Final = (
    ("is every stream well?", "SELECT stream, health, lag_s, held, last_balance FROM v_streams"),
    ("what is stuck, and what helps?", "SELECT cause_id, records, code, field, value, remedy FROM v_stuck"),
    ("what was written last?", "SELECT at, action, module, source_id, target_id, answer_code FROM v_history LIMIT 10"),
)


def show_proof(
    screen: Screen, verdicts: Mapping[str, Verdict], checks: Sequence[Check], spent: Sequence[Spent]
) -> bool:
    """Print verdicts, reasons, checks and credits, and what is wrong; whether all of it holds."""
    screen.say(
        "Both orgs are read back through Zoho's public API and compared field by field, by a table of fields and a "
        "client that share no code with the daemon. Lookups are compared by the key of the record they mean, owners "
        "by e-mail, times as instants."
    )
    screen.show(_verdict_table(verdicts))
    screen.show(_reason_table(verdicts))
    screen.say("")
    for check in checks:
        screen.say(f"{'ok' if check.holds else 'x '} {check.sentence}", style="green" if check.holds else "bold red")
    for one in spent:
        screen.say(f"   {one.org}: {one.spent:,} credits ({one.parts}); least possible {one.least:,} ({one.least_is})")
    wrong = [*_wrong(verdicts), *(text for check in checks for text in check.wrong)]
    if wrong:
        screen.say(f"\nThe proof does not hold, {len(wrong)} times:", style="bold red")
    for text in wrong[:_SHOWN]:
        screen.say(f"  {text}", style="red")
    if len(wrong) > _SHOWN:
        screen.say(f"  and {len(wrong) - _SHOWN} more", style="red")
    return not wrong and all(one.holds for one in verdicts.values())


def _verdict_table(verdicts: Mapping[str, Verdict]) -> Table:
    titles = ("records in A", "one equal in B", "differing", "missing, explained", "missing, unexplained")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=False)
    table.add_column("module", no_wrap=True)
    for title in (*titles, "duplicates", "in B unasked"):
        table.add_column(title, justify="right")
    rows = [(module, _figures(one)) for module, one in verdicts.items()]
    sums = tuple(sum(column) for column in zip(*(figures for _, figures in rows), strict=True))
    for module, figures in (*rows, ("all", sums)):
        good = not figures[2] and not any(figures[4:])
        style = "bold red" if not good else "bold" if module == "all" else ""
        table.add_row(module, *(f"{figure:,}" for figure in figures), style=style)
    return table


def _figures(one: Verdict) -> tuple[int, ...]:
    unexplained = len(one.unexplained)
    explained = len(one.missing) - unexplained
    twice, strangers = len(one.duplicates), len(one.strangers)
    return one.in_a, one.equal, one.differing_records, explained, unexplained, twice, strangers


def _reason_table(verdicts: Mapping[str, Verdict]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("why a record of A is rightly not in B", no_wrap=True)
    for module in verdicts:
        table.add_column(module, justify="right")
    for reason, text in _REASONS.items():
        counts = [one.reasons()[reason] for one in verdicts.values()]
        if any(counts):
            table.add_row(text, *(str(count) for count in counts))
    return table


def _wrong(verdicts: Mapping[str, Verdict]) -> list[str]:
    """What speaks against the verdicts, a line for each record, with both ids."""
    lines: list[str] = []
    for module, one in verdicts.items():
        lines += [
            f"{module} {d.source_id} in A, {d.target_id} in B: {d.field} should be {_brief(d.expected)}, "
            f"is {_brief(d.found)}"
            for d in one.differing
        ]
        lines += [f"{module} {i} in A has no counterpart in B, and no reason for it" for i in one.unexplained]
        lines += [f"{module} {key} is in B {len(ids)} times: {', '.join(ids)}" for key, ids in one.duplicates.items()]
        lines += [f"{module} {i} in B is the counterpart of no record in A" for i in one.strangers]
        counted = one.equal + one.differing_records + len(one.missing) + len(one.duplicates)
        if counted != one.in_a:
            lines.append(f"{module}: {one.in_a} records in A, and {counted} were judged")
    return lines


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def show_what_to_try(screen: Screen, scene: Scene) -> None:
    """Where the ledger is, and what to type."""
    screen.chapter("To try")
    screen.say(f"The ledger is {scene.ledger}; it is made to be read:")
    for question, query in _QUERIES:
        screen.say(f"  # {question}", style="dim")
        screen.console.print(
            Text(f'  sqlite3 -readonly -header -column {shlex.quote(str(scene.ledger))} "{query}"'), soft_wrap=True
        )
    screen.console.print(Text(f"  orgsync --settings {shlex.quote(str(scene.settings))} status"), soft_wrap=True)


def last_word(screen: Screen, verdicts: Mapping[str, Verdict], work: Work, mended: str, *, holds: bool) -> None:
    """The closing sentence."""
    equal, missing = (sum(x) for x in zip(*((v.equal, len(v.missing)) for v in verdicts.values()), strict=True))
    in_a = sum(one.in_a for one in verdicts.values())
    edits = sum(work.created.values()) + work.edited
    if not holds:
        screen.say(f"\nThe proof does NOT hold. {screen.elapsed_s:.0f} s.", style="bold red")
        return
    screen.say(
        f"\nThe proof holds: {in_a:,} records in A, {edits:,} creations and edits by people meanwhile, one kill in "
        f"mid-write; {equal:,} have exactly one equal counterpart in B, {missing} are held with a cause, {mended}, "
        f"none was lost, none written twice. {screen.elapsed_s:.0f} s.",
        style="bold green",
    )
