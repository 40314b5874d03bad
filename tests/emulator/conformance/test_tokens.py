"""The SDK and the accounts server (facts 1).

On the wire: urlencoded forms, without `redirect_uri` for a Self Client; only `access_token` in the answer counts.
"""

from __future__ import annotations

from typing import Any

import pytest
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations

from daemon.emulator import Emulator
from tests.emulator.conformance.sdk import Sdk, refusal


def token_calls(emu: Emulator) -> int:
    return len(emu.log(kind="token"))


def test_a_grant_token_becomes_a_refresh_and_an_access_token(emu: Emulator, idle_sdk: Sdk) -> None:
    token = idle_sdk.start(idle_sdk.token(grant_token=idle_sdk.org.new_grant()))
    assert token.get_refresh_token().startswith("1000.")
    assert token.get_access_token().startswith("1000.")
    assert token.get_api_domain() == idle_sdk.org.base_url
    assert OrgOperations().get_organization().get_status_code() == 200
    assert token_calls(emu) == 1


def test_the_sdk_names_its_user_by_asking_for_the_current_one(emu: Emulator, idle_sdk: Sdk) -> None:
    token = idle_sdk.start(idle_sdk.token(refresh_token=idle_sdk.org.new_refresh_token()))
    zgid = OrgOperations().get_organization().get_object().get_org()[0].get_zgid()
    assert token.get_user_signature().get_name() == f"pat.doe@example.com:{zgid}"


def test_a_refresh_token_gives_access_and_an_old_access_token_is_renewed(emu: Emulator, idle_sdk: Sdk) -> None:
    token = idle_sdk.start(idle_sdk.token(refresh_token=idle_sdk.org.new_refresh_token()))
    first = token.get_access_token()
    assert token_calls(emu) == 1
    # the SDK goes by its own clock, with five seconds to spare; it keeps `expires_in` (seconds) in milliseconds
    token.set_expires_in("0")
    idle_sdk.store.save_token(token)
    assert OrgOperations().get_organization().get_status_code() == 200
    assert token_calls(emu) == 2
    assert token.get_access_token() != first or idle_sdk.store.get_tokens()[0].get_access_token() != first


def test_a_revoked_refresh_token_takes_its_access_tokens_along(idle_sdk: Sdk) -> None:
    token = idle_sdk.start(idle_sdk.token(refresh_token=idle_sdk.org.new_refresh_token()))
    url = f"{idle_sdk.org.base_url}/oauth/v2/token/revoke"
    assert token.revoke_refresh_token(token.get_refresh_token(), url) is True
    assert refusal(OrgOperations().get_organization()) == (401, "INVALID_TOKEN")
    assert token.revoke_refresh_token(token.get_refresh_token(), url) is False


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"grant_token": "1000.00.00"}, "invalid_code"),
        ({"refresh_token": "1000.00.00"}, "invalid_code"),
        ({"grant_token": "1000.00.00", "client_id": "1000.X"}, "invalid_client"),
        ({"grant_token": "1000.00.00", "client_secret": "wrong"}, "invalid_client_secret"),
    ],
)
def test_a_refused_exchange_is_told_by_its_error(idle_sdk: Sdk, given: dict[str, Any], error: str) -> None:
    # SDK and facts agree: status 200, and the SDK reads only whether there is an access_token
    with pytest.raises(SDKException) as refused:
        idle_sdk.start(idle_sdk.token(**given))
    assert refused.value.error_message == error


def test_a_grant_code_is_good_once(idle_sdk: Sdk) -> None:
    code = idle_sdk.org.new_grant()
    idle_sdk.start(idle_sdk.token(grant_token=code))
    idle_sdk.store.delete_tokens()
    with pytest.raises(SDKException) as refused:
        idle_sdk.start(idle_sdk.token(grant_token=code))
    assert refused.value.error_message == "invalid_code"


def test_the_throttle_is_told_in_words(emu: Emulator, idle_sdk: Sdk) -> None:
    refresh = idle_sdk.org.new_refresh_token()
    for _ in range(10):
        idle_sdk.start(idle_sdk.token(refresh_token=refresh))
        idle_sdk.store.delete_tokens()
    with pytest.raises(SDKException) as refused:
        idle_sdk.start(idle_sdk.token(refresh_token=refresh))
    assert refused.value.error_message == "Access Denied"
