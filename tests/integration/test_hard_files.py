"""Files that go wrong in real life, through the whole of ingest."""

import json
import resource
from pathlib import Path

import pytest

from visual_rag import VisualIndex
from visual_rag.records import Document, DocumentState
from visual_rag.testing import FakeEmbedder

LARGEST_BYTES = 2 * 2**30


def write_pdf(path: Path, n_pages: int) -> None:
    """Write a PDF of small pages, each with its own number on it."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(n_pages))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {n_pages} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page in range(n_pages):
        content = f"BT /F1 18 Tf 10 20 Td (page{page}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 120 60] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * page} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n"
    )
    path.write_bytes(body + f"{end}%%EOF\n".encode())


def test_every_bad_file_is_ingested_or_in_the_report_with_a_reason(shared_data: Path, tmp_path: Path) -> None:
    """The run finishes, no process dies, memory stays small, and the run after it embeds nothing."""
    embedder = FakeEmbedder()
    with VisualIndex.create(tmp_path / "index", model=embedder) as index:
        report = index.add(shared_data / "bad")
        names = {record.document.name for record in report.ingested} | set(report.ignored)
        listed = json.loads((shared_data / "bad" / "index.json").read_text(encoding="utf8"))
        assert len(listed) == 111
        missing = {Path(item["file"]).name for item in listed} - names
        assert missing == set()
        for record in report.ingested:
            if record.state is DocumentState.READY:
                assert record.n_ingested == record.n_pages > 0
            else:
                assert all(failure.message and "/" + "tmp" not in failure.message for failure in record.failures)
                assert record.failures
        n_embedded = embedder.n_pages_embedded
        index.add(shared_data / "bad")
        assert embedder.n_pages_embedded == n_embedded
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < LARGEST_BYTES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < LARGEST_BYTES


def test_an_encrypted_pdf_opens_with_its_password_and_says_so_without(shared_data: Path, tmp_path: Path) -> None:
    """As text, or from a function that is asked for each document."""
    path = shared_data / "bad" / "pdf" / "user_password_secret.pdf"
    asked: list[str] = []

    def answer(document: Document) -> str | None:
        asked.append(document.name)
        return "secret"

    with VisualIndex.create(tmp_path / "index", model=FakeEmbedder()) as index:
        [locked] = index.add(path).failed
        assert locked.failures[0].reason == "EncryptedDocument"
        assert "--password" in locked.failures[0].message
        [wrong] = index.add(path, password="wrong").failed
        assert "password" in wrong.failures[0].message
        assert index.add(path, password=answer).failed == []
        assert asked == [path.name]
        assert index.info().size.n_pages > 0
    with VisualIndex.create(tmp_path / "other", model=FakeEmbedder()) as index:
        assert index.add(path, password="secret").failed == []


def test_a_pdf_of_three_thousand_pages_is_taken_in_little_memory(tmp_path: Path) -> None:
    """Pages stream: what is held does not grow with the document."""
    write_pdf(tmp_path / "long.pdf", 3000)
    with VisualIndex.create(tmp_path / "index", model=FakeEmbedder()) as index:
        report = index.add(tmp_path / "long.pdf")
        assert (report.n_pages, report.n_pages_embedded, report.failed) == (3000, 3000, [])
        assert index.search("page2999", k=1)[0].page.page_number == 3000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < LARGEST_BYTES


@pytest.mark.parametrize("name", ["with space.pdf", "résumé — 目录 (1).pdf", "a#b'c\"d%20.pdf", "new\nline.pdf"])
def test_odd_names_go_all_the_way(tmp_path: Path, name: str) -> None:
    """Ingest, search, show, list, remove."""
    write_pdf(tmp_path / name, 2)
    with VisualIndex.create(tmp_path / "index", model=FakeEmbedder()) as index:
        assert index.add(tmp_path / name).n_pages == 2
        hits = index.search("page1", k=1)
        assert hits[0].page.document_name == name
        index.show("page1", hits, tmp_path / "found.html")
        index.show("page1", hits, tmp_path / "found.png")
        assert index.remove(tmp_path / name) == 2


def test_a_pdf_without_pages_is_told_as_such(tmp_path: Path) -> None:
    """And is no success."""
    write_pdf(tmp_path / "none.pdf", 0)
    with VisualIndex.create(tmp_path / "index", model=FakeEmbedder()) as index:
        [record] = index.add(tmp_path / "none.pdf").failed
        assert record.state is DocumentState.FAILED
        assert "page" in record.failures[0].message
