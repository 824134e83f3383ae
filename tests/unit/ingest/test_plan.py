"""What an ingest finds to do, and which old refusals it finds to be over."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from visual_rag.ingest.plan import IngestPlan, make_plan
from visual_rag.records import DocumentRecord


def plan_for(folder: Path, ledger: Mapping[str, DocumentRecord]) -> IngestPlan:
    """Plan an ingest of one folder; files above 100 bytes are too large."""
    return make_plan(iter([folder]), ledger, lambda _: True, max_file_bytes=100)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, which no permission stops."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def ledger(tmp_path: Path) -> dict[str, DocumentRecord]:
    """What a first ingest wrote of a pipe, a file that is too large, and a file elsewhere that is too large."""
    for name in ("documents", "documents.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "large.pdf").write_bytes(b"%PDF-" + bytes(200))
    os.mkfifo(tmp_path / "documents" / "pipe.pdf")
    refused = plan_for(tmp_path / "documents", {}).refused + plan_for(tmp_path / "documents.old", {}).refused
    return {record.document.document_id: record for record in refused}


def names(plan: IngestPlan, ledger: Mapping[str, DocumentRecord]) -> list[str]:
    """File names of the outdated records."""
    return [ledger[document_id].document.name for document_id in plan.outdated]


def test_a_refusal_that_lasts_is_not_outdated(tmp_path: Path, ledger: dict[str, DocumentRecord]) -> None:
    """It is refused again."""
    plan = plan_for(tmp_path / "documents", ledger)
    assert plan.outdated == []
    assert [record.document.name for record in plan.refused] == ["large.pdf", "pipe.pdf"]


def test_a_refusal_whose_file_is_gone_is_outdated(tmp_path: Path, ledger: dict[str, DocumentRecord]) -> None:
    """It held nothing else; what lies in another folder is not touched."""
    (tmp_path / "documents" / "pipe.pdf").unlink()
    (tmp_path / "documents.old" / "large.pdf").unlink()
    assert names(plan_for(tmp_path / "documents", ledger), ledger) == ["pipe.pdf"]


def test_a_refusal_whose_file_reads_now_is_worked_on(tmp_path: Path, ledger: dict[str, DocumentRecord]) -> None:
    """Its record is written anew at the end of that."""
    (tmp_path / "documents" / "large.pdf").write_bytes(b"%PDF-")
    plan = plan_for(tmp_path / "documents", ledger)
    assert plan.outdated == []
    assert [document.name for document, _ in plan.work] == ["large.pdf"]


def test_a_folder_that_was_closed_and_is_open_now_is_outdated() -> None:
    """A folder is no document, so nothing else would ever write its record anew."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to whom root becomes
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "closed").mkdir(mode=0)
        with as_nobody():
            [record] = plan_for(folder, {}).refused
        assert "may not be read" in record.failures[0].message
        (folder / "closed").chmod(0o755)
        ledger = {record.document.document_id: record}
        for named in (folder / "closed", folder):
            assert names(plan_for(named, ledger), ledger) == ["closed"]


def test_a_refused_file_that_has_pages_keeps_its_record(tmp_path: Path, ledger: dict[str, DocumentRecord]) -> None:
    """Of an earlier version: they are still found, so the ledger must know them."""
    kept = {key: replace(record, n_pages=3, n_ingested=3) for key, record in ledger.items()}
    (tmp_path / "documents" / "pipe.pdf").unlink()
    assert plan_for(tmp_path / "documents", kept).outdated == []
