"""Takes away the tags that an update left on a record.

Writing a record's tags may replace those that it has, or add to them: the facts only say how they are written. So
where some are to go, the record is looked at after the update, and what is still there is removed by its own call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from daemon.core.answer import Answer, Busy, Done, Gone, Uncertain
from daemon.core.composed import tag_names
from daemon.core.steps import Update, Write
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError

_TAG: Final = "Tag"


def without_surplus(steps: Sequence[Write], answers: Sequence[Answer], target: Zoho, module: str) -> list[Answer]:
    """The answers of an update call, once the tags are gone that its records are not to have. A record whose tags are
    not known to be gone is not done.
    """
    surplus = {
        answer.record_id: step.surplus
        for step, answer in zip(steps, answers, strict=True)
        if isinstance(step, Update) and step.surplus and isinstance(answer, Done)
    }
    if not surplus:
        return list(answers)
    late: dict[str, Answer] = {}
    try:
        for names, ids in _left(surplus, target, module).items():
            late |= _unremoved(ids, target.remove_tags(module, ids, sorted(names)))
    except (ZohoError, ValueError) as error:
        late |= dict.fromkeys(surplus, Uncertain(code="TAGS_UNKNOWN", message=str(error)))
    return [late.get(a.record_id, a) if isinstance(a, Done) else a for a in answers]


def _left(surplus: dict[str, tuple[str, ...]], target: Zoho, module: str) -> dict[frozenset[str], list[str]]:
    """Surplus tags that are still there -> the records that have just these."""
    left: dict[frozenset[str], list[str]] = defaultdict(list)
    for row in target.by_ids(module, [_TAG], list(surplus)):
        names = frozenset(tag_names(row.get(_TAG))) & frozenset(surplus[str(row["id"])])
        if names:
            left[names].append(str(row["id"]))
    return left


def _unremoved(ids: Sequence[str], answers: Sequence[Answer]) -> dict[str, Answer]:
    """The records that still have their tags, or may have: the update itself is done, so nothing is final."""
    return {
        record_id: answer
        if isinstance(answer, (Busy, Gone, Uncertain))
        else Busy(code=answer.code, message=answer.message)
        for record_id, answer in zip(ids, answers, strict=True)
        if not isinstance(answer, Done)
    }
