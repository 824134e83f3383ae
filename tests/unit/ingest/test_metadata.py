"""Fields of the user's own on the pages of documents."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visual_rag import VisualIndex
from visual_rag.errors import InvalidInput
from visual_rag.testing import FakeEmbedder


def draw(path: Path, *, grey: int) -> None:
    """An image file of one page."""
    Image.new("RGB", (80, 100), (grey, grey, grey)).save(path)


@pytest.fixture
def index(tmp_path: Path) -> Any:
    """Two documents of one page each."""
    for number in (1, 2):
        draw(tmp_path / f"{number}.png", grey=40 * number)
    with VisualIndex.create(tmp_path / "index", model=FakeEmbedder()) as opened:
        opened.add(tmp_path / "1.png", tmp_path / "2.png")
        yield opened


def test_fields_are_added_replaced_and_taken_away(index: VisualIndex) -> None:
    """Of the documents that are named and of no others; fields that are not named stay."""
    assert index.set_metadata({"year": 2020, "draft": True, "maker": {"name": "Torvale"}}, documents=["1.png"]) == 1
    assert index.set_metadata({"year": 2021, "draft": None}, documents=["1.png"]) == 1
    assert dict(index.page("1.png", 1).metadata) == {"year": 2021, "maker": {"name": "Torvale"}}
    assert dict(index.page("2.png", 1).metadata) == {}
    assert index.count("year == 2021") == 1


def test_fields_outlive_a_new_version_of_the_document(index: VisualIndex, tmp_path: Path) -> None:
    """The page has other pixels, is embedded again, and keeps what the user said of its document."""
    index.set_metadata({"year": 2020}, documents=["1.png"])
    draw(tmp_path / "1.png", grey=200)
    assert index.add(tmp_path / "1.png").n_pages_embedded == 1
    assert index.page("1.png", 1).metadata["year"] == 2020


def test_nothing_is_embedded(index: VisualIndex) -> None:
    """Payload alone is written."""
    before = index.embedder.n_pages_embedded  # type: ignore[attr-defined]
    index.set_metadata({"year": 2020}, documents=["1.png", "2.png"])
    assert index.embedder.n_pages_embedded == before  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"a.b": 1},
        {"": 1},
        {"x": b"bytes"},
        {"x": float("nan")},
        {"x": [1, float("inf")]},
        {"x": {"y": object()}},
        "year",
    ],
)
def test_what_no_filter_could_name_or_no_store_keep_is_refused(index: VisualIndex, metadata: Any) -> None:
    """And no page is written."""
    with pytest.raises(InvalidInput):
        index.set_metadata(metadata, documents=["1.png"])
    assert dict(index.page("1.png", 1).metadata) == {}


@pytest.mark.parametrize("page_number", [0, 2, -1, "1"])
def test_a_page_that_is_not_there_is_told(index: VisualIndex, page_number: Any) -> None:
    """By the document's name or by the number."""
    with pytest.raises(InvalidInput, match=r"1\.png|page number"):
        index.page("1.png", page_number)


def test_an_empty_list_of_documents_means_none(index: VisualIndex) -> None:
    """An application that may show nothing must not show all."""
    assert index.count(documents=[]) == 0
    assert index.count() == 2
    assert index.facet("document", documents=[]) == {}
    with pytest.raises(InvalidInput):
        index.set_metadata({"year": 2020}, documents=[])
