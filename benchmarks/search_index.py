"""The index that `search.py` measures: drawn pages with a text layer, and an embedder that looks questions up.

Page n stands at place n % 10 of document n // 10 and on shelf n % 10, so one filter lets a tenth of the pages pass and
another ten of them. Its text is 150 words by Zipf's law from 5,000 made ones.
"""

import multiprocessing
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from PIL.Image import Image
from shortlist_corpora import DIM, Corpus, make_corpus

from visual_rag.embed.protocol import CorpusSample
from visual_rag.embed.soft_bm25 import Gate
from visual_rag.embed.spotter import Spotter
from visual_rag.passport import IndexPassport
from visual_rag.records import (
    FloatArray,
    IntArray,
    ModelIdentity,
    Page,
    PageEmbedding,
    PagePoint,
    PageRecord,
    QueryEmbedding,
    RowMatches,
)
from visual_rag.retrieve.search import PageSearcher
from visual_rag.scoring import normalise_rows, pool_clusters
from visual_rag.settings import STORAGE_POLICIES, PolicyName, SearchSettings
from visual_rag.store.edge import EdgeStore
from visual_rag.store.files import allocated_bytes
from visual_rag.store.images import PageImages
from visual_rag.store.schema import page_payload
from visual_rag.testing import make_record

PAGES_A_DOCUMENT, N_POOLED = 10, 64
_BLAS_THREADS = "OPENBLAS_NUM_THREADS"
Result = TypeVar("Result")
N_WORDS, WORDS_A_PAGE, WORDS_A_QUESTION = 5000, 150, 4
_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]  # 70: two make 4,900 words, three the rest
_PARTS = {  # the first that a path begins with
    "rows/": "row lists",
    ".*/wal/": "write-ahead log",
    "pages/.*/payload_index/": "payload indexes",
    "pages/.*/payload_storage/": "payload and regions",
    "pages/.*-full/": "full vectors",
    "pages/.*-pooled/": "pooled vectors",
    "pages/.*-text/": "words for BM25",
}


class TableEmbedder:
    """Looks questions up; scored by MaxSim."""

    page_dpi, pages_at_once, pooling = 72, 1, f"clusters{N_POOLED}"
    identity = ModelIdentity(name="drawn", revision="1", weights_hash="0", dim=DIM, backend="numpy")

    def __init__(self, table: dict[str, FloatArray]) -> None:
        self.table = table

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Refuse: pages come with their rows."""
        raise NotImplementedError

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Look questions up."""
        found = [self.table[text] for text in texts]
        return [QueryEmbedding(vectors=rows, tokens=("",) * len(rows)) for rows in found]

    def embed_query_images(self, images: Sequence[Image]) -> list[QueryEmbedding]:
        """Refuse: there are no pictures."""
        raise NotImplementedError

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Make the shortlist's rows."""
        return pool_clusters(embedding.vectors, N_POOLED)


class SpotterTable(TableEmbedder):
    """Looks questions up; scored as spotter scores."""

    def __init__(self, table: dict[str, FloatArray]) -> None:
        super().__init__(table)
        self._spotter = Spotter()
        self.scored_by = self._spotter.scored_by

    def rerank(
        self, query: QueryEmbedding, pages: Sequence[FloatArray], sample: CorpusSample
    ) -> tuple[FloatArray, FloatArray]:
        """Score pages by soft BM25."""
        return self._spotter.rerank(query, pages, sample)

    def score_matches(self, query: QueryEmbedding, matches: RowMatches) -> FloatArray:
        """Score pages by some of their rows."""
        return self._spotter.score_matches(query, matches)


def page_words(number: int) -> list[str]:
    """Draw the words of a page, the same each time."""
    frequency = 1 / np.arange(1, N_WORDS + 1)
    drawn = np.random.default_rng((3, number)).choice(N_WORDS, WORDS_A_PAGE, p=frequency / frequency.sum())
    return [_word(int(rank)) for rank in drawn]


def _word(rank: int) -> str:
    first, second = divmod(rank, len(_SYLLABLES))
    return _SYLLABLES[first % len(_SYLLABLES)] + _SYLLABLES[second] + ("xo" if first >= len(_SYLLABLES) else "x")


def question_of(number: int, page: int) -> str:
    """Ask for some words of a page."""
    words = sorted(set(page_words(page)))
    chosen = np.random.default_rng((4, number)).choice(len(words), WORDS_A_QUESTION, replace=False)
    return " ".join(words[word] for word in chosen)


def record_of(number: int, n_vectors: int = 1) -> PageRecord:
    """Describe a page."""
    return make_record(
        source_uri=f"memory:///manual-{number // PAGES_A_DOCUMENT:05}.pdf",
        page_index=number % PAGES_A_DOCUMENT,
        n_pages=PAGES_A_DOCUMENT,
        n_vectors=n_vectors,
        text=" ".join(page_words(number)),
        metadata={"shelf": number % PAGES_A_DOCUMENT},
    )


def true_scores(corpus: Corpus, queries: Sequence[FloatArray]) -> FloatArray:
    """Score every page for every query by MaxSim in float32: shape (n_queries, n_pages)."""
    together, starts = np.concatenate(queries), np.cumsum([0, *(len(query) for query in queries[:-1])])
    best = [(together @ page_rows(corpus, number).T).max(axis=1) for number in range(corpus.n_pages)]
    return np.add.reduceat(np.stack(best, axis=1), starts, axis=0)


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a new process, with one BLAS thread: on a busy machine two wait for each other."""
    before = os.environ.get(_BLAS_THREADS)
    os.environ[_BLAS_THREADS] = "1"
    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(work, arguments)
    finally:
        os.environ.pop(_BLAS_THREADS)
        os.environ.update({_BLAS_THREADS: before} if before else {})


class Made(NamedTuple):
    """A corpus without the file of its rows, queries to it, their true scores, and seconds to make each new index."""

    scales: FloatArray
    starts: IntArray
    gate: Gate | None
    queries: list[FloatArray]
    truth: FloatArray | None
    seconds: dict[PolicyName, float]

    def corpus(self, file: Path) -> Corpus:
        """Open the file again."""
        rows = np.memmap(file, dtype=np.int8, mode="r", shape=(int(self.starts[-1]), DIM))
        return Corpus(rows, self.scales, self.starts, self.gate)


def make_indexes(
    kind: str, n_pages: int, documents: Path | None, scratch: Path, policies: Sequence[PolicyName]
) -> Made:
    """Draw pages into the file `rows`, and store them in an index for each policy, in the folder of its name.

    An index that is there already is left as it is.
    """
    corpus, queries = make_corpus(kind, n_pages, documents, scratch / "rows")
    seconds = {}
    for policy in policies:
        folder, unfinished = scratch / policy, scratch / f"{policy}.unfinished"
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            started = time.perf_counter()
            fill(unfinished, corpus, policy)
            seconds[policy] = time.perf_counter() - started
            unfinished.rename(folder)
    truth = None if corpus.gate else true_scores(corpus, queries)
    return Made(corpus.scales, corpus.starts, corpus.gate, queries, truth, seconds)


def fill(folder: Path, corpus: Corpus, policy: PolicyName) -> None:
    """Store the pages of a corpus, a hundred at a time, and bring the index in order."""
    passport = IndexPassport(
        model=TableEmbedder.identity,
        dpi=72,
        renderer="none",
        pooling=TableEmbedder.pooling,
        datatype=STORAGE_POLICIES[policy].datatype,
        keeps_rows=corpus.gate is not None,  # as `VisualIndex` decides: where the model scores by itself
    )
    with EdgeStore.create(folder, passport) as store:
        for start in range(0, corpus.n_pages, 100):
            numbers = range(start, min(start + 100, corpus.n_pages))
            store.upsert([_point(corpus, number) for number in numbers])
            print(f"\r{policy}: {numbers.stop:,} pages stored", end="", file=sys.stderr, flush=True)
        store.maintain()
    print(file=sys.stderr)


def _point(corpus: Corpus, number: int) -> PagePoint:
    rows = page_rows(corpus, number)
    embedding = PageEmbedding(vectors=rows, regions=_grid(len(rows)), is_patch=np.ones(len(rows), dtype=np.bool_))
    record = record_of(number, len(rows))
    pooled = pool_clusters(rows, N_POOLED)
    return PagePoint(page_id=record.page_id, embedding=embedding, pooled=pooled, payload=page_payload(record))


def page_rows(corpus: Corpus, number: int) -> FloatArray:
    """Read the rows of a page, of unit length: shape (n_rows, DIM)."""
    return normalise_rows(corpus.decoded(*corpus.starts[number : number + 2]))


def _grid(n_rows: int) -> FloatArray:
    """Lay patches out in lines: regions, shape (n_rows, 4)."""
    side = int(np.ceil(n_rows**0.5))
    top, left = np.divmod(np.arange(n_rows, dtype=np.float32), side)
    edges = np.stack([left, top, left + 1, top + 1], axis=1) / side
    return np.asarray(edges, dtype=np.float32)


def disk_parts(folder: Path) -> dict[str, int]:
    """Bytes on disk by what they hold."""
    parts: dict[str, int] = {}
    for file in (file for file in folder.rglob("*") if file.is_file()):
        path = file.relative_to(folder).as_posix()
        part = next((part for sign, part in _PARTS.items() if re.match(sign, path)), "other")
        parts[part] = parts.get(part, 0) + allocated_bytes(file.stat())
    return parts


class Opening(NamedTuple):
    """What a process of its own measures: seconds to open and of the first search, and its memory in MB."""

    open_s: float
    first_search_s: float
    imported: dict[str, float]
    opened: dict[str, float]
    searched: dict[str, float]


def opening(folder: Path, embedder_class: type[TableEmbedder], table: dict[str, FloatArray]) -> Opening:
    """Open an index in a new process and search it 20 times, in two stages."""
    return alone(_opening, folder, embedder_class, table)


def _opening(folder: Path, embedder_class: type[TableEmbedder], table: dict[str, FloatArray]) -> Opening:
    embedder, imported = embedder_class(table), _memory()
    started = time.perf_counter()
    with EdgeStore.open(folder) as store:
        open_s, opened = time.perf_counter() - started, _memory()
        searcher = PageSearcher(store, embedder, PageImages(folder), SearchSettings(mode="two-stage"))
        questions = list(table)
        started = time.perf_counter()
        searcher.search(questions[0], k=10)
        first_search_s = time.perf_counter() - started
        for question in questions[1:21]:
            searcher.search(question, k=10)
        return Opening(open_s, first_search_s, imported, opened, _memory())


def _memory() -> dict[str, float]:
    """Resident memory in MB: in all, and the part that is no file's."""
    lines = [line.split() for line in Path("/proc/self/status").read_text("utf8").splitlines()]
    found = {line[0].rstrip(":"): float(line[1]) / 1000 for line in lines if line and line[0].startswith("Rss")}
    return {"all": sum(found.values()), "own": found["RssAnon"]}
