"""A pair whose leads have a subform, a multi-select lookup and tags: what the tests of these fields stand on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.core.rules import Copy, FieldChoice, Rows
from daemon.emulator import Emulator, OrgHandle
from daemon.settings import Settings
from tests.sync.pair import Pair, add_key, make_settings, opened

COLUMNS = FieldChoice(
    table={"Place": Copy(field="Ort"), "Day": Copy(field="Tag_der_Reise"), "Account": Copy(field="Firma")}
)
LEADS = FieldChoice(
    table={
        "Last_Name": Copy(field="Last_Name"),
        "Company": Copy(field="Company"),
        "Visits": Rows(field="Besuche", columns=COLUMNS),
        "Interests": Copy(field="Interessen"),
        "Tag": Copy(field="Tag", values={"wichtig": "vip"}),
    }
)
CHOICES: Mapping[str, FieldChoice] = {"Leads": LEADS}


def equip(org: OrgHandle, subform: str, columns: tuple[str, str, str], interests: str) -> None:
    org.add_field("Leads", field_label=subform, data_type="subform")
    place, day, account = columns
    org.add_field(subform, field_label=place, data_type="text")
    org.add_field(subform, field_label=day, data_type="date")
    org.add_field(subform, field_label=account, data_type="lookup", lookup={"module": {"api_name": "Accounts"}})
    linked = {"connected_details": {"module": {"api_name": "Accounts"}}}
    org.add_field("Leads", field_label=interests, data_type="multiselectlookup", multiselectlookup=linked)


def settings_with(
    emu: Emulator, folder: Path, modules: tuple[str, ...], choices: Mapping[str, FieldChoice], **stream: Any
) -> Settings:
    settings = make_settings(emu, folder, modules=modules, **stream)
    (route,) = settings.routes
    streams = tuple(replace(s, fields=choices.get(s.source_module, s.fields)) for s in route.streams)
    return replace(settings, routes=(replace(route, streams=streams),))


@contextmanager
def carrying(
    folder: Path,
    *,
    modules: tuple[str, ...] = ("Accounts", "Leads"),
    choices: Mapping[str, FieldChoice] = CHOICES,
    quirks: dict[str, Any] | None = None,
    **stream: Any,
) -> Iterator[Pair]:
    """A pair over these modules; every further keyword is a field of all its streams."""
    with Emulator(("in", "us"), quirks=quirks) as emu:
        equip(emu.orgs["india"], "Besuche", ("Ort", "Tag der Reise", "Firma"), "Interessen")
        equip(emu.orgs["us"], "Visits", ("Place", "Day", "Account"), "Interests")
        for module in modules:
            add_key(emu.orgs["us"], module)
        with opened(emu, settings_with(emu, folder, modules, choices, **stream)) as pair:
            yield pair
