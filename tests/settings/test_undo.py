"""`undo` in the settings: kept for a time, never without a key, and not where edits come back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.settings import SettingsError, load

KEY = "0123456789abcdef0123456789abcdef"
ORG = """
[orgs.{name}]
data_center = "eu"
client_id = "1000.X"
client_secret = {{ env = "SECRET" }}
"""
ROUTE = """
[routes.{source}-to-{target}]
source = "{source}"
target = "{target}"
{more}
[routes.{source}-to-{target}.modules.Leads]
key = "Source_Record_ID"
fields = ["Last_Name"]
owner = "{owner}"
[routes.{source}-to-{target}.modules.Deals]
key = "Source_Record_ID"
attachments = "1d"
undo = "off"
"""


def written(folder: Path, *, ledger: str = 'undo_key = { env = "KEY" }', back: bool = False, more: str = "") -> Path:
    owner = "newest" if back else "source"
    text = f"[ledger]\n{ledger}\n" + ORG.format(name="a") + ORG.format(name="b")
    text += ROUTE.format(source="a", target="b", owner=owner, more=more)
    text += ROUTE.format(source="b", target="a", owner=owner, more="") if back else ""
    (folder / "settings.toml").write_text(text)
    return folder / "settings.toml"


def problems(path: Path, **env: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(path, {"SECRET": "s" * 20, **env})
    return str(refused.value)


def test_a_module_keeps_as_long_as_its_route_or_as_it_says_and_attachments_never(tmp_path: Path) -> None:
    path = written(tmp_path, more='undo = "36h"')
    settings = load(path, {"SECRET": "s" * 20, "KEY": KEY})
    assert {stream.address: stream.undo for stream in settings.streams()} == {
        "a-to-b/Leads": timedelta(hours=36),
        "a-to-b/Deals": None,
        "a-to-b/Deals/Attachments": None,
    }
    assert settings.undo_key is not None
    assert settings.undo_key.reveal() == KEY
    assert KEY not in repr(settings)
    assert load(path, {}, with_orgs=False).undo_key is None  # whoever only looks needs no key


def test_there_is_no_undo_without_a_key_or_with_one_that_can_be_guessed(tmp_path: Path) -> None:
    said = problems(written(tmp_path, ledger="", more='undo = "7d"'))
    assert "ledger.undo_key" in said
    assert "head -c 32 /dev/urandom | base64" in said
    said = problems(written(tmp_path, more='undo = "7d"'), KEY="short-canary")
    assert "ledger.undo_key" in said
    assert "short-canary" not in said


def test_where_edits_come_back_there_is_no_undo(tmp_path: Path) -> None:
    said = problems(written(tmp_path, back=True, more='undo = "7d"'), KEY=KEY)
    assert "routes.a-to-b.modules.Leads.undo" in said


@pytest.mark.parametrize("value", ["1m", "366d", "on", ""])
def test_a_time_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    assert "routes.a-to-b.undo" in problems(written(tmp_path, more=f'undo = "{value}"'), KEY=KEY)
