"""Files that go wrong in real life: 74 PDF-like files and 37 images, kept beside the repository."""

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from visual_rag.records import Document
from visual_rag.render import DocumentDone, DocumentFailed, PageFailed, PageRendered, RenderRequest, render_documents
from visual_rag.settings import RenderSettings

BAD = Path(__file__).parents[2] / ".." / "shared" / "data" / "bad"
MEMORY_BYTES = 2 * 1024**3

pytestmark = pytest.mark.skipif(not (BAD / "index.json").exists(), reason="no shared/data/bad beside the checkout")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """Render all files once: file name -> its line of the index, its events."""
    index = json.loads((BAD / "index.json").read_text())
    passwords = {entry["file"]: entry.get("password") for entry in index}
    requests = (
        RenderRequest(
            document=Document(document_id="", source_uri="", name=entry["file"], content_hash="", size_bytes=0),
            path=BAD / entry["file"],
        )
        for entry in index
    )
    events = render_documents(
        requests, RenderSettings(page_timeout_s=20), dpi=120, password_for=lambda document: passwords[document.name]
    )
    grouped = {name: list(group) for name, group in itertools.groupby(events, lambda event: event.document.name)}
    return {entry["file"]: (entry, grouped.get(entry["file"], [])) for entry in index}


def test_every_file_ends_once_and_failures_are_sentences(outcomes: Any) -> None:
    """No file is lost, none ends twice, and each failure can be shown to a person."""
    for file, (_entry, events) in outcomes.items():
        ends = [event for event in events if isinstance(event, DocumentDone | DocumentFailed)]
        assert len(ends) == 1, file
        assert ends == events[-1:], file
        for event in events:
            if isinstance(event, PageFailed | DocumentFailed):
                assert len(event.failure.message) > 10, file
                assert str(BAD.resolve()) not in event.failure.message, file


def test_what_the_bare_library_opens_gives_pages(outcomes: Any) -> None:
    """Isolation and limits cost no file that could be shown, and no page is out of bounds."""
    lost = []
    for file, (entry, events) in outcomes.items():
        observed = entry.get("observed_with_password", entry["observed"])
        pages = [event.page for event in events if isinstance(event, PageRendered)]
        if observed.startswith("opens") and "render fails p0" not in observed and not pages:
            lost.append(file)
        assert all(page.image.width * page.image.height <= RenderSettings().max_pixels for page in pages), file
    assert lost == []


def test_good_pages_of_partly_broken_documents_are_kept(outcomes: Any) -> None:
    """A page that fails is one entry with its number."""
    _entry, events = outcomes["pdf/boundingBox_invalid.pdf"]
    assert [event.page.page_index for event in events if isinstance(event, PageRendered)] == [0, 1]
    assert [event.failure.page_number for event in events if isinstance(event, PageFailed)] == [3]


def test_workers_stay_small_and_nothing_hangs() -> None:
    """All files again, without passwords: under 2 GiB for each worker ever started, and far from the time limit."""
    resource = pytest.importorskip("resource", reason="the platform does not count the memory of children")
    started = time.monotonic()
    requests = (
        RenderRequest(
            document=Document(document_id="", source_uri="", name=path.name, content_hash="", size_bytes=0), path=path
        )
        for path in sorted(BAD.glob("*/*"))
    )
    n_ends = sum(
        isinstance(event, DocumentDone | DocumentFailed)
        for event in render_documents(requests, RenderSettings(page_timeout_s=20), dpi=120)
    )
    assert n_ends == len(list(BAD.glob("*/*")))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert peak < MEMORY_BYTES
    assert time.monotonic() - started < 300  # 6 s on two free cores; a hang costs 20 s each
