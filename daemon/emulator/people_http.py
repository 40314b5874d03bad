"""The calls on people: users and the org itself (facts 6, 12.8)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.params import modified_since, positive
from daemon.emulator.people import FOUNDED, User, select_users
from daemon.emulator.validation import parse_id

Json = dict[str, Any]


def get_users(call: Call) -> Reply:
    """`GET /users?type=` and `/users/{id}`; both heed If-Modified-Since (OAS25:users)."""
    since = modified_since(call)
    if call.record_id is not None:
        number = parse_id(call.record_id)
        found = call.org.user(number) if number is not None else None
        if found is None:
            raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 1})
        if since is not None and found.modified < since:
            return Reply(status=304)
        return Reply.of(200, {"users": [_user(call, found)]})
    chosen = select_users(call.org.users, call.query.get("type", "AllUsers"), call.user)
    if chosen is None:
        raise errors.pattern_not_matched("type")
    if since is not None:
        chosen = [user for user in chosen if user.modified >= since]
        if not chosen:
            return Reply(status=304)
    chosen.sort(key=lambda user: user.place)
    per_page, page = min(positive(call, "per_page", 200), 200), positive(call, "page", 1)
    shown = chosen[(page - 1) * per_page : page * per_page]
    if not shown:
        return NO_CONTENT
    info = {"per_page": per_page, "count": len(shown), "page": page, "more_records": page * per_page < len(chosen)}
    return Reply.of(200, {"users": [_user(call, user) for user in shown], "info": info})


def _user(call: Call, user: User) -> Json:
    text = zone_printer(call.user.time_zone)
    administrator = call.org.administrator.brief()
    empty = ("alias", "phone", "mobile", "street", "city", "state", "zip", "country", "Reporting_To")
    return {
        "id": str(user.id),
        "full_name": user.full_name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "status": user.status,
        "confirm": user.confirm,
        "profile": user.profile.as_json(),
        "role": user.role.as_json(),
        "zuid": str(user.zuid),
        "time_zone": user.time_zone,
        "locale": "en_US",
        "country_locale": call.org.site.country,
        "language": "en_US",
        "date_format": "yyyy-MM-dd",
        "time_format": "HH:mm",
        "created_time": text(user.created),
        "created_by": administrator,
        "Modified_Time": text(user.modified),
        "Modified_By": administrator,
        "type__s": "Regular User",
        "decimal_separator": "Period",
        "number_separator": "Comma",
        "sandboxDeveloper": False,
        **dict.fromkeys(empty),
        **user.known,
    }


def get_org(call: Call) -> Reply:
    """`GET /org`."""
    org, (currency, code, symbol) = call.org, call.org.site.currency
    paid = org.edition != "free"
    shown = {
        "id": str(org.org_id),
        "zgid": org.zgid,
        "company_name": org.site.company,
        "alias": None,
        "primary_email": org.administrator.email,
        "primary_zuid": str(org.administrator.zuid),
        "domain_name": f"org{org.zgid}",
        "time_zone": org.site.time_zone,
        "currency": f"{currency} - {code}",
        "iso_code": code,
        "currency_symbol": symbol,
        "currency_locale": "en_US",
        "country_code": org.site.country,
        "type": "production",
        "mc_status": False,
        "created_time": zone_printer(call.user.time_zone)(FOUNDED),
        "license_details": {
            "paid": paid,
            "paid_type": org.edition,
            "users_license_purchased": org.licences if paid else 0,
            "trial_type": None,
            "trial_expiry": None,
            "paid_expiry": "2030-01-01" if paid else None,
            "portal_users_license_purchased": 0,
        },
        "hierarchy_preferences": {"type": "ROLE_HIERARCHY"},
        "privacy_settings": False,
        "hipaa_compliance_enabled": False,
        **org.setup.org,
    }
    return Reply.of(200, {"org": [shown]})
