"""What Prometheus reads (docs/watching.md): the ledger as it is at this moment, and this process's calls to the orgs.

Labels are streams, orgs, and words of orgsync's and Zoho's; never ids or values of records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from daemon.core.alerts import KINDS
from daemon.core.budget import ALLOWS, UNLIMITED, Account, Budget, judge
from daemon.core.outcome import OUTCOMES
from daemon.ledger import LedgerError, Reader, StreamStatus
from daemon.ledger.watching import Watched
from daemon.service.asking import Asking
from daemon.service.endpoint import Page
from daemon.sync.catalog import Catalog

_HEALTHS: Final = ("ok", "held", "behind", "silent", "stopped", "unbalanced")


class Metrics(Collector):
    """The metrics of some streams and orgs."""

    def __init__(
        self,
        streams: tuple[str, ...],
        orgs: Mapping[str, Catalog],
        reader: Reader,
        asking: Asking,
        now: Callable[[], datetime],
        budgets: Mapping[str, Budget],
    ) -> None:
        self._budgets = budgets
        self._streams = streams
        self._orgs = orgs
        self._reader = reader
        self._asking = asking
        self._now = now
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def page(self) -> Page:
        """All of them as text."""
        return Page(content=generate_latest(self._registry).decode(), kind=CONTENT_TYPE_PLAIN_0_0_4)

    def describe(self) -> list[Metric]:
        """Nothing: so that the ledger is not asked before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("orgsync_build", "The version that runs", {"version": version("orgsync")})
        yield from self._of_orgs()
        up = GaugeMetricFamily("orgsync_ledger_up", "1 when the ledger could be read for this answer, else 0")
        try:
            watched, streams = self._asking.ask(lambda: (self._reader.watched(self._now()), self._reader.streams()))
        except LedgerError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from self._of_streams({one.stream: one for one in streams}, watched)
        yield from self._of_budgets(watched)
        yield from self._of_ledger(watched)

    def _of_orgs(self) -> Iterator[Metric]:
        spent = CounterMetricFamily(
            "orgsync_org_credits_spent", "API credits that this process has spent, by Zoho's price list", labels=["org"]
        )
        left = _gauge("orgsync_org_credits_remaining", "API credits left; absent while more than half are", "org")
        refused = _gauge("orgsync_org_token_refused", "1 while Zoho refuses the refresh token", "org")
        renewals = _gauge("orgsync_org_token_renewals", "Access token renewals of the last 10 minutes", "org")
        for name, org in self._orgs.items():
            spent.add_metric([name], org.zoho.credits_total)
            forecast, credential = org.zoho.credits_forecast(), org.zoho.credential()
            if forecast.remaining is not None:
                left.add_metric([name], forecast.remaining)
            if credential is not None:
                refused.add_metric([name], credential.refused is not None)
                renewals.add_metric([name], credential.renewals)
        yield from (spent, left, refused, renewals)

    def _of_budgets(self, watched: Watched) -> Iterator[Metric]:
        day = _gauge("orgsync_org_credits_day", "API credits that orgsync spent in the last 24 hours", "org")
        ceiling = _gauge(
            "orgsync_org_credits_ceiling", "The most of them that it may spend; absent for no limit", "org"
        )
        allow = _gauge("orgsync_org_credits_allow", "1 for what they let run, else 0", "org", "what")
        for org in self._orgs:
            budget, account = self._budgets.get(org, UNLIMITED), watched.accounts.get(org, Account())
            leeway = judge(org, budget, account, self._now())
            day.add_metric([org], leeway.spent)
            if budget.ceiling is not None:
                ceiling.add_metric([org], budget.ceiling)
            for what in ALLOWS:
                allow.add_metric([org, what], leeway.allows == what)
        yield from (day, ceiling, allow)

    def _of_streams(self, shown: Mapping[str, StreamStatus], watched: Watched) -> Iterator[Metric]:
        health = _gauge("orgsync_stream_health", "1 for the health that the stream has, else 0", "stream", "health")
        lag = _gauge("orgsync_stream_lag_seconds", "How far the target is behind the source", "stream")
        success = _gauge(
            "orgsync_stream_last_success_timestamp_seconds", "When the source was last read without trouble", "stream"
        )
        poll = _gauge("orgsync_stream_poll_interval_seconds", "How often the source is asked", "stream")
        off = _gauge("orgsync_stream_unbalanced_cycles", "Cycles whose outcomes are not what was seen", "stream")
        fuse = _gauge("orgsync_stream_fuse_blown", "1 while a fuse stops the stream, else 0", "stream")
        hour = _gauge("orgsync_stream_outcomes_last_hour", "Changes dealt with in the last hour", "stream", "outcome")
        queue = _gauge("orgsync_stream_queue", "Records in the retry queue", "stream", "state", "cause")
        blown = {one.stream for one in watched.fuses}
        for stream in self._streams:
            status, polling = shown.get(stream) or StreamStatus(stream=stream, health="silent"), watched.polling
            for one in _HEALTHS:
                health.add_metric([stream, one], status.health == one)
            if status.lag_s is not None:
                lag.add_metric([stream], status.lag_s)
            if (known := polling.get(stream)) is not None:
                poll.add_metric([stream], known.poll_s)
                if known.read_at is not None:
                    success.add_metric([stream], known.read_at.timestamp())
            off.add_metric([stream], watched.unbalanced.get(stream, 0))
            fuse.add_metric([stream], stream in blown)
            for outcome in OUTCOMES:
                hour.add_metric([stream, outcome], watched.outcomes.get(stream, {}).get(outcome, 0))
        for labels, records in sorted(watched.queue.items()):
            if labels[0] in self._streams:
                queue.add_metric(list(labels), records)
        yield from (health, lag, success, poll, off, fuse, hour, queue)

    def _of_ledger(self, watched: Watched) -> Iterator[Metric]:
        going_on = _gauge("orgsync_alerts_open", "Incidents that go on", "kind")
        for kind in KINDS:
            going_on.add_metric([kind], watched.open_alerts.get(kind, 0))
        yield going_on
        untold = GaugeMetricFamily("orgsync_alerts_untold", "Alerts that the webhook or command has still to take")
        untold.add_metric([], watched.untold)
        yield untold


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=labels)
