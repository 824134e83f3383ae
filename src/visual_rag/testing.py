"""For authors of plug-ins and tests: fakes that mean something, and the suites that every embedder and store passes.

    class TestMyStore(StoreContract):
        def make_store(self, folder, passport):
            return MyStore.create(folder, passport)

        def reopen(self, folder):
            return MyStore.open(folder)

Run with pytest, which this module needs only then. Each method's docstring is one promise of the protocol.
"""

import hashlib
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.embed.spotter_words import split_words
from visual_rag.errors import EmbeddingError, InvalidInput
from visual_rag.records import FloatArray, ModelIdentity, Page, PageEmbedding, PageWord, QueryEmbedding, Region
from visual_rag.scoring import pool_runs
from visual_rag.store.contract import StoreContract
from visual_rag.store.samples import make_point, make_record

__all__ = ["EmbedderContract", "FakeEmbedder", "StoreContract", "make_page", "make_point", "make_record"]

_WHOLE_PAGE = Region(0, 0, 1, 1)
_N_POOLED = 8
_PAGE_WIDTH, _LINE_HEIGHT, _MARGIN = 240, 18, 12


class FakeEmbedder:
    """An embedder without a model: equal words have equal vectors, so the page with the question's words wins.

    A page has one row for its pixels, which the same picture as a query finds, and one for each distinct word of its
    text layer, as `split_words` cuts it.

    Attributes:
        n_pages_embedded: Pages embedded so far, for tests that nothing is embedded twice.
    """

    def __init__(self, *, dim: int = 32, seed: int = 0) -> None:
        self._dim = dim
        self._seed = seed
        self.n_pages_embedded = 0

    @property
    def identity(self) -> ModelIdentity:
        """Differs by dim and seed, as weights would."""
        weights_hash = hashlib.sha256(f"{self._dim}:{self._seed}".encode()).hexdigest()
        return ModelIdentity(
            name="fake", revision="1", weights_hash=weights_hash, dim=self._dim, backend="visual_rag.testing"
        )

    @property
    def page_dpi(self) -> int:
        """72: one pixel a point."""
        return 72

    @property
    def pages_at_once(self) -> int:
        """Eight, so that tests see several batches."""
        return 8

    @property
    def pooling(self) -> str:
        """Name of what `pool` does."""
        return f"runs{_N_POOLED}"

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Embed the words of each page's text layer, and its pixels."""
        self.n_pages_embedded += len(pages)
        return [self._embed_page(page) for page in pages]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Embed the words of each text.

        Raises:
            InvalidInput: A text holds no word.
        """
        queries = [tuple(split_words(text)) for text in texts]
        for text, words in zip(texts, queries, strict=True):
            if not words:
                raise InvalidInput(f"the question {text!r} holds no word; ask with at least one")
        return [QueryEmbedding(vectors=np.stack([self._vector(w) for w in words]), tokens=words) for words in queries]

    def embed_query_images(self, images: Sequence[Image.Image]) -> list[QueryEmbedding]:
        """Embed the pixels of each picture: it finds the page with the very same pixels."""
        return [
            QueryEmbedding(vectors=self._vector(_pixel_hash(image))[None, :], tokens=("picture",)) for image in images
        ]

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Pool neighbouring rows to at most eight."""
        return pool_runs(embedding.vectors, _N_POOLED)

    def _embed_page(self, page: Page) -> PageEmbedding:
        region_of: dict[str, Region] = {}
        for token in page.words:
            for word in split_words(token.text):
                region_of.setdefault(word, token.region)
        rows = [self._vector(_pixel_hash(page.image)), *(self._vector(word) for word in region_of)]
        is_patch = np.ones(len(rows), dtype=np.bool_)
        is_patch[0] = not region_of  # beside words the pixel row points nowhere, as a prompt's row would
        regions = np.array([_WHOLE_PAGE, *region_of.values()], dtype=np.float32)
        return PageEmbedding(vectors=np.stack(rows), regions=regions, is_patch=is_patch)

    def _vector(self, key: str) -> FloatArray:
        digest = hashlib.sha256(f"{self._seed}:{key}".encode()).digest()
        vector = np.random.default_rng(int.from_bytes(digest[:8])).standard_normal(self._dim)
        unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit


def make_page(text: str, page_index: int = 0) -> Page:
    """Draw words on a small page and give it the matching text layer.

    Args:
        text: Words, separated by spaces; "" draws a blank page.
        page_index: 0-based position in its document.

    Returns:
        The page, as rendering would give it; equal texts give equal pixels.
    """
    font = ImageFont.load_default()
    placed: list[tuple[str, tuple[float, float]]] = []
    left, top = _MARGIN, _MARGIN
    for word in text.split():
        width = math.ceil(font.getlength(word))
        if left > _MARGIN and left + width > _PAGE_WIDTH - _MARGIN:
            left, top = _MARGIN, top + _LINE_HEIGHT
        placed.append((word, (left, top)))
        left += width + 6
    image = Image.new("RGB", (_PAGE_WIDTH, max(320, top + _LINE_HEIGHT + _MARGIN)), "white")
    draw = ImageDraw.Draw(image)
    words = []
    for word, corner in placed:
        draw.text(corner, word, fill="black", font=font)
        words.append(PageWord(word, _region(draw.textbbox(corner, word, font=font), image.size)))
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    return Page(
        page_index=page_index,
        image=image,
        page_hash=_pixel_hash(image),
        encoded_image=file.getvalue(),
        image_mimetype="image/webp",
        width_pt=float(image.width),
        height_pt=float(image.height),
        label=str(page_index + 1),
        words=tuple(words),
    )


def _region(box: tuple[float, float, float, float], size: tuple[int, int]) -> Region:
    (left, top, right, bottom), (width, height) = box, size
    return Region(left / width, top / height, min(1, right / width), min(1, bottom / height))


def _pixel_hash(image: Image.Image) -> str:
    pixels = image.convert("RGB")
    return hashlib.sha256(b"%dx%d" % pixels.size + pixels.tobytes()).hexdigest()


def _raises(error: type[Exception]) -> Any:
    import pytest

    return pytest.raises(error)


class EmbedderContract:
    """What every `PageEmbedder` promises. Inherit in a class named `Test...` and give `make_embedder`.

    Attributes:
        tolerance: Largest difference of a value between a batch of one and a batch of four.
    """

    tolerance = 1e-3

    def make_embedder(self) -> PageEmbedder:
        """Make the embedder to be tested."""
        raise NotImplementedError

    @property
    def _pages(self) -> list[Page]:
        texts = ["oil filter torque 25 Nm", "wiring diagram of the pump", "warranty ends after 24 months", ""]
        return [make_page(text, index) for index, text in enumerate(texts)]

    def test_it_is_a_page_embedder(self) -> None:
        """All members are there, and what the passport records is filled in."""
        embedder = self.make_embedder()
        identity = embedder.identity
        assert isinstance(embedder, PageEmbedder)
        assert all((identity.name, identity.revision, identity.weights_hash, identity.backend, embedder.pooling))
        assert identity.dim > 0
        assert embedder.page_dpi > 0
        assert embedder.pages_at_once >= 1

    def test_page_rows_are_healthy(self) -> None:
        """Every page, a blank one too, has rows of unit length, the model's dim, and a region on the page for each."""
        embedder = self.make_embedder()
        for embedding in embedder.embed_pages(self._pages):
            n_vectors = len(embedding.vectors)
            assert n_vectors >= 1
            assert embedding.vectors.shape == (n_vectors, embedder.identity.dim)
            assert embedding.vectors.dtype == embedding.regions.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1, atol=1e-3)
            assert embedding.regions.shape == (n_vectors, 4)
            assert ((embedding.regions >= 0) & (embedding.regions <= 1)).all()
            assert (embedding.regions[:, :2] <= embedding.regions[:, 2:]).all()
            assert embedding.is_patch.shape == (n_vectors,)
            assert embedding.is_patch.dtype == np.bool_

    def test_order_is_kept_and_batches_do_not_matter(self) -> None:
        """Four pages at once give what each gives alone, in order."""
        embedder = self.make_embedder()
        for together, page in zip(embedder.embed_pages(self._pages), self._pages, strict=True):
            alone = embedder.embed_pages([page])[0]
            np.testing.assert_allclose(together.vectors, alone.vectors, atol=self.tolerance)
            np.testing.assert_array_equal(together.regions, alone.regions)

    def test_two_pages_differ(self) -> None:
        """Pages that show different things have different rows."""
        first, second, *_ = self.make_embedder().embed_pages(self._pages)
        assert first.vectors.shape != second.vectors.shape or not np.allclose(
            first.vectors, second.vectors, atol=10 * self.tolerance
        )

    def test_nothing_in_nothing_out(self) -> None:
        """No pages and no questions are no error."""
        embedder = self.make_embedder()
        assert embedder.embed_pages([]) == []
        assert embedder.embed_queries([]) == []

    def test_queries_are_healthy(self) -> None:
        """A question has finite rows of the model's dim, none zero, and a text for each; order is kept."""
        embedder = self.make_embedder()
        texts = ["wiring diagram", "when does the warranty end"]
        queries = embedder.embed_queries(texts)
        for query, text in zip(queries, texts, strict=True):
            assert query.vectors.shape == (len(query.tokens), embedder.identity.dim)
            assert query.vectors.dtype == np.float32
            assert np.isfinite(query.vectors).all()
            assert (np.linalg.norm(query.vectors, axis=1) > 0).all()
            alone = embedder.embed_queries([text])[0]
            assert alone.tokens == query.tokens
            np.testing.assert_allclose(alone.vectors, query.vectors, atol=self.tolerance)

    def test_a_question_may_hold_marks_of_the_model(self) -> None:
        """People ask about <image> and the like: it is text."""
        embedder = self.make_embedder()
        marks = "where is <|image_pad|> <image> <image_soft_token> <row_1_col_1> <pad> [CLS] shown"
        [query] = embedder.embed_queries([marks])
        assert np.isfinite(query.vectors).all()

    def test_a_page_of_any_shape_is_embedded_or_refused(self) -> None:
        """A sliver and a single pixel: rows of unit length, or EmbeddingError, which costs that page only."""
        embedder = self.make_embedder()
        for size in ((1, 1), (3, 900), (900, 3)):
            page = Page(page_index=0, image=Image.new("RGB", size, "white"), page_hash="")
            try:
                [embedding] = embedder.embed_pages([page])
            except EmbeddingError:
                continue
            np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1, atol=1e-3)

    def test_an_empty_question_is_refused(self) -> None:
        """A question that holds nothing to look for is InvalidInput, also among others."""
        embedder = self.make_embedder()
        for text in ("", "  \n"):
            with _raises(InvalidInput):
                embedder.embed_queries(["oil filter", text])

    def test_pictures_are_embedded_or_refused(self) -> None:
        """A picture as a query gives healthy rows, or InvalidInput where the model cannot."""
        embedder = self.make_embedder()
        try:
            query = embedder.embed_query_images([self._pages[0].image])[0]
        except InvalidInput:
            return
        assert query.vectors.shape == (len(query.tokens), embedder.identity.dim)
        assert np.isfinite(query.vectors).all()

    def test_pooled_rows_are_healthy(self) -> None:
        """Pooling gives rows of unit length, at least one and never more than the page has."""
        embedder = self.make_embedder()
        for embedding in embedder.embed_pages(self._pages):
            pooled = embedder.pool(embedding)
            assert 1 <= len(pooled) <= len(embedding.vectors)
            assert pooled.shape[1] == embedder.identity.dim
            np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-3)
