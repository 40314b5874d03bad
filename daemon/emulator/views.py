"""Custom views: which a module has, and which records one holds (facts 2.1, 6). Knows no HTTP but the refusals.

Every module has "All" and "My" views; an administrator adds others (`Module.views`). A criteria has the shape of a bulk
read's: `{"comparator", "field": {"api_name"}, "value"}` or `{"group_operator", "group": [...]}`; None holds everything.
"""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.bulk_criteria import Reader, compile_criteria
from daemon.emulator.compare import Passes
from daemon.emulator.coql_columns import Bound, bind
from daemon.emulator.coql_parse import Column
from daemon.emulator.org import Org
from daemon.emulator.people import User
from daemon.emulator.schema import Module, View

Json = dict[str, Any]
CURRENT_USER = "${CURRENTUSER}"
_SYSTEM_IDS = 300_000


def views_of(module: Module) -> list[View]:
    """The views of a module, the default one first."""
    if module.is_rows:
        return []
    number, leads = module.id + _SYSTEM_IDS, module.api_name == "Leads"
    open_ones = {"comparator": "equal", "field": {"api_name": "Converted__s"}, "value": False} if leads else None
    everything = View(id=number, name=f"All {module.plural}", system_name="ALLVIEWS", criteria=open_ones)
    views = [everything]
    if "Owner" in module.fields:
        mine = {"comparator": "equal", "field": {"api_name": "Owner"}, "value": CURRENT_USER}
        views.append(View(id=number + 1, name=f"My {module.plural}", system_name="MYVIEWS", criteria=mine))
    return [*views, *module.views]


def view_by_id(module: Module, cvid: str) -> View:
    """The view with this id; INVALID_DATA for any other text (the code is what OAS25:record gives a bad parameter)."""
    found = next((view for view in views_of(module) if str(view.id) == cvid), None)
    if found is None:
        raise errors.bad_param("cvid")
    return found


def view_passes(org: Org, module: Module, cvid: str, caller: User) -> Passes:
    """The test whether a view shows a record to the caller, or INVALID_DATA for an unknown `cvid`."""
    criteria = view_by_id(module, cvid).criteria
    if criteria is None:
        return lambda _: True
    reader = Reader(bind=lambda name: _column(org, module, name, caller), quirks=org.quirks)
    return compile_criteria(reader, _for_caller(criteria, caller))


def _column(org: Org, module: Module, name: str, caller: User) -> Bound | None:
    try:
        return bind(org, module, Column((name,)), caller)
    except errors.ZohoError:
        return None


def _for_caller(criteria: Json, caller: User) -> Json:
    group = criteria.get("group")
    if isinstance(group, list):
        return {**criteria, "group": [_for_caller(one, caller) for one in group if isinstance(one, dict)]}
    return {**criteria, "value": str(caller.id)} if criteria.get("value") == CURRENT_USER else criteria


def plant_view(org: Org, module: Module, given: Json) -> View:
    """Add a view by hand: `{"name", "criteria"}`; ValueError when Zoho could not read the criteria."""
    name, criteria = given.get("name"), given.get("criteria")
    if not isinstance(name, str) or not name:
        raise ValueError("a view has a name")
    view = View(id=org.new_id(), name=name, criteria=criteria, created=org.clock.stamp())
    module.views.append(view)
    try:
        view_passes(org, module, str(view.id), org.administrator)
    except (errors.ZohoError, AttributeError) as refused:
        module.views.remove(view)
        raise ValueError("criteria: not what a bulk read takes") from refused
    return view
