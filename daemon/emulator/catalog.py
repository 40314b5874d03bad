"""What exists in a fresh org: its modules, and the data centres an org can be in.

A line of a field table: API name | label | type | length (`-` = the type's own) | marks. Marks: `!` mandatory, `ro`
read-only, `custom`, `hidden`, `rich`, `external`, `jsonarray`, `target-unique` (unique in every org but the source),
`>Module` lookup, `>>A+B` lookup into several modules (`*`: all), `{Rows.Back.Forward}` rows of another module, `#n`
decimals, `=name` formula, `[list]` picklist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.emulator import catalog_activities as activities
from daemon.emulator import catalog_core as core
from daemon.emulator import catalog_trade as trade
from daemon.emulator.catalog_lists import PICKLISTS, PIPELINES, SOURCE_ONLY

__all__ = ["DATA_CENTERS", "MODULES", "PICKLISTS", "PIPELINES", "SOURCE_ONLY", "DataCenter", "ModuleSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSpec:
    """A module before any administrator touched it."""

    api_name: str
    singular: str
    plural: str
    fields: str
    display: str
    system_unique: str | None
    sequence: int
    generated: str = "default"


_HEAD, _TAIL = core.SYSTEM_HEAD, core.SYSTEM_TAIL
_ROWS = (core.ROW_HEAD, core.ROW_TAIL)
_NOTE = (_HEAD, core.NOTE_TAIL)
# API name, singular, plural, fields, display field, system-defined field of upsert (facts 4.6), kind, first and last
_TABLE: tuple[tuple[str, str, str, str, str, str | None, str, tuple[str, str]], ...] = (
    ("Leads", "Lead", "Leads", core.LEADS, "Full_Name", "Email", "default", (_HEAD, _TAIL)),
    ("Accounts", "Account", "Accounts", core.ACCOUNTS, "Account_Name", "Account_Name", "default", (_HEAD, _TAIL)),
    ("Contacts", "Contact", "Contacts", core.CONTACTS, "Full_Name", "Email", "default", (_HEAD, _TAIL)),
    ("Deals", "Deal", "Deals", core.DEALS, "Deal_Name", "Deal_Name", "default", (_HEAD, _TAIL)),
    ("Products", "Product", "Products", trade.PRODUCTS, "Product_Name", "Product_Name", "default", (_HEAD, _TAIL)),
    ("Vendors", "Vendor", "Vendors", trade.VENDORS, "Vendor_Name", "Vendor_Name", "default", (_HEAD, _TAIL)),
    ("Price_Books", "Price Book", "Price Books", trade.PRICE_BOOKS, "Price_Book_Name", "Price_Book_Name", "default",
     (_HEAD, _TAIL)),
    ("Campaigns", "Campaign", "Campaigns", trade.CAMPAIGNS, "Campaign_Name", "Campaign_Name", "default",
     (_HEAD, _TAIL)),
    ("Cases", "Case", "Cases", trade.CASES, "Subject", "Subject", "default", (_HEAD, _TAIL)),
    ("Tasks", "Task", "Tasks", activities.TASKS, "Subject", None, "default", (_HEAD, _TAIL)),
    ("Events", "Meeting", "Meetings", activities.EVENTS, "Event_Title", None, "default", (_HEAD, _TAIL)),
    ("Calls", "Call", "Calls", activities.CALLS, "Subject", None, "default", (_HEAD, _TAIL)),
    ("Notes", "Note", "Notes", activities.NOTES, "Note_Title", None, "default", _NOTE),
    ("Quotes", "Quote", "Quotes", trade.QUOTES, "Subject", "Subject", "default", (_HEAD, _TAIL)),
    ("Projects", "Project", "Projects", activities.PROJECTS, "Name", "Name", "custom", (_HEAD, _TAIL)),
    ("Quoted_Items", "Quoted Item", "Quoted Items", trade.QUOTED_ITEMS, "id", None, "static_subform", _ROWS),
    ("Milestones", "Milestone", "Milestones", activities.MILESTONES, "Title", None, "subform", _ROWS),
    ("Projects_X_Contacts", "Consultant", "Consultants", activities.PROJECTS_X_CONTACTS, "id", None, "linking", _ROWS),
    ("Projects_X_Users", "Member", "Members", activities.PROJECTS_X_USERS, "id", None, "linking", _ROWS),
    ("Stage_History", "Stage History", "Stage History", activities.STAGE_HISTORY, "id", None, "field_tracker",
     (core.ROW_HEAD, core.TRACKER_TAIL)),
)  # fmt: skip
MODULES: tuple[ModuleSpec, ...] = tuple(
    ModuleSpec(
        api_name=name, singular=singular, plural=plural, fields=first + fields + last, display=display,
        system_unique=unique, sequence=place, generated=kind,
    )
    for place, (name, singular, plural, fields, display, unique, kind, (first, last)) in enumerate(_TABLE, start=1)
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenter:
    """One Zoho data centre: its short name and what its orgs look like by default."""

    code: str
    org: str
    company: str
    time_zone: str
    currency: tuple[str, str, str]
    country: str


DATA_CENTERS: Mapping[str, DataCenter] = {
    code: DataCenter(code=code, org=org, company=company, time_zone=zone, currency=currency, country=country)
    for code, org, company, zone, currency, country in (
        ("in", "india", "Example India Pvt Ltd", "Asia/Kolkata", ("Indian Rupee", "INR", "₹"), "IN"),
        ("us", "us", "Example Inc", "America/Los_Angeles", ("US Dollar", "USD", "$"), "US"),
        ("eu", "europe", "Example GmbH", "Europe/Vienna", ("Euro", "EUR", "€"), "AT"),
        ("jp", "japan", "Example KK", "Asia/Tokyo", ("Japanese Yen", "JPY", "¥"), "JP"),
        ("au", "australia", "Example Pty Ltd", "Australia/Sydney", ("Australian Dollar", "AUD", "A$"), "AU"),
        ("cn", "china", "Example Co", "Asia/Shanghai", ("Yuan", "CNY", "¥"), "CN"),
        ("ca", "canada", "Example Canada Inc", "America/Toronto", ("Canadian Dollar", "CAD", "C$"), "CA"),
        ("sa", "saudi", "Example LLC", "Asia/Riyadh", ("Saudi Riyal", "SAR", "﷼"), "SA"),
    )
}
