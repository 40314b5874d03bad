"""Everything beside the work that lets others watch it: the pages of the endpoint, and the thread of the alerts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Final

from daemon.ledger import Ledger, LedgerError, Reader
from daemon.service.alerts import Alerts
from daemon.service.asking import Asking
from daemon.service.endpoint import Endpoint, Page, Pages
from daemon.settings import Settings
from daemon.sync.catalog import Catalog

_SCRAPE_S: Final = 8.0  # Prometheus waits for 10
_LAST_S: Final = 2.0  # for an alert on its way at the end; one that takes longer is told again, under the same id


@contextmanager
def watched(
    settings: Settings,
    ledger: Ledger,
    orgs: Mapping[str, Catalog],
    stop: threading.Event,
    *,
    alive: Callable[[], bool],
    now: Callable[[], datetime],
    endpoint: Endpoint | None,
    ledger_trouble: Callable[[], str | None],
) -> Iterator[None]:
    """While the block runs, the endpoint (if there is one) shows it, and alerts are told (if the settings ask).
    `ledger_trouble` says why the ledger takes no writes, None where it does.
    """
    if endpoint is None and not settings.alerts:
        yield
        return
    with ExitStack() as open_, Reader.open(settings.ledger_url, settings.ledger_password) as reader:
        if endpoint is not None:
            endpoint.show(_pages(settings, reader, orgs, alive, now, ledger_trouble))
        if settings.alerts:
            alerts = Alerts(settings, ledger, reader, orgs, now)
            thread = threading.Thread(target=alerts.run, args=(stop,), name="alerts", daemon=True)
            thread.start()
            open_.callback(thread.join, _LAST_S)
            open_.callback(stop.set)
        yield


def _pages(
    settings: Settings,
    reader: Reader,
    orgs: Mapping[str, Catalog],
    alive: Callable[[], bool],
    now: Callable[[], datetime],
    ledger_trouble: Callable[[], str | None],
) -> Pages:
    from daemon.service.metrics import Metrics  # noqa: PLC0415  its library is loaded only where somebody asks

    streams = tuple(stream.address for stream in settings.streams())
    scraping, looking = Asking(_SCRAPE_S), Asking()  # a scrape may take longer, and delays nobody else
    metrics = Metrics(streams, orgs, reader, scraping, now, settings.budgets)

    def healthz() -> Page:
        return Page(content="ok\n") if alive() else Page(content="no progress: a stream hangs\n", status=503)

    def readyz() -> Page:
        lines = ["settings: ok", f"ledger: {_ledger(reader, looking, ledger_trouble)}"]
        lines += [f"org {name}: {'ok' if org.zoho.server_time else 'has not answered'}" for name, org in orgs.items()]
        ready = all(line.endswith(": ok") for line in lines)
        return Page(content="\n".join(lines) + "\n", status=200 if ready else 503)

    return {"/metrics": metrics.page, "/healthz": healthz, "/readyz": readyz}


def _ledger(reader: Reader, asking: Asking, trouble: Callable[[], str | None]) -> str:
    try:
        asking.ask(reader.comparing)
    except LedgerError:
        return "cannot be read"
    return "cannot be written" if trouble() else "ok"
