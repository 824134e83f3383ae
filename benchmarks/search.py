"""Search time at growing sizes, exact and two-stage, against numpy: `python benchmarks/search.py 1000 10000`.

Pages are drawn like spotter's: words by Zipf's law from 20,000 directions, each seen a little differently, 300 a page;
queries are six words of one page, the rarer the likelier. All engines see the same vectors in the same run. numpy is
float32, one BLAS call over all pages, on as many threads as it likes. Agreement is of the top 10 with exact MaxSim.

With `--spotter FOLDER` the documents of a folder are read by spotter, each page of the index is mixed from the words of
two of them, and what users wait for is timed: the whole search, from question to hits, soft BM25 included.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pipeline import render_all

from visual_rag.embed.spotter import Spotter
from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, ModelIdentity, PageEmbedding, PagePoint
from visual_rag.retrieve.search import PageSearcher
from visual_rag.scoring import normalise_rows, pool_clusters
from visual_rag.settings import SearchSettings
from visual_rag.store.edge import EdgeStore
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import QueryPlan
from visual_rag.store.schema import page_payload
from visual_rag.testing import make_record

DIM, N_WORDS, ROWS_A_PAGE, WORDS_A_QUERY, N_QUERIES, N_POOLED = 128, 20_000, 300, 6, 20, 64
MODEL = ModelIdentity(name="drawn", revision="1", weights_hash="0", dim=DIM, backend="numpy")


def draw_pages(n_pages: int, random: np.random.Generator) -> tuple[list[FloatArray], list[FloatArray]]:
    """Draw pages and queries."""
    directions = normalise_rows(random.standard_normal((N_WORDS, DIM)).astype(np.float32))
    frequency = 1 / np.arange(1, N_WORDS + 1)
    pages, words = [], []
    for _ in range(n_pages):
        drawn = random.choice(N_WORDS, ROWS_A_PAGE, p=frequency / frequency.sum())
        noise = 0.05 * random.standard_normal((ROWS_A_PAGE, DIM)).astype(np.float32)
        pages.append(normalise_rows(directions[drawn] + noise))
        words.append(drawn)
    queries = []
    for number in random.choice(n_pages, N_QUERIES, replace=False):
        rare = np.sort(np.unique(words[number]))[-3 * WORDS_A_QUERY :]
        queries.append(directions[random.choice(rare, WORDS_A_QUERY, replace=False)])
    return pages, queries


def fill(folder: Path, pages: list[FloatArray]) -> EdgeStore:
    """Store the pages."""
    passport = IndexPassport(model=MODEL, dpi=72, renderer="none", pooling=f"clusters{N_POOLED}")
    store, whole = EdgeStore.create(folder, passport), np.array([[0, 0, 1, 1]], dtype=np.float32)
    for start in range(0, len(pages), 100):
        points = []
        for number, rows in enumerate(pages[start : start + 100], start=start):
            record = make_record(page_index=number, n_vectors=len(rows))
            embedding = PageEmbedding(
                vectors=rows, regions=whole.repeat(len(rows), 0), is_patch=np.ones(len(rows), dtype=np.bool_)
            )
            pooled = pool_clusters(rows, N_POOLED)
            points.append(
                PagePoint(page_id=record.page_id, embedding=embedding, pooled=pooled, payload=page_payload(record))
            )
        store.upsert(points)
    store.maintain()
    return store


def measure(
    name: str,
    search: Callable[[FloatArray], list[str]],
    queries: list[FloatArray],
    exact: list[list[str]],
    yardstick_ms: float,
) -> float:
    """Time one way of searching; print median, ratio to numpy and agreement with exact search."""
    search(queries[0])
    times, found = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query))
        times.append(1000 * (time.perf_counter() - started))
    agreement = statistics.mean(len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True))
    median = statistics.median(times)
    ratio = (yardstick_ms or median) / median
    print(f"  {name:34s} p50 {median:8.1f} ms  {ratio:5.2f} x numpy  top-10 agreement {agreement:.3f}", flush=True)
    return median


def mixed_pages(embeddings: list[PageEmbedding], n_pages: int, random: np.random.Generator) -> list[FloatArray]:
    """Make pages with half of the words of each of two real ones."""
    pages = []
    for _ in range(n_pages):
        pair = [embeddings[number].vectors for number in random.choice(len(embeddings), 2, replace=False)]
        pages.append(np.concatenate([rows[random.random(len(rows)) < 0.5] for rows in pair] + [pair[0][:1]]))
    return pages


def run_spotter(folder: Path, n_pages: int) -> None:
    """Time whole searches by spotter at one size."""
    spotter, random = Spotter(), np.random.default_rng(5)
    rendered = [page for page in render_all(folder, spotter.page_dpi) if page.words]
    pages = mixed_pages(spotter.embed_pages(rendered), n_pages, random)
    questions = []
    for number in random.choice(len(rendered), N_QUERIES):
        words = rendered[number].text.split()
        start = random.integers(max(1, len(words) - WORDS_A_QUERY))
        questions.append(" ".join(["page", *words[start : start + WORDS_A_QUERY]]))
    with tempfile.TemporaryDirectory() as scratch, fill(Path(scratch) / "index", pages) as store:
        found: dict[str, list[list[str]]] = {}
        for mode in ("exact", "auto"):
            searcher = PageSearcher(store, spotter, PageImages(Path(scratch)), SearchSettings(mode=mode))
            searcher.search(questions[0])  # takes the sample
            times, found[mode] = [], []
            for question in questions:
                started = time.perf_counter()
                found[mode].append([hit.page.page_id for hit in searcher.search(question, k=10)])
                times.append(1000 * (time.perf_counter() - started))
            print(
                f"{n_pages:,} spotter pages, {mode:5s}: p50 {statistics.median(times):.0f} ms, max {max(times):.0f} ms"
            )
        pairs = [pair for pair in zip(found["auto"], found["exact"], strict=True) if pair[1]]
        agreement = statistics.mean(len(set(a) & set(b)) / len(b) for a, b in pairs)
        print(f"  top-10 agreement of auto with exact {agreement:.3f}, over {len(pairs)} questions")


def run(n_pages: int) -> None:
    """Measure at one size."""
    pages, queries = draw_pages(n_pages, np.random.default_rng(5))
    ids = [make_record(page_index=number).page_id for number in range(n_pages)]
    rows = np.concatenate(pages)
    starts = np.arange(0, len(rows), ROWS_A_PAGE)

    def numpy_search(query: FloatArray) -> list[str]:
        scores = np.maximum.reduceat(rows @ query.T, starts, axis=0).sum(axis=1)
        return [ids[number] for number in np.argsort(-scores)[:10]]

    exact = [numpy_search(query) for query in queries]
    print(f"{n_pages:,} pages x {ROWS_A_PAGE} x {DIM}")
    yardstick = measure("numpy float32, brute force", numpy_search, queries, exact, 0)
    with tempfile.TemporaryDirectory() as scratch, fill(Path(scratch) / "index", pages) as store:

        def edge(shortlist: int | None) -> Callable[[FloatArray], list[str]]:
            return lambda query: [
                row.page.page_id for row in store.query(QueryPlan(vectors=query, limit=10, shortlist=shortlist))
            ]

        measure("EdgeStore turbo8, exact", edge(None), queries, exact, yardstick)
        size = SearchSettings().shortlist_size(n_pages)
        measure(f"EdgeStore turbo8, two stages of {size}", edge(size), queries, exact, yardstick)
        stored = store.size()
        print(f"  {stored.size_bytes / n_pages:,.0f} bytes a page on disk, write-ahead log included")


def main() -> None:
    """Measure at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--spotter", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    for n_pages in arguments.sizes:
        if arguments.spotter:
            run_spotter(arguments.spotter, n_pages)
        else:
            run(n_pages)


if __name__ == "__main__":
    main()
