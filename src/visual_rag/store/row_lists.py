"""Rows of an index near the rows of a query: an inverted file over the codebook, in numpy.

    lists = CodeLists(codes, n_centroids)
    chosen = choose_lists(query_rows @ centroids.T, n_rows_of_each_list, n_rows=100_000)
    query_row, entry, list_ = lists.entries(chosen)

Entries are what a segment has a code for: rows, or, where an index keeps none, the distinct codes of each page.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from visual_rag.records import FloatArray, IntArray
from visual_rag.store.row_codebook import Codes
from visual_rag.store.row_format import RowFormat

_SHORT_LISTS = 8  # lists that few rows lie in are looked at up to so many times their even share
_BLOCK = 4096  # rows whose float32 values stay in the processor's cache


class Chosen(NamedTuple):
    """Lists to read, sorted by query row: both of shape (n_chosen,)."""

    query_row: IntArray
    list_: IntArray


class Entries(NamedTuple):
    """Entries of the chosen lists, in their order: both of shape (n_entries,).

    Attributes:
        entry: Number of it in the segment.
        chosen: Which of the chosen lists it is from.
    """

    entry: IntArray
    chosen: IntArray


class CodeLists:
    """The entries of one segment by code."""

    def __init__(self, codes: Codes, n_centroids: int) -> None:
        self._entries = np.argsort(codes, kind="stable").astype(np.int32)
        self.sizes: IntArray = np.bincount(codes, minlength=n_centroids)
        self._starts = np.concatenate([[0], np.cumsum(self.sizes)])

    def entries(self, chosen: Chosen) -> Entries:
        """Read lists, one after the other."""
        sizes = self.sizes[chosen.list_]
        ends = np.cumsum(sizes)
        place = np.arange(int(ends[-1]) if len(ends) else 0)
        place += np.repeat(self._starts[chosen.list_] - (ends - sizes), sizes)
        return Entries(entry=self._entries[place].astype(np.int64), chosen=np.repeat(np.arange(len(sizes)), sizes))


def choose_lists(scores: FloatArray, sizes: IntArray, *, n_rows: int) -> Chosen:
    """Choose the best lists for each query row, until its share of the rows is read, and at least one.

    Args:
        scores: Shape (n_query_rows, n_centroids): dot products.
        sizes: Shape (n_centroids,): entries in each list.
        n_rows: Entries to read in all, about.
    """
    n_query_rows, n_lists = scores.shape
    share = n_rows / n_query_rows
    n_looked_at = min(n_lists, int(np.ceil(_SHORT_LISTS * share * n_lists / max(int(sizes.sum()), 1))) + 1)
    best = np.argpartition(-scores, n_looked_at - 1, axis=1)[:, :n_looked_at]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)
    read = np.cumsum(sizes[best], axis=1)  # (n_query_rows, n_looked_at)
    is_read = read - sizes[best] < share
    query_row, place = np.nonzero(is_read)
    return Chosen(query_row=query_row, list_=best[query_row, place])


def cosines(
    rows: NDArray[np.void], entry: IntArray, query: FloatArray, query_row: IntArray, form: RowFormat
) -> FloatArray:
    """Take the dot products of stored rows, at unit length, with rows of a query: shape (n_entries,).

    Args:
        rows: Of the segment, packed.
        entry: Which of them, shape (n_entries,).
        query: Shape (n_query_rows, dim), rows of unit length.
        query_row: With which row of the query each, shape (n_entries,).
        form: How rows are packed.
    """
    found = np.empty(len(entry), dtype=np.float32)
    stored = rows["row"]
    for start in range(0, len(entry), _BLOCK):
        block = slice(start, start + _BLOCK)
        decoded = form.decoded(stored[entry[block]])
        lengths = np.sqrt(np.vecdot(decoded, decoded))
        found[block] = np.vecdot(decoded, query[query_row[block]]) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found
