"""The users, profiles and roles of a snapshot; what it lacks is made up, for every user has a profile and a role."""

from __future__ import annotations

from typing import Any

from daemon.emulator.people import ADMINISTRATIVE, FOUNDED, Profile, Role, Setup, User
from daemon.emulator.schema import NewId
from daemon.emulator.snapshot_values import as_dict, as_id, as_list, as_moment, as_text, as_zone

Json = dict[str, Any]
# keys of a user that the emulator makes itself
_LIVE = frozenset("status confirm profile role created_time Modified_Time".split())  # noqa: SIM905


def profiles_in(content: Json) -> dict[int, Profile]:
    """The profiles by id, with what they deny."""
    rows = [one for one in as_list(content.get("profiles")) if isinstance(one, dict)]
    return {number: _profile(one, number) for one in rows if (number := as_id(one.get("id"))) is not None}


def _profile(given: Json, number: int) -> Profile:
    name, details = as_text(given.get("name"), "Standard"), as_list(given.get("permissions_details"))
    off = frozenset(str(one.get("name")) for one in map(as_dict, details) if one.get("enabled") is False)
    denied = off if details else _usual(name)
    return Profile(id=number, name=name, known=given, denied=denied, custom=given.get("custom") is True)


def _usual(name: str) -> frozenset[str]:
    return ADMINISTRATIVE if name == "Standard" else frozenset()


def roles_in(content: Json) -> dict[int, Role]:
    """The roles by id."""
    rows = [one for one in as_list(content.get("roles")) if isinstance(one, dict)]
    return {
        number: Role(id=number, name=as_text(one.get("name"), "Manager"), known=one)
        for one in rows
        if (number := as_id(one.get("id"))) is not None
    }


def people_in(given: list[Json], zone: str, setup: Setup, new_id: NewId) -> list[User]:
    """The users, the administrator to whom the tokens belong first; `place` keeps their order in lists."""
    profiles = {one.name: one for one in setup.profiles.values()}
    roles = {one.name: one for one in setup.roles.values()}
    users = []
    for place, one in enumerate(given):
        profile = _profile_of(one.get("profile"), setup.profiles, profiles, new_id)
        users.append(_user(one, zone, place, profile, _role_of(one.get("role"), setup.roles, roles, new_id), new_id))
    users.sort(key=lambda user: not (user.status == "active" and user.confirm and user.profile.name == "Administrator"))
    users[0].status, users[0].confirm = "active", True
    return users


def _user(given: Json, zone: str, place: int, profile: Profile, role: Role, new_id: NewId) -> User:
    return User(
        id=int(given["id"]),
        zuid=as_id(given.get("zuid")) or new_id(),
        first_name=as_text(given.get("first_name"), ""),
        last_name=as_text(given.get("last_name"), ""),
        email=as_text(given.get("email"), f"user{given['id']}@example.com"),
        profile=profile,
        role=role,
        time_zone=as_zone(given.get("time_zone"), zone),
        status=as_text(given.get("status"), "active"),
        confirm=given.get("confirm") is not False,
        place=place,
        created=as_moment(given.get("created_time")) or FOUNDED,
        modified=as_moment(given.get("Modified_Time")) or FOUNDED,
        known={key: value for key, value in given.items() if key not in _LIVE},
    )


def _profile_of(given: Any, by_id: dict[int, Profile], by_name: dict[str, Profile], new_id: NewId) -> Profile:
    name, number = as_text(as_dict(given).get("name"), "Standard"), as_id(as_dict(given).get("id"))
    if number is None:
        return by_name.setdefault(name, Profile(id=new_id(), name=name, denied=_usual(name)))
    return by_id.get(number) or Profile(id=number, name=name, denied=_usual(name))


def _role_of(given: Any, by_id: dict[int, Role], by_name: dict[str, Role], new_id: NewId) -> Role:
    name, number = as_text(as_dict(given).get("name"), "Manager"), as_id(as_dict(given).get("id"))
    if number is None:
        return by_name.setdefault(name, Role(id=new_id(), name=name))
    return by_id.get(number) or Role(id=number, name=name)
