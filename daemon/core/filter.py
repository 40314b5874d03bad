"""`where`: a small part of COQL's criteria, evaluated here on every change that a poll reads.

Grammar: comparisons joined by and / or, with brackets. A comparison is `Field op literal`, where op is one of
`= != < <= > >=`, `in (…)`, `not in (…)`, `like 'a%'`, `is null`, `is not null`. Literals are 'texts' (a quote is
doubled), numbers, true and false. What they mean: criteria.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from daemon.core.criteria import Comparison, Criteria, Joined, Operator, Scalar, meets, number_of
from daemon.core.record import WireRecord
from daemon.core.schema import Field

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?[0-9]{1,40}(?:\.[0-9]{1,40})?)|(?P<op><=|>=|!=|[=<>(),])|(?P<word>[A-Za-z]\w*))"
)
_DEEPEST: Final = 25  # brackets within brackets: as many as COQL takes criteria (facts 3.1)
_COMPARE: Final[dict[str, Operator]] = {op: op for op in get_args(Operator) if not op[0].isalpha()}
_EQUALS: Final[tuple[Operator, ...]] = ("=", "!=", "in", "not in")
_CHOSEN: Final = ("picklist", "multiselectpicklist")
_KEYWORDS: Final = {"and", "or", "not", "in", "like", "is", "null", "true", "false"}


class FilterError(ValueError):
    """The text of a `where` is not a filter; the message shows where reading it stopped."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on source records; `fields` are the API names it reads. Without criteria it keeps every record."""

    fields: frozenset[str] = frozenset()
    criteria: Criteria | None = None

    def test(self, record: WireRecord) -> bool:
        return self.criteria is None or meets(record, self.criteria)


def parse_filter(text: str | None) -> Filter:
    """A filter from the text of a `where`; no text keeps every record. Raises FilterError."""
    if text is None:
        return Filter()
    parser = _Parser(text)
    criteria = parser.disjunction()
    parser.expect_end()
    return Filter(frozenset(parser.fields), criteria)


def unlisted(criteria: Criteria | None, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    """Picklists that are compared with a value that their list lacks: field and value, in the order of the text. A
    multi-select is compared with its choices, each of which is looked up.
    """
    if isinstance(criteria, Joined):
        for part in criteria.parts:
            yield from unlisted(part, fields)
    elif criteria is not None and criteria.operator in _EQUALS:
        field = fields.get(criteria.field)
        if field is not None and field.picklist and field.data_type in _CHOSEN:
            several = field.data_type == "multiselectpicklist"
            texts = [str(value) for value in criteria.values if not isinstance(value, bool)]
            choices = [one for text in texts for one in (text.split(";") if several else [text])]
            yield from ((criteria.field, one) for one in dict.fromkeys(choices) if one not in field.picklist)


class _Parser:
    """Recursive descent, one method a level of binding."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields: set[str] = set()
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def disjunction(self) -> Criteria:
        return self._joined("or", self._conjunction)

    def _conjunction(self) -> Criteria:
        return self._joined("and", self._bracket)

    def _joined(self, word: Literal["and", "or"], part: Callable[[], Criteria]) -> Criteria:
        parts = [part()]
        while self._take_word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _bracket(self) -> Criteria:
        if self._take_op("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._error(f"at most {_DEEPEST} brackets within each other")
            inner = self.disjunction()
            self._need_op(")")
            self._depth -= 1
            return inner
        return self._comparison()

    def _comparison(self) -> Criteria:
        kind, name = self._next("a field name")
        if kind != "word" or name.lower() in _KEYWORDS:
            raise self._error("a field name")
        self.fields.add(name)
        if self._take_word("is"):
            absent = not self._take_word("not")
            self._need_word("null")
            return Comparison(name, "is null" if absent else "is not null")
        if self._take_word("like"):
            pattern = self._literal()
            if not isinstance(pattern, str):
                raise self._error("a text after like")
            return Comparison(name, "like", (pattern,))
        negated = self._take_word("not")
        if self._take_word("in"):
            return Comparison(name, "not in" if negated else "in", self._list())
        kind, op = self._next("a comparison")
        if kind != "op" or op not in _COMPARE or negated:
            raise self._error("one of = != < <= > >= in, not in, like, is")
        return Comparison(name, _COMPARE[op], (self._literal(),))

    def _list(self) -> tuple[Scalar, ...]:
        self._need_op("(")
        values = [self._literal()]
        while self._take_op(","):
            values.append(self._literal())
        self._need_op(")")
        return tuple(values)

    def _literal(self) -> Scalar:
        kind, token = self._next("a value")
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return number_of(token)
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
