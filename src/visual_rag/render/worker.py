"""The child process: takes jobs on stdin, gives pages on stdout, and dies with its parent.

Started by `worker_process`, never imported by it: this side loads the C libraries that a hostile file may crash.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from typing import BinaryIO

from visual_rag.errors import VisualRagError
from visual_rag.records import PageFailure
from visual_rag.render.channel import Finished, Job, Opened, Ready, RenderedPage, read_message, write_message
from visual_rag.render.limits import limit_memory, peak_memory_bytes
from visual_rag.render.opened import OpenedFile, open_file

_WORN_SHARE = 0.5
"""Above this share of its memory limit a worker asks to be replaced before the next document."""


def main(memory_bytes: int) -> None:
    """Serve jobs until the parent goes away.

    Args:
        memory_bytes: What this process may allocate.
    """
    requests, replies = _claim_pipes()
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    _load_libraries()
    limit_memory(memory_bytes)
    try:
        write_message(replies, Ready())
        _silence(2)  # from here on, stderr would only carry what C libraries have to say about broken files
        threading.Thread(target=_read_jobs, args=(requests, jobs), daemon=True).start()
        while True:
            write_message(replies, _serve(jobs.get(), replies, worn_bytes=round(memory_bytes * _WORN_SHARE)))
    except OSError:  # nobody reads our replies
        _die()


def _serve(job: Job, replies: BinaryIO, *, worn_bytes: int) -> PageFailure | Finished:
    """Open one file, send its pages, and return the last word on it."""
    try:
        file = open_file(job)
    except Exception as error:  # noqa: BLE001  # whatever a library raises on this file, the next one may be fine
        return _failure(error, page_number=None)
    try:
        write_message(replies, Opened(n_pages=file.n_pages))
        for page_index in range(job.first_page_index, file.n_pages):
            write_message(replies, _render(file, page_index))
    finally:
        file.close()
    return Finished(worn=peak_memory_bytes() > worn_bytes)


def _render(file: OpenedFile, page_index: int) -> RenderedPage | PageFailure:
    try:
        return file.render(page_index)
    except Exception as error:  # noqa: BLE001  # whatever a library raises on this page, the next one may be fine
        return _failure(error, page_number=page_index + 1)


def _failure(error: Exception, *, page_number: int | None) -> PageFailure:
    reason, message = "DamagedDocument", f"it cannot be read: {type(error).__name__}"  # its text may hold a path
    if isinstance(error, MemoryError):
        reason, message = "LimitExceeded", "it needs more memory than memory_bytes allows"
    elif isinstance(error, VisualRagError):
        reason, message = type(error).__name__, str(error)
    return PageFailure(page_number=page_number, reason=reason, message=message)


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for messages, so that nothing else reads or prints there, subprocesses included."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _silence(0)
    _silence(1)
    return requests, replies


def _silence(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)


def _load_libraries() -> None:
    """Import what most jobs need, so that the time is not charged to the first page."""
    import visual_rag.render.image
    import visual_rag.render.pdf  # noqa: F401


def _read_jobs(requests: BinaryIO, jobs: "queue.SimpleQueue[Job]") -> None:
    """Hand jobs to the main thread; when the parent is gone, end the process even in the middle of a page."""
    while (job := read_message(requests)) is not None:
        jobs.put(job)
    _die()


def _die() -> None:
    """End at once, and take along a `pdftoppm` that may be running: this process leads its own group."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        with contextlib.suppress(OSError):
            os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)
