"""One ranking of an index for one question, by one channel or both, the same however it is paged through."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from visual_rag.records import PageRecord, QueryEmbedding
from visual_rag.retrieve.boosts import boost_factor
from visual_rag.retrieve.code_rescue import codes_first, pages_with_codes
from visual_rag.retrieve.diversity import diversified
from visual_rag.retrieve.levels import laddered, level_sizes
from visual_rag.retrieve.text_channel import BM25, TextChannel
from visual_rag.retrieve.trace import Trace
from visual_rag.retrieve.visual import Candidate, VisualScorer, in_order, tuning_of
from visual_rag.settings import Boost, SearchSettings
from visual_rag.store.filters import Filter
from visual_rag.store.protocol import PageStore, QueryPlan

_MOST_DIVERSIFIED = 100
_NO_VECTORS = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankingRequest:
    """What is looked for, where and how.

    Attributes:
        embedding: What the visual channel looks for; None where only the text channel is asked.
        text: What the text channel looks for; "" where only the visual one is asked.
        condition: Only pages that meet it are looked at.
        settings: How.
    """

    embedding: QueryEmbedding | None
    text: str
    condition: Filter | None
    settings: SearchSettings

    @property
    def is_plain(self) -> bool:
        """Whether the order of the visual channel is the last word, so that no more pages than wanted are needed."""
        return not (self.text or self.settings.boosts or self.settings.diversity)


class Ranker:
    """Ranks the pages of an index by one channel or both."""

    def __init__(self, store: PageStore, visual: VisualScorer) -> None:
        self._store = store
        self._visual = visual
        self._text = TextChannel(store, visual)

    def scored_by(self, request: RankingRequest) -> str:
        """Name of the scoring that orders the hits."""
        if request.embedding is None:
            return BM25
        name = self._visual.scored_by
        return f"{request.settings.fusion}({name}, {BM25})" if request.text else name

    def ranked(
        self, request: RankingRequest, n_wanted: int, trace: Trace, *, first: Sequence[Candidate] | None = None
    ) -> Iterator[Candidate]:
        """Give pages best first; those below `min_similarity` are left out.

        Args:
            request: What is looked for.
            n_wanted: How many the caller will take at most.
            trace: Notes what is done.
            first: What the visual channel gives for the first level, where it was asked already.
        """
        n_pages = self._store.count(request.condition)
        sizes = self._sizes(request, n_pages)

        def rank(size: int) -> Sequence[Candidate]:
            known = first if size == sizes[0] else None
            is_diverse = size == sizes[0] and bool(request.settings.diversity)
            coded = self._coded(request, trace)
            rows = self._level(request, self._plan(request, n_pages, size, n_wanted), coded, trace, known)
            rows = self._diversified(rows, request.settings, trace) if is_diverse else rows
            return codes_first(rows, request.text, coded)

        return laddered(sizes, rank, min_similarity=request.settings.min_similarity)

    def first_plan(self, request: RankingRequest, n_wanted: int) -> QueryPlan | None:
        """What the visual channel is asked first; None where there are no pages, or it is not asked."""
        n_pages = self._store.count(request.condition)
        sizes = self._sizes(request, n_pages)
        if not sizes or request.embedding is None:
            return None
        return self._plan(request, n_pages, sizes[0], n_wanted)

    def _sizes(self, request: RankingRequest, n_pages: int) -> list[int]:
        if n_pages and request.settings.is_exact(n_pages):
            return [n_pages]
        return level_sizes(n_pages, request.settings)

    def _plan(self, request: RankingRequest, n_pages: int, size: int, n_wanted: int) -> QueryPlan:
        """Plan one level; without an embedding, only limit and filter mean something."""
        settings, embedding = request.settings, request.embedding
        is_cut_by_score = not settings.min_similarity or self._visual.is_monotone
        return QueryPlan(
            vectors=_NO_VECTORS if embedding is None else embedding.vectors,
            limit=min(size, n_wanted) if request.is_plain and is_cut_by_score else size,
            shortlist=None if settings.is_exact(n_pages) or size >= n_pages else size,
            filter=request.condition,
            tuning=tuning_of(settings),
            is_seen=None if embedding is None else embedding.is_seen,
        )

    def _coded(self, request: RankingRequest, trace: Trace) -> dict[str, PageRecord]:
        if not request.text or not request.settings.rescue_codes:
            return {}
        return pages_with_codes(self._store, request.text, request.condition, trace)

    def _level(
        self,
        request: RankingRequest,
        plan: QueryPlan,
        coded: Mapping[str, PageRecord],
        trace: Trace,
        known: Sequence[Candidate] | None,
    ) -> Sequence[Candidate]:
        rows: Sequence[Candidate] = known or ()
        if known is None and request.embedding is not None:
            extent = "every page" if plan.shortlist is None else f"a shortlist of {plan.shortlist:,} pages"
            with trace.step(f"score by {self._visual.scored_by}", extent):
                rows = self._visual.best([plan])[0]
        if request.embedding is None:
            rows = self._text.ranked(request.text, plan, coded, trace)
        elif request.text:
            rows = self._text.fused((request.text, request.settings), rows, plan, coded, trace)
        return _boosted(rows, request.settings.boosts)

    def _diversified(self, rows: Sequence[Candidate], settings: SearchSettings, trace: Trace) -> list[Candidate]:
        """Order the best pages anew by relevance and unlikeness; pages that will be left out have no say."""
        kept = [row for row in rows if row.similarity >= settings.min_similarity]
        head, tail = kept[:_MOST_DIVERSIFIED], kept[_MOST_DIVERSIFIED:]
        with trace.step("diversify", f"the best {len(head):,} pages"):
            embeddings = self._store.embeddings([row.page for row in head])
            vectors = [found.vectors for found in embeddings]
            order = diversified([row.score for row in head], vectors, settings.diversity)
        return [*(head[position] for position in order), *tail]


def _boosted(rows: Sequence[Candidate], boosts: Sequence[Boost]) -> Sequence[Candidate]:
    if not boosts:
        return rows
    now = datetime.now(UTC)
    raised = [replace(row, score=max(0.0, row.score) * boost_factor(row.page, boosts, now)) for row in rows]
    return sorted(raised, key=in_order)
