"""The shortlist by the index's row lists: which pages have rows near those of the question.

    plan = Shortlister(store, embedder).narrowed(plan)  # now of some pages, each scored exactly

Only rows near a row of the question are read, so a page is known by some of its rows; what it was not seen to have is
taken for as good as the rows that were read are on average.
"""

from dataclasses import replace

import numpy as np

from visual_rag.embed.protocol import MatchScorer, PageEmbedder
from visual_rag.records import FloatArray, QueryEmbedding, RowMatches
from visual_rag.store.filters import In, all_of
from visual_rag.store.protocol import PageStore, QueryPlan, RowMatcher
from visual_rag.store.schema import PAGE_ID, PAGE_INDEX

_ROWS_READ = 100_000  # 20 ms; more found no better pages among 10,000 (benchmarks/shortlist.py)
_MOST_PASSING = 20_000  # whose ids are read, 0.1 s; a filter that lets more through goes to the engine's own shortlist


class Shortlister:
    """Makes shortlists by row lists, where the store has them."""

    def __init__(self, store: PageStore, embedder: PageEmbedder) -> None:
        self._store = store
        self._scorer = embedder if isinstance(embedder, MatchScorer) else None

    def narrowed(self, plan: QueryPlan) -> QueryPlan:
        """Put the shortlist into the plan's filter; the plan as it is where it has none, or the store no lists."""
        if plan.shortlist is None or not isinstance(self._store, RowMatcher):
            return plan
        matches = self._store.row_matches(plan.vectors, n_rows=_ROWS_READ)
        if matches is None:
            return plan
        scores = self._scores(matches, plan)
        if plan.filter is not None:
            n_passing = self._store.count(plan.filter)
            if n_passing > _MOST_PASSING:
                return plan
            passing = {page_id for page_id, _ in self._store.values(PAGE_INDEX, plan.filter)}
            scores = np.where([page_id in passing for page_id in matches.page_ids], scores, -np.inf)
        page_ids = best_pages(matches, scores, plan.shortlist)
        unlisted = tuple(matches.unlisted)
        if unlisted:
            fresh = self._store.query(
                replace(plan, limit=plan.shortlist, filter=all_of(plan.filter, In(PAGE_ID, unlisted)))
            )
            page_ids += [row.page.page_id for row in fresh]
        return replace(plan, shortlist=None, filter=all_of(plan.filter, In(PAGE_ID, tuple(page_ids))))

    def _scores(self, matches: RowMatches, plan: QueryPlan) -> FloatArray:
        if self._scorer is None:
            return maxsim_scores(matches, plan.vectors)
        return self._scorer.score_matches(query_of(plan), matches)


def query_of(plan: QueryPlan) -> QueryEmbedding:
    """The plan's query, for a model's own scoring; what its rows stand for is known no more."""
    return QueryEmbedding(vectors=plan.vectors, tokens=("",) * len(plan.vectors), is_seen=plan.is_seen)


def maxsim_scores(matches: RowMatches, query: FloatArray) -> FloatArray:
    """Estimate MaxSim of every listed page.

    Args:
        matches: Of the query's rows.
        query: Shape (n_query_vectors, dim); a row's length is its weight.

    Returns:
        Shape (n_pages,), in the order of `matches.page_ids`.

    Source: the estimate of what was not read, as in WARP, arXiv:2501.17788; there it is a bound, here the mean, which
        measured better (benchmarks/shortlist.py).
    """
    n_rows, n_pages = len(query), len(matches.page_ids)
    n_read = np.bincount(matches.query_row, minlength=n_rows)
    mean = np.bincount(matches.query_row, weights=matches.cosine, minlength=n_rows) / np.maximum(n_read, 1)
    best = np.repeat(mean.astype(np.float32)[:, None], n_pages, axis=1)  # (n_query_vectors, n_pages)
    ascending = np.argsort(matches.cosine, kind="stable")  # the last one written is the best
    seen = np.full_like(best, -np.inf)
    seen[matches.query_row[ascending], matches.page[ascending]] = matches.cosine[ascending]
    best = np.where(np.isneginf(seen), best, seen)
    return np.asarray(np.linalg.norm(query, axis=1) @ best, dtype=np.float32)


def best_pages(matches: RowMatches, scores: FloatArray, size: int) -> list[str]:
    """Ids of the `size` listed pages of the highest scores, best first; those of minus infinity are left out."""
    order = np.argsort(-scores, kind="stable")[:size]
    return [matches.page_ids[position] for position in order if scores[position] > -np.inf]
