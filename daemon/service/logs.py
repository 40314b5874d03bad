"""Where log lines go: human on a terminal, JSON on request, and never with a secret in them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TextIO

from loguru import logger

from daemon.core.org import Org, Secret

if TYPE_CHECKING:
    from loguru import Record

_HUMAN: Final = "<green>{time:HH:mm:ss}</green> <level>{level: <7}</level> {message}"


def set_up(orgs: Iterable[Org], *, as_json: bool, verbose: bool = False, stream: TextIO | None = None) -> None:
    """One sink, to stderr. `diagnose` and `backtrace` stay off: they print the values of local variables."""
    logger.remove()
    hide(orgs)
    logger.add(
        stream or sys.stderr,
        format="{message}" if as_json else _HUMAN,
        serialize=as_json,
        level="DEBUG" if verbose else "INFO",
        diagnose=False,
        backtrace=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a run that finds its stream busy is no news


def hide(orgs: Iterable[Org]) -> None:
    """From now on the secrets of these orgs are stars in every line, and those of no others."""
    secrets = [s.reveal() for org in orgs for s in (org.client_secret, org.refresh_token) if isinstance(s, Secret)]

    def with_stars(record: Record) -> None:
        for secret in secrets:
            if secret in record["message"]:
                record["message"] = record["message"].replace(secret, "****")

    logger.configure(patcher=with_stars)


class _Bridge(logging.Handler):
    """Lines of libraries that know the standard logging only; their own INFO lines may hold addresses with queries."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.log(record.levelname, "{}: {}", record.name, record.getMessage())
