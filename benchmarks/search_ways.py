"""The ways of searching that `search.py` measures: ours, and those of others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from search_index import PAGES_A_DOCUMENT, record_of
from search_rivals import Numpy, Rival

from visual_rag.records import Examples, FloatArray, Grouping, Hits, IntArray
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import Channels, SearchSettings

K, BATCH, SHELF, YARDSTICK = 10, 8, 3, "numpy float32, exact"
EXACT, TWO_STAGE = SearchSettings(mode="exact", channels="visual"), SearchSettings(mode="two-stage", channels="visual")
AUTO = SearchSettings(channels="visual")  # exact where a filter leaves few pages


@dataclass(frozen=True)
class Way:
    """One way of searching.

    Attributes:
        name: What is done.
        search: Of a question's number.
        passing: Which pages may be found, of a question's number; None where no agreement is taken.
        n_questions: That it answers at once.
        share: Of the work, that it does; times are divided by it.
        times: Milliseconds a question.
        work: Likewise, of all processors.
        agreement: Of top 10.
    """

    name: str
    search: Callable[[int], object]
    passing: Callable[[int], slice] | None = None
    n_questions: int = 1
    share: float = 1.0
    times: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    agreement: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """The questions of a run, and how well every page answers them: scores of shape (n_questions, n_pages)."""

    texts: list[str]
    queries: list[FloatArray]
    scores: FloatArray

    def best(self, number: int, passing: slice = slice(None)) -> IntArray:
        """The best pages, by number, of those that pass."""
        pages = np.arange(self.scores.shape[1])[passing]
        scores = self.scores[number, passing]
        order = np.argsort(-scores, kind="stable")[:K]
        return pages[order[scores[order] > 0]]


def everywhere(_: int) -> slice:
    """All pages pass."""
    return slice(None)


def ways_of(searcher: PageSearcher, asked: Asked) -> list[Way]:
    """All that an index offers."""
    texts = asked.texts
    n_documents = int(asked.scores.shape[1]) // PAGES_A_DOCUMENT
    best = [record_of(int(asked.best(number)[0])) for number in range(len(texts))]

    def document_of(number: int) -> int:
        return number * 7919 % n_documents

    def in_document(number: int) -> Hits:
        name = record_of(document_of(number) * PAGES_A_DOCUMENT).document_name
        return searcher.search(texts[number], k=K, where=f'document == "{name}"', settings=AUTO)

    def pages_of(number: int) -> slice:
        start = document_of(number) * PAGES_A_DOCUMENT
        return slice(start, start + PAGES_A_DOCUMENT)

    def on_shelf(number: int) -> Hits:
        return searcher.search(texts[number], k=K, where=f"shelf == {SHELF}", settings=AUTO)

    def recommended(number: int) -> Hits:
        first, second, third = (best[(number + step) % len(best)] for step in range(3))
        examples = Examples(positive=[first, second], negative=[third])
        return searcher.recommend(examples, k=K, settings=TWO_STAGE)

    def by(channels: Channels) -> Callable[[int], Hits]:
        settings = SearchSettings(mode="two-stage", channels=channels)
        return lambda number: searcher.search(texts[number], k=K, settings=settings)

    def some(number: int) -> list[str]:
        return [texts[(number + step) % len(texts)] for step in range(BATCH)]

    return [
        Way("exact", lambda number: searcher.search(texts[number], k=K, settings=EXACT), everywhere),
        Way("two stages", by("visual"), everywhere),
        Way("10 % of pages pass", on_shelf, lambda _: slice(SHELF, None, PAGES_A_DOCUMENT)),
        Way("one document passes", in_document, pages_of),
        Way("5 documents, 3 pages of each", lambda n: searcher.search_groups(texts[n], Grouping(), settings=TWO_STAGE)),
        Way("recommend: 2 pages, not 1", recommended),
        Way("text channel", by("text")),
        Way("both channels", by("both")),
        Way(
            f"{BATCH} questions, one by one",
            lambda number: [searcher.search(text, k=K, settings=TWO_STAGE) for text in some(number)],
            n_questions=BATCH,
        ),
        Way(
            f"{BATCH} questions, a batch",
            lambda number: searcher.search_batch(some(number), k=K, settings=TWO_STAGE),
            n_questions=BATCH,
        ),
    ]


def rival_ways(numpy: Numpy, slow: Sequence[Rival], asked: Asked) -> list[Way]:
    """The same by other means."""
    queries = asked.queries

    def batch(number: int) -> list[IntArray]:
        return numpy.batch([queries[(number + step) % len(queries)] for step in range(BATCH)])

    shelf = slice(SHELF, None, PAGES_A_DOCUMENT)
    rivals = [Way(rival.name, partial(_by_query, rival, queries)) for rival in slow]
    return [
        Way(YARDSTICK, lambda number: numpy.search(queries[number]), share=numpy.share),
        Way("numpy, 10 % of pages pass", lambda number: numpy.search(queries[number], shelf), share=numpy.share),
        Way(f"numpy, {BATCH} questions in one product", batch, n_questions=BATCH, share=numpy.share),
        *rivals,
    ]


def _by_query(rival: Rival, queries: Sequence[FloatArray], number: int) -> object:
    return rival.search(queries[number])
