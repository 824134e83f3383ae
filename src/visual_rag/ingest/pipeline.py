"""Pages from the renderer, through the model, into the store: document by document, a few pages at a time.

    ingestor = Ingestor(store, embedder, images, RenderSettings(), dpi=120)
    report = ingestor.add([Path("manuals")])

Killed at any moment and started again, it loses nothing and writes nothing twice: a document is marked INGESTING before
its first page and READY after its last, page ids follow from the document, and vectors are found again by page hash.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import groupby
from pathlib import Path

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import error_for
from visual_rag.ingest.document_run import DocumentRun, StrictStop, Workshop
from visual_rag.ingest.plan import make_plan
from visual_rag.ingest.progress import OnProgress, ProgressEstimate
from visual_rag.ingest.removal import sweep_images
from visual_rag.records import Document, DocumentRecord, DocumentState, IngestReport
from visual_rag.render import RenderRequest, render_documents
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
        records: list[DocumentRecord] = []
        for refused in plan.refused:
            self._store.put_document(refused)
            records.append(refused)
            if strict:
                raise _strict_error(refused.document, StrictStop(refused.failures[0]))
        documents = [document for document, _ in plan.work]
        workshop = Workshop(
            store=self._store,
            embedder=self._embedder,
            images=self._images,
            progress=ProgressEstimate(documents, on_progress),
        )
        requests = (RenderRequest(document=document, path=path) for document, path in plan.work)
        runs: list[DocumentRun] = []
        with closing(
            render_documents(requests, self._render, dpi=self._dpi, password_for=password_for)
        ) as events:  # closed at once when something is raised, so that no renderer is left running
            for document, own_events in groupby(events, key=lambda event: event.document):
                run = DocumentRun(workshop, document, ledger.get(document.document_id), strict=strict)
                runs.append(run)
                try:
                    records.append(run.ingest(own_events))
                except StrictStop as stop:
                    raise _strict_error(document, stop) from None
                workshop.progress.document_done()
        if any(document.document_id in ledger for document in documents):
            sweep_images(self._store, self._images)  # only a document that was here before can have left images behind
        if documents:
            self._store.maintain()
        return IngestReport(
            ingested=tuple(records),
            unchanged=tuple(plan.unchanged),
            ignored=tuple(plan.ignored),
            n_pages_embedded=sum(run.n_embedded for run in runs),
            n_pages_reused=sum(run.n_reused for run in runs),
            seconds=time.monotonic() - started,
        )

    def _images_check(self) -> Callable[[DocumentRecord], bool]:
        """Make the question whether a document is whole: READY, and no page image lost."""
        kept = self._images.hashes()
        bare = {page.document_id for page in self._store.scroll() if page.page_hash not in kept}
        return lambda record: record.state is DocumentState.READY and record.document.document_id not in bare


def _strict_error(document: Document, stop: StrictStop) -> Exception:
    failure = stop.failure
    message = f"{document.name}: {failure.message}"
    return error_for(failure.reason, message, source=document.name, page_number=failure.page_number)
