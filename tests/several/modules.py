"""The modules that several daemons carry: which field holds the name, which is edited, what else must be filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """`name` and `text` are fields; `more` are the fields that Zoho demands beside, with a value."""

    name: str
    text: str
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> list[str]:
        return [self.name, self.text, *self.more]


MODULES: Final = {
    "Accounts": Module(name="Account_Name", text="Billing_City"),
    "Contacts": Module(name="Last_Name", text="Mailing_City"),
    "Leads": Module(name="Last_Name", text="City", more={"Company": "C"}),
    "Deals": Module(name="Deal_Name", text="Next_Step", more={"Stage": "Qualification", "Closing_Date": "2031-05-01"}),
    "Products": Module(name="Product_Name", text="Description"),
    "Vendors": Module(name="Vendor_Name", text="City"),
    "Price_Books": Module(name="Price_Book_Name", text="Description"),
    "Campaigns": Module(name="Campaign_Name", text="Description"),
    "Cases": Module(name="Subject", text="Description", more={"Status": "New", "Case_Origin": "Phone"}),
    "Tasks": Module(name="Subject", text="Description"),
    "Projects": Module(name="Name", text="ERP_Id"),
    "Calls": Module(
        name="Subject",
        text="Description",
        more={"Call_Type": "Outbound", "Call_Start_Time": "2026-05-01T10:00:00+00:00"},
    ),
    "Events": Module(
        name="Event_Title",
        text="Description",
        more={"Start_DateTime": "2031-05-01T10:00:00+00:00", "End_DateTime": "2031-05-01T11:00:00+00:00"},
    ),
}
