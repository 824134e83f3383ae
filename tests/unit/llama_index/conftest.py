"""A small search to retrieve from: five pages of one manual, each image in its own colour."""

import threading
import time
from collections.abc import Callable, Sequence
from io import BytesIO

import pytest
from PIL import Image

from visual_rag.records import Hit, PageRecord, Query, make_document_id, make_page_id
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import Filter

_DOCUMENT_ID = make_document_id("file:///home/ann/manuals/pump.pdf")
_LABELS = ("i", "ii", "1", "2", "3")
_COLORS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 200, 200)]


def _page_file(page_index: int, file_format: str = "WEBP") -> bytes:
    """An image file of a page, 200 x 280 pixels."""
    buffer = BytesIO()
    Image.new("RGB", (200, 280), _COLORS[page_index]).save(buffer, file_format, lossless=True)
    return buffer.getvalue()


def _make_hit(
    page_index: int, *, score: float = 3.0, text: str = "Replace the oil filter.", label: str | None = None
) -> Hit:
    page = PageRecord(
        page_id=make_page_id(_DOCUMENT_ID, page_index),
        document_id=_DOCUMENT_ID,
        document_name="pump.pdf",
        source_uri="file:///home/ann/manuals/pump.pdf",
        page_index=page_index,
        n_pages=5,
        label=_LABELS[page_index] if label is None else label,
        page_hash=f"hash-{page_index}",
        width_px=200,
        height_px=280,
        dpi=144.0,
        n_vectors=7,
        text=text,
        metadata={"department": "service", "page_id": "forged"},
    )
    return Hit(rank=page_index + 1, score=score, scored_by="soft_bm25", similarity=0.75, page=page)


class FakeSearcher:
    """Finds the same pages for every question, slowly if asked to, and remembers what it was asked."""

    def __init__(self, hits: Sequence[Hit] | None = None, *, delay_s: float = 0.0) -> None:
        self.hits = [_make_hit(index) for index in range(5)] if hits is None else list(hits)
        self.delay_s = delay_s
        self.questions: list[str] = []
        self.images: list[Image.Image] = []
        self.limits: list[tuple[int, Filter | None, SearchSettings | None]] = []
        self.n_images_read = 0
        self._lock = threading.Lock()  # nothing that holds one can be pickled: like a real index

    def search(
        self, query: str | Query, *, k: int = 5, where: Filter | None = None, settings: SearchSettings | None = None
    ) -> list[Hit]:
        time.sleep(self.delay_s)
        with self._lock:
            if isinstance(query, Query):
                self.images.append(query.image)
            else:
                self.questions.append(query)
            self.limits.append((k, where, settings))
        return self.hits[:k]

    def page_image(self, page: PageRecord) -> bytes:
        self.n_images_read += 1
        return _page_file(page.page_index)


@pytest.fixture
def colors() -> list[tuple[int, int, int]]:
    """The colour of each page."""
    return _COLORS


@pytest.fixture
def page_file() -> Callable[..., bytes]:
    """Makes image files of pages."""
    return _page_file


@pytest.fixture
def make_hit() -> Callable[..., Hit]:
    """Makes hits."""
    return _make_hit


@pytest.fixture
def make_searcher() -> Callable[..., FakeSearcher]:
    """Makes searches of other hits, or slow ones."""
    return FakeSearcher


@pytest.fixture
def searcher() -> FakeSearcher:
    """A search that finds all five pages."""
    return FakeSearcher()
