"""Values that groups are made of."""

from typing import Any

from visual_rag.records import PageRecord
from visual_rag.retrieve.grouping import field_value, group_values, scalars
from visual_rag.retrieve.visual import Candidate
from visual_rag.testing import make_record


def _groups(values: list[Any], n_groups: int) -> list[Any]:
    rows = (
        Candidate(page=make_record(page_index=index, metadata={"x": value}), score=1.0, similarity=1.0)
        for index, value in enumerate(values)
    )
    return group_values(rows, lambda page: page.metadata["x"], n_groups)


def test_values_come_in_the_order_of_their_best_page() -> None:
    """Each once, those of a list one by one."""
    assert _groups(["b", "a", "b", "c"], 10) == ["b", "a", "c"]
    assert _groups([["b", "a"], ["c", "b"]], 10) == ["b", "a", "c"]


def test_no_more_groups_than_asked_for() -> None:
    """Not of the items of one list either."""
    assert _groups(["b", "a", "c"], 2) == ["b", "a"]
    assert _groups([["b", "a", "c"]], 2) == ["b", "a"]


def test_no_more_pages_are_read_than_needed() -> None:
    """A ranking is read as far as the last group."""
    rows = iter([Candidate(page=make_record(metadata={"x": n}), score=1.0, similarity=1.0) for n in range(5)])
    group_values(rows, lambda page: page.metadata["x"], 2)
    assert [row.page.metadata["x"] for row in rows] == [2, 3, 4]


def test_true_and_one_are_two_values() -> None:
    """As they are to a filter, to which 1 and 1.0 are one."""
    found = _groups([1, True, 1.0, False, 0], 10)
    assert [(type(value), value) for value in found] == [(int, 1), (bool, True), (bool, False), (int, 0)]


def test_what_cannot_be_compared_makes_no_group() -> None:
    """Nothing, null, mappings and lists within lists; an empty text is a value."""
    assert _groups([None, [], {"a": 1}, [[1]], [None, {"a": 1}]], 10) == []
    assert _groups([""], 10) == [""]
    assert scalars(["a", None, 1]) == ["a", 1]


def test_a_field_is_read_by_its_path() -> None:
    """Of the page, of the metadata, nested, with odd names; None where there is none."""
    page: PageRecord = make_record(page_index=3, metadata={"maker": {"Serial No": 7}, "year": 2020})
    assert field_value(page, "page_index") == 3
    assert field_value(page, "metadata.year") == 2020
    assert field_value(page, 'metadata.maker."Serial No"') == 7
    for path in ("metadata.none", "metadata.year.more", "none"):
        assert field_value(page, path) is None
