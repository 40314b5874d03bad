"""Vendor and partners: registered deals go up, decisions, products and prices come down, and nothing else."""

from __future__ import annotations

from typing import Final

from daemon.demo.caller import Json
from daemon.demo.examples.judge import Expected
from daemon.demo.examples.stage import Made, Stage

_ALL: Final = ("vendor", "north", "south")
_PARTNERS: Final = _ALL[1:]
_DECISIONS: Final = ("In Review", "Approved", "Rejected")
FIELDS: Final = (
    Made(orgs=["vendor"], module="Deals", name="Partner", data_type="picklist", values=("North", "South")),
    Made(orgs=_ALL, module="Deals", name="Registration", data_type="picklist", values=("Submitted", "Withdrawn")),
    Made(orgs=_ALL, module="Deals", name="Approval_Status", data_type="picklist", values=_DECISIONS),
    Made(orgs=_ALL, module="Deals", name="Approval_Comment", data_type="textarea"),
)
VALUES: Final[dict[tuple[str, str], list[str]]] = {}
CONFLICTS: Final[list[tuple[str, ...]]] = []

MAY_COME: Final = {
    ("vendor", "Deals"): {
        *("Deal_Name", "Stage", "Amount", "Closing_Date", "Registration", "Partner", "Source_Record_ID"),
    },
    **{(org, "Deals"): {"Approval_Status", "Approval_Comment"} for org in _PARTNERS},
    **{
        (org, "Products"): {
            *("Product_Name", "Product_Code", "Product_Active", "Description", "Unit_Price", "Source_Record_ID"),
        }
        for org in _PARTNERS
    },
}
_PRICED: Final = ("Product_Name", "Product_Code", "Product_Active", "Description", "Unit_Price")
LEFT: Final[dict[str, set[tuple[str, str]]]] = {
    **{
        f"{org}-to-vendor": {
            ("Deals", name) for name in ("id", "Deal_Name", "Stage", "Amount", "Closing_Date", "Registration")
        }
        for org in _PARTNERS
    },
    **{
        f"vendor-to-{org}": {
            *(("Deals", "Approval_Status"), ("Deals", "Approval_Comment"), ("Products", "id")),
            *(("Products", name) for name in _PRICED),
        }
        for org in _PARTNERS
    },
}
STAYS: Final = {
    "vendor": ["Vendor direct", "Prototype", "P-900", "vendor thinks twice", "87.53", "4711.25"],
    "north": ["Gamma", "North margin 38 %", "ask the vendor first"],
    "south": ["South margin 21 %"],
}


def play(on: Stage) -> None:
    """The story."""
    screen = on.screen
    screen.chapter("Active products go to every partner; of deals only those that a partner registers, to the vendor")
    on.create("vendor", "Products", _PARTNERS, **_WIDGET, Unit_Price=100, Commission_Rate=87.53, Qty_in_Stock=4711.25)
    on.create("vendor", "Products", _PARTNERS, **_GADGET, Unit_Price=40)
    on.create("vendor", "Products", Product_Name="Prototype", Product_Code="P-900", Product_Active=False)
    on.create("vendor", "Deals", **_DIRECT, Approval_Status="Approved")
    on.create("north", "Deals", **_ALPHA, Amount=5000, Description="North margin 38 %")
    on.create("north", "Deals", **_GAMMA)
    on.create("south", "Deals", ["vendor"], **_BETA, Registration="Submitted", Description="South margin 21 %")
    on.settle()

    screen.chapter("North registers Alpha: the filter lets it in")
    on.edit("north", "Deals", "Alpha", ["vendor"], Registration="Submitted", Next_Step="ask the vendor first")
    on.edit("vendor", "Deals", "Beta", Approval_Status="In Review", Description="The vendor thinks twice")
    on.settle()

    screen.chapter("The vendor decides, and each partner gets its own decision")
    on.edit("vendor", "Deals", "Alpha", ["north"], Approval_Status="Approved", Approval_Comment="Good luck")
    on.edit("vendor", "Deals", "Beta", ["south"], Approval_Status="Rejected", Approval_Comment="Ours already")
    on.settle()

    screen.chapter("Work goes on: the partner's deal, the vendor's prices, and what concerns nobody else")
    on.edit("north", "Deals", "Alpha", ["vendor"], Amount=6000, Stage="Negotiation/Review")
    on.edit("vendor", "Products", "Widget", _PARTNERS, Unit_Price=120)
    on.edit("vendor", "Products", "Gadget", _PARTNERS, Product_Active=False)
    on.edit("vendor", "Products", "Prototype", Unit_Price=999)
    on.edit("vendor", "Deals", "Vendor direct", Partner="South")
    on.settle()

    screen.chapter("Second thoughts: a decision is taken back, a deal is withdrawn; both are followed")
    on.edit("vendor", "Deals", "Alpha", ["north"], Approval_Status="In Review")
    on.edit("south", "Deals", "Beta", ["vendor"], Registration="Withdrawn")
    on.settle()

    screen.chapter("A week later: North has approved its own deal and changed a price; full comparisons put both back")
    on.edit("north", "Deals", "Alpha", ["north"], Approval_Status="Approved")
    on.edit("north", "Products", "Widget", ["north"], Unit_Price=1)
    on.week_passes()
    on.settle()


_WIDGET: Final[Json] = {"Product_Name": "Widget", "Product_Code": "W-1", "Product_Active": True, "Description": "Blue"}
_GADGET: Final[Json] = {"Product_Name": "Gadget", "Product_Code": "G-1", "Product_Active": True}
_GADGET_NOW: Final[Json] = {**_GADGET, "Product_Active": False}
_DIRECT: Final[Json] = {"Deal_Name": "Vendor direct", "Stage": "Qualification", "Closing_Date": "2027-03-01"}
_ALPHA: Final[Json] = {"Deal_Name": "Alpha", "Stage": "Qualification", "Closing_Date": "2027-02-01"}
_BETA: Final[Json] = {"Deal_Name": "Beta", "Stage": "Qualification", "Closing_Date": "2027-05-01", "Amount": 700}
_GAMMA: Final[Json] = {"Deal_Name": "Gamma", "Stage": "Qualification", "Closing_Date": "2027-04-01"}
_ALPHA_NOW: Final[Json] = {
    **_ALPHA,
    "Stage": "Negotiation/Review",
    "Amount": 6000,
    "Registration": "Submitted",
    "Approval_Status": "In Review",
    "Approval_Comment": "Good luck",
}
_BETA_NOW: Final[Json] = {
    **_BETA,
    "Registration": "Withdrawn",
    "Approval_Status": "Rejected",
    "Approval_Comment": "Ours already",
}

EXPECTED: Final[Expected] = {
    "vendor": {
        "Products": [
            {**_WIDGET, "Unit_Price": 120, "Commission_Rate": 87.53, "Qty_in_Stock": 4711.25},
            {**_GADGET_NOW, "Unit_Price": 40},
            {"Product_Name": "Prototype", "Product_Active": False, "Unit_Price": 999},
        ],
        "Deals": [
            {**_DIRECT, "Partner": "South", "Approval_Status": "Approved"},
            {**_ALPHA_NOW, "Amount": 6521.74, "Partner": "North", "Description": None, "Next_Step": None},
            {**_BETA_NOW, "Amount": 460.53, "Partner": "South", "Description": "The vendor thinks twice"},
        ],
    },
    "north": {
        "Products": [
            {**_WIDGET, "Unit_Price": 110.4, "Commission_Rate": None, "Qty_in_Stock": None},
            {**_GADGET_NOW, "Unit_Price": 36.8},
        ],
        "Deals": [
            {**_ALPHA_NOW, "Description": "North margin 38 %", "Next_Step": "ask the vendor first"},
            {**_GAMMA, "Registration": None, "Approval_Status": None},
        ],
    },
    "south": {
        "Products": [
            {**_WIDGET, "Unit_Price": 182.4, "Commission_Rate": None, "Qty_in_Stock": None},
            {**_GADGET_NOW, "Unit_Price": 60.8},
        ],
        "Deals": [{**_BETA_NOW, "Description": "South margin 21 %"}],
    },
}
