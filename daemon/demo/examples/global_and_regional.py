"""Global and regional: leads of three regions go up; qualified ones, and won deals, come back to their own region."""

from __future__ import annotations

from typing import Final

from daemon.demo.caller import Json
from daemon.demo.examples.judge import Expected
from daemon.demo.examples.stage import Made, Stage

_ALL: Final = ("global", "europe", "india", "australia")
_REGIONS: Final = _ALL[1:]
_NAMED: Final = ("Europe", "India", "Australia")
FIELDS: Final = (
    Made(orgs=["global"], module="Leads", name="Region", data_type="picklist", values=_NAMED),
    Made(orgs=["global"], module="Deals", name="Region", data_type="picklist", values=_NAMED),
    Made(orgs=_ALL, module="Leads", name="Follow_Up_On", data_type="date"),
    Made(orgs=_ALL, module="Leads", name="Follow_Up_Note", data_type="textarea"),
    Made(orgs=_REGIONS, module="Deals", name="Customer", data_type="text"),
    Made(orgs=_REGIONS, module="Deals", name="Amount_USD", data_type="double"),
)
VALUES: Final = {("Leads", "Lead_Status"): ["Qualified"]}
CONFLICTS: Final = [("europe-to-global/Leads", "Phone", '"+43 1 222"', '"+43 1 111"', "newest", "europe")]

_UP: Final = frozenset(
    {"First_Name", "Last_Name", "Company", "Email", "City", "Country", "Lead_Source", "Phone", "Lead_Status", "Region"}
)
_BACK: Final = (_UP | {"Follow_Up_On", "Follow_Up_Note"}) - {"Region"}
_WON: Final = frozenset({"Deal_Name", "Stage", "Closing_Date", "Amount_USD", "Customer"})
MAY_COME: Final = {
    ("global", "Leads"): {*_UP, "Owner", "Source_Record_ID"},
    **{(org, "Leads"): {*_BACK, "Source_Record_ID"} for org in _REGIONS},
    **{(org, "Deals"): {*_WON, "Source_Record_ID"} for org in _REGIONS},
}
LEFT: Final[dict[str, set[tuple[str, str]]]] = {}
STAYS: Final = {
    "europe": ["Only for Vienna"],
    "global": ["Board only", "Deal in talks", "Not a region's"],
}


def play(on: Stage) -> None:
    """The story."""
    screen = on.screen
    screen.chapter("Every region enters leads; the global org gets them, each with its region")
    on.create("europe", "Leads", ["global"], **_WEBER, Phone="+43 1 100", Description="Only for Vienna")
    on.create("india", "Leads", ["global"], **_RAO, Lead_Status="Contacted")
    on.create("australia", "Leads", ["global"], **_SMITH)
    on.settle()

    screen.chapter("The global org works on them; what is not Qualified does not come back")
    on.edit("global", "Leads", "Weber", Lead_Status="Contacted", Description="Board only")
    on.edit("global", "Leads", "Weber", Phone="+43 1 101")
    on.edit("europe", "Leads", "Weber", ["global"], Company="Weber & Söhne")
    on.settle()

    screen.chapter("Weber becomes Qualified: the filter lets it in, and Europe, nobody else, gets what has changed")
    on.edit("global", "Leads", "Weber", ["europe"], Lead_Status="Qualified", Follow_Up_On="2027-02-01")
    on.settle()

    screen.chapter("Both change Weber's phone number: the later one stays, and the ledger has both")
    on.edit("global", "Leads", "Weber", ["europe"], Follow_Up_Note="Wants a quote")
    on.edit("global", "Leads", "Weber", Phone="+43 1 111")
    on.edit("europe", "Leads", "Weber", ["global"], Phone="+43 1 222")
    on.settle()

    screen.chapter("Rao turns out to be Australia's: the global org changes the region, and Australia gets the lead")
    on.edit("global", "Leads", "Rao", ["australia"], Region="Australia", Lead_Status="Qualified")
    on.settle()

    screen.chapter("The lead is known in three orgs now; and the global org makes one itself, Qualified from the start")
    on.edit("india", "Leads", "Rao", ["global"], Email="rao@example.com")
    on.edit("australia", "Leads", "Rao", ["global"], Phone="+61 2 300")
    on.create("global", "Leads", ["india"], **_SINGH, Region="India", Lead_Status="Qualified")
    on.create("global", "Leads", **_NOBODY)
    on.settle()

    screen.chapter("Deals: only what is Closed Won comes back, and only to its region")
    on.edit("india", "Leads", "Singh", ["global"], City="Pune")
    on.create("global", "Accounts", Account_Name="Weber AG")
    on.create("global", "Deals", **_WON_DEAL, Account_Name="Weber AG", Region="Europe", Stage="Negotiation/Review")
    on.create("global", "Deals", **_OPEN_DEAL)
    on.settle()
    on.edit("global", "Deals", "Weber: 40 seats", ["europe"], Stage="Closed Won")
    on.settle()
    on.edit("global", "Deals", "Weber: 40 seats", ["europe"], Stage="Negotiation/Review")
    on.settle()
    on.edit("global", "Deals", "Weber: 40 seats", ["europe"], Stage="Closed Won", Amount=41000)
    on.settle()

    screen.chapter("A week later: somebody in Europe has changed a status by mistake; the full comparison puts it back")
    on.edit("europe", "Leads", "Weber", ["europe"], Lead_Status="Junk Lead")
    on.week_passes()
    on.settle()


_WEBER: Final[Json] = {"Last_Name": "Weber", "First_Name": "Anna", "Company": "Weber", "Email": "weber@example.com"}
_RAO: Final[Json] = {"Last_Name": "Rao", "First_Name": "Sunil", "Company": "Rao Textiles", "City": "Surat"}
_SMITH: Final[Json] = {"Last_Name": "Smith", "First_Name": "Jo", "Company": "Smith Mining"}
_SINGH: Final[Json] = {"Last_Name": "Singh", "First_Name": "Mira", "Company": "Singh Foods", "Country": "India"}
_NOBODY: Final[Json] = {"Last_Name": "Jones", "Company": "Not a region's", "Lead_Status": "Qualified"}
_WON_DEAL: Final[Json] = {"Deal_Name": "Weber: 40 seats", "Amount": 40000, "Closing_Date": "2026-12-15"}
_OPEN_DEAL: Final[Json] = {
    "Deal_Name": "Deal in talks",
    "Amount": 5000,
    "Closing_Date": "2026-12-31",
    "Stage": "Qualification",
    "Region": "India",
}
_WEBER_NOW: Final[Json] = {
    **_WEBER,
    "Company": "Weber & Söhne",
    "Phone": "+43 1 222",
    "Lead_Status": "Qualified",
    "Follow_Up_On": "2027-02-01",
    "Follow_Up_Note": "Wants a quote",
}
_RAO_NOW: Final[Json] = {"Phone": "+61 2 300", "Lead_Status": "Qualified"}
_WON_NOW: Final[Json] = {
    "Deal_Name": "Weber: 40 seats",
    "Stage": "Closed Won",
    "Closing_Date": "2026-12-15",
    "Amount_USD": 41000,
    "Customer": "Weber AG",
}

EXPECTED: Final[Expected] = {
    "global": {
        "Leads": [
            {**_WEBER_NOW, "Region": "Europe", "Description": "Board only"},
            {**_RAO, **_RAO_NOW, "Email": "rao@example.com", "Region": "Australia"},
            {**_SMITH, "Lead_Status": None, "Region": "Australia"},
            {**_SINGH, "City": "Pune", "Lead_Status": "Qualified", "Region": "India"},
            {**_NOBODY, "Region": None},
        ],
        "Deals": [
            {**_WON_DEAL, "Amount": 41000, "Stage": "Closed Won", "Region": "Europe", "Account_Name": "Weber AG"},
            _OPEN_DEAL,
        ],
    },
    "europe": {"Leads": [{**_WEBER_NOW, "Description": "Only for Vienna"}], "Deals": [_WON_NOW]},
    "india": {
        "Leads": [
            {**_RAO, "Email": "rao@example.com", "Phone": None, "Lead_Status": "Contacted"},
            {**_SINGH, "City": "Pune", "Lead_Status": "Qualified"},
        ],
        "Deals": [],
    },
    "australia": {
        "Leads": [
            {**_SMITH, "Lead_Status": None},
            {**_RAO, **_RAO_NOW, "Email": None},
        ],
        "Deals": [],
    },
}
