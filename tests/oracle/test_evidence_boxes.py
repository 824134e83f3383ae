"""Boxes of evidence against the text layer, which spotter does not see."""

import runpy
from pathlib import Path

from visual_rag.embed.spotter import Spotter

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "evidence.py"))
N_WORDS, N_PAGES = 60, 12


def test_nine_in_ten_words_are_in_the_box_of_their_evidence(manuals: Path) -> None:
    """Random words of the sample manuals: the box holds the word's centre and covers 80 % of it, and is not loose."""
    spotter = Spotter()
    pages = BENCHMARK["render_folder"](manuals, spotter.page_dpi)
    found = BENCHMARK["look_for"](BENCHMARK["draw_words"](pages, N_WORDS, N_PAGES, seed=4), spotter)
    assert len(found) == N_WORDS
    contained = [item for item in found if item.contained]
    assert len(contained) >= 0.9 * N_WORDS
    area = BENCHMARK["area"]
    ratios = sorted(area(item.token.box) / area(item.contained[0]) for item in contained)
    assert ratios[len(ratios) // 2] < 1.6
