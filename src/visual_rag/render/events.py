"""What goes into rendering and what comes out, one event at a time.

A document gives `DocumentOpened`, then `PageRendered` or `PageFailed` for each page, then `DocumentDone`. One that
cannot be opened, or is given up on, ends in `DocumentFailed` instead.
"""

from dataclasses import dataclass
from pathlib import Path

from visual_rag.records import Document, Page, PageFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One document to render.

    Attributes:
        document: What the file is, as its source listed it.
        path: Local file with the document's bytes; its name does not matter.
    """

    document: Document
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOpened:
    """The document can be read and has this many pages."""

    document: Document
    n_pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRendered:
    """One page, in the order of the document."""

    document: Document
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailed:
    """One page could not be rendered; the rest of the document goes on."""

    document: Document
    failure: PageFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFailed:
    """The document cannot be opened, or was given up on; pages that came before stay valid."""

    document: Document
    failure: PageFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDone:
    """The last page was reached.

    Attributes:
        document: Whose pages these were.
        warnings: What was done but may surprise, one sentence each.
    """

    document: Document
    warnings: tuple[str, ...] = ()


RenderEvent = DocumentOpened | PageRendered | PageFailed | DocumentFailed | DocumentDone
