"""One document on its way into the index: what it held before, what failed, and its line in the ledger."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from visual_rag.records import (
    Document,
    DocumentRecord,
    DocumentState,
    Page,
    PageEmbedding,
    PageFailure,
    PageRecord,
    make_page_id,
)
from visual_rag.store.filters import And, In
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID, PAGE_INDEX

_MAX_DISPLACED = 256  # pages whose vectors wait in memory for their new place; more are embedded again


class DocumentRun:
    """Keeps the books of one document from its first event to its ledger record."""

    def __init__(self, store: PageStore, document: Document, previous: DocumentRecord | None) -> None:
        self.document = document
        self.failures: list[PageFailure] = []
        self.n_waiting = 0  # pages rendered and not yet stored
        self.is_at_end = False
        self._store = store
        self._previous = previous
        self._n_pages = 0
        self._warnings: tuple[str, ...] = ()
        self._before = {page.page_id: page for page in store.scroll(self._of_document())}
        self._displaced: OrderedDict[str, PageEmbedding] = OrderedDict()  # by page hash: overwritten, may come again

    def open(self, n_pages: int) -> None:
        """Note in the ledger that the document is being worked on."""
        self._n_pages = n_pages
        self._store.put_document(self._record(DocumentState.INGESTING, 0))

    def end(self, warnings: Sequence[str] = ()) -> None:
        """Take note that no event comes after this one."""
        self._warnings = tuple(warnings)
        self.is_at_end = True

    def page_id(self, page: Page) -> str:
        """Where a page of this document is kept."""
        return make_page_id(self.document.document_id, page.page_index)

    def stored_unchanged(self, page: Page) -> PageRecord | None:
        """The new record of a page that stands in the index already, at its place and with its pixels."""
        stored = self._before.get(self.page_id(page))
        if stored is None or stored.page_hash != page.page_hash:
            return None
        return self.page_record(page, stored.n_vectors)

    def save_displaced(self, pages: Sequence[Page]) -> None:
        """Read the vectors that these pages will overwrite: a page put in front moves all others back."""
        arriving = {self.page_id(page): page.page_hash for page in pages}
        overwritten = [
            old
            for page_id, new_hash in arriving.items()
            if (old := self._before.get(page_id)) and old.page_hash not in {new_hash, *self._displaced}
        ]
        for old, embedding in zip(overwritten, self._store.embeddings(overwritten), strict=True):
            self._displaced[old.page_hash] = embedding
        while len(self._displaced) > _MAX_DISPLACED:
            self._displaced.popitem(last=False)

    def take_displaced(self, page: Page) -> PageEmbedding | None:
        """The vectors of a page that stood elsewhere in the document."""
        return self._displaced.pop(page.page_hash, None)

    def page_record(self, page: Page, n_vectors: int) -> PageRecord:
        """Describe a page of this document for the store."""
        return PageRecord(
            page_id=self.page_id(page),
            document_id=self.document.document_id,
            document_name=self.document.name,
            source_uri=self.document.source_uri,
            page_index=page.page_index,
            n_pages=self._n_pages,
            label=page.label,
            page_hash=page.page_hash,
            width_px=page.image.width,
            height_px=page.image.height,
            dpi=page.dpi,
            n_vectors=n_vectors,
            text=page.text,
            metadata=self._metadata_at(self.page_id(page)),
        )

    def _metadata_at(self, page_id: str) -> Mapping[str, Any]:
        """The user's own fields outlive a new version: those of the page that stood there, else of the document."""
        stood = self._before.get(page_id) or next(iter(self._before.values()), None)
        return stood.metadata if stood else {}

    def close(self) -> DocumentRecord:
        """Remove what the new version of the document no longer has, and say in the ledger how it ended."""
        failed = {failure.page_number for failure in self.failures}
        if self.is_at_end and None not in failed:
            stale = [page.page_index for page in self._before.values() if self._is_stale(page, failed)]
            if stale:
                self._store.delete(And((self._of_document(), In(PAGE_INDEX, tuple(stale)))))
        n_ingested = self._store.count(self._of_document())
        record = self._record(self._final_state(n_ingested), n_ingested)
        self._store.put_document(record)
        return record

    def _is_stale(self, page: PageRecord, failed: set[int | None]) -> bool:
        return page.page_index >= self._n_pages or (page.page_number in failed and not self._is_same_file())

    def _is_same_file(self) -> bool:
        previous = self._previous
        return (
            previous is not None
            and previous.state is not DocumentState.INGESTING  # cut off: its pages may be of another version
            and all(failure.page_number for failure in previous.failures)
            and previous.document.content_hash == self.document.content_hash
        )

    def _final_state(self, n_ingested: int) -> DocumentState:
        if not self.is_at_end:  # cut off: what it holds may be of two versions
            return DocumentState.INGESTING
        if not self.failures:
            return DocumentState.READY
        return DocumentState.PARTIAL if n_ingested else DocumentState.FAILED

    def _record(self, state: DocumentState, n_ingested: int) -> DocumentRecord:
        return DocumentRecord(
            document=self.document,
            state=state,
            n_pages=self._n_pages or (self._previous.n_pages if self._previous else 0),
            n_ingested=n_ingested,
            failures=tuple(self.failures),
            warnings=self._warnings,
            updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _of_document(self) -> In:
        return In(DOCUMENT_ID, (self.document.document_id,))
