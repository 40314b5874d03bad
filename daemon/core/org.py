"""What an org is: a data centre, two addresses and a credential. Knows nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from daemon.core.at_once import AT_ONCE


class Secret:
    """A text that never shows itself: not in repr, str, format, logs or errors. `reveal()` is the only way to it."""

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        _living[id(self)] = self

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not to be pickled")


_living: Final[WeakValueDictionary[int, Secret]] = WeakValueDictionary()


def living() -> list[Secret]:
    """Every secret that this process holds now, for masking."""
    return [secret for ref in _living.valuerefs() if (secret := ref()) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenter:
    """One Zoho data centre (facts 1.1)."""

    accounts_url: str
    api_url: str


DATA_CENTERS: Final[dict[str, DataCenter]] = {
    code: DataCenter(accounts_url=f"https://{accounts}", api_url=f"https://{api}")
    for code, accounts, api in (
        ("us", "accounts.zoho.com", "www.zohoapis.com"),
        ("eu", "accounts.zoho.eu", "www.zohoapis.eu"),
        ("in", "accounts.zoho.in", "www.zohoapis.in"),
        ("au", "accounts.zoho.com.au", "www.zohoapis.com.au"),
        ("jp", "accounts.zoho.jp", "www.zohoapis.jp"),
        ("cn", "accounts.zoho.com.cn", "www.zohoapis.com.cn"),
        ("ca", "accounts.zohocloud.ca", "www.zohoapis.ca"),
        ("sa", "accounts.zoho.sa", "www.zohoapis.sa"),
    )
}


def console_url(data_center: str) -> str:
    """Where Self Clients and their codes are made: the API console lies beside the accounts server (facts 1.1)."""
    return DATA_CENTERS[data_center].accounts_url.replace("//accounts.", "//api-console.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """One Zoho CRM organisation and the self-client credential for it.

    `refresh_token` is None when `orgsync auth` keeps it in `token_file`. The access token is cached in `token_file`
    too, with mode 0600, so that daemon and commands share it (facts 1.5). `call_deadline` is in seconds: no call takes
    longer, so a write older than that is over, whatever became of it. `calls_at_once`: so many may be on their way to
    it, from all daemons together.
    """

    name: str
    data_center: str
    accounts_url: str
    api_url: str
    client_id: str
    client_secret: Secret
    refresh_token: Secret | None
    token_file: Path
    call_deadline: float = 60.0
    calls_at_once: int = AT_ONCE

    @property
    def content_url(self) -> str:
        """Where files go: the host `content` of the same domain (facts 1.1); of an address without `www` (a sandbox,
        the emulator) nobody says another.
        """
        return self.api_url.replace("://www.", "://content.", 1)
