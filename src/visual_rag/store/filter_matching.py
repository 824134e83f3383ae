"""What a condition means, in plain code: the answer that every store's engine has to agree with.

No store searches with it. Tests do, and it is the place to read what a condition selects.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from visual_rag.store.field_kinds import kinds_of, path_keys
from visual_rag.store.filters import (
    And,
    Between,
    Bound,
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
from visual_rag.store.schema import PAGE_ID

_WORD = re.compile(r"[^\W_]+")
_EXACT = 2**53  # whole numbers below are floats without loss


def matches(condition: Filter, payload: Mapping[str, Any], page_id: str) -> bool:
    """Decide whether a page meets a condition.

    Args:
        condition: Keys are payload paths, as for a store; not more than a few hundred levels deep.
        payload: Of the page, as `schema.page_payload` makes it.
        page_id: Of the page.

    Example:
        >>> matches(In("metadata.tags", ("safety",)), {"metadata": {"tags": ["pump", "safety"]}}, "7")
        True
    """
    match condition:
        case Not(inner):
            return not matches(inner, payload, page_id)
        case And(parts):
            return all(matches(part, payload, page_id) for part in parts)
        case Or(parts):
            return any(matches(part, payload, page_id) for part in parts)
        case In(key, values) if key == PAGE_ID:
            return UUID(page_id) in {UUID(str(value)) for value in values}
        case IsEmpty(key):
            return all(value is None or value == [] for value in _found(payload, key))
        case _:
            return any(_meets(item, condition) for item in _items(payload, condition.key))


def _meets(item: Any, condition: In | Between | HasWords | Contains | IsNull) -> bool:
    match condition:
        case In(_, values):
            return any(_equal(item, value) for value in values)
        case Between():
            return _lies_within(item, condition)
        case HasWords(_, words):
            return isinstance(item, str) and bool(_words(words)) and _words(words) <= _words(item)
        case Contains(_, part):
            return isinstance(item, str) and part in item
        case IsNull():
            return item is None


def _found(payload: Mapping[str, Any], path: str) -> Iterator[Any]:
    """The value at the path, if there is one."""
    value: Any = payload
    for key in path_keys(path):
        if not isinstance(value, Mapping) or key not in value:
            return
        value = value[key]
    yield value


def _items(payload: Mapping[str, Any], path: str) -> Iterator[Any]:
    for value in _found(payload, path):
        yield from value if isinstance(value, list) else (value,)


def _equal(item: Any, value: FieldValue) -> bool:
    if _is_number(item) and _is_number(value):
        are_whole = isinstance(item, int) and isinstance(value, int)
        return bool(item == value) and (are_whole or abs(item) < _EXACT)
    return type(item) is type(value) and bool(item == value)


def _lies_within(item: Any, between: Between) -> bool:
    bounds = [bound for bound in (between.gt, between.gte, between.lt, between.lte) if bound is not None]
    place: Any = item
    if any(isinstance(bound, str) for bound in bounds):
        place = _instant(item) if isinstance(item, str) and "date" in kinds_of({"item": item})["item"] else None
    elif not _is_number(item):
        place = None
    return place is not None and (
        (between.gt is None or place > _place(between.gt))
        and (between.gte is None or place >= _place(between.gte))
        and (between.lt is None or place < _place(between.lt))
        and (between.lte is None or place <= _place(between.lte))
    )


def _place(bound: Bound) -> Any:
    return _instant(bound) if isinstance(bound, str) else bound


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
