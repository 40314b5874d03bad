"""`orgsync run --metrics` as an administrator runs it: a process, an emulated Zoho, and HTTP."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.postgres import Server, running_server
from tests.service.receiver import receiving
from tests.service.site import Site, until
from tests.service.systemd import Heard

ROOT = Path(__file__).parents[2]
LEADS = "india-to-us/Leads"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


def get(port: int, path: str) -> httpx.Response | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5)
    except httpx.TransportError:
        return None


def status(port: int, path: str) -> int | None:
    answer = get(port, path)
    return answer and answer.status_code


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """Every sample as (name, label values in the order of their names) -> value, read by Prometheus's own parser."""
    answer = get(port, "/metrics")
    assert answer is not None
    assert answer.status_code == 200
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }


def leads(site: Site, count: int) -> list[str]:
    return [site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(count)]


def test_the_metrics_are_the_ledger_at_the_moment_of_the_scrape(site: Site, port: int) -> None:
    leads(site, 3)
    site.emu.quirks(unknown_picklist="reject")
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Lead_Source": "Carrier Pigeon"})
    site.start("run", "--metrics", f"127.0.0.1:{port}")
    until(lambda: len(site.emu.orgs["us"].records("Leads")) == 3)
    until(lambda: status(port, "/readyz") == 200)
    until(lambda: scrape(port).get(("orgsync_stream_health", "held", LEADS)) == 1)
    seen = scrape(port)
    assert seen["orgsync_stream_outcomes_last_hour", "created", LEADS] == 3
    assert seen["orgsync_stream_queue", "INVALID_DATA", "held", LEADS] == 1
    assert seen["orgsync_stream_health", "ok", LEADS] == 0
    assert seen["orgsync_stream_unbalanced_cycles", LEADS] == 0
    assert seen["orgsync_stream_fuse_blown", LEADS] == 0
    assert 0 <= seen["orgsync_stream_lag_seconds", LEADS] < 60
    assert seen["orgsync_stream_poll_interval_seconds", LEADS] == 1
    first = seen["orgsync_stream_last_success_timestamp_seconds", LEADS]
    until(lambda: scrape(port)["orgsync_stream_last_success_timestamp_seconds", LEADS] > first)
    assert seen["orgsync_org_credits_spent_total", "us"] > 0
    assert seen["orgsync_org_credits_day", "us"] > 0
    assert seen["orgsync_org_credits_allow", "us", "everything"] == 1
    assert seen["orgsync_org_token_refused", "us"] == 0
    assert seen["orgsync_org_token_renewals", "us"] == 1
    assert seen["orgsync_ledger_up",] == 1
    assert "Carrier" not in str(seen)
    document = (ROOT / "docs" / "watching.md").read_text()
    names = {name for name, *_ in seen} | {"orgsync_org_credits_remaining", "orgsync_org_credits_ceiling"}
    assert set(re.findall(r"^\| `(orgsync_\w+)", document, re.MULTILINE)) == names


def test_ready_needs_both_orgs_and_alive_needs_none(site: Site, port: int) -> None:
    site.emu.orgs["us"].faults.add(effect="status", status=503)
    site.start("run", "--metrics", str(port))
    until(lambda: status(port, "/readyz") == 503 and "org india: ok" in str(get(port, "/readyz").text))  # type: ignore[union-attr]
    answer = get(port, "/readyz")
    assert answer is not None
    assert answer.text.splitlines() == [
        "settings: ok",
        "ledger: ok",
        "org india: ok",
        "org us: has not answered",
    ]
    assert status(port, "/healthz") == 200
    site.emu.clear_faults()
    until(lambda: status(port, "/readyz") == 200)


def use(site: Site, url: str) -> None:
    with site.settings.open("a") as settings:
        settings.write(f'[ledger]\nurl = "{url}"\n')


def test_a_ledger_that_cannot_be_read_is_shown_and_no_page_breaks(site: Site, port: int, server: Server) -> None:
    use(site, server.make("watched"))
    site.start("run", "--metrics", str(port))
    until(lambda: status(port, "/readyz") == 200)
    server.stop()
    until(lambda: ("orgsync_ledger_up",) in scrape(port) and scrape(port)["orgsync_ledger_up",] == 0)
    answer = get(port, "/readyz")
    assert answer is not None
    assert (answer.status_code, "ledger: cannot be read" in answer.text) == (503, True)
    assert status(port, "/healthz") == 200
    server.start()
    until(lambda: status(port, "/readyz") == 200)


def test_a_ledger_that_takes_no_writes_is_not_ready_and_no_stream_is_said_to_be_kept(
    site: Site, port: int, server: Server, heard: Heard
) -> None:
    use(site, server.make("standby"))
    site.start("run", "--metrics", str(port))
    until(lambda: status(port, "/readyz") == 200)
    until(lambda: heard.status() == "keeping 1 of 1 streams in step")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'standby'"
    server.sql("postgres", f"ALTER DATABASE standby SET default_transaction_read_only = on; {end}")
    until(lambda: "ledger: cannot be written" in str(get(port, "/readyz") and get(port, "/readyz").text))  # type: ignore[union-attr]
    assert status(port, "/readyz") == 503
    until(lambda: "nothing is carried: the ledger" in heard.status() and "keeping 0 of 1" in heard.status())
    server.sql("postgres", f"ALTER DATABASE standby RESET default_transaction_read_only; {end}")
    until(lambda: status(port, "/readyz") == 200)
    until(lambda: heard.status() == "keeping 1 of 1 streams in step")
    assert "Traceback" not in site.log()


def test_a_server_that_hangs_keeps_no_page_and_no_end_waiting(site: Site, port: int, server: Server) -> None:
    use(site, server.make("hanging"))
    process = site.start("run", "--metrics", str(port))
    until(lambda: status(port, "/readyz") == 200)
    with server.frozen():
        began = time.monotonic()
        assert status(port, "/readyz") == 503
        assert time.monotonic() - began < 5
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(12) == 0
        assert time.monotonic() - began < 10
    assert "something hangs" in site.log()
    assert "Traceback" not in site.log()


def test_another_machine_is_not_listened_to_unless_that_is_meant(site: Site, port: int) -> None:
    site.blank = False
    said = site.call("run", "--metrics", f"0.0.0.0:{port}")
    assert said.returncode == 64
    assert "--metrics-public" in said.stderr
    assert not (site.folder / "state").exists()
    site.start("run", "--metrics", f"0.0.0.0:{port}", "--metrics-public")
    until(lambda: status(port, "/readyz") == 200)


def test_a_port_that_is_taken_stops_the_start_with_a_message(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = site.call("run", "--metrics", f"127.0.0.1:{taken.getsockname()[1]}")
    assert said.returncode == 69  # at the next start it may be free: systemd is to try that
    assert "(Address already in use); nothing was started" in said.stderr
    assert "Traceback" not in said.stderr


def test_without_the_option_nothing_listens_and_sigterm_ends_it_with_it(site: Site, port: int) -> None:
    process = site.start("run", "--metrics", str(port))
    until(lambda: status(port, "/readyz") == 200)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert status(port, "/healthz") is None


def test_the_daemon_tells_a_blown_fuse_to_a_webhook_once_across_a_kill(site: Site) -> None:
    with receiving() as hook:
        site.env["HOOK"] = hook.url
        text = site.settings.read_text().replace(
            "modules.Leads]", 'modules.Leads]\ndeletes = "delete"\nfuse = { deletes = 0 }'
        )
        site.settings.write_text(f'[alerts]\nwebhook = {{ env = "HOOK" }}\n{text}')
        mine = leads(site, 2)
        process = site.start("run", "--log-json")
        until(lambda: len(site.emu.orgs["us"].records("Leads")) == 2)
        hook.status = 503
        site.emu.orgs["india"].delete("Leads", mine[0])  # one alone: of two a poll may see the first, and tell of that
        until(lambda: hook.refused)
        process.kill()
        process.wait()
        hook.status = 200
        site.start("run", "--log-json")
        until(lambda: hook.got, 90)  # it may have been killed while it told: then its lease has to end
        command = hook.got[0]["command"]
        assert command == f'orgsync release {LEADS} --accept 1 --reason "…"'
        assert site.call("release", LEADS, "--accept", "1", "--reason", "meant").returncode == 0
        until(lambda: len(hook.got) == 2, 30)
        assert hook.events() == [("opened", "fuse"), ("resolved", "fuse")]
        assert hook.url not in site.log()
        assert "the-key-of-the-hook" not in site.log()
