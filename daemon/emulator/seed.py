"""Fills an org with records as years of use would, the same for the same seed, and plants what a target must refuse.

Seeding goes around validation: the source may hold what its own API would not take today.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from daemon.emulator import seed_texts
from daemon.emulator.catalog import PICKLISTS
from daemon.emulator.org import Org
from daemon.emulator.seed_defects import plant
from daemon.emulator.sowing import Sowing
from daemon.emulator.store import Record

Json = dict[str, Any]
SHARES = (("Accounts", 0.20), ("Contacts", 0.40), ("Leads", 0.25), ("Deals", 0.15))
_DAYS_BACK = 20
_CROWDS = 12


def sow(org: Org, count: int, seed: int, defects: float = 0.0) -> list[Json]:
    """Add `count` records over the four modules; the planted defects are returned as module, id and kind."""
    dice, now = random.Random(seed), org.clock.stamp()  # noqa: S311 - reproducible on purpose
    people = [user.id for user in org.users if user.status == "active" and user.confirm]
    crowds = [now - dice.randint(3_600, _DAYS_BACK * 86_400) for _ in range(_CROWDS)]
    already = sum(len(table) for table in org.tables.values())
    sowing = Sowing(org=org, dice=dice, now=now, owners=people, crowds=crowds, serial=already)
    for module, size in _sizes(count).items():
        for _ in range(size):
            _record(sowing, module)
    planted = plant(sowing, round(count * defects))
    for module, records in sowing.made.items():
        org.tables[module].load(records)
    org.reader_reset()
    return planted


def _sizes(count: int) -> dict[str, int]:
    sizes = {module: int(count * share) for module, share in SHARES}
    sizes["Contacts"] += count - sum(sizes.values())
    return sizes


def _record(sowing: Sowing, module: str) -> Record:
    sowing.serial += 1
    dice = sowing.dice
    values = _MAKERS[module](sowing)
    modified = dice.choice(sowing.crowds) if sowing.some(0.10) else sowing.now - dice.randint(60, _DAYS_BACK * 86_400)
    created = modified - dice.randint(0, 300 * 86_400)
    owner, by = dice.choice(sowing.owners), dice.choice(sowing.owners)
    kept = {name: value for name, value in values.items() if value is not None}
    record = Record(sowing.org.new_id(), created, modified, owner, owner, by, kept)
    sowing.made.setdefault(module, []).append(record)
    return record


def _address(sowing: Sowing, prefix: str, code: str) -> Json:
    if sowing.some(0.3):
        return {}
    city, state, country = sowing.dice.choice(seed_texts.CITIES)
    street = sowing.awkward(f"{sowing.dice.randint(1, 999)} Main Road", limit=250)
    zip_code = f"{sowing.dice.randint(0, 99_999):05d}"
    names = (f"{prefix}Street", f"{prefix}City", f"{prefix}State", f"{prefix}{code}", f"{prefix}Country")
    return dict(zip(names, (street, city, state, zip_code, country), strict=True))


def _money(sowing: Sowing) -> float | int | None:
    usual = round(sowing.dice.uniform(100, 5_000_000), 2)
    return sowing.dice.choice((None, 0, usual, usual, usual, round(-usual / 10, 2), 99_999_999_999.99, 0.01))


def _account(sowing: Sowing) -> Json:
    dice = sowing.dice
    return {
        "Account_Name": sowing.awkward(f"{dice.choice(seed_texts.COMPANIES)} {sowing.serial}", share=0.02),
        "Parent_Account": sowing.parent("Accounts") if sowing.some(0.15) else None,
        "Account_Type": sowing.pick("account_type"),
        "Account_Number": str(dice.randint(0, 10**15)) if sowing.some(0.5) else None,
        "Industry": sowing.pick("industry"),
        "Ownership": sowing.pick("ownership"),
        "Rating": sowing.pick("rating"),
        "Phone": seed_texts.phone(dice),
        "Website": f"https://www.example.com/{sowing.serial}" if sowing.some(0.6) else None,
        "Employees": dice.choice((None, 0, 1, dice.randint(2, 400_000))),
        "Annual_Revenue": _money(sowing),
        "Credit_Score": dice.choice((None, 0.125, round(dice.uniform(-5, 900), 3))),
        "Discount_Rate": dice.choice((None, 0, 12.5)),
        "Markets": dice.sample(PICKLISTS["markets"], dice.randint(1, 3)) if sowing.some(0.4) else None,
        "Customer_Number": f"A-{sowing.serial:07d}" if sowing.some(0.7) else None,
        "Description": seed_texts.description(dice),
        **_address(sowing, "Billing_", "Code"),
    }


def _contact(sowing: Sowing) -> Json:
    dice = sowing.dice
    first, last = dice.choice(seed_texts.PEOPLE)
    return {
        "Salutation": sowing.pick("salutation"),
        "First_Name": first if sowing.some(0.92) else None,
        "Last_Name": sowing.awkward(last, share=0.02, limit=80),
        "Account_Name": sowing.parent("Accounts") if sowing.some(0.8) else None,
        "Reporting_To": sowing.parent("Contacts") if sowing.some(0.1) else None,
        "Title": sowing.awkward(dice.choice(("CEO", "Buyer", "Ingénieur", "部長", "Leiter Einkauf"))),
        "Department": dice.choice((None, "Purchasing", "R&D", "人事部")),
        "Email": seed_texts.email(dice, sowing.serial) if sowing.some(0.85) else None,
        "Phone": seed_texts.phone(dice) if sowing.some(0.7) else None,
        "Mobile": seed_texts.phone(dice) if sowing.some(0.5) else None,
        "Date_of_Birth": _day(dice, date(1950, 1, 1), 18_000) if sowing.some(0.3) else None,
        "Lead_Source": sowing.pick("lead_source"),
        "Email_Opt_Out": sowing.some(0.1),
        "Languages": dice.sample(PICKLISTS["languages"], dice.randint(1, 4)) if sowing.some(0.5) else None,
        "Last_Meeting": sowing.now - dice.randint(0, 10**7) if sowing.some(0.3) else None,
        "Loyalty_Points": str(dice.choice((0, 7, 10**17, -5))) if sowing.some(0.3) else None,
        "Customer_Number": f"C-{sowing.serial:07d}" if sowing.some(0.7) else None,
        "Description": seed_texts.description(dice),
        **_address(sowing, "Mailing_", "Zip"),
    }


def _lead(sowing: Sowing) -> Json:
    dice = sowing.dice
    first, last = dice.choice(seed_texts.PEOPLE)
    return {
        "First_Name": first if sowing.some(0.9) else None,
        "Last_Name": sowing.awkward(last, share=0.02, limit=80),
        "Company": sowing.awkward(dice.choice(seed_texts.COMPANIES), limit=200),
        "Designation": dice.choice((None, "Owner", "प्रबंधक", "Директор")),
        "Email": seed_texts.email(dice, sowing.serial) if sowing.some(0.9) else None,
        "Phone": seed_texts.phone(dice) if sowing.some(0.7) else None,
        "Website": "https://example.org/päge" if sowing.some(0.1) else None,
        "Lead_Source": sowing.pick("lead_source"),
        "Lead_Status": sowing.pick("lead_status"),
        "Industry": sowing.pick("industry"),
        "No_of_Employees": dice.choice((None, 0, dice.randint(1, 90_000))),
        "Annual_Revenue": _money(sowing),
        "Email_Opt_Out": sowing.some(0.2),
        "Description": seed_texts.description(dice),
        **{name.lstrip("_"): value for name, value in _address(sowing, "", "Zip_Code").items()},
    }


def _deal(sowing: Sowing) -> Json:
    dice = sowing.dice
    return {
        "Deal_Name": sowing.awkward(f"{dice.choice(seed_texts.COMPANIES)} renewal {sowing.serial}", limit=120),
        "Account_Name": sowing.parent("Accounts") if sowing.some(0.9) else None,
        "Contact_Name": sowing.parent("Contacts") if sowing.some(0.7) else None,
        "Stage": dice.choice(PICKLISTS["stage"]),
        "Pipeline": "Standard (Standard)",
        "Type": sowing.pick("deal_type"),
        "Amount": _money(sowing),
        "Probability": dice.choice((0, 10, 50, 75, 100)),
        "Closing_Date": _day(dice, date(2024, 1, 1), 1_200),
        "Lead_Source": sowing.pick("lead_source"),
        "Next_Step": sowing.awkward("call back") if sowing.some(0.5) else None,
        "Competitors": dice.sample(PICKLISTS["competitors"], 2) if sowing.some(0.2) else None,
        "Margin": dice.choice((None, 0, 33.33, -5.5)),
        "Demo_At": sowing.now + dice.randint(-(10**7), 10**7) if sowing.some(0.3) else None,
        "Is_Renewal": sowing.some(0.5),
        "Description": seed_texts.description(dice),
    }


_MAKERS = {"Accounts": _account, "Contacts": _contact, "Leads": _lead, "Deals": _deal}


def _day(dice: random.Random, first: date, span: int) -> str:
    return (first + timedelta(days=dice.randrange(span))).isoformat()
