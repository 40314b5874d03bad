"""The deliberate bugs of `python -m tests.full mutants`: small patches (file, old, new), each against a promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WRITING, AGAIN = "daemon/sync/writing.py", "daemon/sync/again.py"
CYCLE, ROAD, COMPARE = "daemon/sync/cycle.py", "daemon/sync/road.py", "daemon/sync/compare.py"
CHANGES, DELETIONS, DOUBTS = "daemon/sync/changes.py", "daemon/sync/deletions.py", "daemon/sync/doubts.py"
COUNTERPARTS: Final = "daemon/sync/counterparts.py"
SETTLE, ENDS, CONTENT = "daemon/core/settle.py", "daemon/core/ends.py", "daemon/core/content.py"
STORING, QUEUE = "daemon/ledger/storing.py", "daemon/ledger/queue.py"
_STORED: Final = "        cycle_id = ledger.settle(stream, settlement, cycle_id, hands.now())\n"
_QUEUED: Final = "queued = [end.queued for end in ends.values() if end.queued]"


@dataclass(frozen=True, slots=True)
class Bug:
    """A name, and what is changed where; `faults`: words of `tests.full faults` that choose those which show it."""

    name: str
    patches: tuple[tuple[str, str, str], ...]
    faults: tuple[str, ...] = ()


def _bug(name: str, file: str, old: str, new: str, *more: tuple[str, str, str], faults: tuple[str, ...] = ()) -> Bug:
    return Bug(name, ((file, old, new), *more), faults)


BUGS: Final = (
    _bug(
        "unsent changes pass the checkpoint",
        SETTLE,
        "if step.change.record_id in unsent:",
        "if step.change.record_id in unsent and not unsent:",
    ),
    _bug(
        "the checkpoint is stored before the outcomes",
        "daemon/sync/convoy.py",
        "        sent = flight.sent()\n",
        "        if (at := self._walk) is not None:\n"
        "            until = min(flight.page.end, replace(at.checkpoint, modified_time=at.horizon, record_id='0'))\n"
        "            self._hands.ledger.polled(self._prepared.stream, self._hands.now(), None, caught_up=False,"
        " position=max(at.checkpoint, until))\n"
        "        sent = flight.sent()\n",
    ),
    _bug(
        "the checkpoint passes the horizon",
        SETTLE,
        'min(reached, Position(modified_time=walk.horizon, record_id="0"))',
        "reached",
    ),
    _bug(
        "> for >=: the rest of a second is skipped",
        "daemon/zoho/coql.py",
        'return Condition(f"({later} or ({same} and (id > {quoted_id(position.record_id)})))", 3)',
        "return Condition(later, 1)",
    ),
    _bug(
        "a page's last second is taken for whole",
        CHANGES,
        "        if full:\n            changes = self._certain",
        "        if full and not changes:\n            changes = self._certain",
    ),
    _bug(
        "page numbers: the list's last second is not read again",
        CHANGES,
        "            complete = [change for change in found if change.position.modified_time < moments[-1]]",
        "            complete = found",
    ),
    _bug(
        "two commits for one: the queue after the checkpoint",
        ROAD,
        _STORED,
        "        cycle_id = ledger.settle(stream, replace(settlement, queued=()), cycle_id, hands.now())\n"
        "        ledger.enqueue(stream, settlement.queued, hands.now())\n",
    ),
    _bug(
        "two commits for one: the links after the intents",
        ROAD,
        _STORED,
        "        cycle_id = ledger.settle(stream, replace(settlement, linked=()), cycle_id, hands.now())\n"
        "        only = Settlement(lane=lane, seen=0, outcomes={}, linked=settlement.linked)\n"
        "        cycle_id = ledger.settle(stream, only, cycle_id, hands.now())\n",
    ),
    _bug(
        "ack before write: the queue row goes first",
        ROAD,
        "    sent = write(planned, prepared, hands, lane, meter)\n",
        "    if lane == 'retry':\n"
        "        early = Settlement(lane=lane, seen=0, outcomes={}, dequeued=list(due))\n"
        "        hands.ledger.settle(prepared.stream, early, None, hands.now())\n"
        "    sent = write(planned, prepared, hands, lane, meter)\n",
    ),
    _bug(
        "a partial batch is a success",
        ENDS,
        "        case Refused():\n            return _refused(step, answer, context)",
        "        case Refused() if isinstance(step, Create):\n            return _refused(step, answer, context)\n"
        "        case Refused():\n            return End(outcome='updated', written=_written(step, 'SUCCESS'))",
    ),
    _bug(
        "a timeout is a success",
        ENDS,
        '            return _again(step, cause, f"{answer.code}: {answer.message}", context, closes=False)',
        "            return End(outcome='unchanged')",
    ),
    _bug(
        "an uncertain update is believed not to have happened",
        CONTENT,
        "held = link if candidates is None else looked_up(",
        "held = link if candidates is None or link is not None else looked_up(",
    ),
    _bug(
        "a retry sends what was read first",
        AGAIN,
        "    missing = sorted(rows.keys()",
        "    old = reader.__dict__.setdefault('_old', {})\n"
        "    changes = [old.setdefault(c.record_id, c) for c in changes]\n"
        "    missing = sorted(rows.keys()",
    ),
    _bug(
        "no look-up before a create is sent again",
        DOUBTS,
        "    created, unsure = _created(prepared, [i for i in ripe if i.target_id is None], wait, ledger, target)\n"
        "    targets |= created\n",
        "    unsure = frozenset[str]()\n",
    ),
    _bug(
        "the intent is not stored",
        WRITING,
        "        hands.ledger.begin(prepared.stream, intents, leaving_of(there, prepared, hands), watched)\n",
        "",
    ),
    _bug(
        "the intent is resolved too early",
        DOUBTS,
        "    deferred = {i: rest for i, rest in left.items() if rest > timedelta()}",
        "    deferred = {i: rest for i, rest in left.items() if rest > wait}",
        faults=("--kind", "arrives late", "--scenario", "update"),
    ),
    _bug(
        "a found record is not linked on adoption",
        ENDS,
        "            linked=unconfirmed(step.change.record_id, answer.existing_id),",
        "            linked=None,",
    ),
    _bug(
        "a refused record leaves the queue",
        SETTLE,
        _QUEUED,
        "queued = [end.queued for end in ends.values() if end.queued and end.queued.state != 'held']",
    ),
    _bug(
        "dead letters are dropped",
        SETTLE,
        _QUEUED,
        "queued = [end.queued for end in ends.values() if end.queued and end.queued.state != 'dead']",
    ),
    _bug(
        "children do not wake with their parent",
        STORING,
        "    arrived = {linked_id for pair in settlement.linked for linked_id in (pair.source_id, pair.target_id)}",
        "    arrived = set[str]()",
    ),
    _bug(
        "changed rules read nothing again",
        "daemon/sync/prepare.py",
        "carried(fields, before).parts == before.parts if before.parts else known == fields.version",
        "known != NEVER_RUN",
        faults=("--scenario", "changed rules", "--every", "20"),
    ),
    _bug(
        "the deletion of an unknown id is ignored",
        DELETIONS,
        "        return stream.key is not None",
        "        return False",
    ),
    _bug(
        "the deletions' checkpoint moves before the queueing",
        DELETIONS,
        "            self._ledger.enqueue(\n"
        "                self._stream, rows, self._now(), deleted_until=until, deleted=fresh, source_now=server_time\n",
        "            self._ledger.enqueue(self._stream, [], self._now(), deleted_until=until)\n"
        "            self._ledger.enqueue(\n"
        "                self._stream, rows, self._now(), deleted=fresh, source_now=server_time\n",
    ),
    _bug(
        "a deletion in the list is believed though the record is back",
        AGAIN,
        "    missing = sorted(rows.keys()",
        "    changes = [c for c in changes if rows[c.record_id].cause_code != DELETED_IN_SOURCE]\n"
        "    missing = sorted(rows.keys()",
        faults=("--scenario", "deleted and back", "--every", "20"),
    ),
    _bug(
        "a restored record is not created again",
        CONTENT,
        'if link is not None and (link.state in ("deleted", "gone") or',
        'if link is not None and (link.state in ("gone",) or',
        faults=("--scenario", "delete", "--every", "20"),
    ),
    _bug(
        "a restored record keeps its flag",
        CONTENT,
        'if stream.flag is not None and held.state == "flagged" else {}',
        'if stream.flag is not None and held.state == "gone" else {}',
    ),
    _bug(
        "the fuse is judged after the write",
        WRITING,
        "        self._over = self._over or page.sent.blown is not None or self._hands.stopping()\n",
        "        self._over = self._over or self._hands.stopping()\n",
    ),
    _bug(
        "the fuse of deletions never blows",
        "daemon/core/fuse.py",
        '        blown = self._judge("deletes", self.fuse.deletes, count, self._linked, found)\n',
        "        blown = None\n",
    ),
    _bug("a held loss in B is made again", ENDS, 'if context.stream.gone == "hold" or isinstance(step, Create):',
         "if isinstance(step, Create):"),
    _bug(
        "drift is kept though it is to be overwritten",
        COUNTERPARTS,
        '            if self._stream.drift == "overwrite":',
        '            if self._stream.drift == "never":',
    ),
    _bug(
        "drift is not reported",
        COUNTERPARTS,
        '        if self._stream.drift == "keep":\n            return found',
        '        if self._stream.drift != "overwrite":\n            return found',
    ),
    _bug(
        "drift behind our own write is not looked at",
        COUNTERPARTS,
        "not (ours and counterpart.target_digest == digests.whole)",
        "not ours",
    ),
    _bug(
        "a lost answer lets every hand edit be overwritten",
        CONTENT,
        'carried is None or stream.drift == "overwrite":',
        "stream.key is not None:",
    ),
    _bug(
        "children of what was made again stay behind",
        ROAD,
        "    hands.children.of(planned.remade)\n",
        "    hands.children.of({})\n",
        (ROAD, "    hands.children.of(planned.remade | left)", "    hands.children.of(left)"),
    ),
    _bug(
        "the comparison forgets what is missing in the source",
        COMPARE,
        'if self._stream.deletes != "ignore" else []',
        'if self._stream.deletes == "none" else []',
    ),
    _bug(
        "the comparison forgets what is gone from the target",
        COMPARE,
        'absent = [source_id for _, source_id in self._absent("target", comparison)]',
        'absent = [source_id for _, source_id in self._absent("target", comparison)[:0]]',
    ),
    _bug(
        "the comparison ignores what differs in the source",
        COMPARE,
        "            if not isinstance(step, Keep) and not",
        "            if step is None and not",
    ),
    _bug(
        "an older ledger is believed",
        "daemon/ledger/witness.py",
        "    return known > last_write(connection)",
        "    return known > last_write(connection) + 10**9",
    ),
    _bug(
        "automations run",
        "daemon/zoho/client.py",
        '        headers = {"If-Unmodified-Since"',
        '        triggers = ("workflow",)\n        headers = {"If-Unmodified-Since"',
    ),
)  # fmt: skip
