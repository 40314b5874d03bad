"""The creates of a first load as bulk write jobs, where that is cheaper than inserts (core/backfill.py) and the
settings let it.

How nothing is written twice. The intents of a job's records are those of inserts, and committed before; that a job may
be at work, and until when, is stored before it is made, its id as soon as it is known. Until it has ended, or that time
is over, nothing is decided of its records (doubts.py). What its result file says is added is read back and compared,
and settles as an insert's answer does; what the file says is not is inserted; of what it does not name the target is
asked by the retry lane. Where the process that knew the pages is gone, they are planned anew, and what the file says is
added is looked at by its id; where the file cannot be had, the target is asked for the key of each. A job inserts only,
and skips a row whose key is there, so that one that comes late, or twice, makes nothing twice either; what was deleted
by then it makes anew (latejobs.py).

How it is not trusted too far. What reads back otherwise than it was sent is linked as a counterpart of unknown content,
which the retry lane brings up to date; where that is more than one in ten, or as many rows are skipped, each of which
is inserted after all, or a job fails, is refused or does not end, or whether one was made is not known, the rest of the
load is inserted. What may pass (no answer, or none to be believed) is tried some times before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core import backfill as price
from daemon.core.answer import Answer, Done, Refused, Uncertain
from daemon.core.bulkwrite import MOST_BYTES, Column, Promise, Sheet, columns_of, promise_of, read_as
from daemon.core.causes import DUPLICATE_DATA
from daemon.core.fuse import Meter, sentence
from daemon.core.record import START, Change
from daemon.core.rules import Stream
from daemon.core.steps import Create, Write
from daemon.ledger import Backfill, LateJob, Ledger, LedgerError
from daemon.sync.catalog import Catalog
from daemon.sync.changes import LARGE, ChangeReader, Page
from daemon.sync.clock import second_of
from daemon.sync.doubts import patience
from daemon.sync.hands import Hands
from daemon.sync.latejobs import REMEMBERED
from daemon.sync.means import Means
from daemon.sync.packed import Packed
from daemon.sync.pauses import LOOKS, Pauses
from daemon.sync.prepare import Prepared
from daemon.sync.road import Travelled, plan_page, settle_page
from daemon.sync.writing import Planned, Sent, intents_of, leaving_of, write
from daemon.zoho import bulkwrite
from daemon.zoho.errors import BadAnswer, CallUncertain, CredentialRefused, OrgUnavailable, RequestRefused, ZohoError

LONGEST_S: Final = 3600
_SLOW: Final = timedelta(minutes=1)  # by so much may a record's Modified_Time lie before the clock that we go by
_NOT_FIT: Final = 0.1  # of a job's rows, skipped or made otherwise than they were sent
_AT_LEAST: Final = 20  # a share of fewer says nothing
_TROUBLES: Final = 3  # in a row


class BulkWriter:
    """Takes planned `pages` of one stream to their outcomes. Holds them while a job is at work."""

    def __init__(
        self, stream: Stream, target: Catalog, ledger: Ledger, means: Means, now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._target = target.zoho
        self._ledger = ledger
        self._means = means
        self._now = now
        self._reader = ChangeReader(target.zoho, stream.target_module)
        self._read_until = START  # by an earlier job, whose records are all older
        self._troubles = 0
        self.short = False  # of credits, for what is left of the pages
        self._ended: datetime | None = None  # when the last job was sent whose end was seen
        self._looks = Pauses(LOOKS, now)
        self.forget()

    def forget(self) -> None:
        """No page is held; those that were are to be planned anew."""
        self.pages = Packed()
        self._carried: set[str] = set()  # by the job
        self._looks.clear()

    def wait(self) -> timedelta:
        """How long it is of no use to go on."""
        return self._looks.left()

    def may_make(self, load: Backfill, prepared: Prepared) -> bool:
        """Whether a first pass may spend all at once that a whole job costs; what it is worth is noted where not."""
        columns, rest = len(prepared.fields.rules), load.total - load.done
        may = self._means.target_spares(price.by_bulk_write(price.WRITE_ROWS, columns))
        if not may and price.by_jobs(rest, columns) < price.by_insert(rest):
            self._note_short(load)
        return may

    def travel(self, pages: Iterator[Page], prepared: Prepared, hands: Hands, meter: Meter) -> Generator[Travelled]:
        """Makes a job of the next pages if that pays, or takes them to their outcomes, with the job that is at work
        once it has ended. Of one that is, the pages are held.

        Raises what the client raises where the same question may be answered later.
        """
        load, trouble = self._load(), None
        answers: Mapping[str, Answer] = {}
        if load.write_sent_at is None:
            sheet = self._gathered(pages, prepared, hands)
            if sheet is None:
                return
            trouble = self._send(load, sheet, prepared, hands)
            load = self._load()
        if load.write_sent_at is not None:
            heard = self._hear(load, load.write_sent_at, prepared)
            if heard is None:
                return
            answers = heard
        yield from self._settled(answers, trouble, prepared, hands, meter)

    def _gathered(self, pages: Iterator[Page], prepared: Prepared, hands: Hands) -> Sheet | None:
        """Plans pages for one job; None, and none is held, when nothing may be begun."""
        sheet, ready = Sheet(columns_of(prepared.fields), price.WRITE_ROWS, MOST_BYTES), False
        try:
            for page in pages:
                planned = plan_page(page.changes, prepared, hands)
                sheet.add(step for step in planned.steps if isinstance(step, Create))
                self.pages.append(planned)
                if hands.stopping() or not sheet.has_room(len(page.changes)):
                    break
            given_up = not self.pages  # the file they came from
            ready = not (given_up or hands.stopping()) and self._means.go_on(new=False)
        finally:
            if not ready:
                self.forget()
        return sheet if ready else None

    # --- a job -------------------------------------------------------------------------------------------------------

    def _send(self, load: Backfill, sheet: Sheet, prepared: Prepared, hands: Hands) -> str | None:
        """Makes a job of what pays; gives the trouble that does not let it be done now."""
        columns, rows = sheet.columns, len(sheet.carried)
        if price.by_bulk_write(rows, len(columns)) >= price.by_insert(rows):
            return None
        if not self._means.target_spares(price.WRITE_PRICE):
            self._note_short(load)
            return None
        sent_at = self._target.server_now()
        self._note(write_sent_at=sent_at, write_until=sent_at + patience(self._stream, self._target))
        for planned in self.pages:
            steps = _creates(planned, sheet.carried)
            self._ledger.begin(self._stream, intents_of(steps, sent_at), leaving_of(steps, prepared, hands))
        try:
            file_id = self._target.upload_rows(prepared.target_zgid, sheet.content)
            with self._target.one_deadline(price.WRITE_PRICE):
                self._note(write_until=sent_at + timedelta(seconds=LONGEST_S))
                job_id = self._target.start_bulk_write(
                    self._stream.target_module, file_id, columns, prepared.fields.key or ""
                )
        except CallUncertain as error:
            unknown = f"whether a bulk write job was made is not known: {error}"
            if not self._passes(error, f"{unknown}; that is waited for"):
                self._give_up(load, unknown)
            self.forget()
            return None
        except (BadAnswer, CredentialRefused, OrgUnavailable, RequestRefused) as error:
            self._over()
            rests = isinstance(error, OrgUnavailable) and error.retry_after is not None
            if rests or self._passes(error):
                return str(error)
            self._give_up(load, str(error))
            return None
        self._note(write_job_id=job_id)
        self._carried = sheet.carried
        self._looks.clear()
        logger.info("{}: {} records are written by bulk write job {}", self._stream.address, rows, job_id)
        return None

    def _note_short(self, load: Backfill) -> None:
        """The next pages are inserted, and those behind them ask again; so it is said once."""
        short = f"the {price.WRITE_PRICE} and more of a bulk write job are more than a first pass may spend at once"
        if short not in load.why:
            logger.warning("{}: {}; its next pages are inserted", self._stream.address, short)
            self._note(why=f"{load.why}; {short}, so that some of its pages were inserted")

    def _hear(self, load: Backfill, sent_at: datetime, prepared: Prepared) -> Mapping[str, Answer] | None:
        """The answers of a job that has ended, by source id; None where there is nothing to settle now."""
        now, until = self._target.server_now(), load.write_until or sent_at
        if load.write_job_id is None and now < until:
            self._looks.take(until - now)
        elif load.write_job_id is None:
            self._unseen(load, sent_at, until)
        elif not self.wait() or now >= until:
            try:
                return self._looked(load, load.write_job_id, sent_at, until, prepared)
            except (BadAnswer, CredentialRefused, RequestRefused) as error:
                if now >= until or not self._passes(error):
                    self._lost(load, until, str(error))
        return None

    def _unseen(self, load: Backfill, sent_at: datetime, until: datetime) -> None:
        """The time is over in which the job may be at work; where its end was not seen latejobs.py watches for it."""
        if until >= sent_at + timedelta(seconds=LONGEST_S) and sent_at != self._ended:
            self._ledger.outlive_job(self._stream, LateJob(until=sent_at + REMEMBERED, job_id=load.write_job_id))
        else:
            self._over()
        self.forget()

    def _looked(
        self, load: Backfill, job_id: str, sent_at: datetime, until: datetime, prepared: Prepared
    ) -> Mapping[str, Answer] | None:
        """Also when the time is over, for it may have ended while nobody looked."""
        job, now = self._target.bulk_write(job_id), self._target.server_now()
        if job.state == "running" and now < until:
            self._looks.take()
            return None
        if job.state == "running":
            self._give_up(load, f"the bulk write job {job_id} does not come to its end")
            self._unseen(load, sent_at, until)
            return None
        over, self._ended = max(self._target.server_now(), sent_at + patience(self._stream, self._target)), sent_at
        try:
            if job.state == "done" and self._carried:
                answers = self._answers(load, job, sent_at, prepared)
                self._troubles = 0
                return answers
            if job.state == "done":
                self._name_made(job, sent_at, prepared.fields.key or "")
            why = f"the bulk write job {job_id} failed" if job.state == "failed" else None
        except (BadAnswer, CredentialRefused, RequestRefused) as error:
            if now < until and self._passes(error):
                return None
            why = str(error)
        self._lost(load, over, why)
        return None

    def _passes(self, trouble: ZohoError, said: str | None = None) -> bool:
        """Whether the same may be tried once more: not where a person must act, nor after one trouble too many. A job
        that may have been made costs an hour and what it is worth, so that there are fewer of them.
        """
        self._troubles += 2 if isinstance(trouble, CallUncertain) else 1
        if self._troubles >= _TROUBLES or isinstance(trouble, CredentialRefused | RequestRefused):
            return False
        logger.warning("{}: {}; it is tried once more", self._stream.address, said or trouble)
        self._looks.take()
        return True

    def _lost(self, load: Backfill, until: datetime, why: str | None) -> None:
        """What the job did is not told: from then on the pages are planned anew, and the target is asked."""
        if why is not None:
            self._give_up(load, why)
        self._note(write_job_id=None, write_until=until)
        self.forget()

    def _name_made(self, job: bulkwrite.Job, sent_at: datetime, key: str) -> None:
        """The process that knew the pages is gone: what the job has made is not looked for by its key."""
        opened = self._ledger.open_intents(self._stream)
        sent = {one.match[key]: i for i, one in opened.items() if one.sent_at == sent_at and key in one.match}
        if sent:
            written = self._written(job, key)
            self._ledger.name_made(
                self._stream,
                {i: one.record_id for value, i in sent.items() if (one := written.get(value)) and one.record_id},
            )

    def _written(self, job: bulkwrite.Job, key: str) -> dict[str, bulkwrite.Written]:
        with tempfile.TemporaryFile() as zipped:
            return self._target.bulk_written(job, key, zipped)

    def _answers(self, load: Backfill, job: bulkwrite.Job, sent_at: datetime, prepared: Prepared) -> dict[str, Answer]:
        """What became of the job's records; none of one that certainly was not made."""
        columns = columns_of(prepared.fields)
        key = columns[0].api_name
        made, answers = self._told(self._written(job, key), columns)
        skipped, odd = len(self._carried) - len(made) - len(answers), dict[str, Answer]()
        for target_id, one in made.items():
            text = f"bulk write made {target_id}, and it does not read as what was sent"
            odd[one.source_id] = Refused(code=DUPLICATE_DATA, message=text, field=key, existing_id=target_id)
        for shown in self._read_back(made.keys(), sent_at, [column.api_name for column in columns]):
            one = made[shown.record_id]
            found = read_as(one, shown.values, prepared.fields, columns, self._ledger.digest_key)
            if found == "promised":
                answers[one.source_id] = Done(record_id=shown.record_id, modified_time=shown.modified_time)
                del odd[one.source_id]
            elif found == "another":
                odd[one.source_id] = _uncertain("the job's file names a record with another key")
        whys = []
        if skipped > max(_AT_LEAST, len(self._carried) * _NOT_FIT):
            whys.append(f"of {len(self._carried)} rows of bulk write job {load.write_job_id} {skipped} were skipped")
        if len(odd) > max(_AT_LEAST, len(made) * _NOT_FIT):
            whys.append(f"of {len(made)} records that bulk write made {len(odd)} do not read as was sent")
        if whys:
            self._give_up(load, "; ".join(whys))
        return answers | odd

    def _told(
        self, written: Mapping[str, bulkwrite.Written], columns: Sequence[Column]
    ) -> tuple[dict[str, Promise], dict[str, Answer]]:
        """What was promised of each record that the job says it made; answers for those of which it says nothing."""
        made, answers = dict[str, Promise](), dict[str, Answer]()
        for planned in self.pages:
            for step in _creates(planned, self._carried):
                row = written.get(step.match[columns[0].api_name])
                if row is None:
                    answers[step.change.record_id] = _uncertain("the job's file says nothing of this record")
                elif row.record_id is not None:
                    made[row.record_id] = promise_of(step, columns)
        return made, answers

    def _read_back(self, ids: Collection[str], sent_at: datetime, columns: Sequence[str]) -> Iterator[Change]:
        """The records that a job has made, as they are now: what was changed last, and the rest by id."""
        left, at = set(ids), max(second_of(sent_at - _SLOW), self._read_until)
        for _ in range(2 + len(ids) // LARGE if ids else 0):
            page = self._reader.page(columns, at, LARGE)
            found = [change for change in page.changes if change.record_id in left]
            left.difference_update(change.record_id for change in found)
            yield from found
            at = page.end
            if page.last or not left:
                break
        self._read_until = at
        rest = sorted(left)
        for first in range(0, len(rest), LARGE):
            yield from self._reader.by_ids(columns, rest[first : first + LARGE])

    # --- pages -------------------------------------------------------------------------------------------------------

    def _settled(
        self, answers: Mapping[str, Answer], trouble: str | None, prepared: Prepared, hands: Hands, meter: Meter
    ) -> Generator[Travelled]:
        """Settles the pages; after one that did not get through, of each only what was answered by the job. What is not
        sent is withdrawn, so that it need not be asked for.
        """
        pages, cycle_id, self.short = self.pages, None, False
        stuck, away = trouble is not None, trouble is not None
        self.forget()
        meter.answered(len(answers), ())
        for planned in pages:
            mine = {i: answers[i] for i in planned.ids & answers.keys()}
            left = [s for s in planned.steps if isinstance(s, Write) and s.change.record_id not in mine]
            may = 0 if stuck else self._means.target_records(len(left))
            sent = Sent(trouble=trouble, away=away)
            if not stuck:
                rest = {step.change.record_id for step in left[may:]} | mine.keys()
                steps = [s for s in planned.steps if not isinstance(s, Write) or s.change.record_id not in rest]
                sent = write(replace(planned, steps=steps), prepared, hands, "poll", meter)
                stuck = self.short = may < len(left)
            sent.answers.update(mine)
            travelled = settle_page(planned, sent, prepared, hands, lane="poll", cycle_id=cycle_id)
            cycle_id, trouble, away = travelled.cycle_id, travelled.trouble, travelled.away
            if travelled.blown is not None:
                trouble = sentence(travelled.blown, self._stream.address)
            stuck = stuck or bool(travelled.unsent) or trouble is not None
            yield travelled
        if answers:
            self._over()

    # --- the ledger --------------------------------------------------------------------------------------------------

    def _load(self) -> Backfill:
        load = self._ledger.backfill(self._stream)
        if load is None:
            raise LedgerError(f"{self._stream.address} has no first load that goes on")
        return load

    def _over(self) -> None:
        self._note(write_sent_at=None, write_until=None, write_job_id=None)

    def _note(self, **values: object) -> None:
        self._ledger.note_backfill(self._stream, **values)

    def _give_up(self, load: Backfill, why: str) -> None:
        logger.warning("{}: {}; what is left to write is inserted", self._stream.address, why)
        self._note(writes="rest", why=f"{load.why}; {why}")


def _creates(planned: Planned, carried: Collection[str]) -> list[Create]:
    """Those of a page that a job carries."""
    return [step for step in planned.steps if isinstance(step, Create) and step.change.record_id in carried]


def _uncertain(why: str) -> Uncertain:
    return Uncertain(code="BULK_WRITE", message=why)
