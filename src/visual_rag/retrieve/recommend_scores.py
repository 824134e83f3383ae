"""More like these, less like those: pages ranked by how much they look like examples.

Each example is scored against a page on its own, as its similarity in [0, 1], so that a page of 700 vectors and a
question of 5 count the same. How the similarities become one score is the strategy.
"""

from collections.abc import Sequence

import numpy as np

from visual_rag.records import FloatArray, RecommendStrategy


def recommend_scores(positive: FloatArray, negative: FloatArray, strategy: RecommendStrategy) -> FloatArray:
    """Score pages by their likeness to examples.

    Args:
        positive: Shape (n_positive, n_pages), similarities in [0, 1].
        negative: Shape (n_negative, n_pages), likewise.
        strategy: `average`: as one query would that is the mean of the positives, moved away from that of the
            negatives; MaxSim is linear in the query, so this is the mean of the scores. `best_score`: the best
            positive counts, unless a negative is closer: then the page ranks below all others, the closer the lower.
            `sum_scores`: positives are added and negatives subtracted.

    Returns:
        Shape (n_pages,), higher is better.

    Source: Qdrant's recommendation strategies, of which `average` is 2 * mean(positive) - mean(negative).
    """
    n_pages = positive.shape[1]
    if strategy == "sum_scores":
        return np.asarray(positive.sum(axis=0) - negative.sum(axis=0), dtype=np.float32)
    if strategy == "average":
        liked = positive.mean(axis=0)
        scores = 2 * liked - negative.mean(axis=0) if len(negative) else liked
        return np.asarray(scores, dtype=np.float32)
    best = positive.max(axis=0) if len(positive) else np.full(n_pages, -np.inf, dtype=np.float32)
    worst = negative.max(axis=0) if len(negative) else np.full(n_pages, -np.inf, dtype=np.float32)
    return np.asarray(np.where(best > worst, best, -worst), dtype=np.float32)


def similarity_rows(columns: Sequence[dict[str, float]], page_ids: Sequence[str]) -> FloatArray:
    """Lay out similarities: shape (n_examples, n_pages); 0 for a page that an example did not meet."""
    rows = np.zeros((len(columns), len(page_ids)), dtype=np.float32)
    for row, found in enumerate(columns):
        rows[row] = [found.get(page_id, 0.0) for page_id in page_ids]
    return rows
