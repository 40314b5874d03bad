"""Where log lines go: human on a terminal, JSON on request, and never with a secret in them."""

from __future__ import annotations

import logging
import sys
from typing import Final, Protocol

from loguru import logger

from daemon.core.masking import masked
from daemon.service.styles import is_plain

_HUMAN: Final = "<green>{time:HH:mm:ss}</green> <level>{level: <7}</level> {message}"


class Stream(Protocol):
    """Where lines are written to."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> None: ...

    def isatty(self) -> bool: ...


def set_up(*, as_json: bool, verbose: bool = False, stream: Stream | None = None) -> None:
    """One sink, to stderr. `diagnose` and `backtrace` stay off: they print the values of local variables."""
    logger.remove()
    logger.add(
        _Masking(stream or sys.stderr),
        format="{message}" if as_json else _HUMAN,
        serialize=as_json,
        colorize=False if is_plain() else None,  # None: where a terminal is
        level="DEBUG" if verbose else "INFO",
        diagnose=False,
        backtrace=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a run that finds its stream busy is no news


class _Masking:
    """A stream that secrets do not get through: the whole line is looked at, so tracebacks are too."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(masked(text))

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


class _Bridge(logging.Handler):
    """Lines of libraries that know the standard logging only; their own INFO lines may hold addresses with queries."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.log(record.levelname, "{}: {}", record.name, record.getMessage())
