"""The users of an org. Most people work in every org (same e-mail, other ids), one of them only in the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
FOUNDED = 1_735_689_600
ADMINISTRATIVE = frozenset(
    {"Crm_Implied_Customize_Zoho_CRM", "Crm_Implied_Manage_Profiles", "Crm_Implied_Manage_Workflow"}
)
"""What the profile Standard lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A profile or a role: Zoho shows both as name and id. `known` is what a snapshot says of it."""

    id: int
    name: str
    known: Json = field(default_factory=dict, compare=False)

    def as_json(self) -> Json:
        """`{"name", "id"}`."""
        return {"name": self.name, "id": str(self.id)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Role):
    """What its users may do: everything but the permissions that it denies, by Zoho's names (facts 1.8)."""

    denied: frozenset[str] = frozenset()
    custom: bool = False


@dataclass(slots=True, kw_only=True)
class User:
    """One user of one org; `place` is where a list shows them, `known` what a snapshot says besides."""

    id: int
    zuid: int
    first_name: str
    last_name: str
    email: str
    profile: Profile
    role: Role
    time_zone: str
    status: str = "active"
    confirm: bool = True
    place: int = 0
    created: int = FOUNDED
    modified: int = FOUNDED
    known: Json = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def brief(self) -> Json:
        """As in the results of writes and in COQL rows (facts 2.6)."""
        return {"name": self.full_name, "id": str(self.id)}

    def with_email(self) -> Json:
        """As in Get Records (facts 2.6)."""
        return {"name": self.full_name, "id": str(self.id), "email": self.email}


@dataclass(slots=True, kw_only=True)
class Setup:
    """What a snapshot says of an org beyond people and schema, and the profiles and roles that nobody may have."""

    profiles: dict[int, Profile] = field(default_factory=dict)
    roles: dict[int, Role] = field(default_factory=dict)
    currencies: list[Json] = field(default_factory=list)
    org: Json = field(default_factory=dict)
    unreadable: list[Json] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)


_EVERYWHERE = (
    ("Pat", "Doe", "pat.doe@example.com", "active", True),
    ("Asha", "Iyer", "asha.iyer@example.com", "active", True),
    ("Miguel", "Ángel Ruiz", "miguel.ruiz@example.com", "active", True),
    ("美咲", "田中", "misaki.tanaka@example.com", "active", True),
    ("Olena", "Коваль", "olena.koval@example.com", "active", True),
)
_SOURCE_ONLY = (("Ravi", "Menon", "ravi.menon@example.com", "active", True),)
_TARGET_ONLY = (("Grace", "Kim", "grace.kim@example.com", "active", True),)
_INACTIVE = (
    ("Old", "Hand", "old.hand@example.com", "disabled", True),
    ("New", "Starter", "new.starter@example.com", "active", False),
)


def staff(new_id: Callable[[], int], *, source: bool, time_zone: str) -> list[User]:
    """The users of a fresh org; the first one is the administrator whose tokens the client holds."""
    administrator = Profile(id=new_id(), name="Administrator")
    standard = Profile(id=new_id(), name="Standard", denied=ADMINISTRATIVE)
    chief, manager = Role(id=new_id(), name="CEO"), Role(id=new_id(), name="Manager")
    people = (*_EVERYWHERE, *(_SOURCE_ONLY if source else _TARGET_ONLY), *_INACTIVE)
    users = []
    for place, (first, last, email, status, confirm) in enumerate(people):
        number = new_id()
        users.append(
            User(
                id=number,
                zuid=70_000_000 + number % 1_000_000,
                first_name=first,
                last_name=last,
                email=email,
                profile=administrator if place == 0 else standard,
                role=chief if place == 0 else manager,
                time_zone=time_zone,
                status=status,
                confirm=confirm,
                place=place,
            )
        )
    return users


_TYPES: dict[str, Callable[[User], bool]] = {
    "AllUsers": lambda user: user.status != "deleted",
    "ActiveUsers": lambda user: user.status == "active",
    "AllActiveUsers": lambda user: user.status == "active",
    "DeactiveUsers": lambda user: user.status == "disabled",
    "ConfirmedUsers": lambda user: user.confirm,
    "NotConfirmedUsers": lambda user: not user.confirm,
    "DeletedUsers": lambda user: user.status == "deleted",
    "ActiveConfirmedUsers": lambda user: user.status == "active" and user.confirm,
    "AdminUsers": lambda user: user.profile.name == "Administrator",
    "ActiveConfirmedAdmins": lambda user: (
        user.status == "active" and user.confirm and user.profile.name == "Administrator"
    ),
    "DeveloperUsers": lambda user: False,  # noqa: ARG005 - nobody here is a developer user
    "ActiveLiteUser": lambda user: False,  # noqa: ARG005 - nor a lite user
}


def select_users(users: list[User], kind: str, caller: User) -> list[User] | None:
    """The users of a `type` (facts 6), or None when there is no such type."""
    if kind == "CurrentUser":
        return [caller]
    choose = _TYPES.get(kind)
    return None if choose is None else [user for user in users if choose(user)]
