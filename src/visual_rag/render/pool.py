"""The parent's side: workers, their time limits, and the order of events.

Each document in progress has one worker. The parent reads a worker's pages into a short queue, which is all the
look-ahead there is: a worker with a full queue waits, so memory does not grow with the document.
"""

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

from visual_rag.errors import InvalidInput, error_for
from visual_rag.records import Document, Page
from visual_rag.render.document_run import DocumentRun, PageRange
from visual_rag.render.events import DocumentFailed, PageFailed, PageRendered, RenderEvent, RenderRequest
from visual_rag.render.versions import renderer_version
from visual_rag.render.worker_process import WorkerProcess
from visual_rag.settings import RenderSettings

_LONGEST_S = 86_400
PasswordFor = Callable[[Document], str | None]


def render_documents(
    requests: Iterable[RenderRequest],
    settings: RenderSettings,
    *,
    dpi: int,
    password_for: PasswordFor | None = None,
) -> Generator[RenderEvent, None, None]:
    """Render documents to pages, several at a time, in isolated processes.

    Args:
        requests: Consumed lazily, at most `settings.n_workers` ahead of the document whose events are given.
        settings: Renderer and limits; its `dpi` is not looked at.
        dpi: Dots per inch of PDF pages, and what images are made small enough for.
        password_for: Asked in this process, once for each document that turns out to need a password.

    Yields:
        Events, documents in the order of `requests` and without mixing them. Closing the generator ends all workers.

    Raises:
        MissingDependency: The renderer is not installed.
        InvalidInput: `dpi` or a limit is not positive.
    """
    _check(settings, dpi)
    waiting = iter(requests)
    workers = [WorkerProcess(memory_bytes=settings.memory_bytes) for _ in range(settings.n_workers)]
    runs: deque[tuple[DocumentRun, WorkerProcess]] = deque()

    def start(worker: WorkerProcess) -> None:
        for request in itertools.islice(waiting, 1):
            runs.append((DocumentRun(request, worker, settings, dpi=dpi, password_for=password_for), worker))

    with contextlib.ExitStack() as stack:
        for worker in workers:
            stack.callback(worker.close)
        for worker in workers:
            start(worker)
        while runs:
            run, worker = runs[0]
            yield from run.events()
            runs.popleft()
            start(worker)


def render_page(
    path: Path, page_index: int, settings: RenderSettings, *, dpi: int, password: str | None = None
) -> Page:
    """Render a single page in an isolated process, for example to look at it more closely.

    Args:
        path: Local file.
        page_index: 0-based.
        settings: Renderer and limits.
        dpi: Dots per inch.
        password: For an encrypted PDF.

    Raises:
        DocumentError: The document or the page cannot be rendered.
        SourceError: The file cannot be read.
        InvalidInput: The document has no such page.
        MissingDependency: The renderer is not installed.
    """
    _check(settings, dpi)
    if page_index < 0:
        raise InvalidInput(f"page_index is {page_index}; the first page is 0")
    document = Document(document_id="", source_uri="", name=path.name, content_hash="", size_bytes=0)
    request = RenderRequest(document=document, path=path)
    pages = PageRange(page_index, page_index + 1)
    with contextlib.closing(WorkerProcess(memory_bytes=settings.memory_bytes)) as worker:
        run = DocumentRun(request, worker, settings, dpi=dpi, password_for=lambda _document: password, pages=pages)
        for event in run.events():
            if isinstance(event, PageRendered):
                return event.page
            if isinstance(event, PageFailed | DocumentFailed):
                failure = event.failure
                raise error_for(
                    failure.reason, f"{path.name}: {failure.message}", source=path.name, page_number=failure.page_number
                )
    raise InvalidInput(f"page_index {page_index} is outside the {run.n_pages} pages of '{path.name}'")


def _check(settings: RenderSettings, dpi: int) -> None:
    positive = {"dpi": dpi, "n_workers": settings.n_workers, "max_pixels": settings.max_pixels}
    positive |= {"max_pages": settings.max_pages, "memory_bytes": settings.memory_bytes}
    for name, value in positive.items():
        if value < 1:
            raise InvalidInput(f"{name} is {value}; it must be at least 1")
    if not 0 < settings.page_timeout_s <= _LONGEST_S:
        raise InvalidInput(f"page_timeout_s is {settings.page_timeout_s}; it lies between 0 and {_LONGEST_S:,} seconds")
    if settings.renderer == "poppler":
        renderer_version("poppler")
