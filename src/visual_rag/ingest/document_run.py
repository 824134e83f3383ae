"""One document on its way into the index: events in, a ledger record out."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import EmbeddingError, InvalidInput
from visual_rag.ingest.progress import ProgressEstimate
from visual_rag.records import (
    Document,
    DocumentRecord,
    DocumentState,
    Page,
    PageEmbedding,
    PageFailure,
    PagePoint,
    PageRecord,
    make_page_id,
)
from visual_rag.render import DocumentDone, DocumentFailed, DocumentOpened, PageFailed, PageRendered, RenderEvent
from visual_rag.store.checks import check_points
from visual_rag.store.filters import AllOf, AnyOf
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID, PAGE_HASH, PAGE_INDEX, page_payload

BATCH_PAGES, BATCH_PIXELS = 8, 40_000_000
_MAX_DISPLACED = 256  # pages whose vectors wait in memory for their new place; more are embedded again


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every document of a run is worked on with."""

    store: PageStore
    embedder: PageEmbedder
    images: PageImages
    progress: ProgressEstimate


class StrictStop(Exception):  # no error of its own: it carries the first failure to `Ingestor.add`
    """The run is strict and something failed."""

    def __init__(self, failure: PageFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class DocumentRun:
    """Writes the pages of one document, a few at a time.

    Pages whose pixels are in the index already keep their vectors, wherever in the document they stand now.
    """

    def __init__(
        self, workshop: Workshop, document: Document, previous: DocumentRecord | None, *, strict: bool
    ) -> None:
        self._workshop = workshop
        self._store = workshop.store
        self._document = document
        self._previous = previous
        self._strict = strict
        self._n_pages = 0
        self._failures: list[PageFailure] = []
        self._warnings: tuple[str, ...] = ()
        self._displaced: OrderedDict[str, PageEmbedding] = OrderedDict()  # by page hash: overwritten, may come again
        self._before: dict[str, PageRecord] = {}  # by page id: as the document stood when the run began
        self.n_embedded = 0
        self.n_reused = 0

    def ingest(self, events: Iterator[RenderEvent]) -> DocumentRecord:
        """Take the document's events to their end.

        Raises:
            StrictStop: Something failed and the run is strict; the ledger says so already.
        """
        self._before = {page.page_id: page for page in self._store.scroll(self._of_document())}
        try:
            self._take(events)
        except StrictStop:
            self._store.put_document(self._closed())
            raise
        record = self._closed()
        self._store.put_document(record)
        return record

    def _take(self, events: Iterator[RenderEvent]) -> None:
        batch: list[Page] = []
        for event in events:
            match event:
                case DocumentOpened(n_pages=n_pages):
                    self._n_pages = n_pages
                    self._workshop.progress.document_opened(self._document, n_pages)
                    self._store.put_document(self._record(DocumentState.INGESTING, 0))
                case PageRendered(page=page):
                    batch.append(page)
                    if len(batch) == BATCH_PAGES or _pixels(batch) > BATCH_PIXELS:
                        self._write(batch)
                        batch = []
                case PageFailed(failure=failure):
                    self._workshop.progress.pages_done(self._document, 1)
                    self._fail(failure)
                case DocumentFailed(failure=failure):
                    self._write(batch)
                    batch = []
                    self._fail(failure)
                case DocumentDone(warnings=warnings):
                    self._warnings = warnings
        self._write(batch)

    def _fail(self, failure: PageFailure) -> None:
        self._failures.append(failure)
        if self._strict:
            raise StrictStop(failure)

    def _write(self, pages: Sequence[Page]) -> None:
        """Store a batch: move what is known, embed what is new."""
        if not pages:
            return
        known = {page.page_hash: page for page in self._store.scroll(_with_pixels(pages))}
        self._save_displaced(pages)
        points: list[PagePoint] = []
        kept: list[PageRecord] = []
        fresh: dict[str, list[Page]] = {}
        for page in pages:
            stored = self._before.get(self._page_id(page))
            if stored and stored.page_hash == page.page_hash:
                kept.append(self._page_record(page, stored.n_vectors))
            elif embedding := self._vectors_of(page, known):
                points.append(self._point(page, embedding))
            else:
                fresh.setdefault(page.page_hash, []).append(page)
        self.n_reused += len(kept) + len(points)
        points += self._embedded(list(fresh.values()))
        written = {point.page_id for point in points} | {record.page_id for record in kept}
        for page in pages:
            if self._page_id(page) in written:
                self._workshop.images.put(page.page_hash, page.encoded_image, page.image_mimetype)
        self._store.upsert(points)
        self._store.update_payload(kept)
        self._workshop.progress.pages_done(self._document, len(pages))

    def _save_displaced(self, pages: Sequence[Page]) -> None:
        """Read the vectors that this batch overwrites: a page put in front moves all others back."""
        arriving = {self._page_id(page): page.page_hash for page in pages}
        overwritten = [
            old
            for page_id, new_hash in arriving.items()
            if (old := self._before.get(page_id)) and old.page_hash not in {new_hash, *self._displaced}
        ]
        for old, embedding in zip(overwritten, self._store.embeddings(overwritten), strict=True):
            self._displaced[old.page_hash] = embedding
        while len(self._displaced) > _MAX_DISPLACED:
            self._displaced.popitem(last=False)

    def _vectors_of(self, page: Page, known: dict[str, PageRecord]) -> PageEmbedding | None:
        """Find the vectors of a page with the same pixels, in the index or about to be overwritten in it."""
        if page.page_hash in self._displaced:
            return self._displaced.pop(page.page_hash)
        if page.page_hash in known:
            return self._store.embeddings([known[page.page_hash]])[0]
        return None

    def _embedded(self, groups: Sequence[Sequence[Page]]) -> list[PagePoint]:
        """Embed one page of each group of equal ones; when that fails, one by one, so that a bad page costs itself."""
        try:
            return self._points_together(groups)
        except (EmbeddingError, InvalidInput):
            return [point for group in groups for point in self._points_alone(group)]

    def _points_alone(self, group: Sequence[Page]) -> list[PagePoint]:
        try:
            return self._points_together([group])
        except (EmbeddingError, InvalidInput) as error:
            for page in group:
                message = f"cannot be embedded: {error}"
                self._fail(PageFailure(page_number=page.page_index + 1, reason=type(error).__name__, message=message))
            return []

    def _points_together(self, groups: Sequence[Sequence[Page]]) -> list[PagePoint]:
        if not groups:
            return []
        embeddings = self._workshop.embedder.embed_pages([group[0] for group in groups])
        if len(embeddings) != len(groups):
            raise EmbeddingError(f"the model gave {len(embeddings)} embeddings for {len(groups)} pages")
        points = [
            self._point(page, embedding) for group, embedding in zip(groups, embeddings, strict=True) for page in group
        ]
        check_points(points, self._workshop.embedder.identity.dim)
        self.n_embedded += len(groups)
        self.n_reused += len(points) - len(groups)
        return points

    def _closed(self) -> DocumentRecord:
        """Remove what the new version of the document no longer has, and say how it ended."""
        failed = {failure.page_number for failure in self._failures}
        previous = self._previous
        is_same_file = (
            previous is not None
            and previous.state is not DocumentState.INGESTING  # cut off: its pages may be of another version
            and all(failure.page_number for failure in previous.failures)
            and previous.document.content_hash == self._document.content_hash
        )
        if None not in failed and not (self._strict and failed):
            stale = [
                page.page_index
                for page in self._before.values()
                if page.page_index >= self._n_pages or (page.page_number in failed and not is_same_file)
            ]
            if stale:
                self._store.delete(AllOf((self._of_document(), AnyOf(PAGE_INDEX, tuple(stale)))))
        n_ingested = self._store.count(self._of_document())
        if not self._failures:
            return self._record(DocumentState.READY, n_ingested)
        return self._record(DocumentState.PARTIAL if n_ingested else DocumentState.FAILED, n_ingested)

    def _record(self, state: DocumentState, n_ingested: int) -> DocumentRecord:
        return DocumentRecord(
            document=self._document,
            state=state,
            n_pages=self._n_pages or (self._previous.n_pages if self._previous else 0),
            n_ingested=n_ingested,
            failures=tuple(self._failures),
            warnings=self._warnings,
            updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _point(self, page: Page, embedding: PageEmbedding) -> PagePoint:
        record = self._page_record(page, len(embedding.vectors))
        return PagePoint(
            page_id=record.page_id,
            embedding=embedding,
            pooled=self._workshop.embedder.pool(embedding),
            payload=page_payload(record),
        )

    def _page_record(self, page: Page, n_vectors: int) -> PageRecord:
        return PageRecord(
            page_id=self._page_id(page),
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
            n_vectors=n_vectors,
            text=page.text,
        )

    def _page_id(self, page: Page) -> str:
        return make_page_id(self._document.document_id, page.page_index)

    def _of_document(self) -> AnyOf:
        return AnyOf(DOCUMENT_ID, (self._document.document_id,))


def _with_pixels(pages: Sequence[Page]) -> AnyOf:
    return AnyOf(PAGE_HASH, tuple({page.page_hash for page in pages}))


def _pixels(pages: Sequence[Page]) -> int:
    return sum(page.image.width * page.image.height for page in pages)
