"""Workers: order, isolation, time limits, and that none is left behind."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import visual_rag
from visual_rag.errors import VisualRagError
from visual_rag.render import (
    DocumentDone,
    DocumentFailed,
    DocumentOpened,
    PageFailed,
    PageRendered,
    RenderRequest,
    render_documents,
)
from visual_rag.render.document_rendering import DocumentRendering
from visual_rag.render.worker_process import LOOK_AHEAD_BYTES, WorkerProcess
from visual_rag.settings import RenderSettings

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to crash a worker with")
SOURCE = Path(visual_rag.__file__).parents[1]
MEMORY = RenderSettings().memory_bytes


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_events_are_contiguous_and_in_the_order_of_the_requests(tmp_path: Path, make: Any, n_workers: int) -> None:
    """However many workers, good and bad files alternating: every document is complete before the next begins."""
    paths = []
    for number in range(7):
        path = tmp_path / f"{number}.pdf"
        paths.append(path)
        if number % 3 == 1:
            path.write_bytes(b"%PDF broken")
        else:
            make.pdf(path, [make.page(make.show(f"doc{number}", 10, 10))] * (number + 1))
    settings = RenderSettings(n_workers=n_workers)
    events = list(render_documents([make.request(path) for path in paths], settings, dpi=36))
    grouped = [(name, list(group)) for name, group in itertools.groupby(events, lambda event: event.document.name)]
    assert [name for name, _ in grouped] == [path.name for path in paths]
    for number, (_, group) in enumerate(grouped):
        if number % 3 == 1:
            assert [type(event) for event in group] == [DocumentFailed]
        else:
            assert [type(event) for event in group] == [
                DocumentOpened,
                *[PageRendered] * (number + 1),
                DocumentDone,
            ]
            assert {event.page.text for event in group[1:-1]} == {f"doc{number}"}


def test_requests_are_taken_as_they_are_needed(tmp_path: Path, make: Any) -> None:
    """A source of a hundred thousand files is not listed before the first page comes."""
    path = make.pdf(tmp_path / "a.pdf", [make.page()])
    taken = itertools.count()

    def endless() -> Iterator[RenderRequest]:
        while True:
            next(taken)
            yield make.request(path)

    events = render_documents(endless(), RenderSettings(n_workers=2), dpi=36)
    seen = [next(events) for _ in range(9)]  # three documents
    events.close()
    assert sum(isinstance(event, DocumentDone) for event in seen) == 3
    assert next(taken) <= 5


def test_a_worker_waits_when_its_pages_are_not_fetched(tmp_path: Path, make: Any) -> None:
    """Look-ahead is bounded, so memory does not grow with the document; nothing is lost by waiting."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(media_box=(0, 0, 300, 300))] * 40)
    worker = WorkerProcess(memory_bytes=MEMORY)
    try:
        rendering = DocumentRendering(make.request(path), worker, RenderSettings(), dpi=216)  # 2.4 MB a page
        events = rendering.events()
        next(events)
        assert make.wait_until(lambda: worker._replies.qsize() >= LOOK_AHEAD_BYTES)
        time.sleep(0.3)
        assert worker._replies.qsize() < LOOK_AHEAD_BYTES + 3 * 2**20
        assert [event.page.page_index for event in events if isinstance(event, PageRendered)] == list(range(40))
    finally:
        worker.close()


def test_a_page_that_takes_too_long_is_left_out(tmp_path: Path, make: Any, render: Any) -> None:
    """The pages before and after it come, from a fresh worker."""
    pages = [make.page(make.show("one", 10, 10)), make.slow_page(), make.page(make.show("three", 10, 10))]
    events = render(make.pdf(tmp_path / "a.pdf", pages), page_timeout_s=1.0)
    assert [type(event) for event in events] == [DocumentOpened, PageRendered, PageFailed, PageRendered, DocumentDone]
    assert events[2].failure.page_number == 2
    assert events[2].failure.reason == "LimitExceeded"
    assert "page_timeout_s" in events[2].failure.message
    assert events[3].page.text == "three"


def test_a_document_of_slow_pages_is_given_up(tmp_path: Path, make: Any, render: Any) -> None:
    """Three pages in a row, then the next document."""
    slow = make.pdf(tmp_path / "slow.pdf", [make.slow_page()] * 5)
    fine = make.pdf(tmp_path / "fine.pdf", [make.page()])
    events = render(slow, fine, page_timeout_s=0.5)
    assert [type(event) for event in events] == [
        DocumentOpened,
        *[PageFailed] * 3,
        DocumentFailed,
        DocumentOpened,
        PageRendered,
        DocumentDone,
    ]
    assert [event.failure.page_number for event in events[1:5]] == [1, 2, 3, None]


@needs_signals
@pytest.mark.parametrize(
    ("signal_number", "reason"), [(signal.SIGSEGV, "DamagedDocument"), (signal.SIGKILL, "LimitExceeded")]
)
def test_a_crash_costs_one_page(tmp_path: Path, make: Any, signal_number: int, reason: str) -> None:
    """A segmentation fault, or the kernel's out-of-memory killer, ends the worker and not the document."""
    pages = [make.page(make.show("one", 10, 10)), make.slow_page(), make.page(make.show("three", 10, 10))]
    path = make.pdf(tmp_path / "a.pdf", pages)
    worker = WorkerProcess(memory_bytes=MEMORY)
    try:
        events = DocumentRendering(make.request(path), worker, RenderSettings(), dpi=36).events()
        assert [type(next(events)) for _ in range(2)] == [DocumentOpened, PageRendered]
        os.kill(worker._process.pid, signal_number)
        failed, rendered, done = events
        assert (failed.failure.page_number, failed.failure.reason) == (2, reason)
        assert rendered.page.text == "three"
        assert isinstance(done, DocumentDone)
    finally:
        worker.close()


@needs_signals
def test_a_document_is_not_blamed_for_a_worker_that_an_earlier_one_broke(tmp_path: Path, make: Any) -> None:
    """A crash in a worker that is not fresh is tried again in one that is."""
    first = make.pdf(tmp_path / "first.pdf", [make.page()])
    second = make.pdf(tmp_path / "second.pdf", [make.slow_page()])
    worker = WorkerProcess(memory_bytes=MEMORY)
    settings = RenderSettings(page_timeout_s=2.0)
    try:
        list(DocumentRendering(make.request(first), worker, settings, dpi=36).events())
        before = worker._process.pid
        events = DocumentRendering(make.request(second), worker, settings, dpi=36).events()
        assert isinstance(next(events), DocumentOpened)
        os.kill(before, signal.SIGSEGV)
        failed = next(events)
        assert "page_timeout_s" in failed.failure.message  # it was tried again, and not found to crash
        assert isinstance(next(events), DocumentDone)
    finally:
        worker.close()


def test_closing_early_ends_the_workers(tmp_path: Path, make: Any) -> None:
    """Also one that is in the middle of a page, and one that waits for its pages to be fetched."""
    busy = make.pdf(tmp_path / "busy.pdf", [make.page(), make.slow_page()])
    waiting = make.pdf(tmp_path / "waiting.pdf", [make.page()] * 100)
    before = make.child_pids()
    events = render_documents([make.request(busy), make.request(waiting)], RenderSettings(n_workers=2), dpi=144)
    assert isinstance(next(events), DocumentOpened)
    assert len(make.child_pids() - before) == 2
    events.close()
    assert make.child_pids() <= before


def test_an_interrupt_in_the_callers_loop_ends_the_workers(tmp_path: Path, make: Any) -> None:
    """An exception from the source of requests, or Ctrl-C, leaves no process."""

    def interrupted() -> Iterator[RenderRequest]:
        yield make.request(make.pdf(tmp_path / "a.pdf", [make.page(), make.slow_page()]))
        raise KeyboardInterrupt

    before = make.child_pids()
    with pytest.raises(KeyboardInterrupt):
        list(render_documents(interrupted(), RenderSettings(n_workers=2), dpi=36))
    assert make.child_pids() <= before


def test_it_works_from_a_thread(tmp_path: Path, make: Any, render: Any) -> None:
    """Servers and notebooks do not run in the main thread."""
    path = make.pdf(tmp_path / "a.pdf", [make.page()])
    results = []
    thread = threading.Thread(target=lambda: results.extend(render(path)))
    thread.start()
    thread.join(60)
    assert isinstance(results[-1], DocumentDone)


SCRIPT = """
import sys
sys.path.append(sys.argv[1])
from pathlib import Path
from visual_rag.records import Document
from visual_rag.render import RenderRequest, render_documents
from visual_rag.settings import RenderSettings
path = Path(sys.argv[2])
document = Document(document_id="", source_uri="", name=path.name, content_hash="", size_bytes=0)
for event in render_documents([RenderRequest(document=document, path=path)], RenderSettings(), dpi=36):
    print(type(event).__name__, flush=True)
"""


def test_it_works_in_a_script_without_a_guard_beside_files_named_like_modules(tmp_path: Path, make: Any) -> None:
    """No `if __name__ == '__main__'`, the package only on `sys.path`, and a working folder full of traps."""
    make.pdf(tmp_path / "a.pdf", [make.page()])
    script = tmp_path / "script" / "run.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    for name in ("queue.py", "numpy.py", "pickle.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong module')")
    command = [sys.executable, str(script), str(SOURCE), "a.pdf"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.split() == ["DocumentOpened", "PageRendered", "DocumentDone"], ran.stderr
    assert ran.stderr == ""


@needs_signals
def test_workers_die_with_a_killed_parent(tmp_path: Path, make: Any) -> None:
    """`kill -9` of the caller in the middle of a page that never ends leaves no worker behind."""
    path = make.pdf(tmp_path / "a.pdf", [make.slow_page()])
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script), str(SOURCE), str(path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "DocumentOpened\n"
        workers = _children_of(parent.pid)
        parent.kill()
    assert len(workers) == 1
    assert make.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def _children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def test_a_worker_that_cannot_start_says_why() -> None:
    """Not a hang and not a failed document: the installation is at fault."""
    worker = WorkerProcess(memory_bytes=-7)
    worker._memory_bytes = "much"  # what the child cannot read
    worker._start()
    with pytest.raises(VisualRagError, match="could not start: ValueError: invalid literal"):
        worker.receive(1.0)
    worker.close()


def test_memory_is_limited(tmp_path: Path, make: Any, render: Any) -> None:
    """A page that fits the pixel limit but not the memory limit costs that page."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(media_box=(0, 0, 14000, 14000)), make.page()])
    opened, failed, rendered, done = render(path, dpi=72, max_pixels=10**9, memory_bytes=300_000_000)
    assert isinstance(opened, DocumentOpened)
    assert isinstance(failed, PageFailed)
    assert "memory_bytes" in failed.failure.message
    assert rendered.page.page_index == 1
    assert isinstance(done, DocumentDone)


def test_importing_the_room_loads_no_renderer() -> None:
    """The parent stays light and out of reach of the C libraries."""
    code = "import sys, visual_rag.render; print([m for m in ('PIL', 'pypdfium2', 'pdf2image') if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def test_a_worker_of_a_large_process_is_kept(tmp_path: Path, make: Any) -> None:
    """What the parent holds, a loaded model say, does not count as the worker's."""
    memory_bytes = 400 * 2**20
    ballast = bytearray(memory_bytes)
    ballast[::4096] = b"x" * len(ballast[::4096])  # touched, so that it is really held
    path = make.pdf(tmp_path / "a.pdf", [make.page()])
    worker = WorkerProcess(memory_bytes=memory_bytes)
    try:
        list(DocumentRendering(make.request(path), worker, RenderSettings(), dpi=36).events())
        assert worker.is_running
    finally:
        worker.close()
