"""Filters: honoured, or refused with the legal ones named."""

import pytest
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from visual_rag.errors import InvalidFilter
from visual_rag.llama_index.metadata_filters import store_condition
from visual_rag.store.filters import AllOf, AnyOf

BY_NAME = MetadataFilter(key="file_name", value="pump.pdf")
BY_ID = MetadataFilter(key="document_id", value=["a", "b"], operator=FilterOperator.IN)


def test_no_filter_means_all_pages() -> None:
    """None and an empty list alike."""
    assert store_condition(None) is None
    assert store_condition(MetadataFilters(filters=[])) is None
    assert store_condition(MetadataFilters(filters=[MetadataFilters(filters=[])])) is None


def test_equality_and_in_become_conditions_of_the_store() -> None:
    """`file_name` is `document_name` in the payload."""
    assert store_condition(MetadataFilters(filters=[BY_NAME])) == AnyOf("document_name", ("pump.pdf",))
    assert store_condition(MetadataFilters(filters=[BY_ID])) == AnyOf("document_id", ("a", "b"))


def test_and_and_nesting_are_honoured() -> None:
    """Every condition holds."""
    nested = MetadataFilters(filters=[BY_NAME, MetadataFilters(filters=[BY_ID])])
    expected = AllOf((AnyOf("document_name", ("pump.pdf",)), AnyOf("document_id", ("a", "b"))))
    assert store_condition(nested) == expected


def test_or_of_one_filter_is_that_filter() -> None:
    """It means nothing else."""
    alone = MetadataFilters(filters=[BY_NAME], condition=FilterCondition.OR)
    assert store_condition(alone) == AnyOf("document_name", ("pump.pdf",))


@pytest.mark.parametrize("condition", [FilterCondition.OR, FilterCondition.NOT])
def test_other_combinations_are_refused(condition: FilterCondition) -> None:
    """None is taken for `and`."""
    with pytest.raises(InvalidFilter, match="combined by 'and'"):
        store_condition(MetadataFilters(filters=[BY_NAME, BY_ID], condition=condition))


def test_not_of_one_filter_is_refused() -> None:
    """It is the opposite of that filter."""
    with pytest.raises(InvalidFilter, match="'not'"):
        store_condition(MetadataFilters(filters=[BY_NAME], condition=FilterCondition.NOT))


@pytest.mark.parametrize("operator", [part for part in FilterOperator if part.value not in {"==", "in"}])
def test_other_operators_are_refused(operator: FilterOperator) -> None:
    """The message names the legal ones."""
    with pytest.raises(InvalidFilter, match="legal are '==' and 'in' on document_id and file_name"):
        store_condition(MetadataFilters(filters=[MetadataFilter(key="file_name", value="x", operator=operator)]))


@pytest.mark.parametrize("key", ["page_number", "department", "document_name"])
def test_other_keys_are_refused(key: str) -> None:
    """By name."""
    with pytest.raises(InvalidFilter, match=key):
        store_condition(MetadataFilters(filters=[MetadataFilter(key=key, value="x")]))


@pytest.mark.parametrize(
    ("value", "operator"),
    [(3, "=="), (None, "=="), (["a"], "=="), ("a", "in"), ([], "in"), ([1, 2], "in")],
)
def test_values_of_the_wrong_type_are_refused(value: object, operator: str) -> None:
    """A filter that can match nothing is a mistake."""
    wrong = MetadataFilter.model_validate({"key": "file_name", "value": value, "operator": operator})
    with pytest.raises(InvalidFilter, match="text"):
        store_condition(MetadataFilters(filters=[wrong]))
