"""`where`: a small part of COQL's criteria, evaluated here on every change that a poll reads.

Grammar: comparisons joined by and / or, with brackets. A comparison is `Field op literal`, where op is one of
`= != < <= > >=`, `in (…)`, `not in (…)`, `like 'a%'`, `is null`, `is not null`. Literals are 'texts' (a quote is
doubled), numbers, true and false. Blank fields match nothing but `is null`, as in COQL. Times compare as instants, a
lookup counts as its id, a multi-select picklist as its values joined by semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from daemon.core.record import WireRecord

Literal = str | int | float | bool
Test = Callable[[WireRecord], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?[0-9]{1,40}(?:\.[0-9]{1,40})?)|(?P<op><=|>=|!=|[=<>(),])|(?P<word>[A-Za-z]\w*))"
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_DEEPEST: Final = 25  # brackets within brackets: as many as COQL takes criteria (facts 3.1)
_KEYWORDS: Final = {"and", "or", "not", "in", "like", "is", "null", "true", "false"}


class FilterError(ValueError):
    """The text of a `where` is not a filter; the message shows where reading it stopped."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on source records; `fields` are the API names it reads."""

    fields: frozenset[str] = frozenset()
    test: Test = field(default=lambda _record: True, compare=False)


def parse_filter(text: str | None) -> Filter:
    """A filter from the text of a `where`; no text keeps every record. Raises FilterError."""
    if text is None:
        return Filter()
    parser = _Parser(text)
    test = parser.disjunction()
    parser.expect_end()
    return Filter(frozenset(parser.fields), test)


class _Parser:
    """Recursive descent, one method a level of binding."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields: set[str] = set()
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def disjunction(self) -> Test:
        return self._joined("or", self._conjunction, any)

    def _conjunction(self) -> Test:
        return self._joined("and", self._bracket, all)

    def _joined(self, word: str, part: Callable[[], Test], how: Callable[[Iterator[bool]], bool]) -> Test:
        tests = [part()]
        while self._take_word(word):
            tests.append(part())
        if len(tests) == 1:
            return tests[0]
        return lambda record: how(test(record) for test in tests)

    def _bracket(self) -> Test:
        if self._take_op("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._error(f"at most {_DEEPEST} brackets within each other")
            inner = self.disjunction()
            self._need_op(")")
            self._depth -= 1
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        kind, name = self._next("a field name")
        if kind != "word" or name.lower() in _KEYWORDS:
            raise self._error("a field name")
        self.fields.add(name)
        if self._take_word("is"):
            absent = not self._take_word("not")
            self._need_word("null")
            return lambda record: (_value(record, name) is None) == absent
        if self._take_word("like"):
            return self._like(name)
        negated = self._take_word("not")
        if self._take_word("in"):
            allowed = self._list()
            return lambda record: _known(record, name, lambda v: any(_same(v, a) for a in allowed) != negated)
        kind, op = self._next("a comparison")
        if kind != "op" or op not in _COMPARE or negated:
            raise self._error("one of = != < <= > >= in, not in, like, is")
        wanted = self._literal()
        compare = _COMPARE[op]
        return lambda record: _known(record, name, lambda v: compare(v, wanted))

    def _like(self, name: str) -> Test:
        pattern = self._literal()
        if not isinstance(pattern, str):
            raise self._error("a text after like")
        parts = pattern.casefold().split("%")
        return lambda record: _known(record, name, lambda v: _like(_text(v).casefold(), parts))

    def _list(self) -> list[Literal]:
        self._need_op("(")
        values = [self._literal()]
        while self._take_op(","):
            values.append(self._literal())
        self._need_op(")")
        return values

    def _literal(self) -> Literal:
        kind, token = self._next("a value")
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return _number(token)
        if kind == "word" and token.lower() in ("true", "false"):
            return token.lower() == "true"
        raise self._error("a 'text', a number, true or false")

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            self._at += 1
            raise self._error("and, or, or the end")

    def _next(self, wanted: str) -> tuple[str, str]:
        self._at += 1
        if self._at > len(self._tokens):
            raise self._error(wanted)
        kind, token, _start = self._tokens[self._at - 1]
        return kind, token

    def _take(self, kind: str, token: str) -> bool:
        if self._at < len(self._tokens):
            have_kind, have, _start = self._tokens[self._at]
            if have_kind == kind and have.lower() == token:
                self._at += 1
                return True
        return False

    def _take_word(self, word: str) -> bool:
        return self._take("word", word)

    def _take_op(self, op: str) -> bool:
        return self._take("op", op)

    def _need_word(self, word: str) -> None:
        if not self._take_word(word):
            self._at += 1
            raise self._error(word)

    def _need_op(self, op: str) -> None:
        if not self._take_op(op):
            self._at += 1
            raise self._error(op)

    def _error(self, wanted: str) -> FilterError:
        if self._at > len(self._tokens):
            return FilterError(f"where: {wanted} was expected at the end of {self.text!r}")
        start = self._tokens[self._at - 1][2]
        return FilterError(f"where: {wanted} was expected at {self.text[start : start + 30]!r} in {self.text!r}")


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise FilterError(f"where: cannot read {text[at : at + 30].strip()!r} in {text!r}")
        yield found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)
        at = found.end()


def _value(record: WireRecord, name: str) -> object:
    """The comparable value of a field: a lookup counts as its id, a blank text as null."""
    value = record.get(name)
    if isinstance(value, dict):
        value = value.get("id")
    return None if value in ("", []) else value


def _known(record: WireRecord, name: str, test: Callable[[object], bool]) -> bool:
    value = _value(record, name)
    if value is None:
        return False
    return test(value)


def _text(value: object) -> str:
    """As COQL sees it: a multi-select picklist is its values joined by semicolons (facts 3.2)."""
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(token: str) -> int | float:
    return float(token) if "." in token else int(token)


def _like(text: str, parts: list[str]) -> bool:
    """Whether a text consists of these parts in order, with anything between them. In one pass, however long it is."""
    first, *middle = parts
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _same(value: object, wanted: Literal) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(value, list):
        return sorted(map(str, value)) == sorted(str(wanted).split(";"))
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return value == wanted
    mine, theirs = _instant(str(value)), _instant(str(wanted))
    return str(value) == str(wanted) or (mine is not None and mine == theirs)


def _order(value: object, wanted: Literal) -> int | None:
    """-1, 0 or 1; None when the two cannot be ordered. Big integers arrive as texts and compare as numbers."""
    if isinstance(value, str) and not isinstance(wanted, str) and _NUMBER.fullmatch(value):
        value = _number(value)
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return (value > wanted) - (value < wanted)
    if isinstance(value, str) and isinstance(wanted, str):
        mine, theirs = _instant(value), _instant(wanted)
        if mine is not None and theirs is not None:
            return (mine > theirs) - (mine < theirs)
        return (value > wanted) - (value < wanted)
    return None


def _instant(text: str) -> float | None:
    if len(text) < 20:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


_COMPARE: Final[dict[str, Callable[[object, Literal], bool]]] = {
    "=": _same,
    "!=": lambda v, w: not _same(v, w),
    "<": lambda v, w: _order(v, w) == -1,
    "<=": lambda v, w: _order(v, w) in (-1, 0),
    ">": lambda v, w: _order(v, w) == 1,
    ">=": lambda v, w: _order(v, w) in (0, 1),
}
