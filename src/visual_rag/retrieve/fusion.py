"""One ranking from two: by rank, or by scores brought to one scale. Pure functions of scores by page id.

>>> fuse({"a": 9.0, "b": 8.0}, {"b": 3.0, "c": 1.0}, "rrf", second_weight=0.5)["b"] > 1 / 62
True
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from visual_rag.settings import Fusion

_RRF_K = 60
_SIGMAS = 3.0
Scores = Mapping[str, float]


def fuse(
    first: Scores, second: Scores, fusion: Fusion, *, second_weight: float, unread: Collection[str] = ()
) -> dict[str, float]:
    """Fuse two rankings.

    Args:
        first: Scores by page id, higher is better; the scales may differ.
        second: Likewise.
        fusion: `rrf` goes by rank alone; `dbsf` and `minmax` by scores.
        second_weight: Share of the second, in [0, 1]; the first has the rest.
        unread: Pages that the second cannot know, such as scans for a text channel, and would all rank last. They get
            from it as much, for what they are worth in the first, as the pages that are in both do on average.

    Returns:
        Fused scores of all pages of either; a page that one of them knows and lacks gets nothing from it.

    All lie in [0, 1]; reciprocal ranks are scaled so that the first place of both rankings is worth 1.

    Source: Cormack, Clarke and Buettcher, Reciprocal Rank Fusion, SIGIR 2009 (k = 60); Mazzeschi, Distribution-Based
        Score Fusion, 2023 (three standard deviations around the mean); Bruch et al., arXiv:2210.11934 (min-max).
    """
    seen, read = _SCALES[fusion](first), _SCALES[fusion](second)
    in_both = seen.keys() & read.keys()
    worth = sum(seen[page_id] for page_id in in_both)
    rate = min(1.0, sum(read[page_id] for page_id in in_both) / worth) if worth else 0.0
    guessed = {page_id: rate * seen[page_id] for page_id in seen if page_id in unread}
    fused = {page_id: (1 - second_weight) * score for page_id, score in seen.items()}
    for page_id, score in (*read.items(), *guessed.items()):
        fused[page_id] = fused.get(page_id, 0.0) + second_weight * score
    return fused


def _by_rank(scores: Scores) -> dict[str, float]:
    ordered = sorted(scores, key=lambda page_id: (-scores[page_id], page_id))
    return {page_id: (_RRF_K + 1) / (_RRF_K + rank) for rank, page_id in enumerate(ordered, start=1)}


def _by_deviation(scores: Scores) -> dict[str, float]:
    values = np.fromiter(scores.values(), dtype=np.float64)
    if not len(values):
        return {}
    reach = _SIGMAS * float(values.std())
    return _spread(scores, float(values.mean()) - reach, float(values.mean()) + reach)


def _by_range(scores: Scores) -> dict[str, float]:
    """From nothing at all, which is 0 for BM25, to the best; the least that was found is more than nothing."""
    return _spread(scores, min(0.0, *scores.values()) if scores else 0.0, max(scores.values(), default=0.0))


def _spread(scores: Scores, low: float, high: float) -> dict[str, float]:
    """Map [low, high] to [0, 1]; scores that do not differ are all worth a half."""
    if high <= low:
        return dict.fromkeys(scores, 0.5)
    return {page_id: min(1.0, max(0.0, (score - low) / (high - low))) for page_id, score in scores.items()}


_SCALES: dict[Fusion, Callable[[Scores], dict[str, float]]] = {
    "rrf": _by_rank,
    "dbsf": _by_deviation,
    "minmax": _by_range,
}
