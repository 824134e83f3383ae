"""First stages compared: which makes two-stage search agree with exact search, and at what cost.

    python benchmarks/shortlist.py --pages 10000 --kind drawn
    python benchmarks/shortlist.py --pages 10000 --kind spotter --folder FOLDER_OF_PDFS

All methods see the same vectors and queries in one run, in turn. The yardstick is exact search in numpy: float32, all
rows in memory. Agreement is of the top 10 with it, after the last stage, which reads rows of 8 bits from a file.

- `drawn`: 700 x 128 a page, like patches: the ten pages of a document share directions, neighbours are alike, a quarter
  is background; queries are 20 noisy rows of one page. Scored by MaxSim. It flatters pooling to 64 rows: a page is
  drawn from 60 directions.
- `words`: 300 x 128 a page, by Zipf's law from 20,000 directions; queries are six rare ones of a page. MaxSim.
- `spotter`: rows that spotter sees on real pages. A page takes its words from twelve of them, in shares drawn for it,
  each seen a little differently (cosine 0.95), so no two pages are near-duplicates, yet words of one subject come
  together. Queries are two to six words of one page, as typed. Scored by soft BM25.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pipeline import render_all

from visual_rag.embed.soft_bm25 import _LEAST_COUNT, K1, B, Gate
from visual_rag.embed.spotter import Spotter
from visual_rag.records import FloatArray, IntArray, Page, PageEmbedding
from visual_rag.scoring import normalise_rows, pool_clusters

DIM, N_QUERIES, K = 128, 40, 10
SIZES = (50, 100, 200, 400)
SAMPLE_ROWS, LEADER_COSINE = 100_000, 0.87
N_LISTS, ROW_BUDGET = 32, 100_000  # centroids a query row; rows a query
PagesRows = Iterator[FloatArray]
Scores = Callable[[FloatArray], FloatArray]
Timed = TypeVar("Timed")


@dataclass(frozen=True)
class Corpus:
    """Rows of all pages in a file, page after page.

    Attributes:
        rows: Shape (n_rows, DIM).
        scales: Shape (n_rows,): what each row is multiplied by.
        starts: Shape (n_pages + 1,): where each page's rows start.
        gate: Of soft BM25; None scores by MaxSim.
    """

    rows: NDArray[np.int8]
    scales: FloatArray
    starts: IntArray
    gate: Gate | None

    @property
    def n_pages(self) -> int:
        """Pages."""
        return len(self.starts) - 1

    def decoded(self, first: int, last: int) -> FloatArray:
        """Rows as float32."""
        return self.rows[first:last].astype(np.float32) * self.scales[first:last, None]


def stored(pages: PagesRows, file: Path, gate: Gate | None) -> Corpus:
    """Write pages to a file as they come, 8 bits a value."""
    scales, lengths = [], []
    with file.open("wb") as out:
        for rows in pages:
            scale = np.abs(rows).max(axis=1) / 127
            out.write(np.rint(rows / scale[:, None]).astype(np.int8).tobytes())
            scales.append(scale)
            lengths.append(len(rows))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.memmap(file, dtype=np.int8, mode="r", shape=(int(starts[-1]), DIM))
    return Corpus(rows, np.concatenate(scales), starts, gate)


def noise(random: np.random.Generator, n_rows: int, size: float) -> FloatArray:
    """Draw rows of about that length."""
    rows: FloatArray = random.standard_normal((n_rows, DIM), dtype=np.float32)
    rows *= size / DIM**0.5
    return rows


def draw_patches(n_pages: int, random: np.random.Generator, queries: list[FloatArray]) -> PagesRows:
    """Draw pages like grids of patches, and queries to some of them."""
    n_rows, n_topics, n_background = 700, 48, 12
    known, background = normalise_rows(noise(random, 2000, 1)), normalise_rows(noise(random, n_background, 1))
    frequency = 1 / np.arange(1, 2001) ** 0.7
    asked = set(random.choice(n_pages, N_QUERIES, replace=False).tolist())
    for number in range(n_pages):
        if number % 10 == 0:
            chosen = random.choice(2000, 80, replace=False, p=frequency / frequency.sum())
            document = known[chosen] + noise(random, 80, 0.45)
        topics = document[random.choice(80, n_topics, replace=False)] + noise(random, n_topics, 0.35)
        runs = random.integers(0, n_topics, n_rows)
        is_background = random.random(n_rows) < 0.25
        runs[is_background] = n_topics + random.integers(0, n_background, is_background.sum())
        labels = np.repeat(runs, 1 + random.poisson(6, n_rows))[:n_rows]
        rows = normalise_rows(np.concatenate([topics, background])[labels] + noise(random, n_rows, 0.75))
        if number in asked:
            picked = random.choice(np.flatnonzero(labels < n_topics), 20, replace=False)
            queries.append(normalise_rows(rows[picked] + noise(random, 20, 1.1)))
        yield rows


def draw_words(n_pages: int, random: np.random.Generator, queries: list[FloatArray]) -> PagesRows:
    """Draw pages of words, as `search.py` does."""
    n_known, n_rows, n_asked = 20_000, 300, 6
    known = normalise_rows(noise(random, n_known, 1))
    frequency = 1 / np.arange(1, n_known + 1)
    asked = set(random.choice(n_pages, N_QUERIES, replace=False).tolist())
    for number in range(n_pages):
        drawn = random.choice(n_known, n_rows, p=frequency / frequency.sum())
        if number in asked:
            rare = np.unique(drawn)[-3 * n_asked :]
            queries.append(known[random.choice(rare, n_asked, replace=False)])
        yield normalise_rows(known[drawn] + noise(random, n_rows, 0.05 * DIM**0.5))


def mix_words(
    n_pages: int, random: np.random.Generator, queries: list[FloatArray], spotter: Spotter, folder: Path
) -> PagesRows:
    """Mix pages from the words of real ones."""
    pages = [page for page in render_all(folder, spotter.page_dpi) if page.words]
    seen = [pair for pair in zip(pages, spotter.embed_pages(pages), strict=True) if len(pair[1].vectors) >= 60]
    texts = [texts_of(*pair) for pair in seen]
    asked = set(random.choice(n_pages, N_QUERIES, replace=False).tolist())
    for number in range(n_pages):
        n_rows = len(texts[random.integers(len(texts))])
        chosen = random.choice(len(seen), 12, replace=False)
        shares = random.multinomial(n_rows, random.dirichlet(np.full(12, 0.7)))
        rows, words = [], []
        for page, share in zip(chosen, shares, strict=True):
            picked = random.choice(len(texts[page]), min(share, len(texts[page])), replace=False)
            rows.append(seen[page][1].vectors[picked])
            words += [texts[page][row] for row in picked]
        if number in asked:
            usable = sorted({word for word in words if len(word) >= 4 and word.isalpha()})
            question = " ".join(random.choice(usable, random.integers(2, 7), replace=False))
            queries.append(spotter.embed_queries([question])[0].vectors)
        page_rows = np.concatenate(rows)
        yield normalise_rows(page_rows + noise(random, len(page_rows), 0.33))


def texts_of(page: Page, embedding: PageEmbedding) -> list[str]:
    """Name each row by the word of the text layer that its middle lies in."""
    boxes = np.array([word.region for word in page.words], dtype=np.float32)
    middle = (embedding.regions[:, None, :2] + embedding.regions[:, None, 2:]) / 2
    inside = np.all((middle >= boxes[None, :, :2]) & (middle <= boxes[None, :, 2:]), axis=2)  # (n_rows, n_words)
    hits = zip(inside.argmax(axis=1).tolist(), np.any(inside, axis=1).tolist(), strict=True)
    names = [re.sub(r"\W", "", word.text).lower() for word in page.words]
    return [names[word] if hit else "" for word, hit in hits]


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


def learn_centroids(corpus: Corpus, n_most: int, random: np.random.Generator) -> FloatArray:
    """Take rows that no earlier one is like, then the means of the sampled rows nearest to each."""
    sample = np.sort(random.choice(len(corpus.rows), min(SAMPLE_ROWS, len(corpus.rows)), replace=False))
    rows = normalise_rows(corpus.rows[sample].astype(np.float32))
    random.shuffle(rows)
    leaders = np.empty((0, DIM), dtype=np.float32)
    for start in range(0, len(rows), 1024):
        new = rows[start : start + 1024]
        new = new[(new @ leaders.T).max(axis=1, initial=-1) < LEADER_COSINE]
        alike = np.tril(new @ new.T, -1) >= LEADER_COSINE
        leaders = np.concatenate([leaders, new[~alike.any(axis=1)]])[:n_most]
    nearest = nearest_of(rows, leaders)
    sums = leaders.copy()  # so that none is empty
    np.add.at(sums, nearest, rows)
    return normalise_rows(sums)


def nearest_of(rows: FloatArray, centroids: FloatArray) -> IntArray:
    """Find the nearest centroid of each row."""
    blocks = [(rows[start : start + 1024] @ centroids.T).argmax(axis=1) for start in range(0, len(rows), 1024)]
    return np.concatenate(blocks)


class CentroidLists:
    """MaxSim over centroids instead of rows: for each centroid the pages that have a row near it (PLAID, WARP)."""

    def __init__(self, corpus: Corpus, centroids: FloatArray, codes: IntArray) -> None:
        page = np.repeat(np.arange(corpus.n_pages), np.diff(corpus.starts))
        unique = np.unique(codes * corpus.n_pages + page)
        self.pages = (unique % corpus.n_pages).astype(np.int32)
        self.starts = np.searchsorted(unique // corpus.n_pages, np.arange(len(centroids) + 1))
        self.centroids, self.n_pages = centroids, corpus.n_pages
        self.bytes_a_page = round((4 * len(unique) + 2 * centroids.size) / corpus.n_pages)

    def __call__(self, query: FloatArray) -> FloatArray:
        """Score all pages; one with no row near a query row gets what the last list that was read would give."""
        scores, total = query @ self.centroids.T, np.zeros(self.n_pages, dtype=np.float32)
        best = np.argpartition(-scores, N_LISTS, axis=1)[:, :N_LISTS]
        for row_scores, chosen in zip(scores, best, strict=True):
            lists = chosen[np.argsort(row_scores[chosen])]  # ascending, so that a page keeps the best of its scores
            row = np.full(self.n_pages, row_scores[lists[0]])
            row[joined(self.pages, self.starts, lists)] = np.repeat(
                row_scores[lists], self.starts[lists + 1] - self.starts[lists]
            )
            total += row
        return total


class RowLists:
    """The last stage's own scoring over the rows near each query row, which lie where all rows lie (IVF)."""

    def __init__(self, corpus: Corpus, centroids: FloatArray, codes: IntArray) -> None:
        self.corpus, self.centroids = corpus, centroids
        self.rows = np.argsort(codes, kind="stable").astype(np.int32)
        self.starts = np.searchsorted(codes[self.rows], np.arange(len(centroids) + 1))
        self.pages = np.repeat(np.arange(corpus.n_pages, dtype=np.int32), np.diff(corpus.starts))
        self.norm = length_norm(corpus)
        self.bytes_a_page = round((8 * len(codes) + 2 * centroids.size) / corpus.n_pages)
        self.weights = np.ones(1, dtype=np.float32)

    def __call__(self, query: FloatArray) -> FloatArray:
        """Score all pages; how rare a word is, is counted on the way, over all pages."""
        n_lists = int(ROW_BUDGET * len(self.centroids) / len(self.rows) / len(query))
        n_lists = min(max(n_lists, 1), len(self.centroids) - 1)
        best = np.argpartition(-(query @ self.centroids.T), n_lists, axis=1)[:, :n_lists]
        scored = [self._scored(row, lists) for row, lists in zip(query, best, strict=True)]
        self.weights = np.array([weight for _, weight in scored], dtype=np.float32)
        return self.weights @ np.stack([scores for scores, _ in scored])

    def _scored(self, query_row: FloatArray, lists: IntArray) -> tuple[FloatArray, float]:
        """Score all pages for one query row, and weigh it."""
        gate, n_pages = self.corpus.gate, self.corpus.n_pages
        rows = joined(self.rows, self.starts, lists)
        cosine = self.corpus.scales[rows] * (self.corpus.rows[rows].astype(np.float32) @ query_row)
        if gate is None:
            best = np.full(n_pages, cosine.mean(), dtype=np.float32)  # a page that no list names has something too
            np.maximum.at(best, self.pages[rows], cosine)
            return best, 1.0
        near = cosine > least_cosine(gate)
        counts = np.bincount(self.pages[rows[near]], gate(cosine[near]), minlength=n_pages).astype(np.float32)
        weight = float(rarity(np.minimum(counts, 1).sum(), n_pages))
        return counts * (K1 + 1) / (counts + self.norm), weight


def joined(values: NDArray[np.int32], starts: IntArray, lists: IntArray) -> NDArray[np.int32]:
    """Read some of the lists, one after the other."""
    return np.concatenate([values[starts[number] : starts[number + 1]] for number in lists])


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


def make_corpus(arguments: argparse.Namespace, file: Path) -> tuple[Corpus, list[FloatArray]]:
    """Draw or mix pages, and queries to them."""
    random, queries, gate = np.random.default_rng(7), list[FloatArray](), None
    if arguments.kind == "spotter":
        spotter = Spotter()
        card = json.loads((resources.files("visual_rag") / "weights" / "spotter.json").read_text("utf8"))
        gate = Gate(card["gate_centre"], card["gate_softness"])
        pages = mix_words(arguments.pages, random, queries, spotter, arguments.folder)
    else:
        draw = draw_patches if arguments.kind == "drawn" else draw_words
        pages = draw(arguments.pages, random, queries)
    return stored(pages, file, gate), queries


def main() -> None:
    """Make the corpus, index it in each way, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--kind", choices=("drawn", "words", "spotter"), default="drawn")
    parser.add_argument("--folder", type=Path, help="PDFs, for spotter")
    parser.add_argument("--pooled", type=int, nargs="*", default=[64], help="rows a page")
    parser.add_argument("--centroids", type=int, nargs="*", default=[4096, 16384], help="at most so many")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="of shortlists")
    arguments = parser.parse_args()
    if arguments.kind == "spotter" and not arguments.folder:
        parser.error("spotter reads real pages: --folder FOLDER_OF_PDFS")
    with tempfile.TemporaryDirectory() as scratch:
        corpus, queries = make_corpus(arguments, Path(scratch) / "rows")
        print(f"{arguments.kind}: {corpus.n_pages:,} pages, {len(corpus.rows) / corpus.n_pages:.0f} rows each")
        exact, methods = Exact(corpus), dict[str, Scores]()
        if corpus.gate:
            methods["exact MaxSim"] = exact.maxsim
        methods |= {f"pooled to {n_pooled}": Pooled(corpus, n_pooled) for n_pooled in arguments.pooled}
        for n_most in arguments.centroids:
            started = time.perf_counter()
            centroids = learn_centroids(corpus, n_most, np.random.default_rng(1))
            learnt = time.perf_counter()
            codes = nearest_of_corpus(corpus, centroids)
            a_page = 1000 * (time.perf_counter() - learnt) / corpus.n_pages
            print(f"{len(centroids)} centroids: learnt in {learnt - started:.0f} s, {a_page:.1f} ms a page to assign")
            methods[f"pages of {len(centroids)} centroids"] = CentroidLists(corpus, centroids, codes)
            methods[f"rows of {len(centroids)} centroids"] = RowLists(corpus, centroids, codes)
        compare(exact, methods, queries, tuple(arguments.sizes))


def nearest_of_corpus(corpus: Corpus, centroids: FloatArray) -> IntArray:
    """Assign all rows."""
    starts = range(0, len(corpus.rows), 16_384)
    return np.concatenate([nearest_of(corpus.decoded(start, start + 16_384), centroids) for start in starts])


if __name__ == "__main__":
    main()
