"""Row files: as exact as the engine's copy, whole or absent, and kept in memory within bounds."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import random_points, random_rows

from visual_rag.records import PageEmbedding
from visual_rag.store.files import size_on_disk
from visual_rag.store.rows import PageRows

PAGE_ID, PAGE_HASH = "8db2dd68-aa14-414e-a74f-ec59ca1f35ad", "ab" * 32


@pytest.mark.parametrize(("datatype", "largest_error"), [("turbo8", 6e-3), ("float16", 6e-4), ("turbo4", 8e-2)])
def test_what_is_written_is_read(tmp_path: Path, datatype: str, largest_error: float) -> None:
    """Rows of unit length, as close as 8 or 16 bits allow; regions and flags exact to 1/65535."""
    embedding = random_points(1, n_rows=300)[0].embedding
    PageRows(tmp_path, dim=32, datatype=datatype).write(PAGE_ID, PAGE_HASH, embedding)
    read = PageRows(tmp_path, dim=32, datatype=datatype).read(PAGE_ID, PAGE_HASH)
    assert read is not None
    np.testing.assert_allclose(read.vectors, embedding.vectors, atol=largest_error)
    np.testing.assert_allclose(np.linalg.norm(read.vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(read.regions, embedding.regions, atol=1e-5)
    np.testing.assert_array_equal(read.is_patch, embedding.is_patch)


@given(st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8).filter(lambda row: max(map(abs, row)) > 1e-3))
def test_any_row_keeps_its_direction_in_eight_bits(tmp_path_factory: pytest.TempPathFactory, row: list[float]) -> None:
    """Also rows with one large value among small ones."""
    vectors = np.array([row], dtype=np.float32)
    vectors /= np.linalg.norm(vectors)
    rows = PageRows(tmp_path_factory.mktemp("rows"), dim=8, datatype="turbo8")
    regions = np.array([[0, 0, 1, 1]], np.float32)
    rows.write(PAGE_ID, PAGE_HASH, PageEmbedding(vectors=vectors, regions=regions, is_patch=np.array([True])))
    read = rows.read(PAGE_ID, PAGE_HASH)
    assert read is not None
    assert np.vecdot(read.vectors, vectors)[0] > 0.9998


def test_what_is_missing_damaged_or_of_another_index_is_none(tmp_path: Path) -> None:
    """The reader then asks the engine."""
    rows = PageRows(tmp_path, dim=32, datatype="turbo8")
    assert rows.read(PAGE_ID, PAGE_HASH) is None
    rows.write(PAGE_ID, PAGE_HASH, random_points(1)[0].embedding)
    file = next(tmp_path.rglob("*.npy"))
    whole = file.read_bytes()
    for damaged in (b"", whole[:40], whole[:-1], b"x" * 300, whole[:-400] + bytes(400)):
        file.write_bytes(damaged)
        assert rows.read(PAGE_ID, PAGE_HASH) is None
    file.write_bytes(whole)
    assert PageRows(tmp_path, dim=16, datatype="turbo8").read(PAGE_ID, PAGE_HASH) is None
    assert PageRows(tmp_path, dim=32, datatype="float16").read(PAGE_ID, PAGE_HASH) is None
    assert rows.read(PAGE_ID, PAGE_HASH) is not None


def test_memory_is_bounded_and_forgets_what_changed(tmp_path: Path) -> None:
    """The pages read longest ago go first; writing or removing a page forgets it at once."""
    points = random_points(10)
    one_page = 12 * (32 * 4 + 16 + 1)
    rows = PageRows(tmp_path, dim=32, datatype="turbo8", cache_bytes=3 * one_page)
    for point in points:
        rows.write(point.page_id, PAGE_HASH, point.embedding)
    read = [rows.read(point.page_id, PAGE_HASH) for point in points[:3]]
    assert rows.read(points[0].page_id, PAGE_HASH) is read[0]
    rows.read(points[3].page_id, PAGE_HASH)  # pushes out page 1, since page 0 was asked for again
    assert rows.read(points[0].page_id, PAGE_HASH) is read[0]
    assert rows.read(points[1].page_id, PAGE_HASH) is not read[1]
    assert rows._cached_bytes == 3 * one_page

    rows.write(points[0].page_id, PAGE_HASH, points[9].embedding)
    changed = rows.read(points[0].page_id, PAGE_HASH)
    assert changed is not None
    np.testing.assert_allclose(changed.vectors, points[9].embedding.vectors, atol=0.02)
    rows.remove(points[0].page_id, PAGE_HASH)
    assert rows.read(points[0].page_id, PAGE_HASH) is None
    rows.remove(points[0].page_id, PAGE_HASH)


def test_a_page_larger_than_memory_is_read_all_the_same(tmp_path: Path) -> None:
    """It is not remembered, and nothing else breaks."""
    rows = PageRows(tmp_path, dim=32, datatype="turbo8", cache_bytes=10)
    rows.write(PAGE_ID, PAGE_HASH, random_points(1)[0].embedding)
    assert rows.read(PAGE_ID, PAGE_HASH) is not None
    assert (rows._cached_bytes, len(rows._cached)) == (0, 0)


def test_writing_leaves_no_other_files(tmp_path: Path) -> None:
    """Also where the page cannot be written."""
    rows = PageRows(tmp_path, dim=32, datatype="turbo8")
    good = random_points(1)[0].embedding
    rows.write(PAGE_ID, PAGE_HASH, good)
    wrong = PageEmbedding(vectors=random_rows(12, dim=16), regions=good.regions, is_patch=good.is_patch)
    with pytest.raises(ValueError, match="broadcast"):
        rows.write(PAGE_ID, PAGE_HASH, wrong)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_size_on_disk_counts_whole_blocks_of_all_files(tmp_path: Path) -> None:
    """A sparse file counts with what it takes, not with what it says."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "full").write_bytes(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    assert 100_000 <= size_on_disk(tmp_path) < 1_000_000
    assert size_on_disk(tmp_path / "missing") == 0


def test_four_bits_pack_two_values_in_a_byte(tmp_path: Path) -> None:
    """Any dim, odd ones too; half the bytes of eight bits; writing what was read changes nothing more."""
    for dim in (1, 7, 32):
        rows = PageRows(tmp_path / str(dim), dim=dim, datatype="turbo4", cache_bytes=0)
        embedding = random_points(1, n_rows=40)[0].embedding
        vectors = random_rows(40, dim=dim)
        page = PageEmbedding(vectors=vectors, regions=embedding.regions, is_patch=embedding.is_patch)
        rows.write(PAGE_ID, PAGE_HASH, page)
        read = rows.read(PAGE_ID, PAGE_HASH)
        assert read is not None
        assert np.vecdot(read.vectors, vectors).min() > 0.98
        rows.write(PAGE_ID, PAGE_HASH, read)
        again = rows.read(PAGE_ID, PAGE_HASH)
        assert again is not None
        np.testing.assert_allclose(again.vectors, read.vectors, atol=1e-6)
    size_bytes = next((tmp_path / "32").rglob("*.npy")).stat().st_size
    assert 40 * (32 // 2 + 9) <= size_bytes < 40 * (32 // 2 + 9) + 300
