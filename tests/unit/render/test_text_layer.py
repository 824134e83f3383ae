"""The text layer: the words of the file, standing where their ink is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_rag.records import Page


def _ink(page: Page) -> np.ndarray:
    return np.asarray(page.image.convert("L")) < 128


def _outside_all_words(page: Page, margin_px: int) -> np.ndarray:
    outside = np.ones(page.image.size[::-1], bool)
    width, height = page.image.size
    for word in page.words:
        left, top, right, bottom = word.region
        rows = slice(max(int(top * height) - margin_px, 0), int(bottom * height) + margin_px + 1)
        columns = slice(max(int(left * width) - margin_px, 0), int(right * width) + margin_px + 1)
        outside[rows, columns] = False
    return outside


@pytest.mark.parametrize("crop", ["", "/CropBox [15 7 190 95]"], ids=["whole", "cropped"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("origin", [(0, 0), (-300, 1000)], ids=["at zero", "elsewhere"])
def test_words_stand_on_their_ink(
    tmp_path: Path, make: Any, pages_of: Any, rotation: int, crop: str, origin: Any
) -> None:
    """All ink lies in some word's region and each region holds ink, however the page is turned, cut or placed."""
    dx, dy = origin
    content = make.show("Alpha beta", 20 + dx, 80 + dy) + make.show("gamma", 120 + dx, 20 + dy)
    keys = f"/Rotate {rotation}"
    if crop:
        keys += f" /CropBox [{15 + dx} {7 + dy} {190 + dx} {95 + dy}]"
    path = make.pdf(tmp_path / "a.pdf", [make.page(content, (dx, dy, 200 + dx, 100 + dy), keys)])
    (page,) = pages_of(path, dpi=216)
    assert [word.text for word in page.words] == ["Alpha", "beta", "gamma"]
    ink = _ink(page)
    width, height = page.image.size
    for word in page.words:
        left, top, right, bottom = word.region
        box = ink[int(top * height) : int(bottom * height) + 1, int(left * width) : int(right * width) + 1]
        assert box.mean() > 0.1
    assert not (ink & _outside_all_words(page, margin_px=3)).any()


def test_turned_text_has_upright_boxes(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """Words that run up the page are taller than wide."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(b"BT /F1 12 Tf 0 1 -1 0 50 10 Tm (upwards here) Tj ET")])
    (page,) = pages_of(path, dpi=144)
    assert [word.text for word in page.words] == ["upwards", "here"]
    assert not (_ink(page) & _outside_all_words(page, margin_px=3)).any()
    region = page.words[0].region
    assert (region.bottom - region.top) * 100 > (region.right - region.left) * 200


def test_a_word_broken_across_lines_is_one_word_where_it_begins(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """`exam-ple` is found as `example`; a hyphen that belongs to the word stays."""
    lines = [("an exam-", 100, 80), ("ple of F-", 10, 60), ("16 and self-", 10, 40), ("Test", 10, 20)]
    path = make.pdf(tmp_path / "a.pdf", [make.page(b"".join(make.show(*line) for line in lines))])
    (page,) = pages_of(path)
    assert page.text == "an example of F-16 and self-Test"
    example = page.words[1].region
    assert example.left > 0.5
    assert example.bottom < 0.25


def test_control_characters_are_dropped(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """What a database would choke on never leaves this room."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(make.show("be\x01fo\x00re after\x7f", 10, 10))])
    (page,) = pages_of(path)
    assert page.text.isprintable()
    assert page.text.replace(" ", "").startswith("before")


def test_text_outside_the_page_is_left_out(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """Nobody can see it, so nobody is shown the page for it; regions stay within the page."""
    content = make.show("inside", 10, 80) + make.show("outside", 300, 60) + make.show("halfway", 180, 20)
    (page,) = pages_of(make.pdf(tmp_path / "a.pdf", [make.page(content)]))
    assert [word.text for word in page.words] == ["inside", "halfway"]
    assert page.words[1].region.right == 1.0


def test_invisible_text_counts(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """The text that OCR lays under a scan is a text layer like any other."""
    path = make.pdf(tmp_path / "a.pdf", [make.page(b"3 Tr " + make.show("scanned", 10, 10))])
    (page,) = pages_of(path)
    assert page.text == "scanned"
    assert not _ink(page).any()


def test_a_page_without_text_has_no_words(tmp_path: Path, make: Any, pages_of: Any) -> None:
    """Neither None nor an empty word."""
    (page,) = pages_of(make.pdf(tmp_path / "a.pdf", [make.page()]))
    assert page.words == ()
