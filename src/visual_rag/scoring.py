"""MaxSim, pooling and normalisation in plain numpy: no I/O, and the oracle of every test.

>>> query = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
>>> round(maxsim(query, np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)), 6)
1.8
"""

import numpy as np

from visual_rag.errors import DimensionMismatch, InvalidInput, MissingDependency, UnhealthyEmbedding
from visual_rag.records import FloatArray, IntArray

_SMALLEST_LENGTH = 1e-6
_UNIT_TOLERANCE = 1e-3


def normalise_rows(vectors: FloatArray) -> FloatArray:
    """Scale each row to length 1.

    Args:
        vectors: Shape (n_vectors, dim).

    Returns:
        Shape (n_vectors, dim), float32.

    Raises:
        UnhealthyEmbedding: A row is zero or not finite.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < _SMALLEST_LENGTH).any():
        raise UnhealthyEmbedding("a row of the multi-vector is zero or not finite; the model or its dtype is at fault")
    return np.asarray(vectors / lengths, dtype=np.float32)


def check_page_vectors(vectors: FloatArray, dim: int) -> None:
    """Refuse what no store may see: wrong shape, no rows, NaN, zero rows, rows that are not of unit length.

    Raises:
        UnhealthyEmbedding: With the first fault found and its row.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise UnhealthyEmbedding(f"page vectors have shape {vectors.shape}, expected (n_vectors, {dim})")
    if not len(vectors):
        raise UnhealthyEmbedding("a page has no vectors; keep at least one row for a blank page")
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
    wrong = ~(np.abs(lengths - 1) < _UNIT_TOLERANCE)  # true for NaN too
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise UnhealthyEmbedding(f"row {row} of {len(vectors)} has length {lengths[row]:.4g}, expected 1")


def maxsim(query: FloatArray, page: FloatArray) -> float:
    """Score one page against one query by late interaction (MaxSim).

    Each query vector keeps its best dot product over the page's vectors; the score is their sum.

    Args:
        query: Shape (n_query_vectors, dim), float32; a row's length is its weight.
        page: Shape (n_page_vectors, dim), float32, rows of length 1, no padding rows.

    Returns:
        Score in [-w, w] where w is the sum of the query rows' lengths; higher is more relevant. Comparable between
        pages of one query, not between queries.

    Raises:
        DimensionMismatch: The two `dim` differ.
        InvalidInput: Either side has no vectors.

    Source: Khattab and Zaharia, ColBERT, SIGIR 2020, arXiv:2004.12832.

    Example:
        >>> query = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
        >>> round(maxsim(query, np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)), 6)
        1.8
    """
    if query.ndim != 2 or page.ndim != 2 or query.shape[1] != page.shape[1]:
        raise DimensionMismatch(f"query has shape {query.shape}, page {page.shape}; their last sizes must agree")
    if not len(query) or not len(page):
        raise InvalidInput("MaxSim needs at least one vector on each side")
    return float((query @ page.T).max(axis=1).sum())


def similarity_of(query: FloatArray, score: float) -> float:
    """Turn a MaxSim score into the mean match per query vector, clipped to [0, 1].

    Example:
        >>> similarity_of(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32), 1.8)
        0.9
    """
    weight = float(np.linalg.norm(query, axis=1).sum())
    return min(1.0, max(0.0, score / weight)) if weight > 0 else 0.0


def pool_runs(vectors: FloatArray, n_pooled: int) -> FloatArray:
    """Pool neighbouring rows: cut the rows into `n_pooled` runs of equal length and keep each run's mean direction.

    For patch grids in reading order a run is a piece of a line of patches.

    Args:
        vectors: Shape (n_vectors, dim), rows of length 1.
        n_pooled: Rows wanted, at least 1.

    Returns:
        Shape (min(n_vectors, n_pooled), dim), rows of length 1.

    Source: row pooling as in Qdrant's "PDF retrieval at scale" tutorial.
    """
    if len(vectors) <= n_pooled:
        return vectors
    starts = np.linspace(0, len(vectors), n_pooled, endpoint=False).astype(int)
    sums = np.add.reduceat(vectors, starts, axis=0)
    return _directions(sums, vectors)


def pool_clusters(vectors: FloatArray, n_pooled: int, n_rounds: int = 6) -> FloatArray:
    """Pool rows that point the same way: spherical k-means, started evenly over the rows, so always the same.

    Args:
        vectors: Shape (n_vectors, dim), rows of length 1.
        n_pooled: Rows wanted, at least 1.
        n_rounds: Rounds of assigning and averaging.

    Returns:
        Shape (min(n_vectors, n_pooled), dim), rows of length 1.

    Source: Dhillon and Modha, Concept decompositions for large sparse text data using clustering, 2001.
    """
    if len(vectors) <= n_pooled:
        return vectors
    centres: FloatArray = vectors[np.linspace(0, len(vectors) - 1, n_pooled).astype(int)]
    for _ in range(n_rounds):
        nearest = (vectors @ centres.T).argmax(axis=1)
        members = (nearest == np.arange(n_pooled)[:, None]).astype(np.float32)
        centres = _directions(members @ vectors, centres)
    return centres


def pool_groups(vectors: FloatArray, labels: IntArray) -> FloatArray:
    """Pool rows of equal label to their mean direction.

    Args:
        vectors: Shape (n_vectors, dim), rows of length 1.
        labels: Shape (n_vectors,), from 0 to the number of groups less one; no group is empty.

    Returns:
        Shape (n_groups, dim), rows of length 1, in the order of the labels.
    """
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    return _directions(np.add.reduceat(vectors[order], starts, axis=0), vectors[order[starts]])


def ward_labels(vectors: FloatArray, factor: int) -> IntArray:
    """Group rows that are alike into at most one group for `factor` rows, by Ward's hierarchical clustering.

    Args:
        vectors: Shape (n_vectors, dim), rows of length 1.
        factor: Rows a group, on average; at least 1.

    Returns:
        Shape (n_vectors,), labels for `pool_groups`.

    Raises:
        MissingDependency: scipy is not installed.

    Source: token pooling of Clavié, Chaffin and Adams, arXiv:2409.14683; distances between rows of the similarity
        matrix, as colpali-engine's HierarchicalTokenPooler has them.
    """
    if len(vectors) == 1:
        return np.zeros(1, dtype=np.int64)
    try:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import pdist
    except ImportError as error:
        raise MissingDependency("Ward pooling needs scipy; pip install 'visual-rag[colpali]'") from error
    tree = linkage(pdist(1 - vectors @ vectors.T), method="ward")
    labels = fcluster(tree, t=max(len(vectors) // factor, 1), criterion="maxclust")
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _directions(sums: FloatArray, fallback: FloatArray) -> FloatArray:
    """Normalise sums; where rows cancelled out, keep the fallback's row instead."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    empty = lengths[:, 0] < _SMALLEST_LENGTH
    directions = sums / np.maximum(lengths, _SMALLEST_LENGTH)
    directions[empty] = fallback[: len(sums)][empty]
    return np.asarray(directions, dtype=np.float32)
