"""What pictures of evidence show: looked at pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from visual_rag.embed.regions import grid_regions
from visual_rag.errors import InvalidInput
from visual_rag.records import Evidence, FloatArray, Region, TokenEvidence
from visual_rag.retrieve.evidence_picture import draw_evidence, evidence_sheet
from visual_rag.testing import make_record

WORDS = np.array([[0.1, 0.1, 0.3, 0.14], [0.5, 0.5, 0.7, 0.54], [0.1, 0.8, 0.3, 0.84]], dtype=np.float32)


def found_on(
    regions: FloatArray, best: int, *, token: str = "pump", strength: float = 0.9, weight: float = 0.5
) -> TokenEvidence:
    """One patch that matched, and nothing else."""
    region, heat = Region(*regions[best].tolist()), (np.arange(len(regions)) == best).astype(np.float32)
    return TokenEvidence(token=token, weight=weight, region=region, strength=strength, box=region, heat=heat)


def on_words(*tokens: TokenEvidence) -> Evidence:
    """Evidence on a page of three words."""
    return Evidence(page=make_record(), tokens=tokens or (found_on(WORDS, 0), found_on(WORDS, 1)), regions=WORDS)


def changed(picture: Image.Image, page: Image.Image) -> FloatArray:
    """How far each pixel is from the page's, shape (height, width)."""
    difference = np.asarray(picture, dtype=np.float32) - np.asarray(page.convert("RGB"), dtype=np.float32)
    return np.abs(difference).max(axis=2)


def inside(map_: FloatArray, region: Region) -> FloatArray:
    """The part of a map that a region covers."""
    height, width = map_.shape
    rows = slice(round(region.top * height), round(region.bottom * height))
    return map_[rows, round(region.left * width) : round(region.right * width)]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
@pytest.mark.parametrize("size", [(600, 800), (1, 1), (5, 900), (900, 5)])
def test_the_picture_is_as_large_as_the_page_and_the_page_is_left_alone(mode: str, size: tuple[int, int]) -> None:
    """Of any size and mode, slivers too."""
    page = Image.new("RGB", size, "white").convert(mode)
    before = page.tobytes()
    picture = draw_evidence(page, on_words())
    assert (picture.size, picture.mode) == (size, "RGB")
    assert page.tobytes() == before


@pytest.mark.parametrize("paper", ["white", "black", "grey"])
def test_a_found_word_is_highlighted_and_framed_and_others_are_not(paper: str) -> None:
    """On light and dark pages; the highlight is even, so that the word under it can be read."""
    page = Image.new("RGB", (600, 800), paper)
    difference = changed(draw_evidence(page, on_words(), token=0), page)
    highlight = inside(difference, Region(0.12, 0.11, 0.28, 0.13))
    assert highlight.min() == highlight.max() > 30
    assert inside(difference, on_words().tokens[1].region).max() == 0
    assert inside(difference, Region(*WORDS[2].tolist())).max() == 0
    assert inside(difference, Region(0.09, 0.09, 0.31, 0.15)).max() > 60


def test_all_tokens_or_one() -> None:
    """Without a number both words are marked, in two colors."""
    page = Image.new("RGB", (600, 800), "white")
    both = draw_evidence(page, on_words())
    middles = Region(0.12, 0.11, 0.28, 0.13), Region(0.52, 0.51, 0.68, 0.53)
    assert all(inside(changed(both, page), middle).min() > 30 for middle in middles)
    assert both.getpixel((120, 96)) != both.getpixel((360, 416))


@pytest.mark.parametrize("token", [-1, 2])
def test_a_token_that_is_not_there_is_refused(token: int) -> None:
    """The message says how many there are."""
    with pytest.raises(InvalidInput, match=rf"token {token} is not one of the 2"):
        draw_evidence(Image.new("RGB", (60, 80)), on_words(), token=token)


def test_a_weak_token_is_painted_more_faintly_than_a_strong_one() -> None:
    """Strength counts beside the strongest token's."""
    page = Image.new("RGB", (600, 800), "white")
    evidence = on_words(found_on(WORDS, 0), found_on(WORDS, 1, token="elephant", strength=0.4))
    difference = changed(draw_evidence(page, evidence), page)
    strong, weak = (np.median(inside(difference, Region(*WORDS[row].tolist()))) for row in (0, 1))
    assert strong > 3 * weak > 0


def test_marks_of_a_prompt_and_question_words_are_not_drawn() -> None:
    """They match somewhere, which says nothing; asked for by number they are drawn."""
    page = Image.new("RGB", (600, 800), "white")
    marks = [found_on(WORDS, 2, token=token) for token in ("<pad>", "[CLS]", " ?", "<|im_start|>", " the")]
    evidence = on_words(found_on(WORDS, 0), *marks)
    assert changed(draw_evidence(page, evidence), page)[500:].max() == 0
    assert changed(draw_evidence(page, evidence, token=1), page)[500:].max() > 0


def test_pieces_of_a_word_share_a_frame() -> None:
    """One label names both: drawn twice, the second would hide the first."""
    page = Image.new("RGB", (600, 800), "white")
    once = draw_evidence(page, on_words(found_on(WORDS, 0, token="headstock")))
    pieces = draw_evidence(page, on_words(found_on(WORDS, 0, token="head"), found_on(WORDS, 0, token="stock")))
    rows = [np.flatnonzero(changed(picture, page).any(axis=1)) for picture in (once, pieces)]
    np.testing.assert_array_equal(rows[0], rows[1])


def test_labels_cover_no_found_place_and_not_each_other() -> None:
    """Each of three words that stand close keeps its even highlight."""
    close = np.array([[0.1, 0.1 + y, 0.3, 0.14 + y] for y in (0, 0.06, 0.12)], dtype=np.float32)
    evidence = Evidence(
        page=make_record(),
        tokens=tuple(found_on(close, row, token=token) for row, token in enumerate(("pump", "seal", "shaft"))),
        regions=close,
    )
    page = Image.new("RGB", (600, 800), "white")
    difference = changed(draw_evidence(page, evidence), page)
    for region in close.tolist():
        left, top, right, bottom = region
        assert np.ptp(inside(difference, Region(left + 0.02, top + 0.01, right - 0.02, bottom - 0.01))) == 0


def test_cells_are_painted_smoothly() -> None:
    """Two hot cells on a grid: no step between neighbouring pixels, the hottest spot within them, far away nothing."""
    regions, page = grid_regions(32, 32), Image.new("RGB", (960, 960), "white")
    hot = found_on(regions, 16 * 32 + 16)
    spread = TokenEvidence(
        token="<pad>", weight=1, region=hot.region, strength=0.8, box=Region(0.9, 0.9, 0.99, 0.99), heat=hot.heat
    )
    evidence = Evidence(page=make_record(), tokens=(spread,), regions=regions)
    map_ = changed(draw_evidence(page, evidence, token=0), page)[:800, :800]
    assert np.abs(np.diff(map_, axis=0)).max() < 0.15 * map_.max()
    assert np.abs(np.diff(map_, axis=1)).max() < 0.15 * map_.max()
    row, column = np.unravel_index(map_.argmax(), map_.shape)
    assert 480 <= row < 510
    assert 480 <= column < 510
    assert map_[:300, :300].max() == 0


def test_the_sheet_has_the_page_and_a_bar_as_long_as_each_token_is_strong() -> None:
    """The page is scaled to a fixed length; bars are compared by their colored pixels."""
    tokens = found_on(WORDS, 0, strength=0.8), found_on(WORDS, 1, token="seal", strength=0.4)
    sheet = evidence_sheet(Image.new("RGB", (300, 400), "white"), on_words(*tokens))
    assert sheet.size == (1050 + 380 + 3 * 48, 1400 + 2 * 48)
    legend = np.asarray(sheet)[:, 1050 + 2 * 48 :]
    lengths = [
        max(int((legend[row] == color).all(axis=1).sum()) for row in range(len(legend)))
        for color in ((217, 72, 15), (29, 78, 216))
    ]
    assert lengths == pytest.approx([0.8 * 380, 0.4 * 380], abs=3)


def test_a_sheet_of_many_tokens_says_how_many_are_left_out() -> None:
    """A picture as a question has up to 64 rows: twelve are drawn, and the page of any shape does not cut them off."""
    tokens = tuple(found_on(WORDS, 0, token=f"part {number}") for number in range(64))
    sheet = evidence_sheet(Image.new("RGB", (1000, 50), "white"), on_words(*tokens))
    last_row = 48 + 90 + 64 * 12 + 28
    assert sheet.height > last_row
    assert (np.asarray(sheet)[last_row - 14 : last_row, 1400 + 96 :] < 150).any()
