"""What a user may do: the permissions of profiles, and NO_PERMISSION for a call that needs a lacking one (facts 1.8).

Names as Zoho writes them: Crm_Implied_{View|Create|Edit|Delete}_{module}, Crm_Implied_Api_Access and others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from daemon.emulator import errors
from daemon.emulator.org import Org
from daemon.emulator.people import Profile, Role, User
from daemon.emulator.schema import Module

Json = dict[str, Any]
VERBS = ("View", "Create", "Edit", "Delete")
API_ACCESS, CUSTOMIZE = "Crm_Implied_Api_Access", "Crm_Implied_Customize_Zoho_CRM"
_GENERAL = {
    API_ACCESS: "Zoho CRM API Access",
    CUSTOMIZE: "Customize Zoho CRM",
    "Crm_Implied_Manage_Profiles": "Manage Profiles",
    "Crm_Implied_Manage_Workflow": "Manage Automation",
}
_ON_MODULE = {
    "View": """list get deleted count search full_data coql coql_meta related attachments attachment lock_info merge_job
        fields layouts related_lists custom_views bulk_read add_note""",
    "Create": "insert upsert convert bulk_write",
    "Edit": "update upsert change_owner add_tags remove_tags merge link unlink attach detach lock unlock bulk_write",
    "Delete": "delete mass_delete mass_delete_job",
}
_IN_GENERAL = {
    CUSTOMIZE: "create_field change_field delete_field create_module",
    "Crm_Implied_Manage_Profiles": "profiles",
}
_PRIVILEGED = frozenset({"update", *(kind for kinds in _IN_GENERAL.values() for kind in kinds.split())})
_NEEDS: dict[str, list[str]] = {}
for _verb, _kinds in _ON_MODULE.items():
    for _kind in _kinds.split():
        _NEEDS.setdefault(_kind, []).append(f"Crm_Implied_{_verb}_{{module}}")
for _name, _kinds in _IN_GENERAL.items():
    for _kind in _kinds.split():
        _NEEDS.setdefault(_kind, []).append(_name)


def profiles_of(org: Org) -> list[Profile]:
    """The profiles of an org, those that nobody has too."""
    return list({**org.setup.profiles, **{user.profile.id: user.profile for user in org.users}}.values())


def roles_of(org: Org) -> list[Role]:
    """The roles of an org, those that nobody has too."""
    return list({**{user.role.id: user.role for user in org.users}, **org.setup.roles}.values())


def may(user: User, verb: str, module: str) -> bool:
    """Whether the user may View, Create, Edit or Delete records of a module."""
    return f"Crm_Implied_{verb}_{module}" not in user.profile.denied


def demand(org: Org, user: User, kind: str, module: str | None) -> None:
    """NO_PERMISSION when the user's profile lacks what this kind of call needs, on this module (facts 1.8, 12.2).

    AUTHORIZATION_FAILED, if so switched, for an update and for what only an administrator may do (facts 1.8).
    """
    denied = user.profile.denied
    if not denied:
        return
    needed = [one.format(module=module) for one in _NEEDS.get(kind, ())]
    lacking = [one for one in (API_ACCESS, *needed) if one in denied]
    if lacking and kind in _PRIVILEGED and org.quirks["lacking_privilege"] == "AUTHORIZATION_FAILED":
        raise errors.refuse("AUTHORIZATION_FAILED", "user does not have sufficient privilege")
    if lacking:
        raise errors.refuse("NO_PERMISSION", "permission denied", {"permissions": lacking}, status=403)


def permissions(org: Org, profile: Profile) -> list[Json]:
    """`permissions_details` of a profile: every permission there is, `enabled` or not."""
    return [
        {
            "display_label": label,
            "module": module,
            "name": name,
            "id": str(org.org_id + 2_000_000 + place),
            "enabled": name not in profile.denied,
        }
        for place, (module, name, label) in enumerate(_all_permissions(org))
    ]


def _all_permissions(org: Org) -> Iterator[tuple[str | None, str, str]]:
    for module in org.modules.values():
        if module.shown and not module.is_rows:
            yield from ((module.api_name, f"Crm_Implied_{verb}_{module.api_name}", verb) for verb in VERBS)
    for name, label in _GENERAL.items():
        yield None, name, label


def plant_profile(org: Org, given: Json) -> Json:
    """Give users a profile: `{"name", "denied": [permission, ...], "users": [e-mail or id, ...]}`, by hand.

    A profile of that name is changed for all who have it. ValueError: no such permission; LookupError: no such user.
    """
    name, denied = given.get("name"), given.get("denied", [])
    if not isinstance(name, str) or not name or not isinstance(denied, list):
        raise ValueError("a profile has a name and a list of denied permissions")
    known = {one for _, one, _ in _all_permissions(org)}
    if unknown := [one for one in denied if one not in known]:
        raise ValueError(f"no such permissions: {', '.join(map(str, unknown))}")
    whom = given.get("users", [])
    if not isinstance(whom, list):
        raise ValueError("users: a list of e-mails or ids")
    users = [find_user(org, who) for who in whom]
    old = next((one for one in profiles_of(org) if one.name == name), None)
    fresh = Profile(id=org.new_id(), name=name, custom=True) if old is None else replace(old, known={})
    made = replace(fresh, denied=frozenset(denied))
    org.setup.profiles[made.id] = made
    for user in org.users:
        if user in users or user.profile.id == made.id:
            user.profile, user.modified = made, org.clock.stamp()
    return {"id": str(made.id)}


def find_user(org: Org, who: Any) -> User:
    """The user with this e-mail or id, or LookupError."""
    found = next((user for user in org.users if who in (user.email, str(user.id))), None)
    if found is None:
        raise LookupError(f"no user {who!r} in {org.name}")
    return found


def caller_flags(user: User, module: Module) -> Json:
    """What the caller may do, as a module tells it (facts 6)."""
    words = {"View": "viewable", "Create": "creatable", "Edit": "editable", "Delete": "deletable"}
    return {
        word: module.known.get(word) is not False and may(user, verb, module.api_name) for verb, word in words.items()
    }
