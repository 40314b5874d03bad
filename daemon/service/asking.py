"""Questions to the ledger from those who must have an answer soon: a page that others wait for.

A server that hangs ends no question, so each is asked in a thread of its own, which is left behind when it is late;
while one is late, nothing more is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from daemon.ledger import LedgerError

PATIENCE_S: Final = 3.0
T = TypeVar("T")


class Asking:
    """Asks, and waits for `patience` seconds."""

    def __init__(self, patience: float = PATIENCE_S) -> None:
        self._patience = patience
        self._late: threading.Thread | None = None

    def ask(self, question: Callable[[], T]) -> T:
        """The answer. Raises LedgerError, also where there is none in time."""
        if self._late is not None and self._late.is_alive():
            raise LedgerError("the ledger does not answer")
        answers: list[T] = []
        errors: list[Exception] = []

        def put() -> None:
            try:
                answers.append(question())
            except Exception as error:  # noqa: BLE001  it is raised where the answer is waited for
                errors.append(error)

        thread = threading.Thread(target=put, name="asking", daemon=True)
        thread.start()
        thread.join(self._patience)
        if thread.is_alive():
            self._late = thread
            raise LedgerError(f"the ledger has not answered for {self._patience:.0f} s")
        if errors:
            raise errors[0]
        return answers[0]
