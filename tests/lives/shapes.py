"""The modules that lives live in: the fields of each, and by what a record is known again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.emulator.store import Record

KEY: Final = "Source_Record_ID"
NOTE: Final = "Lives_Note"
UNLISTED: Final = {"Accounts": "Textiles & Handicrafts"}
HIDDEN: Final = "Hidden"
FLAG: Final = "Gone_In_A"
_MARK: Final = re.compile(r"r(\d+) v(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of a module that lives touch, by what they are for; `parents` is lookup field -> module."""

    name: str
    town: str
    choice: str
    number: str
    mail: str | None = None
    unique: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    always: Mapping[str, object] = field(default_factory=dict)

    def plain(self) -> list[str]:
        """What is carried as it stands."""
        names = (self.name, "Description", self.town, self.choice, self.number, self.mail, self.unique)
        return [name for name in names if name is not None]


SHAPES: Final = {
    "Accounts": Shape(
        name="Account_Name",
        town="Billing_City",
        choice="Industry",
        number="Employees",
        unique="Customer_Number",
        parents={"Parent_Account": "Accounts"},
    ),
    "Contacts": Shape(
        name="Last_Name",
        town="Mailing_City",
        choice="Lead_Source",
        number="Loyalty_Points",
        mail="Email",
        unique="Customer_Number",
        parents={"Account_Name": "Accounts", "Reporting_To": "Contacts"},
    ),
    "Leads": Shape(
        name="Last_Name",
        town="City",
        choice="Lead_Source",
        number="No_of_Employees",
        mail="Email",
        always={"Company": "Acme"},
    ),
    "Deals": Shape(
        name="Deal_Name",
        town="Next_Step",
        choice="Lead_Source",
        number="Amount",
        parents={"Account_Name": "Accounts", "Contact_Name": "Contacts"},
        always={"Stage": "Qualification", "Closing_Date": "2031-05-01"},
    ),
}


def unlisted(module: str) -> str:
    """A choice that only A's list holds."""
    return UNLISTED.get(module, "WhatsApp")


def mark(ident: int, version: int) -> str:
    """What Description says: who the record is, and a number that grows with every write in A."""
    return f"r{ident} v{version}"


def read_mark(record: Record) -> tuple[int, int]:
    """(ident, version) of a record; (0, 0) of a stranger."""
    found = _MARK.search(str(record.values.get("Description") or ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)
