"""Pages from the renderer, through the model, into the store, a few at a time.

    ingestor = Ingestor(store, embedder, images, RenderSettings(), dpi=120)
    report = ingestor.add([Path("manuals")])

Killed at any moment and started again, it loses nothing and writes nothing twice: a document is marked INGESTING before
its first page and READY after its last, page ids follow from the document, and vectors are found again by page hash.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import error_for
from visual_rag.ingest.document_run import DocumentRun
from visual_rag.ingest.page_writer import PageWriter
from visual_rag.ingest.plan import make_plan
from visual_rag.ingest.progress import OnProgress, ProgressEstimate
from visual_rag.ingest.removal import sweep_images
from visual_rag.records import Document, DocumentRecord, DocumentState, IngestReport, PageFailure
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
from visual_rag.settings import RenderSettings
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore

PasswordFor = Callable[[Document], str | None]


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
            on_progress: Called after every few pages.
            strict: Raise at the first document or page that fails, instead of going on.

        Raises:
            SourceError: A named path does not exist or may not be listed.
            DocumentError: With `strict`, what failed first, in the class that says why.
            StoreError: The store failed.
        """
        started = time.monotonic()
        ledger = {record.document.document_id: record for record in self._store.documents()}
        plan = make_plan(paths, ledger, self._images_check(), max_file_bytes=self._render.max_file_bytes)
        documents = [document for document, _ in plan.work]
        progress = ProgressEstimate(documents, len(plan.refused), on_progress)
        records: list[DocumentRecord] = []
        for document_id in plan.outdated:
            self._store.delete_document(document_id)
        for refused in plan.refused:
            self._store.put_document(refused)
            records.append(refused)
            progress.document_done(refused)
            if strict:
                raise _error_of(refused.document, refused.failures[0])
        requests = (RenderRequest(document=document, path=path) for document, path in plan.work)
        with (
            closing(PageWriter(self._store, self._embedder, self._images, progress)) as writer,
            closing(  # at once when something is raised, so that no renderer is left running
                render_documents(requests, self._render, dpi=self._dpi, password_for=password_for)
            ) as events,
        ):
            work = _Work(self._store, writer, progress, ledger)
            for event in events:
                work.take(event)
                if strict and work.has_failed:
                    break
            records += work.closed()
            if strict and work.has_failed:
                raise work.first_error()
        if any(document.document_id in ledger for document in documents):
            sweep_images(self._store, self._images)  # only a document that was here before can have left images behind
        if documents:
            self._store.maintain()
        return IngestReport(
            ingested=tuple(records),
            unchanged=tuple(plan.unchanged),
            ignored=tuple(plan.ignored),
            n_pages_embedded=writer.n_embedded,
            n_pages_reused=writer.n_reused,
            seconds=time.monotonic() - started,
        )

    def _images_check(self) -> Callable[[DocumentRecord], bool]:
        """Make the question whether a document is whole: READY, and no page and no page image lost."""
        kept = self._images.hashes()
        n_whole = Counter(page.document_id for page in self._store.scroll() if page.page_hash in kept)
        return lambda record: (
            record.state is DocumentState.READY and n_whole[record.document.document_id] == record.n_ingested
        )


class _Work:
    """Gives each event to the run of its document; closes runs in order, each when its last page is stored."""

    def __init__(
        self, store: PageStore, writer: PageWriter, progress: ProgressEstimate, ledger: dict[str, DocumentRecord]
    ) -> None:
        self._store = store
        self._writer = writer
        self._progress = progress
        self._ledger = ledger
        self._open: deque[DocumentRun] = deque()
        self._records: list[DocumentRecord] = []

    @property
    def has_failed(self) -> bool:
        """Whether anything failed so far."""
        return any(record.failures for record in self._records) or any(run.failures for run in self._open)

    def take(self, event: RenderEvent) -> None:
        """Work on one event."""
        run = self._run_of(event.document)
        match event:
            case DocumentOpened(n_pages=n_pages):
                self._progress.document_opened(event.document, n_pages)
                run.open(n_pages)
            case PageRendered(page=page):
                self._writer.add(run, page)
            case PageFailed(failure=failure):
                self._progress.pages_done(event.document, 1)
                run.failures.append(failure)
            case DocumentFailed(failure=failure):
                run.failures.append(failure)
                run.end()
            case DocumentDone(warnings=warnings):
                run.end(warnings)
        self._close_finished()

    def closed(self) -> list[DocumentRecord]:
        """Store what is left and close all runs, the one that was broken off included."""
        self._writer.settle()
        while self._open:
            self._close_first()
        return self._records

    def first_error(self) -> Exception:
        """What failed first, in the class that says why."""
        record = next(record for record in self._records if record.failures)
        return _error_of(record.document, record.failures[0])

    def _run_of(self, document: Document) -> DocumentRun:
        if not self._open or self._open[-1].document != document:
            self._open.append(DocumentRun(self._store, document, self._ledger.get(document.document_id)))
        return self._open[-1]

    def _close_finished(self) -> None:
        while self._open and self._open[0].is_at_end and not self._open[0].n_waiting:
            self._close_first()

    def _close_first(self) -> None:
        record = self._open.popleft().close()
        self._records.append(record)
        self._progress.document_done(record)


def _error_of(document: Document, failure: PageFailure) -> Exception:
    message = f"{document.name}: {failure.message}"
    return error_for(failure.reason, message, source=document.name, page_number=failure.page_number)
