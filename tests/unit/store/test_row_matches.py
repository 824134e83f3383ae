"""Row lists of the embedded store: complete, true to what is stored, and never a reason for an error."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from store_samples import PASSPORT, random_points, random_rows

from visual_rag.errors import DimensionMismatch, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, PagePoint, RowMatches
from visual_rag.scoring import normalise_rows
from visual_rag.store import row_packing
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import Between
from visual_rag.store.process import ProcessStore
from visual_rag.store.protocol import RowMatcher
from visual_rag.store.row_segments import SegmentFolder
from visual_rag.testing import make_point

WITHOUT_ROWS = replace(PASSPORT, keeps_rows=False)
ALL = 10**9


def clustered_points(n_pages: int, *, n_rows: int = 20) -> list[PagePoint]:
    """Pages whose rows lie around 300 directions."""
    rng, middles = np.random.default_rng(0), random_rows(300, seed=1)
    return [
        make_point(
            normalise_rows(
                middles[rng.integers(0, 300, n_rows)] + 0.08 * rng.standard_normal((n_rows, 32), dtype=np.float32)
            ),
            page_index=index,
        )
        for index in range(n_pages)
    ]


def listed_store(folder: Path, points: list[PagePoint], passport: IndexPassport = PASSPORT) -> EdgeStore:
    """A store whose pages are in lists."""
    store = EdgeStore.create(folder, passport)
    store.rows.least_pages = 1
    store.upsert(points)
    store.maintain()
    return store


def matches_of(store: EdgeStore | ProcessStore, query: FloatArray, n_rows: int = ALL) -> RowMatches:
    """What a query meets, of an index with lists."""
    matches = store.row_matches(query, n_rows=n_rows)
    assert matches is not None
    assert matches.page.shape == matches.query_row.shape == matches.cosine.shape
    assert np.all(np.diff(matches.query_row) >= 0)
    assert len(matches.lengths) == len(matches.page_ids) == len(set(matches.page_ids))
    assert not set(matches.page_ids) & set(matches.unlisted)
    return matches


def assert_complete(matches: RowMatches, query: FloatArray, points: list[PagePoint]) -> None:
    """Every row of these pages was met by every row of the query, at its cosine, and none other."""
    assert set(matches.page_ids) == {point.page_id for point in points}
    by_id = {point.page_id: point for point in points}
    unit = normalise_rows(query)
    for number, page_id in enumerate(matches.page_ids):
        vectors = by_id[page_id].embedding.vectors
        assert matches.lengths[number] == len(vectors)
        for query_row in range(len(query)):
            of_both = (matches.page == number) & (matches.query_row == query_row)
            expected = np.sort(vectors @ unit[query_row])
            np.testing.assert_allclose(np.sort(matches.cosine[of_both]), expected, atol=0.02)


def packed_files(folder: Path, suffix: str) -> list[Path]:
    """Files among the segments."""
    return sorted((folder / "rows" / "packed").glob(f"*{suffix}"))


def test_with_all_lists_read_every_row_is_met(tmp_path: Path) -> None:
    """At its exact cosine, whatever the weight of the query's rows; for one row of a query and for 700."""
    points = clustered_points(30)
    query = random_rows(3, seed=7) * np.array([[0.5], [1], [4]], dtype=np.float32)
    with listed_store(tmp_path / "index", points) as store:
        assert isinstance(store, RowMatcher)
        assert_complete(matches_of(store, query), query, points)
        assert len(matches_of(store, query[:1]).cosine) == 30 * 20
        assert len(matches_of(store, random_rows(700)).cosine) == 700 * 30 * 20
        assert matches_of(store, query).unlisted == ()
        with pytest.raises(DimensionMismatch):
            store.row_matches(query[:, :-1], n_rows=100)


def test_a_tenth_of_the_rows_holds_nearly_all_near_ones(tmp_path: Path) -> None:
    """Of the 50 nearest rows of each query row, at least 95 % are met."""
    points = clustered_points(300)
    rows = np.concatenate([point.embedding.vectors for point in points])
    rng = np.random.default_rng(5)
    query = normalise_rows(rows[rng.choice(len(rows), 12)] + 0.05 * rng.standard_normal((12, 32), dtype=np.float32))
    with listed_store(tmp_path / "index", points) as store:
        matches = matches_of(store, query, n_rows=12 * len(rows) // 10)
    assert len(matches.cosine) < 12 * len(rows) / 5
    met = [np.sort(matches.cosine[matches.query_row == row])[::-1][:50] for row in range(12)]
    nearest = [np.sort(rows @ row)[::-1][:50] for row in query]
    found = [np.sum(some >= all_[-1] - 0.01) / 50 for some, all_ in zip(met, nearest, strict=True)]
    assert np.mean(found) >= 0.95


def test_an_index_without_rows_gives_the_cosines_of_centroids(tmp_path: Path) -> None:
    """Once for each direction on a page, near to that of the best row; the lengths count all rows."""
    points = clustered_points(60)
    query = normalise_rows(points[7].embedding.vectors[:4])
    with listed_store(tmp_path / "index", points[:50], WITHOUT_ROWS) as store:
        store.upsert(points[50:])  # their codes are found here, not by reading them again
        assert len(matches_of(store, query).unlisted) == 10
        store.maintain()
        matches = matches_of(store, query)
    assert not packed_files(tmp_path / "index", ".rows")
    assert set(matches.page_ids) == {point.page_id for point in points}
    assert matches.lengths.tolist() == [20] * 60
    assert len(matches.cosine) < 4 * 60 * 20
    by_id = {point.page_id: point.embedding.vectors for point in points}
    differences: list[float] = []
    for number, page_id in enumerate(matches.page_ids):
        for row in range(4):
            met = matches.cosine[(matches.page == number) & (matches.query_row == row)]
            differences.append(float(met.max() - (by_id[page_id] @ query[row]).max()))
    assert np.abs(differences).mean() < 0.08


@pytest.mark.parametrize("passport", [PASSPORT, WITHOUT_ROWS])
def test_lists_follow_the_pages(tmp_path: Path, passport: IndexPassport) -> None:
    """New, replaced and removed pages are right at once, and after maintenance, and after opening again."""
    points = clustered_points(40)
    changed = [make_point(random_rows(9, seed=index), page_index=index) for index in (3, 4)]  # the same hashes
    moved = make_point(random_rows(5, seed=77), page_index=5, page_hash="cd" * 32)
    query = random_rows(2, seed=9)
    with listed_store(tmp_path / "index", points[:30], passport) as store:
        store.upsert([*points[30:], *changed, moved])
        store.delete(Between("page_index", gte=38))
        matches = matches_of(store, query)
        new = {point.page_id for point in [*points[30:38], *changed, moved]}
        assert set(matches.unlisted) == new
        assert set(matches.page_ids) == {point.page_id for point in points[:30]} - new
        store.maintain()
        after = matches_of(store, query)
    expected = [*points[:3], *changed, moved, *points[6:38]]
    lengths = {point.page_id: len(point.embedding.vectors) for point in expected}
    with EdgeStore.open(tmp_path / "index") as store:
        for found in (after, matches_of(store, query)):
            assert found.unlisted == ()
            assert dict(zip(found.page_ids, found.lengths.tolist(), strict=True)) == lengths
            if passport.keeps_rows:
                assert_complete(found, query, expected)


def test_pages_written_since_maintenance_are_unlisted_after_opening(tmp_path: Path) -> None:
    """Also those of a hash that was packed before, and those whose removal is known to the engine alone."""
    points = clustered_points(20)
    again = make_point(random_rows(9, seed=3), page_index=3)
    with listed_store(tmp_path / "index", points[:18]) as store:
        store.upsert([*points[18:], again])
        store.delete(Between("page_index", gte=1, lt=3))
    with EdgeStore.open(tmp_path / "index") as store:
        matches = matches_of(store, random_rows(1))
        assert set(matches.unlisted) == {point.page_id for point in [*points[18:], again]}
        assert set(matches.page_ids) == {point.page_id for point in [points[0], *points[4:18]]}
        page = next(page for page in store.scroll() if page.page_index == 3)
        np.testing.assert_allclose(store.embeddings([page])[0].vectors, again.embedding.vectors, atol=0.02)


def test_small_indexes_have_no_lists(tmp_path: Path) -> None:
    """Looking at every page is faster there; without pages there is nothing to list at all."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        for points in ([], random_points(20)):
            store.upsert(points)
            store.maintain()
            assert store.row_matches(random_rows(1), n_rows=10) is None
    with listed_store(tmp_path / "other", []) as store:
        assert store.row_matches(random_rows(1), n_rows=10) is None


@pytest.mark.parametrize("datatype", ["turbo8", "float16", "turbo4"])
def test_packing_changes_no_embedding(tmp_path: Path, datatype: str) -> None:
    """The same rows, regions and flags to the bit before and after, and after opening again; the small files go."""
    points = random_points(40)
    with EdgeStore.create(tmp_path / "index", replace(PASSPORT, datatype=datatype)) as store:
        store.upsert(points)
        pages = sorted(store.scroll(), key=lambda page: page.page_index)
        before = store.embeddings(pages)
        store.maintain()
        after = store.embeddings(pages)
    assert not [path for path in (tmp_path / "index" / "rows").glob("??/*") if path.is_file()]
    with EdgeStore.open(tmp_path / "index") as store:
        for old, *others in zip(before, after, store.embeddings(pages), strict=True):
            for other in others:
                np.testing.assert_array_equal(other.vectors, old.vectors)
                np.testing.assert_array_equal(other.regions, old.regions)
                np.testing.assert_array_equal(other.is_patch, old.is_patch)
        assert not [path for path in (tmp_path / "index" / "rows").glob("??/*") if path.is_file()]


def test_worn_and_small_segments_are_written_anew(tmp_path: Path) -> None:
    """A fifth of dead pages, or nine small segments, and the answers stay; without a cause nothing is written."""
    points = clustered_points(60)
    query = random_rows(2, seed=9)
    with listed_store(tmp_path / "index", points[:30]) as store:
        first = packed_files(tmp_path / "index", ".rows")
        store.delete(Between("page_index", gte=28, lt=30))
        store.maintain()
        assert packed_files(tmp_path / "index", ".rows") == first
        store.delete(Between("page_index", gte=20, lt=30))
        store.maintain()
        second = packed_files(tmp_path / "index", ".rows")
        assert (len(second), second == first) == (1, False)
        for start in range(30, 60, 3):
            store.upsert(points[start : start + 3])
            store.maintain()
        assert len(packed_files(tmp_path / "index", ".rows")) <= 9
        state = [path.stat() for path in packed_files(tmp_path / "index", "")]
        store.maintain()
        assert [path.stat() for path in packed_files(tmp_path / "index", "")] == state
        assert_complete(matches_of(store, query), query, [*points[:20], *points[30:]])


def test_the_codebook_is_learnt_again_when_the_index_has_grown(tmp_path: Path) -> None:
    """With four times the pages; what does not count any more leaves the disk."""
    points = clustered_points(40)
    query = random_rows(2, seed=9)
    with listed_store(tmp_path / "index", points[:10]) as store:
        books = [packed_files(tmp_path / "index", ".centroids")]
        for end in (39, 40):
            store.upsert(points[:end])
            store.maintain()
            books.append(packed_files(tmp_path / "index", ".centroids"))
        assert_complete(matches_of(store, query), query, points)
    assert books[0] == books[1] != books[2]
    assert [len(book) for book in books] == [1, 1, 1]
    assert len(packed_files(tmp_path / "index", ".rows")) == 1


class Killed(BaseException):
    """A process ends here."""


@pytest.mark.parametrize("passport", [PASSPORT, WITHOUT_ROWS])
@pytest.mark.parametrize("moment", ["write_codebook", "publish", "sweep"])
def test_a_kill_during_maintenance_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, passport: IndexPassport
) -> None:
    """The next opening has all pages, the next maintenance leaves no orphans.

    It comes before the codebook, before the manifest, or before old files go.
    """
    points = clustered_points(45)
    query = random_rows(2, seed=9)
    listed_store(tmp_path / "index", points[:10], passport).close()

    def killed(*_: object) -> None:
        raise Killed

    store = EdgeStore.open(tmp_path / "index")
    store.rows.least_pages = 1
    store.upsert(points)
    with monkeypatch.context() as patched:
        patched.setattr(SegmentFolder, moment, killed)
        with pytest.raises(Killed):
            store.maintain()
    store.close()
    with EdgeStore.open(tmp_path / "index") as store:
        store.rows.least_pages = 1
        before = matches_of(store, query)
        assert set(before.page_ids) | set(before.unlisted) == {point.page_id for point in points}
        store.maintain()
        assert set(matches_of(store, query).page_ids) == {point.page_id for point in points}
        pages = sorted(store.scroll(), key=lambda page: page.page_index)
        for point, embedding in zip(points, store.embeddings(pages), strict=True):
            assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.99
    manifest = json.loads((tmp_path / "index" / "rows" / "packed" / "manifest.json").read_text())
    stems = {path.stem for path in packed_files(tmp_path / "index", "")}
    assert stems == {*manifest["segments"], manifest["codebook"], "manifest"}


@pytest.mark.parametrize("passport", [PASSPORT, WITHOUT_ROWS])
@pytest.mark.parametrize("suffix", [".pages", ".rows", ".codes", ".centroids", ".json", ""])
def test_whatever_is_damaged_is_made_again(tmp_path: Path, suffix: str, passport: IndexPassport) -> None:
    """A truncated file, or a lost one, is not there: the engine gives the pages, maintenance the lists."""
    points = clustered_points(20)
    query = random_rows(2, seed=9)
    for number, damage in enumerate((truncate, Path.unlink)):
        folder = tmp_path / str(number)
        listed_store(folder, points, passport).close()
        for path in packed_files(folder, suffix):
            damage(path)
        with EdgeStore.open(folder) as store:
            store.rows.least_pages = 1
            found = store.row_matches(query, n_rows=ALL)
            assert found is None or len({*found.page_ids, *found.unlisted}) == 20
            pages = sorted(store.scroll(), key=lambda page: page.page_index)
            for point, embedding in zip(points, store.embeddings(pages), strict=True):
                assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.99
            store.maintain()
            assert set(matches_of(store, query).page_ids) == {point.page_id for point in points}


def truncate(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 1])


def test_rows_that_became_zeros_come_from_the_engine(tmp_path: Path) -> None:
    """A block that never reached the disk is seen by its rows having no direction."""
    points = clustered_points(20)
    listed_store(tmp_path / "index", points).close()
    (rows,) = packed_files(tmp_path / "index", ".rows")
    rows.write_bytes(bytes(rows.stat().st_size))
    with EdgeStore.open(tmp_path / "index") as store:
        assert np.all(matches_of(store, random_rows(1)).cosine == 0)
        pages = sorted(store.scroll(), key=lambda page: page.page_index)
        for point, embedding in zip(points, store.embeddings(pages), strict=True):
            assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.99
        store.maintain()
        query = random_rows(2, seed=9)
        assert_complete(matches_of(store, query), query, points)


def test_a_removed_folder_of_copies_is_made_again(tmp_path: Path) -> None:
    """All of it, by maintenance."""
    points = clustered_points(20)
    listed_store(tmp_path / "index", points).close()
    shutil.rmtree(tmp_path / "index" / "rows")
    with EdgeStore.open(tmp_path / "index") as store:
        store.rows.least_pages = 1
        assert store.row_matches(random_rows(1), n_rows=ALL) is None
        store.maintain()
        assert len(matches_of(store, random_rows(1)).page_ids) == 20


def test_pages_written_during_maintenance_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is written, replaced or removed while segments are made is, when they count, as it is by then."""
    points = clustered_points(20)
    again = make_point(random_rows(9, seed=3), page_index=3)
    query = random_rows(2, seed=9)
    carry_out = row_packing.Packer.carry_out
    with listed_store(tmp_path / "index", points[:5]) as store:

        def interrupted(*arguments: object) -> object:
            manifest = yield from carry_out(*arguments)  # type: ignore[arg-type]
            store.upsert([again, points[19]])
            store.delete(Between("page_index", gte=7, lt=9))
            return manifest

        store.upsert(points[5:19])
        with monkeypatch.context() as patched:
            patched.setattr(row_packing.Packer, "carry_out", interrupted)
            while store.pack_some():
                pass
        matches = matches_of(store, query)
        assert set(matches.unlisted) == {again.page_id, points[19].page_id}
        store.maintain()
        expected = [*points[:3], again, *points[4:7], *points[9:]]
        assert_complete(matches_of(store, query), query, expected)


@pytest.mark.parametrize("kind", [EdgeStore, ProcessStore])
def test_threads_may_search_lists_while_pages_change(tmp_path: Path, kind: type[EdgeStore | ProcessStore]) -> None:
    """Never an error, and always lists of all pages that stay, during maintenance as well."""
    points = clustered_points(80)
    staying = {point.page_id for point in points[:20]}
    query = points[0].embedding.vectors[:4]
    listed_store(tmp_path / "index", points[:20]).close()
    stop = threading.Event()

    def search(store: EdgeStore | ProcessStore) -> int:
        n_searches = 0
        while not stop.is_set():
            matches = matches_of(store, query)
            assert staying <= {*matches.page_ids, *matches.unlisted}
            n_searches += 1
        return n_searches

    with kind.open(tmp_path / "index") as store, ThreadPoolExecutor(2) as threads:
        searches = [threads.submit(search, store) for _ in range(2)]
        try:
            for start in range(20, 80, 12):
                store.upsert(points[start : start + 12])
                store.maintain()
                store.delete(Between("page_index", gte=start + 6))
        finally:
            stop.set()
        assert all(done.result() > 0 for done in searches)
        store.maintain()
        assert len(matches_of(store, query).page_ids) == store.count()


def test_a_search_process_leaves_lists_to_its_parent(tmp_path: Path) -> None:
    """The same matches as of the store itself, after each write and maintenance of its own."""
    points = clustered_points(40)
    query = random_rows(3, seed=9)
    listed_store(tmp_path / "index", points[:20]).close()
    with ProcessStore.open(tmp_path / "index") as store:
        assert isinstance(store, RowMatcher)
        assert_complete(matches_of(store, query), query, points[:20])
        store.upsert(points[20:])
        store.delete(Between("page_index", lt=2))
        matches = matches_of(store, query)
        assert (len(matches.page_ids), len(matches.unlisted)) == (18, 20)
        store.maintain()
        assert_complete(matches_of(store, query), query, points[2:])
        pages = sorted(store.scroll(), key=lambda page: page.page_index)
        for point, embedding in zip(points[2:], store.embeddings(pages), strict=True):
            assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.99
        with pytest.raises(DimensionMismatch):
            store.row_matches(query[:, :-1], n_rows=100)
    with pytest.raises(StoreError, match="is closed; open it again"):
        store.row_matches(query, n_rows=100)


def test_pages_that_all_go_during_maintenance_leave_no_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no error: there is nothing to learn from. Pages that come later are listed."""
    carry_out = row_packing.Packer.carry_out
    with EdgeStore.create(tmp_path / "index", WITHOUT_ROWS) as store:
        store.rows.least_pages = 1

        def emptied(*arguments: object) -> object:
            store.delete(Between("page_index", gte=0))
            return (yield from carry_out(*arguments))  # type: ignore[arg-type]

        store.upsert(clustered_points(20))
        with monkeypatch.context() as patched:
            patched.setattr(row_packing.Packer, "carry_out", emptied)
            store.maintain()
        assert store.row_matches(random_rows(1), n_rows=10) is None
        store.upsert(clustered_points(20))
        store.maintain()
        assert len(matches_of(store, random_rows(1)).page_ids) == 20
