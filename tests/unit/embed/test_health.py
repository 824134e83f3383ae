"""The health gate tells broken models from sound ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from visual_rag.embed.health import examine_embedder, probe_of
from visual_rag.records import Page, PageEmbedding, QueryEmbedding
from visual_rag.testing import FakeEmbedder, make_page

PAGES = [make_page(text) for text in ("oil filter torque", "wiring diagram of", "warranty ends after", "a b c")]
QUESTIONS = ["oil filter", "wiring diagram"]


class Broken(FakeEmbedder):
    """Gives what it was told to make of good embeddings."""

    def __init__(self, spoil: Callable[[PageEmbedding, int], PageEmbedding], *, questions: float = 1.0) -> None:
        super().__init__()
        self._spoil = spoil
        self._questions = questions

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Spoil every page."""
        return [self._spoil(embedding, len(pages)) for embedding in super().embed_pages(pages)]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Spoil every question."""
        return [replace(query, vectors=query.vectors * self._questions) for query in super().embed_queries(texts)]


def failed(embedder: FakeEmbedder) -> list[str]:
    """What was found wrong."""
    return [finding.what for finding in examine_embedder(embedder, PAGES, QUESTIONS) if not finding.ok]


def test_a_sound_model_passes() -> None:
    """All of it."""
    assert failed(FakeEmbedder()) == []


@pytest.mark.parametrize(
    ("what", "spoil"),
    [
        ("page rows are finite", lambda embedding, _: replace(embedding, vectors=embedding.vectors * np.nan)),
        ("page rows are finite", lambda embedding, _: replace(embedding, vectors=embedding.vectors * 0.9)),
        ("two pages differ", lambda embedding, _: replace(embedding, vectors=np.eye(3, 32, dtype=np.float32))),
        ("a page alone", lambda embedding, n: replace(embedding, vectors=np.roll(embedding.vectors, n, axis=1))),
        ("a page alone", lambda embedding, n: replace(embedding, vectors=embedding.vectors[:n])),
    ],
)
def test_a_broken_model_is_told(what: str, spoil: Callable[[PageEmbedding, int], PageEmbedding]) -> None:
    """Values, lengths, blindness, batches that matter, rows that go missing."""
    assert any(found.startswith(what) for found in failed(Broken(spoil)))


def test_questions_are_looked_at_too() -> None:
    """A model may be sound on one side only."""
    assert "question rows are finite" in failed(Broken(lambda embedding, _: embedding, questions=np.nan))


def test_the_probe_is_a_direction_that_tells_models_apart() -> None:
    """Unit length, the same each time, another for other weights."""
    probe = np.array(probe_of(FakeEmbedder()))
    assert np.linalg.norm(probe) == pytest.approx(1, abs=1e-3)
    assert probe_of(FakeEmbedder()) == tuple(probe)
    assert probe @ np.array(probe_of(FakeEmbedder(seed=1))) < 0.9
