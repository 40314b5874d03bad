"""Zoho's own Python SDK (PyPI `zohocrmsdk8_0`) set up for one emulated org, and shorthands for its many small classes.

It takes its addresses from an `Environment` and speaks plain http as well as https. Its state is in classes, so it is
forgotten after each test. Where it cannot read an answer it logs and returns None: a test that gets None found a fault.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, Initializer, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.record import BodyWrapper, Record, RecordOperations
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

from daemon.emulator import OrgHandle


class Sdk:
    """The SDK for one org; `home` holds its token store and the fields it caches."""

    def __init__(self, org: OrgHandle, home: Path) -> None:
        self.org, self.home = org, home
        self.store = FileStore(str(home / "tokens.csv"))

    def start(self, token: Any = None) -> OAuthToken:
        """Initialize with a token; by default with a live access token, which costs no token call."""
        token = token or OAuthToken(access_token=self.org.access_token(), find_user=False)
        url = self.org.base_url
        environment = DataCenter.Environment(url, f"{url}/oauth/v2/token", url)
        # the SDK refuses unknown picklist values by itself; here the emulator shall answer
        Initializer.initialize(environment, token, self.store, SDKConfig(pick_list_validation=False), str(self.home))
        return token

    def token(self, **given: Any) -> OAuthToken:
        """A token of this org's client: grant_token= or refresh_token=."""
        return OAuthToken(**{"client_id": self.org.client_id, "client_secret": self.org.client_secret, **given})

    def create(self, module: str, **values: Any) -> int:
        """A record that must be accepted; its id."""
        answer = write("create_records", module, values)
        assert answer.get_status_code() == 201, answer.get_response_json()
        return int(answer.get_object().get_data()[0].get_details()["id"])


def forget() -> None:
    Initializer.initializer = None
    Initializer.LOCAL.init = None


def params(group: Any, **given: Any) -> ParameterMap:
    """`params(GetRecordsParam, fields="Last_Name")`."""
    made = ParameterMap()
    for name, value in given.items():
        made.add(getattr(group, name), value)
    return made


def headers(group: Any, **given: Any) -> HeaderMap:
    """`headers(GetRecordsHeader, if_modified_since=moment)`."""
    made = HeaderMap()
    for name, value in given.items():
        made.add(getattr(group, name), value)
    return made


def fill(target: Any, **given: Any) -> Any:
    """Call the setter of every name."""
    for name, value in given.items():
        getattr(target, f"set_{name}")(value)
    return target


def record(values: dict[str, Any]) -> Record:
    made = Record()
    for name, value in values.items():
        if name == "id":
            made.set_id(value)
        else:
            made.add_key_value(name, value)
    return made


def write(act: str, module: str, *rows: dict[str, Any], **keys: Any) -> Any:
    """create_records, update_records or upsert_records; the SDK's answer."""
    body = fill(BodyWrapper(), data=[record(row) for row in rows], **keys)
    return getattr(RecordOperations(module), act)(body, HeaderMap())


def elements(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    """Code and details of each element of a write's answer."""
    return [(one.get_code().get_value(), one.get_details()) for one in answer.get_object().get_data()]


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of a refused request, read through the SDK's exception class."""
    found = answer.get_object()
    assert type(found).__name__ == "APIException", found
    return answer.get_status_code(), found.get_code().get_value()


def zipped(name: str, text: str) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, text)
    made.seek(0)
    return made


def unzipped(answer: Any) -> str:
    """The one file in the zip that the SDK downloaded."""
    stream = answer.get_object().get_file().get_stream()
    with zipfile.ZipFile(io.BytesIO(stream.content)) as archive:
        (name,) = archive.namelist()
        return archive.read(name).decode()
