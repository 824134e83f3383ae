"""A ranking in levels: the shortlist, ranked; then what a shortlist twice as long adds, ranked; and so on to all pages.

So a page never comes twice and none is left out, wherever one starts to read, and nobody pays for more than they read.
"""

from collections.abc import Callable, Iterator, Sequence

from visual_rag.retrieve.visual import Candidate
from visual_rag.settings import SearchSettings


def level_sizes(n_pages: int, settings: SearchSettings) -> list[int]:
    """How many pages each level looks at: each twice as many as the one before, the last all; none for no pages.

    >>> level_sizes(1500, SearchSettings())
    [200, 400, 800, 1500]
    """
    if not n_pages:
        return []
    sizes = [min(n_pages, settings.shortlist_size(n_pages))]
    while sizes[-1] < n_pages:
        sizes.append(min(n_pages, 2 * sizes[-1]))
    return sizes


def laddered(
    sizes: Sequence[int], rank: Callable[[int], Sequence[Candidate]], *, min_similarity: float
) -> Iterator[Candidate]:
    """Give the pages of level after level, each once; ends with a level that adds none.

    Args:
        sizes: Of the levels.
        rank: From a size to the level's pages, best first.
        min_similarity: Pages below are left out.
    """
    given: set[str] = set()
    for size in sizes:
        level = rank(size)
        fresh = [row for row in level if row.page.page_id not in given]
        kept = [row for row in fresh if row.similarity >= min_similarity]
        if not kept:
            return
        yield from kept
        given.update(row.page.page_id for row in fresh)
