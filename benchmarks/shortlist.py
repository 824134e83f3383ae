"""First stages compared: which makes two-stage search agree with exact search, and at what cost.

    python benchmarks/shortlist.py --pages 10000 --kind drawn
    python benchmarks/shortlist.py --pages 10000 --kind spotter --folder FOLDER_OF_PDFS

All methods see the same vectors and queries in one run, in turn. The yardstick is exact search in numpy: float32, all
rows in memory. Agreement is of the top 10 with it, after the last stage, which reads rows of 8 bits from a file.

What the corpora are: `shortlist_corpora.py`. Lists of rows are the store's own, in a folder of their own; the time to
make them is that of one process with nothing else to do.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import numpy as np
from shortlist_corpora import DIM, Corpus, make_corpus

from visual_rag.embed.soft_bm25 import (
    _LEAST_COUNT,
    K1,
    B,
    Gate,
    inverse_document_frequency,
    matched_counts,
    soft_bm25,
)
from visual_rag.records import FloatArray, IntArray, PageEmbedding
from visual_rag.retrieve.shortlist import maxsim_scores
from visual_rag.scoring import normalise_rows, pool_clusters
from visual_rag.store.files import size_on_disk
from visual_rag.store.row_directory import RowDirectory
from visual_rag.store.row_packing import Packer, plan
from visual_rag.store.row_search import RowSearch
from visual_rag.store.rows import PageRows

K = 10
SIZES = (50, 100, 200, 400)
ROW_BUDGET = 100_000  # rows a query
Scores = Callable[[FloatArray], FloatArray]
Timed = TypeVar("Timed")
Result = TypeVar("Result")


def page_scores(
    query: FloatArray, rows: FloatArray, starts: IntArray, gate: Gate | None, norm: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Score each word on each page: (n_words, n_pages) best dot products, or saturated soft counts and page counts."""
    dots = query @ rows.T
    if gate is None:
        return np.maximum.reduceat(dots, starts, axis=1), np.ones(len(query), dtype=np.float32)
    word, row = np.nonzero(dots > least_cosine(gate))
    page = np.searchsorted(starts, row, side="right") - 1
    counts = np.bincount(word * len(starts) + page, gate(dots[word, row]), minlength=len(query) * len(starts))
    frequency = counts.reshape(len(query), len(starts)).astype(np.float32)
    return frequency * (K1 + 1) / (frequency + norm), np.minimum(frequency, 1).sum(axis=1)


def least_cosine(gate: Gate) -> float:
    """Below it nothing counts."""
    return float(gate.centre - gate.softness * np.log(1 / _LEAST_COUNT - 1))


def length_norm(corpus: Corpus) -> FloatArray:
    """What soft BM25 adds to a count for the length of a page: shape (n_pages,)."""
    lengths = np.diff(corpus.starts).astype(np.float32)
    return np.asarray(K1 * (1 - B + B * lengths / lengths.mean()), dtype=np.float32)


def rarity(n_with_word: FloatArray | np.floating, n_pages: int) -> FloatArray:
    """Inverse document frequency, as soft BM25 has it."""
    return np.asarray(np.log1p((n_pages - n_with_word + 0.5) / (n_with_word + 0.5)), dtype=np.float32)


class Exact:
    """Scores all pages by all rows, float32, in blocks that stay in the processor's cache."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.rows = np.empty(corpus.rows.shape, dtype=np.float32)
        for start in range(0, len(self.rows), 65_536):
            self.rows[start : start + 65_536] = corpus.decoded(start, start + 65_536)
        self.norm = length_norm(corpus)

    def per_word(self, query: FloatArray, gate: Gate | None) -> FloatArray:
        """Score each word on each page: (n_words, n_pages), weighed by its rarity."""
        starts, found, n_with_word = self.corpus.starts, [], np.zeros(len(query), dtype=np.float32)
        for page in range(0, self.corpus.n_pages, 8):
            some = starts[page : page + 9]
            scores, n_pages = page_scores(
                query, self.rows[some[0] : some[-1]], some[:-1] - some[0], gate, self.norm[page : page + 8]
            )
            found.append(scores)
            n_with_word += n_pages
        weights = rarity(n_with_word, self.corpus.n_pages) if gate else np.ones(len(query), dtype=np.float32)
        return np.asarray(weights[:, None] * np.concatenate(found, axis=1), dtype=np.float32)

    def __call__(self, query: FloatArray) -> FloatArray:
        """Score all pages."""
        return np.asarray(self.per_word(query, self.corpus.gate).sum(axis=0), dtype=np.float32)

    def maxsim(self, query: FloatArray) -> FloatArray:
        """Score all pages by MaxSim, whatever the last stage is."""
        return np.asarray(self.per_word(query, None).sum(axis=0), dtype=np.float32)


class Pooled:
    """MaxSim over few rows a page, float32 in memory; what stores keep in 16 bits."""

    def __init__(self, corpus: Corpus, n_pooled: int) -> None:
        self.bytes_a_page = 2 * n_pooled * DIM
        pages = range(corpus.n_pages)
        rows = [pool_clusters(corpus.decoded(*corpus.starts[page : page + 2]), n_pooled) for page in pages]
        self.starts = np.cumsum([0] + [len(some) for some in rows[:-1]])
        self.rows = np.concatenate(rows)

    def __call__(self, query: FloatArray) -> FloatArray:
        """Score all pages."""
        best = np.maximum.reduceat(query @ self.rows.T, self.starts, axis=1)  # (n_query_vectors, n_pages)
        return np.asarray(best.sum(axis=0), dtype=np.float32)


class StoreLists:
    """The store's own row lists, made of the corpus without its engine, scored as a search scores them."""

    def __init__(self, corpus: Corpus, folder: Path, *, keeps_rows: bool) -> None:
        """Pack all pages.

        Args:
            corpus: The pages.
            folder: For the files.
            keeps_rows: Exact dot products with the rows near each query row, or with their centroids (PLAID).
        """
        self.corpus = corpus
        rows = PageRows(folder, dim=DIM, datatype="turbo8", keeps_rows=keeps_rows)
        hashes = {str(UUID(int=page)): "0" * 16 for page in range(corpus.n_pages)}
        directory = RowDirectory(rows.packed(), hashes, ())
        job = plan(directory, rows.packed(), least_pages=0, keeps_rows=keeps_rows)
        if job is None:
            raise ValueError("there is nothing to pack")
        manifest = finished(Packer(rows, self._read, keeps_rows=keeps_rows).carry_out(job, {}))
        rows.segments.publish(manifest)
        listing = RowDirectory(rows.packed(), hashes, ()).listing()
        if listing is None:
            raise ValueError("nothing was packed")
        self.listing, self.search, self.mean = listing, RowSearch(rows), float(np.diff(corpus.starts).mean())
        self.bytes_a_page = size_on_disk(folder) // corpus.n_pages
        self.weights = np.ones(1, dtype=np.float32)

    def _read(self, page_ids: Sequence[str]) -> dict[str, PageEmbedding]:
        read = {}
        for page_id in page_ids:
            page = UUID(page_id).int
            vectors = normalise_rows(self.corpus.decoded(*self.corpus.starts[page : page + 2]))
            regions = np.tile(np.array([0, 0, 1, 1], dtype=np.float32), (len(vectors), 1))
            read[page_id] = PageEmbedding(
                vectors=vectors, regions=regions, is_patch=np.ones(len(vectors), dtype=np.bool_)
            )
        return read

    def __call__(self, query: FloatArray) -> FloatArray:
        """Score all pages; how rare a word is, is counted on the way, over all pages."""
        matches = self.search.matches(self.listing, query, n_rows=ROW_BUDGET)
        if matches is None:
            raise ValueError("the lists are gone")
        if self.corpus.gate is None:
            self.weights = np.ones(len(query), dtype=np.float32)
            return maxsim_scores(matches, query)
        counts = matched_counts(len(query), matches, self.corpus.gate)
        self.weights = inverse_document_frequency(counts)
        return soft_bm25(counts, self.weights, self.mean)


def finished(steps: Generator[None, None, Result]) -> Result:
    """Take all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def rerank(query: FloatArray, pages: IntArray, exact: Exact, weights: FloatArray) -> IntArray:
    """Score a shortlist by its full rows, read from the file; best page first."""
    corpus = exact.corpus
    lengths = np.diff(corpus.starts)[pages]
    spans = [slice(corpus.starts[page], corpus.starts[page + 1]) for page in pages]
    rows = np.concatenate([corpus.rows[span] for span in spans]).astype(np.float32)
    rows *= np.concatenate([corpus.scales[span] for span in spans])[:, None]
    starts = np.cumsum(lengths) - lengths
    scores, _ = page_scores(query, rows, starts, corpus.gate, exact.norm[pages])
    return pages[np.argsort(-(weights @ scores), kind="stable")]


def compare(exact: Exact, methods: dict[str, Scores], queries: list[FloatArray], sizes: tuple[int, ...]) -> None:
    """Run every method on every query, in turn, and print a line for each method and size."""
    times: dict[str, list[float]] = {}
    agreement: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], Timed]) -> Timed:
        started = time.perf_counter()
        result = work()
        times.setdefault(name, []).append(1000 * (time.perf_counter() - started))
        return result

    for query in queries:
        top = np.argsort(-timed("exact", partial(exact, query)), kind="stable")[:K]
        weights = true_weights(exact, query)
        for name, method in methods.items():
            scores = timed(name, partial(method, query))
            used = getattr(method, "weights", weights)
            for size in sizes:
                pages = np.argpartition(-scores, min(size, len(scores) - 1))[:size]
                found = timed(f"{name} {size}", partial(rerank, query, pages, exact, used))[:K]
                agreement.setdefault(f"{name} {size}", []).append(len(set(found) & set(top)) / K)
    report(methods, sizes, times, agreement)


def true_weights(exact: Exact, query: FloatArray) -> FloatArray:
    """Weigh words for methods that do not count how rare they are; not part of their time."""
    gate, starts = exact.corpus.gate, exact.corpus.starts
    if gate is None:
        return np.ones(len(query), dtype=np.float32)
    n_with_word = np.zeros(len(query), dtype=np.float32)
    for page in range(0, exact.corpus.n_pages, 64):
        some = starts[page : page + 65]
        rows = exact.rows[some[0] : some[-1]]
        n_with_word += page_scores(query, rows, some[:-1] - some[0], gate, exact.norm[page : page + 64])[1]
    return rarity(n_with_word, exact.corpus.n_pages)


def report(
    methods: dict[str, Scores],
    sizes: tuple[int, ...],
    times: dict[str, list[float]],
    agreement: dict[str, list[float]],
) -> None:
    """Print the table; times are medians, the ratio is of medians."""
    yardstick = statistics.median(times["exact"])
    print(f"exact search in numpy, float32: {yardstick:.0f} ms, at best {min(times['exact']):.0f} ms")
    print("| first stage | bytes a page | shortlist | first ms | rerank ms | top-10 agreement | times exact's speed |")
    print("|---|---|---|---|---|---|---|")
    for name, method in methods.items():
        for size in sizes:
            first, last = statistics.median(times[name]), statistics.median(times[f"{name} {size}"])
            cells = [name, f"{getattr(method, 'bytes_a_page', 0):,}", str(size), f"{first:.1f}", f"{last:.1f}"]
            cells += [f"{statistics.mean(agreement[f'{name} {size}']):.3f}", f"{yardstick / (first + last):.1f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Make the corpus, index it in each way, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--kind", choices=("drawn", "words", "spotter"), default="drawn")
    parser.add_argument("--folder", type=Path, help="PDFs, for spotter")
    parser.add_argument("--pooled", type=int, nargs="*", default=[64], help="rows a page")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="of shortlists")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus, queries = make_corpus(arguments.kind, arguments.pages, arguments.folder, Path(scratch) / "rows")
        print(f"{arguments.kind}: {corpus.n_pages:,} pages, {len(corpus.rows) / corpus.n_pages:.0f} rows each")
        exact, methods = Exact(corpus), dict[str, Scores]()
        if corpus.gate:
            methods["exact MaxSim"] = exact.maxsim
        methods |= {f"pooled to {n_pooled}": Pooled(corpus, n_pooled) for n_pooled in arguments.pooled}
        for name, keeps_rows in (("row lists", True), ("row lists without rows", False)):
            started = time.perf_counter()
            lists = StoreLists(corpus, Path(scratch) / name, keeps_rows=keeps_rows)
            a_page = 1000 * (time.perf_counter() - started) / corpus.n_pages
            print(f"{name}: {a_page:.1f} ms a page to learn a codebook and to pack")
            methods[name] = lists
        compare(exact, methods, queries, tuple(arguments.sizes))


if __name__ == "__main__":
    main()
