"""What matching reads: lookups, both ways, what is left out; and what pairs do to a stream that has run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from daemon.core.rules import Ladder
from daemon.ledger import Reader
from daemon.sync.match import Decision, Found, Matcher, opposite
from daemon.sync.prepare import prepare
from tests.sync.pair import KEY, Pair, add_key, running_pair

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LADDER: Ladder = (("Last_Name", "Account_Name"),)


def matched(pair: Pair, module: str, *, both_ways: bool = False, decided: tuple[Decision, ...] = ()) -> Found:
    route = pair.settings.routes[0]
    stream = next(s for s in route.streams if s.source_module == module)
    back = replace(stream, address="back", source="us", target="india")
    source, target = (pair.fleet.catalogs[name] for name in ("india", "us"))
    with Reader.open(pair.settings.ledger_url) as reader:
        other = opposite(stream, (stream, back) if both_ways else (stream,))
        return Matcher(prepare(stream, route, source, target), source, target, reader.for_syncing(), other).find(
            decided
        )


def certain(found: Found) -> list[tuple[str, str]]:
    return [(group.sources[0].record_id, group.targets[0].record_id) for group in found.matching.certain]


def test_a_lookup_is_compared_by_the_pair_of_its_parent(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), match=LADDER) as pair:
        ours, theirs = (org.insert_raw("Accounts", {"Account_Name": "Acme"}) for org in (pair.a, pair.b))
        mine = pair.a.insert_raw("Contacts", {"Last_Name": "Ann", "Account_Name": {"id": ours}})
        yours = pair.b.insert_raw("Contacts", {"Last_Name": "Ann", "Account_Name": {"id": theirs}})
        pair.b.insert_raw("Contacts", {"Last_Name": "Ann"})
        assert certain(matched(pair, "Contacts")) == []
        pair.ledger.match("india-to-us/Accounts", [(ours, theirs)], "", NOW)
        assert certain(matched(pair, "Contacts")) == [(mine, yours)]
        decided = (Decision(place="line 2", source_id=mine, target_id=yours),)
        left = matched(pair, "Contacts", decided=decided)
        assert (certain(left), left.linked, len(left.matching.unmatched_targets)) == ([], 1, 1)


def test_both_ways_a_key_on_either_side_names_the_pair_and_what_is_linked_or_filtered_is_left_out(
    tmp_path: Path,
) -> None:
    where = "Last_Name != 'Out'"
    with running_pair(tmp_path, modules=("Leads",), match=(("Last_Name",),), where=where) as pair:
        add_key(pair.a, "Leads")
        zgid = pair.fleet.catalogs["us"].profile().zgid
        theirs, out, linked = (pair.b.insert_raw("Leads", {"Last_Name": n, "Company": "C"}) for n in ("B", "Out", "L"))
        names = {"Company": "C", KEY: f"{zgid}:{theirs}"}
        mine = pair.a.insert_raw("Leads", {"Last_Name": "A", **names})
        pair.a.insert_raw("Leads", {"Last_Name": "Out", "Company": "C"})
        ours = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C"})
        pair.ledger.match("india-to-us/Leads", [(ours, linked)], "", NOW)
        assert certain(matched(pair, "Leads")) == []
        found = matched(pair, "Leads", both_ways=True)
        assert certain(found) == [(mine, theirs)]
        assert found.rungs[found.matching.certain[0].rung] == (KEY,)
        assert (found.linked, found.filtered) == (1, 1)
        assert [entry.record_id for entry in found.matching.unmatched_targets] == [out]


def test_a_pair_that_is_stored_when_the_stream_has_run_is_looked_at_by_the_next_cycle(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), where="City = 'Pune'", match=(("Last_Name",),)) as pair:
        mine = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "A", "City": "Goa"})
        pair.once()
        yours = pair.b.insert_raw("Leads", {"Last_Name": "L", "Company": "B"})
        pair.pass_time(60)
        pair.once()
        pair.ledger.match("india-to-us/Leads", [(mine, yours)], "match", pair.fleet.certain_time() or NOW)
        assert [code for _, _, code in pair.queue()] == ["DIFFERS"]
        pair.a.edit("Leads", mine, {"City": "Pune"})
        pair.pass_time(60)
        pair.once()
        assert [(r["id"], r["Company"]) for r in pair.counterparts("Leads", mine)] == [(yours, "A")]
        assert pair.queue() == []
        assert pair.sql("select first_run from checkpoints") == [("refuse",)]


def test_a_match_that_would_blank_many_records_of_the_target_stops_before_the_first(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), match=(("Last_Name",),)) as pair:
        both = [
            [
                org.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C", "City": city})
                for org, city in ((pair.a, None), (pair.b, "Goa"))
            ]
            for n in range(25)
        ]
        pair.ledger.match("india-to-us/Leads", [(mine, yours) for mine, yours in both], "match", NOW)
        assert "blanked" in str(pair.once()["india-to-us/Leads"].trouble)
        assert pair.writes() == []
