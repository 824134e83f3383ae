"""Pages and searches as points and requests of Qdrant Edge, and back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import qdrant_edge as edge

from visual_rag.records import PageEmbedding, PagePoint
from visual_rag.scoring import normalise_rows
from visual_rag.store.bm25 import SparseText, TextAnalyser
from visual_rag.store.protocol import EngineTuning, QueryPlan
from visual_rag.store.schema import FULL, POOLED, REGIONS, TEXT, TEXT_LAYER, regions_from_payload, regions_payload

WITHOUT_REGIONS = edge.PayloadSelector.Exclude([REGIONS])
_BATCH_BYTES = 8 * 2**20  # of float32 values; as Python lists, on their way into the engine, eight times that
MakeRequest = Callable[[int, float | None], edge.QueryRequest]  # of a limit and a score to lie above


def page_point(point: PagePoint, analyser: TextAnalyser) -> edge.Point:
    """Translate a page."""
    vectors: dict[str, Any] = {
        FULL: point.embedding.vectors.tolist(),  # twice as fast as arrays
        POOLED: point.pooled.tolist(),
    }
    words = analyser.document(point.payload[TEXT_LAYER])
    if words is not None:
        vectors[TEXT] = _sparse(words)
    return edge.Point(point.page_id, vectors, {**point.payload, REGIONS: regions_payload(point.embedding)})


def by_bytes(points: Sequence[PagePoint]) -> Iterator[list[PagePoint]]:
    """Cut pages into batches of a few megabytes."""
    batch: list[PagePoint] = []
    size_bytes = 0
    for point in points:
        point_bytes = 4 * (point.embedding.vectors.size + point.pooled.size)
        if batch and size_bytes + point_bytes > _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
        batch.append(point)
        size_bytes += point_bytes
    if batch:
        yield batch


def text_change(page_id: str, words: SparseText | None) -> edge.UpdateOperation:
    """Write the words of a page whose text changed."""
    if words is None:
        return edge.UpdateOperation.delete_vectors([page_id], [TEXT])
    return edge.UpdateOperation.update_vectors([edge.PointVectors(page_id, {TEXT: _sparse(words)})])


def page_embedding(row: edge.Record, payload: Mapping[str, Any]) -> PageEmbedding:
    """Read back a page's multi-vector, rows of unit length, and its regions."""
    vectors = row.vector[FULL] if isinstance(row.vector, dict) else None
    regions, is_patch = regions_from_payload(payload[REGIONS])
    return PageEmbedding(
        vectors=normalise_rows(np.asarray(vectors, dtype=np.float32)), regions=regions, is_patch=is_patch
    )


def search_request(plan: QueryPlan, condition: edge.Filter | None) -> MakeRequest:
    """Translate a search."""
    vectors = plan.vectors.tolist()
    params = _search_params(plan.tuning)
    prefetches = None
    if plan.shortlist is not None:
        nearest = edge.Query.Nearest(vectors, using=POOLED)
        prefetches = [edge.Prefetch(limit=plan.shortlist, query=nearest, filter=condition, params=params)]
    return lambda limit, above: edge.QueryRequest(
        limit=limit,
        query=edge.Query.Nearest(vectors, using=FULL),
        prefetches=prefetches,
        filter=condition,
        score_threshold=above,
        params=None if prefetches else params,
        with_payload=False,
        with_vector=False,
    )


def text_request(words: SparseText, condition: edge.Filter | None) -> MakeRequest:
    """Translate a search over the text layers."""
    nearest = edge.Query.Nearest(_sparse(words), using=TEXT)
    return lambda limit, above: edge.QueryRequest(
        limit=limit, query=nearest, filter=condition, score_threshold=above, with_payload=False, with_vector=False
    )


def best_pages(shard: edge.EdgeShard, make_request: MakeRequest, limit: int) -> list[tuple[str, float]]:
    """Run a search: page ids and scores, best first and equal scores by page id.

    Among pages that tie at the cut the engine returns any. One page more than asked for shows whether there is a tie;
    then everything above the cut is asked for, so that a longer answer always begins with the shorter one.
    """
    if limit == 0:
        return []
    rows = shard.query(make_request(limit + 1, None))
    if len(rows) > limit and rows[limit - 1].score == rows[limit].score:
        just_below = float(np.nextafter(np.float32(rows[limit].score), np.float32(-np.inf)))  # a threshold is exclusive
        rows = shard.query(make_request(shard.info().points_count, just_below))
    ranked = sorted((-row.score, str(row.id)) for row in rows)[:limit]
    return [(page_id, -negative) for negative, page_id in ranked]


def _search_params(tuning: EngineTuning) -> edge.SearchParams:
    quantization = None
    if tuning.rescore is not None or tuning.oversampling is not None:
        quantization = edge.QuantizationSearchParams(rescore=tuning.rescore, oversampling=tuning.oversampling)
    return edge.SearchParams(
        hnsw_ef=tuning.hnsw_ef, exact=tuning.exact, indexed_only=tuning.indexed_only, quantization=quantization
    )


def _sparse(words: SparseText) -> edge.SparseVector:
    return edge.SparseVector(words.indices, words.values)
