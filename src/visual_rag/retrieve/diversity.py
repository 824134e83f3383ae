"""Maximal marginal relevance: after each page the next is the one that is relevant and unlike those before it."""

from collections.abc import Sequence

import numpy as np

from visual_rag.records import FloatArray
from visual_rag.scoring import pool_runs

_N_ROWS = 16


def diversified(relevance: Sequence[float], pages: Sequence[FloatArray], diversity: float) -> list[int]:
    """Order pages by relevance and by how unlike they are to those before.

    Args:
        relevance: Scores, higher is better, any scale.
        pages: Multi-vectors, each (n_vectors, dim), rows of length 1.
        diversity: 0 goes by relevance alone, 1 by unlikeness alone.

    Returns:
        All positions, best first; equal ones in the order given.

    Source: Carbonell and Goldstein, The use of MMR, SIGIR 1998. Pages are compared by the mean best match between 16
        pooled rows of each, both ways.
    """
    relevant = _spread(np.asarray(relevance, dtype=np.float32))
    alike = _spread(_likeness([pool_runs(page, _N_ROWS) for page in pages]))  # (n_pages, n_pages)
    closest = np.zeros(len(pages), dtype=np.float32)
    left, order = list(range(len(pages))), []
    while left:
        value = (1 - diversity) * relevant[left] - diversity * closest[left]
        chosen = left.pop(int(value.argmax()))
        order.append(chosen)
        closest = np.maximum(closest, alike[chosen])
    return order


def _likeness(pages: Sequence[FloatArray]) -> FloatArray:
    likeness = np.ones((len(pages), len(pages)), dtype=np.float32)
    for row, ours in enumerate(pages):
        for column in range(row):
            products = ours @ pages[column].T
            mean = (products.max(axis=1).mean() + products.max(axis=0).mean()) / 2
            likeness[row, column] = likeness[column, row] = mean
    return likeness


def _spread(values: FloatArray) -> FloatArray:
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    return np.asarray((values - low) / (high - low), dtype=np.float32) if high > low else np.zeros_like(values)
