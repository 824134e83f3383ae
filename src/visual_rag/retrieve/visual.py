"""How pages are scored by what they show: MaxSim in the store, or the model's own last stage on full vectors.

What it remembers of the index, a sample of its pages, it takes anew once the index has changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from visual_rag.embed.protocol import CorpusSample, LateReranker, PageEmbedder
from visual_rag.records import FloatArray, PageRecord
from visual_rag.retrieve.shortlist import Shortlister, query_of
from visual_rag.scoring import similarity_of
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import In
from visual_rag.store.protocol import EngineTuning, PageStore, QueryPlan
from visual_rag.store.schema import PAGE_ID

MAXSIM = "maxsim"
_SAMPLE_PAGES = 400
_PAGES_AT_ONCE = 256  # whose full vectors are in memory together


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A page on its way to become a hit.

    Attributes:
        page: The page.
        score: Higher is better; of the stage it went through last.
        similarity: In [0, 1]; 0 where nothing looked at the page.
    """

    page: PageRecord
    score: float
    similarity: float


class VisualScorer:
    """Scores the pages of one index with the embedder that built it."""

    def __init__(self, store: PageStore, embedder: PageEmbedder) -> None:
        self._store = store
        self._shortlister = Shortlister(store, embedder)
        self._reranker = embedder if isinstance(embedder, LateReranker) else None
        self._sampled: tuple[int, CorpusSample] | None = None  # revision of the store, sample
        self._sampling = Lock()

    @property
    def scored_by(self) -> str:
        """Name of the last stage."""
        return MAXSIM if self._reranker is None else self._reranker.scored_by

    @property
    def is_monotone(self) -> bool:
        """Whether a higher score always means a higher similarity."""
        return self._reranker is None

    def best(self, plans: Sequence[QueryPlan]) -> list[list[Candidate]]:
        """Find the best pages of each plan, best first, equal scores by page id.

        A page that the model's own stage takes for no hit at all is left out.

        Args:
            plans: Their `limit` holds for the last stage, whichever that is. All have the same filter and shortlist.
        """
        if self._reranker is None:
            plans = [self._shortlister.narrowed(plan) for plan in plans]
            found = self._store.query_batch(plans) if len(plans) > 1 else [self._store.query(plan) for plan in plans]
            return [
                [
                    Candidate(page=row.page, score=row.score, similarity=similarity_of(plan.vectors, row.score))
                    for row in rows
                ]
                for plan, rows in zip(plans, found, strict=True)
            ]
        if plans and plans[0].shortlist is None:
            scored = self._reranked(self._reranker, plans, list(self._store.scroll(plans[0].filter)))
        else:
            scored = [self._reranked(self._reranker, [plan], self._shortlisted(plan))[0] for plan in plans]
        return [
            sorted((row for row in rows if row.score > 0), key=in_order)[: plan.limit]
            for plan, rows in zip(plans, scored, strict=True)
        ]

    def score(self, plan: QueryPlan, pages: Sequence[PageRecord]) -> list[Candidate]:
        """Score given pages, in no particular order; one that was removed meanwhile is left out.

        Args:
            plan: Its query's rows; limit, shortlist and filter are not looked at.
            pages: Whatever their number.
        """
        if not pages:
            return []
        page_ids = In(PAGE_ID, tuple(page.page_id for page in pages))
        if self._reranker is not None:
            return self._reranked(self._reranker, [plan], list(self._store.scroll(page_ids)))[0]
        return self.best([replace(plan, limit=len(pages), shortlist=None, filter=page_ids)])[0]

    def _shortlisted(self, plan: QueryPlan) -> list[PageRecord]:
        narrowed = self._shortlister.narrowed(plan)
        if narrowed.shortlist is None:
            return list(self._store.scroll(narrowed.filter))
        return [row.page for row in self._store.query(replace(plan, limit=plan.shortlist or 0))]

    def _reranked(
        self, reranker: LateReranker, plans: Sequence[QueryPlan], pages: Sequence[PageRecord]
    ) -> list[list[Candidate]]:
        """Score pages by the model's own stage, in the same order for every store: sums round by place in a matrix."""
        scored: list[list[Candidate]] = [[] for _ in plans]
        if not pages:
            return scored
        sample = self.sample()
        queries = [query_of(plan) for plan in plans]
        for some, vectors in self._in_parts(sorted(pages, key=lambda page: page.page_id)):
            for row, query in enumerate(queries):
                scores, similarities = reranker.rerank(query, vectors, sample)
                scored[row] += [
                    Candidate(page=page, score=float(score), similarity=float(similarity))
                    for page, score, similarity in zip(some, scores, similarities, strict=True)
                ]
        return scored

    def _in_parts(self, pages: Sequence[PageRecord]) -> Iterator[tuple[Sequence[PageRecord], list[FloatArray]]]:
        for start in range(0, len(pages), _PAGES_AT_ONCE):
            some = pages[start : start + _PAGES_AT_ONCE]
            yield some, self._vectors(some)

    def _vectors(self, pages: Sequence[PageRecord]) -> list[FloatArray]:
        return [embedding.vectors for embedding in self._store.embeddings(pages)]

    def sample(self) -> CorpusSample:
        """The sample, taken at first use; threads that come together wait for one of them to take it."""
        with self._sampling:
            revision = self._store.revision
            if self._sampled is None or self._sampled[0] != revision:
                self._sampled = revision, self._take_sample()
            return self._sampled[1]

    def _take_sample(self) -> CorpusSample:
        """Pages spread evenly over the ids, which are hashes: the same index gives the same sample."""
        pages = sorted(self._store.scroll(), key=lambda page: page.page_id)
        chosen = np.linspace(0, len(pages) - 1, min(len(pages), _SAMPLE_PAGES)).astype(int)
        return CorpusSample(pages=self._vectors([pages[index] for index in chosen]))


def tuning_of(settings: SearchSettings) -> EngineTuning:
    """How the store goes about a search with these settings."""
    return EngineTuning(
        hnsw_ef=settings.hnsw_ef,
        indexed_only=settings.indexed_only,
        rescore=settings.rescore,
        oversampling=settings.oversampling,
    )


def in_order(row: Candidate) -> tuple[float, str]:
    """Sort key: best first, equal scores by page id."""
    return -row.score, row.page.page_id
