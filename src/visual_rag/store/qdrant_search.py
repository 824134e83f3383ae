"""Searches as requests to a Qdrant server, and their answers: best page first, equal scores by page id.

Among pages that tie at the cut a server returns any. One page more than asked for shows whether there is a tie; then
everything that scores as the cut or better is asked for, so that a longer answer always begins with the shorter one.
"""

from collections.abc import Sequence

import numpy as np

from visual_rag.errors import MissingDependency
from visual_rag.records import ScoredPage
from visual_rag.store.bm25 import SparseText
from visual_rag.store.protocol import EngineTuning, QueryPlan
from visual_rag.store.qdrant_points import VALUE_BYTES, WITHOUT_REGIONS, sparse_vector
from visual_rag.store.qdrant_server import Server
from visual_rag.store.schema import FULL, POOLED, TEXT, page_record

try:
    from qdrant_client import models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error


def plan_bytes(plan: QueryPlan) -> int:
    """Estimate what a search takes in a request; with a shortlist, its vectors are sent twice."""
    return VALUE_BYTES * plan.vectors.size * (1 if plan.shortlist is None else 2)


def search_request(plan: QueryPlan, condition: models.Filter | None, *, n_pages: int) -> models.QueryRequest:
    """Translate a search, for one page more than the plan wants: it shows whether pages tie at the cut.

    The filter goes into both stages: a server may apply the last one's after the first.

    Args:
        plan: What to look for.
        condition: Its filter.
        n_pages: That there are: a server makes room for as many hits as it is asked for.
    """
    vectors = plan.vectors.tolist()
    prefetch = None
    if plan.shortlist is not None:
        prefetch = models.Prefetch(
            query=vectors,
            using=POOLED,
            limit=max(1, min(plan.shortlist, n_pages)),
            filter=condition,
            params=search_params(plan.tuning),  # those beside the last stage would be ignored
        )
    return models.QueryRequest(
        query=vectors,
        using=FULL,
        prefetch=prefetch,
        limit=min(plan.limit, n_pages) + 1,
        filter=condition,
        with_payload=WITHOUT_REGIONS,
    )


def search_params(tuning: EngineTuning) -> models.SearchParams | None:
    """Translate how the shortlist is searched; None where all is left to the server."""
    if tuning == EngineTuning():
        return None
    quantization = None
    if tuning.rescore is not None or tuning.oversampling is not None:
        quantization = models.QuantizationSearchParams(rescore=tuning.rescore, oversampling=tuning.oversampling)
    return models.SearchParams(
        hnsw_ef=tuning.hnsw_ef, exact=tuning.exact, indexed_only=tuning.indexed_only, quantization=quantization
    )


def text_request(words: SparseText, condition: models.Filter | None, *, limit: int) -> models.QueryRequest:
    """Translate a search of the text layers, for one page more than wanted."""
    return models.QueryRequest(
        query=sparse_vector(words), using=TEXT, limit=limit + 1, filter=condition, with_payload=WITHOUT_REGIONS
    )


def best_pages(
    server: Server, requests: Sequence[models.QueryRequest], limits: Sequence[int]
) -> list[list[ScoredPage]]:
    """Run searches together.

    Args:
        server: Whose pages to search.
        requests: Each for one page more than wanted.
        limits: How many pages are wanted of each.
    """
    answers = _answers(server, requests)
    tied = [row for row, limit in enumerate(limits) if _has_tie(answers[row], limit)]
    if tied:
        n_pages = server.ask("counting pages of", lambda client: client.count(server.collection)).count
        again = _answers(server, [_request_for_ties(requests[row], answers[row], n_pages=n_pages) for row in tied])
        answers = [again.pop(0) if row in tied else points for row, points in enumerate(answers)]
    return [_ranked(points)[:limit] for points, limit in zip(answers, limits, strict=True)]


def _answers(server: Server, requests: Sequence[models.QueryRequest]) -> list[list[models.ScoredPoint]]:
    answers = server.ask(
        "searching", lambda client: client.query_batch_points(server.collection, requests=list(requests))
    )
    return [answer.points for answer in answers]


def _has_tie(rows: Sequence[models.ScoredPoint], limit: int) -> bool:
    """Whether the first page beyond `limit` scores as the last one within: a server returns any of those that do."""
    scores = sorted((row.score for row in rows), reverse=True)
    return len(scores) > limit > 0 and scores[limit - 1] == scores[limit]


def _request_for_ties(
    request: models.QueryRequest, rows: Sequence[models.ScoredPoint], *, n_pages: int
) -> models.QueryRequest:
    """Ask for all pages that score as the worst of `rows`, or better."""
    worst = np.float32(min(row.score for row in rows))
    just_below = float(np.nextafter(worst, np.float32(-np.inf)))  # whether a threshold is met by itself or not
    return request.model_copy(update={"limit": max(1, n_pages), "score_threshold": just_below})


def _ranked(rows: Sequence[models.ScoredPoint]) -> list[ScoredPage]:
    """Read back the hits of a search, best first and equal scores by page id."""
    scored = [ScoredPage(page=page_record(str(row.id), row.payload or {}), score=float(row.score)) for row in rows]
    return sorted(scored, key=lambda row: (-row.score, row.page.page_id))
