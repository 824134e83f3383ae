"""LlamaIndex's `MetadataFilters` as conditions of the store. What cannot be honoured is refused, never left out."""

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from visual_rag.errors import InvalidFilter
from visual_rag.store.filters import AllOf, AnyOf, Filter
from visual_rag.store.schema import DOCUMENT_ID

_PAYLOAD_KEYS = {"document_id": DOCUMENT_ID, "file_name": "document_name"}
_LEGAL = "legal are '==' and 'in' on document_id and file_name, combined by 'and'"


def store_condition(filters: MetadataFilters | None) -> Filter | None:
    """Translate filters; None stands for all pages.

    Raises:
        InvalidFilter: A key, an operator, a value or a combination is not among the legal ones.
    """
    if filters is None or not filters.filters:
        return None
    # One filter alone means the same under `and` and `or`.
    single_or = filters.condition == FilterCondition.OR and len(filters.filters) == 1
    if filters.condition not in (None, FilterCondition.AND) and not single_or:
        raise InvalidFilter(f"filters are combined by {filters.condition.value!r}; {_LEGAL}")
    conditions = [_condition(part) for part in filters.filters]
    kept = tuple(condition for condition in conditions if condition is not None)
    if len(kept) < 2:
        return kept[0] if kept else None
    return AllOf(kept)


def _condition(part: MetadataFilter | MetadataFilters) -> Filter | None:
    if isinstance(part, MetadataFilters):
        return store_condition(part)
    if part.key not in _PAYLOAD_KEYS:
        raise InvalidFilter(f"filter on {part.key!r}; {_LEGAL}")
    return AnyOf(_PAYLOAD_KEYS[part.key], _values(part))


def _values(part: MetadataFilter) -> tuple[str, ...]:
    if part.operator == FilterOperator.EQ:
        values = [part.value]
    elif part.operator == FilterOperator.IN and isinstance(part.value, list):
        values = list(part.value)
    elif part.operator == FilterOperator.IN:
        raise InvalidFilter(f"filter {part.key} in {part.value!r}; 'in' takes a list of texts")
    else:
        raise InvalidFilter(f"filter {part.key} {part.operator.value} {part.value!r}; {_LEGAL}")
    texts = tuple(value for value in values if isinstance(value, str))
    if not texts or len(texts) < len(values):
        raise InvalidFilter(f"filter {part.key} {part.operator.value} {part.value!r}; the value is a text, or texts")
    return texts
