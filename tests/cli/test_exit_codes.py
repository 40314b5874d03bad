"""The exit codes of `once` and `status`, one row a situation (design 7): what a script may rely on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon import cli
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from tests.blank import put_blank
from tests.service.site import Site

Exit = Callable[..., int]
Before = Callable[[Site, Exit], None]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        emu.quirks(unknown_picklist="reject")
        yield Site(emu, tmp_path, modules=("Leads",))


@pytest.fixture
def code(site: Site, monkeypatch: pytest.MonkeyPatch) -> Exit:
    """The exit code of a command, run in this process."""
    monkeypatch.chdir(site.folder)
    put_blank(f"sqlite:///{site.folder}/state/orgsync.db")

    def run(*args: str) -> int:
        for name, value in site.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["orgsync", "--settings", str(site.settings), *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def all_well(site: Site, code: Exit) -> None:
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})


def held(site: Site, code: Exit) -> None:
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Lead_Source": "Alchemy"})


def fuse(site: Site, code: Exit) -> None:
    rules = 'deletes = "delete"\nfuse = { deletes = 0 }'
    site.settings.write_text(site.settings.read_text().replace("modules.Leads]", f"modules.Leads]\n{rules}"))
    mine = site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    assert code("once") == 0
    site.emu.orgs["india"].delete("Leads", mine)


def credential_refused(site: Site, code: Exit) -> None:
    site.env["INDIA_TOKEN"] = "1000.nobody.knows"


def org_away(site: Site, code: Exit) -> None:
    site.emu.orgs["india"].faults.add(effect="status", status=429)


def no_ledger(site: Site, code: Exit) -> None:
    site.settings.write_text('state_dir = "/proc/nope"\n' + site.settings.read_text())


def bad_settings(site: Site, code: Exit) -> None:
    site.settings.write_text(site.settings.read_text().replace("modules.Leads]", "modules.Leads]\nkeey = 1"))


@pytest.mark.parametrize(
    ("before", "once", "status"),
    [
        (all_well, 0, 0),
        (held, 1, 1),
        (fuse, 2, 2),
        (credential_refused, 2, 2),
        (org_away, 69, 2),  # for status, which asks no org, it is a stream that is stopped
        (no_ledger, 69, 69),
        (bad_settings, 78, 78),
    ],
)
def test_what_once_and_status_end_with(site: Site, code: Exit, before: Before, once: int, status: int) -> None:
    before(site, code)
    assert (code("once"), code("status")) == (once, status)


def test_a_ledger_that_another_process_holds_is_75_and_nothing_to_who_only_looks(site: Site, code: Exit) -> None:
    assert code("once") == 0
    with Ledger.open(f"sqlite:///{site.folder}/state/orgsync.db"):
        assert [site.call(command).returncode for command in ("once", "status")] == [75, 0]


@pytest.mark.parametrize("args", [("once", "--nonsense"), ("once", "too much"), ("status", "--watch", "often")])
def test_wrong_usage_is_64(code: Exit, args: tuple[str, ...]) -> None:
    assert code(*args) == 64
