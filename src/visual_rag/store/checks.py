"""What every store refuses before it writes: engines accept NaN, zero rows and pages that no server would take.

Checks only: nothing is repaired here. `check_points(points, dim=128)`, `check_query(plan, dim=128)`.
"""

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from visual_rag.errors import DimensionMismatch, InvalidInput, UnhealthyEmbedding
from visual_rag.records import FloatArray, PageEmbedding, PagePoint
from visual_rag.scoring import check_page_vectors
from visual_rag.store.protocol import QueryPlan
from visual_rag.store.schema import MAX_VALUES, N_VECTORS, PAGE_KEYS


def check_points(points: Sequence[PagePoint], dim: int) -> None:
    """Refuse a batch of pages for the first fault found.

    Raises:
        UnhealthyEmbedding: Vectors or regions are not finite, not of unit length, or of the wrong shape.
        InvalidInput: A page has too many vectors, an id that is no UUID, or an incomplete payload.
    """
    for point in points:
        _check_payload(point)
        try:
            check_page_vectors(point.embedding.vectors, dim)
            check_page_vectors(point.pooled, dim)
            _check_regions(point.embedding)
        except UnhealthyEmbedding as error:
            raise UnhealthyEmbedding(f"{_name(point)}: {error}") from error
        _check_size(point)


def check_query(plan: QueryPlan, dim: int) -> None:
    """Refuse a search that no store can run.

    Raises:
        DimensionMismatch: The query's rows are of another length than the index's.
        InvalidInput: The query has no rows, too many, or values that are not finite; or a limit is negative.
    """
    vectors = plan.vectors
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise DimensionMismatch(f"the query has shape {vectors.shape}, the index holds (n_vectors, {dim})")
    if not len(vectors) or not np.isfinite(vectors).all():
        raise InvalidInput("the query has no vectors, or values that are not finite")
    if vectors.size >= MAX_VALUES:
        raise InvalidInput(f"the query has {len(vectors)} x {dim} values, the most is {MAX_VALUES - 1}; shorten it")
    for name, limit in (("limit", plan.limit), ("shortlist", plan.shortlist)):
        if limit is not None and limit < 0:
            raise InvalidInput(f"{name} is {limit}; it is a number of pages, 0 or more")


def check_page_id(page_id: str) -> None:
    """Refuse an id that is no UUID.

    Raises:
        InvalidInput: It is none.
    """
    try:
        UUID(page_id)
    except ValueError as error:
        raise InvalidInput(f"page id '{page_id}' is no UUID; make it with records.make_page_id") from error


def _check_payload(point: PagePoint) -> None:
    check_page_id(point.page_id)
    missing = PAGE_KEYS - point.payload.keys()
    if missing:
        raise InvalidInput(
            f"{_name(point)}: the payload lacks {', '.join(sorted(missing))}; make it with schema.page_payload"
        )
    if point.payload[N_VECTORS] != len(point.embedding.vectors):
        raise InvalidInput(
            f"{_name(point)}: the payload says {point.payload[N_VECTORS]} vectors, there are "
            f"{len(point.embedding.vectors)}"
        )


def _check_regions(embedding: PageEmbedding) -> None:
    n_vectors, regions = len(embedding.vectors), embedding.regions
    if regions.shape != (n_vectors, 4) or embedding.is_patch.shape != (n_vectors,):
        raise UnhealthyEmbedding(
            f"regions have shape {regions.shape}, is_patch {embedding.is_patch.shape}; "
            f"expected ({n_vectors}, 4) and ({n_vectors},)"
        )
    if not _lies_on_page(regions):
        raise UnhealthyEmbedding("a region is not finite or lies outside 0..1")


def _lies_on_page(regions: FloatArray) -> bool:
    return bool(((regions >= 0) & (regions <= 1)).all())  # false for NaN too


def _check_size(point: PagePoint) -> None:
    for name, vectors in (("", point.embedding.vectors), ("pooled ", point.pooled)):
        if vectors.size >= MAX_VALUES:
            raise InvalidInput(
                f"{_name(point)} has {len(vectors)} {name}vectors of {vectors.shape[1]} values, the most is "
                f"{(MAX_VALUES - 1) // vectors.shape[1]}; render it at a lower dpi"
            )


def _name(point: PagePoint) -> str:
    document = point.payload.get("document_name", "unknown document")
    index = point.payload.get("page_index")
    return f"'{document}' page {index + 1 if isinstance(index, int) else '?'}"
