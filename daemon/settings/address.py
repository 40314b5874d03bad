"""Which addresses may stand in the settings: an org's two (explicit ones for sandboxes and the emulator), the ledger's.

A credential goes to these hosts, so only Zoho's own for the data centre are allowed, and this machine's.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from daemon.core.org import DATA_CENTERS
from daemon.core.postgres_url import SCHEMES, problem
from daemon.settings.problem import Problem, WrongValueError, join, quote

ADDRESS: Final = "https://HOST, or http://127.0.0.1:PORT on this machine"
LEDGER_URL: Final = '"sqlite:///FILE", or "postgresql://USER@HOST/DATABASE"'
LEDGER: Final = f"{LEDGER_URL} (a relative FILE lies in state_dir)"
_ADDRESS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?\Z", re.IGNORECASE
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}(?=:)")
_IPV4_LOOPBACK: Final = ipaddress.ip_network("127.0.0.0/8")
_IPV6_LOOPBACK: Final = ipaddress.ip_address("::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Scheme, host and port of an explicit address; `text` is how it was written."""

    scheme: str
    host: str
    port: int | None
    text: str

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The address without a trailing slash or a port that says nothing."""
        usual = {"https": 443, "http": 80}[self.scheme]
        port = "" if self.port in (None, usual) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def is_loopback(host: str) -> bool:
    """Whether a name or an address stands for this machine."""
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return ip == _IPV6_LOOPBACK or ip in _IPV4_LOOPBACK


def parse_address(text: str) -> Address:
    """An address that is nothing but scheme, host and port; plain http only to this machine. Raises WrongValueError."""
    if "@" in text:
        raise WrongValueError("no user name or password", found="an address with a user name or password (not shown)")
    found = _ADDRESS.match(text)
    if found is None:
        raise WrongValueError(_why_not_an_address(text))
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise WrongValueError("a port is a number from 1 to 65535")
    address = Address(scheme=found["scheme"].lower(), host=found["host"].lower(), port=port, text=text)
    if address.scheme == "http" and not address.is_loopback:
        raise WrongValueError("https is required: a credential goes there")
    return address


def org_addresses(
    data_center: str, accounts: Address | None, api: Address | None, at: str, problems: list[Problem]
) -> tuple[str, str]:
    """The accounts and API address of an org: the data centre's own, unless both are given and may be used."""
    own = DATA_CENTERS[data_center]
    if accounts is None and api is None:
        return own.accounts_url, own.api_url
    if accounts is None or api is None:
        missing, given = ("accounts_url", "api_url") if accounts is None else ("api_url", "accounts_url")
        problems.append(
            Problem(path=join(at, missing), found="nothing", allowed=f"both of {given} and {missing}, or neither")
        )
        return own.accounts_url, own.api_url
    if accounts.is_loopback != api.is_loopback:
        problems.append(
            Problem(
                path=join(at, "api_url"),
                found=f"{quote(api.text)} beside accounts_url {quote(accounts.text)}",
                allowed="two addresses of Zoho, or two of this machine",
                hint="tokens of one would be sent to the other",
            )
        )
    domain = urlsplit(own.api_url).netloc.removeprefix("www.")
    apis = [f"https://{kind}.{domain}" for kind in ("sandbox", "developer", "www")]
    for key, address, allowed in (("accounts_url", accounts, [own.accounts_url]), ("api_url", api, apis)):
        if not address.is_loopback and address.url not in allowed:
            problems.append(
                Problem(
                    path=join(at, key),
                    found=quote(address.text),
                    allowed=f"{', '.join(allowed)} (data centre {data_center}), or an address of this machine",
                )
            )
    return accounts.url, api.url


def parse_ledger_url(text: str) -> str:
    """The file of a SQLite ledger as it was written, or the url of one in Postgres. Raises WrongValueError, which shows
    no more than the scheme.
    """
    if text.startswith(SCHEMES):
        if wrong := problem(text):
            raise WrongValueError(wrong, found=f"'{text.partition(':')[0]}:…'")
        return text
    if not text.startswith("sqlite:///"):
        scheme = _SCHEME.match(text)
        found = f"'{scheme[0]}:…'" if scheme else "a text that is no address"
        raise WrongValueError(found=found)
    file = text.removeprefix("sqlite:///")
    if file in ("", ":memory:"):
        raise WrongValueError("the ledger must outlive the process: name a file")
    if "?" in file or not file.isprintable() or file.endswith("/"):
        raise WrongValueError("a file's path without '?' and without a '/' at its end")
    if file.startswith("~"):
        raise WrongValueError("'~' is not expanded: write the whole path")
    return file


def ledger_url(file: str, state_dir: Path, problems: list[Problem]) -> str:
    """The absolute URL of the ledger."""
    if file.startswith(SCHEMES):
        return file
    path = state_dir / file
    if "?" in str(path):
        problems.append(Problem(path="state_dir", found=quote(str(state_dir)), allowed="a path without '?'"))
    return f"sqlite:///{path}"


def _why_not_an_address(text: str) -> str:
    after = text.partition("://")[2]
    if not text.lower().startswith(("https://", "http://")):
        return 'it must start with "https://"'
    if "?" in after or "#" in after:
        return "no query and no fragment"
    return "no path" if "/" in after else "not the name of a host"
