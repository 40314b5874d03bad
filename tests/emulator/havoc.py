"""What can go wrong with a valid request on its way: a part missing, of the wrong shape, or not what it says it is.

Harm is done at any place of a body, not only at its top; whole noise is the smaller part.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.emulator.shots import SAMPLES, Sample, Shot, plain


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


NAMES = words(
    """id Last_Name Company Email Phone Website Lead_Source Languages Annual_Revenue No_of_Employees Email_Opt_Out
    Owner Account_Name Date_of_Birth Last_Meeting Loyalty_Points Customer_Number Tag Layout Created_Time Modified_Time
    Full_Name Milestones Consultants Members Subject What_Id Who_Id Parent_Id $se_module Participants Pipeline Stage
    Name Title Cost Account_Name.Phone Account_Name.Owner $append_values _delete ids cvid page page_token fields trigger
    Contacts Leads Accounts Projects Notes Attachments Unicorns Horn Quoted_Items Description Record_Status__s"""
)
TEXTS = words(
    """${EMPTY} <Leads> <Contacts> <Accounts> <user> <row> <gone> <upload> <read> <layout> <tag> <long> 0 -1 1
    99999999999 5.5 1e400 true null asc 2026-01-01 2026-01-01T00:00:00Z 2026-02-30 9999-12-31T23:59:59-23:59
    0001-01-01T00:00:00+23:59 2026-01-01T00:00:00.123+05:30 \u00b2 \u0663 \u00e9 \U0001f41f \x00 \ud800 % %% %25 ' "
    \\ , ; : | . .. / // ( ) [] {} a@b x@example.com +1-555 http://x https://[ #fff post get insert or and between in is
    -None- Hindi UTF-8 utf-16 idna base64 yyyy-MM-dd 'T' %Y x"""
)
WORDS = st.sampled_from([*TEXTS, *NAMES, "", " ", "\n"]) | st.text(max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 2**31, 2**63, 2**64, 10**40, 0.5, 1e308, -0.0, float("nan"), float("inf")])
    | WORDS
)
NODES = LEAVES | st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | WORDS, inner, max_size=3),
    max_leaves=5,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PIECES = st.sampled_from(
    [
        *("", "%", " ", "a b", "<long>"),
        *words(
            """x \u00b2 \u00e9 %00 %ff .. . -1 0 99999999999999999999999 actions settings Leads Contacts Projects Notes
            Milestones upsert deleted search count <Leads> <gone> <Contacts> <Projects> <user> Attachments Consultants
            v2 v9 crm bulk"""
        ),
    ]
)
QUERIES = st.sampled_from(
    ["&", "a", "=", "a=&&b", "%", "%ff=%ff", "a=%00", "fields", "fields=&fields=", "é=é", "<long>"]
)
PARAMETERS = words(
    """fields ids page per_page page_token sort_by sort_order converted type module cvid wf_trigger criteria email phone
    word approved filters job_id attachmentUrl tag_names over_write api_names grant_type code scope include_child"""
)
HEADERS = {
    "Content-Type": ["", "x", "application/json", "application/json; charset=utf-16", "application/xml",
                     "multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=",
                     "multipart/form-data; boundary=\xe9", "application/x-www-form-urlencoded",
                     "multipart/mixed; boundary=x"],
    "Content-Encoding": ["gzip", "br", "identity"],
    "If-Modified-Since": ["x", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "-1",
                          "Mon, 01 Jan 2026 00:00:00 GMT", "²"],
    "If-Unmodified-Since": ["x", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", ""],
    "X-EXTERNAL": ["", "x", ".", "Contacts.", "Contacts.id", "Leads.Email", "Contacts.Customer_Number", "a.b.c", "é"],
    "X-CRM-ORG": ["", "x", "\xb2"],
    "feature": ["", "x"],
    "Authorization": ["", "Bearer", "Zoho-oauthtoken \xe9", "Basic eDp5", "Zoho-oauthtoken 1000.x.y"],
    "Accept": ["text/html", ""],
    "Range": ["bytes=0-1", "x"],
}  # fmt: skip
ENCODINGS: tuple[Callable[[bytes], bytes], ...] = (
    lambda raw: raw[: len(raw) // 2],
    lambda raw: raw + b"}",
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw.decode("utf-8", "replace").encode("utf-16"),
    lambda raw: b"\xff" + raw,
    gzip.compress,
    lambda raw: b"[" * 1_500 + raw,
    lambda raw: b'{"a":' * 900 + raw + b"}" * 900,
    lambda raw: raw.replace(b'"', b"'"),
    lambda raw: raw.replace(b":", b": 1e999, \"data\":", 1),
    lambda raw: raw.replace(b'"', b'"\\ud800', 1),
    lambda raw: raw[:0],
    lambda raw: raw[:0] + b"null",
    lambda raw: b"data=" + raw,
)  # fmt: skip


SHAPES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**25,
    0.5,
    "",
    "x",
    "\u00b2",
    [],
    [None],
    ["x"],
    {},
    {"id": "x"},
    {"x": [1]},
)
ODD_TEXTS = (
    "",
    "x",
    "-1",
    "0",
    "10000000000000000000000",
    "\u00b2",
    "null",
    "[]",
    "{}",
    '{"a":1}',
    "a,b",
    "(",
    "9999-12-31",
)


def wrong_shapes(sample: Sample) -> Iterator[Shot]:
    """The sample with each of the shapes in each place of its body, and without each of its keys."""
    if not isinstance(sample.body, dict):
        return
    for path in _places(sample.body):
        for shape in (*SHAPES, _GONE):
            yield plain(replace(sample, body=_with(sample.body, path, shape)))


def odd_parameters(sample: Sample) -> Iterator[Shot]:
    """The sample with each of the odd texts for each of its parameters, and without each of them."""
    for name in sample.query:
        for text in ODD_TEXTS:
            yield plain(replace(sample, query={**sample.query, name: _escaped(text)}))
        yield plain(replace(sample, query={key: value for key, value in sample.query.items() if key != name}))


_GONE = object()
Path = tuple[str | int, ...]


def _places(node: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from _places(value, (*path, key))


def _with(node: Any, path: Path, shape: Any) -> Any:
    if not path:
        return {} if shape is _GONE else shape
    copied, key = node.copy(), path[0]
    if len(path) == 1 and shape is _GONE:
        del copied[key]
    else:
        copied[key] = _with(node[key], path[1:], shape)
    return copied


HARMS = (
    ("body",), ("body",), ("body",), ("body",), ("body", "query"), ("query",), ("query",), ("headers",), ("path",),
    ("method",), ("encoding",), ("encoding", "headers"), (),
)  # fmt: skip
_WEIGHTED = tuple(sample for sample in SAMPLES for _ in range(3 if sample.body is not None else 1))


@st.composite
def shots(draw: st.DrawFn) -> Shot:
    """A request that was valid before harm was done to it."""
    sample = draw(st.sampled_from(_WEIGHTED))
    harm = draw(st.sampled_from(HARMS))
    method = draw(st.sampled_from(METHODS)) if "method" in harm else sample.method
    path = _harmed_path(draw, sample.path) if "path" in harm else sample.path
    query = _harmed_query(draw, sample.query) if "query" in harm else _joined(sample.query)
    headers = dict(sample.headers)
    if "headers" in harm:
        name = draw(st.sampled_from(sorted(HEADERS)))
        headers[name] = draw(st.sampled_from(HEADERS[name]))
    body = _body(draw, sample.body, harmed="body" in harm)
    if body and not isinstance(sample.body, bytes):
        headers.setdefault("Content-Type", "application/json")
    if "encoding" in harm:
        body = draw(st.sampled_from(ENCODINGS))(body)
    return Shot(method=method, path=path, query=query, headers=headers, body=body)


ROUNDS = st.lists(shots(), min_size=1, max_size=8)


def _harmed_path(draw: st.DrawFn, path: str) -> str:
    parts = path.split("/")
    place = draw(st.integers(1, len(parts) - 1))
    piece = draw(PIECES)
    act = draw(st.sampled_from(("swap", "swap", "add", "drop")))
    parts[place : place + (act != "add")] = [] if act == "drop" else [piece]
    return "/".join(parts) + draw(st.sampled_from(("", "", "/", "//")))


def _harmed_query(draw: st.DrawFn, query: dict[str, str]) -> str:
    harmed = dict(query)
    if harmed and draw(st.booleans()):
        del harmed[draw(st.sampled_from(sorted(harmed)))]
    for name in draw(st.lists(st.sampled_from(PARAMETERS + 3 * sorted(query)), max_size=3)):
        known = query.get(name, "")
        harmed[name] = _spliced(draw, known) if known and draw(st.booleans()) else draw(WORDS | NODES.map(_dumped))
    return _joined(harmed) + (f"&{draw(QUERIES)}" if draw(st.integers(0, 4)) == 0 else "")


def _joined(query: dict[str, str]) -> str:
    """The parameters, escaped where a query needs it; `<Name>` stays."""
    return "&".join(f"{name}={_escaped(value)}" for name, value in query.items())


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("&", "%26").replace("+", "%2B").replace("#", "%23")


def _body(draw: st.DrawFn, body: Any, *, harmed: bool) -> bytes:
    if isinstance(body, bytes):
        return _scrambled(draw, body) if harmed else body
    if body is None:
        return _dumped(draw(NODES)).encode("utf-8", "replace") if harmed else b""
    if harmed:
        body = deepcopy(body)
        for _ in range(draw(st.integers(1, 3))):
            body = _harmed(draw, body)
    return _dumped(body).encode("utf-8", "replace")


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _spliced(draw: st.DrawFn, text: str) -> str:
    """A text with a piece cut out and a word put in."""
    place = draw(st.integers(0, len(text)))
    return text[:place] + draw(WORDS) + text[place + draw(st.integers(0, 12)) :]


def _scrambled(draw: st.DrawFn, body: bytes) -> bytes:
    place = draw(st.integers(0, len(body)))
    return body[:place] + draw(st.binary(max_size=6)) + body[place + draw(st.integers(0, 9)) :]


def _harmed(draw: st.DrawFn, node: Any) -> Any:
    """The body with one place of it changed; the deeper, the likelier."""
    if isinstance(node, dict) and node and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(node)))
        node[key] = _harmed(draw, node[key])
        return node
    if isinstance(node, list) and node and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(node) - 1))
        node[place] = _harmed(draw, node[place])
        return node
    return _replaced(draw, node)


def _replaced(draw: st.DrawFn, node: Any) -> Any:
    """What stands in a place from now on."""
    if isinstance(node, str) and len(node) > 12 and draw(st.booleans()):
        return _spliced(draw, node)
    act = draw(st.sampled_from(("replace", "replace", "replace", "wrap", "drop", "drop", "add", "many")))
    if act == "add" and isinstance(node, dict):
        return {**node, draw(st.sampled_from(NAMES) | WORDS): draw(NODES)}
    if act == "drop" and isinstance(node, dict) and node:
        gone = draw(st.sampled_from(sorted(node)))
        return {key: value for key, value in node.items() if key != gone}
    if act == "many" and isinstance(node, list):
        return node * draw(st.sampled_from((0, 2, 30, 101)))
    return [node] if act == "wrap" else draw(NODES)
