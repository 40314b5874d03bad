"""The clock of the source goes back while the daemon runs, and a record is edited before it has noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.pair import running_pair


@pytest.mark.xfail(strict=True, reason="the poll that notices reads from then on, not from when the clock went back")
@pytest.mark.parametrize("restarted", [False, True])
def test_an_edit_right_after_the_clock_of_a_went_back_is_read(tmp_path: Path, restarted: bool) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        mine = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
        pair.pass_time(60)
        pair.once()
        pair.emu.clock(advance=-3600)
        pair.a.edit("Leads", mine, {"City": "Pune"})
        pair.emu.clock(advance=30)
        if restarted:
            pair.fleet.catalogs["india"].zoho._caller.server_time = None
        for _ in range(3):
            pair.pass_time(30)
            pair.once()
        assert pair.counterpart("Leads", mine)["City"] == "Pune"
