"""Modules whose records have no Modified_Time."""

from __future__ import annotations

from pathlib import Path

import httpx

from daemon.emulator import Emulator
from daemon.sync.check import Finding, check_all
from tests.sync.pair import make_settings, opened

REASON = "has no Modified_Time, so its changes cannot be read in order and it cannot be carried"


def test_such_a_module_is_refused_with_the_reason_and_what_to_do_and_check_says_the_same(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        settings = make_settings(emu, tmp_path, modules=("Stage_History", "Projects_X_Users"), key=None)
        emu.orgs["us"].remove_field("Projects_X_Users", "Modified_Time")
        with opened(emu, settings, first_run="create") as pair:
            reports = pair.once()
            trouble = str(reports["india-to-us/Stage_History"].trouble)
            assert f"india's Stage_History {REASON}" in trouble
            assert "take [routes.india-to-us.modules.Stage_History] out of the settings" in trouble
            assert "nothing was written" in trouble
            other = str(reports["india-to-us/Projects_X_Users"].trouble)
            assert f"us's Projects_X_Users {REASON}" in other
            assert "india's Projects_X_Users" not in other
            assert pair.writes() == []
            shown: list[Finding] = []
            assert not check_all(settings.routes, pair.fleet.catalogs, create_keys=False, show=shown.append)
            (said, *_) = [f for f in shown if f.subject == "india-to-us/Stage_History"]
            assert (said.ok, f"{said.remark.seen}: {said.remark.do}" in trouble) == (False, True)


def test_the_emulator_has_a_module_that_cannot_be_read_by_modified_time() -> None:
    with Emulator(("in", "us")) as emu:
        org = emu.orgs["india"]
        number = org.insert_raw("Stage_History", {"Stage": "Closed Won"})

        def ask(path: str, **params: str) -> httpx.Response:
            return httpx.get(f"{org.base_url}/crm/v8/{path}", params=params, headers=org.headers())

        fields = ask("settings/fields", module="Stage_History").json()["fields"]
        assert "Modified_Time" not in {field["api_name"] for field in fields}
        assert ask("Stage_History", fields="Stage").json()["data"] == [{"Stage": "Closed Won", "id": number}]
        assert ask("Stage_History", fields="Stage", sort_by="Modified_Time").status_code == 400
        query = {"select_query": "select Stage from Stage_History where Modified_Time is not null"}
        found = httpx.post(f"{org.base_url}/crm/v8/coql", json=query, headers=org.headers())
        assert (found.status_code, found.json()["code"]) == (400, "INVALID_QUERY")
