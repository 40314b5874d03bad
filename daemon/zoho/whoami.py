"""Whom the credential of an org stands for, and what the profile of that user lets it do."""

from __future__ import annotations

from daemon.core.rights import Rights
from daemon.core.schema import User
from daemon.zoho import metadata
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import BadAnswer


def me(caller: Caller) -> str:
    nothing: tuple[list[User], bool] = ([], False)
    found, _ = caller.read(_current_user(), metadata.users, nothing)
    if len(found) != 1:
        raise BadAnswer(caller.org.name, f"GET users?type=CurrentUser was answered with {len(found)} users")
    return found[0].user_id


def rights(caller: Caller) -> Rights | None:
    profile = caller.read(_current_user(), metadata.profile_of_user, None)
    if profile is None:
        return None
    profile_id, name = profile
    call = Call(method="GET", path=f"settings/profiles/{profile_id}", scope="ZohoCRM.settings.profiles.READ")
    return caller.read(call, lambda found: metadata.rights(name, found), None)


def _current_user() -> Call:
    return Call(method="GET", path="users", scope="ZohoCRM.users.READ", params={"type": "CurrentUser"})
