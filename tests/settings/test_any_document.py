"""Whatever a TOML file holds: either whole settings, or a SettingsError with at least one problem."""

from __future__ import annotations

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.settings import Settings, SettingsError, load
from daemon.settings.shape import PLACES, Entry, SecretEntry, SourceEntry, keys_of

ENV = {"SET": "canary-93b1", "EMPTY": ""}
MODELS: list[type[Entry]] = [*PLACES, SecretEntry, SourceEntry]
KEYS = sorted({key for model in MODELS for key in keys_of(model)})
NAMES = ["india", "us", "x-y", "Leads", "Contacts", "Email", "A B", ""]
TEXTS = [
    "*",
    "none",
    "in",
    "60s",
    "0s",
    "SET",
    "EMPTY",
    "{A}",
    "never",
    "round(A * 2)",
    "a@b.cd",
    "a = 1",
    "((((",
    "~",
    "\0",
    "http://[::1",
    "sqlite:///x",
]

texts = st.sampled_from(TEXTS + NAMES) | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = texts | st.booleans() | st.integers() | st.floats() | st.datetimes() | st.dates() | st.times()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | texts, inner, max_size=4),
    max_leaves=8,
)


def toml(value: Any) -> str:
    """A value as TOML; tables inline."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
        case _:
            return str(value.isoformat())


def document() -> dict[str, Any]:
    org = {"data_center": "in", "client_id": "x", "client_secret": {"env": "SET"}}
    leads = {
        "key": "none",
        "fields": {"Email": {"source": "Mail", "values": {"a": "b"}}, "Sum": {"expression": "A + 1"}},
        "automations": ["workflow"],
    }
    route = {"source": "india", "target": "us", "poll": "60s", "modules": {"Leads": leads}}
    return {"ledger": {"url": "sqlite:///x.db"}, "orgs": {"india": org, "us": dict(org)}, "routes": {"r": route}}


def places(table: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    return [at] * bool(at) + [
        place
        for key, inner in table.items()
        for place in (places(inner, (*at, key)) if isinstance(inner, dict) else [(*at, key)])
    ]


PLACES_IN_DOCUMENT = places(document())


def comes_out_as_settings_or_problems(tables: dict[str, Any]) -> None:
    text = "\n".join(f"{toml(key)} = {toml(value)}" for key, value in tables.items())
    tomllib.loads(text)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.toml"
        file.write_text(text, encoding="utf-8", newline="")
        outcome = settings_or_error(file)
    if isinstance(outcome, SettingsError):
        assert outcome.problems
        assert len(str(outcome).splitlines()) == len(outcome.problems)
    else:
        assert outcome.streams()
    assert "canary" not in f"{outcome}{outcome!r}"


def settings_or_error(file: Path) -> Settings | SettingsError:
    try:
        return load(file, ENV)
    except SettingsError as error:
        return error


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS) | texts, values, max_size=5))
def test_any_document(tables: dict[str, Any]) -> None:
    comes_out_as_settings_or_problems(tables)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES_IN_DOCUMENT), values), min_size=1, max_size=3))
def test_right_settings_with_anything_in_some_places(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    tables = document()
    for place, value in changes:
        table = tables
        for key in place[:-1]:
            table = table.get(key, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict):
            table[place[-1]] = value
    comes_out_as_settings_or_problems(tables)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES_IN_DOCUMENT), st.sampled_from(KEYS) | texts, values), min_size=1))
def test_right_settings_with_anything_added(changes: list[tuple[tuple[str, ...], str, Any]]) -> None:
    tables = document()
    for place, name, value in changes:
        table: Any = tables
        for key in place:
            table = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.setdefault(name, value)
    comes_out_as_settings_or_problems(tables)
