"""Rankings in levels."""

from itertools import islice, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from visual_rag.retrieve.levels import laddered, level_sizes
from visual_rag.retrieve.visual import Candidate
from visual_rag.settings import SearchSettings
from visual_rag.testing import make_record


@given(st.integers(0, 30_000), st.integers(1, 500))
def test_sizes_double_and_end_at_all(n_pages: Any, least: Any) -> None:
    """The first is the shortlist, the last every page; none for an empty index."""
    sizes = level_sizes(n_pages, SearchSettings(min_shortlist=least))
    assert not sizes if n_pages == 0 else sizes[-1] == n_pages
    assert all(later <= 2 * earlier for earlier, later in pairwise(sizes))


@given(st.permutations(range(20)), st.permutations(range(20)), st.integers(1, 20), st.lists(st.integers(1, 7)))
def test_pages_are_given_once_wherever_one_reads(cheap: Any, exact: Any, least: Any, cuts: Any) -> None:
    """Reading in parts of any length gives the ranking that reading at once gives, every page once."""
    pages = [make_record(page_index=index) for index in range(20)]

    def rank(size: int) -> list[Candidate]:
        chosen = cheap[:size]
        return [
            Candidate(page=pages[index], score=-exact.index(index), similarity=1.0)
            for index in sorted(chosen, key=exact.index)
        ]

    sizes = level_sizes(20, SearchSettings(min_shortlist=least))

    def read(start: int, stop: int) -> list[int]:
        return [row.page.page_index for row in islice(laddered(sizes, rank, min_similarity=0), start, stop)]

    whole = read(0, 20)
    assert sorted(whole) == list(range(20))
    places = [0, *(min(20, sum(cuts[: n + 1])) for n in range(len(cuts))), 20]
    parts = [page for start, stop in pairwise(places) for page in read(start, stop)]
    assert parts == whole


def test_a_level_that_adds_nothing_ends_the_ranking() -> None:
    """So that a question with few answers does not look at the whole index."""
    asked = []

    def rank(size: int) -> list[Candidate]:
        asked.append(size)
        return [Candidate(page=make_record(), score=1.0, similarity=0.5)]

    assert len(list(laddered([1, 2, 4, 8], rank, min_similarity=0.0))) == 1
    assert asked == [1, 2]
    assert list(laddered([1, 2, 4, 8], rank, min_similarity=0.6)) == []
