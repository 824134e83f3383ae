"""Lines and columns on the terminal."""

import io
from dataclasses import replace

from rich.console import Console

from visual_rag.printing import Row, print_rows
from visual_rag.progress import page_progress
from visual_rag.records import Document, DocumentRecord, DocumentState, IngestProgress


def printed(*rows: Row, width: int = 40) -> str:
    """What a file gets."""
    console = Console(file=io.StringIO(), width=width)
    print_rows(console, rows, header=("name", "pages"))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_columns_stand_under_each_other_and_notes_below_their_row() -> None:
    """Wide letters count as two."""
    assert printed(Row(("取扱.pdf", "3"), "why"), Row(("a.pdf", "12"))).splitlines() == [
        "name      pages",
        "取扱.pdf  3",
        "      why",
        "a.pdf     12",
    ]


def test_a_long_name_is_neither_cut_nor_broken() -> None:
    """A name in a pipe is there to be found by grep."""
    assert "x" * 300 in printed(Row(("x" * 300, "1")))


def test_nothing_steers_the_terminal() -> None:
    """Neither escape sequences nor markup nor line breaks of a name."""
    shown = printed(Row(("\x1b[31mred\n[bold].pdf", "1"), "note\r\x07"))
    assert "\x1b" not in shown
    assert "[bold].pdf" in shown
    assert shown.count("\n") == 3


def test_a_file_gets_a_line_for_each_finished_document_and_no_bar() -> None:
    """Not even an empty line for the pages in between."""
    counted = IngestProgress(document_name="a", n_pages_done=1, n_pages_expected=2, n_documents_done=0, n_documents=1)
    document = Document(document_id="1", source_uri="file:///a", name="a", content_hash="", size_bytes=1)
    record = DocumentRecord(document=document, state=DocumentState.READY, n_pages=2, n_ingested=2)
    file = io.StringIO()
    with page_progress(Console(file=file), lambda finished: f"{finished.document.name} is done") as show:
        show(counted)
        show(replace(counted, finished=record))
    assert file.getvalue() == "a is done\n"
