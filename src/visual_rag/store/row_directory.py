"""Which pages of an index lie in which segment, and which of what lies there counts no longer.

A segment is never changed: a page that is removed, or written again, is dead in it until the segment is written anew.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from visual_rag.records import BoolArray, IntArray
from visual_rag.store.row_segments import HASH_CHARACTERS, Packed, Segment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowListing:
    """What of the segments counts, at one moment.

    Attributes:
        codebook: Name of it.
        dead: By name of each segment that counts, the numbers of its pages that do not, ascending.
        unlisted: Ids of pages that are in no segment, sorted.
    """

    codebook: str
    dead: Mapping[str, IntArray]
    unlisted: tuple[str, ...]


class RowDirectory:
    """Follows the pages of one index.

    Attributes:
        page_hashes: Of all pages, by id.
        unlisted: Ids of pages that no segment holds as they are.
        touched: Ids of pages that were written or removed since somebody last emptied it.
    """

    def __init__(self, packed: Packed, page_hashes: Mapping[str, str], fresh: Collection[str]) -> None:
        """Compare the segments with the pages.

        Args:
            packed: The segments; of a page that several hold, the last one counts.
            page_hashes: Of all pages in the store, by id.
            fresh: Ids of pages that were written since they were packed, even if their hash is the same.
        """
        self.page_hashes = {page_id: page_hash[:HASH_CHARACTERS] for page_id, page_hash in page_hashes.items()}
        self.touched: set[str] = set()
        self._codebook = packed.manifest.codebook if packed.centroids is not None else None
        self._segments = packed.segments
        self._is_alive = [np.zeros(len(segment.pages), dtype=np.bool_) for segment in packed.segments]
        self._places: dict[str, tuple[int, int]] = {}
        for number, segment in enumerate(packed.segments):
            for page, (page_id, page_hash) in enumerate(segment.page_keys()):
                if self.page_hashes.get(page_id) == page_hash and page_id not in fresh:
                    self._kill(page_id)
                    self._places[page_id] = number, page
                    self._is_alive[number][page] = True
        self.unlisted = self.page_hashes.keys() - self._places.keys()
        self._listing: RowListing | None = None

    def wrote(self, page_id: str, page_hash: str) -> None:
        """Note that a page was written."""
        self._kill(page_id)
        self.page_hashes[page_id] = page_hash[:HASH_CHARACTERS]
        self.unlisted.add(page_id)
        self.touched.add(page_id)

    def removed(self, page_id: str) -> None:
        """Note that a page was removed."""
        self._kill(page_id)
        self.page_hashes.pop(page_id, None)
        self.unlisted.discard(page_id)
        self.touched.add(page_id)

    def listing(self) -> RowListing | None:
        """Give what counts now, the same object until something changes; None where nothing has codes."""
        if self._codebook is None or not self._segments:
            return None
        if self._listing is None:
            dead = {
                segment.name: np.flatnonzero(~is_alive)
                for segment, is_alive in zip(self._segments, self._is_alive, strict=True)
            }
            self._listing = RowListing(codebook=self._codebook, dead=dead, unlisted=tuple(sorted(self.unlisted)))
        return self._listing

    def segments(self) -> list[tuple[Segment, BoolArray]]:
        """Give the segments, with which of their pages count: shape (n_pages,)."""
        return list(zip(self._segments, self._is_alive, strict=True))

    def _kill(self, page_id: str) -> None:
        place = self._places.pop(page_id, None)
        if place is not None:
            self._is_alive[place[0]][place[1]] = False
        self._listing = None
