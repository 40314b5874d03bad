"""Callbacks of bulk jobs: the status body is POSTed when a job ends (facts 7.1), to loopback addresses alone."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import logging
import threading
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit

from daemon.emulator.bulk_jobs import Job
from daemon.emulator.bulk_write import work_off
from daemon.emulator.call import Call, Handler
from daemon.emulator.org import Org

log = logging.getLogger("emulator")
PATIENCE = 2.0


def listen(call: Call, job: Job, status: Handler) -> None:
    """Have `status` of the job told to its callback when it ends."""
    if job.callback is not None:
        asked = replace(call, record_id=str(job.id))
        call.org.bulk.callbacks.append((job, lambda: status(asked).body or b""))


def ring(org: Org) -> None:
    """Tell of every job that has ended."""
    now = org.clock.now()
    ended = [one for one in org.bulk.callbacks if one[0].due <= now]
    if not ended:
        return
    work_off(org)
    for one in ended:
        org.bulk.callbacks.remove(one)
        job, body = one
        url = str((job.callback or {}).get("url"))
        address = _loopback(url)
        if address is None:
            log.info("callback not called, it is no loopback address: %s", url)
        else:
            threading.Thread(target=_post, args=(address, body()), daemon=True).start()


def _loopback(url: str) -> SplitResult | None:
    """The parts of an http URL of this machine; a test emulator calls nobody else."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return parts if local and parts.scheme == "http" else None


def _post(address: SplitResult, body: bytes) -> None:
    """One try, no redirects; whoever does not listen has missed it."""
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
        connection.request("POST", target, body, {"Content-Type": "application/json;charset=UTF-8"})
        connection.getresponse().read()
        connection.close()
