"""From the names that users know to the payload paths of a store, every value checked against what its field holds.

    resolve(Field("year") >= 2023, store.fields())

Nothing is ever ignored: a name, an operator or a value that cannot be honoured is refused, and the message has the
legal ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any

from visual_rag.errors import InvalidFilter
from visual_rag.retrieve.filter_dates import date_of, within
from visual_rag.store.field_kinds import field_path
from visual_rag.store.filters import (
    MAX_DEPTH,
    And,
    Between,
    Contains,
    FieldValue,
    Filter,
    HasWords,
    In,
    IsEmpty,
    IsNull,
    Not,
    Or,
)
from visual_rag.store.protocol import FieldKind
from visual_rag.store.schema import DOCUMENT_ID, N_VECTORS, PAGE_HASH, PAGE_ID, PAGE_INDEX, TEXT_LAYER

Kinds = frozenset[FieldKind]
Bounds = dict[str, Any]
_TEXT, _NUMBER = Kinds({"text"}), Kinds({"number"})
_METADATA = "metadata."
_MAX_LISTED = 60
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_PLURALS: Mapping[FieldKind, str] = {
    "text": "text",
    "number": "numbers",
    "truth": "truth values",
    "date": "dates, such as 2024-03-01",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """A field that may be asked for.

    Attributes:
        path: In the payload.
        kinds: What it holds; empty where only nulls and empty lists were seen.
        first: The number that users give to what the payload counts as 0.
    """

    path: str
    kinds: Kinds
    first: int = 0


PAGE_FIELDS: Mapping[str, _Known] = {
    "document": _Known("document_name", _TEXT),
    "file_name": _Known("document_name", _TEXT),
    "document_id": _Known(DOCUMENT_ID, _TEXT),
    "source": _Known("source_uri", _TEXT),
    "page_id": _Known(PAGE_ID, _TEXT),
    "page_number": _Known(PAGE_INDEX, _NUMBER, first=1),
    "label": _Known("label", _TEXT),
    "n_pages": _Known("n_pages", _NUMBER),
    "text": _Known("text", _TEXT),
    "page_hash": _Known(PAGE_HASH, _TEXT),
    "width_px": _Known("width_px", _NUMBER),
    "height_px": _Known("height_px", _NUMBER),
    "dpi": _Known("dpi", _NUMBER),
    "n_vectors": _Known(N_VECTORS, _NUMBER),
}
"""What every page has, by the names users know."""


def resolve(condition: Filter, fields: Mapping[str, Kinds], *, depth: int = 0) -> Filter:
    """Turn a user's condition into one for a store.

    A name is that of a page field (`PAGE_FIELDS`), else of the user's metadata; `metadata.year` is always the user's.
    A field that holds dates takes dates and ISO 8601 text: a date without a time is its whole day in UTC, a date with a
    time is an instant, in UTC where it has no time zone.

    Args:
        condition: With names as users know them.
        fields: Metadata names and what they hold, as `PageStore.fields` gives them.
        depth: Conditions around this one.

    Raises:
        InvalidFilter: A field is unknown, a value or an operator does not go with what the field holds, or the
            condition is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"the condition is nested more than {MAX_DEPTH} deep; write it flatter")
    match condition:
        case Not(inner):
            return Not(resolve(inner, fields, depth=depth + 1))
        case And(parts):
            return And(tuple(resolve(part, fields, depth=depth + 1) for part in parts))
        case Or(parts):
            return Or(tuple(resolve(part, fields, depth=depth + 1) for part in parts))
        case In() | Between() | HasWords() | Contains() | IsEmpty() | IsNull():
            return _resolved(condition, _known(condition.key, fields))
    raise InvalidFilter(f"{condition!r} is no condition; make one with Field(...)")


def _known(name: str, fields: Mapping[str, Kinds]) -> _Known:
    own = name.removeprefix(_METADATA)
    if name.startswith(_METADATA) and own in fields:
        return _Known(field_path(own), fields[own])
    if name in PAGE_FIELDS:
        return PAGE_FIELDS[name]
    if name in fields:
        return _Known(field_path(name), fields[name])
    raise InvalidFilter(f"no field is called '{name}'{_nearest(own, fields)}; {_legal_names(fields)}")


def _nearest(name: str, fields: Mapping[str, Kinds]) -> str:
    by_folded = {legal.casefold(): legal for legal in [*fields, *PAGE_FIELDS]}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f", did you mean '{by_folded[close[0]]}'?" if close else ""


def _legal_names(fields: Mapping[str, Kinds]) -> str:
    own = sorted(fields)
    more = f" and {len(own) - _MAX_LISTED} more" if len(own) > _MAX_LISTED else ""
    listed = f"of your metadata: {', '.join(own[:_MAX_LISTED])}{more}" if own else "there is no metadata in this index"
    return f"legal are, of every page: {', '.join(PAGE_FIELDS)}; {listed}"


def _resolved(condition: In | Between | HasWords | Contains | IsEmpty | IsNull, known: _Known) -> Filter:
    if known.path == PAGE_ID and not isinstance(condition, In):
        raise InvalidFilter(f"'{PAGE_ID}' is only compared by equality with page ids, not by {_verb(condition)}")
    match condition:
        case In():
            return _equality(condition, known)
        case Between():
            return _between(condition, known)
        case HasWords() | Contains():
            if known.kinds and not known.kinds & {"text", "date"}:
                raise _wrong(condition.key, known, f"it was searched by {_verb(condition)}, which takes text")
    return replace(condition, key=known.path)


def _equality(condition: In, known: _Known) -> Filter:
    plain: list[FieldValue] = []
    days: list[Filter] = []
    for value in condition.values:
        asked = _date(value, known)
        if asked is not None:
            days.append(within(known.path, {"gte": asked, "lte": asked}))
        elif _kind(value) not in (known.kinds or _PLURALS):
            raise _wrong(condition.key, known, f"it was compared with {_shown(value)}")
        if not isinstance(value, date) and _kind(value) in (known.kinds or _PLURALS):
            plain.append(_shifted(value, known))
    parts = ([In(known.path, tuple(plain))] if plain or not days else []) + days
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _between(condition: Between, known: _Known) -> Between:
    named = {name: getattr(condition, name) for name in _SIGNS}
    bounds: Bounds = {name: bound for name, bound in named.items() if bound is not None}
    if not bounds:
        raise InvalidFilter(f"'{condition.key}' is asked to lie between no bounds; give one")
    dates = {name: when for name, bound in bounds.items() if (when := _date(bound, known)) is not None}
    if len(dates) == len(bounds):
        return within(known.path, dates)
    for name, bound in bounds.items():
        if name not in dates and (_kind(bound) != "number" or "number" not in (known.kinds or _NUMBER)):
            hint = "; plain text has no order" if isinstance(bound, str) else ""
            raise _wrong(condition.key, known, f"it was asked to be {_SIGNS[name]} {_shown(bound)}{hint}")
    if dates:
        raise InvalidFilter(f"'{condition.key}' is asked to lie between a number and a date; give bounds of one kind")
    return Between(known.path, **{name: bound - known.first for name, bound in bounds.items()})


def _date(value: object, known: _Known) -> date | None:
    """The date that a value stands for in this field; None where it stands for none."""
    if isinstance(value, date):
        return value if "date" in (known.kinds or {"date"}) else None
    return date_of(value) if isinstance(value, str) and "date" in known.kinds else None


def _kind(value: object) -> FieldKind | None:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, date):
        return "date"
    return "text" if isinstance(value, str) else None


def _shifted(value: FieldValue, known: _Known) -> FieldValue:
    return value - known.first if known.first and isinstance(value, int | float) else value


def _wrong(name: str, known: _Known, what: str) -> InvalidFilter:
    held = " and ".join(_PLURALS[kind] for kind in sorted(known.kinds)) or "nothing but null"
    return InvalidFilter(f"'{name}' holds {held}; {what}")


def _shown(value: object) -> str:
    kind = _kind(value)
    name = {"truth": "truth value", "number": "number", "date": "date", "text": "text", None: "value"}[kind]
    return f"the {name} {value.isoformat() if isinstance(value, date) else repr(value)}"


def _verb(condition: Filter) -> str:
    return {Between: "<, <=, > or >=", HasWords: "has_words", Contains: "contains", IsEmpty: "is_empty"}.get(
        type(condition), "is_null"
    )


def payload_path(name: str, fields: Mapping[str, Kinds]) -> str:
    """Where a field lies in the payload.

    Args:
        name: As users know it.
        fields: As for `resolve`.

    Raises:
        InvalidFilter: The field is unknown, or cannot be counted: `page_id` and `text` are the page's own.
    """
    known = _known(name, fields)
    if known.path in {PAGE_ID, TEXT_LAYER}:
        raise InvalidFilter(f"'{name}' is another on every page; name a field that pages share")
    return known.path


def shown_value(name: str, value: Any) -> Any:
    """The value of a field as users know it: page numbers begin with 1."""
    first = PAGE_FIELDS[name].first if name in PAGE_FIELDS else 0
    return value + first if first and isinstance(value, int) else value


def legal_fields(fields: Mapping[str, Kinds]) -> dict[str, Kinds]:
    """All fields that a condition may name, and what they hold; the user's own last."""
    return {**{name: known.kinds for name, known in PAGE_FIELDS.items()}, **fields}
