"""What the profile of an API user lets it do, by Zoho's names of permissions (facts 1.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROFILES: Final = "Setup > Users and Control > Security Control > Profiles"
_IMPLIED: Final = "Crm_Implied_"
AUTOMATION: Final = f"{_IMPLIED}Manage_Workflow"
_WORDS: Final = {
    f"{_IMPLIED}Api_Access": "Zoho CRM API Access",
    f"{_IMPLIED}Customize_Zoho_CRM": "Customize Zoho CRM",
    f"{_IMPLIED}Manage_Profiles": "Manage Profiles",
    AUTOMATION: "Manage Automation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """A profile, and the permissions that it denies."""

    profile: str
    denied: frozenset[str]


def in_words(permission: str) -> str:
    """A permission as the page of a profile shows it."""
    if permission in _WORDS:
        return _WORDS[permission]
    verb, _, module = permission.removeprefix(_IMPLIED).partition("_")
    return f"{verb} of {module}" if module else permission
