"""The parent's side: workers, their time limits, and the order of events.

Each document in progress has one worker. The parent reads a worker's pages into a short queue, which is all the
look-ahead there is: a worker with a full queue waits, so memory does not grow with the document.
"""

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable

from visual_rag.errors import InvalidInput
from visual_rag.records import Document
from visual_rag.render.document_rendering import DocumentRendering
from visual_rag.render.events import RenderEvent, RenderRequest
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
    started: deque[tuple[DocumentRendering, WorkerProcess]] = deque()

    def start(worker: WorkerProcess) -> None:
        for request in itertools.islice(waiting, 1):
            rendering = DocumentRendering(request, worker, settings, dpi=dpi, password_for=password_for)
            started.append((rendering, worker))

    with contextlib.ExitStack() as stack:
        for worker in workers:
            stack.callback(worker.close)
        for worker in workers:
            start(worker)
        while started:
            rendering, worker = started.popleft()
            yield from rendering.events()
            start(worker)


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
