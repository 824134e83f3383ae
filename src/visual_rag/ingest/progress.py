"""How far an ingest is: pages of documents not opened yet are guessed from their bytes."""

from collections.abc import Callable, Iterable

from visual_rag.records import Document, DocumentRecord, IngestProgress

OnProgress = Callable[[IngestProgress], None]


class ProgressEstimate:
    """Counts pages and documents of one run, and reports after every few pages and every document."""

    def __init__(self, documents: Iterable[Document], n_refused: int, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        sizes = [document.size_bytes for document in documents]
        self._n_documents = len(sizes) + n_refused
        self._bytes = sum(sizes)
        self._bytes_opened = 0
        self._n_pages_opened = 0
        self._n_pages_done = 0
        self._n_documents_done = 0

    def document_opened(self, document: Document, n_pages: int) -> None:
        """Learn how many pages a document of this size has."""
        self._bytes_opened += document.size_bytes
        self._n_pages_opened += n_pages

    def document_done(self, record: DocumentRecord) -> None:
        """Count a document as finished, and report it."""
        self._n_documents_done += 1
        self._report(record.document, record)

    def pages_done(self, document: Document, n_pages: int) -> None:
        """Count pages as finished, good or bad, and report."""
        self._n_pages_done += n_pages
        self._report(document)

    def _report(self, document: Document, finished: DocumentRecord | None = None) -> None:
        if self._on_progress is None:
            return
        unopened = max(0, self._bytes - self._bytes_opened)
        guessed = unopened * self._n_pages_opened / self._bytes_opened if self._bytes_opened else 0
        self._on_progress(
            IngestProgress(
                document_name=document.name,
                n_pages_done=self._n_pages_done,
                n_pages_expected=max(self._n_pages_done, self._n_pages_opened + round(guessed)),
                n_documents_done=self._n_documents_done,
                n_documents=self._n_documents,
                finished=finished,
            )
        )
