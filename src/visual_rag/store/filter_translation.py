"""Conditions put into an engine's words: what both Qdrant engines share, each with its own classes.

Traps of the engines that shape it: an empty `should` matches everything, so no empty list is ever handed on; `match`
knows no fractions, and a whole number does not match its float, so numbers are also asked for as a range; a range
compares as float64; values are checked here since qdrant-client's local mode takes what a server refuses. One is left:
an index of dates reads numbers as microseconds, so of metadata only conditions that `retrieve.filter_fields` has
checked may reach a store.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from uuid import UUID

from visual_rag.errors import InvalidFilter
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
from visual_rag.store.schema import INDEXED_INTEGERS, PAGE_ID

C = TypeVar("C")
B = TypeVar("B", float, str)
_PATH = re.compile(r'([\w-]+|"[^"\\]+")(\.([\w-]+|"[^"\\]+"))*')
_MAX_DEPTH = 2 * MAX_DEPTH  # room for what is put around and into a user's condition
_EXACT = 2**53  # whole numbers below are float64 without loss
_LARGEST = 2**63  # whole numbers of an engine lie below


class Engine(Protocol[C]):
    """What an engine can be asked, in its own classes."""

    def all_of(self, parts: list[C]) -> C:
        """Every part is met."""
        ...

    def any_of(self, parts: list[C]) -> C:
        """At least one part is met."""
        ...

    def none_of(self, parts: list[C]) -> C:
        """No part is met."""
        ...

    def has_id(self, page_ids: list[str]) -> C:
        """The page is one of these; none of none."""
        ...

    def equals_text(self, key: str, values: list[str]) -> C:
        """The field is one of these texts."""
        ...

    def equals_whole(self, key: str, values: list[int]) -> C:
        """The field is one of these whole numbers."""
        ...

    def equals_truth(self, key: str, value: bool) -> C:  # noqa: FBT001  # the value itself, no switch
        """The field is this truth value."""
        ...

    def in_numbers(self, key: str, bounds: Mapping[str, float]) -> C:
        """The field is a number within the bounds, by name: gt, gte, lt, lte."""
        ...

    def in_dates(self, key: str, bounds: Mapping[str, str]) -> C:
        """The field is a date within the bounds, as `iso` writes them."""
        ...

    def has_words(self, key: str, words: str) -> C:
        """All words stand in the field."""
        ...

    def contains(self, key: str, part: str) -> C:
        """The characters stand in the field."""
        ...

    def is_empty(self, key: str) -> C:
        """The field is missing, null or an empty list."""
        ...

    def is_null(self, key: str) -> C:
        """The field is null, or a list with a null."""
        ...


def translate(condition: Filter, engine: Engine[C], *, depth: int = 0) -> C:
    """Put a condition into an engine's words.

    Args:
        condition: Keys are payload paths, dates are ISO 8601 text.
        engine: Makes the engine's conditions; no list that it gets is empty but that of `has_id`.
        depth: Conditions around this one.

    Raises:
        InvalidFilter: It is none of the known conditions or too deep, a key is no path, or a value cannot be asked for.
    """
    if depth > _MAX_DEPTH:
        raise InvalidFilter(f"the condition is nested more than {_MAX_DEPTH} deep; write it flatter")
    match condition:
        case Not(inner):
            return engine.none_of([translate(inner, engine, depth=depth + 1)])
        case And(parts) if parts:
            return engine.all_of([translate(part, engine, depth=depth + 1) for part in parts])
        case Or(parts) if parts:
            return engine.any_of([translate(part, engine, depth=depth + 1) for part in parts])
        case And():
            return engine.none_of([engine.has_id([])])
        case Or():
            return engine.has_id([])
        case In(key, values) if key == PAGE_ID:
            return engine.has_id([_point_id(value) for value in values])
        case In() | Between() | HasWords() | Contains() | IsEmpty() | IsNull():
            return _of_field(condition, _checked_path(condition.key), engine)
    raise InvalidFilter(f"{condition!r} is no condition; make one with Field(...)")


def instant(text: str) -> datetime:
    """Read ISO 8601 text as an instant; in UTC where it has no time zone.

    Raises:
        InvalidFilter: It is no date.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidFilter(f"{text!r} is no date; write it as 2024-03-01 or 2024-03-01T10:00:00Z") from error


def iso(when: datetime) -> str:
    """Write an instant the one way that every engine reads, and that sorts as text."""
    return when.isoformat(timespec="microseconds")


def _of_field(condition: In | Between | HasWords | Contains | IsEmpty | IsNull, key: str, engine: Engine[C]) -> C:
    match condition:
        case In(_, values):
            return _equality(key, values, engine)
        case Between():
            return _between(condition, key, engine)
        case HasWords(_, words):
            return engine.has_words(key, _checked_text(key, words))
        case Contains(_, part):
            return engine.contains(key, _checked_text(key, part))
        case IsEmpty():
            return engine.is_empty(key)
        case IsNull():
            return engine.is_null(key)


def _equality(key: str, values: Sequence[FieldValue], engine: Engine[C]) -> C:
    texts = [_checked_text(key, value) for value in values if isinstance(value, str)]
    truths = sorted({value for value in values if isinstance(value, bool)})
    numbers = [_checked_number(key, value) for value in values if not isinstance(value, str | bool)]
    # INDEXED_INTEGERS hold no float, and may be asked for thousands of values; elsewhere a range meets 3 and 3.0 alike,
    # by the field's index, which a match beside it would leave unused. Beyond _EXACT a range would round.
    ranged = [] if key in INDEXED_INTEGERS else [value for value in numbers if abs(value) < _EXACT]
    whole = [int(value) for value in numbers if value == int(value) and value not in ranged]
    parts = [engine.equals_text(key, texts)] if texts else []
    parts += [engine.equals_whole(key, whole)] if whole else []
    parts += [engine.equals_truth(key, value) for value in truths]
    parts += [engine.in_numbers(key, {"gte": value, "lte": value}) for value in ranged]
    return engine.any_of(parts) if parts else engine.has_id([])


def _between(condition: Between, key: str, engine: Engine[C]) -> C:
    named = {name: getattr(condition, name) for name in ("gt", "gte", "lt", "lte")}
    bounds = {name: bound for name, bound in named.items() if bound is not None}
    texts = {name: bound for name, bound in bounds.items() if isinstance(bound, str)}
    if texts and len(texts) == len(bounds):
        return engine.in_dates(key, _strictest({name: iso(instant(bound)) for name, bound in texts.items()}))
    if texts or not bounds:
        raise InvalidFilter(f"'{key}' lies between {bounds or 'no bounds'}; give numbers or dates, one kind of them")
    numbers = {name: _checked_number(key, bound) for name, bound in bounds.items()}
    if any(abs(number) >= _EXACT for number in numbers.values()):
        raise InvalidFilter(f"'{key}' is compared with {numbers}; bounds lie below 2**53, engines round larger numbers")
    return engine.in_numbers(key, _strictest({name: float(number) for name, number in numbers.items()}))


def _strictest(bounds: dict[str, B]) -> dict[str, B]:
    """Leave one bound on each side: of two, Edge's payload indexes look at one, whichever it is."""
    kept = dict(bounds)
    if "gt" in kept and "gte" in kept:
        del kept["gte" if kept["gt"] >= kept["gte"] else "gt"]
    if "lt" in kept and "lte" in kept:
        del kept["lte" if kept["lt"] <= kept["lte"] else "lt"]
    return kept


def _checked_path(key: object) -> str:
    if key == PAGE_ID:
        raise InvalidFilter(f"of '{PAGE_ID}' only equality with page ids can be asked")
    if not isinstance(key, str) or not _PATH.fullmatch(key):
        raise InvalidFilter(
            f"{key!r} is no path of a payload field; write metadata.year, and odd names in double quotes"
        )
    return key


def _checked_text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidFilter(f"'{key}' is searched for {value!r}; use text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidFilter(f"'{key}' is compared with {value!r}, which is no valid Unicode") from error
    return value


def _checked_number(key: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidFilter(
            f"'{key}' is compared with {value!r}; use text, a number or a truth value, and for dates bounds in ISO 8601"
        )
    if isinstance(value, float) and not (math.isfinite(value) and abs(value) < _EXACT):
        raise InvalidFilter(f"'{key}' is compared with {value!r}; numbers with a fraction lie below 2**53")
    if abs(value) >= _LARGEST:
        raise InvalidFilter(f"'{key}' is compared with {value!r}; whole numbers lie below 2**63")
    return value


def _point_id(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise InvalidFilter(f"'{PAGE_ID}' is compared with {value!r}, which is no page id (a UUID)") from error
