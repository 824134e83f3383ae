"""What an index offers to those who look for pages; `VisualIndex` has all of it.

`asearch`, `asearch_batch`, `asearch_groups` and `arecommend` do not block the event loop: they run in a thread. With
`StoreSettings(own_process=True)` other threads go on as well while the engine works.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from visual_rag.records import Evidence, Examples, FieldScalar, Grouping, HitGroup, Hits, PageRecord
from visual_rag.retrieve.browse import PageBrowser, Where
from visual_rag.retrieve.filter_language import parse_filter
from visual_rag.retrieve.queries import QueryLike
from visual_rag.retrieve.recall import RecallReport
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import Filter, all_of

FolderLike = str | os.PathLike[str]


class Searching(ABC):
    """The search side of an index."""

    @property
    @abstractmethod
    def searcher(self) -> PageSearcher:
        """What does the work."""

    @property
    @abstractmethod
    def browser(self) -> PageBrowser:
        """What counts and lists; it needs no model."""

    @abstractmethod
    def documents_condition(self, documents: Sequence[FolderLike] | None) -> Filter | None:
        """The condition that a page belongs to one of the documents; None for None, never met for an empty list."""

    def search(
        self,
        query: QueryLike,
        *,
        k: int = 5,
        offset: int = 0,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """Find the pages that show what is asked for, best first.

        Args:
            query: Plain words, a picture, a page (more like it; it is not found itself), or a `Query` of several parts
                or of a region.
            k: Most hits to return.
            offset: Hits to pass over: the same ranking, read further on.
            where: Only pages that meet it: `Field("year") >= 2023`, or the same as text, `"year >= 2023"`.
            documents: Only pages of these; names as for `remove`. None means all, an empty list none.
            settings: How to search; None takes the index's.

        Returns:
            Hits, best first; `hits.steps` says what was done and how long it took.

        Raises:
            InvalidInput: The question holds nothing to look for, a number is out of range, a document or page unknown.
            InvalidFilter: `where` names an unknown field, or compares one with what it does not hold.
        """
        return self.searcher.search(query, k=k, offset=offset, where=self._within(where, documents), settings=settings)

    def search_batch(
        self,
        queries: Sequence[QueryLike],
        *,
        k: int = 5,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> list[Hits]:
        """Search for several questions: the hits of one by one, with the work shared. Arguments as for `search`."""
        return self.searcher.search_batch(queries, k=k, where=self._within(where, documents), settings=settings)

    def search_groups(
        self,
        query: QueryLike,
        grouping: Grouping | None = None,
        *,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> list[HitGroup]:
        """Find the best pages of each of the best documents, or of whatever else pages share.

        Args:
            query: As for `search`.
            grouping: By what, how many groups and pages of each, and which groups to pass over; by document if None.
            where: As for `search`.
            documents: As for `search`.
            settings: As for `search`.
        """
        return self.searcher.search_groups(query, grouping, where=self._within(where, documents), settings=settings)

    def recommend(
        self,
        examples: Examples,
        *,
        k: int = 5,
        offset: int = 0,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """Find pages that are like some examples and unlike others; the examples themselves are not found.

        Args:
            examples: `Examples(positive=[page, "words"], negative=[...], strategy="average")`.
            k: As for `search`, as the others.
            offset: Likewise.
            where: Likewise.
            documents: Likewise.
            settings: Likewise; text channel and fusion play no part.
        """
        within = self._within(where, documents)
        return self.searcher.recommend(examples, k=k, offset=offset, where=within, settings=settings)

    def recommend_batch(
        self,
        batch: Sequence[Examples],
        *,
        k: int = 5,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> list[Hits]:
        """Recommend for several sets of examples, in order. Arguments as for `recommend`."""
        return [self.recommend(some, k=k, where=where, documents=documents, settings=settings) for some in batch]

    def evidence(self, query: QueryLike, page: PageRecord) -> Evidence:
        """Say where on a page each part of a question is found, from stored vectors; no page is embedded again."""
        return self.searcher.evidence(query, page)

    def facet(
        self, field: str, *, where: Where = None, documents: Sequence[FolderLike] | None = None
    ) -> dict[FieldScalar, int]:
        """Count the pages of each value of a field, the most frequent first: the values that a filter may name."""
        return self.browser.facet(field, where=self._within(where, documents))

    def scroll(self, where: Where = None, *, documents: Sequence[FolderLike] | None = None) -> Iterator[PageRecord]:
        """Go through the pages that meet a condition, in no particular order."""
        return self.browser.scroll(self._within(where, documents))

    def audit_recall(self, *, k: int = 10, n_questions: int = 50) -> RecallReport:
        """Compare two-stage search with exact search on this index, by questions made from its own pages.

        Args:
            k: Depth that is compared.
            n_questions: At most so many, one a page.

        Returns:
            Agreement and time for a ladder of shortlist sizes; `report.smallest(0.97)` is the least that suffices.

        Raises:
            InvalidInput: The index is empty, or a number is below 1.
        """
        return self.searcher.audit(k=k, n_questions=n_questions)

    def count(self, where: Where = None, *, documents: Sequence[FolderLike] | None = None) -> int:
        """Count the pages that meet a condition, exactly."""
        return self.browser.count(self._within(where, documents))

    async def asearch(
        self,
        query: QueryLike,
        *,
        k: int = 5,
        offset: int = 0,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """As `search`, without blocking the event loop."""
        return await asyncio.to_thread(
            self.search, query, k=k, offset=offset, where=where, documents=documents, settings=settings
        )

    async def asearch_batch(
        self,
        queries: Sequence[QueryLike],
        *,
        k: int = 5,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> list[Hits]:
        """As `search_batch`, without blocking the event loop."""
        return await asyncio.to_thread(
            self.search_batch, queries, k=k, where=where, documents=documents, settings=settings
        )

    async def asearch_groups(
        self,
        query: QueryLike,
        grouping: Grouping | None = None,
        *,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> list[HitGroup]:
        """As `search_groups`, without blocking the event loop."""
        return await asyncio.to_thread(
            self.search_groups, query, grouping, where=where, documents=documents, settings=settings
        )

    async def arecommend(
        self,
        examples: Examples,
        *,
        k: int = 5,
        offset: int = 0,
        where: Where = None,
        documents: Sequence[FolderLike] | None = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """As `recommend`, without blocking the event loop."""
        return await asyncio.to_thread(
            self.recommend, examples, k=k, offset=offset, where=where, documents=documents, settings=settings
        )

    def _within(self, where: Where, documents: Sequence[FolderLike] | None) -> Where:
        """Both conditions as one."""
        inside = self.documents_condition(documents)
        return all_of(parse_filter(where) if isinstance(where, str) else where, inside)
