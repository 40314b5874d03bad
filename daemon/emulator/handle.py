"""The emulator inside a test: real servers in a background thread, and hands to reach behind them.

    with Emulator(data_centers=("in", "us"), seed=1) as emu:
        emu.orgs["us"].base_url, .accounts_url, .client_id, .client_secret, .refresh_token, .grant_tokens
        emu.orgs["india"].insert_raw("Leads", {...}); .edit("Leads", id, {...}); .records("Leads"); .delete; .restore
        emu.orgs["us"].faults.next("upsert", effect="status", status=429, times=2)
        emu.seed("india", records=200, seed=7, defects=0.05); emu.quirks(unknown_picklist="reject")
        emu.clock(advance=60)
        emu.log(org="us", kind="upsert")

Every action runs in the event loop of the servers, between two calls.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from daemon.emulator.hands import Hands
from daemon.emulator.serve import Servers
from daemon.emulator.snapshot import check_snapshot
from daemon.emulator.world import Site, World

Json = dict[str, Any]
T = TypeVar("T")
_PATIENCE = 30


class Emulator:
    """A Zoho that lives as long as the `with` block."""

    def __init__(
        self,
        data_centers: Sequence[str] = ("in", "us"),
        *,
        seed: int = 1,
        edition: str = "enterprise",
        snapshots: dict[str, Json] | None = None,
        records: int = 0,
        quirks: Json | None = None,
        faults: Any = None,
        latency: float = 0.0,
        access_lifetime: int = 3_600,
        port: int = 0,
    ) -> None:
        checked = {code: check_snapshot(content) for code, content in (snapshots or {}).items()}
        self.world = World(data_centers=data_centers, seed=seed, edition=edition, snapshots=checked)
        self._hands = Hands(self.world)
        self._hands.set_quirks(quirks or {})
        self.world.faults.base_latency = latency
        if faults is not None:
            self._hands.add_faults(faults)
        if records:
            self._hands.seed(records=records, seed=seed)
        for site in self.world.sites.values():
            site.accounts.access_lifetime = access_lifetime
        self._servers = Servers(self.world, port)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)
        self.orgs = {name: OrgHandle(self, site) for name, site in self.world.sites.items()}

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_PATIENCE):
            raise TimeoutError("the emulator did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._servers.stop)
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._servers.run(self._ready.set))
        finally:
            self._loop.close()

    def do(self, act: Callable[[Hands], T]) -> T:
        """Run something with the hands, in the servers' loop."""

        async def run() -> T:
            return act(self._hands)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_PATIENCE)

    @property
    def control_url(self) -> str:
        """Where the control endpoint listens."""
        return self.world.control_url

    def document(self) -> Json:
        """What `orgsync emulator` prints at start."""
        return self.do(lambda hands: hands.document())

    def reset(self, org: str | None = None) -> None:
        """As at the start; tokens keep working."""
        self.do(lambda hands: hands.reset(org))

    def seed(self, org: str, records: int, seed: int = 1, defects: float = 0.0) -> list[Json]:
        """Fill an org; the planted defects come back."""
        planted: list[Json] = self.do(lambda hands: hands.seed(org, records, seed, defects))["defects"]
        return planted

    def quirks(self, **values: Any) -> None:
        """Set switches for all orgs."""
        self.do(lambda hands: hands.set_quirks(values))

    def clock(self, **given: Any) -> float:
        """advance=, set=, freeze=True, resume=True; returns the time."""
        now: float = self.do(lambda hands: hands.clock(given))["now"]
        return now

    def faults(self, given: Any) -> None:
        """Add faults in JSON form."""
        self.do(lambda hands: hands.add_faults(given))

    def clear_faults(self) -> None:
        """No more misfortune."""
        self.do(lambda hands: hands.clear_faults())

    def log(self, **selection: Any) -> list[Json]:
        """Requests by org=, kind=, module=, since=."""
        return self.do(lambda hands: hands.log(**selection))

    def credits(self) -> Json:
        """What every org has used."""
        return self.do(lambda hands: hands.credits())


class OrgHandle:
    """One org of a running emulator."""

    def __init__(self, emulator: Emulator, site: Site) -> None:
        self._emulator, self._site = emulator, site
        self.name = site.org.name
        self.data_center = site.org.data_center
        self.client_id = site.accounts.client_id
        self.client_secret = site.accounts.client_secret
        self.refresh_token = site.refresh_token
        self.grant_tokens = list(site.grant_tokens)
        self.faults = OrgFaults(emulator, self.name)

    @property
    def base_url(self) -> str:
        """API root, accounts root and `api_domain` at once."""
        return self._site.base_url

    @property
    def accounts_url(self) -> str:
        """The same root."""
        return self._site.base_url

    def _do(self, act: Callable[[Hands], T]) -> T:
        return self._emulator.do(act)

    def access_token(self) -> str:
        """A live access token, made without a token call (and without its throttle)."""

        def make(_: Hands) -> str:
            accounts = self._site.accounts
            return accounts.new_access(accounts.refreshes.get(self.refresh_token) or accounts.new_refresh()).token

        return self._do(make)

    def headers(self) -> dict[str, str]:
        """The Authorization header with a live token."""
        return {"Authorization": f"Zoho-oauthtoken {self.access_token()}"}

    def records(self, module: str) -> list[Json]:
        """Every live record as wire dicts, in id order."""
        return self._do(lambda hands: hands.records(self.name, module))

    def record(self, module: str, number: str) -> Json | None:
        """One live record."""
        return next((row for row in self.records(module) if row["id"] == str(number)), None)

    def record_exists(self, number: str) -> bool:
        """Whether any module holds a live record with this id."""
        return self._do(lambda _: any(int(number) in table.records for table in self._site.org.tables.values()))

    def insert_raw(self, module: str, values: Json) -> str:
        """A record that nobody checks; its id."""
        return str(self._do(lambda hands: hands.insert_raw(self.name, module, values))["id"])

    def edit(self, module: str, number: str, values: Json) -> Json:
        """An edit by hand: unchecked, Modified_Time moves."""
        return self._do(lambda hands: hands.edit(self.name, module, int(number), values))

    def delete(self, module: str, number: str, *, permanent: bool = False) -> None:
        """A deletion by hand."""
        self._do(lambda hands: hands.delete(self.name, module, int(number), permanent=permanent))

    def restore(self, module: str, number: str) -> None:
        """Out of the recycle bin."""
        self._do(lambda hands: hands.restore(self.name, module, int(number)))

    def quirks(self, **values: Any) -> None:
        """Set switches for this org only."""
        self._do(lambda hands: hands.set_quirks({"orgs": {self.name: values}}))

    def tokens(self, **given: Any) -> None:
        """access_lifetime=, grant_lifetime=, expire=True, revoke=True."""
        self._do(lambda hands: hands.tokens(self.name, given))

    def new_grant(self, **given: Any) -> str:
        """A new grant code; scopes=, lifetime=."""
        return str(self._do(lambda hands: hands.grant(self.name, given))["code"])

    def new_refresh_token(self, **given: Any) -> str:
        """A new refresh token; scopes=."""
        return str(self._do(lambda hands: hands.refresh(self.name, given))["refresh_token"])

    def add_field(self, module: str, **given: Any) -> str:
        """Add a field, described as in Zoho's create call; its API name."""
        return str(self._do(lambda hands: hands.add_field(self.name, module, given))["api_name"])

    def change_field(self, module: str, field: str, **change: Any) -> None:
        """length=, mandatory=, unique=, add_values=, remove_values=, api_name=, ..."""
        self._do(lambda hands: hands.change_field(self.name, module, field, change))

    def remove_field(self, module: str, field: str) -> None:
        """Delete a field with its values."""
        self._do(lambda hands: hands.remove_field(self.name, module, field))

    def log(self, **selection: Any) -> list[Json]:
        """Requests to this org by kind=, module=, since=."""
        return self._emulator.log(org=self.name, **selection)

    def credits(self) -> Json:
        """What this org has used."""
        used: Json = self._emulator.credits()[self.name]
        return used


class OrgFaults:
    """Misfortune for one org."""

    def __init__(self, emulator: Emulator, org: str) -> None:
        self._emulator, self._org = emulator, org

    def next(
        self, kind: str | list[str] | None = None, *, effect: str = "status", times: int = 1, **details: Any
    ) -> None:
        """The next calls of a kind meet an accident."""
        self.add(effect=effect, kind=kind, times=times, **details)

    def add(self, **fault: Any) -> None:
        """A fault in JSON form, for this org."""
        self._emulator.faults({"org": self._org, **fault})

    def clear(self) -> None:
        """No more misfortune (for any org)."""
        self._emulator.clear_faults()
