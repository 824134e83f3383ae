"""What a store is: the least that ingest and retrieval need. Every store passes `visual_rag.testing.StoreContract`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord, FloatArray, PageEmbedding, PagePoint, PageRecord, ScoredPage
from visual_rag.store.filters import Filter


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryPlan:
    """One search as the store runs it: MaxSim over the full vectors, of all pages or of a shortlist.

    Attributes:
        vectors: Shape (n_query_vectors, dim), float32; a row's length is its weight.
        limit: Most pages to return.
        shortlist: None scores every page; else only that many pages, the best by MaxSim over the pooled vectors.
        filter: Goes into the shortlist and into the last stage alike.
    """

    vectors: FloatArray
    limit: int
    shortlist: int | None = None
    filter: Filter | None = None


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
        """Run one search, best page first; the score is MaxSim."""
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
