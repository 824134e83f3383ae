"""Pages a second, stage by stage and together: `python benchmarks/pipeline.py FOLDER [--tesseract N]`.

Each stage runs alone over the same pages, then the whole ingest runs; what the pipeline keeps of the embedder's own
speed is the figure to look at. With `--tesseract N` the first N pages are also read by tesseract (Debian:
tesseract-ocr), at 200 dpi and with one thread, against spotter with one thread, in processor seconds.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from visual_rag import VisualIndex
from visual_rag.embed.spotter import Spotter
from visual_rag.passport import IndexPassport
from visual_rag.records import Page, PageEmbedding, PagePoint
from visual_rag.render import PageRendered, RenderRequest, render_documents
from visual_rag.settings import RenderSettings
from visual_rag.sources.local import describe, list_files
from visual_rag.store.edge import EdgeStore
from visual_rag.store.schema import page_payload
from visual_rag.testing import make_record


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def render_all(folder: Path, dpi: int) -> list[Page]:
    """Render every page of a folder."""
    requests = (
        RenderRequest(document=describe(file.path), path=file.path) for file in list_files([folder]) if file.is_document
    )
    return [
        event.page for event in render_documents(requests, RenderSettings(), dpi=dpi) if isinstance(event, PageRendered)
    ]


def points_of(embeddings: list[PageEmbedding], spotter: Spotter) -> list[PagePoint]:
    """Make one point a page, pooled vectors included."""
    points = []
    for number, embedding in enumerate(embeddings):
        record = make_record(page_index=number, n_vectors=len(embedding.vectors))
        pooled = spotter.pool(embedding)
        points.append(
            PagePoint(page_id=record.page_id, embedding=embedding, pooled=pooled, payload=page_payload(record))
        )
    return points


def against_tesseract(folder: Path, n_pages: int) -> None:
    """Compare processor seconds a page on the same pages, each reader with one thread."""
    os.environ["OMP_THREAD_LIMIT"] = "1"
    spotter, pages = Spotter(n_threads=1), render_all(folder, 120)[:n_pages]
    spotter.embed_pages(pages[:1])
    started = time.process_time()
    for page in pages:
        spotter.embed_pages([page])
    ours = (time.process_time() - started) / len(pages)
    large = render_all(folder, 200)[:n_pages]
    with tempfile.TemporaryDirectory() as scratch:
        before = os.times()
        for page in large:
            page.image.save(Path(scratch) / "page.png")
            subprocess.run(["tesseract", f"{scratch}/page.png", "-", "-l", "eng"], capture_output=True, check=True)
        after = os.times()
    theirs = (after.children_user + after.children_system - before.children_user - before.children_system) / len(large)
    print(f"CPU seconds a page: spotter {ours:.2f}, tesseract {theirs:.2f}, that is {theirs / ours:.1f} times as long")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tesseract", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    spotter = Spotter()
    pages: list[Page] = []
    embeddings: list[PageEmbedding] = []
    seconds = {"render": timed(lambda: pages.extend(render_all(arguments.folder, spotter.page_dpi)))}
    spotter.embed_pages(pages[:1])
    seconds["embed"] = timed(lambda: embeddings.extend(spotter.embed_pages(pages)))
    with tempfile.TemporaryDirectory() as scratch:
        passport = IndexPassport(model=spotter.identity, dpi=spotter.page_dpi, renderer="none", pooling=spotter.pooling)
        with EdgeStore.create(Path(scratch) / "alone", passport) as store:
            seconds["pool and upsert"] = timed(lambda: store.upsert(points_of(embeddings, spotter)))
        with VisualIndex.create(Path(scratch) / "index") as index:
            index.embedder.embed_pages(pages[:1])
            seconds["whole ingest"] = timed(lambda: index.add(arguments.folder))
            info = index.info()
    for stage, taken in seconds.items():
        print(f"{stage:16s} {len(pages) / taken:7.1f} pages/s  {1000 * taken / len(pages):7.1f} ms a page")
    print(f"the pipeline keeps {100 * seconds['embed'] / seconds['whole ingest']:.0f} % of the embedder's speed")
    print(
        f"{len(pages)} pages, {info.size.n_vectors / len(pages):.0f} vectors a page; bytes a page: "
        f"vectors and ledger {info.size.size_bytes / len(pages):,.0f}, images {info.image_bytes / len(pages):,.0f}"
    )
    if arguments.tesseract:
        against_tesseract(arguments.folder, arguments.tesseract)


if __name__ == "__main__":
    main()
