"""PDF pages by pdfium, inside the worker: pixels, size, label and text layer."""

import contextlib

import pypdfium2
import pypdfium2.raw as pdfium_c

from visual_rag.errors import DamagedDocument, DocumentError, EncryptedDocument, UnsupportedFormat
from visual_rag.records import PageWord
from visual_rag.render.channel import Job, RenderedPage
from visual_rag.render.encode import finish_page
from visual_rag.render.limits import fit_dpi, lowered_dpi_warning
from visual_rag.render.text_layer import read_words


class PdfFile:
    """A PDF that pdfium has opened."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pdf = open_pdf(job)
        with contextlib.suppress(pypdfium2.PdfiumError):  # a broken form costs its fields, not the page
            self._pdf.init_forms()

    @property
    def n_pages(self) -> int:
        """Pages that the file says it has."""
        return len(self._pdf)

    def render(self, page_index: int) -> RenderedPage:
        """Render one page.

        Raises:
            DocumentError: The page is broken or its size absurd.
        """
        page = load_page(self._pdf, page_index)
        try:
            return self._render(page, page_index)
        except pypdfium2.PdfiumError as error:
            raise translate(error) from error
        finally:
            page.close()

    def close(self) -> None:
        """Let go of the file."""
        self._pdf.close()

    def _render(self, page: pypdfium2.PdfPage, page_index: int) -> RenderedPage:
        job, max_pixels = self._job, self._job.settings.max_pixels
        size_pt = page.get_size()
        dpi = fit_dpi(*size_pt, dpi=job.dpi, max_pixels=max_pixels)
        # Four bytes a pixel: Pillow takes such a bitmap as it is, and would copy one with three.
        bitmap = page.render(scale=dpi / 72, rev_byteorder=True, prefer_bgrx=True)
        return finish_page(
            bitmap.to_pil(),
            page_index=page_index,
            dpi=dpi,
            size_pt=size_pt,
            rotation=page.get_rotation(),
            label=page_label(self._pdf, page_index),
            words=words_or_none(page),
            warning=lowered_dpi_warning(page_index + 1, size_pt, (dpi, job.dpi), max_pixels),
        )


def open_pdf(job: Job) -> pypdfium2.PdfDocument:
    """Open a PDF with pdfium.

    Raises:
        DocumentError: It is encrypted or damaged.
    """
    try:
        return pypdfium2.PdfDocument(job.path, password=job.password)
    except pypdfium2.PdfiumError as error:
        raise translate(error, password_given=job.password is not None) from error


def load_page(pdf: pypdfium2.PdfDocument, page_index: int) -> pypdfium2.PdfPage:
    """Load one page.

    Raises:
        DamagedDocument: The file lists the page but holds nothing readable there.
    """
    try:
        return pdf[page_index]
    except pypdfium2.PdfiumError as error:
        raise DamagedDocument("the page is damaged: it is listed in the file but cannot be loaded") from error


def page_label(pdf: pypdfium2.PdfDocument, page_index: int) -> str:
    """The printed page number that the file states, "" where it states none."""
    try:
        label: str = pdf.get_page_label(page_index)
    except (pypdfium2.PdfiumError, UnicodeDecodeError):
        return ""
    return "".join(character for character in label if character.isprintable()).strip()


def words_or_none(page: pypdfium2.PdfPage) -> tuple[PageWord, ...]:
    """The text layer, or no words where it is broken: a page without text is still a page."""
    try:
        return read_words(page)
    except (pypdfium2.PdfiumError, ValueError, OverflowError):
        return ()


def missing_password(*, password_given: bool) -> EncryptedDocument:
    """The error of a document that stays closed without the right password."""
    if password_given:
        return EncryptedDocument("the password given does not open it")
    return EncryptedDocument("needs a password: pass --password, or password= in Python")


def translate(error: pypdfium2.PdfiumError, *, password_given: bool = False) -> DocumentError:
    """Say in our words what pdfium reports; the only place that knows its codes."""
    match error.err_code:
        case pdfium_c.FPDF_ERR_PASSWORD:
            return missing_password(password_given=password_given)
        case pdfium_c.FPDF_ERR_SECURITY:
            return UnsupportedFormat("the PDF is encrypted in a way that pdfium does not know; save it unencrypted")
        case pdfium_c.FPDF_ERR_SUCCESS:
            return DamagedDocument("the PDF has no pages that can be read")
        case pdfium_c.FPDF_ERR_FILE:
            return DamagedDocument("the file cannot be read to its end")
        case pdfium_c.FPDF_ERR_FORMAT:
            return DamagedDocument("the PDF is damaged or cut off: its structure cannot be read")
        case pdfium_c.FPDF_ERR_PAGE:
            return DamagedDocument("the PDF's list of pages is damaged")
        case _:
            return DamagedDocument(f"the PDF is damaged: {error}")
