"""The docs are tested against the code: what an operator can type, set or meet is in them, and nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from daemon.settings import shape
from tests import reference

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
COMMANDS = dict(reference.commands())


def test_the_reference_is_what_the_code_says() -> None:
    """Then it has every command, option, settings key and cause: `python -m tests.reference` writes it anew."""
    assert PAGES["reference.md"] == reference.text()


def test_every_table_of_the_settings_is_in_the_reference_and_each_key_says_what_is_allowed() -> None:
    models = {one for one in vars(shape).values() if isinstance(one, type) and issubclass(one, shape.Entry)}
    assert models - {shape.Entry} == reference.TABLES.keys()
    fields = {f"{model.__name__}.{name}": field for model in models for name, field in model.model_fields.items()}
    assert [name for name, field in fields.items() if not field.description] == []


def test_every_option_says_what_it_does() -> None:
    options = [(words, one) for words, command in COMMANDS.items() for one in command.params]
    assert [(words, one.name) for words, one in options if isinstance(one, click.Option) and not one.help] == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_what_a_page_tells_to_type_is_what_the_parser_takes(name: str) -> None:
    typed = re.findall(r"`(orgsync [a-z][^`]*)`", PAGES[name])
    typed += [
        line.strip() for block in re.findall(r"```sh\n(.*?)```", PAGES[name], re.DOTALL) for line in block.split("\n")
    ]
    wrong = []
    for line in typed:
        for words in re.findall(r"(?:^\s*|&& |/|\| )orgsync ((?:--settings \S+ )?[a-z].*?)(?=&&|\||#|$)", line):
            names = [word for word in words.split() if re.fullmatch(r"[a-z]+", word)]
            found = COMMANDS.get(f"orgsync {names[0]}") or COMMANDS.get(f"orgsync {' '.join(names[:2])}")
            known = {"--settings", "--help"} | {o for p in found.params for o in p.opts} if found else set()
            wrong += [f"{line}: {o}" for o in re.findall(r"(?<!\S)\[?(--[a-z-]+)", words) if o not in known]
            wrong += [line] if found is None and not is_group(names[0]) else []
    assert wrong == []


def is_group(name: str) -> bool:
    return any(words.startswith(f"orgsync {name} ") for words in COMMANDS)
