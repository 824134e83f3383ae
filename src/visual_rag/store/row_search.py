"""Searches the segments of an index for rows near those of a query.

    search = RowSearch(rows)
    search.matches(listing, query.vectors, n_rows=100_000)

Reads files only, so whoever knows the listing may search: `EdgeStore`, and the parent of a search process.
"""

import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from visual_rag.records import FloatArray, IntArray, RowMatches
from visual_rag.store.row_directory import RowListing
from visual_rag.store.row_lists import Chosen, CodeLists, choose_lists, cosines
from visual_rag.store.row_segments import Packed, Segment
from visual_rag.store.rows import PageRows


class RowKeeper(Protocol):
    """What the store in a search process does for its parent, which reads the segments itself."""

    def row_listing(self) -> RowListing | None:
        """Tell what of the segments counts; None where there are no lists."""
        ...

    def pack_some(self) -> bool:
        """Work on the segments for a moment; whether there is more to do."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Listed:
    """One segment, ready to be searched; `page_of` is the page in the segment that each entry is of."""

    segment: Segment
    lists: CodeLists
    page_of: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prepared:
    """All that a listing names.

    Attributes:
        listing: The listing.
        centroids: Shape (n_centroids, dim).
        sizes: Shape (n_centroids,): entries in each list.
        listed: The segments.
        numbers: For each of them, the number that each of its pages has in the answer, -1 for the dead.
        page_ids: Of all pages in the answer.
        lengths: Shape (n_pages,), rows of each.
    """

    listing: RowListing
    centroids: FloatArray
    sizes: IntArray
    listed: tuple[_Listed, ...]
    numbers: tuple[IntArray, ...]
    page_ids: tuple[str, ...]
    lengths: IntArray


class RowSearch:
    """Finds rows; any number of threads may."""

    def __init__(self, rows: PageRows) -> None:
        self._rows = rows
        self._guard = threading.Lock()
        self._prepared: _Prepared | None = None

    def matches(self, listing: RowListing, vectors: FloatArray, *, n_rows: int) -> RowMatches | None:
        """Find rows near those of a query; None where the segments are no longer those of the listing.

        Args:
            listing: What of the segments counts.
            vectors: Shape (n_query_rows, dim), float32; a row's length is its weight.
            n_rows: Rows to read, about; each row of the query takes the same share, and one list at least.
        """
        prepared = self._prepare(listing)
        if prepared is None:
            return None
        lengths = np.sqrt(np.vecdot(vectors, vectors))
        query = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
        scores = query @ prepared.centroids.T  # (n_query_rows, n_centroids)
        chosen = choose_lists(scores, prepared.sizes, n_rows=n_rows)
        found = [
            self._matches_in(listed, numbers, query, scores, chosen)
            for listed, numbers in zip(prepared.listed, prepared.numbers, strict=True)
        ]
        page, query_row, cosine = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.argsort(query_row, kind="stable")
        return RowMatches(
            page_ids=prepared.page_ids,
            lengths=prepared.lengths,
            page=page[order],
            query_row=query_row[order],
            cosine=cosine[order],
            unlisted=listing.unlisted,
        )

    def _matches_in(
        self, listed: _Listed, numbers: IntArray, query: FloatArray, scores: FloatArray, chosen: Chosen
    ) -> tuple[IntArray, IntArray, FloatArray]:
        entry, of_chosen = listed.lists.entries(chosen)
        page = numbers[listed.page_of[entry]]
        counts = page >= 0
        entry, of_chosen = entry[counts], of_chosen[counts]
        query_row = chosen.query_row[of_chosen]
        if listed.segment.rows is None:
            cosine = scores[query_row, chosen.list_[of_chosen]]
        else:
            cosine = cosines(listed.segment.rows, entry, query, query_row, self._rows.form)
        return page[counts], query_row, cosine

    def _prepare(self, listing: RowListing) -> _Prepared | None:
        """Open what a listing names; what is open already stays. Threads that come together wait for one of them."""
        with self._guard:
            if self._prepared is not None and self._prepared.listing is listing:
                return self._prepared
            packed = self._rows.packed()
            names = {segment.name for segment in packed.segments}
            if packed.manifest.codebook != listing.codebook or packed.centroids is None or names != listing.dead.keys():
                return None
            self._prepared = _prepare(packed, packed.centroids, listing, self._prepared)
            return self._prepared


def _prepare(packed: Packed, centroids: FloatArray, listing: RowListing, last: _Prepared | None) -> _Prepared:
    known = {listed.segment.name: listed for listed in last.listed} if last else {}
    listed = tuple(known.get(segment.name) or _listed(segment, len(centroids)) for segment in packed.segments)
    numbers: list[IntArray] = []
    page_ids: list[str] = []
    lengths: list[IntArray] = []
    for one in listed:
        is_alive = np.ones(len(one.segment.pages), dtype=np.bool_)
        is_alive[listing.dead[one.segment.name]] = False
        numbers.append(np.where(is_alive, len(page_ids) + np.cumsum(is_alive) - 1, -1))
        page_ids += one.segment.pages["page_id"][is_alive].astype(str).tolist()
        lengths.append(one.segment.pages["n_rows"][is_alive].astype(np.int64))
    return _Prepared(
        listing=listing,
        centroids=centroids,
        sizes=np.sum([one.lists.sizes for one in listed], axis=0),
        listed=listed,
        numbers=tuple(numbers),
        page_ids=tuple(page_ids),
        lengths=np.concatenate(lengths),
    )


def _listed(segment: Segment, n_centroids: int) -> _Listed:
    if segment.codes is None:
        raise ValueError(f"segment '{segment.name}' has no codes")
    n_entries = segment.pages["n_entries"]
    return _Listed(
        segment=segment,
        lists=CodeLists(segment.codes, n_centroids),
        page_of=np.repeat(np.arange(len(n_entries), dtype=np.int32), n_entries),
    )
