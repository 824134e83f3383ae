"""What an embedder is: pages and queries in, multi-vectors out.

A new model family is one class with these members that passes `visual_rag.testing.EmbedderContract`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PIL.Image import Image

from visual_rag.errors import InvalidInput
from visual_rag.records import FloatArray, ModelIdentity, Page, PageEmbedding, QueryEmbedding, RowMatches


@runtime_checkable
class PageEmbedder(Protocol):
    """A late-interaction model."""

    @property
    def identity(self) -> ModelIdentity:
        """What goes into the passport."""
        ...

    @property
    def page_dpi(self) -> int:
        """The dpi that pages should be rendered at for this model."""
        ...

    @property
    def pooling(self) -> str:
        """Name of what `pool` does, for the passport."""
        ...

    @property
    def pages_at_once(self) -> int:
        """How many pages are best embedded in one call; between two calls an ingest stores and reports."""
        ...

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Embed rendered pages, in order.

        Vectors follow from `page.image`: an index keeps one embedding for all pages with equal pixels.

        Raises:
            EmbeddingError: The model cannot embed them. Only this is taken as the fault of a page: ingest tries the
                pages one by one and notes those that fail. Anything else, and what is `retryable`, ends the run.
        """
        ...

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Embed questions, in order.

        Raises:
            InvalidInput: A text holds nothing that can be looked for.
        """
        ...

    def embed_query_images(self, images: Sequence[Image]) -> list[QueryEmbedding]:
        """Embed pictures that are looked for, in order.

        Raises:
            InvalidInput: The model cannot take pictures as queries, or finds nothing in one.
        """
        ...

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Make the few vectors of the shortlist: shape (n_pooled, dim), rows of unit length."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorpusSample:
    """Pages of the index that stand for all of it, for counting how common a query row's look-alikes are.

    Attributes:
        pages: Their full multi-vectors, at least one.
    """

    pages: Sequence[FloatArray]


@runtime_checkable
class LateReranker(Protocol):
    """What an embedder may add: its own last stage on full multi-vectors. Without it, MaxSim is the last stage."""

    @property
    def scored_by(self) -> str:
        """Name of the scoring, as `Hit.scored_by` gives it."""
        ...

    def rerank(
        self, query: QueryEmbedding, pages: Sequence[FloatArray], sample: CorpusSample
    ) -> tuple[FloatArray, FloatArray]:
        """Score candidates.

        Args:
            query: As `embed_queries` gave it.
            pages: Full multi-vectors of the candidates, each (n_vectors, dim).
            sample: Stands for the whole index.

        Returns:
            Scores, shape (n_pages,), higher is better, 0 or less for a page that is no hit at all; and similarities,
            shape (n_pages,), in [0, 1].
        """
        ...


@runtime_checkable
class MatchScorer(Protocol):
    """What a reranker may add: its scoring on the rows that a shortlist is made from. Without it, MaxSim makes it."""

    def score_matches(self, query: QueryEmbedding, matches: RowMatches) -> FloatArray:
        """Score the listed pages by the rows that were met: shape (n_pages,), higher is better."""
        ...


def check_questions(texts: Sequence[str]) -> None:
    """Refuse questions that ask nothing.

    Raises:
        InvalidInput: A text is empty.
    """
    for text in texts:
        if not text.strip():
            raise InvalidInput("the question is empty; ask in words")
