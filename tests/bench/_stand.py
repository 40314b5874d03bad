"""What the benchmarks of the road stand on: the orgs in another process, the daemon's fleet in this one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from daemon.core.at_once import AT_ONCE
from daemon.core.org import Org, Secret
from daemon.core.pace import fast_by_default
from daemon.core.rules import Bulk, Copy, FieldChoice, Route, Stream
from daemon.ledger import Ledger
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from tests.bench._orgs import FIELDS, MODULE

KEY: Final = "Source_Record_ID"
LAG: Final = timedelta(seconds=120)  # as settings have it that say nothing
POLL: Final = timedelta(seconds=60)
A_SECOND: Final = 3


@dataclass(frozen=True, slots=True)
class Stand:
    """Two orgs that run elsewhere: `a` has the records, `b` is to get them."""

    process: subprocess.Popen[str]
    a: dict[str, Any]
    b: dict[str, Any]

    def edit(self, count: int, share: float = 0.0, first: int = 0, a_second: int = A_SECOND) -> str:
        """People edit `count` records, from the place `first` on, so many `a_second` by the orgs' clock, a `share` of
        them without another value. Gives the time before that, by the same clock.
        """
        return str(self._ask(do="edit", count=count, share=share, first=first, a_second=a_second)["since"])

    def elapse(self, seconds: float) -> None:
        """So much time passes for the orgs."""
        self._ask(do="elapse", seconds=seconds)

    def spent(self) -> dict[str, int]:
        """Credits of each org so far."""
        return {org: sum(kinds.values()) for org, kinds in self._ask(do="spent")["credits"].items()}

    def held(self) -> int:
        """How many records the target has."""
        return int(self._ask(do="spent")["held"][self.b["name"]])

    def _ask(self, **words: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def settings(self, folder: Path, at_once: int = AT_ONCE, bulk: Bulk = "auto") -> Settings:
        """One stream of twenty fields."""
        orgs = {org["name"]: _org(org, folder, at_once) for org in (self.a, self.b)}
        stream = Stream(
            address=f"a-b/{MODULE}",
            route="a-b",
            source=self.a["name"],
            target=self.b["name"],
            source_module=MODULE,
            target_module=MODULE,
            key=KEY,
            lag=LAG,
            poll=POLL,
            poll_fast=fast_by_default(POLL),
            bulk=bulk,
            fields=FieldChoice(table={name: Copy(field=name) for name in FIELDS}),
        )
        route = Route(name="a-b", source=stream.source, target=stream.target, streams=(stream,))
        return Settings(ledger_url=f"sqlite:///{folder / 'orgsync.db'}", state_dir=folder, orgs=orgs, routes=(route,))

    def client(self, org: dict[str, Any]) -> httpx.Client:
        """A bare client with a token of its own, for the floors."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": org["refresh_token"],
            "client_id": org["client_id"],
            "client_secret": org["client_secret"],
        }
        answer = httpx.post(f"{org['accounts_url']}/oauth/v2/token", data=form, trust_env=False).json()
        headers = {"Authorization": f"Zoho-oauthtoken {answer['access_token']}"}
        base = f"{org['base_url']}/crm/v8/"
        return httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False)


@contextmanager
def standing(records: int, latency: float = 0.0) -> Iterator[Stand]:
    """The orgs, with so many records in the first."""
    words = ["--records", str(records), "--latency", str(latency)]
    command = [sys.executable, "-m", "tests.bench._orgs", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            a, b = json.loads(process.stdout.readline())["orgs"]
            yield Stand(process, a, b)
        finally:
            process.kill()


@contextmanager
def daemon(settings: Settings, **given: Any) -> Iterator[Fleet]:
    """The fleet that `orgsync once` would run; what is given stands for its own."""
    usual = {"now": lambda: datetime.now(UTC), "stopping": lambda: False, "first_run": "create"}
    with (
        Ledger.open(settings.ledger_url) as ledger,
        Fleet(settings, ledger, **{**usual, **given}) as fleet,
    ):
        yield fleet


def _org(org: dict[str, Any], folder: Path, at_once: int) -> Org:
    return Org(
        name=org["name"],
        data_center=org["data_center"],
        accounts_url=org["accounts_url"],
        api_url=org["base_url"],
        client_id=org["client_id"],
        client_secret=Secret(org["client_secret"]),
        refresh_token=Secret(org["refresh_token"]),
        token_file=folder / "tokens" / f"{org['name']}.json",
        calls_at_once=at_once,
    )
