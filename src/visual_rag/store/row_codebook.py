"""A codebook of an index: directions that its rows lie around, and which of them each row is nearest to.

    centroids = yield from learning(sample, n_most=n_centroids(n_rows))
    codes = assign(rows, centroids)                      # (n_rows,) uint16

Spherical: rows and centroids have unit length, nearest is by dot product. The lists made of the codes are an inverted
file (Sivic and Zisserman, ICCV 2003), in late interaction as in PLAID (arXiv:2205.09707) and WARP (arXiv:2501.17788).
"""

import math
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from visual_rag.records import FloatArray
from visual_rag.scoring import normalise_rows

LEAST_PAGES = 1000  # below, looking at every page takes milliseconds
GROWTH = 4  # with so many times more pages than it was learnt for, the codebook is learnt again
SAMPLE_ROWS = 100_000
_LISTS_A_ROOT, _MOST_CENTROIDS = 8, 16_384
_LEADER_COSINE = 0.87  # rows at least as alike as this share a centroid, as long as there is room for all others
_BLOCK = 1024  # rows, so that a block of dot products stays in tens of megabytes
Codes = NDArray[np.uint16]


def n_centroids(n_rows: int) -> int:
    """Number of centroids for an index of so many rows: 8 times the root, as in PLAID, and at most 16,384."""
    return min(max(int(_LISTS_A_ROOT * math.sqrt(n_rows)), 1), _MOST_CENTROIDS)


def learning(rows: FloatArray, n_most: int, *, seed: int = 0) -> Generator[None, None, FloatArray]:
    """Take rows that no earlier one is like, then the means of the rows nearest to each.

    Taking leaders first gives a direction of its own to what is rare, which is what questions ask for; means alone
    would follow what is common.

    Args:
        rows: Shape (n_rows, dim), a sample of the index, rows of unit length, at least one.
        n_most: Most centroids to learn.
        seed: Of the order in which rows come.

    Yields:
        Nothing, every few hundredths of a second, so that others get in between.

    Returns:
        Shape (n_centroids, dim), rows of unit length; fewer than `n_most` where rows are alike.
    """
    blocks = _blocks(np.random.default_rng(seed).permutation(rows))
    leaders = rows[:0]
    for block in blocks:
        leaders = np.concatenate([leaders, _unlike(block, leaders)])[:n_most]
        yield
        if len(leaders) == n_most:
            break
    sums = leaders.copy()  # so that none is empty
    for block in blocks:
        np.add.at(sums, assign(block, leaders), block)
        yield
    return normalise_rows(sums)


def _blocks(rows: FloatArray) -> list[FloatArray]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]


def _unlike(rows: FloatArray, leaders: FloatArray) -> FloatArray:
    """Leave out rows that are like a leader, or like a row before them."""
    if len(leaders):
        rows = rows[(rows @ leaders.T).max(axis=1) < _LEADER_COSINE]
    return rows[~(np.tril(rows @ rows.T, -1) >= _LEADER_COSINE).any(axis=1)]


def assign(rows: FloatArray, centroids: FloatArray) -> Codes:
    """Name the nearest centroid of each row: shape (n_rows,)."""
    nearest = [(block @ centroids.T).argmax(axis=1).astype(np.uint16) for block in _blocks(rows)]
    return np.concatenate(nearest) if nearest else np.empty(0, dtype=np.uint16)
