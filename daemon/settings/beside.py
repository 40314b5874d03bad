"""What hangs at records: `notes = true` and `attachments` of modules are further streams of their route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from daemon.core.files import ATTACHMENTS
from daemon.core.fuse import Fuse
from daemon.core.notes import NOTES
from daemon.core.rules import FieldChoice, Stream
from daemon.settings.problem import NOTHING, Problem, describe, join
from daemon.settings.shape import ModuleEntry

Module = tuple[ModuleEntry, FieldChoice, Fuse]
"""A module's table, checked."""


def check_beside(module: str, entry: ModuleEntry, given: dict[str, object], at: str, problems: list[Problem]) -> None:
    """Attachments are no module of their own. A table of Notes says how notes go; whose notes go, their modules say."""
    if module == ATTACHMENTS:
        allowed = 'attachments = "1d" in the module whose attachments are to go'
        problems.append(Problem(path=at, found=f"the module {ATTACHMENTS}", allowed=allowed))
    if module != NOTES:
        return
    wrong = {
        "key": (entry.key != "none", '"none": notes are known again by what they say and where they hang'),
        "target_module": (entry.target_module not in (None, NOTES), '"Notes"'),
        "notes": (entry.notes, "notes = true in the modules whose notes are to go"),
        "attachments": (entry.attachments is not None, "attachments of other modules; those of notes are not carried"),
    }
    problems.extend(
        Problem(path=join(at, key), found=describe(given.get(key)), allowed=allowed)
        for key, (is_wrong, allowed) in wrong.items()
        if is_wrong
    )


def add_notes(modules: dict[str, Module], at: str, problems: list[Problem]) -> None:
    """A route some of whose modules say `notes = true` carries Notes, as their own table says, or as by default."""
    if any(entry.notes for entry, _, _ in modules.values()):
        modules.setdefault(NOTES, (ModuleEntry(key="none"), FieldChoice(), Fuse()))
    elif NOTES in modules:
        allowed = "notes = true in a module whose notes are to go"
        problems.append(Problem(path=join(at, NOTES), found=NOTHING, allowed=allowed))


def notes_last(streams: Sequence[Stream], modules: tuple[str, ...]) -> tuple[Stream, ...]:
    """The streams of a route, that of the notes of these modules last and told so."""
    others = [stream for stream in streams if stream.source_module != NOTES]
    return (*others, *(replace(stream, notes_of=modules) for stream in streams if stream.source_module == NOTES))


def with_attachments(stream: Stream, entry: ModuleEntry) -> tuple[Stream, ...]:
    """The stream of a module, and the one of its records' attachments, which takes over what the module says."""
    if entry.attachments is None:
        return (stream,)
    files = replace(
        stream,
        address=f"{stream.address}/{ATTACHMENTS}",
        source_module=ATTACHMENTS,
        target_module=ATTACHMENTS,
        key=None,
        where=None,
        fields=FieldChoice(),
        deletes="delete" if stream.deletes == "delete" else "ignore",
        flag=None,
        compare=entry.attachments,
        files_of=stream.source_module,
        owner="source",
        undo=None,
    )
    return stream, files
