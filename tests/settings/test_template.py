"""settings.toml at the root: it loads, it names every key, and the defaults it shows are the defaults."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.core.budget import Budget
from daemon.core.rules import Copy, FieldChoice, Rows
from daemon.settings import Settings, load
from daemon.settings.shape import PLACES, SecretEntry, SourceEntry, keys_of

TEMPLATE = Path(__file__).parents[2] / "settings.toml"
ENV = {"ORGSYNC_INDIA_CLIENT_SECRET": "a", "ORGSYNC_US_CLIENT_SECRET": "b"}


def loaded(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, ENV)


def test_it_loads() -> None:
    settings = load(TEMPLATE, ENV)
    assert list(settings.orgs) == ["india", "us"]
    assert [s.address for s in settings.streams()] == [
        f"india-to-us/{module}" for module in ("Accounts", "Contacts", "Leads", "Deals")
    ]


@pytest.mark.parametrize("model", [*PLACES, SecretEntry, SourceEntry])
def test_it_names_every_key(model: type) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    for key in keys_of(model):
        assert re.search(rf"(?<!\w){key} =|^\[{key}[.\]]|\.{key}[.\]]", text, re.MULTILINE), key


def test_the_defaults_it_shows_are_the_defaults(tmp_path: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    uncommented, count = re.subn(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)
    assert count == 25
    assert loaded(tmp_path, uncommented) == loaded(tmp_path, text)


def test_the_examples_it_shows_are_right(tmp_path: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    keys = "accounts_url|api_url|daily_credits|ceiling|poll_fast|default_owner|owners|target_module|where|attachments"
    keys += '|[A-Z]\\w+|"\\*"'
    examples, count = re.subn(rf"^#   (?=\[|(?:{keys}) =)", "", text, flags=re.MULTILINE)
    assert count == 34
    examples = re.sub(
        r"  +(a field|the same|with a map|rows of|a multi|the tags|a text|computed|what a|where the|who has|the one"
        r"|cut to|(of )?a lookup|all that|but for).*$",
        "",
        examples,
        flags=re.MULTILINE,
    )
    settings = loaded(tmp_path, examples)
    assert settings.orgs["india"].api_url == "https://sandbox.zohoapis.in"
    assert settings.budgets["india"] == Budget(daily=80_000, ceiling=32_000)
    assert settings.stream("india-to-us/Leads").poll_fast == timedelta(seconds=5)
    assert settings.stream("india-to-us/Leads").owners == {"pat@example.in": "pat.doe@example.com"}
    assert settings.stream("india-to-us/Deals").egress == {"Deal_Name", "Amount", "Stage"}
    fields = settings.stream("india-to-us/Leads").fields
    assert fields.table is not None
    assert list(fields.table) == [
        "Email",
        "Phone",
        "Rating",
        "Lead_Source",
        "Description",
        "Annual_Revenue",
        "Visits",
        "Quoted_Items",
        "Interests",
        "Tag",
        "Industry",
        "Mobile",
        "Website",
        "Street",
        "Product_Name",
        "What_Id",
    ]
    assert fields.table["Visits"] == Rows(field="Besuche", columns=FieldChoice(table={"Day": Copy(field="Datum")}))
    assert (fields.star, fields.except_) == (True, {"Fax"})
    assert list(fields.fills) == ["Mobile", "Website", "Street", "Product_Name", "What_Id"]
