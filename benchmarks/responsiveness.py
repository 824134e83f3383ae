"""What a search does to the other threads of its process: `python benchmarks/responsiveness.py 1000`.

The same index is searched by `EdgeStore` in this process and by `ProcessStore`, in turns of one run: the longest pause
of a thread that sleeps 1 ms at a time, searches a second of one and of four threads, and what a call costs beside the
search. Pages are random rows: 700 of 128 values, 32 pooled.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, ModelIdentity, PageRecord
from visual_rag.scoring import normalise_rows
from visual_rag.store.edge import EdgeStore
from visual_rag.store.process import ProcessStore
from visual_rag.store.protocol import PageStore, QueryPlan
from visual_rag.testing import make_point

DIM, ROWS_A_PAGE, ROWS_A_QUERY, SECONDS, N_ROUNDS = 128, 700, 20, 3.0, 3
MODEL = ModelIdentity(name="drawn", revision="1", weights_hash="0", dim=DIM, backend="numpy")
Measures = dict[str, float]


def rows(random: np.random.Generator, n_rows: int) -> FloatArray:
    """Random rows of unit length."""
    return normalise_rows(random.standard_normal((n_rows, DIM), dtype=np.float32))


def fill(folder: Path, n_pages: int, random: np.random.Generator) -> None:
    """Make an index."""
    passport = IndexPassport(model=MODEL, dpi=72, renderer="none", pooling="runs8")
    with EdgeStore.create(folder, passport) as store:
        for start in range(0, n_pages, 50):
            numbers = range(start, min(start + 50, n_pages))
            store.upsert([make_point(rows(random, ROWS_A_PAGE), page_index=number) for number in numbers])
        store.maintain()


def pauses_ms(work: Callable[[], object], n_threads: int) -> tuple[list[float], float]:
    """Pauses of a thread that sleeps 1 ms at a time while others work, and how often they were done a second."""
    until, pauses, n_done = time.perf_counter() + SECONDS, [], [0] * n_threads

    def tick() -> None:
        last = time.perf_counter()
        while last < until:
            time.sleep(0.001)
            now = time.perf_counter()
            pauses.append(1000 * (now - last))
            last = now

    def repeat(number: int) -> None:
        while time.perf_counter() < until:
            work()
            n_done[number] += 1

    ticker = threading.Thread(target=tick)
    ticker.start()
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(repeat, range(n_threads)))
    ticker.join()
    return pauses, sum(n_done) / SECONDS


def median_ms(work: Callable[[], object], n_times: int) -> float:
    """Median time of one call."""
    times = []
    for _ in range(n_times):
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def measure(store: PageStore, query: FloatArray, pages: list[PageRecord]) -> Measures:
    """Everything about one store."""
    exact = partial(store.query, QueryPlan(vectors=query, limit=10))
    staged = partial(store.query, QueryPlan(vectors=query, limit=10, shortlist=100))
    exact()
    staged()
    found: Measures = {}
    for name, plan in (("exact", exact), ("two-stage", staged)):
        for n_threads in (1, 4):
            pauses, found[f"{name}, {n_threads} threads: searches a second"] = pauses_ms(plan, n_threads)
            found[f"{name}, {n_threads} threads: longest pause, ms"] = max(pauses)
            found[f"{name}, {n_threads} threads: median pause, ms"] = statistics.median(pauses)
        found[f"{name}, nothing beside it: ms"] = median_ms(plan, 20)
    found["count: ms"] = median_ms(store.count, 200)
    found["embeddings of 100 pages, read before: ms"] = median_ms(partial(store.embeddings, pages[:100]), 20)
    found["scroll: ms"] = median_ms(lambda: list(store.scroll()), 5)
    return found


def run(n_pages: int) -> None:
    """Measure both in turns and print medians."""
    random = np.random.default_rng(5)
    query = rows(random, ROWS_A_QUERY)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "index"
        fill(folder, n_pages, random)
        found: dict[str, list[Measures]] = {"in process": [], "own process": []}
        for _ in range(N_ROUNDS):
            for name, kind in (("in process", EdgeStore), ("own process", ProcessStore)):
                started = time.perf_counter()
                with kind.open(folder) as store:
                    opened_ms = 1000 * (time.perf_counter() - started)
                    found[name].append({"open: ms": opened_ms, **measure(store, query, list(store.scroll()))})
    print(f"{n_pages} pages; {'in process':>50s} {'own process':>12s}   ratio")
    for measured in found["in process"][0]:
        ours, theirs = (statistics.median(one[measured] for one in found[name]) for name in found)
        print(f"{measured:45s} {ours:17.2f} {theirs:12.2f} {theirs / ours:7.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_pages", nargs="*", type=int, default=[1000])
    for size in parser.parse_args().n_pages:
        run(size)
