"""Pages from the renderer, through the model, into the store: document by document, a few pages at a time.

    ingestor = Ingestor(store, embedder, images, RenderSettings(), dpi=120)
    report = ingestor.add([Path("manuals")])

Killed at any moment and started again, it loses nothing and writes nothing twice: a document is marked INGESTING before
its first page and READY after its last, page ids follow from the document, and vectors are found again by page hash.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import DocumentError, EmbeddingError
from visual_rag.ingest.plan import IngestPlan, make_plan
from visual_rag.records import (
    Document,
    DocumentRecord,
    DocumentState,
    IngestProgress,
    IngestReport,
    Page,
    PageEmbedding,
    PageFailure,
    PagePoint,
    PageRecord,
    make_page_id,
)
from visual_rag.render import (
    DocumentDone,
    DocumentFailed,
    DocumentOpened,
    PageFailed,
    PageRendered,
    RenderEvent,
    RenderRequest,
    render_documents,
)
from visual_rag.scoring import check_page_vectors
from visual_rag.settings import RenderSettings
from visual_rag.store.filters import AllOf, AnyOf
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID, PAGE_HASH, PAGE_INDEX, page_payload

log = logging.getLogger(__name__)

BATCH_PAGES = 8
PasswordFor = Callable[[Document], str | None]
OnProgress = Callable[[IngestProgress], None]


@dataclass(slots=True)
class _Tally:
    """What the run has done so far."""

    records: list[DocumentRecord] = field(default_factory=list)
    n_embedded: int = 0
    n_reused: int = 0
    n_pages_done: int = 0


class Ingestor:
    """Fills one index."""

    def __init__(
        self, store: PageStore, embedder: PageEmbedder, images: PageImages, render: RenderSettings, *, dpi: int
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._images = images
        self._render = render
        self._dpi = dpi

    def add(
        self,
        paths: Iterable[Path],
        *,
        password_for: PasswordFor | None = None,
        on_progress: OnProgress | None = None,
        strict: bool = False,
    ) -> IngestReport:
        """Bring files and folders into the index.

        Args:
            paths: Files and folders.
            password_for: Asked for the password of a document that needs one.
            on_progress: Called after every page.
            strict: Raise at the first document or page that fails, instead of noting it in the ledger.

        Raises:
            SourceError: A named path does not exist or may not be listed.
            DocumentError: With `strict`, what failed first.
            StoreError: The store failed.
        """
        started = time.monotonic()
        plan = make_plan(paths, {record.document.document_id: record for record in self._store.documents()})
        tally = _Tally()
        for unreadable in plan.unreadable:
            self._finish(unreadable, tally, strict=strict)
        requests = (RenderRequest(document=document, path=path) for document, path in plan.work)
        progress = _Progress(plan, on_progress)
        with closing(
            render_documents(requests, self._render, dpi=self._dpi, password_for=password_for)
        ) as events:  # closed at once when the store fails, so that no renderer is left running
            for document, own_events in groupby(events, key=lambda event: event.document):
                run = _DocumentRun(self, document, tally, progress)
                self._finish(run.ingest(own_events), tally, strict=strict)
                progress.document_done()
        if plan.work:
            self._store.maintain()
        return IngestReport(
            ingested=tuple(tally.records),
            unchanged=tuple(plan.unchanged),
            ignored=tuple(plan.ignored),
            n_pages_embedded=tally.n_embedded,
            n_pages_reused=tally.n_reused,
            seconds=time.monotonic() - started,
        )

    def remove(self, document_ids: Sequence[str]) -> int:
        """Take documents out of the index, with their pages, images and ledger records; return the pages removed."""
        n_removed = 0
        for document_id in document_ids:
            n_removed += self._delete_pages(list(self._store.scroll(AnyOf(DOCUMENT_ID, (document_id,)))))
            self._store.delete_document(document_id)
        self._store.maintain()
        return n_removed

    def _finish(self, record: DocumentRecord, tally: _Tally, *, strict: bool) -> None:
        self._store.put_document(replace(record, updated_at=datetime.now(UTC).isoformat(timespec="seconds")))
        tally.records.append(record)
        if strict and record.failures:
            failure = record.failures[0]
            raise DocumentError(
                f"{record.document.name}: {failure.message}",
                source=record.document.name,
                page_number=failure.page_number,
            )

    def _delete_pages(self, pages: Sequence[PageRecord]) -> int:
        """Delete pages, and their images where no other page has the same pixels."""
        for document_id, group in groupby(pages, key=lambda page: page.document_id):
            indexes = tuple(page.page_index for page in group)
            self._store.delete(AllOf((AnyOf(DOCUMENT_ID, (document_id,)), AnyOf(PAGE_INDEX, indexes))))
        hashes = {page.page_hash for page in pages}
        unused = [page_hash for page_hash in hashes if not self._store.count(AnyOf(PAGE_HASH, (page_hash,)))]
        self._images.delete(unused)
        return len(pages)


class _DocumentRun:
    """One document on its way into the index."""

    def __init__(self, ingestor: Ingestor, document: Document, tally: _Tally, progress: "_Progress") -> None:
        self._owner = ingestor
        self._store = ingestor._store  # noqa: SLF001  # this class is the inside of Ingestor, one per document
        self._embedder = ingestor._embedder  # noqa: SLF001  # likewise
        self._images = ingestor._images  # noqa: SLF001  # likewise
        self._document = document
        self._tally = tally
        self._progress = progress
        self._n_pages = 0
        self._failures: list[PageFailure] = []
        self._warnings: tuple[str, ...] = ()

    def ingest(self, events: Iterator[RenderEvent]) -> DocumentRecord:
        """Take the document's events to their end; return its ledger record."""
        before = list(self._store.scroll(AnyOf(DOCUMENT_ID, (self._document.document_id,))))
        batch: list[Page] = []
        for event in events:
            match event:
                case DocumentOpened(n_pages=n_pages):
                    self._n_pages = n_pages
                    self._progress.document_opened(self._document, n_pages)
                    self._store.put_document(self._record(DocumentState.INGESTING, 0))
                case PageRendered(page=page):
                    batch.append(page)
                    if len(batch) == BATCH_PAGES:
                        self._write(batch)
                        batch = []
                case PageFailed(failure=failure):
                    self._failures.append(failure)
                    self._count(1)
                case DocumentFailed(failure=failure):
                    self._failures.append(failure)
                case DocumentDone(warnings=warnings):
                    self._warnings = warnings
        self._write(batch)
        return self._closed(before)

    def _closed(self, before: Sequence[PageRecord]) -> DocumentRecord:
        """Remove what the new version of the document no longer has, and say how it ended."""
        whole = any(failure.page_number is None for failure in self._failures)
        if not whole:
            failed = {failure.page_number for failure in self._failures}
            stale = [page for page in before if page.page_index >= self._n_pages or page.page_number in failed]
            replaced = [page for page in before if page not in stale]
            self._owner._delete_pages(stale)  # noqa: SLF001  # the inside of Ingestor
            self._drop_replaced_images(replaced)
        n_ingested = self._store.count(AnyOf(DOCUMENT_ID, (self._document.document_id,)))
        if not self._failures:
            return self._record(DocumentState.READY, n_ingested)
        return self._record(DocumentState.PARTIAL if n_ingested else DocumentState.FAILED, n_ingested)

    def _drop_replaced_images(self, pages: Sequence[PageRecord]) -> None:
        hashes = {page.page_hash for page in pages}
        self._images.delete([value for value in hashes if not self._store.count(AnyOf(PAGE_HASH, (value,)))])

    def _record(self, state: DocumentState, n_ingested: int) -> DocumentRecord:
        return DocumentRecord(
            document=self._document,
            state=state,
            n_pages=self._n_pages,
            n_ingested=n_ingested,
            failures=tuple(self._failures),
            warnings=self._warnings,
        )

    def _write(self, pages: Sequence[Page]) -> None:
        """Embed what the index does not have yet, and store the batch."""
        if not pages:
            return
        known = self._known({page.page_hash for page in pages})
        fresh = [page for page in pages if page.page_hash not in known]
        embeddings = dict(zip((page.page_hash for page in fresh), self._embed(fresh), strict=True))
        points, moved = [], []
        for page in pages:
            record = self._page_record(page, known.get(page.page_hash))
            stored, embedding = known.get(page.page_hash), embeddings.get(page.page_hash)
            if stored and stored.page_id == record.page_id:
                moved.append(record)
            elif stored:
                [embedding] = self._store.embeddings([stored])
            if embedding:
                points.append(self._point(record, embedding))
            if stored or embedding:
                self._images.put(page.page_hash, page.encoded_image, page.image_mimetype)
        self._store.upsert(points)
        self._store.update_payload(moved)
        self._tally.n_reused += len(pages) - len(fresh)
        self._count(len(pages))

    def _known(self, hashes: set[str]) -> dict[str, PageRecord]:
        """Find stored pages with the same pixels, of this document first."""
        own = self._document.document_id
        found = sorted(self._store.scroll(AnyOf(PAGE_HASH, tuple(hashes))), key=lambda page: page.document_id == own)
        return {page.page_hash: page for page in found}

    def _embed(self, pages: Sequence[Page]) -> list[PageEmbedding | None]:
        """Embed pages together; when that fails, one by one, so that one bad page costs only itself."""
        unique = list({page.page_hash: page for page in pages}.values())
        try:
            made = self._checked(unique)
        except EmbeddingError:
            made = {page.page_hash: self._embed_one(page) for page in unique}
        self._tally.n_embedded += sum(embedding is not None for embedding in made.values())
        return [made[page.page_hash] for page in pages]

    def _embed_one(self, page: Page) -> PageEmbedding | None:
        try:
            return self._checked([page])[page.page_hash]
        except EmbeddingError as error:
            failure = PageFailure(
                page_number=page.page_index + 1, reason=type(error).__name__, message=f"cannot be embedded: {error}"
            )
            self._failures.append(failure)
            return None

    def _checked(self, pages: Sequence[Page]) -> dict[str, PageEmbedding | None]:
        if not pages:
            return {}
        embeddings = self._embedder.embed_pages(pages)
        for embedding in embeddings:
            check_page_vectors(embedding.vectors, self._embedder.identity.dim)
        return {page.page_hash: embedding for page, embedding in zip(pages, embeddings, strict=True)}

    def _point(self, record: PageRecord, embedding: PageEmbedding) -> PagePoint:
        return PagePoint(
            page_id=record.page_id,
            payload=page_payload(replace(record, n_vectors=len(embedding.vectors))),
            embedding=embedding,
            pooled=self._embedder.pool(embedding),
        )

    def _page_record(self, page: Page, stored: PageRecord | None) -> PageRecord:
        return PageRecord(
            page_id=make_page_id(self._document.document_id, page.page_index),
            document_id=self._document.document_id,
            document_name=self._document.name,
            source_uri=self._document.source_uri,
            page_index=page.page_index,
            n_pages=self._n_pages,
            label=page.label,
            page_hash=page.page_hash,
            width_px=page.image.width,
            height_px=page.image.height,
            dpi=page.dpi,
            n_vectors=stored.n_vectors if stored else 0,
            text=page.text,
        )

    def _count(self, n_pages: int) -> None:
        self._tally.n_pages_done += n_pages
        self._progress.pages_done(self._document, self._tally.n_pages_done)


class _Progress:
    """Turns events into estimates: pages of documents not opened yet are guessed from their bytes."""

    def __init__(self, plan: IngestPlan, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._n_documents = len(plan.work)
        self._bytes_left = sum(document.size_bytes for document, _ in plan.work)
        self._bytes_opened = 0
        self._n_pages_opened = 0
        self._n_documents_done = 0

    def document_opened(self, document: Document, n_pages: int) -> None:
        """Learn how many pages a document of this size has."""
        self._bytes_opened += document.size_bytes
        self._n_pages_opened += n_pages

    def document_done(self) -> None:
        """Count a document as finished."""
        self._n_documents_done += 1

    def pages_done(self, document: Document, n_pages_done: int) -> None:
        """Report."""
        if self._on_progress is None:
            return
        unopened = max(0, self._bytes_left - self._bytes_opened)
        guessed = unopened * self._n_pages_opened / self._bytes_opened if self._bytes_opened else 0
        self._on_progress(
            IngestProgress(
                document_name=document.name,
                n_pages_done=n_pages_done,
                n_pages_expected=max(n_pages_done, self._n_pages_opened + round(guessed)),
                n_documents_done=self._n_documents_done,
                n_documents=self._n_documents,
            )
        )
