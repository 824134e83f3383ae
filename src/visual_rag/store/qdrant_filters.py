"""Conditions in qdrant-client's words, for a server and for the client's local mode."""

from collections.abc import Mapping
from datetime import datetime

from visual_rag.errors import MissingDependency
from visual_rag.store.filter_translation import translate
from visual_rag.store.filters import Filter

try:
    from qdrant_client import models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error


def compile_filter(condition: Filter | None) -> models.Filter | None:
    """Translate a condition; None stays None.

    Raises:
        InvalidFilter: It is none of the known conditions or too deep, its field's name is no path, or a value cannot be
            asked for.
    """
    return None if condition is None else models.Filter(must=[translate(condition, _ClientWords())])


class _ClientWords:
    def all_of(self, parts: list[models.Condition]) -> models.Condition:
        return models.Filter(must=parts)

    def any_of(self, parts: list[models.Condition]) -> models.Condition:
        return models.Filter(should=parts)

    def none_of(self, parts: list[models.Condition]) -> models.Condition:
        return models.Filter(must_not=parts)

    def has_id(self, page_ids: list[str]) -> models.Condition:
        return models.HasIdCondition(has_id=list(page_ids))

    def equals_text(self, key: str, values: list[str]) -> models.Condition:
        return models.FieldCondition(key=key, match=models.MatchAny(any=values))

    def equals_whole(self, key: str, values: list[int]) -> models.Condition:
        return models.FieldCondition(key=key, match=models.MatchAny(any=values))

    def equals_truth(self, key: str, value: bool) -> models.Condition:  # noqa: FBT001  # the value, no switch
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))

    def in_numbers(self, key: str, bounds: Mapping[str, float]) -> models.Condition:
        return models.FieldCondition(key=key, range=models.Range(**bounds))

    def in_dates(self, key: str, bounds: Mapping[str, str]) -> models.Condition:
        instants = {name: datetime.fromisoformat(bound) for name, bound in bounds.items()}
        return models.FieldCondition(key=key, range=models.DatetimeRange(**instants))

    def has_words(self, key: str, words: str) -> models.Condition:
        return models.FieldCondition(key=key, match=models.MatchText(text=words))

    def contains(self, key: str, part: str) -> models.Condition:
        return models.FieldCondition(key=key, match=models.MatchSubstring(substring=part))

    def is_empty(self, key: str) -> models.Condition:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))

    def is_null(self, key: str) -> models.Condition:
        return models.IsNullCondition(is_null=models.PayloadField(key=key))
