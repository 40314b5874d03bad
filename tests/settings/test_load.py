"""What right settings become."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.budget import UNLIMITED, Budget
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Rows, Stream, Template
from daemon.settings import UnknownStreamError, load

LEADS = "routes.india-to-us.modules.Leads"
ROUTE = "routes.india-to-us"
NOTES = "routes.india-to-us.modules.Notes"
KEYED = ("key", "notes")


def test_the_least_settings_have_every_default(house: Any) -> None:
    settings = house.load()
    india = settings.orgs["india"]
    assert list(settings.orgs) == ["india", "us"]
    assert (india.accounts_url, india.api_url) == ("https://accounts.zoho.in", "https://www.zohoapis.in")
    assert (india.client_id, india.client_secret.reveal()) == ("1000.IN", "canary-india-5d1f")
    assert (india.refresh_token, india.call_deadline) == (None, 60.0)
    assert india.token_file == house.folder / "state" / "tokens" / "india.json"
    assert settings.ledger_url == f"sqlite:///{house.folder}/state/orgsync.db"
    assert settings.retention == timedelta(days=90)
    assert settings.streams() == (
        Stream(
            address="india-to-us/Leads",
            route="india-to-us",
            source="india",
            target="us",
            source_module="Leads",
            target_module="Leads",
            key="Source_Record_ID",
            poll_fast=timedelta(seconds=15),
        ),
    )
    assert settings.budgets == {"india": UNLIMITED, "us": UNLIMITED}


def test_shares_of_the_day_become_credits_also_for_whoever_only_looks_at_the_ledger(house: Any) -> None:
    given = {("orgs.us", "daily_credits"): "50_000", ("orgs.us", "reserve"): '"30%"', ("orgs.us", "ceiling"): "9_000"}
    wanted = Budget(daily=50_000, reserve=15_000, ceiling=9_000)
    assert house.load(given).budgets["us"] == wanted
    assert load(house.file, {}, with_orgs=False).budgets["us"] == wanted


@pytest.mark.parametrize(
    ("route", "module", "fast"),
    [
        ({"poll": "40s"}, {}, 10),
        ({"poll": "40s", "poll_fast": "5s"}, {}, 5),
        ({"poll_fast": "5s"}, {"poll_fast": "2s"}, 2),
        ({"poll_fast": "5s"}, {"poll": "3s"}, 3),
        ({"poll_fast": "off"}, {}, 60),
        ({}, {"poll": "2h"}, 1_800),
    ],
)
def test_after_news_a_stream_is_read_sooner_but_never_later_than_poll(
    house: Any, route: dict[str, str], module: dict[str, str], fast: int
) -> None:
    given = {(ROUTE, key): f'"{value}"' for key, value in route.items()}
    given |= {(LEADS, key): f'"{value}"' for key, value in module.items()}
    assert house.load(given).stream("india-to-us/Leads").poll_fast == timedelta(seconds=fast)


def test_every_key_of_a_stream_arrives(house: Any) -> None:
    stream = house.load(
        {
            (ROUTE, "default_owner"): '"pat@example.com"',
            (LEADS, "target_module"): '"Contacts"',
            (LEADS, "key"): '"none"',
            (LEADS, "where"): "\"Lead_Status = 'Qualified'\"",
            (LEADS, "unmatched"): '"follow"',
            (LEADS, "except"): '["Rating", "Fax"]',
            (LEADS, "deletes"): '"ignore"',
            (LEADS, "automations"): '["workflow", "blueprint"]',
            (LEADS, "max_attempts"): "100",
        }
    ).stream("india-to-us/Leads")
    assert (stream.source_module, stream.target_module, stream.key) == ("Leads", "Contacts", None)
    assert (stream.where, stream.default_owner) == ("Lead_Status = 'Qualified'", "pat@example.com")
    assert stream.unmatched == "follow"
    assert stream.fields == FieldChoice(table=None, except_=frozenset({"Rating", "Fax"}))
    assert (stream.triggers, stream.max_attempts) == (("workflow", "blueprint"), 100)


def test_the_retention_arrives(house: Any) -> None:
    assert house.load({("ledger", "retention"): '"7d"'}).retention == timedelta(days=7)


def test_a_module_has_its_own_poll_and_lag_or_its_routes(house: Any) -> None:
    contacts = "routes.india-to-us.modules.Contacts"
    settings = house.load(
        {
            (ROUTE, "poll"): '"5m"',
            (ROUTE, "lag"): '"0s"',
            (LEADS, "poll"): '"24h"',
            (LEADS, "lag"): '"1h"',
            (contacts, "key"): '"none"',
        }
    )
    leads, contact = settings.streams()
    assert (leads.poll, leads.lag) == (timedelta(hours=24), timedelta(hours=1))
    assert (contact.poll, contact.lag) == (timedelta(minutes=5), timedelta(0))


@pytest.mark.parametrize(
    ("fields", "table"),
    [
        ('["Email", "Phone"]', {"Email": Copy(field="Email"), "Phone": Copy(field="Phone")}),
        ('{ Email = "Secondary_Email" }', {"Email": Copy(field="Secondary_Email")}),
        ('{ Email = { source = "Mail" } }', {"Email": Copy(field="Mail")}),
        (
            '{ Rating = { source = "R", values = { "heiß" = "Hot", A = "" } } }',
            {"Rating": Copy(field="R", values={"heiß": "Hot", "A": ""})},
        ),
        ('{ A = { constant = "x" }, B = { constant = 2 } }', {"A": Constant(value="x"), "B": Constant(value=2)}),
        ("{ A = { constant = true }, B = { constant = 0.5 } }", {"A": Constant(value=True), "B": Constant(value=0.5)}),
        ('{ A = { template = "{First} {Last}" } }', {"A": Template(text="{First} {Last}")}),
        ('{ A = { expression = "round(B * 1.19, 2)" } }', {"A": Expression(text="round(B * 1.19, 2)")}),
        (
            '{ A = { source = "B", values = { a = "b" }, other = "c" } }',
            {"A": Copy(field="B", values={"a": "b"}, other="c")},
        ),
        ('{ A = { subform = "B" } }', {"A": Rows(field="B", columns=FieldChoice())}),
        (
            '{ A = { subform = "B", fields = { C = "D", "*" = "*" }, except = ["E"] } }',
            {
                "A": Rows(
                    field="B",
                    columns=FieldChoice(table={"C": Copy(field="D")}, star=True, except_=frozenset({"E"})),
                )
            },
        ),
        ('{ A = { source = "never" }, B = "never" }', {"A": Copy(field="never")}),
    ],
)
def test_fields(house: Any, fields: str, table: object) -> None:
    assert house.load({(LEADS, "fields"): fields}).streams()[0].fields == FieldChoice(table=table)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "except_", "choice"),
    [
        ('{ "*" = "*" }', None, FieldChoice()),
        ('{ "*" = "*", Fax = "never" }', '["Skype_ID"]', FieldChoice(except_=frozenset({"Fax", "Skype_ID"}))),
        (
            '{ "*" = "*", A = "B", Fax = "never" }',
            '["Skype_ID"]',
            FieldChoice(table={"A": Copy(field="B")}, star=True, except_=frozenset({"Fax", "Skype_ID"})),
        ),
        (
            '{ A = { source = "A", owner = "fill-blank" }, B = { template = "{C}", default = 5, cut = true }, '
            'D = { constant = 1, owner = "target" }, E = { source = "E", cut = false } }',
            None,
            FieldChoice(
                table={"A": Copy(field="A"), "B": Template(text="{C}"), "D": Constant(value=1), "E": Copy(field="E")},
                fills={"A": Fill(owner="fill-blank"), "B": Fill(default=5, cut=True), "D": Fill(owner="target")},
            ),
        ),
    ],
)
def test_a_table_says_what_goes_besides_and_how_it_is_written(
    house: Any, fields: str, except_: str | None, choice: FieldChoice
) -> None:
    assert house.load({(LEADS, "fields"): fields, (LEADS, "except"): except_}).streams()[0].fields == choice


def test_the_owners_of_a_route_arrive_in_its_streams(house: Any) -> None:
    (stream,) = house.load({(ROUTE, "owners"): '{ "a@x.com" = "B@y.com" }'}).streams()
    assert stream.owners == {"a@x.com": "B@y.com"}


@pytest.mark.parametrize(
    ("state_dir", "by_systemd", "expected"),
    [
        (None, None, "{folder}/state"),
        (None, "", "{folder}/state"),
        (None, "/var/lib/orgsync", "/var/lib/orgsync"),
        (None, "/var/lib/orgsync:/var/lib/other", "/var/lib/orgsync"),
        ('"kept"', "/var/lib/orgsync", "{folder}/kept"),
        ('"/srv/kept"', None, "/srv/kept"),
    ],
)
def test_state_dir(house: Any, state_dir: str | None, by_systemd: str | None, expected: str) -> None:
    if by_systemd is not None:
        house.env["STATE_DIRECTORY"] = by_systemd
    settings = house.load({("", "state_dir"): state_dir})
    assert settings.state_dir == Path(expected.format(folder=house.folder))
    assert settings.orgs["us"].token_file == settings.state_dir / "tokens" / "us.json"


@pytest.mark.parametrize(
    ("url", "expected"),
    [("sqlite:///a b.db", "sqlite:///{folder}/state/a b.db"), ("sqlite:////srv/ledger.db", "sqlite:////srv/ledger.db")],
)
def test_ledger_url_is_absolute(house: Any, url: str, expected: str) -> None:
    assert house.load({("ledger", "url"): f'"{url}"'}).ledger_url == expected.format(folder=house.folder)


def test_paths_do_not_depend_on_the_current_folder(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house.load()
    monkeypatch.chdir(house.folder)
    house.file = Path("settings.toml")
    assert house.load().state_dir == house.folder / "state"


def test_routes_and_streams_keep_the_order_of_the_file(house: Any) -> None:
    names = ["Deals", "Accounts", "Zebra", "Contacts"]
    settings = house.load({(f"{ROUTE}.modules.{name}", "key"): '"none"' for name in names})
    assert [s.source_module for s in settings.streams()] == ["Leads", *names]
    assert settings.streams() == settings.routes[0].streams


def test_streams_by_address(house: Any) -> None:
    settings = house.load()
    assert settings.stream("india-to-us/Leads") is settings.streams()[0]
    with pytest.raises(UnknownStreamError, match=r"'india-to-us/Lead'; did you mean \"india-to-us/Leads\"\?"):
        settings.stream("india-to-us/Lead")


def test_settings_do_not_change(house: Any) -> None:
    settings = house.load()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.ledger_url = "sqlite:///other"
    with pytest.raises(TypeError):
        settings.orgs["other"] = settings.orgs["us"]


def test_notes_of_modules_are_one_more_stream_that_goes_last(house: Any) -> None:
    accounts = {("routes.india-to-us.modules.Accounts", key): "true" if key == "notes" else '"K"' for key in KEYED}
    by_default = house.load({(LEADS, "notes"): "true", (ROUTE, "poll"): '"5m"', **accounts}).streams()
    assert [s.address for s in by_default] == [f"india-to-us/{m}" for m in ("Leads", "Accounts", "Notes")]
    assert (by_default[-1].notes_of, by_default[-1].key) == (("Leads", "Accounts"), None)
    assert by_default[-1].poll == timedelta(minutes=5)
    told = {(NOTES, "key"): '"none"', (NOTES, "deletes"): '"delete"'}
    (leads, notes) = house.load({**told, (LEADS, "notes"): "true"}).streams()
    assert (notes.deletes, notes.notes_of, leads.notes_of) == ("delete", ("Leads",), ())


def test_attachments_of_a_module_are_a_stream_beside_it(house: Any) -> None:
    given = {(LEADS, "attachments"): '"12h"', (LEADS, "deletes"): '"delete"', (LEADS, "where"): "\"City = 'Pune'\""}
    leads, files = house.load(given).streams()
    assert (files.address, files.files_of, files.key) == ("india-to-us/Leads/Attachments", "Leads", None)
    assert (files.compare, files.deletes, files.where) == (timedelta(hours=12), "delete", None)
    assert (leads.files_of, leads.compare) == (None, timedelta(days=7))
    flagged = {(LEADS, "attachments"): '"1d"', (LEADS, "deletes"): '"flag"', (LEADS, "flag"): '"Gone"'}
    assert house.load(flagged).streams()[1].deletes == "ignore"
