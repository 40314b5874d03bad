"""The accounts server (facts 1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from daemon.emulator import Emulator, OrgHandle


@pytest.fixture
def own() -> Iterator[Emulator]:
    with Emulator(data_centers=("us", "in")) as emulator:
        yield emulator


@pytest.fixture
def org(own: Emulator) -> OrgHandle:
    return own.orgs["us"]


def form(org: OrgHandle, **more: Any) -> dict[str, Any]:
    credential = {"client_id": org.client_id, "client_secret": org.client_secret}
    return {"grant_type": "refresh_token", **credential, "refresh_token": org.refresh_token, **more}


def token(org: OrgHandle, **more: Any) -> httpx.Response:
    return httpx.post(f"{org.base_url}/oauth/v2/token", data=form(org, **more))


def call(org: OrgHandle, header: str | None) -> httpx.Response:
    headers = {"Authorization": header} if header else {}
    return httpx.get(f"{org.base_url}/crm/v8/org", headers=headers)


def test_a_grant_code_buys_tokens_once(org: OrgHandle) -> None:
    first = token(org, grant_type="authorization_code", code=org.grant_tokens[0]).json()
    again = token(org, grant_type="authorization_code", code=org.grant_tokens[0])
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == 3600
    assert first["api_domain"] == org.base_url
    assert token(org, refresh_token=first["refresh_token"]).json()["access_token"]
    assert (again.status_code, again.json()) == (200, {"error": "invalid_code"})


def test_a_grant_code_dies_of_age(own: Emulator, org: OrgHandle) -> None:
    code = org.new_grant(lifetime=60)
    own.clock(advance=61)
    assert token(org, grant_type="authorization_code", code=code).json() == {"error": "invalid_code"}


def test_a_refresh_answer_holds_no_refresh_token(org: OrgHandle) -> None:
    body = token(org).json()
    assert set(body) == {"access_token", "scope", "api_domain", "token_type", "expires_in"}
    assert call(org, f"Zoho-oauthtoken {body['access_token']}").status_code == 200
    assert call(org, f"Bearer {body['access_token']}").status_code == 200


def test_tokens_come_by_query_and_by_multipart_too(org: OrgHandle) -> None:
    url = f"{org.base_url}/oauth/v2/token"
    by_query = httpx.post(url, params=form(org))
    by_multipart = httpx.post(url, files={name: (None, value) for name, value in form(org).items()})
    assert "access_token" in by_query.json()
    assert "access_token" in by_multipart.json()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "1000.X"}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client_secret"),
        ({"refresh_token": "1000.a.b"}, "invalid_code"),
        ({"grant_type": "magic"}, "invalid_request"),
    ],
)
def test_token_errors_are_200_with_an_error_key(org: OrgHandle, change: dict[str, str], error: str) -> None:
    answer = token(org, **change)
    assert (answer.status_code, answer.json()) == (200, {"error": error})


def test_another_data_centre_does_not_know_the_client(own: Emulator, org: OrgHandle) -> None:
    answer = httpx.post(f"{own.orgs['india'].base_url}/oauth/v2/token", data=form(org))
    assert answer.json() == {"error": "invalid_client"}


def test_an_access_token_expires(own: Emulator, org: OrgHandle) -> None:
    org.tokens(access_lifetime=5)
    access = token(org).json()["access_token"]
    own.clock(advance=6)
    answer = call(org, f"Zoho-oauthtoken {access}")
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


def test_a_missing_header_is_an_authentication_failure(org: OrgHandle) -> None:
    answer = call(org, None)
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTHENTICATION_FAILURE")
    assert call(org, "Basic abc").json()["code"] == "AUTHENTICATION_FAILURE"
    assert call(org, "Zoho-oauthtoken 1000.no.such").json()["code"] == "INVALID_TOKEN"


def test_the_eleventh_token_in_ten_minutes_is_denied(own: Emulator, org: OrgHandle) -> None:
    assert [token(org).status_code for _ in range(10)] == [200] * 10
    denied = token(org)
    assert (denied.status_code, denied.json()["error"]) == (400, "Access Denied")
    own.clock(advance=601)
    assert token(org).status_code == 200


def test_the_sixteenth_live_token_pushes_out_the_first(own: Emulator, org: OrgHandle) -> None:
    own.quirks(token_throttle="off")
    tokens = [token(org).json()["access_token"] for _ in range(16)]
    assert call(org, f"Bearer {tokens[0]}").status_code == 401
    assert call(org, f"Bearer {tokens[1]}").status_code == 200


def test_revoking_kills_the_access_tokens_too(org: OrgHandle) -> None:
    access = token(org).json()["access_token"]
    revoke = httpx.post(f"{org.base_url}/oauth/v2/token/revoke", data={"token": org.refresh_token})
    assert revoke.json() == {"status": "success"}
    assert call(org, f"Bearer {access}").status_code == 401
    assert token(org).json() == {"error": "invalid_code"}


def test_scopes_are_enforced(org: OrgHandle) -> None:
    narrow = org.new_refresh_token(scopes=["ZohoCRM.modules.Leads.READ", "ZohoCRM.coql.READ"])
    headers = {"Authorization": f"Bearer {token(org, refresh_token=narrow).json()['access_token']}"}

    def status(method: str, path: str, body: Any = None) -> int:
        return httpx.request(method, f"{org.base_url}/crm/v8/{path}", headers=headers, json=body).status_code

    assert status("GET", "Leads?fields=Last_Name") == 204
    assert status("GET", "Contacts?fields=Last_Name") == 401
    assert status("POST", "Leads", {"data": [{}]}) == 401
    assert status("POST", "coql", {"select_query": "select id from Leads where id is not null"}) == 204
    assert status("POST", "coql", {"select_query": "select id from Deals where id is not null"}) == 401
    assert status("GET", "org") == 401


# --- what is no token request


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_verb_gets_the_answer_of_an_accounts_server(org: OrgHandle, method: str) -> None:
    answer = httpx.request(method, f"{org.base_url}/oauth/v2/token", params=form(org))
    assert (answer.status_code, answer.json()) == (200, {"error": "invalid_request"})
    revoke = httpx.request(method, f"{org.base_url}/oauth/v2/token/revoke", params={"token": org.refresh_token})
    assert revoke.json()["status"] == "failure"
    assert "access_token" in token(org).json()


def test_a_page_of_the_accounts_server_that_is_not_there_is_html(org: OrgHandle) -> None:
    answer = httpx.get(f"{org.base_url}/oauth/v2/auth")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html;charset=UTF-8")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"grant_type": "refresh_token"}'),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nx"),
        ("application/x-www-form-urlencoded", b"grant_type=\xff%ff&&=&"),
    ],
)
def test_a_form_that_cannot_be_read_has_no_grant_type(org: OrgHandle, content_type: str, body: bytes) -> None:
    answer = httpx.post(f"{org.base_url}/oauth/v2/token", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()) == (200, {"error": "invalid_request"})
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"


# --- tokens of the client itself


def for_client(org: OrgHandle, soid: str | None = None, scope: str = "ZohoCRM.org.READ,ZohoCRM.users.READ") -> Any:
    bound = f"ZohoCRM.{zgid(org)}" if soid is None else soid
    more = {"grant_type": "client_credentials", "refresh_token": "", "soid": bound, "scope": scope}
    return token(org, **more).json()


def zgid(org: OrgHandle) -> str:
    found: str = httpx.get(f"{org.base_url}/crm/v8/org", headers=org.headers()).json()["org"][0]["zgid"]
    return found


def test_a_client_gets_a_token_for_the_org_that_soid_names_and_no_refresh_token(own: Emulator, org: OrgHandle) -> None:
    body = for_client(org)
    assert set(body) == {"access_token", "scope", "api_domain", "token_type", "expires_in"}
    header = f"Zoho-oauthtoken {body['access_token']}"
    assert call(org, header).status_code == 200
    assert call(own.orgs["india"], header).json()["code"] == "INVALID_TOKEN"
    leads = httpx.get(f"{org.base_url}/crm/v8/Leads?fields=City", headers={"Authorization": header})
    assert leads.json()["code"] == "OAUTH_SCOPE_MISMATCH"


def test_a_client_gets_no_token_for_another_org_or_for_nothing(own: Emulator, org: OrgHandle) -> None:
    for soid in ("", "ZohoCRM", f"ZohoDesk.{zgid(org)}", f"ZohoCRM.{zgid(own.orgs['india'])}"):
        assert for_client(org, soid) == {"error": "invalid_request"}
    assert for_client(org, scope=" ") == {"error": "invalid_scope"}


def test_client_credentials_are_throttled_and_can_be_switched_off(own: Emulator, org: OrgHandle) -> None:
    assert all("access_token" in for_client(org) for _ in range(10))
    assert for_client(org)["error"] == "Access Denied"
    own.quirks(client_credentials="reject")
    assert for_client(org) == {"error": "invalid_request"}


# --- limits


def test_a_grant_code_lives_three_minutes_unless_more_was_chosen(own: Emulator, org: OrgHandle) -> None:
    usual, longest = org.new_grant(), org.new_grant(lifetime=600)
    own.clock(advance=181)
    assert token(org, grant_type="authorization_code", code=usual).json() == {"error": "invalid_code"}
    assert "access_token" in token(org, grant_type="authorization_code", code=longest).json()


def test_a_code_of_another_data_centre_is_invalid(own: Emulator, org: OrgHandle) -> None:
    code = own.orgs["india"].new_grant()
    assert token(org, grant_type="authorization_code", code=code).json() == {"error": "invalid_code"}


def test_the_eleventh_exchange_is_denied_and_its_code_stays_good(own: Emulator, org: OrgHandle) -> None:
    codes = [org.new_grant(lifetime=3_600) for _ in range(11)]
    answers = [token(org, grant_type="authorization_code", code=code) for code in codes]
    assert [answer.status_code for answer in answers] == [200] * 10 + [400]
    assert answers[-1].json() == {
        "error_description": "You have made too many requests continuously. Please try again after some time.",
        "error": "Access Denied",
        "status": "failure",
    }
    assert call(org, f"Bearer {answers[0].json()['access_token']}").status_code == 200
    own.clock(advance=601)
    assert "access_token" in token(org, grant_type="authorization_code", code=codes[-1]).json()


def test_the_twenty_first_refresh_token_pushes_out_the_first_with_its_access_tokens(org: OrgHandle) -> None:
    access = token(org).json()["access_token"]
    others = [org.new_refresh_token() for _ in range(19)]
    assert call(org, f"Bearer {access}").status_code == 200
    org.new_refresh_token()
    assert call(org, f"Bearer {access}").status_code == 401
    assert token(org).json() == {"error": "invalid_code"}
    assert "access_token" in token(org, refresh_token=others[0]).json()


def test_a_reset_ends_the_throttle_wherever_the_clock_stood(own: Emulator, org: OrgHandle) -> None:
    own.clock(advance=1_000_000)
    for _ in range(11):
        token(org)
    own.reset()
    assert token(org).status_code == 200


def test_the_tokens_of_another_user_push_nothing_out(own: Emulator, org: OrgHandle) -> None:
    accounts, other = org._site.accounts, org._site.org.users[1].id
    own.do(lambda _: [accounts.new_refresh(user=other) for _ in range(20)])
    assert "access_token" in token(org).json()


def test_the_access_token_that_comes_with_a_refresh_token_is_the_first_of_its_ten(
    own: Emulator, org: OrgHandle
) -> None:
    refresh = token(org, grant_type="authorization_code", code=org.new_grant()).json()["refresh_token"]
    answers = [token(org, grant_type="refresh_token", refresh_token=refresh).json() for _ in range(10)]
    assert ["access_token" in answer for answer in answers] == [True] * 9 + [False]
    assert answers[-1]["error"] == "Access Denied"
    own.clock(advance=601)
    assert "access_token" in token(org, grant_type="refresh_token", refresh_token=refresh).json()
