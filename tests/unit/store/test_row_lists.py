"""Lists of entries by code: the best are read until the share of each query row is used up."""

import numpy as np
import pytest
from store_samples import random_points, random_rows

from visual_rag.store.row_format import RowFormat
from visual_rag.store.row_lists import Chosen, CodeLists, choose_lists, cosines


def test_lists_give_the_entries_of_their_code() -> None:
    """In the order asked for, empty lists and repeated ones too."""
    codes = np.array([3, 1, 3, 0, 3], dtype=np.uint16)
    lists = CodeLists(codes, 5)
    assert lists.sizes.tolist() == [1, 1, 0, 3, 0]
    found = lists.entries(Chosen(query_row=np.array([0, 0, 0, 1]), list_=np.array([3, 2, 1, 3])))
    assert found.entry.tolist() == [0, 2, 4, 1, 0, 2, 4]
    assert found.chosen.tolist() == [0, 0, 0, 2, 3, 3, 3]
    none = lists.entries(Chosen(query_row=np.array([0]), list_=np.array([4])))
    assert (len(none.entry), len(none.chosen)) == (0, 0)


def test_each_query_row_reads_its_share_from_its_best_lists() -> None:
    """A list is read whole, at least one for each row, and none once the share is used up."""
    scores = np.array([[0.1, 0.9, 0.5, 0.3], [0.8, 0.2, 0.1, 0.3]], dtype=np.float32)
    sizes = np.array([50, 4, 3, 100])
    chosen = choose_lists(scores, sizes, n_rows=12)
    assert list(zip(chosen.query_row.tolist(), chosen.list_.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0)]
    fewest = choose_lists(scores, sizes, n_rows=1)
    assert fewest.list_.tolist() == [1, 0]


@pytest.mark.parametrize("n_query_rows", [1, 700])
def test_a_budget_of_all_rows_reads_all_lists(n_query_rows: int) -> None:
    """For every row of the query."""
    scores = random_rows(n_query_rows, seed=1) @ random_rows(40, seed=2).T
    sizes = np.random.default_rng(3).integers(1, 30, 40)
    chosen = choose_lists(scores, sizes, n_rows=int(sizes.sum()) * n_query_rows)
    assert len(chosen.list_) == 40 * n_query_rows
    assert np.array_equal(np.sort(chosen.list_.reshape(n_query_rows, 40), axis=1)[0], np.arange(40))


@pytest.mark.parametrize("datatype", ["turbo8", "float16", "turbo4"])
def test_cosines_are_those_of_the_rows_as_they_are_read(datatype: str) -> None:
    """Whatever the scale they are stored in, for more rows than one block."""
    page = random_points(1, n_rows=5000)[0].embedding
    form = RowFormat(dim=32, datatype=datatype)
    packed, query = form.pack(page), random_rows(3, seed=5)
    unpacked = form.unpack(packed)
    assert unpacked is not None
    entry = np.random.default_rng(6).permutation(5000)
    query_row = entry % 3
    expected = np.vecdot(unpacked.vectors[entry], query[query_row])
    np.testing.assert_allclose(cosines(packed, entry, query, query_row, form), expected, atol=1e-6)
