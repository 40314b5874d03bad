"""Everything the emulator holds: orgs, accounts, meters, one clock, the quirks, the faults and the log. No HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.emulator.catalog import DATA_CENTERS
from daemon.emulator.clock import Clock
from daemon.emulator.credits import EDITIONS, Meter
from daemon.emulator.faults import Faults
from daemon.emulator.journal import Journal
from daemon.emulator.oauth import Accounts
from daemon.emulator.org import Org
from daemon.emulator.quirks import Quirks
from daemon.emulator.snapshot import Snapshot

Json = dict[str, Any]
GRANTS_AT_START, LONGEST_GRANT = 5, 600


@dataclass(slots=True, kw_only=True)
class Site:
    """One data centre with its one org."""

    org: Org
    accounts: Accounts
    meter: Meter
    quirks: Quirks
    refresh_token: str = ""
    grant_tokens: list[str] = field(default_factory=list)
    base_url: str = ""

    def as_json(self) -> Json:
        """What a client needs to know to reach this org."""
        return {
            "name": self.org.name,
            "data_center": self.org.data_center,
            "base_url": self.base_url,
            "accounts_url": self.base_url,
            "client_id": self.accounts.client_id,
            "client_secret": self.accounts.client_secret,
            "refresh_token": self.refresh_token,
            "grant_tokens": list(self.grant_tokens),
        }


class World:
    """All emulated data centres."""

    def __init__(
        self,
        *,
        data_centers: Sequence[str],
        seed: int = 1,
        edition: str = "enterprise",
        snapshots: Mapping[str, Snapshot] | None = None,
    ) -> None:
        unknown = [code for code in data_centers if code not in DATA_CENTERS]
        if unknown or not data_centers or len(set(data_centers)) < len(data_centers):
            raise ValueError(f"orgs: distinct names out of {', '.join(DATA_CENTERS)}; got {', '.join(data_centers)}")
        if set(snapshots or {}) - set(data_centers):
            raise ValueError(f"a snapshot for an org that is not emulated; there are {', '.join(data_centers)}")
        if edition not in EDITIONS:
            raise ValueError(f"edition: one of {', '.join(EDITIONS)}; got {edition}")
        self.seed = seed
        self._snapshots = dict(snapshots or {})
        self.edition = edition
        self.clock = Clock()
        self.quirks = Quirks()
        self.faults = Faults()
        self.journal = Journal()
        self.control_url = ""
        self.sites: dict[str, Site] = {}
        for place, code in enumerate(data_centers):
            site = self._site(code, source=place == 0)
            self.sites[site.org.name] = site

    def _site(self, code: str, *, source: bool) -> Site:
        quirks = Quirks(self.quirks)
        snapshot = self._snapshots.get(code)
        edition = (snapshot.edition if snapshot else None) or self.edition
        org = Org(data_center=code, clock=self.clock, quirks=quirks, edition=edition, source=source, snapshot=snapshot)
        accounts = Accounts(
            seed=self.seed, name=code, clock=self.clock, quirks=quirks, user=org.administrator.id, zgid=org.zgid
        )
        site = Site(org=org, accounts=accounts, meter=Meter(org.edition, org.licences), quirks=quirks)
        site.refresh_token = accounts.announce()
        site.grant_tokens = [accounts.new_grant(lifetime=LONGEST_GRANT) for _ in range(GRANTS_AT_START)]
        return site

    def site(self, name: str) -> Site | None:
        """The org by name or by data centre."""
        by_code = next((site for site in self.sites.values() if site.org.data_center == name), None)
        return self.sites.get(name, by_code)

    def reset(self, org: str | None = None) -> None:
        """Records, schema, credits, log, faults, quirks and clock as at the start; tokens keep working."""
        for name, site in self.sites.items():
            if org in (None, name):
                site.org.reset()
                site.meter = Meter(site.org.edition, site.org.licences)
                site.quirks.reset()
                site.accounts.reset()
        if org is None:
            self.clock.reset()
            self.quirks.reset()
            self.faults.clear()
            self.journal.clear()
