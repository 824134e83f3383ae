"""Conditions in Qdrant Edge's words."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import qdrant_edge as edge

from visual_rag.errors import InvalidFilter
from visual_rag.store.edge_engine import REFUSALS
from visual_rag.store.filter_translation import translate
from visual_rag.store.filters import Filter

_Condition: TypeAlias = "edge.ConditionType"  # a name of the stubs alone


def compile_filter(condition: Filter | None) -> edge.Filter | None:
    """Translate a condition; None stays None.

    Raises:
        InvalidFilter: It is none of the known conditions or too deep, its field's name is no path, or a value cannot be
            asked for.
    """
    if condition is None:
        return None
    try:
        return edge.Filter(must=[translate(condition, _EdgeWords())])
    except InvalidFilter:
        raise
    except REFUSALS as error:
        raise InvalidFilter(f"{condition!r} cannot be searched for: {error}") from error


class _EdgeWords:
    def all_of(self, parts: list[_Condition]) -> _Condition:
        return edge.Filter(must=parts)

    def any_of(self, parts: list[_Condition]) -> _Condition:
        return edge.Filter(should=parts)

    def none_of(self, parts: list[_Condition]) -> _Condition:
        return edge.Filter(must_not=parts)

    def has_id(self, page_ids: list[str]) -> _Condition:
        return edge.HasIdCondition(set(page_ids))

    def equals_text(self, key: str, values: list[str]) -> _Condition:
        return edge.FieldCondition(key, match=edge.MatchAny(values))

    def equals_whole(self, key: str, values: list[int]) -> _Condition:
        return edge.FieldCondition(key, match=edge.MatchAny(values))

    def equals_truth(self, key: str, value: bool) -> _Condition:  # noqa: FBT001  # the value, no switch
        # The binding tries a whole number first, and Python's True is one: it would match 1 and never true. numpy's is
        # none, and is taken for the truth value that it is.
        truth: bool = np.bool_(value)  # type: ignore[assignment]
        return edge.FieldCondition(key, match=edge.MatchValue(truth))

    def in_numbers(self, key: str, bounds: Mapping[str, float]) -> _Condition:
        return edge.FieldCondition(key, range=edge.RangeFloat(**bounds))

    def in_dates(self, key: str, bounds: Mapping[str, str]) -> _Condition:
        return edge.FieldCondition(key, range=edge.RangeDateTime(**bounds))

    def has_words(self, key: str, words: str) -> _Condition:
        return edge.FieldCondition(key, match=edge.MatchText(words))

    def contains(self, key: str, part: str) -> _Condition:
        return edge.FieldCondition(key, match=edge.MatchSubstring(part))

    def is_empty(self, key: str) -> _Condition:
        return edge.IsEmptyCondition(key)

    def is_null(self, key: str) -> _Condition:
        return edge.IsNullCondition(key)
