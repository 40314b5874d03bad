"""A stream's mapping written out as a table for settings.toml: what is carried now, line by line, and behind `#` what
is for a person to decide. The settings accept it as it stands. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from daemon.core.absent import place
from daemon.core.fieldmap import columns_of
from daemon.core.fitting import FieldRule, kind_of
from daemon.core.mapping import NEVER_BY_STAR
from daemon.core.nearest import nearest
from daemon.core.problem import Problem
from daemon.core.record import is_api_name
from daemon.core.remark import Remark
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Rows, Scalar, Source, Stream, Template
from daemon.core.schema import Field, Schema
from daemon.core.toml import quoted


def skeleton(
    stream: Stream,
    source: Schema,
    target: Schema,
    rules: Sequence[FieldRule],
    problems: Iterable[Problem] = (),
    remarks: Iterable[Remark] = (),
) -> str:
    """The table of fields of a stream, by `rules` as far as they could be made; problems and remarks stand beside the
    fields that they are about.
    """
    at, table = place(stream), stream.fields.table or {}
    carried = sorted(rule.target for rule in rules if is_api_name(rule.target))
    broken = {p.field: p.seen for p in problems if p.fatal and p.field in table and p.field not in carried}
    own = {stream.key, stream.flag} | {origin.key for origin in stream.origins}
    read = {name for rule in rules for name in columns_of(rule.source)} | own | NEVER_BY_STAR
    spare = {f.api_name: f for f in source.fields.values() if kind_of(f) and f.api_name not in read}
    blank = [f for f in target.fields.values() if f.writable and f.api_name not in {*carried, *broken, *own}]
    lines = [
        *_named(stream, carried, {r.field: r.seen for r in remarks if r.field and r.level == "remark"}, ""),
        *_named(stream, sorted(name for name in broken if name is not None), broken, "#"),
        *_blank([f for f in blank if f.mandatory], spare, f"mandatory in {stream.target}, and nothing fills it"),
        *_blank(
            [f for f in blank if not f.mandatory and f.api_name not in NEVER_BY_STAR and kind_of(f)],
            spare,
            f"of {stream.target}, not filled",
        ),
        *_spare(stream, [spare[name] for name in sorted(spare.keys() - target.fields.keys())]),
    ]
    head = [
        f"# {stream.address}: {len(carried)} fields as they are carried now. To paste in place of `fields` and",
        f"# `except` of [{at}]; lines that begin with # are for you to decide.",
        f"{'' if carried else '#'}[{at}.fields]",
    ]
    return "\n".join([*head, *lines]) + "\n"


def _named(stream: Stream, names: Iterable[str], said: Mapping[str | None, str], mark: str) -> Iterator[str]:
    """Lines of fields that the settings name, or that `"*"` carries."""
    table, fills = stream.fields.table or {}, stream.fields.fills
    for name in names:
        line = f"{mark}{name} = {entry(table.get(name, Copy(field=name)), fills.get(name, Fill()))}"
        yield f"{line}  # {_plain(said[name])}" if name in said else line


def _blank(fields: Iterable[Field], spare: Mapping[str, Field], why: str) -> Iterator[str]:
    """Fields of the target that nothing fills, with the field of the source that may be meant."""
    for field in sorted(fields, key=lambda field: field.api_name):
        name = field.api_name
        close = name if name in spare else nearest(name, spare)
        filler = '{ constant = "…" }' if close is None else quoted(close)
        yield f"#{name} = {filler}  # {_plain(why)} ({field.data_type})"


def _spare(stream: Stream, fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        yield f"#… = {quoted(field.api_name)}  # of {stream.source}, not carried ({field.data_type})"


def entry(origin: Source, fill: Fill) -> str:
    """One field's source as the settings have it."""
    parts: dict[str, str] = {}
    match origin:
        case Copy():
            if origin.values is None and fill == Fill():
                return quoted(origin.field)
            parts["source"] = quoted(origin.field)
            if origin.values is not None:
                parts["values"] = _inline({quoted(here): quoted(there) for here, there in origin.values.items()})
            if origin.other is not None:
                parts["other"] = quoted(origin.other)
        case Constant():
            parts["constant"] = _scalar(origin.value)
        case Template():
            parts["template"] = quoted(origin.text)
        case Expression():
            parts["expression"] = quoted(origin.text)
        case Rows():
            parts["subform"] = quoted(origin.field)
            parts |= _columns(origin.columns)
    return _inline(parts | _filling(fill))


def _filling(fill: Fill) -> dict[str, str]:
    parts = {} if fill.default is None else {"default": _scalar(fill.default)}
    if fill.owner is not None:
        parts["owner"] = quoted(fill.owner)
    if fill.cut:
        parts["cut"] = "true"
    if isinstance(fill.match, str):
        parts["match"] = quoted(fill.match)
    elif fill.match is not None:
        parts["match"] = _inline({module: quoted(name) for module, name in fill.match.items()})
    return parts


def _columns(choice: FieldChoice) -> dict[str, str]:
    if choice.table is None:
        return {"except": f"[{', '.join(map(quoted, sorted(choice.except_)))}]"} if choice.except_ else {}
    table = {name: entry(origin, choice.fills.get(name, Fill())) for name, origin in choice.table.items()}
    if choice.star:
        table |= {'"*"': '"*"'} | dict.fromkeys(sorted(choice.except_), '"never"')
    return {"fields": _inline(table)}


def _scalar(value: Scalar) -> str:
    return quoted(value) if isinstance(value, str) else str(value).lower()


def _inline(parts: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{key} = {value}' for key, value in parts.items())} }}"


def _plain(text: str) -> str:
    """Printable and on one line, as a comment must be."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
