"""A credential is revoked while two daemons work with it: its streams stand and say so, the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.org import Secret
from daemon.core.renewals import MOST_RENEWALS
from daemon.emulator import Emulator
from daemon.settings import Settings
from daemon.zoho.auth import exchange_grant
from tests.postgres import Server
from tests.several.hosts import Host, host, settings_on

ORGS = ("us", "europe")


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(("in", "us", "eu")) as running:
        yield running


@pytest.fixture
def settings(server: Server, emu: Emulator, tmp_path: Path) -> Settings:
    """The token of us is where `orgsync auth us` has put it, on each machine."""
    given = settings_on(server, emu, tmp_path, ("Accounts", "Leads"))
    return replace(given, orgs=given.orgs | {"us": replace(given.orgs["us"], refresh_token=None)})


def authorise(emu: Emulator, settings: Settings) -> None:
    """`orgsync auth us`."""
    exchange_grant(settings.orgs["us"], Secret(emu.orgs["us"].new_grant()))


def names(emu: Emulator, org: str) -> list[str]:
    return sorted(row["Last_Name"] for row in emu.orgs[org].records("Leads"))


def add(emu: Emulator, name: str) -> None:
    emu.orgs["india"].insert_raw("Accounts", {"Account_Name": name})
    emu.orgs["india"].insert_raw("Leads", {"Last_Name": name, "Company": "C"})


def work(daemons: list[Host], rounds: int = 4) -> dict[str, str]:
    """All daemons in turn; what is the matter with each stream that stands in the last round."""
    for _ in range(rounds):
        said: dict[str, str] = {}
        for daemon in daemons:
            daemon.claims.beat()
            said |= {name: report.trouble for name, report in daemon.once().items() if report.trouble}
    return said


def test_what_was_changed_meanwhile_comes_once_when_the_credential_is_replaced(
    emu: Emulator, settings: Settings, tmp_path: Path
) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    machines = [
        replace(settings, orgs={n: replace(org, token_file=folder / f"{n}.json") for n, org in settings.orgs.items()})
        for folder in folders
    ]
    for machine in machines:
        authorise(emu, machine)
    with host(emu, settings, folders[0]) as one, host(emu, settings, folders[1]) as two:
        daemons = [one, two]
        add(emu, "before")
        assert work(daemons) == {}
        assert [names(emu, org) for org in ORGS] == [["before"], ["before"]]
        assert [len(daemon.owned()) for daemon in daemons] == [2, 2]

        emu.orgs["us"].tokens(revoke=True)
        asked = len(emu.orgs["us"].log(kind="token"))
        add(emu, "meanwhile")
        said = work(daemons, rounds=8)
        assert sorted(said) == ["india-to-us/Accounts", "india-to-us/Leads"]
        for trouble in said.values():
            assert "us" in trouble
            assert "orgsync auth us" in trouble
        assert names(emu, "europe") == ["before", "meanwhile"]
        assert len(emu.orgs["us"].log(kind="token")) - asked <= MOST_RENEWALS, "no hammering at a dead credential"

        for machine in machines:
            authorise(emu, machine)
        add(emu, "after")
        assert work(daemons) == {}
        for org in ORGS:
            assert names(emu, org) == ["after", "before", "meanwhile"]
            assert len(emu.orgs[org].records("Accounts")) == 3
