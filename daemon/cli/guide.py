"""How a person gets from Zoho's API console to a code, in the words of `init` and `auth`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from daemon.core.org import console_url
from daemon.core.rules import Route
from daemon.core.scopes import scopes_for, to_paste

LIFE: Final = "code works once, and only for the minutes chosen with it (3 if none are)"


def self_client(data_center: str) -> str:
    """How to make the Self Client: once for each org."""
    return (
        f"Sign in at {console_url(data_center)} as the user that orgsync is to be, and make a Self Client there; "
        "its Client ID and Client Secret stand under Client Secret"
    )


def code_for(org: str, data_center: str, routes: Sequence[Route]) -> str:
    """How to make a code with the scopes that these routes need, on lines of their own."""
    return (
        f"{console_url(data_center)}, Self Client, Generate Code, with\n"
        f"    Scope: {to_paste(scopes_for(org, routes))}\n"
        "    Time Duration: 10 minutes. Description: anything. Then Create, and choose the org"
    )
