"""Modules that cannot be carried because their records do not say when they were changed."""

from __future__ import annotations

from typing import Final

from daemon.core.problem import Problem
from daemon.core.rules import Stream
from daemon.core.schema import Schema

_TIME: Final = "Modified_Time"


def timeless_problems(stream: Stream, source: Schema, target: Schema) -> list[Problem]:
    """Modules whose records do not say when they were changed: no poll can read their changes, no comparison can walk
    them (facts 11.21: linking and tracker modules, for instance).
    """
    return [
        Problem(
            stream=stream.address,
            field=_TIME,
            about="time",
            seen=f"{org}'s {schema.module} has no {_TIME}, so its changes cannot be read in order and it cannot be "
            "carried",
            do=f"take [routes.{stream.route}.modules.{stream.source_module}] out of the settings and carry the "
            f"module whose records its rows belong to. If it should have one, let orgsync's user see the field {_TIME} "
            f"in his profile in {org}",
        )
        for org, schema in ((stream.source, source), (stream.target, target))
        if (field := schema.fields.get(_TIME)) is None or field.data_type != "datetime"
    ]
