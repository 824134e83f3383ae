"""The bundled model keeps every promise of an embedder."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from visual_rag.embed.spotter import Spotter
from visual_rag.errors import InvalidInput, ModelLoadError
from visual_rag.records import Page
from visual_rag.testing import EmbedderContract


class TestSpotter(EmbedderContract):
    """All of the suite."""

    def make_embedder(self) -> Spotter:
        return Spotter(n_threads=1)


def page(*words: str, size: int = 18, paper: int = 255, ink: int = 0) -> Page:
    """Draw words one below the other."""
    image = Image.new("L", (600, 60 + 50 * len(words)), paper)
    for number, word in enumerate(words):
        font = ImageFont.load_default(size)
        ImageDraw.Draw(image).text((60, 30 + 50 * number), word, fill=ink, font=font)
    return Page(page_index=0, image=image.convert("RGB"), page_hash="")


@pytest.mark.parametrize(("size", "paper", "ink"), [(14, 255, 0), (18, 255, 0), (40, 255, 0), (18, 20, 240)])
def test_each_word_is_found_where_it_stands(size: int, paper: int, ink: int) -> None:
    """In small and large type, dark on light and light on dark."""
    spotter, words = Spotter(), ("hydraulic", "pressure", "temperature", "warning")
    drawn = page(*words, size=size, paper=paper, ink=ink)
    [embedding] = spotter.embed_pages([drawn])
    for line, word in enumerate(words):
        [query] = spotter.embed_queries([word])
        best = int((embedding.vectors @ query.vectors[0]).argmax())
        left, top, right, bottom = embedding.regions[best]
        middle = (top + bottom) / 2 * drawn.image.height
        assert 30 + 50 * line - 5 < middle < 30 + 50 * line + size + 10, word
        assert left * drawn.image.width < 100 < right * drawn.image.width


def test_a_page_of_pixels_without_words_keeps_a_row() -> None:
    """Stores need one."""
    [embedding] = Spotter().embed_pages([page()])
    assert embedding.vectors.shape == (1, 128)


def test_a_picture_without_words_is_no_query() -> None:
    """And the error says what spotter can do."""
    with pytest.raises(InvalidInput, match="reads words"):
        Spotter().embed_query_images([Image.new("RGB", (200, 100), "white")])


def test_a_picture_with_words_asks_for_them() -> None:
    """A crop of a label finds the page with the label."""
    spotter = Spotter()
    [embedding], [query] = (
        spotter.embed_pages([page("hydraulic")]),
        spotter.embed_query_images([page("hydraulic").image]),
    )
    assert (query.vectors @ embedding.vectors.T).max() > 0.9


def test_tiny_and_huge_pictures_are_embedded() -> None:
    """One pixel; wider than a tile, with a word across the seam."""
    tiny = Page(page_index=0, image=Image.new("RGB", (1, 1)), page_hash="")
    [embedding] = Spotter().embed_pages([tiny])
    assert len(embedding.vectors) >= 1
    wide = Image.new("L", (4000, 200), 255)
    for left in range(20, 3900, 230):
        ImageDraw.Draw(wide).text((left, 80), "pressure", fill=0, font=ImageFont.load_default(24))
    spotter = Spotter()
    [embedding] = spotter.embed_pages([Page(page_index=0, image=wide.convert("RGB"), page_hash="")])
    [query] = spotter.embed_queries(["pressure"])
    found = (embedding.vectors @ query.vectors[0]) > 0.4
    assert abs(int(found.sum()) - len(range(20, 3900, 230))) <= 1


def test_weights_that_are_missing_or_damaged_are_told_as_such(tmp_path: Path) -> None:
    """Before anything is embedded, with the file's name."""
    with pytest.raises(ModelLoadError, match=r"spotter\.json"):
        Spotter(tmp_path)
    bundled = Path(Spotter()._folder)
    for name in ("spotter.json", "spotter-page.onnx", "spotter-word.onnx"):
        (tmp_path / name).write_bytes((bundled / name).read_bytes())
    (tmp_path / "spotter-page.onnx").write_bytes(b"no model")
    with pytest.raises(ModelLoadError, match=r"spotter-page\.onnx"):
        Spotter(tmp_path).embed_pages([page("word")])
    (tmp_path / "spotter.json").write_text("{}")
    with pytest.raises(ModelLoadError, match=r"spotter\.json"):
        Spotter(tmp_path)
