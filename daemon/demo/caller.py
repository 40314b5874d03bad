"""Zoho's public API in a few lines of httpx, for those who must not use the product's own client: writer and oracle.

Knows one way in (a grant code), one way to list, and no retries: the emulator answers or the demo is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

Json = dict[str, Any]
PAGE = 200
_PATIENCE_S = 20.0


class Refused(Exception):  # noqa: N818 - what happened, as the person who called would say it
    """An org did not do what was asked; the text names the call and the answer."""


class Caller:
    """One org, with an access token that nobody else uses. Close it."""

    def __init__(self, org: Json, token: str) -> None:
        self.name = str(org["name"])
        self._http = httpx.Client(
            base_url=f"{org['base_url']}/crm/v8/",
            headers={"Authorization": f"Zoho-oauthtoken {token}"},
            timeout=_PATIENCE_S,
            trust_env=False,
        )

    @classmethod
    def sign_in(cls, org: Json, code: str) -> Self:
        """Exchange a grant code for a token of one's own. Raises Refused."""
        form = {
            "grant_type": "authorization_code",
            "client_id": org["client_id"],
            "client_secret": org["client_secret"],
            "code": code,
        }
        url = f"{org['accounts_url']}/oauth/v2/token"
        answer = httpx.post(url, data=form, timeout=_PATIENCE_S, trust_env=False).json()
        if "access_token" not in answer:
            raise Refused(f"{org['name']} gave no token: {answer.get('error')}")
        return cls(org, answer["access_token"])

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def get(self, path: str, **params: str | int) -> Json:
        """The answer's JSON; empty when there is nothing (204). Raises Refused."""
        return self._read(self._http.get(path, params=params))

    def query(self, coql: str) -> list[Json]:
        """The rows of one COQL query. Raises Refused."""
        rows: list[Json] = self._read(self._http.post("coql", json={"select_query": coql})).get("data", [])
        return rows

    def write(self, method: str, module: str, records: Sequence[Json]) -> list[str]:
        """Insert (POST) or update (PUT); the ids. Raises Refused unless every element was done."""
        answer = self._read(self._http.request(method, module, json={"data": list(records)}))
        for record, element in zip(records, answer["data"], strict=True):
            if element.get("code") != "SUCCESS":
                raise Refused(f"{self.name} refused {method} {module} {record.get('id', 'new')}: {element}")
        return [str(element["details"]["id"]) for element in answer["data"]]

    def records(self, module: str, fields: Sequence[str]) -> Iterator[Json]:
        """Every record of a module, by page token. Raises Refused."""
        asked: dict[str, str | int] = {"fields": ",".join(fields), "per_page": PAGE, "sort_by": "id"}
        while True:
            answer = self.get(module, **asked)
            yield from answer.get("data", [])
            token = answer.get("info", {}).get("next_page_token")
            if not token:
                return
            asked["page_token"] = token

    def count(self, module: str) -> int:
        """How many records the org itself says there are."""
        return int(self.get(f"{module}/actions/count")["count"])

    def _read(self, answer: httpx.Response) -> Json:
        if answer.status_code == 204:
            return {}
        if answer.status_code not in (200, 201, 207):
            asked = f"{answer.request.method} {answer.request.url.path}"
            raise Refused(f"{self.name}: {asked} was answered {answer.status_code} {answer.text[:300]}")
        content: Json = answer.json()
        return content


class Control:
    """The emulator's control endpoint: what an administrator, or a test, may do and no client can. Close it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=_PATIENCE_S, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: str | int) -> Json:
        """GET. Raises httpx.HTTPError."""
        answer = self._http.get(path, params=params).raise_for_status().json()
        return dict(answer)

    def send(self, method: str, path: str, body: Any) -> Json:
        """POST, PATCH. Raises httpx.HTTPError."""
        answer = self._http.request(method, path, json=body).raise_for_status().json()
        return dict(answer)

    def code_for(self, org: str) -> str:
        """A fresh grant code of an org, as its Self Client page would show it."""
        return str(self.send("POST", f"/orgs/{org}/grants", {})["code"])

    def log(self, **which: str | int) -> list[Json]:
        """The requests that reached the orgs, oldest first: org, kind, module, since."""
        entries: list[Json] = self.get("/log", **{"limit": 1_000_000, **which})["log"]
        return entries
