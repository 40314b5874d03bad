"""A plan says what the next cycle then does, and does nothing itself: neither in an org nor in the ledger."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.core.causes import DIFFERS, DRIFT
from daemon.core.forecast import WRITES
from daemon.core.fuse import Fuse, Limit
from daemon.core.rules import Constant, FieldChoice
from daemon.core.steps import Create, Delete, Flag, Update, body
from daemon.ledger import Reader
from daemon.sync.catalog import Catalog
from daemon.sync.foreseeing import Forecast
from daemon.sync.planning import Planner, due_row_of
from daemon.zoho.client import Zoho
from tests.sync.around import BACK, THERE, Around, running
from tests.sync.around import lead as made_in
from tests.sync.carrying import carrying
from tests.sync.pair import Pair, running_pair

LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
WRITING = ("insert", "update", "upsert", "delete")
Sent = list[tuple[str, str]]


@contextmanager
def planner(pair: Pair | Around, module: str = "Leads", source_org: str = "india") -> Iterator[Planner]:
    """Who plans beside the pair's daemon, with connections of its own and a ledger that it cannot write."""
    route = next(route for route in pair.settings.routes if route.source == source_org)
    stream = next(s for s in route.streams if s.source_module == module)

    def now() -> datetime:
        return datetime.fromtimestamp(pair.emu.world.clock.now(), UTC)

    with (
        Reader.open(pair.settings.ledger_url) as reader,
        Zoho(pair.settings.orgs[route.source], now=now) as source,
        Zoho(pair.settings.orgs[route.target], now=now) as target,
    ):
        catalogs = Catalog(source, time.monotonic), Catalog(target, time.monotonic)
        yield Planner(stream, route, *catalogs, reader.for_syncing(), now=now)


def plan(pair: Pair, module: str = "Leads", most: int = 2_000) -> Forecast:
    with planner(pair, module) as one:
        return one.next_cycle(most)


def planned(seen: Forecast) -> Sent:
    """What the plan's writes would say, each with what the call does."""
    said: Sent = []
    for page in seen.pages:
        for step in page.steps:
            match step:
                case Create():
                    said.append(("insert", json.dumps(body(step), sort_keys=True)))
                case Update() | Flag():
                    said.append(("update", json.dumps(body(step), sort_keys=True)))
                case Delete():
                    said.append(("delete", step.target_id))
    return sorted(said)


def sent(calls: list[dict[str, Any]]) -> Sent:
    """What the emulator's log has of the same."""
    said: Sent = []
    for call in calls:
        if call["kind"] == "delete":
            said += [("delete", record_id) for record_id in call["query"]["ids"].split(",")]
        else:
            said += [(call["kind"], json.dumps(record, sort_keys=True)) for record in call["body"]["data"]]
    return sorted(said)


def requests(pair: Pair | Around) -> int:
    """How many both orgs have seen so far."""
    return max((entry["number"] for entry in pair.emu.log()), default=0)


def dump(pair: Pair) -> list[Any]:
    """All that the ledger holds, but for the credits that a daemon's own calls take in advance."""
    tables = [name for (name,) in pair.sql("select name from sqlite_master where type = 'table'")]
    return [(name, pair.sql(f'select * from "{name}"')) for name in tables if name != "spending"]  # noqa: S608 - names of our own


def kinds(seen: Forecast) -> dict[str, int]:
    return {kind: n for kind, n in seen.counts.items() if n}


def lead(pair: Pair, name: str, **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


class World:
    """Accounts that may have parents, and contacts of them, edited at random; some cannot be written."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.rng = pair, random.Random(seed)
        self.ids: dict[str, list[str]] = {"Accounts": [], "Contacts": []}

    def live(self, deeds: int) -> None:
        for _ in range(deeds):
            self.rng.choice([self.make, self.make, self.edit, self.edit_there, self.delete])()

    def make(self) -> None:
        module = self.rng.choice(["Accounts", "Contacts"])
        self.ids[module].append(self.pair.a.insert_raw(module, {**self.values(module), self.name(module): "N"}))

    def values(self, module: str) -> dict[str, Any]:
        parents = self.ids["Accounts"]
        pointing = "Parent_Account" if module == "Accounts" else "Account_Name"
        values = {
            "Phone": self.rng.choice(["1", "22", None]),
            "Description": self.rng.choice(["a", "b", None]),
            pointing: {"id": self.rng.choice(parents)} if parents and self.rng.random() < 0.5 else None,
        }
        return {name: value for name, value in values.items() if self.rng.random() < 0.7}

    def name(self, module: str) -> str:
        return "Account_Name" if module == "Accounts" else "Last_Name"

    def edit(self) -> None:
        module = self.rng.choice(["Accounts", "Contacts"])
        if self.ids[module]:
            self.pair.a.edit(module, self.rng.choice(self.ids[module]), self.values(module))

    def edit_there(self) -> None:
        rows = self.pair.b.records("Contacts")
        if rows and self.rng.random() < 0.7:
            self.pair.b.edit("Contacts", self.rng.choice(rows)["id"], {"Phone": "by hand"})
        elif rows:
            self.pair.b.delete("Contacts", self.rng.choice(rows)["id"])

    def delete(self) -> None:
        if self.ids["Contacts"] and self.rng.random() < 0.5:
            gone = self.ids["Contacts"].pop(self.rng.randrange(len(self.ids["Contacts"])))
            self.pair.a.delete("Contacts", gone)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_is_what_the_next_cycle_then_writes(seed: int, tmp_path: Path) -> None:
    how = {
        "deletes": ("ignore", "delete")[seed % 2],
        "where": (None, "Phone = '1'")[seed // 2 % 2],
        "unmatched": ("stop", "follow", "delete")[seed % 3],
        "gone": ("hold", "recreate")[seed % 2],
        "fuse": LOOSE,
    }
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), **how) as pair:
        world = World(pair, seed)
        for _ in range(2):
            world.live(12)
            for module in ("Accounts", "Contacts"):
                before, began = dump(pair), requests(pair)
                seen = plan(pair, module)
                assert sent(pair.writes(began)) == []
                assert dump(pair) == before
                began = requests(pair)
                pair.cycle(module)
                done, foreseen = sent(pair.writes(began)), planned(seen)
                late = {i.source_id for i in seen.items if i.kind == "follow" or i.detail}
                rest = [one for one in done if one not in foreseen]
                assert [one for one in done if one in foreseen] == ([] if seen.blocked else foreseen), (seed, module)
                assert len(rest) <= len(late), (seed, module, rest)
            pair.pass_time(30)
        assert not any(call["kind"] in WRITING for call in pair.a.log())


def test_a_first_load_is_planned_before_the_stream_has_ever_run_and_only_its_beginning(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        for n in range(7):
            lead(pair, f"L{n}")
        seen = plan(pair, most=5)
        assert (seen.read, seen.following, kinds(seen)) == (5, 2, {"create": 5})
        assert plan(pair).following == 0
        assert sent(pair.writes()) == []


def test_an_update_shows_what_the_target_holds_and_what_it_would_hold(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        one = lead(pair, "A", City="Pune", Phone="1")
        pair.once()
        pair.b.edit("Leads", pair.counterpart("Leads", one)["id"], {"City": "Goa", "Phone": "2"})
        pair.a.edit("Leads", one, {"City": "Delhi", "Phone": "2"})
        (item,) = plan(pair).writes
        assert [(d.field, d.old, d.new) for d in item.differences] == [("City", "Goa", "Delhi")]
        assert (item.again, item.name, item.target_id) == (("Phone",), "A", pair.counterpart("Leads", one)["id"])


def test_deletions_are_foreseen_and_so_is_the_fuse_that_would_stop_them(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), deletes="delete", fuse=Fuse(deletes=Limit(count=1))) as pair:
        made = [lead(pair, f"L{n}") for n in range(4)]
        pair.once()
        pair.a.delete("Leads", made[0])
        seen = plan(pair)
        assert (kinds(seen), seen.blocked) == ({"delete": 1, "unchanged": 3}, [])
        pair.a.delete("Leads", made[1])
        (why,) = plan(pair).blocked
        assert "2 of 4 linked records would be deleted or flagged" in why
        assert "orgsync release india-to-us/Leads" in why


def test_what_waits_for_a_record_of_the_same_plan_follows_and_what_cannot_be_written_is_held(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts",)) as pair:
        parent = pair.a.insert_raw("Accounts", {"Account_Name": "P"})
        pair.a.insert_raw("Accounts", {"Account_Name": "C", "Parent_Account": {"id": parent}})
        pair.a.insert_raw("Accounts", {"Account_Name": "O", "Parent_Account": {"id": "1"}})
        seen = plan(pair, "Accounts")
        assert kinds(seen) == {"create": 1, "hold": 1, "follow": 1}
        (held,) = [item for item in seen.items if item.kind == "hold"]
        assert held.cause is not None
        assert held.cause.code == "WAITS_FOR_PARENT"


def test_what_is_due_in_the_queue_is_planned_and_what_stays_held_is_only_counted(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks={"unknown_picklist": "reject"}) as pair:
        one = lead(pair, "A", Lead_Source="Nowhere")
        pair.once()
        assert pair.queue()[0][:2] == (one, "held")
        pair.pass_time(30)
        pair.cycle("Leads")
        resting = plan(pair)
        assert resting.resting == 1 - len(resting.writes)
        pair.ledger.retry(datetime.fromtimestamp(pair.emu.world.clock.now(), UTC), source_id=one)
        seen = plan(pair)
        assert [(item.source_id, item.kind) for item in seen.writes] == [(one, "create")]


def test_changed_rules_are_planned_from_the_start_as_the_next_cycle_reads_them(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead(pair, "A", City="Pune")
        pair.once()
        pair.pass_time(60)
        pair.once()
        assert plan(pair).read == 0 or kinds(plan(pair)) == {"unchanged": 1}
        route = pair.settings.routes[0]
        stream = replace(route.streams[0], fields=FieldChoice(table={"City": Constant(value="Goa")}, star=True))
        pair.settings = replace(pair.settings, routes=(replace(route, streams=(stream,)),))
        (item,) = plan(pair).writes
        assert [(d.field, d.old, d.new) for d in item.differences] == [("City", "Pune", "Goa")]


def test_given_records_are_planned_whatever_the_checkpoint_says_and_looked_at_when_the_cause_asks_for_it(
    tmp_path: Path,
) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="overwrite") as pair:
        one, two = lead(pair, "A", City="Pune"), lead(pair, "B")
        pair.once()
        pair.b.edit("Leads", pair.counterpart("Leads", one)["id"], {"City": "by hand"})
        now = datetime.fromtimestamp(pair.emu.world.clock.now(), UTC)
        with planner(pair) as looking:
            trusting = looking.of([[due_row_of(i, DIFFERS, now, now) for i in (one, two)]])
            asking = looking.of([[due_row_of(i, DRIFT, now, now) for i in (one, two)]])
        assert kinds(trusting) == {"unchanged": 2}
        (item,) = asking.writes
        assert ([(d.field, d.old, d.new) for d in item.differences], item.queued) == (
            [("City", "by hand", "Pune")],
            DRIFT,
        )


def test_the_price_is_what_applying_costs(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        for n in range(23):
            lead(pair, f"L{n}")
        seen = plan(pair)
        assert (seen.sent.calls, seen.sent.credits, seen.sent.records) == (1, 3, 23)
        assert seen.price.target == seen.spent.target + 3
        assert all(item.kind in WRITES for item in seen.items)


def test_rows_of_a_subform_are_shown_as_they_are_there_and_as_they_would_be(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        one = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Besuche": [{"Ort": "Pune"}]})
        pair.once()
        pair.a.edit("Leads", one, {"Besuche": [{"Ort": "Pune"}, {"Ort": "Goa"}]})
        (item,) = plan(pair).writes
        (change,) = item.differences
        assert (change.field, [row["Place"] for row in change.old]) == ("Visits", ["Pune"])  # type: ignore[attr-defined]
        assert [row.get("Place") for row in change.new] == ["Pune", "Goa"]  # type: ignore[attr-defined]


def test_both_ways_a_plan_is_what_the_next_cycle_of_each_way_writes(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as ring:
        made_in(ring)
        ring.settle()
        ring.edit("india", str(ring.only("india")["id"]), City="Delhi")
        ring.edit("us", str(ring.only("us")["id"]), City="Goa", Phone="1")
        for runner in ring.fleet.runners:
            since = requests(ring)
            with planner(ring, source_org=runner.stream.source) as looking:
                foreseen = planned(looking.next_cycle(100))
            assert not any(call["kind"] in WRITING for call in ring.emu.log(since=since))
            since = requests(ring)
            runner.cycle()
            assert sent([call for call in ring.emu.log(since=since) if call["kind"] in WRITING]) == foreseen
        assert ring.shown("us") == ring.shown("india") == [("A", "C", "Goa", "1")]
