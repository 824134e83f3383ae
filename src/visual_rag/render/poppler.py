"""PDF pages by poppler's `pdftoppm`, inside the worker; words and labels still come from pdfium."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pypdfium2
from pdf2image import convert_from_path, pdfinfo_from_path
from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError, PDFSyntaxError, PopplerNotInstalledError
from PIL import Image

from visual_rag.errors import DamagedDocument, DocumentError, LimitExceeded, MissingDependency
from visual_rag.records import PageWord
from visual_rag.render.channel import Job, RenderedPage
from visual_rag.render.encode import finish_page
from visual_rag.render.limits import fit_dpi, lowered_dpi_warning
from visual_rag.render.pdf import load_page, missing_password, open_pdf, page_label, words_or_none
from visual_rag.render.versions import POPPLER_MISSING

_SIZE = re.compile(r"([\d.eE+-]+) x ([\d.eE+-]+) pts")


class PopplerFile:
    """A PDF that poppler can read."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._options: dict[str, Any] = {"userpw": job.password, "timeout": job.settings.page_timeout_s}
        self._n_pages = int(self._pdfinfo()["Pages"])
        try:
            self._pdf: pypdfium2.PdfDocument | None = open_pdf(job)
        except DocumentError:  # poppler can do without pdfium; the text layer is then empty
            self._pdf = None

    @property
    def n_pages(self) -> int:
        """Pages that the file says it has."""
        return self._n_pages

    def render(self, page_index: int) -> RenderedPage:
        """Render one page.

        Raises:
            DocumentError: The page is broken, too slow, or its size absurd.
        """
        job, max_pixels = self._job, self._job.settings.max_pixels
        size_pt, rotation = self._geometry(page_index)
        dpi = fit_dpi(*size_pt, dpi=job.dpi, max_pixels=max_pixels)
        label, words = self._text(page_index)
        return finish_page(
            self._pixels(page_index, dpi),
            page_index=page_index,
            dpi=dpi,
            size_pt=size_pt,
            rotation=rotation,
            label=label,
            words=words,
            warning=lowered_dpi_warning(page_index + 1, size_pt, (dpi, job.dpi), max_pixels),
        )

    def close(self) -> None:
        """Let go of the file."""
        if self._pdf is not None:
            self._pdf.close()

    def _pdfinfo(self, page_index: int | None = None) -> dict[str, str]:
        options = dict(self._options)
        if page_index is not None:
            options |= {"first_page": page_index + 1, "last_page": page_index + 1}
        with self._translated():
            info: dict[str, str] = pdfinfo_from_path(str(self._job.path), **options)
        return info

    def _geometry(self, page_index: int) -> tuple[tuple[float, float], int]:
        """Size of the upright page in points, and its rotation in degrees."""
        info = {" ".join(key.split()): value for key, value in self._pdfinfo(page_index).items()}
        page_number = page_index + 1
        size = _SIZE.search(info.get(f"Page {page_number} size", ""))
        if size is None:
            raise DamagedDocument("the page is damaged: poppler cannot tell its size")
        width_pt, height_pt = float(size[1]), float(size[2])
        rotation = int(float(info.get(f"Page {page_number} rot", "0"))) % 360
        return ((height_pt, width_pt) if rotation in (90, 270) else (width_pt, height_pt)), rotation

    def _pixels(self, page_index: int, dpi: float) -> Image.Image:
        with self._translated():
            options = self._options | {"dpi": dpi, "first_page": page_index + 1, "last_page": page_index + 1}
            images = convert_from_path(self._job.path, use_cropbox=True, single_file=True, **options)
        if not images:
            raise DamagedDocument("the page is damaged: poppler made no image of it")
        image: Image.Image = images[0]
        return image.convert("RGB")

    def _text(self, page_index: int) -> tuple[str, tuple[PageWord, ...]]:
        """Label and words by pdfium, empty where it cannot read the page."""
        if self._pdf is None:
            return "", ()
        try:
            page = load_page(self._pdf, page_index)
        except DamagedDocument:
            return "", ()
        try:
            return page_label(self._pdf, page_index), words_or_none(page)
        finally:
            page.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in our words what poppler and pdf2image report; the only place that knows their errors."""
        try:
            yield
        except PopplerNotInstalledError as error:
            raise MissingDependency(POPPLER_MISSING) from error
        except PDFPopplerTimeoutError as error:
            timeout_s = self._job.settings.page_timeout_s
            raise LimitExceeded(f"poppler took longer than {timeout_s:g} s (page_timeout_s)") from error
        except PDFPageCountError as error:
            if "password" in str(error).lower():
                raise missing_password(password_given=self._job.password is not None) from error
            raise DamagedDocument("the PDF is damaged or cut off: poppler cannot read its structure") from error
        except (PDFSyntaxError, OSError, ValueError, SyntaxError, IndexError) as error:  # also from reading its output
            raise DamagedDocument("the page is damaged: poppler made no readable image of it") from error
