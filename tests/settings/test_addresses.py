"""Explicit addresses: a credential goes to Zoho's own hosts of the data centre or to this machine, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.org import DATA_CENTERS

INDIA = "orgs.india"
ZOHO = "https://accounts.zoho.in"


def both(accounts: str, api: str) -> dict[tuple[str, str], str | None]:
    return {(INDIA, "accounts_url"): f'"{accounts}"', (INDIA, "api_url"): f'"{api}"'}


@pytest.mark.parametrize("kind", ["sandbox", "developer", "www"])
@pytest.mark.parametrize("code", DATA_CENTERS)
def test_sandboxes_of_every_data_centre(house: Any, code: str, kind: str) -> None:
    own = DATA_CENTERS[code]
    api = own.api_url.replace("www.", f"{kind}.")
    org = house.load({**both(own.accounts_url, api), (INDIA, "data_center"): f'"{code}"'}).orgs["india"]
    assert (org.accounts_url, org.api_url) == (own.accounts_url, api)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9:1", "http://127.9.9.9:1"),
        ("HTTP://LocalHost:65535/", "http://localhost:65535"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://localhost:443", "https://localhost"),
    ],
)
def test_this_machine(house: Any, given: str, kept: str) -> None:
    org = house.load(both(given, given)).orgs["india"]
    assert (org.accounts_url, org.api_url) == (kept, kept)


@pytest.mark.parametrize(
    ("url", "found", "hint"),
    [
        ("http://accounts.zoho.in", None, "https is required"),
        ("http://127.0.0.1.evil.com", None, "https is required"),
        ("http://127.1", None, "https is required"),
        ("http://[::ffff:127.0.0.1]:80", None, "https is required"),
        ("ftp://accounts.zoho.in", None, 'must start with "https://"'),
        ("accounts.zoho.in", None, 'must start with "https://"'),
        ("https://accounts.zoho.in/oauth", None, "no path"),
        ("https://accounts.zoho.in/?", None, "no query"),
        ("https://accounts.zoho.in#x", None, "no query and no fragment"),
        ("https://accounts.zoho.in\\\\@evil.com", "an address with a user name or password (not shown)", "no user"),
        ("https://zoho.in:pw@evil.com", "an address with a user name or password (not shown)", "no user name"),
        ("https://accounts.zoho.in:0", None, "port"),
        ("https://accounts.zoho.in:99999", None, "port"),
        ("https://", None, "not the name of a host"),
        ("https://accounts.zoho。in", None, "not the name of a host"),
        ("https://accounts.zoho.in ", None, "not the name of a host"),
    ],
)
def test_not_an_address(house: Any, url: str, found: str | None, hint: str) -> None:
    (problem,) = house.problems(both(url, "https://www.zohoapis.in"))
    assert problem.path == f"{INDIA}.accounts_url"
    assert problem.found == (found or repr(url))
    assert "https://HOST" in problem.allowed
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    ("accounts", "api", "key", "allowed"),
    [
        (
            "https://accounts.zoho.com",
            "https://www.zohoapis.in",
            "accounts_url",
            "https://accounts.zoho.in (data centre",
        ),
        ("https://sandbox.zoho.in", "https://www.zohoapis.in", "accounts_url", "https://accounts.zoho.in (data centre"),
        (ZOHO, "https://sandbox.zohoapis.com", "api_url", "https://sandbox.zohoapis.in, https://developer.zohoapis.in"),
        (ZOHO, "https://evil.zohoapis.in", "api_url", "https://sandbox.zohoapis.in, https://developer.zohoapis.in"),
        (ZOHO, "https://www.zohoapis.in.evil.com", "api_url", "https://sandbox.zohoapis.in"),
        (ZOHO, "https://www.zohoapis.in:8443", "api_url", "https://sandbox.zohoapis.in"),
        (ZOHO, "https://www.zohoapis.in.", "api_url", "https://sandbox.zohoapis.in"),
        (ZOHO, "http://localhost:1", "api_url", "two addresses of Zoho, or two of this machine"),
        ("http://localhost:1", "https://www.zohoapis.in", "api_url", "two addresses of Zoho, or two of this machine"),
    ],
)
def test_not_zohos(house: Any, accounts: str, api: str, key: str, allowed: str) -> None:
    (problem,) = house.problems(both(accounts, api))
    assert problem.path == f"{INDIA}.{key}"
    assert repr(accounts if key == "accounts_url" else api) in problem.found
    assert allowed in problem.allowed


@pytest.mark.parametrize(("given", "missing"), [("accounts_url", "api_url"), ("api_url", "accounts_url")])
def test_only_together(house: Any, given: str, missing: str) -> None:
    problem = house.problems({(INDIA, given): '"http://localhost:1"'})[0]
    assert (problem.path, problem.found) == (f"{INDIA}.{missing}", "nothing")
    assert problem.allowed == f"both of {given} and {missing}, or neither"


def test_an_address_is_a_text(house: Any) -> None:
    (problem,) = house.problems({**both(ZOHO, "https://www.zohoapis.in"), (INDIA, "api_url"): "5"})
    assert (problem.path, problem.found) == (f"{INDIA}.api_url", "5 (a number)")
