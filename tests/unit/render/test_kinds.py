"""A file's kind is told from its content, never from its name."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visual_rag.render import DocumentFailed
from visual_rag.render.kinds import HEAD_BYTES, sniff


@pytest.mark.parametrize(
    ("head", "opened_as", "name"),
    [
        (b"%PDF-1.7\n", "pdf", "PDF"),
        (b"From: a mail server\r\n" * 40 + b"%PDF-1.4", "pdf", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + b"%PDF", "image", "PNG"),
        (b"BM" + bytes(12) + b"\x28\x00\x00\x00", "image", "BMP"),
        (b"BM%PDF-1.4", "pdf", "PDF"),
        (b"\xef\xbb\xbf  <!DOCTYPE HTML>", "unsupported", "an HTML page"),
        (b"<?xml version='1.0'?><svg/>", "unsupported", "an SVG drawing"),
        (b"<?xml version='1.0'?><a/>", "unsupported", "an XML file"),
        (b"PK\x03\x04", "unsupported", "a ZIP archive or an Office file (docx, pptx, xlsx)"),
        (b"\x00\x00\x00\x18ftypheic", "unsupported", "a HEIC photo"),
        ("Grüße".encode(), "unsupported", "plain text"),
        (b"\x00\x01\x02\x03", "unknown", "of a kind that is not recognised"),
    ],
)
def test_the_first_bytes_tell_the_kind(head: bytes, opened_as: str, name: str) -> None:
    """Signatures win over a stray %PDF inside, and what is not read is still named."""
    kind = sniff(head)
    assert (kind.opened_as, kind.name) == (opened_as, name)


def test_text_cut_in_the_middle_of_a_character_is_text() -> None:
    """The head of a UTF-8 file may end inside a character."""
    assert sniff(("ä" * HEAD_BYTES).encode()[: HEAD_BYTES - 1]).name == "plain text"


@pytest.mark.parametrize(("format_name", "suffix"), [("PNG", ".pdf"), ("JPEG", ""), ("WEBP", ".txt"), ("AVIF", ".png")])
def test_a_wrong_extension_does_not_matter(tmp_path: Path, pages_of: Any, format_name: str, suffix: str) -> None:
    """An image under any name is a page."""
    path = tmp_path / f"scan{suffix}"
    Image.new("RGB", (30, 20), "red").save(path, format_name)
    (page,) = pages_of(path)
    assert page.image.size == (30, 20)


@pytest.mark.parametrize(
    ("content", "reason", "part"),
    [
        (b"", "DamagedDocument", "the file is empty"),
        (b"just words", "UnsupportedFormat", "plain text"),
        (b"<html><body>404</body></html>", "UnsupportedFormat", "an HTML page"),
        (b"%PDF-1.7\nand then nothing", "DamagedDocument", "damaged"),
        (b"\x89PNG\r\n\x1a\nand then nothing", "DamagedDocument", "PNG"),
    ],
)
def test_what_cannot_be_opened_fails_with_a_sentence(
    tmp_path: Path, render: Any, content: bytes, reason: str, part: str
) -> None:
    """The one event is a failure that says what the file is, without its path."""
    path = tmp_path / "upload.pdf"
    path.write_bytes(content)
    (event,) = render(path)
    assert isinstance(event, DocumentFailed)
    assert event.failure.reason == reason
    assert part in event.failure.message
    assert str(tmp_path) not in event.failure.message


def test_an_image_format_that_is_not_read_is_named(tmp_path: Path, render: Any) -> None:
    """Pillow knows more formats than are worth indexing; the message says which this is."""
    path = tmp_path / "picture"
    Image.new("RGB", (3, 3)).save(path, "PPM")
    (event,) = render(path)
    assert event.failure.reason == "UnsupportedFormat"
    assert "Pbmplus" in event.failure.message


def test_missing_files_and_folders_fail_alone(tmp_path: Path, render: Any) -> None:
    """A file that vanished after listing, or a folder, is an entry and not an exception."""
    missing, folder = render(tmp_path / "gone.pdf", tmp_path)
    assert missing.failure.reason == "SourceUnavailable"
    assert folder.failure.reason == "UnsupportedFormat"


def test_a_file_over_the_size_limit_is_not_read(tmp_path: Path, render: Any) -> None:
    """`max_file_bytes` is looked at before the content."""
    path = tmp_path / "large.pdf"
    path.write_bytes(b"%PDF" + bytes(1000))
    (event,) = render(path, max_file_bytes=1000)
    assert event.failure.reason == "LimitExceeded"
    assert "max_file_bytes" in event.failure.message
