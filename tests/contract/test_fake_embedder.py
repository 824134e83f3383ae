"""The fake embedder keeps every promise that a real one makes, and means something."""

import numpy as np
import pytest

from visual_rag.errors import InvalidInput
from visual_rag.records import Page
from visual_rag.scoring import maxsim
from visual_rag.testing import EmbedderContract, FakeEmbedder, make_page


class TestFakeEmbedder(EmbedderContract):
    """See `EmbedderContract`."""

    def make_embedder(self) -> FakeEmbedder:
        return FakeEmbedder()


PAGES = [
    make_page(text, index)
    for index, text in enumerate(["Replace the oil-filter", "Wiring of the pump", "Warranty: 24 months", ""])
]


def best_page(embedder: FakeEmbedder, question: str) -> Page:
    """The page with the highest MaxSim."""
    query = embedder.embed_queries([question])[0].vectors
    scores = [maxsim(query, page.vectors) for page in embedder.embed_pages(PAGES)]
    return PAGES[int(np.argmax(scores))]


@pytest.mark.parametrize(("question", "page_index"), [("oil FILTER?", 0), ("pump wiring", 1), ("warranty months", 2)])
def test_the_page_with_the_words_wins(question: str, page_index: int) -> None:
    """Whatever their case and punctuation."""
    assert best_page(FakeEmbedder(), question) is PAGES[page_index]


def test_a_picture_finds_its_page() -> None:
    """Also a page without words."""
    embedder = FakeEmbedder()
    embeddings = embedder.embed_pages(PAGES)
    for index, page in enumerate(PAGES):
        query = embedder.embed_query_images([page.image.copy()])[0].vectors
        assert np.argmax([maxsim(query, embedding.vectors) for embedding in embeddings]) == index


def test_a_row_points_at_its_word() -> None:
    """Each distinct word has one row with the region of its first place; the pixels' row is no patch beside words."""
    page = make_page("Pump pump seal")
    embedding = FakeEmbedder().embed_pages([page])[0]
    assert embedding.is_patch.tolist() == [False, True, True]
    np.testing.assert_allclose(embedding.regions[1:], [page.words[0].region, page.words[2].region], rtol=1e-6)
    assert FakeEmbedder().embed_pages([make_page("")])[0].is_patch.tolist() == [True]


def test_it_counts_what_it_embeds() -> None:
    """So that a test can say that nothing was embedded twice."""
    embedder = FakeEmbedder()
    embedder.embed_pages(PAGES)
    embedder.embed_pages(PAGES[:1])
    assert embedder.n_pages_embedded == len(PAGES) + 1


def test_another_dim_or_seed_is_another_model() -> None:
    """As with real weights, vectors of the two cannot be compared."""
    identities = {FakeEmbedder(dim=dim, seed=seed).identity.weights_hash for dim in (16, 32) for seed in (0, 1)}
    assert len(identities) == 4
    assert FakeEmbedder(dim=16).embed_pages(PAGES[:1])[0].vectors.shape[1] == 16


def test_a_question_without_words_is_refused() -> None:
    """Punctuation is no word."""
    with pytest.raises(InvalidInput, match="holds no word"):
        FakeEmbedder().embed_queries(["?!"])


def test_a_drawn_page_shows_its_words() -> None:
    """Every word has ink in its region, however long the text; equal texts give equal pixels."""
    page = make_page("one two three " * 60, page_index=3)
    pixels = np.asarray(page.image.convert("L"))
    assert len(page.words) == 180
    for word in page.words:
        assert 0 <= word.region.left < word.region.right <= 1
        box = [
            round(edge * size)
            for edge, size in zip(word.region, (page.image.width, page.image.height) * 2, strict=True)
        ]
        assert pixels[box[1] : box[3], box[0] : box[2]].min() < 128
    again = make_page("one two three " * 60)
    assert (again.page_hash, again.encoded_image) == (page.page_hash, page.encoded_image)
    assert make_page("one two four").page_hash != make_page("one two three").page_hash
