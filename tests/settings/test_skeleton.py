"""The mapping that `check` prints is one that the settings accept, and it says what was said before."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.fitting import FieldRule
from daemon.core.mapping import resolve, rules_of
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Rows, Source, Stream, Template
from daemon.core.schema import Schema
from daemon.core.skeleton import skeleton
from daemon.core.stream_report import field_remarks
from daemon.core.toml import quoted
from daemon.settings import load
from tests.core.make import stream
from tests.core.test_mapping import KEY, field, schema

HEAD = """
[orgs.a]
data_center = "in"
client_id = "1"
client_secret = { env = "S" }
[orgs.b]
data_center = "us"
client_id = "1"
client_secret = { env = "S" }
[routes.a-b]
source = "a"
target = "b"
[routes.a-b.modules.Contacts]
key = "Key"
"""
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
plain = st.sampled_from(["A", "B", "C"]).map(lambda name: Copy(field=name))
mapped = st.builds(Copy, field=st.just("A"), values=st.dictionaries(texts, texts, min_size=1), other=st.none() | texts)
constants = st.builds(Constant, value=texts | st.integers(-(2**62), 2**62) | st.booleans() | st.floats(-1e9, 1e9))
others = st.sampled_from([Template(text='"{A}" — {B}'), Expression(text='A if A != "\\"" else "x"')])
columns = st.sampled_from(
    [
        FieldChoice(),
        FieldChoice(except_=frozenset({"X"})),
        FieldChoice(table={"Day": Copy(field="Datum", values={"1": '"'})}),
        FieldChoice(table={"Day": Copy(field="A")}, star=True, except_=frozenset({"Y"}), fills={"Day": Fill(cut=True)}),
    ]
)
rows = st.builds(Rows, field=st.just("R"), columns=columns)
fills = st.builds(
    Fill,
    default=st.none() | texts | st.booleans(),
    owner=st.none() | st.sampled_from(["source", "target", "fill-blank"]),
    cut=st.booleans(),
    match=st.none() | st.just("Email") | st.just({"Products": "Code"}),
)


def load_again(text: str) -> Stream:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.toml"
        file.write_text(HEAD + text, encoding="utf-8")
        return load(file, {"S": "secret"}).stream("a-b/Contacts")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), st.lists(st.sampled_from(["A", "B", "C", "D"]), unique=True, min_size=1))
def test_what_a_table_says_comes_back_as_it_was(data: st.DataObject, names: list[str]) -> None:
    table: dict[str, Source] = {name: data.draw(plain | mapped | constants | others | rows) for name in names}
    filled = {name: data.draw(fills) for name, source in table.items() if isinstance(source, Copy)}
    given_fills = {name: fill for name, fill in filled.items() if fill != Fill()}
    here = schema(*(field(name) for name in ("A", "B", "C")))
    one = stream(fields=FieldChoice(table=table, fills=given_fills))
    found = [FieldRule(target=name, source=source, kind="text") for name, source in table.items()]
    again = load_again(skeleton(one, here, schema(KEY), found))
    assert again.fields == FieldChoice(table={name: table[name] for name in sorted(names)}, fills=given_fills)


def printed(choice: FieldChoice, here: Schema, there: Schema) -> tuple[str, FieldChoice]:
    one = stream(fields=choice)
    fields, problems = resolve(one, here, there, {})
    found = rules_of(one, here, there, {}, "UTC")
    remarks = list(field_remarks(one, here, there, fields)) if fields else []
    text = skeleton(one, here, there, found.rules, problems, remarks)
    return text, load_again(text).fields


def test_a_star_is_written_out_and_what_only_one_org_has_stands_behind_a_mark() -> None:
    here = schema(field("A", length=80), field("Ort"), field("Same"))
    there = schema(field("A", length=40), field("Orte"), field("Must", mandatory=True), field("Same"), KEY)
    text, again = printed(FieldChoice(except_=frozenset({"Same"})), here, there)
    assert again.table == {"A": Copy(field="A")}
    assert text.count("#Must") == 1
    assert '#Must = { constant = "…" }  # mandatory in b, and nothing fills it (text)' in text.splitlines()
    assert '#Orte = "Ort"  # of b, not filled (text)' in text.splitlines()
    assert '#Same = "Same"  # of b, not filled (text)' in text.splitlines()
    assert '#… = "Ort"  # of a, not carried (text)' in text.splitlines()


def test_a_line_that_cannot_be_carried_is_kept_behind_a_mark_with_the_reason() -> None:
    choice = FieldChoice(table={"A": Copy(field="A"), "B": Copy(field="Gone")})
    text, again = printed(choice, schema(field("A")), schema(field("A"), field("B"), KEY))
    assert again.table == {"A": Copy(field="A")}
    assert any(line.startswith('#B = "Gone"  # a\'s Contacts has no field Gone') for line in text.splitlines())


def test_where_nothing_is_carried_the_table_itself_stands_behind_the_mark() -> None:
    _text, again = printed(FieldChoice(), schema(field("A")), schema(field("B"), KEY))
    assert again == FieldChoice()


@given(texts)
def test_a_text_in_quotes_is_that_text(text: str) -> None:
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}
