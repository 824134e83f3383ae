"""Both engines refuse, by the same words, what they could not search for or would misread."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import qdrant_edge as edge
from qdrant_client import models

from visual_rag.errors import InvalidFilter
from visual_rag.store import edge_filters, qdrant_filters
from visual_rag.store.filters import MAX_DEPTH, And, Between, Contains, Filter, HasWords, In, IsEmpty, IsNull, Not, Or

MEANINGLESS: list[Any] = [
    In("a[", ("x",)),
    In("", ("x",)),
    In("a b", ("x",)),
    In("a..b", ("x",)),
    In('a."', ("x",)),
    In("tags[]", ("x",)),
    In("page_id", ("7",)),
    Between("page_id", gte="2024-01-01"),
    IsEmpty("page_id"),
    HasWords("page_id", "x"),
    In("a", (None,)),
    In("a", (float("nan"),)),
    In("a", (float("inf"),)),
    In("a", (2.0**53,)),
    In("a", (2**63,)),
    In("a", ("\ud800",)),
    Contains("a", "\ud800"),
    Contains("a", 3),
    HasWords("a", None),
    Between("a"),
    Between("a", gte=1, lte="2024-01-01"),
    Between("a", gte="x"),
    Between("a", gte=True),
    Between("a", gte=2**53),
    Between("a", gte="0001-01-01T00:00:00+05:00"),
    "dpi > 3",
    None,
]


@pytest.mark.parametrize("condition", MEANINGLESS, ids=repr)
def test_a_condition_that_means_nothing_is_refused(condition: Any) -> None:
    """Inside others too, before an engine sees it, and alike in both."""
    for wrong in (Not(condition), And((condition,)), Or((In("a", (1,)), condition))):
        for compiled in (edge_filters.compile_filter, qdrant_filters.compile_filter):
            with pytest.raises(InvalidFilter):
                compiled(wrong)


def test_no_condition_stays_none() -> None:
    """It stands for all pages."""
    assert edge_filters.compile_filter(None) is None
    assert qdrant_filters.compile_filter(None) is None


def test_depth_is_limited() -> None:
    """What a user may write compiles; what could overflow an engine's stack does not."""
    condition: Filter = In("a", (1,))
    for _ in range(MAX_DEPTH):
        condition = Not(condition)
    assert isinstance(edge_filters.compile_filter(condition), edge.Filter)
    for _ in range(100_000):
        condition = Not(condition)
    for compiled in (edge_filters.compile_filter, qdrant_filters.compile_filter):
        with pytest.raises(InvalidFilter, match="deep"):
            compiled(condition)


def test_the_client_is_handed_no_empty_list() -> None:
    """A server may read an empty `should` or `must` as no condition at all; only an empty list of ids is none."""
    for empty in (Or(()), And(()), In("a", ()), Not(Or(())), And((Or(()), And(())))):
        compiled = qdrant_filters.compile_filter(empty)
        assert compiled is not None
        assert all(parts for parts in _lists(compiled))


def _lists(part: Any) -> Iterator[list[Any]]:
    if isinstance(part, models.Filter):
        for parts in (part.must, part.should, part.must_not):
            if parts is not None:
                yield parts
                for inner in parts:
                    yield from _lists(inner)


def test_truth_values_are_no_numbers_in_edge(tmp_path: Path) -> None:
    """Handed a plain True, the engine's binding would search for 1."""
    params = edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)
    (tmp_path / "shard").mkdir()
    shard = edge.EdgeShard.create(str(tmp_path / "shard"), edge.EdgeConfig(vectors={"unused": params}))
    held: list[Any] = [True, False, 1, 0, "true", None, [False, True]]
    points = [edge.Point(str(UUID(int=number)), {}, {"a": value}) for number, value in enumerate(held)]
    shard.update(edge.UpdateOperation.upsert_points(points))

    def select(condition: Filter) -> list[Any]:
        request = edge.ScrollRequest(filter=edge_filters.compile_filter(condition), limit=10, with_payload=False)
        return [held[UUID(str(row.id)).int] for row in shard.scroll(request)[0]]

    assert repr(select(In("a", (True,)))) == "[True, [False, True]]"
    assert repr(select(In("a", (False,)))) == "[False, [False, True]]"
    assert repr(select(In("a", (1,)))) == "[1]"
    assert repr(select(And((In("a", (True, 0)), Not(IsNull("a")))))) == "[True, 0, [False, True]]"
    shard.close()
