"""`orgsync verify`: what differs is told field by field, what is explained is told apart, and equality costs little."""

from __future__ import annotations

import random
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.asking import asking
from daemon.cli.verify import queued_by, verified
from daemon.core import buckets
from daemon.core.fuse import Fuse, Limit
from daemon.core.rules import Copy, FieldChoice, Stream
from daemon.sync.repairing import to_mend
from daemon.sync.verified import LEAST, Place, Verified
from tests.sync.around import BACK, THERE, Around, lead, running
from tests.sync.pair import KEY, Pair, opened, running_pair
from tests.sync.test_notes import noted

STREAM = "india-to-us/Leads"
FEW = {name: Copy(field=name) for name in ("Last_Name", "Company", "City")}
LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


def spent(pair: Pair) -> int:
    """Credits of both orgs, as the emulator counts them."""
    return sum(org.credits()["used"] for org in (pair.a, pair.b))


def stream_of(pair: Pair | Around, address: str = STREAM) -> Stream:
    return pair.settings.stream(address)


def verify(pair: Pair | Around, address: str = STREAM, *, most: int | None = None, **more: Any) -> Verified:
    with asking(pair.settings, stream_of(pair, address), most) as asked:
        return verified(asked, **more)


def leads(pair: Pair, count: int, **values: Any) -> list[str]:
    return [
        pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C", "City": "Pune", **values})
        for n in range(count)
    ]


def settle(pair: Pair, rounds: int = 4) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def kinds(said: Verified) -> dict[str, int]:
    return {kind: count for kind, count in said.kinds.items() if count}


def found(said: Verified) -> dict[str, tuple[str, dict[str, tuple[Any, Any]]]]:
    """Source id -> kind, and the fields with what is wanted and what is shown."""
    return {one.source_id: (one.kind, {d.field: (d.wanted, d.shown) for d in one.differences}) for one in said.findings}


@pytest.mark.parametrize("deep", [False, True])
def test_equal_orgs_are_said_to_be_equal_and_nothing_is_written(tmp_path: Path, deep: bool) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        leads(pair, 30)
        settle(pair)
        pair.b.insert_raw("Leads", {"Last_Name": "Theirs", "Company": "C"})
        writes, before = len(pair.writes()), pair.sql("select * from agreed order by 1, 2")
        said = verify(pair, deep=deep)
        assert (kinds(said), said.total, said.only_in_target) == ({"equal": 30}, 30, 1)
        assert said.is_equal
        assert (len(pair.writes()), pair.queue(), pair.sql("select * from agreed order by 1, 2")) == (
            writes,
            [],
            before,
        )


@pytest.mark.parametrize("deep", [False, True])
def test_each_kind_of_difference_is_found_with_its_fields(tmp_path: Path, deep: bool) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), compare=None) as pair:
        one, other = (pair.a.insert_raw("Accounts", {"Account_Name": name}) for name in ("One", "Other"))
        ids = [
            pair.a.insert_raw("Contacts", {"Last_Name": f"C{n}", "Phone": str(n), "Account_Name": {"id": one}})
            for n in range(9)
        ]
        pair.a.insert_raw("Contacts", {"Last_Name": "Waits", "Account_Name": {"id": "5100000000000999999"}})
        settle(pair)
        edited, blanked, wrong, gone, lost, hidden, deleted, fresh, same = ids
        twins = {i: pair.counterpart("Contacts", i)["id"] for i in ids}
        there = pair.counterpart("Accounts", other)["id"]
        pair.b.edit("Contacts", twins[edited], {"Phone": "99"})
        pair.b.edit("Contacts", twins[blanked], {"Phone": None})
        pair.b.edit("Contacts", twins[wrong], {"Account_Name": {"id": there}})
        pair.b.delete("Contacts", twins[gone])
        pair.b.edit("Contacts", twins[lost], {KEY: None})
        pair.b.edit("Contacts", twins[same], {"Phone": "8"})  # touched, and the same still
        record = pair.a.record("Contacts", hidden)
        assert record is not None
        pair.a.edit("Contacts", hidden, {"Phone": "77", "Modified_Time": record["Modified_Time"]})
        pair.a.delete("Contacts", deleted)
        pair.pass_time(30)
        pair.a.insert_raw("Contacts", {"Last_Name": "New"})
        pair.a.edit("Contacts", fresh, {"Phone": "70"})
        said = verify(pair, "india-to-us/Contacts", deep=deep)
        zgid = pair.emu.world.sites["india"].org.zgid
        home = pair.counterpart("Accounts", one)["id"]
        wanted = {
            edited: ("differs", {"Phone": ("0", "99")}),
            blanked: ("differs", {"Phone": ("1", None)}),
            wrong: ("differs", {"Account_Name": ({"id": home}, {"id": there})}),
            gone: ("gone", {}),
            lost: ("differs", {KEY: (f"{zgid}:{lost}", None)}),
            hidden: ("differs", {"Phone": ("77", "5")}),
            deleted: ("deleted_in_source", {}),
            fresh: ("in_flight", {}),
        }
        assert found(said) == wanted
        counts = {"equal": 1, "differs": 5, "gone": 1, "in_flight": 2, "held": 1, "deleted_in_source": 1}
        assert (kinds(said), said.unexplained, said.is_equal) == (counts, 6, False)
        assert said.held == {"WAITS_FOR_PARENT": 1}


def test_what_a_count_cannot_see_is_said_and_deep_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "DENSE", 3)
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        hidden = leads(pair, 9)[4]
        settle(pair)
        record = pair.a.record("Leads", hidden)
        assert record is not None
        pair.a.edit("Leads", hidden, {"City": "Goa", "Modified_Time": record["Modified_Time"]})
        said = verify(pair)
        assert (kinds(said), said.by_count, said.target.read) == ({"equal": 9}, 9, 0)
        assert 1 <= said.target.longest <= 60
        assert found(verify(pair, deep=True)) == {hidden: ("differs", {"City": ("Goa", "Pune")})}


def test_what_waits_is_dropped_filtered_or_kept_by_the_settings_is_told_apart(tmp_path: Path) -> None:
    more = {"drift": "keep", "gone": "leave", "where": "City != 'Rom'", "compare": None}
    with running_pair(tmp_path, modules=("Leads",), quirks={"unknown_picklist": "reject"}, **more) as pair:
        edited, left, outside, *_ = leads(pair, 6)
        held, dropped = leads(pair, 2, Lead_Source="Smoke")
        pair.a.insert_raw("Leads", {"Last_Name": "Out", "Company": "C", "City": "Rom"})
        settle(pair)
        assert [(i, code) for i, _, code in pair.queue()] == [(i, "INVALID_DATA") for i in sorted((held, dropped))]
        now = pair.fleet.runners[0]._now()
        pair.ledger.drop(now, source_id=dropped, who="ann", reason="never")
        pair.b.edit("Leads", pair.counterpart("Leads", edited)["id"], {"City": "Hand"})
        pair.b.delete("Leads", pair.counterpart("Leads", left)["id"])
        pair.a.edit("Leads", outside, {"City": "Rom"})
        settle(pair)
        said = verify(pair)
        counts = {"equal": 3, "kept": 1, "left": 1, "held": 1, "dropped": 1, "filtered": 1}
        assert {**kinds(said), "filtered": 1} == counts
        assert (said.unexplained, said.held) == (0, {"INVALID_DATA": 1})
        assert said.total == 7


def test_a_record_without_outcome_and_a_second_copy_are_found(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        first, lost, *_ = leads(pair, 5)
        settle(pair)
        zgid = pair.emu.world.sites["india"].org.zgid
        copy = pair.b.insert_raw("Leads", {"Last_Name": "Copy", "Company": "C", KEY: f"{zgid}:9{first[1:]}"})
        with sqlite3.connect(pair.settings.ledger_url.removeprefix("sqlite:///")) as ledger:
            entity = f"india/Leads/{lost}"
            for table in ("agreed", "id_map"):
                assert ledger.execute(f"delete from {table} where entity_id = ?", (entity,)).rowcount  # noqa: S608
        for deep in (False, True):
            said = verify(pair, deep=deep)
            assert kinds(said) == {"equal": 4, "missing": 1, "strangers": 2}
            assert {(one.kind, one.target_id) for one in said.findings} >= {("missing", None), ("strangers", copy)}


def test_what_differs_is_repaired_through_the_queue_and_then_all_is_equal(tmp_path: Path) -> None:
    with running_pair(
        tmp_path, modules=("Leads",), deletes="delete", fuse=LOOSE, gone="recreate", compare=None
    ) as pair:
        edited, gone, keyless, both, wrong, *_ = ids = leads(pair, 8)
        settle(pair)
        twins = {i: pair.counterpart("Leads", i)["id"] for i in ids}
        pair.b.edit("Leads", twins[edited], {"City": None})
        pair.b.delete("Leads", twins[gone])
        pair.b.edit("Leads", twins[keyless], {KEY: None})
        pair.b.edit("Leads", twins[both], {KEY: None, "City": "Hand"})
        pair.b.edit("Leads", twins[wrong], {KEY: "scribble", "City": "Hand"})
        said = verify(pair)
        assert said.unexplained == 5
        pair.ledger.close()
        assert queued_by(pair.settings, stream_of(pair), to_mend(said, stream_of(pair), datetime.now(UTC)))[0] == 5
        with opened(pair.emu, pair.settings) as anew:
            settle(anew)
            assert kinds(verify(anew, deep=True)) == {"equal": 8}
            assert {r["City"] for r in anew.b.records("Leads")} == {"Pune"}


def test_a_key_that_names_a_record_of_another_org_is_left_by_a_repair(tmp_path: Path) -> None:
    """On a circle a record may hold the key of the org that it came from."""
    with running_pair(tmp_path, modules=("Leads",), compare=None) as pair:
        (ours,) = leads(pair, 1)
        settle(pair)
        twin, there = pair.counterpart("Leads", ours)["id"], f"{pair.emu.world.sites['us'].org.zgid}:51"
        pair.b.edit("Leads", twin, {KEY: there, "City": "Hand"})
        said = verify(pair)
        assert found(said) == {ours: ("differs", {"City": ("Pune", "Hand")})}
        pair.ledger.close()
        queued_by(pair.settings, stream_of(pair), to_mend(said, stream_of(pair), datetime.now(UTC)))
        with opened(pair.emu, pair.settings) as anew:
            settle(anew)
            (row,) = anew.b.records("Leads")
            assert (row["City"], row[KEY], verify(anew).is_equal) == ("Pune", there, True)


def test_a_ceiling_of_credits_is_kept_and_the_rest_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "READ", 3)
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        ids = []
        for n in range(12):
            ids.append(pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C", "City": "Pune"}))
            pair.pass_time(30)
            pair.once()
        settle(pair)
        for i in (ids[0], ids[-1]):
            pair.b.edit("Leads", pair.counterpart("Leads", i)["id"], {"City": "Hand"})
        base = verify(pair, deep=True)
        start, seen, runs = None, set(), 0
        while True:
            before = spent(pair)
            said = verify(pair, deep=True, most=base.credits - 3, start=start)
            runs += 1
            assert said.credits == spent(pair) - before <= base.credits - 3
            seen |= found(said).keys()
            if said.goes_on is None:
                break
            assert said.unreached > 0
            assert not said.is_equal
            start = said.goes_on
        assert (seen, runs > 1) == ({ids[0], ids[-1]}, True)
        assert found(base).keys() == seen


@pytest.mark.parametrize("deep", [False, True])
def test_with_the_least_ceiling_every_run_gets_on_and_together_they_find_all_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    for name, small in (("READ", 3), ("IDS", 3), ("DENSE", 4)):
        monkeypatch.setattr(buckets, name, small)
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        ids = []
        for _ in range(9):
            ids += leads(pair, 1)
            settle(pair, 1)
        settle(pair)
        for i in ids[::2]:
            pair.b.edit("Leads", pair.counterpart("Leads", i)["id"], {"City": "Hand"})
        pair.pass_time(60)
        start, seen, most, places = None, set[str](), 1, list[Place | None]()
        while True:
            before = spent(pair)
            said = verify(pair, deep=deep, most=most, start=start)
            assert spent(pair) - before <= most
            seen |= found(said).keys()
            assert not found(said).keys() - set(ids[::2])
            if said.goes_on is None:
                break
            assert said.least is None or said.least > most
            assert (said.goes_on in places) == (said.least is not None and start is not None)
            places.append(said.goes_on)
            start, most = said.goes_on, max(most, said.least or 0)
        assert (seen, most <= LEAST + 3, len(places) > 1) == (set(ids[::2]), True, True)


def test_what_us_stores_in_its_own_way_is_no_difference(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks={"trim_text": "trim"}) as pair:
        pair.a.insert_raw("Leads", {"Last_Name": "Padded ", "Company": "C"})
        settle(pair)
        said = verify(pair, deep=True)
        assert (kinds(said), said.is_equal) == ({"own_form": 1}, True)


def test_random_worlds_verify_says_what_one_who_reads_both_orgs_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, small in (("DENSE", 4), ("READ", 3), ("IDS", 6)):
        monkeypatch.setattr(buckets, name, small)
    quickly = 0
    for seed in range(4):
        (folder := tmp_path / str(seed)).mkdir()
        dice = random.Random(seed)
        with running_pair(folder, modules=("Leads",), deletes=dice.choice(("ignore", "delete")), fuse=LOOSE) as pair:
            for _ in range(4):
                leads(pair, dice.randint(3, 14))
                settle(pair, 1)
            settle(pair, 2)
            pair.pass_time(90)
            hidden = trouble(pair, dice)
            deep, quick = verify(pair, deep=True), verify(pair)
            expected = oracle(pair)
            assert told(deep) == expected, seed
            assert {i: k for i, k in told(quick).items() if i not in hidden} == {
                i: k for i, k in expected.items() if i not in hidden
            }, seed
            assert deep.kinds.get("equal", 0) + len(expected) == pair.sql("select count(*) / 2 from id_map")[0][0]
            quickly += quick.by_count
    assert quickly > 20  # there is something to be proved by counts


def trouble(pair: Pair, dice: random.Random) -> set[str]:
    """Something happens to some records; gives those whose edit moves no Modified_Time."""
    hidden = set()
    for ours in [record["id"] for record in pair.a.records("Leads")]:
        twin = pair.counterpart("Leads", ours)["id"]
        match dice.randint(0, 30):
            case 0:
                pair.b.edit("Leads", twin, {"City": dice.choice(["Goa", None, "Pune"])})
            case 1:
                pair.b.delete("Leads", twin)
            case 2:
                pair.b.edit("Leads", twin, {KEY: None})
            case 3:
                pair.a.delete("Leads", ours)
            case 4:
                pair.a.edit("Leads", ours, {"City": "Later"})
            case 5:
                record = pair.a.record("Leads", ours)
                assert record is not None
                pair.a.edit("Leads", ours, {"City": "Hid", "Modified_Time": record["Modified_Time"]})
                hidden.add(ours)
            case 6:
                pair.b.insert_raw("Leads", {"Last_Name": "Theirs", "Company": "C"})
        if dice.random() < 0.2:
            pair.pass_time(dice.choice([1, 5, 90]))
    return hidden


def told(said: Verified) -> dict[str, str]:
    return {one.source_id: one.kind for one in said.findings}


def oracle(pair: Pair) -> dict[str, str]:
    """What is to be said of the records that are not equal, by both orgs, the pairs, and the time of the checkpoint."""
    until = pair.sql("select modified_time, record_id from checkpoints")[0]
    position = (datetime.fromisoformat(until[0]).replace(tzinfo=UTC), int(until[1]))
    pairs = dict(
        pair.sql(
            "select s.record_id, t.record_id from id_map s join id_map t on t.entity_id = s.entity_id"
            " and t.org = 'us' where s.org = 'india'"
        )
    )
    ours = {r["id"]: r for r in pair.a.records("Leads")}
    theirs = {r["id"]: r for r in pair.b.records("Leads")}
    zgid = pair.emu.world.sites["india"].org.zgid
    said = {}
    for source_id, target_id in pairs.items():
        mine, twin = ours.get(source_id), theirs.get(target_id)
        same = bool(mine and twin) and all(mine[n] == twin[n] for n in ("Last_Name", "Company", "City"))
        if mine is None:
            deletes = stream_of(pair).deletes != "ignore"
            said[source_id] = "in_flight" if deletes else "deleted_in_source"
        elif same and twin[KEY] == f"{zgid}:{source_id}":
            continue
        elif (datetime.fromisoformat(mine["Modified_Time"]), int(source_id)) > position:
            said[source_id] = "in_flight"
        else:
            said[source_id] = "gone" if twin is None else "differs"
    return said


def test_ten_thousand_records_of_which_few_differ_are_verified_for_less_than_thirty_credits(tmp_path: Path) -> None:
    """To read both orgs takes 15 for each, besides the metadata (8) and the close looks."""
    with running_pair(tmp_path, modules=("Leads",), fields=FieldChoice(table=FEW), compare=None) as pair:
        ids = leads(pair, 10_000)
        settle(pair, 2)
        pair.pass_time(3_600)
        hand = ids[::1_000]
        for i in hand:
            pair.b.edit("Leads", pair.counterpart("Leads", i)["id"], {"City": "Hand"})
        settle(pair, 2)
        before = spent(pair)
        said = verify(pair)
        assert (kinds(said), found(said).keys()) == ({"equal": 9_990, "differs": 10}, set(hand))
        assert said.by_count > 9_000
        assert said.credits == spent(pair) - before <= 30


@pytest.mark.parametrize("quirks", [{"coql_id_compare": "reject"}, {"coql_order": "first_only"}])
def test_an_org_that_does_not_answer_for_a_part_of_its_records_is_read_whole(
    tmp_path: Path, quirks: dict[str, Any]
) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks=quirks) as pair:
        edited, *_ = leads(pair, 6)
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", edited)["id"], {"City": None})
        pair.pass_time(30)
        for deep in (False, True):
            said = verify(pair, deep=deep)
            assert (kinds(said), found(said)) == (
                {"equal": 5, "differs": 1},
                {edited: ("differs", {"City": ("Pune", None)})},
            )


def test_a_stream_without_a_key_is_verified_by_its_links(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None) as pair:
        edited, gone, *_ = leads(pair, 6)
        settle(pair)
        twins = {r["Last_Name"]: r["id"] for r in pair.b.records("Leads")}
        pair.b.edit("Leads", twins["L0"], {"City": "Goa"})
        pair.b.delete("Leads", twins["L1"])
        pair.b.insert_raw("Leads", {"Last_Name": "Theirs", "Company": "C"})
        for deep in (False, True):
            said = verify(pair, deep=deep)
            assert found(said) == {edited: ("differs", {"City": ("Pune", "Goa")}), gone: ("gone", {})}
            assert said.only_in_target == (1 if deep else None)


def test_both_ways_what_either_side_has_changed_is_equal_when_it_has_arrived(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        ours, theirs = lead(around), around.orgs["us"].insert_raw("Leads", {"Last_Name": "B", "Company": "C"})
        around.settle()
        around.edit("us", next(r["id"] for r in around.orgs["us"].records("Leads") if r["id"] != theirs), City="Wien")
        around.settle()
        for address in (THERE.address, BACK.address):
            said = verify(around, address)
            assert (kinds(said), said.is_equal) == ({"equal": 2}, True)
        around.edit("india", ours, City="Bonn")
        assert kinds(verify(around, THERE.address)) == {"equal": 1, "in_flight": 1}


def test_tags_are_compared_of_every_record_when_that_is_asked_for(tmp_path: Path) -> None:
    tags = FieldChoice(table={**FEW, "Tag": Copy(field="Tag")})
    with running_pair(tmp_path, modules=("Leads",), compare=None, fields=tags) as pair:
        tagged, same, *_ = leads(pair, 3, Tag=[{"id": "7", "name": "hot"}])
        settle(pair)
        assert verify(pair, deep=True).is_equal
        pair.b.edit("Leads", pair.counterpart("Leads", tagged)["id"], {"Tag": [{"id": "8", "name": "cold"}]})
        pair.b.edit("Leads", pair.counterpart("Leads", same)["id"], {"City": "Pune"})
        assert (kinds(verify(pair)), verify(pair).not_compared) == ({"equal": 3}, ["Tag"])
        said = verify(pair, deep=True)
        assert (found(said), said.not_compared) == ({tagged: ("differs", {"Tag": (["hot"], ["cold"])})}, [])


def test_notes_are_verified_with_the_records_that_they_hang_at(tmp_path: Path) -> None:
    with noted(tmp_path) as pair:
        home = pair.a.insert_raw("Leads", {"Last_Name": "Lee", "Company": "C"})
        ids = [
            pair.a.insert_raw("Notes", {"Note_Title": "T", "Note_Content": text, "Parent_Id": int(home)})
            for text in ("one", "two", "three")
        ]
        settle(pair)
        there = {note["Note_Content"]: note["id"] for note in pair.b.records("Notes")}
        pair.b.edit("Notes", there["two"], {"Note_Content": "by hand"})
        pair.b.delete("Notes", there["three"])
        said = verify(pair, "india-to-us/Notes", deep=True)
        assert found(said) == {
            ids[1]: ("differs", {"Note_Content": ("two", "by hand")}),
            ids[2]: ("gone", {}),
        }
        assert kinds(said)["equal"] == 1


def test_of_a_stream_that_is_stopped_nobody_says_that_it_is_equal(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        leads(pair, 3)
        settle(pair)
        assert verify(pair).is_equal
        with sqlite3.connect(pair.settings.ledger_url.removeprefix("sqlite:///")) as ledger:
            ledger.execute("update checkpoints set trouble = 'the fuse blew'")
        said = verify(pair)
        assert (kinds(said), said.behind, said.is_equal) == ({"equal": 3}, "the fuse blew", False)
