"""`Zoho`: one org, as typed calls. What a call says is checked before it leaves, what it hears before it is believed.

Reads raise; writes give one Answer per record and raise only when the whole request was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, Final, Literal

from daemon.core.answer import Answer
from daemon.core.bulkwrite import Column
from daemon.core.files import File
from daemon.core.record import WireRecord, format_instant
from daemon.core.rights import Rights
from daemon.core.schema import Field, ModuleInfo, OrgProfile, Schema, User
from daemon.zoho import bulk, bulkwrite, coql, files, metadata, newfield, reads, whoami, writes
from daemon.zoho.caller import Call
from daemon.zoho.connection import Connection
from daemon.zoho.coql import Condition
from daemon.zoho.errors import BadAnswer, RequestRefused
from daemon.zoho.metadata import Deletions
from daemon.zoho.shapes import EMPTY, Page, page_of, total_of
from daemon.zoho.writes import Batch

_COQL: Final = "ZohoCRM.coql.READ,ZohoCRM.modules.ALL"
_MOST_PAGES: Final = 500


class Zoho(Connection):
    """One org, as calls.

    Every call may raise OrgUnavailable or CredentialRefused; reads also BadAnswer and RequestRefused. A name that is
    not an API name, or an id that is not one, is a ValueError before anything is sent.
    """

    def clock_before_next_call(self) -> datetime:
        """A moment by the org's clock that is certainly before the next call's request: the horizon's D (design.md 3).

        It is the Date of the last answer. Before the first one the org is asked who it is (1 credit).
        """
        if self._caller.server_time is None:
            self.profile()
        if self._caller.server_time is None:
            raise BadAnswer(self.org.name, "its answers carry no Date, so there is no clock to read changes by")
        return self._caller.server_time

    def server_now(self) -> datetime:
        """What the org's clock shows now, by its last Date and the time since; up to a second behind."""
        known = self._caller.server_now()
        return known if known is not None else self.clock_before_next_call()

    # --- reading records ---------------------------------------------------------------------------------------------

    def coql(
        self, module: str, columns: Sequence[str], where: Condition, order_by: Sequence[str] = (), limit: int = 200
    ) -> Page:
        """Up to 2,000 rows that meet a condition, each with its `id`; `order_by` ascending, `-name` descending.

        Costs 1, 2 or 3 credits for a limit up to 200, 1,000 or 2,000.
        """
        query = coql.select(module, columns, where, order_by, limit)
        price = 1 if limit <= 200 else 2 if limit <= 1000 else 3
        call = Call(method="POST", path="coql", scope=_COQL, body={"select_query": query}, credits=price)
        return self._caller.read(call, lambda found: page_of(found, timed="Modified_Time" in columns), EMPTY)

    def count(self, module: str, where: Condition | None = None) -> int:
        """How many records meet a condition, or are there at all."""
        query = coql.count(module, where or coql.everything())
        call = Call(method="POST", path="coql", scope=_COQL, body={"select_query": query})
        return self._caller.read(call, total_of, 0)

    def get_records(
        self,
        module: str,
        fields: Sequence[str],
        *,
        page_token: str | None = None,
        page: int | None = None,
        sort_by: str = "id",
        sort_order: Literal["asc", "desc"] = "asc",
        modified_since: datetime | None = None,
        per_page: int = reads.PAGE,
        converted: Literal["true", "false", "both"] | None = None,
    ) -> Page:
        """A page of at most 50 fields by the list call, from 200 rows on by `page_token`; nothing new is an empty page.

        `modified_since` is inclusive and in whole seconds; `converted` is for Leads.
        """
        if page_token is not None and page is not None:
            raise ValueError("a page is asked for by number or by token, not by both")
        params = {"sort_by": coql.name(sort_by), "sort_order": sort_order, "per_page": str(per_page)}
        optional = {"page_token": page_token, "page": str(page) if page else None, "converted": converted}
        params |= {key: value for key, value in optional.items() if value is not None}
        since = format_instant(modified_since) if modified_since else None
        return reads.list_page(self._caller, module, fields, params, since)

    def by_ids(self, module: str, fields: Sequence[str], ids: Sequence[str]) -> list[WireRecord]:
        """The records with these ids, in this order, with these fields (any number); what is not there is left out."""
        return reads.by_ids(self._caller, module, fields, ids)

    def get_one(self, module: str, record_id: str) -> WireRecord | None:
        """A whole record with subforms and full texts, or None when there is none with this id."""
        return reads.one(self._caller, module, record_id)

    def related(self, module: str, record_id: str, name: str) -> list[str]:
        """The ids of all records in a related list of a record; none where the record is not there."""
        return reads.related(self._caller, module, record_id, name)

    def deleted(self, module: str, since: datetime | None = None, page: int = 1) -> Deletions:
        """A page of what was deleted (at or after `since`): 60 days back for the bin, 120 for good (facts 5.2)."""
        call = Call(
            method="GET",
            path=f"{coql.name(module)}/deleted",
            scope=reads.RECORD_SCOPE,
            params={"type": "all", "page": str(page), "per_page": str(reads.PAGE)},
            headers={"If-Modified-Since": format_instant(since)} if since else {},
        )
        nothing = Deletions(rows=[], more=False)
        return self._caller.read(call, metadata.deletions, nothing)

    # --- bulk read ---------------------------------------------------------------------------------------------------

    def start_bulk_read(self, module: str, columns: Sequence[str], token: str | None = None) -> str:
        """Make a job that puts all records of a module into a file, or the next ones; its id. Costs 50 credits."""
        return bulk.create(self._caller, module, columns, token)

    def bulk_read(self, job_id: str) -> bulk.Job:
        """How a bulk read job is."""
        return bulk.look(self._caller, job_id)

    def fetch_bulk_read(self, job_id: str, into: BinaryIO) -> None:
        """Write the file of a finished job, up to 512 MB, into a file; bulk.rows reads it."""
        bulk.fetch(self._caller, job_id, into)

    # --- bulk write --------------------------------------------------------------------------------------------------

    def upload_rows(self, zgid: str, content: bytes | bytearray) -> str:
        """Put a CSV where a bulk write finds it; the id of the file. Nothing is written by that."""
        return bulkwrite.upload(self._caller, zgid, content)

    def start_bulk_write(self, module: str, file_id: str, columns: Sequence[Column], key: str) -> str:
        """Make a job that creates a record for each row of a file, but for those whose key is there already; its id.
        Costs 500 credits. Raises CallUncertain where it may have been made.
        """
        return bulkwrite.create(self._caller, module, file_id, columns, key)

    def bulk_write(self, job_id: str) -> bulkwrite.Job:
        """How a bulk write job is."""
        return bulkwrite.look(self._caller, job_id)

    def bulk_written(self, job: bulkwrite.Job, key: str, into: BinaryIO) -> dict[str, bulkwrite.Written]:
        """What a finished job has made of its rows, by the value of the key; its file goes into the given one."""
        return bulkwrite.written(self._caller, job, key, into)

    # --- writing records ---------------------------------------------------------------------------------------------

    def insert(
        self, module: str, records: Sequence[WireRecord], triggers: Sequence[str] = (), *, prefer: Sequence[str] = ()
    ) -> list[Answer]:
        """Create records; one Answer each, in order. Of several duplicates, one of a field in `prefer` is told."""
        extra = {"trigger": list(triggers)}
        batch = Batch(method="POST", path=coql.name(module), records=records, extra=extra, prefer=prefer)
        return writes.send_records(self._caller, batch)

    def update(
        self,
        module: str,
        records: Sequence[WireRecord],
        triggers: Sequence[str] = (),
        *,
        unmodified_since: datetime | None = None,
    ) -> list[Answer]:
        """Change records that carry their `id`; one Answer each, in order.

        `unmodified_since` holds for the whole call, so it is for one record (facts 4.5): a later change answers
        Refused with ALREADY_MODIFIED.
        """
        headers = {"If-Unmodified-Since": format_instant(unmodified_since)} if unmodified_since else {}
        batch = Batch(
            method="PUT",
            path=coql.name(module),
            records=records,
            extra={"trigger": list(triggers)},
            headers=headers,
            ids_needed=True,
        )
        return writes.send_records(self._caller, batch)

    def upsert(
        self, module: str, records: Sequence[WireRecord], key_fields: Sequence[str], triggers: Sequence[str] = ()
    ) -> list[Answer]:
        """Create records, or change those that have the same key; one Answer each, in order.

        Zoho matches by `key_fields` in their order, then by every other unique field of the module (facts 4.6).
        """
        extra = {"trigger": list(triggers), "duplicate_check_fields": [coql.name(field) for field in key_fields]}
        path = f"{coql.name(module)}/upsert"
        batch = Batch(method="POST", path=path, records=records, extra=extra, upsert=True, prefer=key_fields)
        return writes.send_records(self._caller, batch)

    def delete(self, module: str, ids: Sequence[str], triggers: Sequence[str] = ()) -> list[Answer]:
        """Delete records; one Answer each, in order: Done (with the server's time), or Gone where there was none."""
        return writes.delete_records(self._caller, coql.name(module), ids, automations=bool(triggers))

    def remove_tags(self, module: str, ids: Sequence[str], names: Sequence[str]) -> list[Answer]:
        """Take tags away from records; one Answer each, in order, with the server's time."""
        return writes.remove_tags(self._caller, coql.name(module), ids, names)

    # --- attachments -------------------------------------------------------------------------------------------------

    def attachments(self, module: str, record_id: str) -> list[File] | None:
        """What is attached to a record; None where the record is not there."""
        return files.attached(self._caller, module, record_id)

    def download(self, module: str, record_id: str, file: File) -> bytes | None:
        """The content of an attachment, up to 32 MB; None where it is gone."""
        return files.download(self._caller, module, record_id, file)

    def upload(self, module: str, record_id: str, file: File, content: bytes) -> Answer:
        """Attach a file, or the link that it is; Done carries the new attachment's id."""
        return files.upload(self._caller, module, record_id, file, content)

    def detach(self, module: str, record_id: str, file_ids: Sequence[str]) -> list[Answer]:
        """Delete attachments of a record; one Answer each, Gone where there was none."""
        return files.detach(self._caller, module, record_id, file_ids)

    # --- metadata ----------------------------------------------------------------------------------------------------

    def users(self) -> list[User]:
        """Everybody in the org, whether active or not. Raises BadAnswer for an empty list: whoever asks is in it."""
        people: list[User] = []
        nothing: tuple[list[User], bool] = ([], False)
        for page in range(1, _MOST_PAGES + 1):
            params = {"type": "AllUsers", "page": str(page), "per_page": str(reads.PAGE)}
            call = Call(method="GET", path="users", scope="ZohoCRM.users.READ", params=params)
            some, more = self._caller.read(call, metadata.users, nothing)
            people += some
            if not people:
                raise BadAnswer(self.org.name, "GET users names nobody, not even the user who asks")
            if not more:
                return people
        raise BadAnswer(self.org.name, f"GET users has more than {_MOST_PAGES} pages")

    def me(self) -> str:
        """The id of the user that the credential stands for."""
        return whoami.me(self._caller)

    def rights(self) -> Rights | None:
        """What the profile of the user lets that the credential stands for; None where the org does not say."""
        return whoami.rights(self._caller)

    def profile(self) -> OrgProfile:
        """Who the org says it is."""
        call = Call(method="GET", path="org", scope="ZohoCRM.org.READ")
        found = self._caller.read(call, metadata.profile, None)
        if found is None:
            raise BadAnswer(self.org.name, "GET org was answered with nothing")
        return found

    def modules(self) -> list[ModuleInfo]:
        """Every module of the org, those that cannot be read included."""
        call = Call(method="GET", path="settings/modules", scope="ZohoCRM.settings.modules.READ")
        return self._caller.read(call, metadata.modules, [])

    def schema(self, module: str) -> Schema:
        """The fields of a module. Raises RequestRefused for a module that does not exist or shows no field."""
        call = Call(
            method="GET",
            path="settings/fields",
            scope="ZohoCRM.settings.fields.READ",
            params={"module": coql.name(module)},
        )
        try:
            found = self._caller.read(call, lambda answer: metadata.schema(module, answer), None)
        except RequestRefused as error:
            if error.code != "INVALID_MODULE":
                raise
            what, hint = (
                f"there is no module {module}",
                "Name it by its API name (in Zoho: Setup > Developer Hub > APIs > API Names)",
            )
            raise RequestRefused(self.org.name, what, hint, code=error.code, details=error.details) from None
        if found is None:
            what, hint = f"{module} shows no fields", "Give the API user's profile access to the module"
            raise RequestRefused(self.org.name, what, hint, code="NO_FIELDS", details={})
        return found

    def create_text_field(self, module: str, label: str, length: int = 100, *, unique: bool = True) -> Field:
        """Create a custom single-line field, and give it as the metadata then shows it.

        Zoho makes the API name from the label. Also raises CallUncertain. Costs 10 credits.
        """
        newfield.create(self._caller, coql.name(module), label, length, unique=unique)
        return newfield.made(self.org.name, self.schema(module), label, unique=unique)
