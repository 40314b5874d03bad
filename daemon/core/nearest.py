"""What a word was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 60


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that a word was probably meant to be, or None."""
    by_lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower()[:_LONGEST], by_lower, n=1)
    return by_lower[close[0]] if close else None


def there_is(word: str, choices: Iterable[str]) -> str:
    """The nearest choice as words to put behind a sentence; nothing where there is none."""
    close = nearest(word, choices)
    return "" if close is None else f" (there is {close})"
