"""What metadata fields hold, and how they are called."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.store.field_kinds import as_payload, field_path, from_payload, kinds_of, merge, path_keys

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("de", {"text"}),
        (3, {"number"}),
        (2.5, {"number"}),
        (True, {"truth"}),
        ("2024-03-01", {"date"}),
        ("2024-03-01T10:00:00Z", {"date"}),
        ("2024-03-01 10:00:00.5+02:00", {"date"}),
        ("2024-13-01", {"text"}),
        ("20240301", {"text"}),
        (["2024-03-01", "soon"], {"date", "text"}),
        ([1, "x", False, None], {"number", "text", "truth"}),
        (None, set()),
        ([], set()),
        ([{"x": 1}, [2]], set()),
        ({}, set()),
    ],
)
def test_a_value_has_the_kinds_of_its_items(value: object, kinds: set[str]) -> None:
    """Only whole calendar dates are dates; what no condition compares has no kind."""
    assert kinds_of({"field": value}) == {"field": kinds}


def test_nested_fields_have_dots_in_their_names() -> None:
    """A mapping is known by its fields; fields whose own names cannot stand in a path are left out."""
    metadata = {"pump": {"serial no": "7", "made": {"year": 2020}}, "a.b": 1, "": 2, 'q"': 3, "l[0]": 4}
    assert kinds_of(metadata) == {"pump.serial no": {"text"}, "pump.made.year": {"number"}}


def test_metadata_may_be_nested_deeper_than_python_calls() -> None:
    """No recursion."""
    metadata: dict[str, Any] = {"x": 1}
    for _ in range(5_000):
        metadata = {"x": metadata}
    assert list(kinds_of(metadata).values()) == [{"number"}]


def test_merging_unites() -> None:
    """Fields and kinds of both, and neither is changed."""
    known, new = kinds_of({"a": 1, "b": "x"}), kinds_of({"a": "x", "c": True})
    assert merge(known, new) == {"a": {"number", "text"}, "b": {"text"}, "c": {"truth"}}
    assert known == kinds_of({"a": 1, "b": "x"})
    assert merge(known, known) == known


@given(st.dictionaries(st.text(), JSON))
def test_any_metadata_has_fields_that_come_back(metadata: dict[str, Any]) -> None:
    """Through JSON; and each name is a path that leads to the value."""
    kinds = kinds_of(metadata)
    assert from_payload(json.loads(json.dumps(as_payload(kinds)))) == kinds
    for name in kinds:
        value: Any = {"metadata": metadata}
        for key in path_keys(field_path(name)):
            value = value[key]
        assert kinds_of({"field": value})["field"] == kinds[name]
