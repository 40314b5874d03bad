"""What a poll reads: every change, in order, by either reader, while the source is being edited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.core.record import START, Position
from daemon.core.rules import Copy, FieldChoice
from daemon.emulator import Emulator
from daemon.sync import changes, polling
from daemon.sync.changes import ChangeReader
from tests.sync.pair import LAG, Pair, add_key, make_settings, opened, running_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        yield pair


def crowd(pair: Pair, count: int) -> list[str]:
    """Records of one second, as an import makes them."""
    pair.emu.clock(freeze=True)
    made = [pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(count)]
    pair.emu.clock(resume=True)
    return made


def read_all(reader: ChangeReader, between: list[object] | None = None) -> list[str]:
    at, ids = START, []
    for _ in range(500):
        page = reader.page(("Last_Name",), at, 200)
        ids += [change.record_id for change in page.changes]
        at = page.end
        if page.last:
            return ids
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize("by_list", [False, True], ids=["coql", "list"])
def test_a_crowded_second_is_read_whole_and_once(pair: Pair, by_list: bool) -> None:
    made = crowd(pair, 450)
    pair.pass_time(2)
    later = pair.a.insert_raw("Leads", {"Last_Name": "later", "Company": "C"})
    reader = ChangeReader(pair.fleet.catalogs["india"].zoho, "Leads")
    reader._by_list = by_list
    assert read_all(reader) == [*made, later]


@pytest.mark.parametrize("by_list", [False, True], ids=["coql", "list"])
def test_an_edit_between_two_pages_loses_no_record(pair: Pair, by_list: bool) -> None:
    made = [pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(300)]
    reader = ChangeReader(pair.fleet.catalogs["india"].zoho, "Leads")
    reader._by_list = by_list
    for number, record in enumerate(made[::3]):
        pair.emu.clock(advance=1)
        pair.a.edit("Leads", record, {"City": f"C{number}"})
    first = reader.page(("City",), START, 200)
    pair.emu.clock(advance=5)
    for record in made[:60]:
        pair.a.edit("Leads", record, {"City": "moved"})
    pair.a.delete("Leads", made[-1])
    seen = {change.record_id for change in first.changes}
    at = first.end
    while True:
        page = reader.page(("City",), at, 200)
        seen |= {change.record_id for change in page.changes}
        at = page.end
        if page.last:
            break
    assert seen >= set(made[:-1])


@pytest.mark.parametrize("quirk", [{"coql_order": "first_only"}, {"coql_id_compare": "reject"}])
def test_where_coql_cannot_be_believed_the_list_call_takes_over(tmp_path: Path, quirk: dict[str, str]) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks=quirk) as pair:
        made = crowd(pair, 260)
        pair.once()
        assert [len(pair.counterparts("Leads", i)) for i in made] == [1] * 260
        assert pair.a.log(kind="list")


def test_more_columns_than_a_query_may_name_are_merged(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_COLUMNS", 3)
    lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Pune", "Email": "a@example.com"})
    pair.once()
    twin = pair.counterpart("Leads", lead)
    assert (twin["City"], twin["Email"], twin["Company"]) == ("Pune", "a@example.com", "C")


def test_the_checkpoint_stays_behind_the_horizon(pair: Pair) -> None:
    pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    pair.cycle("Leads")
    state = pair.ledger.stream_state(pair.fleet.runners[0].stream)
    assert state is not None
    server_time = pair.fleet.catalogs["india"].zoho.server_time
    assert server_time is not None
    assert state.position <= Position(modified_time=server_time - LAG, record_id="0")


def test_a_write_that_becomes_visible_late_is_still_seen(pair: Pair) -> None:
    pair.a.faults.add(effect="visibility", seconds=8, kind=["insert"])
    late = _insert_by_api(pair, "late")
    pair.emu.clear_faults()
    pair.pass_time(2)
    early = pair.a.insert_raw("Leads", {"Last_Name": "early", "Company": "C"})
    pair.cycle("Leads")
    assert pair.counterparts("Leads", late) == []
    pair.pass_time(9)
    pair.cycle("Leads")
    assert pair.counterpart("Leads", late)
    assert pair.counterpart("Leads", early)


def _insert_by_api(pair: Pair, name: str) -> str:
    url = f"{pair.a.base_url}/crm/v8/Leads"
    answer = httpx.post(url, headers=pair.a.headers(), json={"data": [{"Last_Name": name, "Company": "C"}]}).json()
    return str(answer["data"][0]["details"]["id"])


def test_two_edits_in_one_second_both_arrive(pair: Pair) -> None:
    pair.emu.clock(freeze=True)
    lead = pair.a.insert_raw("Leads", {"Last_Name": "one", "Company": "C"})
    pair.once()
    pair.a.edit("Leads", lead, {"Last_Name": "two"})
    pair.once()
    assert pair.counterpart("Leads", lead)["Last_Name"] == "two"


def test_a_backlog_is_worked_in_rations_and_ends(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PAGES", 1)
    for number in range(450):
        pair.a.insert_raw("Leads", {"Last_Name": f"L{number}", "Company": "C"})
    assert pair.cycle("Leads").more
    pair.once()
    assert len(pair.b.records("Leads")) == 450


def test_changed_rules_send_only_what_they_add(tmp_path: Path) -> None:
    narrow = FieldChoice(table={"Last_Name": Copy(field="Last_Name"), "Company": Copy(field="Company")})
    wide = FieldChoice(table={**(narrow.table or {}), "City": Copy(field="City")})
    with running_pair(tmp_path, modules=("Leads",), fields=narrow) as pair:
        pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Pune"})
        pair.a.insert_raw("Leads", {"Last_Name": "B", "Company": "C"})
        pair.once()
        pair.pass_time(3600)
        pair.once()
        emu = pair.emu
        pair.ledger.close()
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",), fields=wide)) as again:
            again.once()
            assert [set(r) for r in again.b.log(kind="update")[-1]["body"]["data"]] == [{"id", "City"}, {"id", "City"}]


def test_the_lag_is_taken_from_the_server_clock_not_from_ours(pair: Pair) -> None:
    pair.fleet.runners[0]._now = lambda: pair.fleet._now() + timedelta(days=400)
    pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    assert pair.cycle("Leads").outcomes == {"created": 1}
    pair.a.insert_raw("Leads", {"Last_Name": "B", "Company": "C"})
    assert pair.cycle("Leads").outcomes == {"created": 1}


def test_a_crowded_second_that_grows_while_it_is_walked_is_walked_again(pair: Pair) -> None:
    crowd(pair, 450)
    reader = ChangeReader(pair.fleet.catalogs["india"].zoho, "Leads")
    reader._by_list = True
    second = pair.a.records("Leads")[0]["Modified_Time"]
    real, walked = reader._list, []

    def meanwhile(*args: Any) -> Any:
        walked.append(args)
        if len(walked) == 3:  # an import goes on in the same second, behind the page in hand
            pair.a.insert_raw("Leads", {"Last_Name": "late", "Company": "C", "id": "1", "Modified_Time": second})
        return real(*args)

    reader._list = meanwhile  # type: ignore[method-assign]
    pair.pass_time(2)
    pair.a.insert_raw("Leads", {"Last_Name": "later", "Company": "C"})
    page = reader.page(("Last_Name",), START, 200)
    assert len(page.changes) == 451
    assert len(walked) > 1 + 3 + 3


def test_a_crowded_second_whose_records_are_edited_all_the_time_is_read_all_the_same(pair: Pair) -> None:
    made = crowd(pair, 450)
    reader = ChangeReader(pair.fleet.catalogs["india"].zoho, "Leads")
    reader._by_list = True
    real, edited = reader._list, []

    def meanwhile(*args: Any) -> Any:
        answer = real(*args)
        if len(edited) < 40 and len(args) == 3:  # one leaves the second in each walk, behind the page in hand
            edited.append(made[10 * len(edited)])
            pair.a.edit("Leads", edited[-1], {"City": "moved on"})
        return answer

    reader._list = meanwhile  # type: ignore[method-assign]
    pair.pass_time(60)
    at, seen = START, set()
    for _ in range(6):
        page = reader.page(("Last_Name",), at, 200)
        seen |= {change.record_id for change in page.changes}
        at = page.end
        if page.last:
            break
    assert seen == set(made)


def test_a_clock_that_went_back_over_a_restart_does_not_make_coql_look_out_of_order(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",))
        with opened(emu, settings) as pair:
            for number in range(400):  # one a second
                moment = (pair.fleet._now() - timedelta(seconds=number)).isoformat(timespec="seconds")
                pair.a.insert_raw("Leads", {"Last_Name": f"L{number}", "Company": "C", "Modified_Time": moment})
            pair.pass_time(30)
            pair.once()
        emu.clock(advance=-60)
        with opened(emu, settings) as pair:
            pair.once()
            assert not pair.fleet.runners[0]._reader._by_list


@pytest.mark.parametrize("by_list", [False, True], ids=["coql", "list"])
def test_the_five_thousand_records_of_an_import_have_one_time_and_all_arrive(
    tmp_path: Path, by_list: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "SMALL", 200)
    with running_pair(
        tmp_path, modules=("Leads",), fields=FieldChoice(table={n: Copy(field=n) for n in NAMES})
    ) as pair:
        made = crowd(pair, 5_000)
        pair.fleet.runners[0]._reader._by_list = by_list
        pair.pass_time(60)
        reports = pair.once()
        assert reports["india-to-us/Leads"].outcomes == {"created": 5_000}
        assert {r["Source_Record_ID"].partition(":")[2] for r in pair.b.records("Leads")} == set(made)
        assert pair.cycle("Leads").outcomes == {}


NAMES = ("Last_Name", "Company")


@pytest.mark.parametrize("by_list", [False, True], ids=["coql", "list"])
def test_the_hour_that_comes_twice_in_autumn_is_read_in_its_order(pair: Pair, by_list: bool) -> None:
    """New York, 1 November 2026: 01:30 comes twice, first at -04:00, then at -05:00."""
    pair.emu.do(lambda hands: [setattr(user, "time_zone", "America/New_York") for user in users(hands)])
    pair.emu.clock(set=datetime(2026, 11, 1, 5, 30, tzinfo=UTC).timestamp())
    made = []
    for number in range(8):
        made.append(pair.a.insert_raw("Leads", {"Last_Name": f"L{number}", "Company": "C"}))
        pair.emu.clock(advance=900)
    reader = ChangeReader(pair.fleet.catalogs["india"].zoho, "Leads")
    reader._by_list = by_list
    seen, at = [], START
    for _ in range(20):
        page = reader.page(("Last_Name",), at, 3)
        seen += [change.record_id for change in page.changes]
        at = page.end
        if page.last:
            break
    assert seen == made
    offsets = {r["Modified_Time"][-6:] for r in pair.a.records("Leads")}
    assert offsets == {"-04:00", "-05:00"}


def users(hands: Any) -> list[Any]:
    return list(hands._site("india").org.users)
