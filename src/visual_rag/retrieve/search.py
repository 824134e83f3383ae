"""One search: embed the question, shortlist, score, and turn rows of the store into hits.

    searcher = PageSearcher(store, embedder, images, SearchSettings())
    hits = searcher.search("wiring diagram of the pump", k=5)

It does not write. What it remembers of the index it reads anew once the index has changed.
"""

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
from PIL.Image import Image

from visual_rag.embed.protocol import CorpusSample, LateReranker, PageEmbedder
from visual_rag.errors import InvalidInput
from visual_rag.records import FloatArray, Hit, PageRecord, QueryEmbedding
from visual_rag.scoring import similarity_of
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import Filter
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore, QueryPlan

_SAMPLE_PAGES = 400
_MAXSIM = "maxsim"
_MAX_TRIES = 5
_MAX_K = 2**31
_MAX_QUESTION_CHARACTERS = 20_000
Scored = tuple[PageRecord, float, float]  # page, score, similarity


class PageSearcher:
    """Searches one index with the embedder that built it."""

    def __init__(
        self, store: PageStore, embedder: PageEmbedder, images: PageImages, settings: SearchSettings | None = None
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._images = images
        self._settings = settings or SearchSettings()
        self._sampled: tuple[int, CorpusSample] | None = None  # revision of the store, sample
        self._sampling = Lock()

    def search(
        self, question: str, *, k: int = 5, condition: Filter | None = None, min_similarity: float = 0.0
    ) -> list[Hit]:
        """Find the pages that show what the question asks for.

        Args:
            question: Plain words.
            k: Most hits to return, at least 1.
            condition: Only pages that meet it are looked at.
            min_similarity: Hits below are left out; in [0, 1].

        Returns:
            Hits, best first; fewer than `k` where the index has fewer.

        Raises:
            InvalidInput: `k` is below 1, `min_similarity` is outside [0, 1], or the question holds no word.
            EmbeddingError: The model failed.
            StoreError: The store failed.
        """
        _check_limits(k, min_similarity)
        query = self._embedder.embed_queries([_as_text(question)])[0]
        return self._until_quiet(lambda: self._hits(query, k, condition, min_similarity))

    def search_image(
        self, image: Image, *, k: int = 5, condition: Filter | None = None, min_similarity: float = 0.0
    ) -> list[Hit]:
        """Find the pages that look like a picture, or show it. Arguments and errors as for `search`."""
        _check_limits(k, min_similarity)
        query = self._embedder.embed_query_images([image])[0]
        return self._until_quiet(lambda: self._hits(query, k, condition, min_similarity))

    def page_image(self, page: PageRecord) -> bytes:
        """Read the kept image of a page, as an image file.

        Raises:
            StoreError: The image is missing.
        """
        return self._images.get(page.page_hash)

    def _hits(self, query: QueryEmbedding, k: int, condition: Filter | None, min_similarity: float) -> list[Hit]:
        n_pages = self._store.count(condition)
        if not n_pages:
            return []
        if isinstance(self._embedder, LateReranker):
            scored, scored_by = self._reranked(self._embedder, query, n_pages, k, condition), self._embedder.scored_by
        else:
            scored, scored_by = self._by_maxsim(query, n_pages, k, condition), _MAXSIM
        kept = [row for row in scored if row[2] >= min_similarity][:k]  # the order by score is another than this
        return [
            Hit(rank=rank, score=score, scored_by=scored_by, similarity=similarity, page=page)
            for rank, (page, score, similarity) in enumerate(kept, start=1)
        ]

    def _is_exact(self, n_pages: int) -> bool:
        mode = self._settings.mode
        return mode == "exact" or (mode == "auto" and n_pages <= self._settings.exact_up_to)

    def _by_maxsim(self, query: QueryEmbedding, n_pages: int, k: int, condition: Filter | None) -> Sequence[Scored]:
        shortlist = None if self._is_exact(n_pages) else max(k, self._settings.shortlist_size(n_pages))
        plan = QueryPlan(vectors=query.vectors, limit=k, shortlist=shortlist, filter=condition)
        return [(row.page, row.score, similarity_of(query.vectors, row.score)) for row in self._store.query(plan)]

    def _reranked(
        self, reranker: LateReranker, query: QueryEmbedding, n_pages: int, k: int, condition: Filter | None
    ) -> Sequence[Scored]:
        if self._is_exact(n_pages):
            candidates = list(self._store.scroll(condition))
        else:
            size = max(k, self._settings.shortlist_size(n_pages))
            plan = QueryPlan(vectors=query.vectors, limit=size, shortlist=size, filter=condition)
            candidates = [row.page for row in self._store.query(plan)]
        vectors, sample = self._vectors(candidates), self._sample()
        if not vectors or not sample.pages:  # removed by another thread since they were counted
            return []
        scores, similarities = reranker.rerank(query, vectors, sample)
        found = (row for row in range(len(candidates)) if scores[row] > 0)  # a page without any of it is no hit
        order = sorted(found, key=lambda row: (-float(scores[row]), candidates[row].page_id))
        return [(candidates[row], float(scores[row]), float(similarities[row])) for row in order]

    def _vectors(self, pages: Sequence[PageRecord]) -> list[FloatArray]:
        return [embedding.vectors for embedding in self._store.embeddings(pages)]

    def _until_quiet(self, find: Callable[[], list[Hit]]) -> list[Hit]:
        """Search; again, when another thread has removed pages between finding them and reading their vectors."""
        for _ in range(_MAX_TRIES):
            revision = self._store.revision
            try:
                return find()
            except InvalidInput:
                if self._store.revision == revision:
                    raise
        return find()

    def _sample(self) -> CorpusSample:
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


def _check_limits(k: int, min_similarity: float) -> None:
    if not isinstance(k, int) or not 1 <= k <= _MAX_K:
        raise InvalidInput(f"k is {k!r}; ask for a whole number of pages, at least 1")
    if not isinstance(min_similarity, int | float) or not 0 <= min_similarity <= 1:
        raise InvalidInput(f"min_similarity is {min_similarity!r}; it is a number in [0, 1]")


def _as_text(question: str) -> str:
    """Questions come from terminals and requests: what is no text in them is dropped."""
    if not isinstance(question, str):
        raise InvalidInput(f"the question is {question!r}; ask in words")
    return question[:_MAX_QUESTION_CHARACTERS].encode("utf-8", "replace").decode()
