"""Requests to a Qdrant server hold what the plan says and are as large as a server takes."""

import json

import numpy as np
import pytest
from qdrant_client import models
from store_samples import random_points, random_rows

from visual_rag.store.bm25 import TextAnalyser
from visual_rag.store.protocol import EngineTuning, QueryPlan
from visual_rag.store.qdrant_points import in_requests, page_struct, point_bytes
from visual_rag.store.qdrant_search import plan_bytes, search_request
from visual_rag.testing import make_point

CONDITION = models.Filter(must=[models.HasIdCondition(has_id=[1])])


def test_the_filter_goes_into_both_stages_and_the_tuning_into_the_first() -> None:
    """A server ignores parameters beside the last stage, and may filter after the first."""
    tuning = EngineTuning(hnsw_ef=64, exact=True, indexed_only=True, rescore=True, oversampling=2.0)
    plan = QueryPlan(vectors=random_rows(2), limit=5, shortlist=50, tuning=tuning)
    request = search_request(plan, CONDITION, n_pages=1000)
    first = request.prefetch
    assert isinstance(first, models.Prefetch)
    assert (request.using, request.limit, request.filter, request.params) == ("full", 6, CONDITION, None)
    assert (first.using, first.limit, first.filter) == ("pooled", 50, CONDITION)
    assert first.params == models.SearchParams(
        hnsw_ef=64,
        exact=True,
        indexed_only=True,
        quantization=models.QuantizationSearchParams(rescore=True, oversampling=2.0),
    )


def test_without_shortlist_or_tuning_nothing_is_added() -> None:
    """Every page is scored whatever the tuning says; a plain shortlist leaves the engine its own ways."""
    exact = search_request(QueryPlan(vectors=random_rows(2), limit=5, tuning=EngineTuning(hnsw_ef=64)), None, n_pages=9)
    assert (exact.prefetch, exact.params, exact.filter) == (None, None, None)
    plain = search_request(QueryPlan(vectors=random_rows(2), limit=5, shortlist=8), None, n_pages=9)
    assert isinstance(plain.prefetch, models.Prefetch)
    assert plain.prefetch.params is None


def test_no_request_asks_for_more_than_there_are() -> None:
    """In either stage; the last one asks for one more than wanted, which shows a tie."""
    request = search_request(QueryPlan(vectors=random_rows(2), limit=500, shortlist=1000), None, n_pages=9)
    assert isinstance(request.prefetch, models.Prefetch)
    assert (request.limit, request.prefetch.limit) == (10, 9)


@pytest.mark.parametrize("n_rows", [30, 700])
def test_the_estimate_of_a_page_is_what_it_takes_as_json(n_rows: int) -> None:
    """Never much less, so that no request passes a server's limit; and not twice as much."""
    point = make_point(random_rows(n_rows, dim=128), text="Größe 5 – ölfest " * 200)
    body = json.dumps(page_struct(point, TextAnalyser("english")).model_dump(mode="json"), separators=(",", ":"))
    assert 0.5 * point_bytes(point) < len(body) < 1.05 * point_bytes(point) + 20_000


def test_requests_are_cut_by_bytes_and_keep_the_order() -> None:
    """Pages of 1.9 MB go twelve to thirteen at a time; a page that is too large goes alone."""
    points = [make_point(random_rows(700, seed=index, dim=128), page_index=index) for index in range(30)]
    parts = list(in_requests(points, point_bytes))
    assert [point.page_id for part in parts for point in part] == [point.page_id for point in points]
    assert [len(part) for part in parts] == [13, 13, 4]
    assert all(sum(map(point_bytes, part)) <= 24 * 2**20 for part in parts)
    assert list(in_requests([1, 40, 1], lambda size: size * 2**20)) == [[1], [40], [1]]
    assert list(in_requests(random_points(0), point_bytes)) == []


def test_a_search_of_a_shortlist_sends_its_vectors_twice() -> None:
    """The estimate counts both."""
    vectors = np.ones((10, 128), dtype=np.float32)
    once, twice = (plan_bytes(QueryPlan(vectors=vectors, limit=1, shortlist=size)) for size in (None, 5))
    assert twice == 2 * once
