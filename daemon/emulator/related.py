"""Related lists: whatever points at a module, under the name by which a record shows it (facts 6, 10)."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.emulator.fields import Field
from daemon.emulator.org import Org
from daemon.emulator.schema import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedList:
    """One related list: records of `module`, found by the field `by` of it, or through the linking field `link`."""

    api_name: str
    label: str
    module: str
    by: str | None = None
    link: Field | None = None


def related_lists(org: Org, module: Module) -> list[RelatedList]:
    """The related lists of a module, in a stable order."""
    lists: dict[str, RelatedList] = {}
    for other in org.modules.values():
        if other.is_rows or not other.shown:
            continue
        for item in other.fields.values():
            if module.api_name not in (item.lookup, *item.lookups) or item.child is not None:
                continue
            name = other.api_name if other.api_name not in lists else f"{other.api_name}_{item.api_name}"
            lists[name] = RelatedList(api_name=name, label=other.plural, module=other.api_name, by=item.api_name)
    for item in module.children():
        if item.data_type == "multiselectlookup" and item.lookup is not None:
            lists[item.api_name] = RelatedList(api_name=item.api_name, label=item.label, module=item.lookup, link=item)
    return list(lists.values())


def related_ids(org: Org, wanted: RelatedList, number: int) -> list[int]:
    """The records in a related list of one record."""
    if wanted.link is not None:
        rows = org.rows(wanted.link, number)
        return [row.values[str(wanted.link.forward)] for row in rows if str(wanted.link.forward) in row.values]
    return org.visible(wanted.module).holders(str(wanted.by), number)
