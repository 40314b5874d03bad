"""A folder with a settings file that is right, and a way to make one thing in it wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from daemon.settings import Problem, Settings, SettingsError, load

Tables = dict[str, dict[str, str]]
"""Table name -> key -> value as TOML text."""

SECRETS = {"INDIA_SECRET": "canary-india-5d1f", "US_SECRET": "canary-us-77ab"}
LEADS = "routes.india-to-us.modules.Leads"


def right() -> Tables:
    return {
        "": {},
        "orgs.india": {"data_center": '"in"', "client_id": '"1000.IN"', "client_secret": '{ env = "INDIA_SECRET" }'},
        "orgs.us": {"data_center": '"us"', "client_id": '"1000.US"', "client_secret": '{ env = "US_SECRET" }'},
        "routes.india-to-us": {"source": '"india"', "target": '"us"'},
        LEADS: {"key": '"Source_Record_ID"'},
    }


class House:
    """Where one settings file and its secrets are; `load` and `problems` write the file first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "settings.toml"
        self.env: dict[str, str] = dict(SECRETS)

    def text(self, changes: Mapping[tuple[str, str], str | None]) -> str:
        """The right settings with keys set, added, or (None) taken away."""
        tables = right()
        for (table, key), value in changes.items():
            tables.setdefault(table, {}).pop(key, None)
            if value is not None:
                tables[table][key] = value
        return "\n".join(
            "\n".join([f"[{table}]" if table else "", *(f"{key} = {value}" for key, value in keys.items())])
            for table, keys in tables.items()
        )

    def load(self, changes: Mapping[tuple[str, str], str | None] | str | None = None) -> Settings:
        self.file.write_text(changes if isinstance(changes, str) else self.text(changes or {}))
        return load(self.file, self.env)

    def problems(self, changes: Mapping[tuple[str, str], str | None] | str) -> tuple[Problem, ...]:
        """What is wrong; a test that expects a problem fails when there is none."""
        with pytest.raises(SettingsError) as caught:
            self.load(changes)
        assert caught.value.problems
        assert len(str(caught.value).splitlines()) == len(caught.value.problems)
        return caught.value.problems

    def problem(self, table: str, key: str, value: str | None) -> Problem:
        """The one problem that one changed key makes."""
        found = self.problems({(table, key): value})
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)
