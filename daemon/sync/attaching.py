"""Brings the attachments of one record to its counterpart: what is missing there is uploaded, once; what is gone in the
source goes by the policy.

Before anything is uploaded the target's own list is asked for a file of that name and size which stands for nothing
yet, whatever the ledger knows: after a lost answer, a kill, or with an older ledger it is there (promises 2 and 11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from daemon.core.answer import Answer, Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.causes import FILE_TOO_LARGE, TARGET_GONE, UNCERTAIN, Cause
from daemon.core.digest import Digests
from daemon.core.ends import Linked, Written
from daemon.core.files import ATTACHMENTS, File, standing
from daemon.core.fuse import Blown, Meter
from daemon.core.outcome import Outcome
from daemon.core.rules import Stream
from daemon.core.steps import Action, Link
from daemon.core.twins import share_out
from daemon.ledger import Intent, Leaving, Ledger
from daemon.sync.doubts import patience
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, RequestRefused, ZohoError
from daemon.zoho.files import LARGEST

_NAME = ("File_Name",)


@dataclass(slots=True, kw_only=True)
class Look:
    """What came of one record's attachments. With a `cause` it is looked at again: by itself when `state` is due (at
    the earliest after `wait`), else when a person or the record moves. `trouble` and `blown` end the lane.
    """

    outcome: Outcome = "unchanged"
    linked: list[Linked] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    cause: Cause | None = None
    detail: str = ""
    state: Literal["due", "held"] = "held"
    wait: timedelta | None = None
    trouble: str | None = None
    blown: Blown | None = None

    def fail(self, code: str, detail: str, state: Literal["due", "held"]) -> None:
        """One of its files is not where it should be; what can be tried again by itself comes before what cannot."""
        if self.cause is None or (self.state, state) == ("held", "due"):
            self.cause, self.detail, self.state = Cause(code=code, module=ATTACHMENTS), detail, state
            self.outcome = "retrying" if state == "due" else "held"

    def done(self, outcome: Outcome) -> None:
        if self.outcome == "unchanged":
            self.outcome = outcome


class Attacher:
    """Works for one stream of attachments, whose records are those of `parent`."""

    def __init__(
        self, stream: Stream, parent: Stream, source: Zoho, target: Zoho, ledger: Ledger, now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._parent = parent
        self._source = source
        self._target = target
        self._ledger = ledger
        self._now = now

    def bring(self, record_id: str, target_id: str, meter: Meter) -> Look:
        """Raises what the client raises while it reads, before any write."""
        files = self._source.attachments(self._parent.source_module, record_id)
        if files is None:
            return Look(outcome="filtered")  # the record itself is gone
        links = self._ledger.links(self._stream, [file.file_id for file in files])
        new = [file for file in files if not self._stands(file, links.get(file.file_id), target_id)]
        deletes = self._stream.deletes == "delete"
        there = self._target.attachments(self._parent.target_module, target_id) if new or deletes else []
        look = Look()
        if there is None:  # a new one may be on its way
            look.fail(TARGET_GONE, f"its counterpart {target_id} is not in {self._stream.target}", "due")
            return look
        if (left := self._in_flight(new)) > timedelta():
            look.fail(UNCERTAIN, "an earlier upload may still be on its way; the target is asked before another", "due")
            look.wait = left
            return look
        if deletes:
            self._remove(files, there, record_id, target_id, meter, look)
        if look.blown is None and look.trouble is None:
            self._bring(new, there, record_id, target_id, look)
        return look

    def _stands(self, file: File, link: Link | None, target_id: str) -> bool:
        if link is None or link.state == "deleted":
            return False
        return link.whole is None or link.whole == standing(file, target_id, self._ledger.digest_key)

    def _in_flight(self, new: Sequence[File]) -> timedelta:
        """How long an upload without an answer may still arrive."""
        intents = self._ledger.open_intents(self._stream, [file.file_id for file in new])
        if not intents:
            return timedelta()
        latest = max(intent.sent_at for intent in intents.values())
        return latest + patience(self._stream, self._target) - self._target.server_now()

    def _bring(self, new: Sequence[File], there: Sequence[File], record_id: str, target_id: str, look: Look) -> None:
        ids = [file.file_id for file in there]
        taken = self._ledger.linked_targets(self._stream.target, ATTACHMENTS, ids) if new else set()
        free = ((file.file_id, file.likeness) for file in there if file.file_id not in taken)
        copies = share_out({file.file_id: file.likeness for file in new}, free)
        for file in new:
            if file.file_id in copies:
                look.linked.append(self._linked(file, copies[file.file_id], target_id, None))
                look.closed.append(file.file_id)
                look.done("adopted")
            else:
                self._upload(file, record_id, target_id, look)
            if look.trouble is not None:
                return

    def _upload(self, file: File, record_id: str, target_id: str, look: Look) -> None:
        if file.size.isdigit() and int(file.size) > LARGEST:
            look.fail(FILE_TOO_LARGE, f"{file.file_id} has {file.size} bytes, {LARGEST} can be carried", "held")
            return
        try:
            content = b"" if file.link else self._source.download(self._parent.source_module, record_id, file)
        except RequestRefused as error:
            look.fail(error.code, str(error), "held")
            return
        except ZohoError as error:
            look.trouble = str(error)
            look.fail(UNCERTAIN, str(error), "due")
            return
        if content is None:
            return  # deleted since it was listed
        intent = Intent(
            source_id=file.file_id, action="create", target_id=None, sent_at=self._target.server_now(), match={}
        )
        leaving = Leaving(
            fields={ATTACHMENTS: 1},
            module=self._parent.source_module,
            data_center=self._target.org.data_center,
            at=self._now(),
        )
        with self._target.one_deadline():
            self._ledger.begin(self._stream, [intent], leaving)
            answer = self._sent(lambda: self._target.upload(self._parent.target_module, target_id, file, content))
        if not isinstance(answer, Uncertain):
            look.closed.append(file.file_id)
        if isinstance(answer, Done):
            look.linked.append(self._linked(file, answer.record_id, target_id, answer.modified_time))
            look.done("updated")
        self._note(answer, "create", file.file_id, answer.record_id if isinstance(answer, Done) else None, look)

    def _remove(
        self, files: Sequence[File], there: Sequence[File], record_id: str, target_id: str, meter: Meter, look: Look
    ) -> None:
        """Deletes what stands for an attachment that the source does not list any more, asked twice."""
        known = self._ledger.source_records(self._stream, [file.file_id for file in there])
        have = {file.file_id for file in files}
        gone = {c.source_id: i for i, c in known.items() if c.source_id not in have and c.link.state == "live"}
        if not gone:
            return
        again = self._source.attachments(self._parent.source_module, record_id)
        if again is None:
            return
        gone = {source_id: i for source_id, i in gone.items() if source_id not in {file.file_id for file in again}}
        look.blown = meter.deletes(gone)
        if look.blown is not None:
            return
        for source_id, file_id in gone.items():
            answer = self._sent(lambda: self._target.detach(self._parent.target_module, target_id, [file_id])[0])  # noqa: B023 - called at once
            if isinstance(answer, Done | Gone):
                ended = Linked(
                    source_id=source_id, target_id=file_id, digests=None, target_modified_time=None, state="deleted"
                )
                look.linked.append(ended)
                look.done("updated")
            self._note(answer, "delete", source_id, file_id, look)

    def _sent(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except RequestRefused as error:
            return Refused(code=error.code, message=str(error))
        except CredentialRefused as error:
            return NotSent(code="CredentialRefused", message=str(error))

    def _note(self, answer: Answer, action: Action, source_id: str, target_id: str | None, look: Look) -> None:
        """One line of the history, and what an answer that is no success means for the record."""
        code = UNCERTAIN if isinstance(answer, Uncertain) else "SUCCESS" if isinstance(answer, Done) else ""
        if isinstance(answer, NotSent):
            look.trouble = answer.message
            look.fail(answer.code, answer.message, "due")
            return
        if isinstance(answer, Uncertain | Busy):
            look.fail(code or answer.code, f"{source_id}: {answer.message}", "due")
        if isinstance(answer, Refused):
            look.fail(answer.code, f"{source_id}: {answer.message}", "held")
        code = code or ("TARGET_GONE" if isinstance(answer, Gone) else getattr(answer, "code", ""))
        fields = _NAME if action == "create" else ()
        written = Written(source_id=source_id, target_id=target_id, action=action, fields=fields, answer_code=code)
        look.written.append(written)

    def _linked(self, file: File, file_id: str, target_id: str, at: datetime | None) -> Linked:
        digests = Digests(whole=standing(file, target_id, self._ledger.digest_key), by_field={})
        return Linked(source_id=file.file_id, target_id=file_id, digests=digests, target_modified_time=at)
