"""How likeness to several examples becomes one score."""

from typing import Any

import numpy as np
import pytest

from visual_rag.retrieve.recommend_scores import recommend_scores, similarity_rows

_POSITIVE = np.array([[0.9, 0.2, 0.5], [0.1, 0.2, 0.6]], dtype=np.float32)
_NEGATIVE = np.array([[0.3, 0.1, 0.55]], dtype=np.float32)
_NONE = np.zeros((0, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("strategy", "scores"),
    [
        ("average", [2 * 0.5 - 0.3, 2 * 0.2 - 0.1, 2 * 0.55 - 0.55]),
        ("sum_scores", [1.0 - 0.3, 0.4 - 0.1, 1.1 - 0.55]),
        ("best_score", [0.9, 0.2, 0.6]),
    ],
)
def test_strategies(strategy: Any, scores: Any) -> None:
    """Worked out by hand."""
    assert recommend_scores(_POSITIVE, _NEGATIVE, strategy) == pytest.approx(scores)


def test_best_score_puts_pages_nearer_to_a_negative_last() -> None:
    """The nearer the lower, below every page that is nearer to a positive."""
    scores = recommend_scores(np.array([[0.1, 0.2, 0.3]]), np.array([[0.9, 0.5, 0.0]]), "best_score")
    assert np.argsort(-scores).tolist() == [2, 1, 0]


def test_without_negatives_the_average_is_the_mean() -> None:
    """Nothing is moved away from."""
    assert recommend_scores(_POSITIVE, _NONE, "average") == pytest.approx([0.5, 0.2, 0.55])


def test_only_negatives_rank_by_unlikeness() -> None:
    """For the strategies that can."""
    for strategy in ("best_score", "sum_scores"):
        assert np.argsort(-recommend_scores(_NONE, _NEGATIVE, strategy)).tolist() == [1, 0, 2]


def test_a_page_that_an_example_did_not_meet_has_no_likeness() -> None:
    """Zero, in its place."""
    assert similarity_rows([{"a": 0.5}, {"b": 0.25}], ["a", "b"]).tolist() == [[0.5, 0.0], [0.0, 0.25]]
