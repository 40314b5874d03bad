"""The orgs of a benchmark, in a process of their own: so that their CPU and memory are not counted as the daemon's.

Prints the emulator's document, then answers each line of JSON on stdin with one on stdout: {"do": "edit", "count",
"share", "first", "a_second"}, {"do": "elapse", "seconds"} or {"do": "spent"}.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from datetime import UTC, datetime
from typing import Any

from daemon.emulator import Emulator
from daemon.emulator.hands import Hands
from daemon.emulator.store import Record

MODULE = "Leads"
FIELDS = (
    "Last_Name", "First_Name", "Company", "Email", "Phone", "City", "State", "Country", "Lead_Source", "Lead_Status",
    "Industry", "Annual_Revenue", "No_of_Employees", "Street", "Zip_Code", "Website", "Designation", "Description",
    "Mobile", "Fax",
)  # fmt: skip
_BEGAN = 1_700_000_000
_A_SECOND = 3
_PART = 5_000
_LIFE_S = 10**7  # of an access token, by a clock that edits move on


def lead(number: int, owner: int) -> Record:
    """A record of 20 filled fields; every third second has one."""
    values = {
        "Last_Name": f"Name {number}", "First_Name": f"First {number % 997}", "Company": f"Company {number}",
        "Email": f"person{number}@example.com", "Phone": f"+43 1 {number}", "City": f"City {number % 5000}",
        "State": "Styria", "Country": "AT", "Lead_Source": "Trade Show", "Lead_Status": "Contacted",
        "Industry": "MSP (Management Service Provider)", "Annual_Revenue": float(number % 9_973),
        "No_of_Employees": number % 4_001, "Street": f"Street {number}", "Zip_Code": str(number % 9_000),
        "Website": f"https://example.com/{number}", "Designation": "Buyer", "Description": f"About {number}",
        "Mobile": f"+43 2 {number}", "Fax": f"+43 3 {number}",
    }  # fmt: skip
    stamp = _BEGAN + number // _A_SECOND
    return Record(5_100_000_000_000_000_000 + number, stamp, stamp, owner, owner, owner, values)


def plant(emu: Emulator, records: int) -> None:
    """India has the records, us the key field."""
    emu.quirks(token_throttle="off")
    for site in emu.world.sites.values():
        site.meter.allowance = 10**9
    unique = {"case_sensitive": False}
    emu.orgs["us"].add_field(MODULE, field_label="Source Record ID", data_type="text", length=60, unique=unique)
    org = emu.world.sites["india"].org
    for first in range(0, records, _PART):
        part = [lead(number, org.administrator.id) for number in range(first, min(records, first + _PART))]
        org.tables[MODULE].load(part)
    gc.freeze()  # so many dictionaries are not garbage to be looked for


def edit(emu: Emulator, count: int, share: float, first: int, a_second: int) -> int:
    """So many records from the place `first` on are edited, so many `a_second`, a `share` of them without another
    value. How many were.
    """
    numbers = list(emu.world.sites["india"].org.tables[MODULE].ids[first : first + count])
    when = emu.world.clock.stamp()
    for begin in range(0, len(numbers), _PART):

        def do(hands: Hands, begin: int = begin) -> None:
            for place, number in enumerate(numbers[begin : begin + _PART], begin):
                equal = place < len(numbers) * share
                if place % a_second == 0:
                    emu.world.clock.advance(1.0)
                hands.edit("india", MODULE, number, {} if equal else {"City": f"Town {place} {when}"})

        emu.do(do)
    return len(numbers)


def spent(emu: Emulator) -> dict[str, Any]:
    """Credits by org and kind of call so far, and how many records both orgs hold."""
    sites = emu.world.sites
    return {
        "credits": {name: dict(site.meter.by_kind) for name, site in sites.items()},
        "held": {name: len(site.org.tables[MODULE]) for name, site in sites.items()},
    }


def main() -> int:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    with Emulator(latency=given.latency, access_lifetime=_LIFE_S) as emu:
        plant(emu, given.records)
        _say(emu.document())
        for line in sys.stdin:
            asked = json.loads(line)
            if asked["do"] == "edit":
                began = datetime.fromtimestamp(emu.world.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
                edited = edit(emu, asked["count"], asked["share"], asked["first"], asked["a_second"])
                _say({"edited": edited, "since": began})
            elif asked["do"] == "elapse":
                emu.clock(advance=asked["seconds"])
                _say({})
            else:
                _say(spent(emu))
    return 0


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
