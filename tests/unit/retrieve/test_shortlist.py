"""Shortlists from row lists."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.records import RowMatches
from visual_rag.retrieve.shortlist import best_pages, maxsim_scores
from visual_rag.scoring import maxsim, normalise_rows


def _matches(query: np.ndarray, pages: list[np.ndarray], share: float, seed: int) -> RowMatches:
    """The nearest rows of all pages to each row of the query, a share of them."""
    rows = np.concatenate(pages)
    page = np.repeat(np.arange(len(pages)), [len(some) for some in pages])
    cosine = normalise_rows(query) @ rows.T
    n_read = max(1, round(share * len(rows)))
    nearest = np.argsort(-cosine, axis=1)[:, :n_read]
    shuffled = np.random.default_rng(seed).permutation(nearest.size)  # no order is promised
    query_row = np.repeat(np.arange(len(query)), n_read)[shuffled]
    chosen = nearest.ravel()[shuffled]
    return RowMatches(
        page_ids=[f"p{number}" for number in range(len(pages))],
        lengths=np.array([len(some) for some in pages]),
        page=page[chosen],
        query_row=query_row,
        cosine=cosine[query_row, chosen].astype(np.float32),
    )


def _drawn(seed: int, n_pages: int = 12) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    pages = [normalise_rows(rng.standard_normal((int(rng.integers(1, 9)), 16))) for _ in range(n_pages)]
    return rng.standard_normal((5, 16)).astype(np.float32), pages


@given(st.integers(0, 200))
def test_with_every_row_read_the_estimate_is_maxsim(seed: Any) -> None:
    """Weights of the query's rows included."""
    query, pages = _drawn(seed)
    found = maxsim_scores(_matches(query, pages, 1.0, seed), query)
    assert found == pytest.approx([maxsim(query, page) for page in pages], abs=1e-4)


@given(st.integers(0, 200), st.floats(0.05, 0.9))
def test_what_was_not_read_counts_as_the_mean_of_what_was(seed: Any, share: Any) -> None:
    """A page of which nothing was read scores the sum of the means."""
    query, pages = _drawn(seed)
    matches = _matches(query, pages, share, seed)
    scores = maxsim_scores(matches, query)
    unread = set(range(len(pages))) - set(matches.page.tolist())
    means = [matches.cosine[matches.query_row == row].mean() for row in range(len(query))]
    for page in unread:
        assert scores[page] == pytest.approx(np.linalg.norm(query, axis=1) @ means, abs=1e-4)


def test_the_best_pages_are_as_many_as_asked_for() -> None:
    """Or all there are."""
    query, pages = _drawn(0)
    matches = _matches(query, pages, 1.0, 0)
    scores = np.arange(12, dtype=np.float32)
    assert set(best_pages(matches, scores, 3)) == {"p11", "p10", "p9"}
    assert set(best_pages(matches, scores, 99)) == set(matches.page_ids)
    scores[:10] = -np.inf
    assert best_pages(matches, scores, 99) == ["p11", "p10"]
