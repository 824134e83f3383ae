"""What a store is: the least that ingest and retrieval need. Every store passes `visual_rag.testing.StoreContract`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from visual_rag.passport import IndexPassport
from visual_rag.records import (
    BoolArray,
    DocumentRecord,
    FloatArray,
    PageEmbedding,
    PagePoint,
    PageRecord,
    RowMatches,
    ScoredPage,
)
from visual_rag.store.filters import Filter

FieldKind = Literal["text", "number", "truth", "date"]
"""What a metadata field was seen to hold, a list's items included; a `date` is text in ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTuning:
    """How the engine goes about a search; None leaves it to the engine.

    What an engine cannot follow, it ignores:
    results may only become more exact by that.

    Attributes:
        hnsw_ef: Width of the graph search, where the pooled vectors have a graph.
        exact: Scan the pooled vectors instead of walking their graph.
        indexed_only: Leave out what is not yet in the engine's indexes: faster during an ingest, not complete.
        rescore: Score quantized candidates again by the vectors themselves.
        oversampling: So many times more candidates are taken before they are scored again; at least 1.
    """

    hnsw_ef: int | None = None
    exact: bool = False
    indexed_only: bool = False
    rescore: bool | None = None
    oversampling: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPlan:
    """One search as the store runs it over the text layers: BM25 with inverse document frequency.

    Attributes:
        text: Words of the question, cut as the pages' text was; without a word that counts, nothing is found.
        limit: Most pages to return.
        filter: Only pages that meet it; how rare a word is, is counted over all.
    """

    text: str
    limit: int
    filter: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryPlan:
    """One search as the store runs it: MaxSim over the full vectors, of all pages or of a shortlist.

    Attributes:
        vectors: Shape (n_query_vectors, dim), float32; a row's length is its weight.
        limit: Most pages to return.
        shortlist: None scores every page; else only that many pages, the best by MaxSim over the pooled vectors.
        filter: Goes into the shortlist and into the last stage alike.
        tuning: How the engine goes about it.
        is_seen: As in `QueryEmbedding`; for a reranker, stores do not look at it.
    """

    vectors: FloatArray
    limit: int
    shortlist: int | None = None
    filter: Filter | None = None
    tuning: EngineTuning = EngineTuning()
    is_seen: BoolArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """What an index holds, and its bytes on disk, page images not counted."""

    n_pages: int
    n_documents: int
    n_vectors: int
    size_bytes: int


@runtime_checkable
class PageStore(Protocol):
    """Pages with their multi-vectors, one record per document, and the passport."""

    @property
    def passport(self) -> IndexPassport:
        """What the index was built with."""
        ...

    @property
    def revision(self) -> int:
        """Grows with every write through this object: what was read at another revision may be out of date."""
        ...

    def upsert(self, points: Sequence[PagePoint]) -> None:
        """Write pages, replacing those of the same id.

        Raises:
            UnhealthyEmbedding: A vector is not finite, not of unit length or of the wrong dim; nothing is written.
            InvalidInput: A page has too many vectors.
        """
        ...

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition."""
        ...

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages whose vectors stay."""
        ...

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        ...

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages, in no particular order."""
        ...

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back the full multi-vectors and regions of pages, in order, rows of unit length within 1 %.

        Raises:
            InvalidInput: A page is not in the store.
        """
        ...

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Run one search, best page first and equal scores by page id; the score is MaxSim."""
        ...

    def query_batch(self, plans: Sequence[QueryPlan]) -> list[list[ScoredPage]]:
        """Run several searches, in order: the same answers as one by one, with fewer calls of the engine."""
        ...

    def query_text(self, plan: TextPlan) -> list[ScoredPage]:
        """Search the text layers, best page first and equal scores by page id; the score is BM25, above 0."""
        ...

    def values(self, key: str, condition: Filter | None = None) -> Iterator[tuple[str, Any]]:
        """Read one payload field of all pages that have it: (page id, value), in no particular order."""
        ...

    def fields(self) -> Mapping[str, frozenset[FieldKind]]:
        """Name the metadata fields that were ever written, nested ones with dots, and what they held."""
        ...

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record, replacing that of the same document."""
        ...

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        ...

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record; its pages are removed by `delete`."""
        ...

    def size(self) -> StoreSize:
        """Count pages, documents and vectors, and the bytes on disk."""
        ...

    def maintain(self) -> None:
        """Bring everything to disk and in order, after an ingest."""
        ...

    def close(self) -> None:
        """Release the index; a closed store cannot be used again."""
        ...


@runtime_checkable
class RowMatcher(Protocol):
    """What a store may offer beside `PageStore`: lists of alike rows, from which a shortlist is made."""

    def row_matches(self, vectors: FloatArray, *, n_rows: int) -> RowMatches | None:
        """Find rows of the index that lie near the rows of a query.

        Args:
            vectors: Shape (n_query_vectors, dim), float32; lengths are not looked at.
            n_rows: About how many rows of the index are read in all.

        Returns:
            None where there are no lists.
        """
        ...
