"""PDF pages: pixels, geometry, labels, passwords and limits, by both renderers where both apply."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_rag.errors import InvalidInput, MissingDependency
from visual_rag.render import (
    DocumentDone,
    DocumentFailed,
    DocumentOpened,
    PageFailed,
    PageRendered,
    renderer_version,
)
from visual_rag.settings import RenderSettings

needs_poppler = pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm (poppler-utils) is not installed")
both_renderers = pytest.mark.parametrize("renderer", ["pdfium", pytest.param("poppler", marks=needs_poppler)])
RED_CORNER = b"1 0 0 rg 0 80 20 20 re f\n"  # top left of a 200 x 100 pt page


@both_renderers
def test_pages_come_in_order_with_size_and_default_labels(
    tmp_path: Path, make: Any, render: Any, renderer: str
) -> None:
    """One opening, each page once, one end."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(make.show("one", 10, 10)), make.page(media_box=(0, 0, 72, 144))])
    opened, first, second, done = render(path, dpi=144, renderer=renderer)
    assert isinstance(opened, DocumentOpened)
    assert opened.n_pages == 2
    assert [first.page.page_index, second.page.page_index] == [0, 1]
    assert [first.page.label, second.page.label] == ["1", "2"]
    assert first.page.image.size == (400, 200)
    assert second.page.image.size == (144, 288)
    assert (second.page.width_pt, second.page.height_pt) == (72, 144)
    assert first.page.dpi == 144
    assert done == DocumentDone(document=first.document)


@both_renderers
@pytest.mark.parametrize(("rotation", "corner"), [(0, "lt"), (90, "rt"), (180, "rb"), (270, "lb")])
def test_rotation_is_applied(
    tmp_path: Path, make: Any, pages_of: Any, rotation: int, corner: str, renderer: str
) -> None:
    """The page is upright as a reader shows it, and so is its stated size."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(RED_CORNER, keys=f"/Rotate {rotation}")])
    (page,) = pages_of(path, renderer=renderer)
    width, height = page.image.size
    assert (width, height) == ((100, 200) if rotation in (90, 270) else (200, 100))
    assert (page.width_pt, page.height_pt) == (width, height)
    assert page.rotation == rotation
    x, y = (5 if "l" in corner else width - 5), (5 if "t" in corner else height - 5)
    assert page.image.getpixel((x, y)) == (255, 0, 0)


@both_renderers
def test_a_crop_box_is_the_page(tmp_path: Path, make: Any, pages_of: Any, renderer: str) -> None:
    """What a reader cuts off is not indexed."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(RED_CORNER, keys="/CropBox [0 50 100 100]")])
    (page,) = pages_of(path, renderer=renderer)
    assert page.image.size == (100, 50)
    assert page.image.getpixel((5, 5)) == (255, 0, 0)


def test_printed_page_numbers_are_the_labels(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """Roman front matter, then a prefix, as the file's page labels say."""
    labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D /P (A-) /St 7 >>] >>"
    path = make.pdf(tmp_path / "a.pdf", [make.page()] * 4, catalog=labels)
    assert [page.label for page in pages_of(path)] == ["i", "ii", "A-7", "A-8"]


@pytest.mark.parametrize("name", ["a b.pdf", "Übersicht — 目录.pdf", "100%#1?.pdf", 'it\'s "quoted".pdf', "-r 9.pdf"])
@both_renderers
def test_odd_file_names_are_only_names(tmp_path: Path, make: Any, pages_of: Any, name: str, renderer: str) -> None:
    """No name is taken for an option, a URL or a pattern."""
    path = make.pdf(tmp_path / name, [make.page()])
    assert len(pages_of(path, renderer=renderer)) == 1


def test_a_name_that_is_no_utf8_can_be_read(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """Old archives hold such names."""
    path = make.pdf(tmp_path / b"r\xe9sum\xe9.pdf".decode("utf-8", "surrogateescape"), [make.page()])
    assert len(pages_of(path)) == 1


@both_renderers
def test_a_large_page_is_rendered_below_the_asked_dpi_with_a_warning(
    tmp_path: Path, make: Any, render: Any, renderer: str
) -> None:
    """A poster is a page of fewer dots per inch, not a page of a billion pixels."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(media_box=(0, 0, 14400, 7200))])
    _opened, rendered, done = render(path, dpi=120, max_pixels=1_000_000, renderer=renderer)
    assert rendered.page.image.width * rendered.page.image.height <= 1_000_000
    assert rendered.page.dpi == 7
    assert rendered.page.image.size == (1400, 700)
    (warning,) = done.warnings
    assert "page 1 is 14400 x 7200 pt: rendered at 7 dpi instead of 120" in warning


def test_many_warnings_are_counted_instead_of_listed(tmp_path: Path, make: Any, render: Any) -> None:
    """A thousand posters do not fill the ledger."""
    path = make.pdf(tmp_path / "a.pdf", [make.page()] * 14)
    *_, done = render(path, max_pixels=1000)
    assert len(done.warnings) == 11
    assert "4 more pages" in done.warnings[-1]


@pytest.mark.parametrize(
    ("box", "reason"),
    [((0, 0, 2147483648, 2147483648), "LimitExceeded"), ((0, 0, 500, 2_000_000_000), "LimitExceeded")],
)
def test_an_absurd_page_fails_alone(tmp_path: Path, make: Any, render: Any, box: Any, reason: str) -> None:
    """The page after it is rendered."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(media_box=box), make.page()])
    _opened, failed, rendered, done = render(path)
    assert isinstance(failed, PageFailed)
    assert (failed.failure.page_number, failed.failure.reason) == (1, reason)
    assert rendered.page.page_index == 1
    assert isinstance(done, DocumentDone)


def test_a_long_strip_is_kept_as_jpeg(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """WebP ends at 16,383 pixels."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(media_box=(0, 0, 10, 14000))])
    (page,) = pages_of(path, dpi=120)
    assert page.image.size == (17, 23334)
    assert page.image_mimetype == "image/jpeg"
    assert page.encoded_image.startswith(b"\xff\xd8")


@both_renderers
def test_a_password_is_asked_for_once_and_opens_the_document(
    tmp_path: Path, make: Any, render: Any, renderer: str
) -> None:
    """Without one, with a wrong one, with the right one."""
    path = make.pdf(tmp_path / "secret.pdf", [make.page()], password="opensesame")
    (without,) = render(path, renderer=renderer)
    (wrong,) = render(path, renderer=renderer, password="guess")
    assert without.failure.reason == wrong.failure.reason == "EncryptedDocument"
    assert without.failure.message == "needs a password: pass --password, or password= in Python"
    assert wrong.failure.message == "the password given does not open it"
    assert [type(event) for event in render(path, renderer=renderer, password="opensesame")] == [
        DocumentOpened,
        PageRendered,
        DocumentDone,
    ]


def test_no_password_is_asked_for_without_need(tmp_path: Path, make: Any) -> None:
    """The callback hears of the encrypted document only."""
    from visual_rag.render import render_documents

    plain = make.pdf(tmp_path / "plain.pdf", [make.page()])
    secret = make.pdf(tmp_path / "secret.pdf", [make.page()], password="x")
    asked = []
    requests = [make.request(plain), make.request(secret), make.request(plain)]
    events = render_documents(requests, RenderSettings(), dpi=72, password_for=asked.append)
    assert [type(event) for event in events].count(DocumentFailed) == 1
    assert [document.name for document in asked] == ["secret.pdf"]


def test_a_document_without_pages_is_damaged(tmp_path: Path, make: Any, render: Any) -> None:
    """Valid syntax, nothing to show."""
    (event,) = render(make.pdf(tmp_path / "a.pdf", []))
    assert event.failure.reason == "DamagedDocument"
    assert "no pages" in event.failure.message


def test_a_document_over_the_page_limit_is_refused(tmp_path: Path, make: Any, render: Any) -> None:
    """`max_pages` is a limit on the document, not a cut."""
    (event,) = render(make.pdf(tmp_path / "a.pdf", [make.page()] * 3), max_pages=2)
    assert event.failure.reason == "LimitExceeded"


def test_a_missing_page_fails_and_the_rest_comes(tmp_path: Path, make: Any, render: Any) -> None:
    """The page list points to nothing in one place."""
    path = make.pdf(tmp_path / "a.pdf", [make.page()] * 3)
    path.write_bytes(path.read_bytes().replace(b"/Kids [12 0 R 14 0 R", b"/Kids [12 0 R 99 0 R"))
    _opened, first, failed, third, _done = render(path)
    assert [first.page.page_index, third.page.page_index] == [0, 2]
    assert (failed.failure.page_number, failed.failure.reason) == (2, "DamagedDocument")


def test_equal_pixels_have_equal_hashes_whatever_the_file(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """Renaming, duplicating and re-rendering change nothing; one more letter does."""
    one = make.pdf(tmp_path / "one.pdf", [make.page(make.show("same", 10, 10))] * 2)
    two = make.pdf(tmp_path / "two.pdf", [make.page(make.show("same", 10, 10)), make.page(make.show("sane", 10, 10))])
    hashes = [page.page_hash for page in pages_of(one, two)]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]
    (png,) = pages_of(_as_png(pages_of(one)[0], tmp_path / "page.png"), dpi=144)
    assert png.page_hash == hashes[0]


def _as_png(page: Any, path: Path) -> Path:
    page.image.save(path)
    return path


def test_form_fields_and_annotations_are_drawn(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """A filled-in form without its entries would be another document."""
    square = "/Type /Annot /Subtype /Square /Rect [50 20 150 80] /IC [0 0 1] /C [0 0 1] /F 4"
    path = make.pdf(tmp_path / "a.pdf", [make.page(keys=f"/Annots [<< {square} >>]")])
    (page,) = pages_of(path)
    assert page.image.getpixel((100, 50)) == (0, 0, 255)


def test_the_kept_image_shows_the_page(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """What is stored for people looks like what is embedded."""
    import io

    from PIL import Image

    (page,) = pages_of(make.pdf(tmp_path / "a.pdf", [make.page(RED_CORNER)]))
    kept = Image.open(io.BytesIO(page.encoded_image))
    assert (kept.format, page.image_mimetype) == ("JPEG", "image/jpeg")
    difference = np.abs(np.asarray(kept.convert("RGB")).astype(int) - np.asarray(page.image).astype(int))
    assert difference.mean() < 5


def test_poppler_that_is_missing_is_named_with_the_command(
    tmp_path: Path, make: Any, render: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty PATH stands for a machine without poppler."""
    monkeypatch.setenv("PATH", str(tmp_path))
    path = make.pdf(tmp_path / "a.pdf", [make.page()])
    with pytest.raises(MissingDependency, match="apt install poppler-utils"):
        render(path, renderer="poppler")
    with pytest.raises(MissingDependency, match="brew install poppler"):
        renderer_version("poppler")


@both_renderers
def test_the_version_names_the_renderer(renderer: str) -> None:
    """A passport can tell two builds apart."""
    assert renderer_version(renderer).startswith(f"{renderer} ")
    assert any(character.isdigit() for character in renderer_version(renderer))


@pytest.mark.parametrize(("name", "value"), [("dpi", 0), ("n_workers", 0), ("page_timeout_s", 0), ("max_pixels", -1)])
def test_limits_below_one_are_refused(tmp_path: Path, make: Any, render: Any, name: str, value: int) -> None:
    """The message names the setting."""
    with pytest.raises(InvalidInput, match=name):
        render(make.pdf(tmp_path / "a.pdf", [make.page()]), **{name: value})
