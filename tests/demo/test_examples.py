"""The complete examples of docs/examples: the loader takes each as it stands, each is played and proved, and none is
missing where people look for them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.cli.demo import command
from daemon.demo.examples import EXAMPLES, judge, settings_of
from daemon.settings import load
from tests.demo.test_demo import COMMAND, PLAIN, left_over

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docs" / "examples").glob("*.toml"))
LINES = (
    r"ok people entered \d+ records and made \d+ edits; .* reach\s+(\d+) orgs in all, and \1 writes did it",
    r"ok none of \d+ texts that must stay in their org stands in any of the \d+\s+requests to the others",
    r"ok every write names fields only that may come to its org and module",
    r"ok the ledger's conflicts are \d+, those that were made",
    r"ok \d+ records in \d orgs, read through Zoho's API: all \d+ values are what they\s+must be",
    r"ok full comparisons of all \d streams found nothing else to write",
    r"The proof holds: ",
)


def test_every_file_is_an_example_of_the_demo() -> None:
    assert [file.stem for file in FILES] == sorted(EXAMPLES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_loader_takes_a_file_as_it_stands(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    settings = load(file, dict.fromkeys(re.findall(r'env = "(\w+)"', text), "secret"))
    assert len({org.data_center for org in settings.orgs.values()}) == len(settings.orgs) >= 3
    assert any(stream.circle for stream in settings.streams())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_file_names_the_fields_that_are_made_for_it_and_its_own_command(name: str) -> None:
    text = settings_of(name).read_text(encoding="utf-8")
    head = text[: text.index("[orgs.")]
    assert [one.name for one in EXAMPLES[name].FIELDS if one.name not in head] == []
    assert f"orgsync demo --example {name}" in head


@pytest.mark.parametrize("page", ["README.md", "docs/examples.md"])
def test_the_readme_and_the_page_of_examples_name_them_all(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in EXAMPLES:
        assert f"examples/{name}.toml)" in text
        assert f"`orgsync demo --example {name}`" in text


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_holds(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--example", name, "--keep", str(tmp_path / "kept")],
        env=PLAIN,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    text = re.sub(r" \n", "\n", done.stdout)
    assert done.returncode == 0, text + done.stderr
    assert not [line for line in LINES if not re.search(line, text, re.DOTALL)], text
    assert done.stderr == ""
    assert left_over(tmp_path) == []


def test_an_example_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    done = CliRunner().invoke(command, ["--example", "mine"])
    assert done.exit_code == 2
    assert all(name in done.output for name in EXAMPLES)


class Shelf:
    """An org with these records, as the judge's client would read them."""

    def __init__(self, *records: judge.Json) -> None:
        self.shown = records

    def records(self, _module: str, _fields: list[str]) -> list[judge.Json]:
        return [dict(record) for record in self.shown]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"Name": "A", "City": "Graz"}], []),
        ([], ["us has 0 records 'A' in Leads, and must have one"]),
        ([{"Name": "A", "City": ""}], ["us: City of Leads 'A' is None, and must be 'Graz'"]),
        ([{"Name": "A", "City": "Graz"}] * 2, ["us has 2 records 'A' in Leads, and must have one"]),
        (
            [{"Name": "A", "City": "Graz"}, {"Name": "B"}],
            ["us has a record in Leads that nobody asked for: {'Name': 'B'}"],
        ),
    ],
)
def test_the_judge_sees_what_is_missing_differs_is_there_twice_or_unasked(
    records: list[judge.Json], said: list[str]
) -> None:
    expected = {"us": {"Leads": [{"Name": "A", "City": "Graz"}]}}
    assert judge.compare({"us": Shelf(*records)}, expected) == said  # type: ignore[dict-item]


def test_the_judge_sees_a_text_and_a_field_that_came_where_they_must_not() -> None:
    calls = [{"org": "us", "path": "POST Leads", "sent": "{'City': 'secret'}"}]
    assert judge.leaks(calls, {"india": ["secret"]}) == ["'secret' of india was sent to us: POST Leads"]
    assert judge.leaks(calls, {"us": ["secret"]}) == []
    written = [{"org": "us", "module": "Leads", "fields": ["City", "Phone"]}]
    assert judge.beyond(written, {("us", "Leads"): {"City"}}) == ["us was sent Phone of Leads"]
