"""What a file looks like to the worker once it is open, and the choice of who opens it."""

import stat
from pathlib import Path
from typing import Protocol

from visual_rag.errors import AccessDenied, DamagedDocument, LimitExceeded, SourceUnavailable, UnsupportedFormat
from visual_rag.render.channel import Job, RenderedPage
from visual_rag.render.kinds import HEAD_BYTES, sniff
from visual_rag.settings import RenderSettings


class OpenedFile(Protocol):
    """A file whose pages can be rendered one by one, in any order."""

    @property
    def n_pages(self) -> int:
        """At least 1."""

    def render(self, page_index: int) -> RenderedPage:
        """Render one page.

        Raises:
            DocumentError: This page cannot be rendered; others may.
        """

    def close(self) -> None:
        """Let go of the file."""


def open_file(job: Job) -> OpenedFile:
    """Open a file with what its content asks for.

    Raises:
        DocumentError: It cannot be opened as anything that has pages.
        SourceError: It cannot be read at all.
    """
    limits = job.settings
    kind = sniff(_read_head(job.path, limits))
    match kind.opened_as:
        case "pdf" if limits.renderer == "poppler":
            from visual_rag.render.poppler import PopplerFile

            return _checked(PopplerFile(job), limits)
        case "pdf":
            from visual_rag.render.pdf import PdfFile

            return _checked(PdfFile(job), limits)
        case "image":
            from visual_rag.render.image import ImageFile

            return _checked(ImageFile(job, kind.name), limits)
        case "unsupported":
            raise UnsupportedFormat(f"the file is {kind.name}; {kind.advice}")
        case "unknown":
            from visual_rag.render.image import foreign_format

            name = foreign_format(job.path) or kind.name
            raise UnsupportedFormat(f"the file is {name}; {kind.advice}")


def _checked(file: OpenedFile, limits: RenderSettings) -> OpenedFile:
    n_pages = file.n_pages
    if 1 <= n_pages <= limits.max_pages:
        return file
    file.close()
    if n_pages < 1:
        raise DamagedDocument("the document has no pages that can be read")
    raise LimitExceeded(f"the document has {n_pages:,} pages, more than max_pages allows ({limits.max_pages:,})")


def _read_head(path: Path, limits: RenderSettings) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnsupportedFormat("this is a folder or a device, not a file")
        if status.st_size > limits.max_file_bytes:
            raise LimitExceeded(
                f"the file has {status.st_size:,} bytes, more than max_file_bytes allows ({limits.max_file_bytes:,})"
            )
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except PermissionError as error:
        raise AccessDenied("the file may not be read by this user") from error
    except OSError as error:
        raise SourceUnavailable(f"the file cannot be read: {error.strerror}") from error
    if not head:
        raise DamagedDocument("the file is empty")
    return head
