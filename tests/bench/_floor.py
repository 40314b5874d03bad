"""The floor: the same reads and writes, as many at once as allowed, by a bare httpx client without planning or ledger.

And what people would write instead, for its price: a loop as the official SDK invites to, a script as in Zoho's help (a
token and a POST a record), and a copy page by page that does not know what it has sent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import httpx
import orjson

from tests.bench._orgs import FIELDS, MODULE
from tests.bench._stand import KEY, Stand

PAGE: Final = 2_000
BATCH: Final = 100
_JSON: Final = {"Content-Type": "application/json"}
Row = dict[str, Any]


class Floor:
    """Copies a module, and remembers which record stands for which."""

    def __init__(self, stand: Stand, at_once: int) -> None:
        self._source, self._target = stand.client(stand.a), stand.client(stand.b)
        self._at_once = at_once
        self._ids: dict[str, str] = {}

    def backfill(self) -> None:
        """Every record of the source is made in the target."""
        for rows, answers in self._written(self._pages(""), "POST", self._whole):
            self._ids.update({row["id"]: answer["details"]["id"] for row, answer in zip(rows, answers, strict=True)})

    def catch_up(self, since: str) -> None:
        """What was changed since then and says `Town` is updated: one field, as the daemon sends it."""
        pages = ([row for row in page if row["City"].startswith("Town")] for page in self._pages(_changed(since)))
        for _ in self._written(pages, "PUT", lambda row: {"id": self._ids[row["id"]], "City": row["City"]}):
            pass

    def copy(self, since: str) -> None:
        """Whatever was touched since then is sent as it is: what a copy page by page without a digest does."""
        pages = self._pages(_changed(since))
        for _ in self._written(pages, "PUT", lambda row: {**self._whole(row), "id": self._ids[row["id"]]}):
            pass

    @staticmethod
    def _whole(row: Row) -> Row:
        return {KEY: row["id"], **{name: row[name] for name in FIELDS}}

    def _pages(self, where: str) -> Iterator[list[Row]]:
        after, columns = "0", ",".join((*FIELDS, "Modified_Time"))
        while True:
            query = f"select {columns} from {MODULE} where {where}id > {after} order by id asc limit {PAGE}"  # noqa: S608
            reply = self._source.post("coql", content=orjson.dumps({"select_query": query}), headers=_JSON)
            if reply.status_code == httpx.codes.NO_CONTENT:
                return
            page = orjson.loads(reply.content)
            yield page["data"]
            if not page["info"]["more_records"]:
                return
            after = page["data"][-1]["id"]

    def _written(self, pages: Iterator[list[Row]], method: str, shape: Any) -> Iterator[tuple[list[Row], list[Row]]]:
        free = threading.Semaphore(self._at_once)

        def send(rows: list[Row]) -> tuple[list[Row], list[Row]]:
            try:
                body = orjson.dumps({"data": [shape(row) for row in rows], "trigger": []})
                reply = self._target.request(method, MODULE, content=body, headers=_JSON)
                answers = orjson.loads(reply.content)["data"]
                if any(answer["code"] != "SUCCESS" for answer in answers):
                    raise SystemExit(f"the floor was refused: {answers[0]}")
                return rows, answers
            finally:
                free.release()

        with ThreadPoolExecutor(self._at_once) as crew:
            flying: list[Future[tuple[list[Row], list[Row]]]] = []
            left: list[Row] = []
            for page in _ahead(pages):
                left += page
                while len(left) >= BATCH:
                    free.acquire()
                    flying.append(crew.submit(send, left[:BATCH]))
                    left = left[BATCH:]
            if left:
                free.acquire()
                flying.append(crew.submit(send, left))
            for future in flying:
                yield future.result()


def _ahead(pages: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """The same, each read while the one before is worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = reader.submit(next, pages, None)
            yield page


def _changed(since: str) -> str:
    return f"Modified_Time >= '{since}' and "


def sdk_loop(stand: Stand) -> None:
    """Every page of the list, and an upsert of it: what an hour with the SDK comes to."""
    source, target = stand.client(stand.a), stand.client(stand.b)
    token, more = {}, True
    while more:
        params = {"fields": ",".join(FIELDS), "per_page": "200", **token}
        page = source.get(MODULE, params=params).json()
        for start in range(0, len(page["data"]), BATCH):
            rows = [Floor._whole(row) for row in page["data"][start : start + BATCH]]
            body = {"data": rows, "duplicate_check_fields": [KEY]}
            target.post(f"{MODULE}/upsert", json=body).raise_for_status()
        more, token = page["info"]["more_records"], {"page_token": page["info"]["next_page_token"]}


def script(stand: Stand, rows: int) -> None:
    """A refreshed token and one POST for each record, as a function that a workflow calls."""
    source = stand.client(stand.a)
    page = source.get(MODULE, params={"fields": ",".join(FIELDS), "per_page": str(min(rows, 200))}).json()["data"]
    for row in page[:rows]:
        with stand.client(stand.b) as target:
            target.post(f"{MODULE}/upsert", json={"data": [Floor._whole(row)], "duplicate_check_fields": [KEY]})
