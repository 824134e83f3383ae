"""Finding pages from LlamaIndex.

    retriever = VisualRetriever(searcher, similarity_top_k=3)
    engine = RetrieverQueryEngine.from_args(retriever, llm=vision_llm, multimodal=True)

Without `multimodal=True` LlamaIndex gives the LLM the text layer of the pages, and no image.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Protocol

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings
from llama_index.core.vector_stores.types import MetadataFilters

from visual_rag.errors import InvalidInput
from visual_rag.llama_index.metadata_filters import store_condition
from visual_rag.llama_index.page_image import ImageSettings, prepare_image
from visual_rag.llama_index.page_node import PageNode
from visual_rag.records import Hit, PageRecord, Query
from visual_rag.retrieve.query_image import read_query_image
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import Filter

_ALMOST_ZERO = 1e-9


class Searcher(Protocol):
    """What the retriever needs of a search; `retrieve.search.PageSearcher` has it."""

    def search(
        self, query: str | Query, *, k: int = 5, where: Filter | None = None, settings: SearchSettings | None = None
    ) -> Sequence[Hit]:
        """Find the pages that show what is asked for, best first."""
        ...

    def page_image(self, page: PageRecord) -> bytes:
        """Read the kept image of a page, as an image file."""
        ...


class VisualRetriever(BaseRetriever):
    """Finds pages and returns them as `PageNode`s, best first.

    A query is its `query_str`; where a `QueryBundle` has an `image_path`, the picture is looked for and `query_str` is
    left to the LLM. A node's score is the hit's score, comparable within one query only; for thresholds take
    `SearchSettings(min_similarity=...)`.

    Args:
        searcher: Does the search. It is called from several threads when queries are asked asynchronously.
        similarity_top_k: Most pages to return.
        filters: On any field of the pages, with all operators of LlamaIndex.
        images: Format and size of the page images that the LLM gets.
        settings: How to search; None takes the index's.
        callback_manager: LlamaIndex's, as usual.

    Raises:
        InvalidInput: `similarity_top_k` is out of range.
        InvalidFilter: A filter cannot be honoured; unknown fields are told by the first search.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        similarity_top_k: int = 5,
        filters: MetadataFilters | None = None,
        images: ImageSettings | None = None,
        settings: SearchSettings | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        if similarity_top_k < 1:
            raise InvalidInput(f"similarity_top_k is {similarity_top_k}; ask for at least 1 page")
        self._searcher = searcher
        self._k = similarity_top_k
        self._where = store_condition(filters)
        self._settings = settings
        self._images = images or ImageSettings()
        super().__init__(callback_manager=callback_manager or Settings.callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query: str | Query = query_bundle.query_str
        if query_bundle.image_path is not None:
            query = Query(image=read_query_image(query_bundle.image_path))
        hits = self._searcher.search(query, k=self._k, where=self._where, settings=self._settings)
        # LlamaIndex sorts by score, and our order is by rank: diversity and codes may put a lower score first.
        scores = accumulate((hit.score for hit in hits), min)
        return [self._scored_node(hit, score) for hit, score in zip(hits, scores, strict=True)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # LlamaIndex's own version would search inside the event loop.
        return await asyncio.to_thread(self._retrieve, query_bundle)

    def _scored_node(self, hit: Hit, score: float) -> NodeWithScore:
        node = PageNode.from_hit(hit, partial(self._page_image, hit.page))
        return NodeWithScore(node=node, score=score or _ALMOST_ZERO)  # LlamaIndex reads 0 as "no score"

    def _page_image(self, page: PageRecord) -> bytes:
        return prepare_image(self._searcher.page_image(page), self._images)
