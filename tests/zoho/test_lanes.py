"""How many calls to one org are on their way at once, and what follows when that is too many."""

from __future__ import annotations

import threading
import time

import pytest

from daemon.zoho.client import Zoho
from daemon.zoho.errors import OrgUnavailable
from daemon.zoho.lanes import Lanes

THROTTLED = b'{"code": "TOO_MANY_REQUESTS", "details": {}, "message": "m", "status": "error"}'


def together(threads: int, act) -> None:
    started = [threading.Thread(target=act) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def test_no_more_calls_are_on_their_way_than_may_be() -> None:
    lanes, counting, now, most = Lanes("us", lambda: 3), threading.Lock(), [0], [0]

    def call() -> None:
        with lanes.one(5):
            with counting:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.01)
            with counting:
                now[0] -= 1

    together(12, call)
    assert most == [3]


def test_who_waits_for_longer_than_it_may_is_told_to_come_again() -> None:
    lanes = Lanes("us", lambda: 1)
    with lanes.one(1), pytest.raises(OrgUnavailable, match="1 calls to it were on their way") as told, lanes.one(0.01):
        pass
    assert told.value.retry_after == 1
    with lanes.one(0):
        pass


def test_calls_that_are_refused_together_make_the_org_rest_as_one_would(zoho: Zoho, server) -> None:
    """Each of them used to double the rest: eight threads at once, a minute."""
    head = b"HTTP/1.1 429 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(THROTTLED)
    server.default = server.raw(head, THROTTLED, pause=0.3)

    def call() -> None:
        with pytest.raises(OrgUnavailable):
            zoho.profile()

    together(8, call)
    with pytest.raises(OrgUnavailable, match="rests") as told:
        zoho.profile()
    assert told.value.retry_after is not None
    assert 0 < told.value.retry_after <= 2
