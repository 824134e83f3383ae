"""Search measured: `python benchmarks/search.py 1000 10000 [--policy compact exact] [--peer]`.

Whole searches of an embedded index are timed, as users wait for them, all but the model: questions are looked up. Every
question goes through every way of searching, one after the other, exact search in numpy's float32 among them; what
varies over the run meets all alike. Agreement is of the top 10 with exact MaxSim in float32. What the pages are:
`shortlist_corpora.py` and `search_index.py`. With `--spotter FOLDER_OF_PDFS` pages are mixed from the words of real
ones and scored by soft BM25; agreement is then with our own exact search, and numpy has no part.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from search_index import (
    Made,
    SpotterTable,
    TableEmbedder,
    alone,
    disk_parts,
    make_indexes,
    opening,
    question_of,
    record_of,
)
from search_rivals import Lance, LocalMode, Numpy, Rival
from search_ways import BATCH, EXACT, TWO_STAGE, YARDSTICK, Asked, K, Way, rival_ways, ways_of

from visual_rag.records import FloatArray, Hits
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import PolicyName
from visual_rag.store.edge import EdgeStore
from visual_rag.store.images import PageImages

SLOW_RIVALS_UP_TO = 1000  # pages; beyond, local mode needs tens of gigabytes
EVERY = {BATCH: 4, 1: 1}  # of the questions: that often a way that takes so many at once is tried


def measure(ways: list[Way], asked: Asked) -> None:
    """Take every question through every way, in turns."""
    ids = [record_of(number).page_id for number in range(asked.scores.shape[1])]
    for way in ways:
        way.search(0)  # not counted: what is made once
    for number in range(len(asked.texts)):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            if number % EVERY[way.n_questions]:
                continue
            started, worked = time.perf_counter(), time.process_time()
            found = way.search(number)
            scale = 1000 / way.n_questions / way.share
            way.times.append(scale * (time.perf_counter() - started))
            way.work.append(scale * (time.process_time() - worked))
            if way.passing is not None and isinstance(found, Hits):
                top = {ids[page] for page in asked.best(number, way.passing(number))}
                if top:
                    way.agreement.append(len(top & {hit.page.page_id for hit in found}) / len(top))


def report(ways: Sequence[Way]) -> None:
    """Print a line for each way; ratios are to numpy, or to exact search where it has no part."""
    yardstick = next((way for way in ways if way.name == YARDSTICK), ways[0])
    columns = ["p50 ms", "p95 ms", "least ms", "CPU ms", "speed: p50", "least", "CPU", "top-10 agreement"]
    print(f"| a question, k = {K} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for way in ways:
        cells = [statistics.median(way.times), float(np.percentile(way.times, 95)), min(way.times)]
        cells.append(statistics.median(way.work))
        ratios = [statistics.median(yardstick.times) / cells[0], min(yardstick.times) / cells[2]]
        ratios.append(statistics.median(yardstick.work) / cells[3])
        agreement = f"{statistics.mean(way.agreement):.3f}" if way.agreement else ""
        numbers = [f"{cell:.1f}" for cell in cells] + [f"{ratio:.2f}" for ratio in ratios]
        print(f"| {way.name} | {' | '.join(numbers)} | {agreement} |", flush=True)


def report_folder(folder: Path, made: Made, policy: PolicyName, opened: dict[str, FloatArray]) -> None:
    """Print what an index takes: disk, memory, time to open."""
    n_pages = len(made.starts) - 1
    parts = {name: size / n_pages for name, size in sorted(disk_parts(folder).items(), key=lambda part: -part[1])}
    log = parts.get("write-ahead log", 0)
    if policy in made.seconds:
        print(f"{n_pages / made.seconds[policy]:.0f} pages/s to pool and store, with one BLAS thread")
    print(f"{sum(parts.values()):,.0f} bytes a page on disk, {sum(parts.values()) - log:,.0f} without the log:")
    print("; ".join(f"{name} {size:,.0f}" for name, size in parts.items()))
    kind = SpotterTable if made.gate else TableEmbedder
    seen = opening(folder, kind, opened)
    print(f"{seen.open_s:.2f} s to open, {seen.first_search_s:.2f} s the first search, in a new process")
    stages = {"imports": seen.imported, "opening": seen.opened, "20 searches": seen.searched}
    memory = [f"after {name} {size['all']:.0f} ({size['own']:.0f})" for name, size in stages.items()]
    print(f"resident MB, in brackets without mapped files: {', '.join(memory)}", flush=True)


def run_policy(
    folder: Path, made: Made, policy: PolicyName, n_questions: int, rivals: tuple[Numpy | None, list[Rival]]
) -> float:
    """Measure one index; its p50 of two stages, in milliseconds."""
    queries = made.queries[:n_questions]
    best = range(len(queries)) if made.truth is None else made.truth.argmax(axis=1).tolist()
    texts = [question_of(number, page) for number, page in zip(range(len(queries)), best, strict=False)]
    table = dict(zip(texts, queries, strict=True))
    print(f"\n### {policy}\n")
    report_folder(folder, made, policy, table)
    embedder = SpotterTable(table) if made.gate else TableEmbedder(table)
    with EdgeStore.open(folder) as store:
        searcher = PageSearcher(store, embedder, PageImages(folder), TWO_STAGE)
        truth = true_by_search(searcher, texts, len(made.starts) - 1) if made.truth is None else made.truth
        asked = Asked(texts, queries, truth[: len(texts)])
        ways = ways_of(searcher, asked)
        numpy, slow = rivals
        ways += rival_ways(numpy, slow, asked) if numpy else []
        print(f"\nload of the machine before {os.getloadavg()[0]:.1f}", end="", flush=True)
        measure(ways, asked)
    print(f", after {os.getloadavg()[0]:.1f}; {len(texts)} questions\n")
    report(ways)
    return statistics.median(ways[1].times)


def true_by_search(searcher: PageSearcher, texts: Sequence[str], n_pages: int) -> FloatArray:
    """Score every page by exact search: shape (n_questions, n_pages), 0 for no hit."""
    places = {record_of(number).page_id: number for number in range(n_pages)}
    scores = np.zeros((len(texts), n_pages), dtype=np.float32)
    for row, text in enumerate(texts):
        for hit in searcher.search(text, k=n_pages, settings=EXACT):
            scores[row, places[hit.page.page_id]] = hit.score
    return scores


def run(n_pages: int, arguments: argparse.Namespace) -> dict[PolicyName, float]:
    """Measure at one size; p50 of two stages by policy."""
    kind = "spotter" if arguments.spotter else arguments.kind
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.keep:
            scratch = arguments.keep / f"{kind}-{n_pages}"
            scratch.mkdir(parents=True, exist_ok=True)
        made: Made = alone(make_indexes, kind, n_pages, arguments.spotter, scratch, arguments.policy)
        corpus = made.corpus(scratch / "rows")
        print(f"\n## {n_pages:,} pages, {kind}: {len(corpus.rows) / n_pages:.0f} rows each")
        numpy = None if made.gate else Numpy(corpus, arguments.numpy_pages)
        if numpy and numpy.share < 1:
            print(f"\nnumpy scored {numpy.share:.0%} of the pages, and its time was multiplied")
        is_small = not made.gate and n_pages <= SLOW_RIVALS_UP_TO
        slow: list[Rival] = [LocalMode(corpus), Lance(corpus)] if arguments.peer and is_small else []
        return {
            policy: run_policy(scratch / policy, made, policy, arguments.questions, (numpy, slow))
            for policy in arguments.policy
        }


def main() -> None:
    """Measure at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--kind", choices=("drawn", "words"), default="drawn")
    parser.add_argument("--spotter", type=Path, metavar="FOLDER")
    parser.add_argument("--policy", nargs="+", choices=("compact", "exact", "tiny"), default=["compact"])
    parser.add_argument(
        "--peer", action="store_true", help="LanceDB (pip install lancedb) and local mode, to 1,000 pages"
    )
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--numpy-pages", type=int, default=10_000, help="that are held in float32, 358 kB each")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the indexes; what is there is used again")
    arguments = parser.parse_args()
    found = {size: run(size, arguments) for size in arguments.sizes}
    first, *others = found
    for size in others:
        for policy, middle in found[size].items():
            growth = middle / found[first][policy]
            print(f"\n{policy}: p50 of two stages grows {growth:.2f} times from {first:,} to {size:,} pages")


if __name__ == "__main__":
    main()
