"""Rules between the fields of one record, by module: pipelines, calls, meetings, activities (facts 4.4, 4.7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from daemon.emulator import errors
from daemon.emulator.catalog import PICKLISTS, PIPELINES
from daemon.emulator.org import Org
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
MAX_PARTICIPANTS = 50
_ZERO = re.compile(r"0[0:]*")


def check_rules(org: Org, module: str, element: Json, values: Mapping[str, Any], path: str) -> None:
    """RecordError when `element` names fields that do not fit each other; `values` is the record as it would become."""
    rule = _RULES.get(module)
    if rule is not None:
        rule(org, element, values, path)
    if element.get("What_Id") is not None and "What_Id" in org.modules[module].fields:
        _what_id(org, element, path)


def _what_id(org: Org, element: Json, path: str) -> None:
    """What_Id beside `$se_module`, the module it points into."""
    named = element.get("$se_module")
    if named is None:
        if org.quirks["what_id_needs_se_module"] == "yes":
            raise errors.dependent("DEPENDENT_FIELD_MISSING", "required field not found", "$se_module", "What_Id", path)
        return
    among, target = org.modules["Tasks"].fields["What_Id"].lookups, element["What_Id"]
    number = parse_id(target.get("id") if isinstance(target, dict) else target)
    found = org.module_of(number, among) if number is not None else None
    if found != named:
        raise errors.dependent("DEPENDENT_MISMATCH", "invalid data", "What_Id", "$se_module", path)


def _deal(org: Org, element: Json, values: Mapping[str, Any], path: str) -> None:
    """Stage must be one of the pipeline, the pipeline one of the layout (MAPPING_MISMATCH)."""
    if org.quirks["pipeline_stage"] == "ignore" or not {"Pipeline", "Stage"} & element.keys():
        return
    pipeline, stage = values.get("Pipeline"), values.get("Stage")
    if "Pipeline" in element and pipeline is not None and pipeline not in PICKLISTS["pipeline"]:
        raise errors.mapping("Layout doesn't contain the Pipeline", "Pipeline", "Layout", path)
    stages = PIPELINES.get(str(pipeline))
    if stages is not None and stage is not None and stage not in stages:
        raise errors.mapping("Pipeline doesn't contain the Stage", "Stage", "Pipeline", path)


def _call(_: Org, element: Json, values: Mapping[str, Any], path: str) -> None:
    """A call that took place took some time."""
    took_place = values.get("Outgoing_Call_Status") == "Completed" or values.get("Call_Type") == "Inbound"
    if (
        "Call_Duration" in element
        and _ZERO.fullmatch(str(values.get("Call_Duration")))
        and values.get("Call_Type") != "Missed"
    ):
        raise errors.dependent(
            "DEPENDENT_MISMATCH", "Call Duration can not be zero.", "Call_Duration", "Call_Type", path
        )
    if took_place and "Call_Type" in element and values.get("Call_Duration") is None:
        raise errors.dependent(
            "DEPENDENT_FIELD_MISSING", "required field not found", "Call_Duration", "Call_Type", path
        )


def _event(_: Org, element: Json, values: Mapping[str, Any], path: str) -> None:
    """A meeting ends after it began, and has at most 50 participants."""
    start, end = values.get("Start_DateTime"), values.get("End_DateTime")
    named = {"Start_DateTime", "End_DateTime"} & element.keys()
    if named and isinstance(start, int) and isinstance(end, int) and end < start:
        raise errors.dependent("DEPENDENT_MISMATCH", "invalid data", "End_DateTime", "Start_DateTime", path)
    people = values.get("Participants")
    if "Participants" in element and isinstance(people, list) and len(people) > MAX_PARTICIPANTS:
        details = {"limit": MAX_PARTICIPANTS, "api_name": "Participants", "json_path": f"{path}.Participants"}
        raise errors.RecordError(errors.problem("LIMIT_EXCEEDED", "max limit exceeded", details))


_RULES: dict[str, Callable[[Org, Json, Mapping[str, Any], str], None]] = {
    "Deals": _deal,
    "Calls": _call,
    "Events": _event,
}
