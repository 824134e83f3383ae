"""Scoring against loops that anybody can check."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.errors import DimensionMismatch, InvalidInput, UnhealthyEmbedding
from visual_rag.records import FloatArray
from visual_rag.scoring import (
    check_page_vectors,
    maxsim,
    normalise_rows,
    pool_clusters,
    pool_runs,
    similarity_of,
)

SEEDS = st.integers(0, 2**32 - 1)


def random_rows(seed: int, n_rows: int, dim: int = 6) -> FloatArray:
    """Rows of unit length."""
    rows = np.random.default_rng(seed).standard_normal((n_rows, dim)).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(SEEDS, st.integers(1, 7), st.integers(1, 9))
def test_maxsim_is_the_sum_of_best_matches(seed: int, n_query: int, n_page: int) -> None:
    """As three nested loops compute it."""
    query, page = random_rows(seed, n_query), random_rows(seed + 1, n_page)
    expected = 0.0
    for query_row in query.tolist():
        best = -float("inf")
        for page_row in page.tolist():
            best = max(best, sum(a * b for a, b in zip(query_row, page_row, strict=True)))
        expected += best
    assert maxsim(query, page) == pytest.approx(expected, abs=1e-5)
    assert maxsim(query * 2, page) == pytest.approx(2 * expected, abs=1e-5)  # a row's length is its weight


def test_maxsim_refuses_what_has_no_answer() -> None:
    """Rows of different length, or no rows."""
    rows = random_rows(0, 3)
    for query, page in ((rows, rows[:, :-1]), (rows[0], rows), (rows, rows[0])):
        with pytest.raises(DimensionMismatch):
            maxsim(query, page)
    for query, page in ((rows[:0], rows), (rows, rows[:0])):
        with pytest.raises(InvalidInput):
            maxsim(query, page)


@given(SEEDS, st.integers(1, 9))
def test_similarity_is_the_mean_best_match(seed: int, n_query: int) -> None:
    """One when every row finds itself, whatever the weights; never outside [0, 1]."""
    rows = random_rows(seed, n_query)
    weights = np.random.default_rng(seed).random((n_query, 1), dtype=np.float32) + 0.1
    assert similarity_of(rows * weights, maxsim(rows * weights, rows)) == pytest.approx(1, abs=1e-5)
    assert similarity_of(rows, -3) == 0
    assert similarity_of(rows, 1000) == 1
    assert similarity_of(rows * 0, 0) == 0


@given(SEEDS, st.integers(1, 9), st.floats(1e-3, 1e3))
def test_normalised_rows_keep_their_direction(seed: int, n_rows: int, scale: float) -> None:
    """And have length 1."""
    rows = random_rows(seed, n_rows)
    np.testing.assert_allclose(normalise_rows((rows * scale).astype(np.float32)), rows, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_row_without_direction_is_refused(value: float) -> None:
    """By normalising and by checking alike."""
    rows = random_rows(0, 4)
    rows[2] = value
    with pytest.raises(UnhealthyEmbedding):
        normalise_rows(rows)
    with pytest.raises(UnhealthyEmbedding, match="row 2 of 4"):
        check_page_vectors(rows, 6)


def test_checking_names_the_fault() -> None:
    """Wrong dim, wrong shape, no rows, rows of another length; healthy rows pass, also as float16."""
    rows = random_rows(0, 4)
    check_page_vectors(rows, 6)
    check_page_vectors(rows.astype(np.float16), 6)
    for wrong, message in (
        (rows[:, :-1], r"\(4, 5\)"),
        (rows[0], r"\(6,\)"),
        (rows[:0], "no vectors"),
        (rows * np.float32(1.01), "length 1.01"),
    ):
        with pytest.raises(UnhealthyEmbedding, match=message):
            check_page_vectors(wrong, 6)


@given(SEEDS, st.integers(1, 60), st.integers(1, 12))
def test_pooled_runs_are_means_of_neighbours(seed: int, n_rows: int, n_pooled: int) -> None:
    """Each pooled row is the direction of the sum of its run, and the runs cut the page into equal pieces."""
    rows = random_rows(seed, n_rows)
    pooled = pool_runs(rows, n_pooled)
    assert len(pooled) == min(n_rows, n_pooled)
    if n_rows <= n_pooled:
        np.testing.assert_array_equal(pooled, rows)
        return
    starts = [int(n_rows * run / n_pooled) for run in range(n_pooled)]
    for row, (start, end) in zip(pooled, zip(starts, [*starts[1:], n_rows], strict=True), strict=True):
        total = np.sum(rows[start:end].astype(float), axis=0)
        np.testing.assert_allclose(row, total / np.linalg.norm(total), atol=1e-3)


@given(SEEDS, st.integers(1, 40), st.integers(1, 12))
def test_pooled_clusters_are_healthy_and_repeatable(seed: int, n_rows: int, n_pooled: int) -> None:
    """Rows of unit length, never more than asked for, and the same each time."""
    rows = random_rows(seed, n_rows)
    pooled = pool_clusters(rows, n_pooled)
    assert len(pooled) == min(n_rows, n_pooled)
    check_page_vectors(pooled, 6)
    np.testing.assert_array_equal(pooled, pool_clusters(rows, n_pooled))


def test_clusters_gather_rows_that_point_the_same_way() -> None:
    """Scattered over the page, three bundles of rows give three pooled rows."""
    centres = np.eye(3, 6, dtype=np.float32)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(3), 20))
    order[[0, 29, 59]] = [0, 1, 2]  # where the search starts
    noise = np.random.default_rng(2).standard_normal((60, 6)).astype(np.float32) * 0.05
    pooled = pool_clusters(normalise_rows(centres[order] + noise), 3)
    assert np.vecdot(pooled, centres).min() > 0.99


def test_rows_that_cancel_out_still_pool_to_directions() -> None:
    """Opposite rows have no mean direction; a row of the page stands in, and no store is given a zero row."""
    rows = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], dtype=np.float32)
    for pool in (pool_runs, pool_clusters):
        check_page_vectors(pool(rows, 2), 2)
