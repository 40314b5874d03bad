"""Converting a lead: an account, a contact and perhaps a deal come of it; the lead is hidden (facts 2.1, 11.15)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.call import Call, Reply
from daemon.emulator.reads_http import path_id
from daemon.emulator.states import check_updatable
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import Writing

Json = dict[str, Any]
_PATH = "$.data[0]"
_SWITCHES = ("overwrite", "notify_lead_owner", "notify_new_entity_owner")
_TO_CONTACT = (
    "Salutation", "First_Name", "Last_Name", "Email", "Secondary_Email", "Phone", "Mobile", "Fax", "Lead_Source",
    "Email_Opt_Out", "Skype_ID", "Twitter", "Description",
)  # fmt: skip
_TO_ACCOUNT = ("Phone", "Fax", "Website", "Industry", "Annual_Revenue", "Description")


def convert_lead(call: Call) -> Reply:
    """`POST /Leads/{id}/actions/convert`."""
    if call.module.api_name != "Leads":
        raise errors.refuse("NOT_SUPPORTED", "only leads are converted", {"resource_path_index": 0})
    lead = call.org.tables["Leads"].records.get(path_id(call))
    if lead is None:
        raise errors.invalid_path_id()
    if lead.values.get("Converted__s"):
        details = {"id": str(lead.id)}
        raise errors.ZohoError(400, {"data": [errors.problem("ID_ALREADY_CONVERTED", "id already converted", details)]})
    given = call.json.get("data")
    if given is None:
        raise errors.body_key_missing("data")
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise errors.body_key_type("data", "jsonarray")
    for name in _SWITCHES:
        if not isinstance(given[0].get(name, False), bool):
            raise errors.body_key_type(name, "boolean", f"{_PATH}.{name}")
    try:
        check_updatable(lead, _PATH, call.quirks)
        made = _make(call, lead, given[0])
    except errors.RecordError as refused:
        raise errors.ZohoError(400, {"data": [refused.element]}) from None
    text = "The record has been converted successfully"
    return Reply.of(200, {"data": [{"code": "SUCCESS", "details": made, "message": text, "status": "success"}]})


def _writing(call: Call, module: str) -> Writing:
    return Writing(
        org=call.org, module=call.org.modules[module], user=call.user, now=call.org.clock.stamp(),
        automations=call.automations,
    )  # fmt: skip


def _make(call: Call, lead: Record, given: Json) -> Json:
    """The three records; whatever can be refused is checked before anything is written."""
    org = call.org
    account = _given(call, given, "Accounts")
    contact = _given(call, given, "Contacts")
    deal = given.get("Deals")
    if deal is not None and not isinstance(deal, dict):
        raise errors.wrong_type("Deals", f"{_PATH}.Deals", "jsonobject")
    owner = _given_user(call, given) or lead.owner
    if deal is not None:
        writes.rehearse(_writing(call, "Deals"), deal, f"{_PATH}.Deals")
    if account is None and lead.values.get("Company"):
        account = _insert(call, "Accounts", lead, _TO_ACCOUNT, {"Account_Name": lead.values["Company"]}, owner)
    if contact is None:
        link = {"Account_Name": account} if account is not None else {}
        contact = _insert(call, "Contacts", lead, _TO_CONTACT, link, owner)
    made: Json = {"Contacts": _named(call, "Contacts", contact), "Accounts": _named(call, "Accounts", account)}
    made["Deals"] = None
    if deal is not None:
        links = {"Account_Name": account, "Contact_Name": contact}
        whole = {**{name: str(number) for name, number in links.items() if number is not None}, **deal}
        whole |= {name: {"id": value} for name, value in whole.items() if name in links and isinstance(value, str)}
        result = writes.insert(_writing(call, "Deals"), whole, f"{_PATH}.Deals")
        made["Deals"] = _named(call, "Deals", int(result["details"]["id"]))
    now = org.clock.stamp()
    detail = {"convert_date": org.time_text(now)[:10], "contact": str(contact), "converted_by": str(call.user.id)}
    values = {**lead.values, "Converted__s": True, "Converted_Date_Time": now, "$converted_detail": detail}
    org.put("Leads", lead.replaced(modified=max(now, lead.modified), modified_by=call.user.id, owner=owner,
                                   values=values))  # fmt: skip
    call.automations.append({"module": "Leads", "id": str(lead.id), "action": "convert", "features": ["workflow"]})
    return made


def _given(call: Call, given: Json, module: str) -> int | None:
    """An existing record to which the lead is converted: `"Accounts": "id"` or `{"id": ..}`."""
    value = given.get(module)
    if value is None:
        return None
    number = parse_id(value.get("id") if isinstance(value, dict) else value)
    if number is None or number not in call.org.tables[module].records:
        raise errors.unknown_id({"api_name": module, "json_path": f"{_PATH}.{module}"})
    return number


def _given_user(call: Call, given: Json) -> int | None:
    value = given.get("assign_to")
    if value is None:
        return None
    number = parse_id(value.get("id") if isinstance(value, dict) else value)
    user = call.org.user(number) if number is not None else None
    if user is None or user.status != "active":
        raise errors.unknown_id({"api_name": "assign_to", "json_path": f"{_PATH}.assign_to"})
    return user.id


def _insert(call: Call, module: str, lead: Record, names: tuple[str, ...], extra: Json, owner: int) -> int:
    org, now, by = call.org, call.org.clock.stamp(), call.user.id
    known = org.modules[module].fields
    values = {name: lead.values[name] for name in names if name in lead.values and name in known} | extra
    record = Record(org.new_id(), now, now, owner, by, by, values)
    org.put(module, record)
    return record.id


def _named(call: Call, module: str, number: int | None) -> Json | None:
    return {"name": call.org.display_name(module, number), "id": str(number)} if number is not None else None
