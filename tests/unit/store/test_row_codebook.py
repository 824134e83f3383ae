"""Codebooks: directions of their own for what is rare, the nearest for every row."""

import numpy as np
import pytest
from store_samples import random_rows

from visual_rag.records import FloatArray
from visual_rag.scoring import normalise_rows
from visual_rag.store.row_codebook import assign, learning, n_centroids


def learnt(rows: FloatArray, n_most: int) -> FloatArray:
    """All steps of learning at once."""
    steps = learning(rows, n_most)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            centroids: FloatArray = end.value
            return centroids


def test_every_group_of_alike_rows_gets_a_centroid_however_rare() -> None:
    """Among 3,000 rows of which 2,900 are of one group, nine small groups are all found, and nothing else."""
    middles = random_rows(10, seed=1)
    group = np.repeat(np.arange(10), [2900, *[11] * 9])
    noise = np.random.default_rng(2).standard_normal((len(group), 32), dtype=np.float32)
    rows = normalise_rows(middles[group] + 0.02 * noise)
    centroids = learnt(rows, 200)
    assert len(centroids) == 10
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-6)
    codes = assign(rows, centroids)
    assert np.vecdot(rows, centroids[codes]).min() > 0.97
    assert len(set(zip(group.tolist(), codes.tolist(), strict=True))) == 10


@pytest.mark.parametrize(("n_rows", "n_most"), [(1, 5), (700, 40), (3000, 2000)])
def test_there_are_never_more_centroids_than_asked_for(n_rows: int, n_most: int) -> None:
    """Nor more than rows, and the same rows give the same codebook."""
    rows = random_rows(n_rows)
    centroids = learnt(rows, n_most)
    assert len(centroids) == min(n_rows, n_most)
    np.testing.assert_array_equal(centroids, learnt(rows, n_most))


def test_a_row_is_assigned_to_the_nearest_centroid() -> None:
    """As a plain loop finds it, for more rows than one block."""
    rows, centroids = random_rows(2500, seed=3), random_rows(60, seed=4)
    codes = assign(rows, centroids)
    assert codes.dtype == np.uint16
    assert codes.tolist() == [max(range(60), key=lambda number: float(centroids[number] @ row)) for row in rows]
    assert len(assign(rows[:0], centroids)) == 0


def test_the_number_of_centroids_grows_with_the_root_of_the_rows() -> None:
    """Up to what 16 bits and a search of a few milliseconds allow."""
    assert [n_centroids(n_rows) for n_rows in (0, 1, 10_000, 1_000_000, 10**9)] == [1, 8, 800, 8000, 16_384]
