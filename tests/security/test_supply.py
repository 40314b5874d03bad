"""What is installed is what was looked at; and where a security rule is silenced, it says why."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK, CONSTRAINTS = (ROOT / "requirements.lock").read_text("utf-8"), (ROOT / "constraints.txt").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    return {plain(name): version for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)}


def named(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0]) for one in requirements}


def test_every_locked_package_has_hashes_and_nothing_else() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.partition("\n")[2].strip())
    shape = re.compile(r"[a-z0-9-]+==[0-9a-z.]+(?: \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert len(blocks) == len(pins(LOCK)) >= 30
    assert [block for block in blocks if not shape.fullmatch(block)] == []


def test_the_lock_agrees_with_the_constraints_and_holds_all_that_runs_and_builds() -> None:
    locked, constrained = pins(LOCK), pins(CONSTRAINTS)
    assert {name: version for name, version in locked.items() if constrained.get(name) != version} == {}
    project = PROJECT["project"]
    wanted = named(project["dependencies"] + project["optional-dependencies"]["postgres"])
    assert wanted | named(PROJECT["build-system"]["requires"]) <= locked.keys()
    assert named([one for group in project["optional-dependencies"].values() for one in group]) <= constrained.keys()


def test_no_list_of_packages_names_a_host() -> None:
    for text in (LOCK, CONSTRAINTS, (ROOT / "pyproject.toml").read_text("utf-8")):
        assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|\bfile:/", text)


def test_the_security_rules_are_on_and_each_exception_gives_its_reason() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if rule.startswith("S") and not rule.startswith("SIM")] == ["S603"]
    assert [glob for glob, rules in lint["per-file-ignores"].items() if any(r.startswith("S") for r in rules)] == [
        "tests/**"
    ]
    bare = [
        f"{path}: {line.strip()}"
        for room in ("daemon", "migrations")
        for path in (ROOT / room).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"noqa: (?:[A-Z0-9]+, )*S\d{3}(?!.*\s-\s\w{3})", line) or re.search(r"noqa(?!: [A-Z])", line)
    ]
    assert bare == []
