"""What the people of the soak write, and what the target must hold of it: a table of its own, read over HTTP.

Imports nothing of the product but the demo's few lines of httpx.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from daemon.demo.caller import Caller

_NAMES: Final = {
    "Accounts": "Account_Name",
    "Contacts": "Last_Name",
    "Leads": "Last_Name",
    "Deals": "Deal_Name",
    "Products": "Product_Name",
    "Vendors": "Vendor_Name",
    "Campaigns": "Campaign_Name",
    "Cases": "Subject",
    "Price_Books": "Price_Book_Name",
    "Tasks": "Subject",
}
_MORE: Final[dict[str, dict[str, Any]]] = {
    "Leads": {"Company": "Spätkauf"},
    "Deals": {"Stage": "Qualification", "Closing_Date": "2027-05-01"},
    "Cases": {"Status": "New", "Case_Origin": "Phone"},
}
_CHILDREN: Final = ("Contacts", "Deals")  # of an account each
MODULES: Final = tuple(_NAMES)


def newcomer(module: str, number: int, accounts: Sequence[str], dice: random.Random) -> dict[str, Any]:
    """A new record, that both orgs accept."""
    row = {_NAMES[module]: f"Ньюком {number}", "Description": "new", **_MORE.get(module, {})}
    return row | ({"Account_Name": {"id": dice.choice(accounts)}} if module in _CHILDREN and accounts else {})


def differences(a: Caller, b: Caller, key: str) -> list[str]:
    """A sentence for every record of A without its equal in B, and for every one of B that nobody asked for."""
    zgid = str(a.get("org")["org"][0]["zgid"])
    names = {module: [_NAMES[module], "Description", *_MORE.get(module, {})] for module in MODULES}
    lookups = {module: ["Account_Name"] if module in _CHILDREN else [] for module in MODULES}
    theirs = {module: list(b.records(module, [*names[module], *lookups[module], key])) for module in MODULES}
    account_keys = {row["id"]: row[key] for row in theirs["Accounts"]}
    wrong = []
    for module in MODULES:
        found = {str(row[key]): row for row in theirs[module]}
        wrong += [
            f"{module} {k} is in B {n} times" for k, n in Counter(str(r[key]) for r in theirs[module]).items() if n > 1
        ]
        mine = {f"{zgid}:{row['id']}": row for row in a.records(module, [*names[module], *lookups[module]])}
        wrong += [f"{module} {k} is not in B" for k in mine.keys() - found.keys()]
        wrong += [f"{module} {k} is in B unasked" for k in found.keys() - mine.keys()]
        for k in mine.keys() & found.keys():
            wrong += [f"{module} {k}: {n} differs" for n in names[module] if mine[k][n] != found[k][n]]
            for n in lookups[module]:
                wanted = None if mine[k][n] is None else f"{zgid}:{mine[k][n]['id']}"
                if wanted != (None if found[k][n] is None else account_keys.get(found[k][n]["id"])):
                    wrong.append(f"{module} {k}: {n} differs")
    return wrong


_READS: Final = ["list", "coql", "get", "metadata"]
WRITES: Final = ["insert", "update", "upsert"]
_QUARTER_PERCENT: Final = 0.005  # of the calls, for each of four kinds of fault: 2 % in all


def faults(seed: int) -> list[dict[str, Any]]:
    """Two of a hundred calls of the daemon fail, in four ways; the people's own writes to the source do not."""
    ways: list[dict[str, Any]] = [
        {"effect": "status", "status": 500},
        {"effect": "html", "status": 502},
        {"effect": "cut"},
        {"effect": "half"},
    ]
    where = [("india", _READS), ("us", _READS), ("us", WRITES)]
    return [
        {**way, "org": org, "kind": kinds, "rate": _QUARTER_PERCENT, "seed": seed + 10 * n + m}
        for n, way in enumerate(ways)
        for m, (org, kinds) in enumerate(where)
    ]
