"""People at work in A: a thread that creates and edits records through Zoho's public API while the daemon copies them.

It knows what it writes: values that both orgs accept, in records without a planted defect. Nothing is spoiled or
mended by accident; a few e-mail addresses are mended on purpose.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from daemon.demo.caller import Caller, Json, Refused
from daemon.demo.expected import MODULES

BEAT_S: Final = 0.08
LOOK_AROUND_CREDITS: Final = 12
"""Four COQL queries of 2,000 rows at 3 credits."""
_TEXTS: Final = (
    *("called back, wants a quote", "Rückruf am Dienstag, bitte", "お見積もりを送付しました。", "客户已付款 ✅"),
    *("ग्राहक संतुष्ट है", "يفضل الاتصال مساءً", "Перезвонить завтра", "다음 주 방문 🗓️"),
    *("வாடிக்கையாளர் காத்திருக்கிறார்", 'O\'Neil said: "yes" & <maybe>', None),
)
Edit = Callable[[random.Random], Json]
_EDITS: Final[dict[str, tuple[Edit, ...]]] = {
    "Accounts": (
        lambda dice: {"Description": dice.choice(_TEXTS)},
        lambda dice: {"Phone": f"+91 44 {dice.randint(10**6, 10**7)}", "Rating": dice.choice(("Active", None))},
        lambda dice: {"Employees": dice.randint(1, 9_000), "Annual_Revenue": dice.randint(1, 10**8) / 100},
        lambda dice: {"Markets": dice.sample(("Asia", "Europe", "Africa", "Oceania"), 2)},
    ),
    "Contacts": (
        lambda dice: {"Description": dice.choice(_TEXTS)},
        lambda dice: {"Mobile": f"+1 (415) 555-{dice.randint(0, 9_999):04d}", "Email_Opt_Out": dice.random() < 0.5},
        lambda dice: {"Department": dice.choice(("Purchasing", "人事部", "R&D", None))},
        lambda dice: {"Last_Meeting": f"2026-0{dice.randint(1, 9)}-15T09:30:00+05:30"},
    ),
    "Leads": (
        lambda dice: {"Description": dice.choice(_TEXTS)},
        lambda dice: {"Lead_Status": dice.choice(("Contacted", "Junk Lead", "Pre-Qualified", None))},
        lambda dice: {"No_of_Employees": dice.randint(0, 90_000), "City": dice.choice(("Chennai", "東京", "Київ"))},
    ),
    "Deals": (
        lambda dice: {"Amount": dice.randint(1, 10**9) / 100, "Probability": dice.choice((10, 50, 100))},
        lambda dice: {"Stage": dice.choice(("Qualification", "Closed Won", "Closed Lost"))},
        lambda dice: {"Is_Renewal": dice.random() < 0.5, "Description": dice.choice(_TEXTS)},
    ),
}


@dataclass(slots=True)
class Work:
    """What the writer has done so far; read by others while it goes on."""

    created: Counter[str] = field(default_factory=Counter)
    edited: int = 0
    mended: int = 0
    began_at: float = 0.0
    last_at: float = 0.0


class Writer(threading.Thread):
    """Works until `stop`; then `trouble` says what A refused, if anything."""

    def __init__(self, a: Caller, *, spoiled: Collection[str], to_mend: Sequence[str], seed: int) -> None:
        super().__init__(name="writer", daemon=True)
        self.work = Work()
        self.trouble: str | None = None
        self._a = a
        self._spoiled = spoiled
        self._to_mend = list(to_mend)
        self._dice = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self._old: dict[str, list[str]] = {}
        self._own: dict[str, list[str]] = {module: [] for module in MODULES}
        self._ended = threading.Event()

    def stop(self) -> None:
        """Let the call in hand end, then no more. Waits for it."""
        self._ended.set()
        if self.is_alive():
            self.join(10)

    def run(self) -> None:
        self.work.began_at = time.time()
        try:
            self._look_around()
            while not self._ended.wait(BEAT_S):
                self._next_deed()
                self.work.last_at = time.time()
        except (Refused, httpx.HTTPError) as error:
            self.trouble = str(error) or type(error).__name__

    def _look_around(self) -> None:
        """Which records there are to edit; some of them are in B already, some are not."""
        for module in MODULES:
            # mandatory in all four modules, so that every record is meant
            rows = self._a.query(f"select id from {module} where Modified_Time is not null order by id limit 2000")  # noqa: S608 - COQL, from our own list
            self._old[module] = [row["id"] for row in rows if row["id"] not in self._spoiled]

    def _next_deed(self) -> None:
        chance = self._dice.random()
        if chance < 0.15:
            self._new_customer()
        elif chance < 0.20 and self._to_mend:
            self._mend(self._to_mend.pop())
        elif chance < 0.25 and len(self._own["Accounts"]) > 1:
            self._move_a_deal()
        else:
            self._edit()

    def _new_customer(self) -> None:
        """An account with two people and a deal, and a lead besides: children a breath after their parents."""
        number, dice = sum(self.work.created.values()), self._dice
        account = self._create("Accounts", {"Account_Name": f"新しい顧客 Nouveau {number}", "Rating": "Active"})[0]
        people = [{"Last_Name": name, "Account_Name": {"id": account}} for name in ("Straße-O'Neil", "பெருமாள்")]
        contact = self._create("Contacts", *people)[0]
        deal = {"Deal_Name": f"Первый заказ {number}", "Stage": "Qualification", "Closing_Date": "2027-01-31"}
        self._create("Deals", {**deal, "Account_Name": {"id": account}, "Contact_Name": {"id": contact}})
        self._create("Leads", {"Last_Name": "Ng 🚀", "Company": "Spätkauf", "Email": f"new.{number}@example.com"})
        if dice.random() < 0.3:
            self._change("Accounts", [account], {"Description": "edited a moment after it was made"})

    def _edit(self) -> None:
        """One to five records of a module; one in five is edited once more at once, in the same second."""
        dice = self._dice
        module = dice.choice(MODULES)
        pool = self._own[module] if self._own[module] and dice.random() < 0.25 else self._old[module]
        chosen = dice.sample(pool, min(len(pool), dice.randint(1, 5)))
        self._change(module, chosen, dice.choice(_EDITS[module])(dice))
        if dice.random() < 0.2:
            self._change(module, chosen[:1], dice.choice(_EDITS[module])(dice))

    def _move_a_deal(self) -> None:
        """A deal changes hands between two customers of ours."""
        deal, account = self._dice.choice(self._own["Deals"]), self._dice.choice(self._own["Accounts"])
        self._change("Deals", [deal], {"Account_Name": {"id": account}})

    def _mend(self, lead: str) -> None:
        """Somebody corrects an address that B cannot take."""
        self._change("Leads", [lead], {"Email": f"corrected.{lead}@example.com"})
        self.work.mended += 1

    def _create(self, module: str, *records: Json) -> list[str]:
        made = self._a.write("POST", module, records)
        self._own[module] += made
        self.work.created[module] += len(made)
        return made

    def _change(self, module: str, ids: Sequence[str], values: Json) -> None:
        if ids:
            self._a.write("PUT", module, [{"id": one, **values} for one in ids])
            self.work.edited += len(ids)
