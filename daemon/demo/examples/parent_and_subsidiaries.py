"""Parent and subsidiaries: accounts and enterprise deals go down, the subsidiaries' deals and their progress go up."""

from __future__ import annotations

from typing import Final

from daemon.demo.caller import Json
from daemon.demo.examples.judge import Expected
from daemon.demo.examples.stage import Made, Stage

_ALL: Final = ("parent", "canada", "japan")
_NAMED: Final = ("Canada", "Japan")
FIELDS: Final = (
    Made(orgs=["parent"], module="Accounts", name="In_Canada", data_type="boolean"),
    Made(orgs=["parent"], module="Accounts", name="In_Japan", data_type="boolean"),
    Made(orgs=["parent"], module="Deals", name="Subsidiary", data_type="picklist", values=_NAMED),
    Made(orgs=_ALL, module="Deals", name="Deal_Level", data_type="picklist", values=("Local", "Enterprise")),
    Made(orgs=_ALL, module="Deals", name="Group_Discount", data_type="percent"),
    Made(orgs=_ALL, module="Deals", name="Executive_Sponsor", data_type="text"),
)
VALUES: Final[dict[tuple[str, str], list[str]]] = {}
CONFLICTS: Final = [("parent-to-canada/Deals", "Amount", "139650", "88000", "newest", "parent")]

_ACCOUNT: Final = frozenset(
    {"Account_Name", "Account_Type", "Industry", "Website", "Billing_City", "Billing_Country", "Phone"}
)
_DEAL: Final = frozenset({"Deal_Name", "Account_Name", "Amount", "Closing_Date", "Deal_Level"})
_PROGRESS: Final = frozenset({"Stage", "Next_Step", "Probability"})
_DOWN: Final = _DEAL | _PROGRESS | {"Group_Discount", "Executive_Sponsor", "Source_Record_ID"}
MAY_COME: Final = {
    ("parent", "Accounts"): {*_ACCOUNT, "In_Canada", "In_Japan", "Source_Record_ID"},
    ("parent", "Deals"): {*_DEAL, *_PROGRESS, "Subsidiary", "Source_Record_ID"},
    **{(org, "Accounts"): {*_ACCOUNT, "Source_Record_ID"} for org in ("canada", "japan")},
    **{(org, "Deals"): _DOWN for org in ("canada", "japan")},
}
LEFT: Final[dict[str, set[tuple[str, str]]]] = {}
STAYS: Final = {"parent": ["Parent only", "Held by the board"], "canada": ["Seen at the fair"]}


def play(on: Stage) -> None:
    """The story."""
    screen = on.screen
    screen.chapter("The parent's accounts and enterprise deals go to the subsidiaries that they concern")
    on.create("parent", "Accounts", ["canada"], **_NORTHWIND, In_Canada=True, Description="Held by the board")
    on.create("parent", "Accounts", ["japan"], **_FUJI, In_Japan=True)
    on.create("parent", "Accounts", Account_Name="Parent only")
    on.create("parent", "Deals", ["canada"], **_LICENCE, Amount=90000, Stage="Qualification", Subsidiary="Canada")
    on.settle()

    screen.chapter("The subsidiaries' deals go up, with accounts that they met first")
    on.create("canada", "Accounts", ["parent"], **_MAPLE, Description="Seen at the fair")
    on.create("canada", "Deals", ["parent"], **_SEATS, Stage="Qualification")
    on.create("japan", "Deals", ["parent"], **_PILOT, Stage="Qualification")
    on.settle()

    screen.chapter("Progress goes up, the group's terms go down; what is Local does not come down")
    on.edit("canada", "Deals", "Northwind: group licence", ["parent"], Stage="Negotiation/Review", Probability=70)
    on.edit("parent", "Deals", "Northwind: group licence", ["canada"], Group_Discount=12, Executive_Sponsor="CFO")
    on.edit("japan", "Deals", "Fuji: pilot", ["parent"], Stage="Closed Won", Next_Step="Hand over")
    on.edit("parent", "Deals", "Maple: 20 seats", Group_Discount=5)
    on.settle()

    screen.chapter("Both change the amount of the licence: the later one stays; Canada's new date survives beside it")
    licence = "Northwind: group licence"
    on.edit("canada", "Deals", licence, ["parent"], Amount=88000, Closing_Date="2027-04-30")
    on.edit("parent", "Deals", licence, ["canada"], Amount=95000)
    on.settle()

    screen.chapter("The parent makes Canada's deal an enterprise deal: the filter lets it in")
    on.edit("parent", "Deals", "Maple: 20 seats", ["canada"], Deal_Level="Enterprise")
    on.edit("japan", "Accounts", "Fuji", ["parent"], Phone="+81 3 222")
    on.settle()

    screen.chapter("An enterprise deal for Japan waits for its account; then the account concerns Japan, too")
    on.create("parent", "Deals", later=["japan"], **_ROLLOUT, Stage="Qualification", Subsidiary="Japan")
    on.settle(waiting=[("parent-to-japan/Deals", "WAITS_FOR_PARENT")])
    on.edit("parent", "Accounts", "Northwind", ["japan"], In_Japan=True)
    on.settle()
    on.edit("canada", "Accounts", "Northwind", ["parent", "japan"], Phone="+1 416 222")
    on.edit("japan", "Deals", "Northwind: roll-out", ["parent"], Stage="Needs Analysis", Amount=5_000_000)
    on.settle()

    screen.chapter("A week later: Canada has renamed the parent's account; the full comparison puts it back")
    on.edit("canada", "Accounts", "Northwind", ["canada"], Account_Name="NW")
    on.week_passes()
    on.settle()


_NORTHWIND: Final[Json] = {"Account_Name": "Northwind", "Industry": "Large Enterprise", "Phone": "+1 416 111"}
_FUJI: Final[Json] = {"Account_Name": "Fuji", "Industry": "Service Provider", "Phone": "+81 3 111"}
_MAPLE: Final[Json] = {"Account_Name": "Maple", "Billing_City": "Ottawa"}
_LICENCE: Final[Json] = {
    "Deal_Name": "Northwind: group licence",
    "Account_Name": "Northwind",
    "Closing_Date": "2027-03-31",
    "Deal_Level": "Enterprise",
}
_SEATS: Final[Json] = {
    "Deal_Name": "Maple: 20 seats",
    "Account_Name": "Maple",
    "Closing_Date": "2027-02-15",
    "Amount": 20000,
}
_PILOT: Final[Json] = {
    "Deal_Name": "Fuji: pilot",
    "Account_Name": "Fuji",
    "Closing_Date": "2027-01-31",
    "Amount": 900000,
}
_ROLLOUT: Final[Json] = {
    "Deal_Name": "Northwind: roll-out",
    "Account_Name": "Northwind",
    "Closing_Date": "2027-06-30",
    "Amount": 30000,
    "Deal_Level": "Enterprise",
}

_LICENCE_NOW: Final[Json] = {
    **_LICENCE,
    "Closing_Date": "2027-04-30",
    "Amount": 95000,
    "Stage": "Negotiation/Review",
    "Probability": 70,
    "Group_Discount": 12,
    "Executive_Sponsor": "CFO",
}
_SEATS_NOW: Final[Json] = {**_SEATS, "Stage": "Qualification", "Deal_Level": "Enterprise", "Group_Discount": 5}
_PILOT_NOW: Final[Json] = {**_PILOT, "Stage": "Closed Won", "Next_Step": "Hand over"}
_ROLLOUT_NOW: Final[Json] = {**_ROLLOUT, "Stage": "Needs Analysis", "Amount": 5_000_000}
_NORTHWIND_NOW: Final[Json] = {**_NORTHWIND, "Phone": "+1 416 222"}
_BOTH: Final[Json] = {"In_Canada": True, "In_Japan": True}
_FUJI_NOW: Final[Json] = {**_FUJI, "Phone": "+81 3 222"}

EXPECTED: Final[Expected] = {
    "parent": {
        "Accounts": [
            {**_NORTHWIND_NOW, **_BOTH, "Description": "Held by the board"},
            {**_FUJI_NOW, "In_Canada": False, "In_Japan": True, "Description": None},
            {**_MAPLE, "In_Canada": True, "In_Japan": False, "Description": None},
            {"Account_Name": "Parent only", "In_Canada": False, "In_Japan": False},
        ],
        "Deals": [
            {**_LICENCE_NOW, "Subsidiary": "Canada"},
            {**_SEATS_NOW, "Amount": 13605.44, "Subsidiary": "Canada"},
            {**_PILOT_NOW, "Amount": 5521.47, "Subsidiary": "Japan", "Deal_Level": "Local"},
            {**_ROLLOUT_NOW, "Amount": 30674.85, "Subsidiary": "Japan"},
        ],
    },
    "canada": {
        "Accounts": [_NORTHWIND_NOW, {**_MAPLE, "Description": "Seen at the fair"}],
        "Deals": [{**_LICENCE_NOW, "Amount": 139650}, _SEATS_NOW],
    },
    "japan": {
        "Accounts": [_NORTHWIND_NOW, _FUJI_NOW],
        "Deals": [{**_PILOT_NOW, "Deal_Level": None}, _ROLLOUT_NOW],
    },
}
