"""The oracle of searches: a whole `PageStore` in plain Python over a dictionary, nothing approximate, nothing clever.

    store = BruteForceStore(passport)
    store.upsert(points)
    store.query(QueryPlan(vectors=query.vectors, limit=5))

Conditions are `filter_matching.matches`, scores are `scoring.maxsim` in a loop, and BM25 is its formula. It passes the
contract suite like any store; it keeps nothing on disk.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from visual_rag.errors import InvalidFilter, InvalidInput
from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord, FloatArray, PageEmbedding, PagePoint, PageRecord, ScoredPage
from visual_rag.scoring import maxsim
from visual_rag.store.bm25 import SparseText, TextAnalyser
from visual_rag.store.checks import check_page_id, check_points, check_query
from visual_rag.store.field_kinds import Kinds, kinds_of, merge, path_keys
from visual_rag.store.filter_matching import matches
from visual_rag.store.filters import And, Filter, In, Not, Or
from visual_rag.store.protocol import FieldKind, QueryPlan, StoreSize, TextPlan
from visual_rag.store.schema import METADATA, TEXT_LAYER, page_payload, page_record


class BruteForceStore:
    """Pages in a dictionary. See `PageStore` for what the methods promise."""

    def __init__(self, passport: IndexPassport) -> None:
        self._passport = passport
        self._analyser = TextAnalyser(passport.text_language)
        self._points: dict[str, PagePoint] = {}
        self._payloads: dict[str, dict[str, Any]] = {}
        self._pages: dict[str, PageRecord] = {}
        self._words: dict[str, SparseText] = {}
        self._documents: dict[str, DocumentRecord] = {}
        self._fields: Kinds = {}
        self._revision = 0

    @property
    def passport(self) -> IndexPassport:
        """What the index was built with."""
        return self._passport

    @property
    def revision(self) -> int:
        """Grows with every write."""
        return self._revision

    def upsert(self, points: Sequence[PagePoint]) -> None:
        """Write pages, replacing those of the same id."""
        check_points(points, self._passport.model.dim)
        for point in points:
            self._points[point.page_id] = point
            self._write_payload(point.page_id, point.payload)

    def _write_payload(self, page_id: str, payload: Mapping[str, Any]) -> None:
        self._revision += 1
        self._payloads[page_id] = deepcopy(dict(payload))
        self._pages[page_id] = page_record(page_id, self._payloads[page_id])
        self._fields = merge(self._fields, kinds_of(payload[METADATA]))
        words = self._analyser.document(payload[TEXT_LAYER])
        self._words.pop(page_id, None)
        if words is not None:
            self._words[page_id] = words

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition."""
        for page in list(self.scroll(condition)):
            self._revision += 1
            for part in (self._points, self._payloads, self._pages, self._words):
                part.pop(page.page_id, None)

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages whose vectors stay."""
        self._check_present(pages)
        for page in pages:
            self._write_payload(page.page_id, page_payload(page))

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        return sum(1 for _ in self.scroll(condition))

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages."""
        _check(condition)
        for page_id, payload in list(self._payloads.items()):
            if condition is None or matches(condition, payload, page_id):
                yield self._pages[page_id]

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back vectors and regions, in order."""
        self._check_present(pages)
        return [self._points[page.page_id].embedding for page in pages]

    def _check_present(self, pages: Sequence[PageRecord]) -> None:
        for page in pages:
            check_page_id(page.page_id)
            if page.page_id not in self._points:
                raise InvalidInput(f"page {page.page_id} is not in the index; it was removed or never ingested")

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Score every page, or those of the shortlist, by MaxSim."""
        check_query(plan, self._passport.model.dim)
        pages = list(self.scroll(plan.filter))
        if plan.shortlist is not None:
            pooled = {page_id: point.pooled for page_id, point in self._points.items()}
            pages = [row.page for row in _best(pages, plan.vectors, pooled)[: plan.shortlist]]
        full = {page_id: point.embedding.vectors for page_id, point in self._points.items()}
        return _best(pages, plan.vectors, full)[: plan.limit]

    def query_batch(self, plans: Sequence[QueryPlan]) -> list[list[ScoredPage]]:
        """Run searches one by one."""
        return [self.query(plan) for plan in plans]

    def query_text(self, plan: TextPlan) -> list[ScoredPage]:
        """Search the text layers by BM25; rareness is counted over the pages that have words."""
        if plan.limit < 0:
            raise InvalidInput(f"limit is {plan.limit}; it is a number of pages, 0 or more")
        asked = self._analyser.query(plan.text)
        n_with = Counter(word for words in self._words.values() for word in words.indices)
        n_pages = len(self._words)
        rows = []
        for page in self.scroll(plan.filter):
            words = self._words.get(page.page_id)
            found = dict(zip(words.indices, words.values, strict=True)) if words else {}
            score = sum(
                math.log((n_pages - n_with[word] + 0.5) / (n_with[word] + 0.5) + 1) * found[word]
                for word in sorted(asked.indices if asked else ())
                if word in found
            )
            rows += [ScoredPage(page=page, score=score)] if score else []
        return sorted(rows, key=_in_order)[: plan.limit]

    def values(self, key: str, condition: Filter | None = None) -> Iterator[tuple[str, Any]]:
        """Read one payload field of the pages that have it."""
        for page in self.scroll(condition):
            value: Any = self._payloads[page.page_id]
            for name in path_keys(key):
                if not isinstance(value, dict) or name not in value:
                    break
                value = value[name]
            else:
                yield page.page_id, value

    def fields(self) -> Mapping[str, frozenset[FieldKind]]:
        """Name the metadata fields that were ever written, and what they held."""
        return dict(self._fields)

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record."""
        self._documents[record.document.document_id] = record

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        return sorted(self._documents.values(), key=lambda record: record.document.source_uri)

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record."""
        self._documents.pop(document_id, None)

    def size(self) -> StoreSize:
        """Count; the bytes are those of the vectors in memory."""
        arrays = [point.embedding.vectors for point in self._points.values()]
        return StoreSize(
            n_pages=len(arrays),
            n_documents=len(self._documents),
            n_vectors=sum(map(len, arrays)),
            size_bytes=sum(array.nbytes for array in arrays),
        )

    def maintain(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: what it holds goes with it."""


def _best(pages: Sequence[PageRecord], query: FloatArray, vectors: Mapping[str, FloatArray]) -> list[ScoredPage]:
    return sorted((ScoredPage(page=page, score=maxsim(query, vectors[page.page_id])) for page in pages), key=_in_order)


def _in_order(row: ScoredPage) -> tuple[float, str]:
    return -row.score, row.page.page_id


def _check(condition: Filter | None) -> None:
    """Refuse a value that no field can equal, as the engines do."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                _check(part)
        case Not(inner):
            _check(inner)
        case In(key, values):
            for value in values:
                if not isinstance(value, str | int | float):
                    raise InvalidFilter(f"'{key}' was compared with {value!r}; give text, a number or a truth value")
