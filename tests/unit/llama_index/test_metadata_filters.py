"""LlamaIndex's filters: every operator honoured, every value checked, nothing left out."""

from typing import Any

import pytest
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from visual_rag.errors import InvalidFilter
from visual_rag.llama_index.metadata_filters import store_condition
from visual_rag.store.filters import MAX_DEPTH, And, Between, Contains, Filter, HasWords, In, IsEmpty, Not, Or

BY_NAME = MetadataFilter(key="file_name", value="pump.pdf")
BY_ID = MetadataFilter(key="document_id", value=["a", "b"], operator=FilterOperator.IN)
NAME, ID = In("file_name", ("pump.pdf",)), In("document_id", ("a", "b"))


def one(key: str, value: Any, operator: str = "==") -> MetadataFilters:
    """A single filter."""
    return MetadataFilters(filters=[MetadataFilter(key=key, value=value, operator=FilterOperator(operator))])


def test_no_filter_means_all_pages() -> None:
    """None, an empty group, and a group of empty ones alike."""
    assert store_condition(None) is None
    for joint in FilterCondition:
        assert store_condition(MetadataFilters(filters=[], condition=joint)) is None
        assert store_condition(MetadataFilters(filters=[MetadataFilters(filters=[])], condition=joint)) is None


OPERATORS: list[tuple[str, Any, Filter]] = [
    ("==", "x", In("key", ("x",))),
    ("==", 1.5, In("key", (1.5,))),
    ("!=", 3, Not(In("key", (3,)))),
    (">", 3, Between("key", gt=3)),
    (">=", "2024-03-01", Between("key", gte="2024-03-01")),
    ("<", 3, Between("key", lt=3)),
    ("<=", 3, Between("key", lte=3)),
    ("in", ["a", "b"], In("key", ("a", "b"))),
    ("nin", [1, 2], Not(In("key", (1, 2)))),
    ("any", ["a", "b"], In("key", ("a", "b"))),
    ("all", ["a", "b"], And((In("key", ("a",)), In("key", ("b",))))),
    ("all", ["a"], In("key", ("a",))),
    ("text_match", "E-40", Contains("key", "E-40")),
    ("text_match_insensitive", "wiring diagram", HasWords("key", "wiring diagram")),
    ("contains", "a", In("key", ("a",))),
    ("is_empty", None, IsEmpty("key")),
]


@pytest.mark.parametrize(("operator", "value", "meant"), OPERATORS)
def test_every_operator_becomes_a_condition(operator: str, value: Any, meant: Filter) -> None:
    """By what LlamaIndex says of it."""
    assert store_condition(one("key", value, operator)) == meant


def test_no_operator_is_unknown() -> None:
    """When a release of LlamaIndex brings one, this test names it."""
    assert {operator for operator, _, _ in OPERATORS} == {operator.value for operator in FilterOperator}


@pytest.mark.parametrize(
    ("joint", "meant"),
    [
        (FilterCondition.AND, And((NAME, ID))),
        (None, And((NAME, ID))),
        (FilterCondition.OR, Or((NAME, ID))),
        (FilterCondition.NOT, Not(Or((NAME, ID)))),
    ],
)
def test_groups_are_joined(joint: FilterCondition | None, meant: Filter) -> None:
    """`not` is met where none of its filters is, as in LlamaIndex's own store."""
    assert store_condition(MetadataFilters(filters=[BY_NAME, BY_ID], condition=joint)) == meant


def test_groups_are_nested() -> None:
    """A group of one is that one, and an empty one asks for nothing."""
    inner = MetadataFilters(filters=[BY_NAME, BY_ID], condition=FilterCondition.OR)
    never = MetadataFilters(filters=[BY_ID], condition=FilterCondition.NOT)
    nested = MetadataFilters(filters=[inner, never, MetadataFilters(filters=[]), MetadataFilters(filters=[BY_NAME])])
    assert store_condition(nested) == And((Or((NAME, ID)), Not(ID), NAME))


def test_depth_is_limited() -> None:
    """With an error of ours."""
    deep = MetadataFilters(filters=[BY_NAME])
    for _ in range(MAX_DEPTH + 1):
        deep = MetadataFilters.model_construct(filters=[deep], condition=FilterCondition.NOT)
    with pytest.raises(InvalidFilter, match="deep"):
        store_condition(deep)


@pytest.mark.parametrize(
    ("key", "name"), [("page_label", "label"), ("source_uri", "source"), ("page_number", "page_number")]
)
def test_names_of_a_node_mean_what_they_show(key: str, name: str) -> None:
    """What stands in a page node's metadata can be asked for."""
    assert store_condition(one(key, "x")) == In(name, ("x",))


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("==", None),
        ("==", ["a"]),
        ("==", float("nan")),
        ("!=", None),
        (">", None),
        (">", [1]),
        ("<", float("inf")),
        ("in", "a"),
        ("in", []),
        ("in", None),
        ("nin", "a"),
        ("nin", []),
        ("any", "a"),
        ("all", []),
        ("all", None),
        ("contains", ["a"]),
        ("contains", None),
        ("text_match", 3),
        ("text_match", ""),
        ("text_match_insensitive", "--"),
        ("text_match_insensitive", ["a"]),
        ("is_empty", "x"),
    ],
)
def test_a_value_that_does_not_go_with_its_operator_is_refused(operator: str, value: Any) -> None:
    """By the name of its field."""
    with pytest.raises(InvalidFilter, match="key"):
        store_condition(one("key", value, operator))
