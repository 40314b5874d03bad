"""The Japanese README says what the English one says: the same headings, commands, tables and links, in order."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
JAPANESE = (ROOT / "docs" / "README.ja.md").read_text(encoding="utf-8")
PLAIN = [re.sub(r"```text\n.*?```", "", page, flags=re.DOTALL) for page in (ENGLISH, JAPANESE)]


def sections(page: str) -> list[str]:
    return re.split(r"^#{1,6} ", page, flags=re.MULTILINE)[1:]


def shape(section: str) -> tuple[int, int]:
    """Its rows of tables, and its numbered points."""
    return section.count("\n|"), len(re.findall(r"^\d+\. ", section, re.MULTILINE))


def test_it_has_the_same_sections_and_each_has_as_many_table_rows_and_promises() -> None:
    english, japanese = ([shape(part) for part in sections(page)] for page in PLAIN)
    assert japanese == english
    assert re.findall(r"^#+", JAPANESE, re.MULTILINE) == re.findall(r"^#+", PLAIN[0], re.MULTILINE)


def test_it_names_the_same_commands_in_the_same_order() -> None:
    english, japanese = (re.findall(r"^\| `(orgsync .*?)` \|", page, re.MULTILINE) for page in PLAIN)
    assert japanese == english


def test_what_it_tells_to_type_is_the_same() -> None:
    english, japanese = (re.findall(r"```(?:sh|sql)\n.*?```", page, re.DOTALL) for page in (ENGLISH, JAPANESE))
    assert japanese == english
    english, japanese = (re.sub(r"```text\n\$ .*?```", "", page, flags=re.DOTALL) for page in (ENGLISH, JAPANESE))
    assert re.findall(r"ZohoCRM\.\S+", japanese) == re.findall(r"ZohoCRM\.\S+", english) != []


def test_its_code_words_are_those_of_the_english_one_and_each_points_to_the_other() -> None:
    english, japanese = (set(re.findall(r"`([^`\n]+)`", page)) for page in PLAIN)
    assert english - japanese <= {"orgsync service install"}
    assert "](docs/README.ja.md)" in ENGLISH
    assert "](../README.md)" in JAPANESE


def test_every_page_that_it_links_is_there_and_none_of_the_english_links_is_missing() -> None:
    linked = {(ROOT / "docs" / path).resolve() for path in re.findall(r"\]\(([^)#:]+)", JAPANESE)}
    assert [path for path in linked if not path.exists()] == []
    english = {(ROOT / path).resolve() for path in re.findall(r"\]\(([^)#:]+)", ENGLISH)}
    assert english - linked == {(ROOT / "docs" / "README.ja.md").resolve()}
