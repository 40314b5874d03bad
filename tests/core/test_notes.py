"""Notes are known again by what they say and where they hang."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.notes import Wanted, is_carried, mark_of, match_of, wanted_of
from daemon.core.twins import share_out
from tests.core.make import SECRET, often, stream

ids = st.integers(1, 30).map(str)
notes = st.builds(Wanted, module=st.just("Leads"), parent=st.sampled_from(["1", "2"]), mark=st.sampled_from(["a", "b"]))


def test_spaces_and_line_ends_do_not_make_another_note() -> None:
    said = {"Note_Title": None, "Note_Content": "one\r\ntwo "}
    assert mark_of(said, SECRET) == mark_of({"Note_Title": "", "Note_Content": "one\ntwo"}, SECRET)
    others = [{"Note_Title": "one", "Note_Content": "two"}, {"Note_Title": "one two"}, {"Note_Content": "onetwo"}]
    assert len({mark_of(note, SECRET) for note in [said, *others]}) == 4
    assert mark_of(said, SECRET) != mark_of(said, b"another ledger")


def test_what_a_sent_note_is_found_by_tells_nothing_of_what_it_says() -> None:
    values = {"Note_Title": "T", "Note_Content": "secret", "Parent_Id": {"id": "7", "module": "Leads"}}
    match = match_of(values, SECRET)
    assert wanted_of(match) == Wanted(module="Leads", parent="7", mark=mark_of(values, SECRET))
    assert "secret" not in repr(match)
    assert wanted_of({"Last_Name": "of a stream without a key"}) is None
    assert match_of({"Note_Title": "T", "Parent_Id": None}, SECRET) == {}


def test_only_notes_of_the_named_modules_are_carried() -> None:
    leads = stream("Notes", key=None, notes_of=("Leads",))
    at = {name: {"Parent_Id": {"id": "1", "module": {"api_name": name}}} for name in ("Leads", "Deals")}
    assert is_carried(at["Leads"], leads)
    assert not is_carried(at["Deals"], leads)
    assert is_carried({"Parent_Id": {"id": "1"}}, leads)  # translate says what is wrong with it


@often
@given(st.dictionaries(ids, notes, max_size=8), st.dictionaries(ids, notes, max_size=8))
def test_each_note_gets_at_most_one_that_says_the_same_and_none_is_left_over(
    wanted: dict[str, Wanted], there: dict[str, Wanted]
) -> None:
    shared = share_out(wanted, there.items())
    assert len(set(shared.values())) == len(shared)
    assert all(there[note] == wanted[source] for source, note in shared.items())
    for note in set(wanted.values()):
        sides = (sum(n == note for n in side.values()) for side in (wanted, there))
        assert sum(wanted[source] == note for source in shared) == min(sides)
