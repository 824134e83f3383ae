"""The embedded store against brute force over the very vectors that were written."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, PagePoint
from visual_rag.scoring import maxsim, normalise_rows
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import And, Between, In
from visual_rag.store.protocol import QueryPlan
from visual_rag.testing import FakeEmbedder, make_point

N_PAGES, DIM = 200, 64
TOLERANCE = {"turbo8": 1e-2, "float16": 1e-3, "turbo4": 6e-2}  # of a score
Indexed = tuple[EdgeStore, list[PagePoint], float]


@pytest.fixture(scope="module", params=["turbo8", "float16", "turbo4"])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    """An index of random pages, half of it maintained and half fresh, so that both kinds of segments are searched."""
    rng = np.random.default_rng(11)
    points = [
        make_point(normalise_rows(rng.standard_normal((int(rng.integers(1, 60)), DIM), dtype=np.float32)), page_index=i)
        for i in range(N_PAGES)
    ]
    passport = IndexPassport(
        model=FakeEmbedder(dim=DIM).identity, dpi=96, renderer="pdfium", pooling="runs8", datatype=request.param
    )
    folder: Path = tmp_path_factory.mktemp(request.param)
    with EdgeStore.create(folder, passport) as store:
        store.upsert(points[: N_PAGES // 2])
        store.maintain()
        store.upsert(points[N_PAGES // 2 :])
        yield store, points, TOLERANCE[request.param]


@st.composite
def queries(draw: st.DrawFn) -> FloatArray:
    """Random rows with weights, some of them equal and some zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = normalise_rows(rng.standard_normal((draw(st.integers(1, 20)), DIM), dtype=np.float32))
    weights = draw(st.lists(st.sampled_from([0.0, 0.1, 1.0, 1.0, 5.0]), min_size=len(rows), max_size=len(rows)))
    return rows * np.array(weights, dtype=np.float32)[:, None]


anything = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anything
@given(query=queries(), limit=st.integers(1, 250))
def test_exact_search_is_brute_force(indexed: Indexed, query: FloatArray, limit: int) -> None:
    """The right number of pages, each with its MaxSim, and nothing better left out."""
    store, points, tolerance = indexed
    expected = {point.page_id: maxsim(query, point.embedding.vectors) for point in points}
    margin = tolerance * max(1.0, float(np.linalg.norm(query, axis=1).sum()))
    rows = store.query(QueryPlan(vectors=query, limit=limit))
    assert len(rows) == min(limit, N_PAGES)
    assert len({row.page.page_id for row in rows}) == len(rows)
    for row in rows:
        assert abs(row.score - expected[row.page.page_id]) <= margin
    ideal = sorted(expected.values(), reverse=True)[: len(rows)]
    np.testing.assert_allclose([row.score for row in rows], ideal, atol=margin)


@anything
@given(query=queries(), shortlist=st.integers(1, 250), first=st.integers(0, 210))
def test_two_stages_are_brute_force_over_pooled_then_full(
    indexed: Indexed, query: FloatArray, shortlist: int, first: int
) -> None:
    """The shortlist is the best by pooled MaxSim among the filtered pages; the rest is exact."""
    store, points, tolerance = indexed
    condition = And((Between("page_index", gte=first), In("metadata.language", ("de",))))
    allowed = [point for point in points[first:] if point.payload["page_index"] % 2 == 0]
    margin = tolerance * max(1.0, float(np.linalg.norm(query, axis=1).sum()))
    rows = store.query(QueryPlan(vectors=query, limit=N_PAGES, shortlist=shortlist, filter=condition))
    found = {row.page.page_id: row.score for row in rows}
    assert found.keys() <= {point.page_id for point in allowed}
    assert len(found) == min(shortlist, len(allowed))
    pooled = {point.page_id: maxsim(query, point.pooled) for point in allowed}
    left_out = [score for page_id, score in pooled.items() if page_id not in found]
    if found and left_out:
        assert max(left_out) <= min(pooled[page_id] for page_id in found) + margin
    for point in allowed:
        if point.page_id in found:
            assert abs(found[point.page_id] - maxsim(query, point.embedding.vectors)) <= margin


def test_embeddings_score_as_the_engine_does(indexed: Indexed) -> None:
    """Reranking in Python on what `embeddings` gives agrees with the engine's own MaxSim."""
    store, points, tolerance = indexed
    query = points[7].embedding.vectors[:10]
    rows = store.query(QueryPlan(vectors=query, limit=N_PAGES))
    embeddings = store.embeddings([row.page for row in rows])
    scores = [maxsim(query, embedding.vectors) for embedding in embeddings]
    np.testing.assert_allclose(scores, [row.score for row in rows], atol=tolerance * len(query))
