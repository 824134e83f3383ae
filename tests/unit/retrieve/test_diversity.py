"""Maximal marginal relevance."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.retrieve.diversity import diversified
from visual_rag.scoring import normalise_rows


def _pages(rng: np.random.Generator, n_pages: int) -> list:
    return [normalise_rows(rng.standard_normal((int(rng.integers(1, 40)), 16))) for _ in range(n_pages)]


@given(st.integers(0, 8), st.floats(0, 1), st.integers(0, 100))
def test_every_page_comes_once(n_pages: Any, diversity: Any, seed: Any) -> None:
    """It is an order of all pages, led by the most relevant."""
    rng = np.random.default_rng(seed)
    relevance = rng.random(n_pages).tolist()
    order = diversified(relevance, _pages(rng, n_pages), diversity)
    assert sorted(order) == list(range(n_pages))
    if n_pages and diversity < 1:
        assert relevance[order[0]] == max(relevance)


def test_without_diversity_relevance_decides() -> None:
    """0 changes nothing."""
    rng = np.random.default_rng(0)
    assert diversified([0.1, 0.9, 0.5], _pages(rng, 3), 0.0) == [1, 2, 0]


def test_a_copy_waits_until_something_else_was_shown() -> None:
    """Of three pages of which two are alike, the unlike one comes second, though it is less relevant."""
    rng = np.random.default_rng(0)
    page, other = _pages(rng, 2)
    assert diversified([0.9, 0.89, 0.5], [page, page, other], 0.6) == [0, 2, 1]
