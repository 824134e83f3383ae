"""One document on its way through one worker: replies become events, and a lost worker costs one page."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from visual_rag.records import Document, Page, PageFailure
from visual_rag.render.channel import Finished, Job, Opened, Ready, RenderedPage, Reply
from visual_rag.render.events import (
    DocumentDone,
    DocumentFailed,
    DocumentOpened,
    PageFailed,
    PageRendered,
    RenderEvent,
    RenderRequest,
)
from visual_rag.render.worker_process import WorkerDied, WorkerProcess, WorkerTimedOut
from visual_rag.settings import RenderSettings

MAX_LOSSES_IN_A_ROW = 3
MAX_WARNINGS = 10


class DocumentRendering:
    """The state of one document while it is rendered.

    The worker gets its job at construction, so that it works while another document's events are consumed.

    Args:
        request: The document.
        worker: Free; it is restarted when the document breaks it.
        settings: Limits.
        dpi: Dots per inch.
        password_for: Asked at most once, when the document needs a password.
    """

    def __init__(
        self,
        request: RenderRequest,
        worker: WorkerProcess,
        settings: RenderSettings,
        *,
        dpi: int,
        password_for: Callable[[Document], str | None] | None = None,
    ) -> None:
        self._document = request.document
        self._worker = worker
        self._timeout_s = settings.page_timeout_s
        self._password_for = password_for
        self._job = Job(path=request.path.absolute(), settings=settings, dpi=dpi)
        self._n_pages: int | None = None
        self._losses_in_a_row = 0
        self._warnings: list[str] = []
        self._is_over = False
        self._worker_is_used = worker.is_running
        worker.send(self._job)

    def events(self) -> Iterator[RenderEvent]:
        """Give the document's events; the last is `DocumentDone` or `DocumentFailed`."""
        while not self._is_over:
            try:
                reply = self._worker.receive(self._timeout_s)
            except WorkerTimedOut:
                message = f"took longer than {self._timeout_s:g} s (page_timeout_s)"
                yield from self._after_loss("LimitExceeded", message)
            except WorkerDied as death:
                yield from self._after_death(death)
            else:
                yield from self._after(reply)

    def _after(self, reply: Reply) -> Iterator[RenderEvent]:
        match reply:
            case Opened(n_pages=n_pages):
                if self._n_pages is None:
                    self._n_pages = n_pages
                    yield DocumentOpened(document=self._document, n_pages=n_pages)
            case RenderedPage(page_index=page_index, warning=warning):
                self._warnings += [warning] if warning else []
                self._losses_in_a_row = 0
                self._go_on_from(page_index + 1)
                yield PageRendered(document=self._document, page=_to_page(reply))
            case PageFailure(page_number=None):
                yield from self._after_refusal(reply)
            case PageFailure(page_number=int(page_number)):
                self._losses_in_a_row = 0
                self._go_on_from(page_number)
                yield PageFailed(document=self._document, failure=reply)
            case Finished(worn=worn):
                if worn:
                    self._worker.close()
                yield self._done()
            case Ready():
                pass

    def _after_refusal(self, failure: PageFailure) -> Iterator[RenderEvent]:
        ask, self._password_for = self._password_for, None
        if failure.reason == "EncryptedDocument" and ask is not None:
            password = ask(self._document)
            if password is not None:
                self._job = replace(self._job, password=password)
                self._worker.send(self._job)
                return
        yield self._failed(failure.reason, failure.message)

    def _after_death(self, death: WorkerDied) -> Iterator[RenderEvent]:
        if self._worker_is_used:  # an earlier document may have broken it: this one deserves a fresh try
            self._restart()
            return
        if death.signal_name == "SIGKILL":
            yield from self._after_loss("LimitExceeded", "was ended by the system, most likely for lack of memory")
            return
        signal_name = f" ({death.signal_name})" if death.signal_name else ""
        message = f"crashed the renderer{signal_name}: it is damaged, or needs more than memory_bytes"
        yield from self._after_loss("DamagedDocument", message)

    def _after_loss(self, reason: str, message: str) -> Iterator[RenderEvent]:
        """The worker is lost: give up the page it was at, go on with the next in a fresh worker."""
        self._worker.close()
        lost = self._job.first_page_index
        if self._n_pages is None:
            yield self._failed(reason, f"opening it {message}")
            return
        if lost >= self._n_pages:  # all pages were through
            yield self._done()
            return
        failure = PageFailure(page_number=lost + 1, reason=reason, message=f"the page {message}")
        yield PageFailed(document=self._document, failure=failure)
        self._losses_in_a_row += 1
        self._go_on_from(lost + 1)
        if lost + 1 >= self._n_pages:
            yield self._done()
        elif self._losses_in_a_row >= MAX_LOSSES_IN_A_ROW:
            yield self._failed(reason, f"given up at page {lost + 1}: {MAX_LOSSES_IN_A_ROW} pages in a row were lost")
        else:
            self._restart()

    def _go_on_from(self, page_index: int) -> None:
        """Remember where a restarted worker would have to begin."""
        self._job = replace(self._job, first_page_index=page_index)

    def _restart(self) -> None:
        self._worker.close()
        self._worker_is_used = False
        self._worker.send(self._job)

    def _failed(self, reason: str, message: str) -> DocumentFailed:
        self._is_over = True
        failure = PageFailure(page_number=None, reason=reason, message=message)
        return DocumentFailed(document=self._document, failure=failure)

    def _done(self) -> DocumentDone:
        self._is_over = True
        warnings = tuple(self._warnings[:MAX_WARNINGS])
        if len(self._warnings) > MAX_WARNINGS:
            warnings += (f"the same holds for {len(self._warnings) - MAX_WARNINGS:,} more pages",)
        return DocumentDone(document=self._document, warnings=warnings)


def _to_page(rendered: RenderedPage) -> Page:
    """Make the record that leaves this room."""
    from PIL import Image  # only a process that gets pages needs Pillow

    return Page(
        page_index=rendered.page_index,
        image=Image.frombytes("RGB", (rendered.width_px, rendered.height_px), rendered.rgb),
        page_hash=rendered.page_hash,
        encoded_image=rendered.encoded_image,
        image_mimetype=rendered.image_mimetype,
        dpi=rendered.dpi,
        width_pt=rendered.width_pt,
        height_pt=rendered.height_pt,
        rotation=rendered.rotation,
        label=rendered.label,
        words=rendered.words,
    )
