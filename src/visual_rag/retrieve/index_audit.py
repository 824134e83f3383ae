"""The audit of a live index: questions from its own pages, asked exactly and by shortlists of growing size."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from visual_rag.records import FloatArray, PageRecord, QueryEmbedding
from visual_rag.retrieve.queries import QueryEmbedder, as_query
from visual_rag.retrieve.ranking import Ranker, RankingRequest
from visual_rag.retrieve.recall import (
    AuditQuestion,
    Found,
    RecallReport,
    audit_questions,
    audit_recall,
    shortlist_ladder,
)
from visual_rag.retrieve.trace import Trace
from visual_rag.settings import SearchMode, SearchSettings
from visual_rag.store.protocol import PageStore


class AuditSize(NamedTuple):
    """Depth that is compared, questions at most, and the seed that draws them."""

    k: int
    n_questions: int
    seed: int


def audit(
    store: PageStore, ranker: Ranker, queries: QueryEmbedder, settings: SearchSettings, size: AuditSize
) -> RecallReport:
    """Compare two-stage search with exact search by the visual channel.

    Args:
        store: Of the index.
        ranker: Of the index.
        queries: Embeds the questions, each once.
        settings: Whose shortlist is the one in use.
        size: How much is asked.

    Raises:
        InvalidInput: The index is empty, or a number is below 1.
    """
    pages = list(store.scroll())

    def rows_of(some: Sequence[PageRecord]) -> list[FloatArray]:
        return [embedding.vectors for embedding in store.embeddings(some)]

    asked = audit_questions(pages, rows_of, n_questions=size.n_questions, seed=size.seed)
    embeddings = {id(question): _embedded(question, queries) for question in asked}

    plain = replace(settings, channels="visual", shortlist_share=0.0, min_similarity=0.0, diversity=0.0, boosts=())

    def search(question: AuditQuestion, depth: int, mode: SearchMode, shortlist: int = 1) -> Found:
        tried = replace(plain, mode=mode, min_shortlist=shortlist)
        request = RankingRequest(embedding=embeddings[id(question)], text="", condition=None, settings=tried)
        rows = islice(ranker.ranked(request, depth, Trace()), depth)
        return [(row.page.page_id, row.score) for row in rows]

    return audit_recall(
        lambda question, depth: search(question, depth, "exact"),
        lambda question, depth, shortlist: search(question, depth, "two-stage", shortlist),
        asked,
        k=size.k,
        sizes=shortlist_ladder(len(pages), used=min(len(pages), settings.shortlist_size(len(pages)))),
    )


def _embedded(question: AuditQuestion, queries: QueryEmbedder) -> QueryEmbedding:
    if question.rows is None:
        return queries.embed([as_query(question.text or "")])[0]
    n_rows = len(question.rows)
    return QueryEmbedding(vectors=question.rows, tokens=("",) * n_rows, is_seen=np.ones(n_rows, dtype=np.bool_))
