"""What must not get out of a process that knows secrets: not by its last words, its core, or the children it starts."""

from __future__ import annotations

import os
import resource
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final

from daemon.core.masking import masked
from daemon.core.org import Secret

_taken: Final[dict[str, Secret]] = {}


def guard() -> None:
    """From here on a bug's traceback is masked, a crash leaves no core file, and what is made is for its owner only."""
    os.umask(0o077)
    sys.excepthook = _tell
    threading.excepthook = lambda seen: _tell(seen.exc_type, seen.exc_value, seen.exc_traceback)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def environment() -> Mapping[str, str]:
    """The environment as it was before `take_out`, for settings that are read once more."""
    return {**{name: secret.reveal() for name, secret in _taken.items()}, **os.environ}


def take_out(names: Iterable[str]) -> None:
    """Takes the variables that secrets were read from out of the environment: no child process is to have them."""
    for name in names:
        if (value := os.environ.pop(name, None)) is not None:
            _taken[name] = Secret(value)


def _tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    sys.stderr.write(masked("".join(traceback.format_exception(kind, error, trace))))
