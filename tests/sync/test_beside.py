"""Something that goes on beside the caller."""

from __future__ import annotations

import threading
import time

from daemon.sync.beside import Beside


def test_something_beside_begins_by_itself_and_ends_when_it_is_told_to():
    done = threading.Event()
    beside = Beside(lambda: time.sleep(0.02) or done.set(), beside=True)
    beside.end()
    assert done.is_set()


def test_something_that_may_not_go_beside_waits_until_it_is_asked_for_and_is_done_once():
    times: list[int] = []
    later = Beside(lambda: times.append(1) or len(times), beside=False)
    assert not times
    assert (later.result(), later.result()) == (1, 1)
