"""kill -9 in the middle of an ingest, for real, and a second run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image, ImageDraw

from visual_rag import VisualIndex
from visual_rag.records import DocumentState
from visual_rag.testing import FakeEmbedder

N_DOCUMENTS, N_PAGES = 4, 12
SLOW_INGEST = """
import sys, time
from visual_rag import VisualIndex
from visual_rag.testing import FakeEmbedder

class Slow(FakeEmbedder):
    def embed_pages(self, pages):
        time.sleep(0.15)
        return super().embed_pages(pages)

with VisualIndex.open_or_create(sys.argv[1], model=Slow()) as index:
    index.add(sys.argv[2], on_progress=lambda progress: print(progress.n_pages_done, flush=True))
"""


def write_documents(folder: Path, first: int = 0) -> None:
    """TIFFs of several frames, no two alike; their text counts from `first`."""
    folder.mkdir()
    for document in range(N_DOCUMENTS):
        frames = []
        for page in range(N_PAGES):
            frame = Image.new("RGB", (160, 60), "white")
            ImageDraw.Draw(frame).text((5, 20), f"document {first + document} page {page}", fill="black")
            frames.append(frame)
        frames[0].save(folder / f"{document}.tif", save_all=True, append_images=frames[1:])


def run_until(n_pages: int, index: Path, documents: Path) -> int:
    """Start an ingest and kill it once it has reported so many pages; return the last number it reported."""
    command = [sys.executable, "-c", SLOW_INGEST, str(index), str(documents)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        seen = 0
        for line in child.stdout:
            seen = int(line)
            if seen >= n_pages:
                break
        os.kill(child.pid, signal.SIGKILL)
    return seen


def workers() -> set[str]:
    """Process numbers of render workers that run on this machine."""
    running = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in running.splitlines() if "visual_rag.render" in line}


def test_killed_three_times_an_ingest_still_ends_complete_and_without_doubles(tmp_path: Path) -> None:
    """Each run goes on from where the last one was killed; pages already stored are not embedded again."""
    documents, folder = tmp_path / "documents", tmp_path / "index"
    write_documents(documents)
    for n_pages in (3, 9, 14):
        assert run_until(n_pages, folder, documents) >= n_pages
    embedder = FakeEmbedder()
    with VisualIndex.open_or_create(folder, model=embedder) as index:
        stored_before = index.info().size.n_pages
        assert stored_before > 0
        report = index.add(documents)
        pages = [(page.document_name, page.page_index) for page in index.pages()]
        assert sorted(pages) == [(f"{d}.tif", p) for d in range(N_DOCUMENTS) for p in range(N_PAGES)]
        assert all(record.state is DocumentState.READY for record in index.documents())
        assert embedder.n_pages_embedded == report.n_pages_embedded == N_DOCUMENTS * N_PAGES - stored_before
        assert index.search("pump", k=100)


def test_killed_while_a_changed_file_is_taken_in_the_next_run_ends_it_and_sweeps_up(tmp_path: Path) -> None:
    """Nothing stale, nothing missing, no image too many."""
    documents, folder = tmp_path / "documents", tmp_path / "index"
    write_documents(documents)
    with VisualIndex.create(folder, model=FakeEmbedder()) as index:
        index.add(documents)
    write_documents(tmp_path / "others", first=100)
    for path in (tmp_path / "others").iterdir():
        path.replace(documents / path.name)
    run_until(9, folder, documents)
    with VisualIndex.open(folder, model=FakeEmbedder()) as index:
        index.add(documents)
        assert index._images.hashes() == {page.page_hash for page in index.pages()}
        assert index.info().size.n_pages == N_DOCUMENTS * N_PAGES
        assert all(record.state is DocumentState.READY for record in index.documents())


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """A killed ingest leaves no renderer behind."""
    documents = tmp_path / "documents"
    write_documents(documents)
    before = workers()
    run_until(2, tmp_path / "index", documents)
    deadline = time.monotonic() + 10
    while (left := workers() - before) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == set()
