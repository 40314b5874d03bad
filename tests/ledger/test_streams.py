"""The checkpoints table."""

import dataclasses
from datetime import timedelta

import pytest

from daemon.core.absent import Carried
from daemon.core.record import START, Position
from daemon.ledger import OrgChanged, StreamChanged, StreamState, StreamUnknown


def test_a_stream_starts_before_every_change(ledger, contacts, make):
    assert ledger.stream_state(make.stream("Deals")) is None
    assert ledger.stream_state(contacts) == StreamState(
        position=START, rules_version="v1", first_run="create", caught_up_at=None, polled_at=None, trouble=None
    )


def test_starting_again_leaves_it_where_it_is(ledger, contacts, make):
    place = Position(modified_time=make.now, record_id="7")
    ledger.settle(contacts, make.page(checkpoint=place), None, make.now)
    ledger.start_stream(contacts, "v2", "refuse", make.now)
    state = ledger.stream_state(contacts)
    assert (state.position, state.rules_version, state.first_run) == (place, "v1", "create")


@pytest.mark.parametrize(
    ("seconds", "record_id"), [(0, "9"), (0, "10"), (-1, "999"), (0, "11"), (1, "2"), (0, "9" * 19)]
)
@pytest.mark.parametrize("how", ["settle", "polled"])
def test_the_checkpoint_only_moves_forward_and_ids_compare_as_numbers(ledger, contacts, make, seconds, record_id, how):
    def move(place):
        if how == "settle":
            ledger.settle(contacts, make.page({}, checkpoint=place), None, make.now)
        else:
            ledger.polled(contacts, make.now, None, True, None, place)

    first = Position(modified_time=make.now, record_id="10")
    second = Position(modified_time=make.later(seconds), record_id=record_id)
    move(first)
    move(second)
    assert ledger.stream_state(contacts).position == max(first, second)


def test_restarting_reads_everything_again_under_the_new_rules(ledger, contacts, make):
    place = Position(modified_time=make.now, record_id="7")
    ledger.polled(contacts, make.now, make.now, True, None, place)
    ledger.restart_stream(contacts, "v2", Carried(parts={"": "a", "City": "b"}), make.later(5))
    state = ledger.stream_state(contacts)
    assert (state.position, state.rules_version, state.caught_up_at) == (START, "v2", None)
    assert state.carried == ledger.carried(contacts) == Carried(parts={"": "a", "City": "b"})
    with pytest.raises(StreamUnknown):
        ledger.restart_stream(make.stream("Deals"), "v2", Carried(), make.now)


def test_rules_that_give_no_record_another_outcome_leave_the_checkpoint(ledger, contacts, make):
    place = Position(modified_time=make.now, record_id="7")
    ledger.polled(contacts, make.now, make.now, True, None, place)
    carried = Carried(parts={"City": "b"}, source={"Town": "7"}, target={"City": "8"}, missing=frozenset({"City"}))
    ledger.note_rules(contacts, "v2", carried)
    state = ledger.stream_state(contacts)
    assert (state.position, state.rules_version, state.carried) == (place, "v2", carried)
    assert ledger.carried(make.stream("Deals")) == Carried()


def test_caught_up_at_is_the_first_time_only(ledger, contacts, make):
    for seconds, caught_up in ((1, False), (2, True), (3, True), (4, False)):
        ledger.polled(contacts, make.later(seconds), None, caught_up)
    state = ledger.stream_state(contacts)
    assert (state.caught_up_at, state.polled_at) == (make.later(2), make.later(4))


def test_current_until_goes_on_and_never_back(ledger, contacts, make, file):
    for until in (make.later(1), make.later(9), make.later(3), None):
        ledger.polled(contacts, make.now, until, True)
    query = "SELECT current_until FROM checkpoints WHERE stream = ?"
    assert file.one(query, contacts.address) == "2026-05-04 12:00:09.000000"


def test_trouble_is_as_old_as_its_beginning(ledger, contacts, make, file):
    query = "SELECT trouble, substr(trouble_since, 18, 2) FROM checkpoints WHERE stream = ?"
    since = []
    for seconds, trouble in ((1, "no answer"), (2, "no answer"), (3, "refused"), (4, None), (5, "again")):
        ledger.polled(contacts, make.later(seconds), None, False, trouble)
        since += file.rows(query, contacts.address)
    assert since == [("no answer", "01"), ("no answer", "01"), ("refused", "01"), (None, None), ("again", "05")]


def test_polling_a_stream_that_was_never_started_is_refused(ledger, make):
    with pytest.raises(StreamUnknown):
        ledger.polled(make.stream("Deals"), make.now, None, True)


def test_a_stream_that_means_other_orgs_than_before_is_refused(ledger, make):
    moved = dataclasses.replace(make.stream("Contacts"), target="eu")
    with pytest.raises(StreamChanged, match=r"is india Contacts -> us Contacts .* but india Contacts -> eu Contacts"):
        ledger.stream_state(moved)
    with pytest.raises(StreamChanged):
        ledger.start_stream(moved, "v1", "create", make.now)


def test_the_poll_interval_follows_the_settings(ledger, make, file):
    ledger.polled(make.stream("Contacts", poll=timedelta(seconds=0.5)), make.now, None, True)
    assert file.one("SELECT poll_s FROM checkpoints WHERE source_module = 'Contacts'") == 0.5


def test_the_name_of_an_org_stands_for_one_zoho_org_for_good(ledger, make, file):
    ledger.register_org("us", "801", "us", make.now)
    ledger.register_org("us", "801", "us", make.later(9))
    with pytest.raises(OrgChanged, match=r"org 'us' is Zoho org 801 in the ledger.* Zoho org 802") as caught:
        ledger.register_org("us", "802", "us", make.now)
    assert (caught.value.known_zgid, caught.value.found_zgid) == ("801", "802")
    assert file.rows("SELECT name, zgid, first_seen_at FROM orgs") == [("us", "801", "2026-05-04 12:00:00.000000")]
