"""LlamaIndex's `MetadataFilters` as conditions. What cannot be honoured is refused, never left out.

Keys are names as users know them (`document_id`, `file_name`, `page_number`, any metadata field), checked against the
index where the search begins. The names that a `PageNode` shows in its metadata mean the same here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from visual_rag.errors import InvalidFilter
from visual_rag.store.field import Field
from visual_rag.store.filters import MAX_DEPTH, And, Filter, Not, Or

_NAMES_OF_NODES = {"page_label": "label", "source_uri": "source"}


def store_condition(filters: MetadataFilters | None, *, depth: int = 0) -> Filter | None:
    """Translate filters; None stands for all pages.

    All operators of LlamaIndex are known. `any` is met where the field, or an item of its list, is one of the values,
    as `in` is; `all` where every value is there; `contains` where the value is. `text_match` asks for exactly these
    characters, `text_match_insensitive` for whole words in any order and case: no engine searches parts of words in any
    case. `is_empty` takes no value; an empty text is not empty. A group joined by `not` is met where none of its
    filters is. A group without filters asks for nothing.

    Args:
        filters: May be nested.
        depth: Groups around this one.

    Raises:
        InvalidFilter: An operator does not go with its value, or groups are nested too deep.
    """
    if filters is None:
        return None
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"filters are nested more than {MAX_DEPTH} deep; write them flatter")
    translated = (_condition(part, depth) for part in filters.filters)
    parts = tuple(condition for condition in translated if condition is not None)
    if not parts:
        return None
    if filters.condition == FilterCondition.NOT:
        return Not(_joined(Or, parts))
    return _joined(Or if filters.condition == FilterCondition.OR else And, parts)


def _joined(joint: type[And] | type[Or], parts: tuple[Filter, ...]) -> Filter:
    return parts[0] if len(parts) == 1 else joint(parts)


def _condition(part: MetadataFilter | MetadataFilters, depth: int) -> Filter | None:
    if isinstance(part, MetadataFilters):
        return store_condition(part, depth=depth + 1)
    field = Field(_NAMES_OF_NODES.get(part.key, part.key))
    value = part.value
    if part.operator in _OF_NOTHING:
        _check(part, is_right=value is None, expected="no value: give None")
        return _OF_NOTHING[part.operator](field)
    if part.operator in _OF_LIST:
        _check(part, is_right=isinstance(value, list) and bool(value), expected="a list of at least one value")
        return _OF_LIST[part.operator](field, value)
    if part.operator in _OF_VALUE:
        _check(part, is_right=value is not None and not isinstance(value, list), expected="one text or number")
        return _OF_VALUE[part.operator](field, value)
    raise InvalidFilter(f"filter {part.key} {part.operator.value}; this operator is not known here")


def _check(part: MetadataFilter, *, is_right: bool, expected: str) -> None:
    if not is_right:
        raise InvalidFilter(f"filter {part.key} {part.operator.value} {part.value!r}; the operator takes {expected}")


def _all_of(field: Field, values: list[Any]) -> Filter:
    return _joined(And, tuple(field.one_of(value) for value in values))


_OF_NOTHING: Mapping[FilterOperator, Callable[[Field], Filter]] = {FilterOperator.IS_EMPTY: Field.is_empty}
_OF_LIST: Mapping[FilterOperator, Callable[[Field, Any], Filter]] = {
    FilterOperator.IN: lambda field, values: field.one_of(*values),
    FilterOperator.NIN: lambda field, values: field.not_one_of(*values),
    FilterOperator.ANY: lambda field, values: field.one_of(*values),
    FilterOperator.ALL: _all_of,
}
_OF_VALUE: Mapping[FilterOperator, Callable[[Field, Any], Filter]] = {
    FilterOperator.EQ: Field.__eq__,
    FilterOperator.NE: Field.__ne__,
    FilterOperator.GT: Field.__gt__,
    FilterOperator.GTE: Field.__ge__,
    FilterOperator.LT: Field.__lt__,
    FilterOperator.LTE: Field.__le__,
    FilterOperator.CONTAINS: Field.one_of,
    FilterOperator.TEXT_MATCH: Field.contains,
    FilterOperator.TEXT_MATCH_INSENSITIVE: Field.has_words,
}
