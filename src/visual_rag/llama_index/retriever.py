"""Finding pages from LlamaIndex.

    retriever = VisualRetriever(searcher, similarity_top_k=3)
    engine = RetrieverQueryEngine.from_args(retriever, llm=vision_llm, multimodal=True)

Without `multimodal=True` LlamaIndex gives the LLM the text layer of the pages, and no image.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings
from llama_index.core.vector_stores.types import MetadataFilters
from PIL import Image, ImageOps

from visual_rag.errors import InvalidInput
from visual_rag.llama_index.metadata_filters import store_condition
from visual_rag.llama_index.page_image import ImageSettings, prepare_image
from visual_rag.llama_index.page_node import PageNode
from visual_rag.records import Hit, PageRecord
from visual_rag.store.filters import Filter

_ALMOST_ZERO = 1e-9


class Searcher(Protocol):
    """What the retriever needs of a search; `retrieve.search.PageSearcher` has it."""

    def search(
        self, question: str, *, k: int = 5, condition: Filter | None = None, min_similarity: float = 0.0
    ) -> Sequence[Hit]:
        """Find the pages that show what the question asks for, best first."""
        ...

    def search_image(
        self, image: Image.Image, *, k: int = 5, condition: Filter | None = None, min_similarity: float = 0.0
    ) -> Sequence[Hit]:
        """Find the pages that look like a picture, or show it, best first."""
        ...

    def page_image(self, page: PageRecord) -> bytes:
        """Read the kept image of a page, as an image file."""
        ...


class VisualRetriever(BaseRetriever):
    """Finds pages and returns them as `PageNode`s, best first.

    A query is its `query_str`; where a `QueryBundle` has an `image_path`, the picture is looked for and `query_str` is
    left to the LLM. A node's score is the hit's score, comparable within one query only; for thresholds take
    `min_similarity`.

    Args:
        searcher: Does the search. It is called from several threads when queries are asked asynchronously.
        similarity_top_k: Most pages to return.
        filters: Equality and `in` on `document_id` and `file_name`.
        min_similarity: Pages below are left out; in [0, 1].
        images: Format and size of the page images that the LLM gets.
        callback_manager: LlamaIndex's, as usual.

    Raises:
        InvalidInput: `similarity_top_k` or `min_similarity` is out of range.
        InvalidFilter: A filter cannot be honoured.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        similarity_top_k: int = 5,
        filters: MetadataFilters | None = None,
        min_similarity: float = 0.0,
        images: ImageSettings | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        if similarity_top_k < 1:
            raise InvalidInput(f"similarity_top_k is {similarity_top_k}; ask for at least 1 page")
        if not 0 <= min_similarity <= 1:
            raise InvalidInput(f"min_similarity is {min_similarity}; it lies in [0, 1]")
        self._searcher = searcher
        self._k = similarity_top_k
        self._condition = store_condition(filters)
        self._min_similarity = min_similarity
        self._images = images or ImageSettings()
        super().__init__(callback_manager=callback_manager or Settings.callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        k, condition, min_similarity = self._k, self._condition, self._min_similarity
        if query_bundle.image_path is not None:
            image = _query_image(query_bundle.image_path)
            hits = self._searcher.search_image(image, k=k, condition=condition, min_similarity=min_similarity)
        else:
            question = query_bundle.query_str
            hits = self._searcher.search(question, k=k, condition=condition, min_similarity=min_similarity)
        return [self._scored_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # LlamaIndex's own version would search inside the event loop.
        return await asyncio.to_thread(self._retrieve, query_bundle)

    def _scored_node(self, hit: Hit) -> NodeWithScore:
        node = PageNode.from_hit(hit, partial(self._page_image, hit.page))
        return NodeWithScore(node=node, score=hit.score or _ALMOST_ZERO)  # LlamaIndex reads 0 as "no score"

    def _page_image(self, page: PageRecord) -> bytes:
        return prepare_image(self._searcher.page_image(page), self._images)


def _query_image(path: str) -> Image.Image:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return upright.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # all that Pillow raises
        raise InvalidInput(f"the query image {Path(path).name!r} cannot be read; give a PNG, JPEG or WebP") from error
