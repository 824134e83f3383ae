"""More like these, less like those: embeds the examples, finds pages and ranks them by `recommend_scores`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from visual_rag.errors import InvalidInput
from visual_rag.records import Examples, PageRecord, QueryEmbedding
from visual_rag.retrieve.levels import laddered, level_sizes
from visual_rag.retrieve.queries import QueryEmbedder, as_query, joined, page_id_of
from visual_rag.retrieve.recommend_scores import recommend_scores, similarity_rows
from visual_rag.retrieve.trace import Trace
from visual_rag.retrieve.visual import Candidate, VisualScorer, in_order, tuning_of
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import Filter
from visual_rag.store.protocol import PageStore, QueryPlan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedExamples:
    """Examples, ready to be compared with.

    Attributes:
        examples: As they were given.
        positive: One multi-vector each.
        negative: Likewise.
        page_ids: Of the pages among them.
    """

    examples: Examples
    positive: list[QueryEmbedding]
    negative: list[QueryEmbedding]
    page_ids: tuple[str, ...]

    @property
    def question(self) -> QueryEmbedding:
        """What hits are explained by: the positives as one, or where there are none, the negatives."""
        return joined(self.positive or self.negative)


class Recommender:
    """Ranks the pages of one index by examples."""

    def __init__(self, store: PageStore, visual: VisualScorer, queries: QueryEmbedder) -> None:
        self._store = store
        self._visual = visual
        self._queries = queries

    def embed(self, examples: Examples, trace: Trace) -> EmbeddedExamples:
        """Embed all examples together.

        Raises:
            InvalidInput: There are none, or none that the strategy can start from, or one cannot be looked for.
        """
        if examples.strategy not in {"average", "best_score", "sum_scores"}:
            raise InvalidInput(f"no strategy is called {examples.strategy!r}; take average, best_score or sum_scores")
        for some in (examples.positive, examples.negative):
            if isinstance(some, str):
                raise InvalidInput(f"the examples are the text {some!r}; give a list of examples")
        if not examples.positive and (examples.strategy == "average" or not examples.negative):
            raise InvalidInput(f"recommending by {examples.strategy} needs a positive example; name a page or say it")
        asked = [as_query(example) for example in (*examples.positive, *examples.negative)]
        with trace.step("embed", f"{len(asked)} examples"):
            found = self._queries.embed(asked)
        n_positive = len(examples.positive)
        page_ids = tuple(page_id for query in asked if (page_id := page_id_of(query)) is not None)
        return EmbeddedExamples(
            examples=examples, positive=found[:n_positive], negative=found[n_positive:], page_ids=page_ids
        )

    def ranked(
        self, embedded: EmbeddedExamples, condition: Filter | None, settings: SearchSettings, trace: Trace
    ) -> Iterator[Candidate]:
        """Give pages best first; those below `min_similarity` to the positives are left out.

        Compared are the pages that are on the shortlist of a positive example, level after level; all pages where the
        index is small, or there are only negatives.
        """
        n_pages = self._store.count(condition)
        is_exact = settings.is_exact(n_pages) or not embedded.positive
        sizes = ([n_pages] if n_pages else []) if is_exact else level_sizes(n_pages, settings)

        def rank(size: int) -> list[Candidate]:
            shortlist = size if size < n_pages else None
            with trace.step("score examples", "every page" if shortlist is None else f"shortlists of {size:,} pages"):
                return self._scored(embedded, self._candidates(embedded, condition, shortlist, settings))

        return laddered(sizes, rank, min_similarity=settings.min_similarity)

    def _candidates(
        self, embedded: EmbeddedExamples, condition: Filter | None, shortlist: int | None, settings: SearchSettings
    ) -> list[PageRecord]:
        if shortlist is None:
            return list(self._store.scroll(condition))
        plans = [
            QueryPlan(
                vectors=query.vectors,
                is_seen=query.is_seen,
                limit=shortlist,
                shortlist=shortlist,
                filter=condition,
                tuning=tuning_of(settings),
            )
            for query in embedded.positive
        ]
        found = {row.page.page_id: row.page for rows in self._visual.best(plans) for row in rows}
        return list(found.values())

    def _scored(self, embedded: EmbeddedExamples, pages: Sequence[PageRecord]) -> list[Candidate]:
        """All examples have their say on all candidates."""
        queries = [*embedded.positive, *embedded.negative]
        plans = [QueryPlan(vectors=query.vectors, is_seen=query.is_seen, limit=len(pages)) for query in queries]
        columns = [{row.page.page_id: row.similarity for row in self._visual.score(plan, pages)} for plan in plans]
        similarities = similarity_rows(columns, [page.page_id for page in pages])
        n_positive = len(embedded.positive)
        liked, disliked = similarities[:n_positive], similarities[n_positive:]
        scores = recommend_scores(liked, disliked, embedded.examples.strategy)
        means = liked.mean(axis=0) if n_positive else np.zeros(len(pages))
        rows = [
            Candidate(page=page, score=float(score), similarity=float(mean))
            for page, score, mean in zip(pages, scores, means, strict=True)
            if mean > 0 or not n_positive  # a page that no positive example hears is not like them
        ]
        return sorted(rows, key=in_order)
