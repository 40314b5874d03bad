"""Reads records one by one, so that one that cannot be read holds no other (promise 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from loguru import logger

from daemon.sync.changes import FieldAbsent
from daemon.zoho.errors import BadAnswer, OrgUnavailable

T = TypeVar("T")


def singly(ids: Iterable[str], read: Callable[[str], T]) -> tuple[dict[str, T], frozenset[str]]:
    """What `read` gives of each, and the ids of those that could not be read.

    Two in a row that could not be are the org's trouble, and so is an answer that asks for rest: raises OrgUnavailable
    or BadAnswer then. A field that is missing is the metadata's: raises FieldAbsent.
    """
    found: dict[str, T] = {}
    unread: set[str] = set()
    failed = False
    for record_id in ids:
        try:
            found[record_id] = read(record_id)
            failed = False
        except FieldAbsent:
            raise
        except (BadAnswer, OrgUnavailable) as error:
            if failed or (isinstance(error, OrgUnavailable) and error.retry_after is not None):
                raise
            failed = True
            unread.add(record_id)
            logger.warning("{}; the record is read again later", error)
    return found, frozenset(unread)
