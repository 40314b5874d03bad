"""One mistake, one message: its key path, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.settings import SettingsError

LEADS = "routes.india-to-us.modules.Leads"
ROUTE = "routes.india-to-us"
INDIA = "orgs.india"
MISSING = None


def check(house: Any, case: tuple[str, str, str | None, str, str, str]) -> None:
    table, key, value, found, allowed, hint = case
    problem = house.problem(table, key, value)
    assert problem.path == (f"{table}.{key}" if table else key)
    assert problem.found == found
    assert allowed in problem.allowed
    assert hint in (problem.hint or "")
    assert bool(hint) == bool(problem.hint)


@pytest.mark.parametrize(
    "case",
    [
        (INDIA, "data_center", '"uk"', "'uk'", "us, eu, in, au, jp, cn, ca, sa", ""),
        (INDIA, "data_center", '"IN"', "'IN'", "us, eu, in, au, jp, cn, ca, sa", 'did you mean "in"'),
        (INDIA, "client_id", '""', "''", "self client's id", ""),
        (INDIA, "client_id", '"1000.A "', "'1000.A '", "self client's id", ""),
        (INDIA, "call_deadline", '"0s"', "'0s'", '"1s" to "10m"', ""),
        (INDIA, "call_deadline", '"601s"', "'601s'", '"1s" to "10m"', ""),
        (INDIA, "calls_at_once", "0", "0 (a number)", "from 1 to 25", ""),
        (INDIA, "calls_at_once", '"8"', "'8' (a text)", "a whole number from 1 to 25", ""),
        ("ledger", "retention", '"23h"', "'23h'", '"1d" to "3650d"', ""),
        ("ledger", "retention", '"9999d"', "'9999d'", '"1d" to "3650d"', ""),
        ("ledger", "retention", "90", "90 (a number)", '"1d" to "3650d"', "write the unit too"),
        (INDIA, "reserve", '"101%"', "'101%' (a text)", "a share of daily_credits", ""),
        (INDIA, "reserve", "-1", "-1 (a number)", "a number of credits", ""),
        (INDIA, "ceiling", "99", "99 (a number)", "100 credits or more", ""),
        (INDIA, "daily_credits", "0", "0 (a number)", "from 100", ""),
        (ROUTE, "poll_fast", '"never"', "'never'", 'or "off"', ""),
        (ROUTE, "poll", '"0s"', "'0s'", '"1s" to "24h"', ""),
        (ROUTE, "poll", '"25h"', "'25h'", '"1s" to "24h"', ""),
        (ROUTE, "poll", '"1 minute"', "'1 minute'", "in s, m, h or d", ""),
        (ROUTE, "poll", '"-5s"', "'-5s'", '"1s" to "24h"', ""),
        (ROUTE, "poll", '"٦s"', "'٦s'", '"1s" to "24h"', ""),
        (ROUTE, "poll", "60", "60 (a number)", '"1s" to "24h"', "write the unit too"),
        (ROUTE, "lag", '"61m"', "'61m'", '"0s" to "1h"', ""),
        (LEADS, "poll", '"soon"', "'soon'", '"1s" to "24h"', ""),
        (LEADS, "lag", '"2h"', "'2h'", '"0s" to "1h"', ""),
        (ROUTE, "default_owner", '"Pat Doe"', "'Pat Doe'", "e-mail address", ""),
        (LEADS, "target_module", '"Sales Orders"', "'Sales Orders'", "an API name", ""),
        (LEADS, "target_module", '"Leads\\n"', r"'Leads\n'", "an API name", ""),
        (LEADS, "key", '"Source Record ID"', "'Source Record ID'", "unique text field", ""),
        (LEADS, "key", '"None"', "'None'", 'or "none"', 'did you mean "none"'),
        (LEADS, "match", '"Email"', "'Email' (a text)", '["Email", ["Last_Name", "Phone"]]', ""),
        (LEADS, "match", '["E-Mail"]', "'E-Mail'", "a list of target fields", ""),
        (LEADS, "match", '["Email", []]', "a list", "a list of target fields", "one field or more"),
        (LEADS, "match", '["Email", ["Email"]]', "a list", "a list of target fields", "a rung stands there twice"),
        (LEADS, "where", '"Status ="', "'Status ='", "comparisons", "a value was expected at the end"),
        (LEADS, "where", '"A = 1 B"', "'A = 1 B'", "comparisons", "and, or, or the end was expected at 'B'"),
        (LEADS, "where", '""', "''", "comparisons", "a field name was expected"),
        (LEADS, "where", '"Naïve = 1"', "'Naïve = 1'", "comparisons", "'Naïve' is not an API name"),
        (LEADS, "deletes", '"never"', "'never' (a text)", '"delete"', ""),
        (LEADS, "gone", '"restore"', "'restore' (a text)", '"recreate"', ""),
        (LEADS, "drift", '"ignore"', "'ignore' (a text)", '"overwrite"', ""),
        (LEADS, "compare", '"10m"', "'10m'", '"never"', ""),
        (LEADS, "compare", "7", "7 (a number)", '"never"', "unit"),
        (LEADS, "compare_credits", "0", "0 (a number)", "from 1", ""),
        (LEADS, "automations", '"all"', "'all' (a text)", '"none" or a list of approval, workflow', ""),
        (LEADS, "automations", '["workflows"]', "'workflows' (a text)", "pathfinder, orch", 'did you mean "workflow"'),
        (LEADS, "automations", '["workflow", "workflow"]', "a list", "blueprint", "'workflow' stands there twice"),
        (LEADS, "max_attempts", "0", "0 (a number)", "from 1 to 100", ""),
        (LEADS, "max_attempts", "101", "101 (a number)", "from 1 to 100", ""),
        (LEADS, "except", '["A", "A"]', "a list", "API names of target fields", "'A' stands there twice"),
        ("", "state_dir", '""', "''", "a path", ""),
        ("", "state_dir", '"~/state"', "'~/state'", "a path", "'~' is not expanded"),
        ("ledger", "url", '"sqlite://"', "'sqlite:…'", '"sqlite:///FILE"', ""),
        ("ledger", "url", '"orgsync.db"', "a text that is no address", '"sqlite:///FILE"', ""),
        ("ledger", "url", '"sqlite:///:memory:"', "'sqlite:///:memory:'", '"sqlite:///FILE"', "name a file"),
        ("ledger", "url", '"sqlite:///a?mode=ro"', "'sqlite:///a?mode=ro'", '"sqlite:///FILE"', "without '?'"),
        ("ledger", "url", '"sqlite:///a/"', "'sqlite:///a/'", '"sqlite:///FILE"', "without a '/'"),
        ("ledger", "url", '"sqlite:///~/a.db"', "'sqlite:///~/a.db'", '"sqlite:///FILE"', "'~' is not expanded"),
        ("ledger", "url", '"postgresql+psycopg://u:p@h/d"', "'postgresql+psycopg:…'", "sqlite", "in ledger.password"),
        ("ledger", "url", '"postgresql://u@h/"', "'postgresql:…'", "sqlite", "names no database"),
        ("ledger", "url", '"postgresql://u@h/d?sslmode=require"', "'postgresql:…'", "sqlite", "must be verify-full"),
        ("ledger", "url", '"postgresql://u@h/d?options=x"', "'postgresql:…'", "sqlite", "the option options is none"),
        ("ledger", "url", '"postgresql://u@h:x/d"', "'postgresql:…'", "sqlite", "it is no address"),
    ],
)
def test_bad_value(house: Any, case: tuple[str, str, str | None, str, str, str]) -> None:
    check(house, case)


@pytest.mark.parametrize(
    "case",
    [
        ("", "state_dir", "5", "5 (a number)", "a path", ""),
        ("", "state_dir", "[]", "a list", "a path", ""),
        (INDIA, "data_center", "true", "true (a boolean)", "us, eu, in", ""),
        (INDIA, "client_id", "1000.5", "1000.5 (a number)", "self client's id", ""),
        (INDIA, "call_deadline", "2026-01-01", "a date or time", '"1s" to "10m"', ""),
        (INDIA, "call_deadline", "true", "true (a boolean)", '"1s" to "10m"', ""),
        (ROUTE, "source", "{}", "a table", "name of one of the orgs", ""),
        (LEADS, "key", "7", "7 (a number)", "unique text field", ""),
        (LEADS, "max_attempts", '"12"', "'12' (a text)", "a whole number", ""),
        (LEADS, "max_attempts", "true", "true (a boolean)", "a whole number", ""),
        (LEADS, "max_attempts", "1.5", "1.5 (a number)", "a whole number", ""),
        (LEADS, "max_attempts", "0x" + "F" * 9000, "a very large number", "a whole number", ""),
        (LEADS, "except", '"Fax"', "'Fax' (a text)", "a list of API names", ""),
        (LEADS, "deletes", "false", "false (a boolean)", '"ignore"', ""),
        (LEADS, "automations", "false", "false (a boolean)", '"none" or a list', ""),
        (LEADS, "automations", "[1]", "1 (a number)", '"none" or a list', ""),
        (LEADS, "where", "1", "1 (a number)", "comparisons", ""),
        (LEADS, "unmatched", '"keep"', "'keep' (a text)", '"stop", "follow"', ""),
        (LEADS, "unmatched", '"follow"', "'follow', while there is no where", "beside where", ""),
        ("ledger", "url", "1", "1 (a number)", "sqlite", ""),
    ],
)
def test_wrong_type(house: Any, case: tuple[str, str, str | None, str, str, str]) -> None:
    check(house, case)


@pytest.mark.parametrize(
    "case",
    [
        (INDIA, "data_center", MISSING, "nothing", "us, eu, in", ""),
        (INDIA, "client_id", MISSING, "nothing", "self client's id", ""),
        (INDIA, "client_secret", MISSING, "nothing", '{ env = "NAME" }', ""),
        (ROUTE, "source", MISSING, "nothing", "name of one of the orgs", ""),
        (ROUTE, "target", MISSING, "nothing", "name of another of the orgs", ""),
        (LEADS, "key", MISSING, "nothing", "unique text field of the target module in which orgsync notes", ""),
    ],
)
def test_missing_key(house: Any, case: tuple[str, str, str | None, str, str, str]) -> None:
    check(house, case)


@pytest.mark.parametrize(
    "case",
    [
        (
            "",
            "state_dri",
            '"x"',
            "an unknown key",
            "state_dir, ledger, alerts, orgs, routes",
            'did you mean "state_dir"',
        ),
        ("", "frobnicate", "1", "an unknown key", "state_dir, ledger, alerts, orgs, routes", ""),
        ("ledger", "file", '"x"', "an unknown key", "url", ""),
        ("ledger", "state_dir", '"x"', "an unknown key", "url", "at the top of the file, before the first [table]"),
        (INDIA, "datacenter", '"in"', "an unknown key", "data_center, client_id", 'did you mean "data_center"'),
        (INDIA, "poll", '"5s"', "an unknown key", "data_center, client_id", '"poll" belongs in [routes.NAME]'),
        (ROUTE, "key", '"X"', "an unknown key", "source, target", "belongs in [routes.NAME.modules.Module]"),
        (LEADS, "automation", '"none"', "an unknown key", "automations", 'did you mean "automations"'),
        (LEADS, "except_", "[]", "an unknown key", "fields, except,", 'did you mean "except"'),
    ],
)
def test_unknown_key(house: Any, case: tuple[str, str, str | None, str, str, str]) -> None:
    check(house, case)


@pytest.mark.parametrize(
    ("value", "path", "found", "allowed", "hint"),
    [
        ("5", "", "5 (a number)", '"*", a list', ""),
        ('"all"', "", "'all' (a text)", '"*", a list', ""),
        ("[]", "", "an empty list", '"*", a list', ""),
        ("{}", "", "an empty table", '"*", a list', ""),
        ('["Email", 5]', "[1]", "5 (a number)", "an API name", ""),
        ('["E mail"]', "[0]", "'E mail' (a text)", "an API name", ""),
        ('["Email", "Email"]', "[1]", "'Email' again", "each field once", ""),
        ('{ "E mail" = "Email" }', '."E mail"', "the target field 'E mail'", "an API name", ""),
        ('{ A = "E mail" }', ".A", "'E mail' (a text)", '"Source_Field"', ""),
        ('{ A = "{B} {C}" }', ".A", "'{B} {C}' (a text)", '"Source_Field"', 'a template is written { template = "…" }'),
        ("{ A = 5 }", ".A", "5 (a number)", "{ constant = … }", "{ constant = 5 }"),
        ("{ A = {} }", ".A", "nothing", "exactly one of source, constant, template", ""),
        ('{ A = { source = "B", constant = 1 } }', ".A", "source and constant", "exactly one of", ""),
        ('{ A = { from = "B" } }', ".A.from", "an unknown key", "source, values, constant, template", ""),
        ('{ A = { source = "B C" } }', ".A.source", "'B C'", "an API name", ""),
        ('{ A = { constant = 1, values = { a = "b" } } }', ".A.values", "values beside constant", "only with s", ""),
        ('{ A = { source = "B", values = {} } }', ".A.values", "an empty table", "a table of source value", ""),
        ('{ A = { source = "B", values = 1 } }', ".A.values", "1 (a number)", "a table of source value", ""),
        ('{ A = { source = "B", values = { c = 1 } } }', ".A.values.c", "1 (a number)", "a text", ""),
        ("{ A = { constant = [] } }", ".A.constant", "a list", "a text, a number or a boolean", ""),
        ("{ A = { constant = nan } }", ".A.constant", "nan (a number)", "a text, a number or a boolean", ""),
        (f"{{ A = {{ constant = {2**63} }} }}", ".A.constant", "a very large number", "a text, a number", ""),
        ("{ A = { constant = 2026-01-01 } }", ".A.constant", "a date or time", "a text", "written as texts"),
        ('{ A = { template = "x" } }', ".A.template", "'x'", "at least one {Source_Field}", "it is a constant"),
        ('{ A = { template = "{B} {C D}" } }', ".A.template", "'{B} {C D}'", "no other braces", ""),
        ("{ A = { template = 1 } }", ".A.template", "1 (a number)", "at least one {Source_Field}", ""),
        ('{ "*" = "Email" }', '."*"', "'Email' (a text)", '"*" = "*" and nothing else', ""),
        ('{ Fax = "never" }', "", "only fields that are never written", '"*" = "*" beside them', ""),
        ('{ A = { source = "B", other = "c" } }', ".A.other", "other beside source", "only with values", ""),
        ('{ A = { source = "B", owner = "once" } }', ".A.owner", "'once' (a text)", '"newest" or "fill-blank"', ""),
        ('{ A = { source = "B", cut = 5 } }', ".A.cut", "5 (a number)", "true or false", ""),
        ('{ A = { source = "B", default = "" } }', ".A.default", "an empty text", "a text, a number", ""),
        ('{ A = { source = "B", default = [] } }', ".A.default", "a list", "a text, a number or a boolean", ""),
        ("{ A = { constant = 1, default = 2 } }", ".A.default", "default beside constant", "never blank", ""),
        ('{ A = { expression = "1 +" } }', ".A.expression", "'1 +'", "functions: round, abs", "invalid syntax"),
        ('{ A = { expression = "f(B)" } }', ".A.expression", "'f(B)'", "round(Amount", "there is no function 'f'"),
        ('{ A = { expression = "B.c" } }', ".A.expression", "'B.c'", "round(Amount", "Attribute is not part"),
        ('{ A = { expression = "2 ** 9" } }', ".A.expression", "'2 ** 9'", "round(Amount", "Pow is not part"),
        ('{ A = { subform = "B b" } }', ".A.subform", "'B b'", "an API name", ""),
        ('{ A = { source = "B", fields = ["C"] } }', ".A.fields", "fields beside source", "only with subform", ""),
        (
            '{ A = { subform = "B", fields = { C = 1 } } }',
            ".A.fields.C",
            "1 (a number)",
            '"Source_Field"',
            "constant = 1",
        ),
        ('{ A = { subform = "B", source = "C" } }', ".A", "source and subform", "exactly one of", ""),
        ("{ A = { expression = 1 } }", ".A.expression", "1 (a number)", "an expression of fields", ""),
        ('{ A = { source = "B", match = "B C" } }', ".A.match", "'B C' (a text)", "{ Products = ", ""),
        ('{ A = { source = "B", match = {} } }', ".A.match", "an empty table", "{ Products = ", ""),
        ('{ A = { source = "B", match = { C = 1 } } }', ".A.match", "a table", "{ Products = ", ""),
        ('{ A = { constant = 1, match = "B" } }', ".A.match", "match beside constant", "only with source", ""),
        ('{ A = { source = "B", expression = "C" } }', ".A", "source and expression", "exactly one of", ""),
    ],
)
def test_bad_fields(house: Any, value: str, path: str, found: str, allowed: str, hint: str) -> None:
    problem = house.problem(LEADS, "fields", value)
    assert (problem.path, problem.found) == (f"{LEADS}.fields{path}", found)
    assert allowed in problem.allowed
    assert hint in (problem.hint or "")
    assert bool(hint) == bool(problem.hint)


def test_except_stands_only_beside_the_star(house: Any) -> None:
    (problem,) = house.problems({(LEADS, "fields"): '["Email"]', (LEADS, "except"): '["Fax"]'})
    assert problem.path == f"{LEADS}.except"
    assert problem.found == "a list beside named fields"
    assert problem.allowed == 'except only with fields = "*"'


def test_a_field_is_filled_or_excepted_but_not_both(house: Any) -> None:
    (problem,) = house.problems({(LEADS, "fields"): '{ "*" = "*", Fax = "Phone" }', (LEADS, "except"): '["Fax"]'})
    assert (problem.path, problem.found) == (f"{LEADS}.except", "'Fax', which fields.Fax fills")


@pytest.mark.parametrize(
    ("value", "found", "hint"),
    [
        ("5", "5 (a number)", ""),
        ('{ "pat" = "pat@example.com" }', "'pat' (a text)", "both are e-mail addresses"),
        ('{ "pat@example.com" = 5 }', "5 (a number)", "both are e-mail addresses"),
        ('{ "pat@x.com" = "a@x.com", "Pat@x.com" = "b@x.com" }', "a table", "'pat@x.com' stands there twice"),
    ],
)
def test_bad_owners(house: Any, value: str, found: str, hint: str) -> None:
    problem = house.problem(ROUTE, "owners", value)
    assert (problem.path, problem.found, problem.hint or "") == (f"{ROUTE}.owners", found, hint)
    assert "a table of e-mail addresses, source = target" in problem.allowed


def test_an_item_of_except_has_its_place(house: Any) -> None:
    problem = house.problem(LEADS, "except", '["Fax", "Fax 2"]')
    assert (problem.path, problem.found) == (f"{LEADS}.except[1]", "'Fax 2'")


@pytest.mark.parametrize(
    ("old", "new", "path", "found", "allowed"),
    [
        ("orgs.us", "orgs.US", "orgs.US", "the org name 'US'", "small letters"),
        ("orgs.us", 'orgs."-us"', "orgs.-us", "the org name '-us'", "small letters"),
        ("orgs.us", f"orgs.{'u' * 41}", f"orgs.{'u' * 41}", f"the org name '{'u' * 41}'", "up to 40"),
        ("orgs.us", 'orgs."../us"', 'orgs."../us"', "the org name '../us'", "small letters"),
        ("india-to-us", "india_to_us", "routes.india_to_us", "the route name 'india_to_us'", "small letters"),
        ("modules.Leads", 'modules."My Leads"', f'{ROUTE}.modules."My Leads"', "the module 'My Leads'", "an API name"),
    ],
)
def test_bad_name(house: Any, old: str, new: str, path: str, found: str, allowed: str) -> None:
    text = house.text({}).replace(old, new)
    problem = next(p for p in house.problems(text) if p.path == path)
    assert problem.found == found
    assert allowed in problem.allowed


@pytest.mark.parametrize(
    ("text", "path", "found", "allowed"),
    [
        ("", "orgs", "nothing", "at least one table [orgs.NAME]"),
        ("", "routes", "nothing", "at least one table [routes.NAME]"),
        ("[orgs]\n[routes]", "orgs", "an empty table", "at least one table [orgs.NAME]"),
        ("[orgs]\n[routes]", "routes", "an empty table", "at least one table [routes.NAME]"),
        ("orgs = 1", "orgs", "a number", "at least one table [orgs.NAME]"),
        ("[[routes]]", "routes", "a list", "at least one table [routes.NAME]"),
        ('[orgs]\nus = "x"', "orgs.us", "a text", "a table with data_center, client_id, client_secret"),
        ("[routes]\nr = 1", "routes.r", "a number", "a table with source, target"),
        ("[routes.r.modules]\nLeads = 1", "routes.r.modules.Leads", "a number", "a table with target_module, key"),
        ("[routes.r.modules]", "routes.r.modules", "an empty table", "at least one table [routes.r.modules.Module]"),
        ('[routes.r]\nmodules = "x"', "routes.r.modules", "a text", "at least one table [routes.r.modules.Module]"),
        ("[routes.r]", "routes.r.modules", "nothing", "at least one table"),
        ("ledger = 1", "ledger", "a number", "a table with url"),
    ],
)
def test_bad_table(house: Any, text: str, path: str, found: str, allowed: str) -> None:
    problem = next(p for p in house.problems(text + "\n#") if p.path == path)
    assert problem.found == found
    assert allowed in problem.allowed


def test_what_is_missing_is_said_once(house: Any) -> None:
    assert [p.path for p in house.problems("#")] == ["orgs", "routes"]
    assert [p.path for p in house.problems('[orgs.us]\n[routes.r]\nsource = "us"')] == [
        "orgs.us.data_center",
        "orgs.us.client_id",
        "orgs.us.client_secret",
        "routes.r.target",
        "routes.r.modules",
    ]


def test_a_route_leads_from_one_known_org_to_another(house: Any) -> None:
    unknown = house.problem(ROUTE, "source", '"indai"')
    assert (unknown.path, unknown.found) == (f"{ROUTE}.source", "'indai'")
    assert (unknown.allowed, unknown.hint) == ("one of 'india', 'us'", 'did you mean "india"?')
    itself = house.problem(ROUTE, "target", '"india"')
    assert (itself.path, itself.found) == (f"{ROUTE}.target", "'india', which is the source too")
    assert itself.allowed == "another org than the source"


def test_a_file_cannot_be_the_state_dir(house: Any) -> None:
    problem = house.problem("", "state_dir", '"settings.toml"')
    assert (problem.path, problem.found) == ("state_dir", f"{house.file}, which is no directory")
    assert problem.allowed.startswith("a directory")


def test_a_state_dir_that_cannot_exist(house: Any) -> None:
    problem = house.problem("", "state_dir", f'"{"x" * 300}"')
    assert problem.path == "state_dir"
    assert "File name too long" in problem.found


def test_a_state_dir_that_no_ledger_url_can_hold(house: Any) -> None:
    problem = house.problem("", "state_dir", '"why?"')
    assert (problem.path, problem.allowed) == ("state_dir", "a path without '?'")


def test_systemds_directory_is_absolute(house: Any) -> None:
    house.env["STATE_DIRECTORY"] = "orgsync"
    (problem,) = house.problems({})
    assert (problem.path, problem.found) == ("state_dir", "$STATE_DIRECTORY 'orgsync'")
    assert problem.allowed == "an absolute path"


def test_every_mistake_is_named_at_once(house: Any) -> None:
    found = house.problems(
        {
            ("", "stat_dir"): '"x"',
            ("ledger", "url"): '"mysql://x"',
            (INDIA, "data_center"): '"uk"',
            (INDIA, "client_secret"): '{ env = "NOT_SET" }',
            ("orgs.us", "client_secret"): '{ env = "NOT_SET_EITHER" }',
            (ROUTE, "poll"): '"0s"',
            (ROUTE, "source"): '"indai"',
            (LEADS, "fields"): "{ A = 5, B = 6 }",
            (LEADS, "max_attempts"): "0",
        }
    )
    assert sorted(p.path for p in found) == sorted(
        [
            "stat_dir",
            "ledger.url",
            f"{INDIA}.data_center",
            f"{INDIA}.client_secret",
            "orgs.us.client_secret",
            f"{ROUTE}.poll",
            f"{ROUTE}.source",
            f"{LEADS}.fields.A",
            f"{LEADS}.fields.B",
            f"{LEADS}.max_attempts",
        ]
    )


def test_a_message_is_one_line_with_the_file_the_path_what_was_found_and_what_is_allowed(house: Any) -> None:
    problem = house.problem(INDIA, "data_center", '"u\\u001b\\nk"')
    assert str(problem) == f"{INDIA}.data_center: found 'u\\x1b\\nk'; allowed: us, eu, in, au, jp, cn, ca, sa"
    advised = house.problem(INDIA, "data_center", '"IN"')
    assert str(advised) == f"{INDIA}.data_center: found 'IN'; allowed: {advised.allowed} (did you mean \"in\"?)"
    long = house.problem(INDIA, "data_center", f'"{"x" * 500}"')
    assert len(str(long)) < 150


def test_a_table_of_notes_has_no_key_and_needs_a_module_whose_notes_go(house: Any) -> None:
    notes = "routes.india-to-us.modules.Notes"
    (alone,) = house.problems({(notes, "key"): '"none"'})
    assert (alone.path, alone.allowed) == (notes, "notes = true in a module whose notes are to go")
    wrong = {(notes, "key"): '"Name"', (notes, "target_module"): '"Tasks"', (notes, "notes"): "true"}
    assert [p.path.removeprefix(f"{notes}.") for p in house.problems(wrong)] == ["key", "target_module", "notes"]


def test_attachments_are_an_option_and_no_module(house: Any) -> None:
    (problem,) = house.problems({("routes.india-to-us.modules.Attachments", "key"): '"none"'})
    assert problem.allowed == 'attachments = "1d" in the module whose attachments are to go'
    assert house.problem(LEADS, "attachments", "true").path == f"{LEADS}.attachments"


def test_limits_of_credits_fit_together(house: Any) -> None:
    with pytest.raises(SettingsError) as wrong:
        house.load({(INDIA, "reserve"): '"30%"'})
    assert "orgs.india.daily_credits: found nothing" in str(wrong.value)
    for key, value, said in (
        ("reserve", '"100%"', "found 100%; allowed: less than daily_credits"),
        ("ceiling", "1001", "found 1001 (a number); allowed: not more than daily_credits"),
        ("ceiling", '"9%"', "found 9%; allowed: 100 credits or more"),
    ):
        with pytest.raises(SettingsError) as wrong:
            house.load({(INDIA, "daily_credits"): "1000", (INDIA, key): value})
        assert f"orgs.india.{key}: {said}" in str(wrong.value)
