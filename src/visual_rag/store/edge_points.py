"""Pages, ledger records and searches as points and requests of Qdrant Edge, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import qdrant_edge as edge

from visual_rag.records import PageEmbedding, PagePoint
from visual_rag.scoring import normalise_rows
from visual_rag.store.protocol import QueryPlan
from visual_rag.store.schema import FULL, POOLED, REGIONS, regions_from_payload, regions_payload

WITHOUT_REGIONS = edge.PayloadSelector.Exclude([REGIONS])


def page_point(point: PagePoint) -> edge.Point:
    """Translate a page."""
    vectors = {FULL: point.embedding.vectors.tolist(), POOLED: point.pooled.tolist()}  # twice as fast as arrays
    return edge.Point(point.page_id, vectors, {**point.payload, REGIONS: regions_payload(point.embedding)})


def page_embedding(row: edge.Record, payload: Mapping[str, Any]) -> PageEmbedding:
    """Read back a page's multi-vector, rows of unit length, and its regions."""
    vectors = row.vector[FULL] if isinstance(row.vector, dict) else None
    regions, is_patch = regions_from_payload(payload[REGIONS])
    return PageEmbedding(
        vectors=normalise_rows(np.asarray(vectors, dtype=np.float32)), regions=regions, is_patch=is_patch
    )


def put(shard: edge.EdgeShard, point_id: str, payload: Mapping[str, Any]) -> None:
    """Write a point without vectors."""
    shard.update(edge.UpdateOperation.upsert_points([edge.Point(point_id, {}, dict(payload))]))


def search_request(plan: QueryPlan, condition: edge.Filter | None) -> edge.QueryRequest:
    """Translate a search."""
    vectors = plan.vectors.tolist()
    prefetches = None
    if plan.shortlist is not None:
        nearest = edge.Query.Nearest(vectors, using=POOLED)
        prefetches = [edge.Prefetch(limit=plan.shortlist, query=nearest, filter=condition)]
    return edge.QueryRequest(
        limit=plan.limit,
        query=edge.Query.Nearest(vectors, using=FULL),
        prefetches=prefetches,
        filter=condition,
        with_payload=WITHOUT_REGIONS,
        with_vector=False,
    )
