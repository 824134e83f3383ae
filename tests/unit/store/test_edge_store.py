"""What the embedded store does beyond the contract: row files, disk space, closing, odd pages."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from store_samples import DIM, PASSPORT, random_points, random_rows

from visual_rag.errors import InvalidInput, StoreError
from visual_rag.records import PagePoint
from visual_rag.store import edge
from visual_rag.store.bm25 import TextAnalyser
from visual_rag.store.edge import EdgeStore
from visual_rag.store.edge_points import text_change
from visual_rag.store.files import size_on_disk
from visual_rag.store.filters import Between, In
from visual_rag.store.protocol import QueryPlan, TextPlan
from visual_rag.store.schema import MAX_VALUES
from visual_rag.testing import make_point, make_record


def row_files(folder: Path) -> list[Path]:
    """The row files of an index."""
    return sorted((folder / "rows").rglob("*.*"))


def test_row_files_can_be_lost_and_come_back(tmp_path: Path) -> None:
    """Without its row files an index gives the same embeddings from the engine, and has the files again."""
    points = random_points(40)
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(points)
    names = row_files(tmp_path / "index")
    assert len(names) == 40
    shutil.rmtree(tmp_path / "index" / "rows")
    for _ in range(2):  # from the engine, then from files again
        with EdgeStore.open(tmp_path / "index") as store:
            pages = sorted(store.scroll(), key=lambda page: page.page_index)
            for point, embedding in zip(points, store.embeddings(pages), strict=True):
                assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.999
                np.testing.assert_allclose(embedding.regions, point.embedding.regions, atol=1e-5)
                np.testing.assert_array_equal(embedding.is_patch, point.embedding.is_patch)
        assert row_files(tmp_path / "index") == names


def test_a_damaged_row_file_is_made_again(tmp_path: Path) -> None:
    """A truncated or foreign file is never an answer."""
    points = random_points(3)
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(points)
        files = row_files(tmp_path / "index")
        files[0].write_bytes(files[0].read_bytes()[:-5])
        files[1].write_bytes(b"")
        np.save(files[2], np.zeros(3))
        pages = sorted(store.scroll(), key=lambda page: page.page_index)
        for point, embedding in zip(points, store.embeddings(pages), strict=True):
            assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.999
        assert all(np.load(file).dtype.names == ("row", "region", "is_patch") for file in files)


def test_row_files_go_with_their_pages(tmp_path: Path) -> None:
    """Deleting a page, or replacing it by one with other pixels, leaves no file behind."""
    points = random_points(4)
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(points)
        old = next(page for page in store.scroll() if page.page_index == 0)
        store.delete(Between("page_index", gte=2))
        assert len(row_files(tmp_path / "index")) == 2
        changed = make_point(random_rows(5, seed=9), page_index=0, page_hash="cd" * 32)
        store.upsert([changed])
        assert len(row_files(tmp_path / "index")) == 2
        # Somebody who still holds the record of before gets what the page is now.
        np.testing.assert_allclose(store.embeddings([old])[0].vectors, changed.embedding.vectors, atol=0.02)


def test_an_index_may_keep_no_row_files(tmp_path: Path) -> None:
    """Its embeddings come from the engine each time, and reading leaves nothing behind."""
    points = random_points(40)
    with EdgeStore.create(tmp_path / "index", replace(PASSPORT, keeps_rows=False)) as store:
        store.upsert(points)
        pages = sorted(store.scroll(), key=lambda page: page.page_index)
        for point, embedding in zip(points, store.embeddings(pages), strict=True):
            assert np.vecdot(point.embedding.vectors, embedding.vectors).min() > 0.999
            np.testing.assert_allclose(embedding.regions, point.embedding.regions, atol=1e-5)
        store.update_payload(pages)
        store.delete(Between("page_index", gte=20))
        store.maintain()
    assert row_files(tmp_path / "index") == []


def test_an_unknown_text_language_makes_no_index(tmp_path: Path) -> None:
    """Nothing is left in the folder."""
    with pytest.raises(InvalidInput, match=r"'klingon' is unknown"):
        EdgeStore.create(tmp_path / "index", replace(PASSPORT, text_language="klingon"))
    assert not (tmp_path / "index").exists()


def test_known_fields_are_not_written_again(tmp_path: Path) -> None:
    """Only a new field, or a new kind of one, costs a write beside the pages."""

    def documents_state() -> list[bytes]:
        return [path.read_bytes() for path in sorted((tmp_path / "index" / "documents" / "wal").rglob("open-*"))]

    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(random_points(4))
        before = documents_state()
        assert before
        store.upsert(random_points(6))
        store.update_payload(list(store.scroll()))
        assert documents_state() == before
        store.upsert([make_point(random_rows(3), metadata={"language": 7})])
        assert documents_state() != before


def test_many_fields_are_known_and_only_some_indexed(tmp_path: Path) -> None:
    """Metadata with ids for keys does not fill the disk with indexes; filters hold all the same."""
    metadata = {f"field {index}": f"value {index}" for index in range(200)}
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert([make_point(random_rows(3), page_index=0, metadata={"field 7": "x"})])
        store.upsert([make_point(random_rows(3), page_index=1, metadata=metadata)])
        assert store.fields() == {name: {"text"} for name in metadata}
        shards = store._session.shards
        assert shards is not None
        assert [key for key in shards.pages.info().payload_schema if "field" in key] == ['metadata."field 7"']
        assert store.count(In('metadata."field 199"', ("value 199",))) == 1


def test_a_kill_between_words_and_payload_is_mended(tmp_path: Path) -> None:
    """Words that were written without their text are seen to differ when the same text comes again."""
    point = make_point(random_rows(3), text="pump")
    turned = make_record(n_vectors=3, text="turbine")
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert([point])
        shards = store._session.shards
        assert shards is not None
        shards.pages.update(text_change(point.page_id, TextAnalyser("english").document("turbine")))
        store.update_payload([turned])
        assert [row.page.text for row in store.query_text(TextPlan(text="turbine", limit=5))] == ["turbine"]
        assert store.query_text(TextPlan(text="pump", limit=5)) == []


def test_page_ids_are_no_values(tmp_path: Path) -> None:
    """Nor is a path that cannot be read."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        for key in ("page_id", "metadata.x["):
            with pytest.raises(InvalidInput):
                list(store.values(key))


def test_a_refused_batch_leaves_no_row_files(tmp_path: Path) -> None:
    """Metadata that no store takes is found before anything is written."""
    bad = make_point(random_rows(5), page_index=1, metadata={"price": float("nan")})
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        with pytest.raises(InvalidInput, match=r"'manual.pdf' page 2 .* metadata"):
            store.upsert([*random_points(1), bad])
        assert store.count() == 0
        store.upsert(random_points(1))
        with pytest.raises(InvalidInput, match=r"'manual.pdf' page 1 .* metadata"):
            store.update_payload([make_record(n_vectors=12, metadata={"price": float("nan")})])
        assert next(store.scroll()).metadata == {"language": "de"}
    assert len(row_files(tmp_path / "index")) == 1


def test_payloads_that_would_not_come_back_are_refused(tmp_path: Path) -> None:
    """A missing key, a wrong number of vectors or an id that is no UUID is told before writing."""
    good = random_points(1)[0]
    short = {key: value for key, value in good.payload.items() if key != "label"}
    wrong = {**good.payload, "n_vectors": 3}
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        for page_id, payload, message in (
            (good.page_id, short, "lacks label"),
            (good.page_id, wrong, "says 3 vectors, there are 12"),
            ("page-1", good.payload, "no UUID"),
        ):
            point = PagePoint(page_id=page_id, embedding=good.embedding, pooled=good.pooled, payload=payload)
            with pytest.raises(InvalidInput, match=message):
                store.upsert([point])
        assert store.count() == 0


def test_a_broken_text_layer_does_not_stop_a_page(tmp_path: Path) -> None:
    """Lone surrogates, which damaged PDFs hold and the engine refuses, become question marks."""
    point = make_point(random_rows(5), text="torque \ud800 25", label="\udfff")
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert([point])
        page = next(store.scroll())
    assert (page.text, page.label) == ("torque ? 25", "?")


def test_the_largest_page_is_kept(tmp_path: Path) -> None:
    """One row below the limit is written, found and read back."""
    rows = random_rows(MAX_VALUES // DIM - 1)
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert([make_point(rows), *random_points(3)[1:]])
        best = store.query(QueryPlan(vectors=rows[:3], limit=1))[0]
        assert best.page.n_vectors == len(rows)
        assert len(store.embeddings([best.page])[0].vectors) == len(rows)


def segments_hold(folder: Path, point: PagePoint) -> bool:
    """Whether a page's first pooled row lies anywhere in the engine's segments."""
    row = point.pooled[0].astype("<f2").tobytes()
    return any(row in path.read_bytes() for path in (folder / "pages" / "segments").rglob("*") if path.is_file())


def test_maintenance_gives_back_the_space_of_deleted_pages(tmp_path: Path) -> None:
    """Deleting alone frees nothing, maintaining does, and doing it again is no work."""
    points = random_points(400, n_rows=100)
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(points)
        store.maintain()
        store.delete(Between("page_index", gte=40))
        assert segments_hold(tmp_path / "index", points[300])
        store.maintain()
        assert not segments_hold(tmp_path / "index", points[300])
        assert segments_hold(tmp_path / "index", points[3])
        shards = store._session.shards
        store.maintain()
        assert store._session.shards is shards
        assert store.count() == 40
        assert len(store.query(QueryPlan(vectors=random_rows(3), limit=100))) == 40


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Closing twice is fine; every use after it is an error with the next step."""
    with EdgeStore.create(tmp_path / "index", PASSPORT) as store:
        store.upsert(random_points(1))
        record = next(store.scroll())
        unread = store.scroll()
    store.close()
    assert store.passport == PASSPORT
    uses = (
        lambda: store.upsert(random_points(1)),
        lambda: store.delete(Between("page_index", gte=0)),
        store.count,
        lambda: list(store.scroll()),
        lambda: list(unread),
        lambda: store.embeddings([]),
        lambda: store.query(QueryPlan(vectors=random_rows(1), limit=1)),
        lambda: store.query_text(TextPlan(text="pump", limit=1)),
        lambda: list(store.values("text")),
        store.fields,
        store.documents,
        lambda: store.update_payload([record]),
        lambda: store.delete_document(record.document_id),
        store.size,
        store.maintain,
    )
    for use in uses:
        with pytest.raises(StoreError, match="is closed; open it again"):
            use()


def test_threads_may_search_while_one_writes(tmp_path: Path) -> None:
    """Neither maintenance, which opens the engine again, nor replaced pages ever show as an error or a mixed answer."""
    points = random_points(60)
    stop = threading.Event()

    def search(store: EdgeStore) -> int:
        n_searches = 0
        while not stop.is_set():
            rows = store.query(QueryPlan(vectors=points[0].embedding.vectors, limit=20))
            assert len({row.page.page_id for row in rows}) == 20
            assert [len(found.vectors) for found in store.embeddings([row.page for row in rows])] == [12] * 20
            n_searches += 1
        return n_searches

    with EdgeStore.create(tmp_path / "index", PASSPORT) as store, ThreadPoolExecutor(2) as threads:
        store.upsert(points[:20])
        searches = [threads.submit(search, store) for _ in range(2)]
        try:
            for start in range(20, 60, 10):
                store.upsert(points[start - 10 : start + 10])
                store.maintain()
        finally:
            stop.set()
        assert all(done.result() > 0 for done in searches)
        assert store.count() == 60


def test_a_long_ingest_does_not_pile_up_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write-ahead log is let go of while pages still come."""

    def log_bytes(name: str) -> int:
        with EdgeStore.create(tmp_path / name, PASSPORT) as store:
            for start in range(0, len(points), 8):
                store.upsert(points[start : start + 8])
            return size_on_disk(tmp_path / name / "pages" / "wal")

    points = random_points(400, n_rows=1000)  # 51 MB
    piled = log_bytes("at the end")
    monkeypatch.setattr(edge, "_FLUSH_BYTES", 2**22)
    assert log_bytes("in between") < 0.8 * piled
