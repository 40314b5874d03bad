"""What Zoho does later: merges, mass deletes and great restores are SCHEDULED, and done by the clock (facts 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.org import Org
from daemon.emulator.side import Job
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
SECONDS = 5


def schedule(org: Org, kind: str, module: str, act: Callable[[], Json]) -> Job:
    """Have `act` run in some seconds; whoever asks until then hears that it is in progress."""
    job = Job(id=org.new_id(), kind=kind, module=module, due=org.clock.now() + SECONDS, act=act)
    org.side.jobs[job.id] = job
    return job


def run_due(org: Org) -> None:
    """Do what is due."""
    if not org.side.jobs:
        return
    now = org.clock.now()
    for job in list(org.side.jobs.values()):
        if job.act is not None and job.due <= now:
            act, job.act = job.act, None
            job.result = act()


def scheduled(key: str, job: Job, message: str) -> Reply:
    """202 and the job's id."""
    details = {"job_id": str(job.id)}
    element = {"code": "SCHEDULED", "details": details, "message": message, "status": "success"}
    return Reply.of(202, {key: [element]})


def job_status(call: Call, kind: str, key: str) -> Reply:
    """`GET` of the path that scheduled a job, with `?job_id=`."""
    text = call.query.get("job_id")
    if not text:
        raise errors.missing_param("job_id")
    job = call.org.side.jobs.get(parse_id(text) or 0)
    if job is None or job.kind != kind or job.module != call.module.api_name:
        return NO_CONTENT
    state = "scheduled" if job.act is not None else "completed"
    return Reply.of(200, {key: [{"job_id": str(job.id), "status": state, "Status": state.upper(), **job.result}]})
