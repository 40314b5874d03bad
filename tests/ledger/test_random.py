"""Random pages in random order: the sums hold, whatever came before."""

import itertools
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.outcome import OUTCOMES
from daemon.ledger import Ledger, LinkConflict

IDS = st.sampled_from([str(n) for n in range(1, 9)])
CODES = st.sampled_from(["INVALID_DATA", "BUSY", "DUPLICATE_DATA"])
PAGES = st.fixed_dictionaries(
    {
        "stream": st.sampled_from(["Accounts", "Contacts"]),
        "counts": st.dictionaries(st.sampled_from(OUTCOMES), st.integers(0, 5)),
        "linked": st.dictionaries(IDS, st.tuples(st.sampled_from([f"9{n}" for n in range(1, 9)]), st.booleans())),
        "queued": st.dictionaries(IDS, st.tuples(st.sampled_from(["due", "held", "dead"]), CODES, st.none() | IDS)),
        "dequeued": st.sets(IDS),
        "same_cycle": st.booleans(),
        "retry": st.booleans(),
    }
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(pages=st.lists(PAGES, max_size=6))
def test_random_settlements_keep_counts_balance_and_wakes(pages, fresh, make):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(fresh, Path(folder) / "ledger.db")
        with Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger:
            streams = {name: make.stream(name) for name in ("Accounts", "Contacts")}
            for stream in streams.values():
                ledger.start_stream(stream, "v1", "create", make.now)
            cycles = {}
            for page in pages:
                apply(ledger, streams[page["stream"]], page, cycles, make)
                check(ledger)


def apply(ledger, stream, page, cycles, make):
    queued = [
        make.row(
            source_id,
            code,
            state="held" if parent else state,
            due_at=make.now if state == "due" and not parent else None,
            waits_for=make.child("0", parent).waits_for if parent else None,
        )
        for source_id, (state, code, parent) in page["queued"].items()
    ]
    settlement = make.page(
        page["counts"],
        linked=[make.linked(i, t, "w" if digests else None) for i, (t, digests) in page["linked"].items()],
        queued=queued,
        dequeued=sorted(page["dequeued"] - page["queued"].keys()),
    )
    cycle = cycles.get(stream.address) if page["same_cycle"] else None
    try:
        cycles[stream.address] = ledger.settle(stream, settlement, cycle, make.now)
    except LinkConflict:
        return
    assert {i: link.target_id for i, link in ledger.links(stream, page["linked"]).items()} == {
        i: target for i, (target, _) in page["linked"].items()
    }
    if page["retry"]:
        ledger.retry(make.now, stream=stream.address)


def check(ledger):
    with ledger._reading() as connection:
        ask = lambda query: [tuple(row) for row in connection.exec_driver_sql(query)]  # noqa: E731
        assert (
            ask("SELECT id FROM causes c WHERE open_count <> (SELECT count(*) FROM retry_queue WHERE cause_id = c.id)")
            == []
        )
        assert ask("SELECT cycle_id FROM v_balance WHERE off_by <> 0") == []
        assert ask("SELECT entity_id FROM agreed WHERE entity_id NOT IN (SELECT entity_id FROM id_map)") == []
        arrived = ask("""SELECT s.record_id FROM id_map s JOIN id_map t ON t.entity_id = s.entity_id
                         WHERE s.org = 'india' AND s.module = 'Accounts' AND t.org = 'us' AND t.module = 'Accounts'""")
        asleep = ask("SELECT waits_id FROM retry_queue WHERE state = 'held' AND waits_id IS NOT NULL")
        assert not set(itertools.chain(*asleep)) & set(itertools.chain(*arrived))
