"""Searches of one index: embed the question, rank pages, and turn them into hits.

    searcher = PageSearcher(store, embedder, images, SearchSettings())
    hits = searcher.search("wiring diagram of the pump", k=5)

It does not write. Questions, filters and settings may come from several threads at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeVar

from visual_rag.embed.protocol import LateReranker, PageEmbedder
from visual_rag.errors import InvalidInput
from visual_rag.records import (
    Evidence,
    Examples,
    FieldScalar,
    Grouping,
    Hit,
    HitGroup,
    Hits,
    PageEmbedding,
    PageRecord,
    QueryEmbedding,
)
from visual_rag.retrieve.browse import PageBrowser, Where
from visual_rag.retrieve.evidence import find_evidence
from visual_rag.retrieve.filter_fields import payload_path, shown_value
from visual_rag.retrieve.grouping import field_value, group_values
from visual_rag.retrieve.hit_fields import check_named_fields, trimmed
from visual_rag.retrieve.index_audit import AuditSize, audit
from visual_rag.retrieve.queries import QueryEmbedder, QueryLike, as_query, page_id_of, question_text
from visual_rag.retrieve.ranking import Ranker, RankingRequest
from visual_rag.retrieve.recall import RecallReport
from visual_rag.retrieve.recommendation import Recommender
from visual_rag.retrieve.trace import Trace
from visual_rag.retrieve.visual import Candidate, VisualScorer
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import Filter, In, Not, all_of
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID, PAGE_ID

_MAX_TRIES = 5
_MOST = 2**31
T = TypeVar("T")


class PageSearcher(PageBrowser):
    """Searches one index with the embedder that built it.

    Raises:
        InvalidInput: By every method: a question, an example or a number makes no sense.
        InvalidFilter: Likewise: a filter names an unknown field, or compares one with what it does not hold.
        EmbeddingError: Likewise: the model failed.
        StoreError: Likewise: the store failed.
    """

    def __init__(
        self, store: PageStore, embedder: PageEmbedder, images: PageImages, settings: SearchSettings | None = None
    ) -> None:
        super().__init__(store)
        self._images = images
        self.settings = settings or SearchSettings()
        self._reads_words = isinstance(embedder, LateReranker)  # as BM25 does: each finds what the other misses
        self._queries = QueryEmbedder(store, embedder)
        self._visual = VisualScorer(store, embedder)
        self._ranker = Ranker(store, self._visual)
        self._recommender = Recommender(store, self._visual, self._queries)

    def search(
        self,
        query: QueryLike,
        *,
        k: int = 5,
        offset: int = 0,
        where: Where = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """Find the pages that show what is asked for, best first.

        Args:
            query: Plain words, a picture, a page of the index (which is not found itself), or a `Query` of several.
            k: Most hits to return, at least 1.
            offset: Hits to pass over: the same ranking, read further on.
            where: Only pages that meet it are looked at.
            settings: How; None takes the index's.

        Returns:
            Hits, best first; fewer than `k` where there are fewer.
        """
        _check_page(k, offset)
        trace = Trace()
        request = self._requests([query], where, settings, trace)[0]

        def find() -> Hits:
            rows = self._ranker.ranked(request, offset + k, trace)
            return self._hits(list(islice(rows, offset, offset + k)), request, trace, first_rank=offset + 1)

        return self._until_quiet(find)

    def search_batch(
        self,
        queries: Sequence[QueryLike],
        *,
        k: int = 5,
        where: Where = None,
        settings: SearchSettings | None = None,
    ) -> list[Hits]:
        """Search for several questions, in order: the same hits as one by one, with the work shared.

        The steps of each are those of the batch until it was found.
        """
        _check_page(k, 0)
        if isinstance(queries, str):
            raise InvalidInput(f"the questions are the text {queries!r}; give a list of questions")
        trace = Trace()
        requests = self._requests(queries, where, settings, trace)

        def find() -> list[Hits]:
            firsts = self._first_levels(requests, k, trace)
            return [
                self._hits(list(islice(self._ranker.ranked(request, k, trace, first=first), k)), request, trace)
                for request, first in zip(requests, firsts, strict=True)
            ]

        return self._until_quiet(find)

    def search_groups(
        self,
        query: QueryLike,
        grouping: Grouping | None = None,
        *,
        where: Where = None,
        settings: SearchSettings | None = None,
    ) -> list[HitGroup]:
        """Find the best pages of each of the best documents, or of whatever else pages share.

        Args:
            query: As for `search`.
            grouping: By what, and how many.
            where: As for `search`.
            settings: As for `search`.

        Returns:
            Groups, the one with the best page first. A group's hits are those of the same search within the group.
        """
        grouping = grouping or Grouping()
        _check_grouping(grouping)
        trace = Trace()
        request = self._requests([query], where, settings, trace)[0]
        path = DOCUMENT_ID if grouping.by == "document" else payload_path(grouping.by, self._store.fields())
        last = grouping.offset + grouping.n_groups

        def find() -> list[HitGroup]:
            rows = self._ranker.ranked(request, _MOST, trace)
            values = group_values(rows, partial(field_value, path=path), last)[grouping.offset :]
            return self._groups(request, path, values, grouping)

        return self._until_quiet(find)

    def recommend(
        self,
        examples: Examples,
        *,
        k: int = 5,
        offset: int = 0,
        where: Where = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """Find pages that are like some examples and unlike others. Pages among the examples are not found.

        Args:
            examples: Positive and negative ones, and the strategy.
            k: Most hits to return, at least 1.
            offset: Hits to pass over.
            where: Only pages that meet it are looked at.
            settings: How; the text channel, fusion, boosts and diversity play no part.

        Raises:
            InvalidInput: Also where the strategy has no example to start from, or `min_similarity`, which is to the
                positives, has none to compare with.
        """
        _check_page(k, offset)
        trace, chosen = Trace(), self._checked(settings)
        if chosen.min_similarity and not examples.positive:
            raise InvalidInput(
                "min_similarity is to the positive examples, and there are none; leave it out, or name one"
            )
        embedded = self._recommender.embed(examples, trace)
        condition = self._without(self.condition(where), embedded.page_ids)

        def find() -> Hits:
            rows = self._recommender.ranked(embedded, condition, chosen, trace)
            request = RankingRequest(embedding=embedded.question, text="", condition=condition, settings=chosen)
            found = list(islice(rows, offset, offset + k))
            return self._hits(found, request, trace, first_rank=offset + 1, scored_by=examples.strategy)

        return self._until_quiet(find)

    def evidence(self, query: QueryLike, page: PageRecord) -> Evidence:
        """Say where on a page each part of a question is found, from stored vectors."""
        return self._evidence(self._queries.embed([as_query(query)])[0], page)

    def audit(self, *, k: int = 10, n_questions: int = 50, seed: int = 0) -> RecallReport:
        """Compare two-stage search with exact search; see `index_audit.audit`."""
        return audit(self._store, self._ranker, self._queries, self.settings, AuditSize(k, n_questions, seed))

    def page_image(self, page: PageRecord) -> bytes:
        """Read the kept image of a page, as an image file.

        Raises:
            StoreError: The image is missing.
        """
        return self._images.get(page.page_hash)

    def _requests(
        self, queries: Sequence[QueryLike], where: Where, settings: SearchSettings | None, trace: Trace
    ) -> list[RankingRequest]:
        chosen, asked = self._checked(settings), [as_query(query) for query in queries]
        if chosen.channels == "auto":
            chosen = replace(chosen, channels="both" if self._reads_words else "visual")
        condition = self.condition(where)
        texts = [question_text(query) if chosen.channels != "visual" else "" for query in asked]
        embeddings: Sequence[QueryEmbedding | None] = [None] * len(asked)
        if chosen.channels == "text":
            _check_text_only(texts, chosen)
        else:
            with trace.step("embed", "1 question" if len(asked) == 1 else f"{len(asked):,} questions"):
                embeddings = self._queries.embed(asked)
        return [
            RankingRequest(
                embedding=embedding,
                text=text,
                condition=self._without(condition, [page_id] if (page_id := page_id_of(query)) else []),
                settings=chosen,
            )
            for query, text, embedding in zip(asked, texts, embeddings, strict=True)
        ]

    def _first_levels(
        self, requests: Sequence[RankingRequest], n_wanted: int, trace: Trace
    ) -> list[list[Candidate] | None]:
        """Ask the visual channel once for all questions that look at the same pages."""
        plans = [self._ranker.first_plan(request, n_wanted) for request in requests]
        levels: list[list[Candidate] | None] = [None] * len(requests)
        shared: dict[Filter | None, list[int]] = {}
        for row, plan in enumerate(plans):
            if plan is not None:
                shared.setdefault(plan.filter, []).append(row)
        for rows in shared.values():
            with trace.step(f"score by {self._visual.scored_by}", f"{len(rows):,} questions"):
                found = self._visual.best([plan for row in rows if (plan := plans[row]) is not None])
            for row, level in zip(rows, found, strict=True):
                levels[row] = level
        return levels

    def _groups(
        self, request: RankingRequest, path: str, values: Sequence[FieldScalar], grouping: Grouping
    ) -> list[HitGroup]:
        ledger = {record.document.document_id: record for record in self._store.documents()}
        groups = []
        for value in values:
            inside = replace(request, condition=all_of(request.condition, In(path, (value,))))
            trace = Trace()
            rows = list(islice(self._ranker.ranked(inside, grouping.group_size, trace), grouping.group_size))
            document = ledger.get(str(value)) if path == DOCUMENT_ID else None
            shown = shown_value(grouping.by, value)
            groups.append(HitGroup(value=shown, hits=self._hits(rows, request, trace), document=document))
        return groups

    def _hits(
        self,
        rows: Sequence[Candidate],
        request: RankingRequest,
        trace: Trace,
        *,
        first_rank: int = 1,
        scored_by: str | None = None,
    ) -> Hits:
        settings, name = request.settings, scored_by or self._ranker.scored_by(request)
        embeddings: Sequence[PageEmbedding | None] = [None] * len(rows)
        if settings.with_vectors:
            embeddings = self._store.embeddings([row.page for row in rows])
        hits = [
            Hit(
                rank=rank,
                score=row.score,
                scored_by=name,
                similarity=row.similarity,
                page=trimmed(row.page, settings),
                embedding=embedding,
                _explain=partial(self._evidence, request.embedding, row.page),
            )
            for rank, (row, embedding) in enumerate(zip(rows, embeddings, strict=True), start=first_rank)
        ]
        return Hits(hits, steps=trace.steps)

    def _evidence(self, query: QueryEmbedding | None, page: PageRecord) -> Evidence:
        if query is None:
            raise InvalidInput("the text channel alone was asked, which looks at no pixels; ask channels='both'")
        [embedding] = self._store.embeddings([page])
        return find_evidence(query, page, embedding)

    def _checked(self, settings: SearchSettings | None) -> SearchSettings:
        """The settings of a search, whose fields are there; an empty index knows none, and has no page to miss them."""
        chosen = self.settings if settings is None else settings
        if not isinstance(chosen, SearchSettings):
            raise InvalidInput(f"the settings are {chosen!r}; give SearchSettings(...)")
        if (chosen.boosts or chosen.include_fields or chosen.exclude_fields) and self._store.count():
            check_named_fields(chosen, self._store.fields())
        return chosen

    def _without(self, condition: Filter | None, page_ids: Sequence[str]) -> Filter | None:
        return all_of(condition, Not(In(PAGE_ID, tuple(page_ids)))) if page_ids else condition

    def _until_quiet(self, find: Callable[[], T]) -> T:
        """Search; again, when another thread has removed pages between finding them and reading their vectors."""
        for _ in range(_MAX_TRIES):
            revision = self._store.revision
            try:
                return find()
            except InvalidInput:
                if self._store.revision == revision:
                    raise
        return find()


def _check_text_only(texts: Sequence[str], settings: SearchSettings) -> None:
    if not all(text.strip() for text in texts):
        raise InvalidInput("the text channel looks for words; ask in words, or with channels='visual'")
    if settings.min_similarity:
        raise InvalidInput("the text channel alone knows no similarity; leave min_similarity out, or ask both channels")


def _check_page(k: int, offset: int) -> None:
    if not _is_whole(k, 1):
        raise InvalidInput(f"k is {k!r}; ask for a whole number of pages, at least 1")
    if not _is_whole(offset, 0):
        raise InvalidInput(f"offset is {offset!r}; pass over a whole number of hits, 0 or more")


def _check_grouping(grouping: Grouping) -> None:
    for name, least in (("n_groups", 1), ("group_size", 1), ("offset", 0)):
        value = getattr(grouping, name)
        if not _is_whole(value, least):
            raise InvalidInput(f"{name} of the grouping is {value!r}; give a whole number, {least} or more")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST
