"""How much room the ledger takes, and how fast it grows: `python -m tests.bench.ledger [--links N]`.

For each database the bytes that one more linked record, one more write in the history and one more record in the queue
take, with records of 20 fields; docs/operations.md tells what follows from it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.core.digest import Digests
from daemon.core.ends import Linked
from daemon.ledger import Ledger
from tests.bench._figures import Figure, end, parser, say
from tests.ledger.conftest import NOON, File, Make
from tests.postgres import running_server

PAGE, LINKS = 500, 50_000
FIELDS = [f"Field_Of_Some_Length_{n}" for n in range(20)]
make = Make()
CONTACTS = make.stream("Contacts")


def record_id(number: int, org: int) -> str:
    return f"{org}{10**17 + number}"


def linked(number: int) -> Linked:
    digests = Digests(whole=f"{number:032x}", by_field=dict.fromkeys(FIELDS, f"{number:022x}"))
    return Linked(
        source_id=record_id(number, 5), target_id=record_id(number, 6), digests=digests, target_modified_time=NOON
    )


def pages(count: int) -> Iterator[range]:
    return (range(first, first + PAGE) for first in range(0, count, PAGE))


def link(ledger: Ledger, count: int) -> None:
    for page in pages(count):
        rows = [linked(number) for number in page]
        ledger.settle(CONTACTS, make.page({"adopted": PAGE}, linked=rows), None, NOON)


def write(ledger: Ledger, count: int) -> None:
    """Updates of three fields each."""
    for page in pages(count):
        rows = [make.written(record_id(n, 5), record_id(n, 6), *FIELDS[:3]) for n in page]
        ledger.settle(CONTACTS, make.page({"updated": PAGE}, written=rows), None, NOON)


def hold(ledger: Ledger, count: int) -> None:
    for page in pages(count):
        rows = [make.row(record_id(n, 5), field="Industry", value="Textiles", detail="x" * 60) for n in page]
        ledger.settle(CONTACTS, make.page({"held": PAGE}, queued=rows), None, NOON)


def measure(name: str, url: str, size: Callable[[], int], count: int) -> list[Figure]:
    found = []
    with Ledger.open(url) as ledger:
        ledger.start_stream(CONTACTS, "v1", "create", NOON)
        before = size()
        say(f"{name}: empty {before / 1e6:.1f} MB")
        for what, fill in (("linked record", link), ("write in the history", write), ("record in the queue", hold)):
            started = time.perf_counter()
            fill(ledger, count)
            spent, after = time.perf_counter() - started, size()
            say(f"{name}: {(after - before) / count:,.0f} bytes a {what}, {count / spent:,.0f}/s")
            found.append(Figure(name=f"{name}: bytes a {what}", values=[(after - before) / count], digits=0))
            before = after
    return found


def main() -> int:
    """Print the figures of both databases."""
    options = parser(__doc__)
    options.add_argument("--links", type=int, default=LINKS, help="how many of each")
    given = options.parse_args()
    count = given.links
    with tempfile.TemporaryDirectory() as folder:
        file = File(Path(folder) / "ledger.db")
        size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        figures = measure("SQLite", file.url, lambda: int(file.one(size)), count)
    with running_server() as server:
        url = server.make("bench")
        figures += measure(
            "Postgres", url, lambda: int(server.sql("bench", "SELECT pg_database_size('bench')")[0][0]), count
        )
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
