"""Whether a model gives vectors that can be trusted, on this machine and with these settings.

    for finding in examine_embedder(load_embedder("vidore/colqwen2.5-v0.2"), pages, ["oil filter", "wiring diagram"]):
        print(finding.what, finding.ok, finding.found)

It tells a broken model from a sound one, not a good one from a bad one: for that, evaluate it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import EmbeddingError, UnhealthyEmbedding
from visual_rag.records import FloatArray, Page
from visual_rag.scoring import check_page_vectors

_PROBE = "page that shows the wiring diagram of pump 3"
_LEAST_COSINE = 0.99  # of the same row in another batch; bfloat16 against float32: 0.9999 on 17 tiny networks
_MOST_ALIKE = 0.9999  # of the rows that differ most between two pages that show different things


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried.

    Attributes:
        what: The promise.
        ok: Whether it was kept.
        found: The figure, or what is wrong.
    """

    what: str
    ok: bool
    found: str


def probe_of(embedder: PageEmbedder) -> tuple[float, ...]:
    """Where one fixed question points: the direction of the sum of its rows, shape (dim,), rounded for the passport."""
    total = embedder.embed_queries([_PROBE])[0].vectors.sum(axis=0)
    return tuple(round(float(value), 5) for value in total / np.linalg.norm(total))


def examine_embedder(embedder: PageEmbedder, pages: Sequence[Page], questions: Sequence[str]) -> list[Finding]:
    """Run the model and look at what it gives.

    Args:
        embedder: Loaded.
        pages: At least two, which show different things.
        questions: At least two.

    Raises:
        EmbeddingError: The model cannot be run at all.
    """
    together = [embedding.vectors for embedding in embedder.embed_pages(pages)]
    alone = [embedder.embed_pages([page])[0].vectors for page in pages]
    asked = [query.vectors for query in embedder.embed_queries(questions)]
    asked_alone = [embedder.embed_queries([question])[0].vectors for question in questions]
    return [
        _tried("page rows are finite and of length 1", lambda: _healthy(together, embedder.identity.dim)),
        _tried("two pages differ", lambda: _differ(together[0], together[1])),
        _tried("a page alone is as among others", lambda: _same(together, alone)),
        _tried("question rows are finite", lambda: _finite(asked)),
        _tried("a question alone is as among others", lambda: _same(asked, asked_alone)),
    ]


def _tried(what: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, ok=True, found=attempt())
    except EmbeddingError as error:
        return Finding(what=what, ok=False, found=str(error))


def _healthy(pages: Sequence[FloatArray], dim: int) -> str:
    for vectors in pages:
        check_page_vectors(vectors, dim)
    return f"{len(pages[0])} rows of {dim}"


def _differ(first: FloatArray, second: FloatArray) -> str:
    if first.shape != second.shape:
        return f"{len(first)} and {len(second)} rows"
    cosine = float((first * second).sum(axis=1).min())
    if cosine > _MOST_ALIKE:
        raise UnhealthyEmbedding(f"no row below cosine {cosine:.6f}: the model does not look at the pages")
    return f"rows down to cosine {cosine:.3f}"


def _same(some: Sequence[FloatArray], others: Sequence[FloatArray]) -> str:
    lowest = 1.0
    for one, other in zip(some, others, strict=True):
        if one.shape != other.shape:
            raise UnhealthyEmbedding(f"{len(one)} rows become {len(other)}")
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        lowest = min(lowest, float(((one * other).sum(axis=1) / lengths).min()))
    if not lowest >= _LEAST_COSINE:
        raise UnhealthyEmbedding(f"cosine {lowest:.4f}: vectors depend on the batch")
    return f"cosine {lowest:.5f} or more"


def _finite(queries: Sequence[FloatArray]) -> str:
    if not all(np.isfinite(vectors).all() for vectors in queries):
        raise UnhealthyEmbedding("a row is not finite")
    return ", ".join(str(len(vectors)) for vectors in queries) + " rows"
