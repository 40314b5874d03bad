"""How fast the emulator is, and how much it remembers: `python -m tests.bench.emulator [--full]`.

Figures are given beside a floor measured in the same run: a bare uvicorn application that sends a prebuilt page to the
same client. A noisy machine slows both; the ratio stays.
"""

from __future__ import annotations

import gc
import http.client
import json
import multiprocessing
import os
import random
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from daemon.emulator import Emulator
from daemon.emulator.store import Record
from tests.bench._figures import Figure, end, parser, say

FIELDS = (
    "Last_Name,First_Name,Company,Email,Phone,City,State,Country,Lead_Source,Lead_Status,Industry,Annual_Revenue,"
    "No_of_Employees,Street,Zip_Code,Website,Designation,Description,Modified_Time,Owner"
)
PAGES, CLIENTS, FULL, SAMPLE = 600, 4, 1_000_000, 100_000


def _walk(url: str, paths: list[str], headers: dict[str, str], body: bytes | None) -> None:
    """A client process: asks for every path over one connection."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0)
    for path in paths:
        connection.request("POST" if body else "GET", path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{path}: {answer.status}")


def per_second(url: str, paths: list[str], headers: dict[str, str], body: bytes | None = None) -> float:
    """Answers a second, with the clients in other processes (their start is not counted)."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(CLIENTS) as pool:
        pool.map(time.sleep, [0.2] * CLIENTS)
        parts = [(url, paths[place::CLIENTS], headers, body) for place in range(CLIENTS)]
        started = time.perf_counter()
        pool.starmap(_walk, parts)
        return len(paths) / (time.perf_counter() - started)


def floor(page: bytes, headers: dict[str, str]) -> float:
    """What uvicorn alone can do with a page of this size."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        length = (b"content-length", str(len(page)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": page})

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    found = per_second(f"http://127.0.0.1:{port}", ["/"] * PAGES, headers)
    server.should_exit = True
    thread.join(5)
    return found


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - procfs
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def leads(first: int, count: int, owner: int) -> list[Record]:
    """Records of 20 filled fields, texts of their own."""
    dice, made, epoch = random.Random(first), [], 1_700_000_000
    for number in range(first, first + count):
        values = {
            "Last_Name": f"Name {number}", "First_Name": f"First {number % 997}", "Company": f"Company {number}",
            "Email": f"person{number}@example.com", "Phone": f"+43 1 {number}", "City": f"City {number % 5000}",
            "State": "Styria", "Country": "AT", "Lead_Source": "Trade Show", "Lead_Status": "Contacted",
            "Industry": "MSP (Management Service Provider)", "Annual_Revenue": dice.random() * 1e6,
            "No_of_Employees": number, "Street": f"Street {number}", "Zip_Code": str(number % 9000),
            "Website": f"https://example.com/{number}", "Designation": "Buyer", "Description": f"About {number}",
            "Mobile": f"+43 2 {number}", "Fax": f"+43 3 {number}",
        }  # fmt: skip
        stamp = epoch + number // 3
        made.append(Record(5_100_000_000_000_000_000 + number, stamp, stamp, owner, owner, owner, values))
    return made


def memory(emu: Emulator, count: int) -> tuple[float, float]:
    """Bytes a record of 20 fields takes, and records loaded a second."""
    org = emu.world.sites["us"].org
    gc.collect()
    before, started = resident(), time.perf_counter()
    for first in range(0, count, 50_000):
        org.tables["Leads"].load(leads(first, 50_000, org.administrator.id))
    spent = time.perf_counter() - started
    gc.freeze()  # a million dictionaries are not garbage to be looked for
    return (resident() - before) / count, count / spent


def token_paths(url: str, headers: dict[str, str], count: int) -> list[str]:
    """The paths of a walk by page_token, found by walking it once."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0)
    base = f"/crm/v8/Leads?fields={FIELDS}"
    paths = [base]
    while len(paths) < count:
        connection.request("GET", paths[-1], headers=headers)
        token = json.loads(connection.getresponse().read())["info"]["next_page_token"]
        if token is None:
            break
        paths.append(f"{base}&page_token={token}")
    return paths


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    options = parser(__doc__)
    options.add_argument("--full", action="store_true", help="load a whole million records")
    given = options.parse_args()
    count = FULL if given.full else SAMPLE
    with Emulator() as emu:
        emu.quirks(concurrency_caps="off", token_throttle="off")
        emu.world.sites["us"].meter.allowance = 10**9
        each, loaded = memory(emu, count)
        say(f"memory: {each:,.0f} bytes a record of 20 fields, {each * FULL / 1e9:.2f} GB a million ({count:,} loaded)")
        say(f"loading: {loaded:,.0f} records/s")
        started = time.perf_counter()
        emu.seed("india", records=20_000)
        say(f"seeding: {20_000 / (time.perf_counter() - started):,.0f} records/s")
        org = emu.orgs["us"]
        headers = org.headers()
        plain = [f"/crm/v8/Leads?fields={FIELDS}&page={1 + n % 10}" for n in range(PAGES)]
        address = urlsplit(org.base_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 0)
        connection.request("GET", plain[0], headers=headers)
        page = connection.getresponse().read()
        base = floor(page, headers)
        say(f"floor: {base:,.0f} prebuilt pages/s of {len(page):,} bytes")
        query = json.dumps({"select_query": f"select {FIELDS} from Leads where id is not null limit 200"}).encode()  # noqa: S608
        sorted_by = [path + "&sort_by=Modified_Time&sort_order=asc" for path in plain]
        figures = {
            "pages of 200 by number": per_second(org.base_url, plain, headers),
            "pages by Modified_Time": per_second(org.base_url, sorted_by, headers),
            "pages by page_token": per_second(org.base_url, token_paths(org.base_url, headers, 400), headers),
            "COQL pages of 200": per_second(org.base_url, ["/crm/v8/coql"] * PAGES, headers, query),
        }
        for name, rate in figures.items():
            say(f"{name}: {rate:,.0f}/s, {rate * 200:,.0f} records/s, {rate / base:.0%} of the floor")
        record = {"Last_Name": "x", "Company": "c", "City": "Graz"}
        body = json.dumps({"data": [record] * 100, "trigger": []}).encode()
        writes = per_second(org.base_url, ["/crm/v8/Leads"] * 200, headers, body)
        say(f"writes: {writes:,.0f} calls of 100/s, {writes * 100:,.0f} records/s")
    pages = Figure(
        name="emulator: pages of 200 a second", values=[figures["pages of 200 by number"]], digits=0, least=300
    )
    million = Figure(name="emulator: memory of a million records", values=[each * FULL / 1e9], unit=" GB", most=3.0)
    return end([pages, million], given)


if __name__ == "__main__":
    sys.exit(main())
