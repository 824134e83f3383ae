"""From what a user asks, in words, by a picture or by a page of the index, to the multi-vector that is looked for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL.Image import Image

from visual_rag.embed.pooling import picture_query
from visual_rag.embed.protocol import LateReranker, PageEmbedder
from visual_rag.errors import InvalidInput
from visual_rag.records import BoolArray, FloatArray, PageEmbedding, PageRecord, Query, QueryEmbedding, Region
from visual_rag.store.checks import check_page_id
from visual_rag.store.filters import In
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import PAGE_ID

QueryLike = str | Image | PageRecord | Query
_MAX_CHARACTERS = 20_000
_MAX_ROWS = 128


def as_query(asked: QueryLike) -> Query:
    """Wrap words, a picture or a page into a query.

    Raises:
        InvalidInput: It is none of these, or asks for nothing, or for a region of no page.
    """
    query = asked if isinstance(asked, Query) else _wrapped(asked)
    if query.text is None and query.image is None and query.page is None:
        raise InvalidInput("the query is empty; give it text, an image or a page")
    if query.image is not None and not isinstance(query.image, Image):
        raise InvalidInput(f"the query's image is {query.image!r}; give a picture, as PIL.Image.open makes it")
    if query.page is not None and not isinstance(query.page, PageRecord | str):
        raise InvalidInput(f"the query's page is {query.page!r}; give a hit's page, or its page_id")
    if query.region is not None:
        if query.page is None:
            raise InvalidInput("the query names a region of no page; give it a page too")
        _check_region(query.region)
        return replace(query, region=Region(*query.region))  # four plain numbers are as good
    return query


def _wrapped(asked: Any) -> Query:
    if isinstance(asked, str):
        return Query(text=asked)
    if isinstance(asked, Image):
        return Query(image=asked)
    if isinstance(asked, PageRecord):
        return Query(page=asked)
    raise InvalidInput(f"the question is {asked!r}; ask in words, by a picture, by a page or with a Query")


def question_text(query: Query) -> str:
    """The words of a query, "" for none: what is no text in them is dropped, and what is beyond 20,000 characters."""
    if query.text is None:
        return ""
    if not isinstance(query.text, str):
        raise InvalidInput(f"the question is {query.text!r}; ask in words")
    return query.text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()


def page_id_of(query: Query) -> str | None:
    """The page of the index that a query starts from."""
    return query.page.page_id if isinstance(query.page, PageRecord) else query.page


class QueryEmbedder:
    """Embeds queries: words and pictures by the model, pages by what the store holds of them."""

    def __init__(self, store: PageStore, embedder: PageEmbedder) -> None:
        self._store = store
        self._embedder = embedder

    def embed(self, queries: Sequence[Query]) -> list[QueryEmbedding]:
        """Embed queries, in order; all words in one call of the model, and all pictures.

        Raises:
            InvalidInput: Words or a picture hold nothing to look for, or a page or its region is not there.
        """
        parts: list[list[QueryEmbedding]] = [[] for _ in queries]
        texts = [row for row, query in enumerate(queries) if query.text is not None]
        if texts:
            for row, found in zip(
                texts, self._embedder.embed_queries([question_text(queries[row]) for row in texts]), strict=True
            ):
                parts[row].append(found)
        images = [(row, query.image) for row, query in enumerate(queries) if query.image is not None]
        if images:
            seen = self._embedder.embed_query_images([image for _, image in images])
            for (row, _), found in zip(images, seen, strict=True):
                parts[row].append(found)
        for row, query in enumerate(queries):
            page_id = page_id_of(query)
            if page_id is not None:
                parts[row].append(self._embed_page(page_id, query.region))
        return [joined(found) for found in parts]

    def _embed_page(self, page_id: str, region: Region | None) -> QueryEmbedding:
        check_page_id(page_id)
        pages = list(self._store.scroll(In(PAGE_ID, (page_id,))))
        if not pages:
            raise InvalidInput(f"page {page_id} is not in the index; it was removed or never ingested")
        [embedding] = self._store.embeddings(pages)
        rows = _rows_in(embedding, region)
        return _spread_query(rows) if isinstance(self._embedder, LateReranker) else picture_query(rows)


def _spread_query(rows: FloatArray) -> QueryEmbedding:
    """Make a question of rows as they are, at most 128, spread over the page.

    For scorings that tell rows one by one: to them the mean of two is neither.
    """
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MAX_ROWS)).astype(int)]
    tokens = tuple(f"part {number}" for number in range(1, len(chosen) + 1))
    return QueryEmbedding(vectors=chosen, tokens=tokens, is_seen=np.ones(len(chosen), dtype=np.bool_))


def joined(parts: Sequence[QueryEmbedding]) -> QueryEmbedding:
    """Make one query of several, each of which weighs the same."""
    if len(parts) == 1:
        return parts[0]
    rows = [part.vectors / np.linalg.norm(part.vectors, axis=1).sum() for part in parts]
    n_rows = sum(len(part) for part in rows)
    return QueryEmbedding(
        vectors=np.concatenate(rows) * np.float32(n_rows / len(parts)),  # rows of about unit length, as usual
        tokens=tuple(token for part in parts for token in part.tokens),
        is_seen=np.concatenate([_is_seen(part) for part in parts]),
    )


def _is_seen(query: QueryEmbedding) -> BoolArray:
    return np.zeros(len(query.vectors), dtype=np.bool_) if query.is_seen is None else query.is_seen


def _rows_in(embedding: PageEmbedding, region: Region | None) -> FloatArray:
    """Rows of the patches whose centre lies in the region, or of the one patch that is nearest to its centre."""
    rows = embedding.is_patch if embedding.is_patch.any() else np.ones_like(embedding.is_patch)
    vectors, edges = embedding.vectors[rows], embedding.regions[rows]
    if region is None:
        return vectors
    x, y = (edges[:, 0] + edges[:, 2]) / 2, (edges[:, 1] + edges[:, 3]) / 2
    inside = (x >= region.left) & (x <= region.right) & (y >= region.top) & (y <= region.bottom)
    if not inside.any():
        centre_x, centre_y = (region.left + region.right) / 2, (region.top + region.bottom) / 2
        inside[int(((x - centre_x) ** 2 + (y - centre_y) ** 2).argmin())] = True
    return vectors[inside]


def _check_region(region: Any) -> None:
    try:
        left, top, right, bottom = region
        is_on_page = 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    except (TypeError, ValueError):
        is_on_page = False
    if not is_on_page:
        raise InvalidInput(
            f"the region is {region!r}; give left, top, right and bottom as shares of the page, 0 to 1, with left "
            "before right and top above bottom"
        )
