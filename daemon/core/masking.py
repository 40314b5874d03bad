"""Takes secrets out of texts, however they were written down on the way: the second line of defence.

The first one is that nobody reveals a Secret where text is made (core/org.py).
"""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from daemon.core.org import Secret, living

MASK: Final = "****"
SHORTEST: Final = 8
"""A shorter value is masked only where a caller names it: everywhere else, too many innocent words would go with it."""
_BREAKS: Final = dict.fromkeys((*range(33), 127))
_BREAK: Final = "[\\x00-\\x20\\x7f]*"  # whoever wraps or cleans a text must not hide a secret by that
_WHOLE: Final = 6  # characters of base64 below which a match says nothing


def masked(text: str, secrets: Iterable[Secret] = ()) -> str:
    """A text without these secrets, and without any other that this process holds."""
    squeezed = text.translate(_BREAKS)
    for value in sorted({*_values(secrets, 1), *_values(living(), SHORTEST)}, key=len, reverse=True):
        if value.translate(_BREAKS) in squeezed:
            text = re.sub(_BREAK.join(map(re.escape, value)), MASK, text)
        for form in forms(value):
            text = text.replace(form, MASK)
    return text


@functools.lru_cache(maxsize=64)
def forms(value: str) -> tuple[str, ...]:
    """How a value may stand in a text beside as it is: escaped for an address, JSON, HTML or repr, in hex or base64."""
    raw = value.encode("utf-8", "surrogatepass")
    escaped = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    lower = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), one) for one in escaped}
    texts = {
        html.escape(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
    }
    found = {*escaped, *lower, *texts, raw.hex(), raw.hex().upper(), *_in_base64(raw)} - {value, ""}
    return tuple(sorted(found, key=len, reverse=True))


def _in_base64(raw: bytes) -> set[str]:
    """The part that does not depend on what stands before and behind, for each of the three places it may begin at."""
    found = set()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode()
        inner = coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        if len(inner) >= _WHOLE:
            found |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return found


def _values(secrets: Iterable[Secret], shortest: int) -> set[str]:
    return {value for secret in secrets if len(value := secret.reveal()) >= shortest}
