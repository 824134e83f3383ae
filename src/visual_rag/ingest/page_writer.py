"""Pages into the store, a few at a time: known pixels keep their vectors, the rest is embedded.

While one batch is embedded the one before is stored, so that a model on an accelerator does not wait for the disk.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import EmbeddingError, InvalidInput, ModelLoadError, VisualRagError
from visual_rag.ingest.document_run import DocumentRun
from visual_rag.ingest.progress import ProgressEstimate
from visual_rag.records import Page, PageEmbedding, PageFailure, PagePoint, PageRecord
from visual_rag.store.checks import check_points
from visual_rag.store.filters import In
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import PAGE_HASH, page_payload

_BATCH_PIXELS = 40_000_000


@dataclass(frozen=True, slots=True)
class PageTask:
    """A rendered page and the document that it belongs to."""

    run: DocumentRun
    page: Page

    @property
    def page_id(self) -> str:
        """Where the page is kept."""
        return self.run.page_id(self.page)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is ready to be stored: no pixels, so that two batches in memory cost little more than one."""

    points: list[PagePoint] = field(default_factory=list)
    kept: list[PageRecord] = field(default_factory=list)
    images: list[tuple[str, bytes, str]] = field(default_factory=list)  # page hash, file, mimetype
    hashes: set[str] = field(default_factory=set)
    n_pages: Counter[DocumentRun] = field(default_factory=Counter)


class PageWriter:
    """Writes pages of any documents. Close it: what is not settled by then is lost."""

    def __init__(
        self, store: PageStore, embedder: PageEmbedder, images: PageImages, progress: ProgressEstimate
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._images = images
        self._progress = progress
        self._thread = ThreadPoolExecutor(1, "visual-rag-store")
        self._tasks: list[PageTask] = []
        self._pending = _Batch()
        self.n_embedded = 0
        self.n_reused = 0

    def add(self, run: DocumentRun, page: Page) -> None:
        """Take a page; every few pages a batch is embedded."""
        run.n_waiting += 1
        self._tasks.append(PageTask(run, page))
        if len(self._tasks) >= self._embedder.pages_at_once or _pixels(self._tasks) > _BATCH_PIXELS:
            self._work()

    def settle(self) -> None:
        """Embed and store all that was added."""
        self._work()
        self._store_pending()

    def close(self) -> None:
        """Let the storing thread end."""
        self._thread.shutdown()

    def _work(self) -> None:
        """Embed the tasks while the pending batch is stored; then they are the pending batch."""
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        if self._pending.hashes & {task.page.page_hash for task in tasks}:
            self._store_pending()  # so that equal pixels are found in the index
        batch = _Batch()
        fresh = self._without_known(tasks, batch)
        storing = self._thread.submit(self._put, self._pending)
        try:
            batch.points.extend(self._embedded(fresh))
        finally:
            storing.result()
        self._count(self._pending)
        self._describe(tasks, batch)
        self._pending = batch

    def _without_known(self, tasks: Sequence[PageTask], batch: _Batch) -> list[list[PageTask]]:
        """Move pages whose vectors are in the index into the batch; give the others, in groups of equal pixels."""
        known = {page.page_hash: page for page in self._store.scroll(_with_pixels(tasks))}
        for run, pages in _by_run(tasks):
            run.save_displaced(pages)
        fresh: dict[str, list[PageTask]] = {}
        for task in tasks:
            if record := task.run.stored_unchanged(task.page):
                batch.kept.append(record)
            elif embedding := task.run.take_displaced(task.page) or self._read(known.get(task.page.page_hash)):
                batch.points.append(self._point(task, embedding))
            else:
                fresh.setdefault(task.page.page_hash, []).append(task)
        self.n_reused += len(batch.kept) + len(batch.points)
        return list(fresh.values())

    def _read(self, stored: PageRecord | None) -> PageEmbedding | None:
        return self._store.embeddings([stored])[0] if stored else None

    def _embedded(self, groups: Sequence[Sequence[PageTask]]) -> list[PagePoint]:
        """Embed one page of each group of equal ones; when that fails, one by one, so that a bad page costs itself."""
        try:
            return self._points_together(groups)
        except (EmbeddingError, InvalidInput) as error:
            _raise_if_no_page_is_at_fault(error)
        return [point for group in groups for point in self._points_alone(group)]  # when what failed is let go of

    def _points_alone(self, group: Sequence[PageTask]) -> list[PagePoint]:
        try:
            return self._points_together([group])
        except (EmbeddingError, InvalidInput) as error:
            _raise_if_no_page_is_at_fault(error)
            reason, message = type(error).__name__, f"cannot be embedded: {error}"
            for task in group:
                failure = PageFailure(page_number=task.page.page_index + 1, reason=reason, message=message)
                task.run.failures.append(failure)
            return []

    def _points_together(self, groups: Sequence[Sequence[PageTask]]) -> list[PagePoint]:
        if not groups:
            return []
        embeddings = self._embedder.embed_pages([group[0].page for group in groups])
        if len(embeddings) != len(groups):
            raise EmbeddingError(f"the model gave {len(embeddings)} embeddings for {len(groups)} pages")
        points = [
            self._point(task, embedding) for group, embedding in zip(groups, embeddings, strict=True) for task in group
        ]
        check_points(points, self._embedder.identity.dim)
        self.n_embedded += len(groups)
        self.n_reused += len(points) - len(groups)
        return points

    def _point(self, task: PageTask, embedding: PageEmbedding) -> PagePoint:
        record = task.run.page_record(task.page, len(embedding.vectors))
        return PagePoint(
            page_id=record.page_id,
            embedding=embedding,
            pooled=self._embedder.pool(embedding),
            payload=page_payload(record),
        )

    @staticmethod
    def _describe(tasks: Sequence[PageTask], batch: _Batch) -> None:
        """Note in the batch which images go with its pages, and how many pages of each document are done with it."""
        written = {point.page_id for point in batch.points} | {record.page_id for record in batch.kept}
        for task in tasks:
            batch.n_pages[task.run] += 1
            if task.page_id in written:
                page = task.page
                batch.images.append((page.page_hash, page.encoded_image, page.image_mimetype))
                batch.hashes.add(page.page_hash)

    def _store_pending(self) -> None:
        self._put(self._pending)
        self._count(self._pending)
        self._pending = _Batch()

    def _put(self, batch: _Batch) -> None:
        for page_hash, encoded, mimetype in batch.images:
            self._images.put(page_hash, encoded, mimetype)
        if batch.points:
            self._store.upsert(batch.points)
        if batch.kept:
            self._store.update_payload(batch.kept)

    def _count(self, batch: _Batch) -> None:
        for run, n_pages in batch.n_pages.items():
            run.n_waiting -= n_pages
            self._progress.pages_done(run.document, n_pages)


def _raise_if_no_page_is_at_fault(error: VisualRagError) -> None:
    """A served model that is away, or refuses the key, would refuse all other pages too."""
    if error.retryable or isinstance(error, ModelLoadError):
        raise error


def _with_pixels(tasks: Sequence[PageTask]) -> In:
    return In(PAGE_HASH, tuple({task.page.page_hash for task in tasks}))


def _by_run(tasks: Sequence[PageTask]) -> Iterator[tuple[DocumentRun, list[Page]]]:
    for run in dict.fromkeys(task.run for task in tasks):
        yield run, [task.page for task in tasks if task.run is run]


def _pixels(tasks: Sequence[PageTask]) -> int:
    return sum(task.page.image.width * task.page.image.height for task in tasks)
