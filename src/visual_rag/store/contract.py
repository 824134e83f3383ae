"""The suite that every `PageStore` passes; plug-in authors take it from `visual_rag.testing`.

It needs pytest when it runs, not when it is imported.
"""

# ruff: noqa: S101  a contract suite is made of assertions

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visual_rag.errors import DimensionMismatch, InvalidFilter, InvalidInput, UnhealthyEmbedding
from visual_rag.passport import IndexPassport
from visual_rag.records import (
    Document,
    DocumentRecord,
    DocumentState,
    FloatArray,
    ModelIdentity,
    PageEmbedding,
    PageFailure,
    PagePoint,
    make_document_id,
)
from visual_rag.scoring import maxsim, normalise_rows
from visual_rag.store.filters import AllOf, AnyOf, AtLeast, Filter
from visual_rag.store.protocol import PageStore, QueryPlan
from visual_rag.store.samples import make_point, make_record
from visual_rag.store.schema import MAX_VALUES, page_payload


def _raises(error: type[Exception]) -> Any:
    import pytest

    return pytest.raises(error)


class StoreContract:
    """What every `PageStore` promises. Inherit in a class named `Test...` and give `make_store` and `reopen`.

    Attributes:
        datatype: Of the full vectors, in the passport.
    """

    datatype: Literal["turbo8", "float16"] = "turbo8"
    dim = 32

    def make_store(self, folder: Path, passport: IndexPassport) -> PageStore:
        """Make an empty store; `folder` is this test's own."""
        raise NotImplementedError

    def reopen(self, folder: Path) -> PageStore:
        """Open the store that `make_store` made for the same folder and that was closed since."""
        raise NotImplementedError

    @property
    def _passport(self) -> IndexPassport:
        model = ModelIdentity(name="random", revision="1", weights_hash="ab", dim=self.dim, backend="none")
        return IndexPassport(model=model, dpi=96, renderer="pdfium 5", pooling="runs8", datatype=self.datatype)

    def _points(self, n_pages: int = 24, *, source_uri: str = "memory:///manual.pdf", seed: int = 0) -> list[PagePoint]:
        rng = np.random.default_rng(seed)
        return [
            make_point(self._rows(rng, 6 + index % 20), source_uri=source_uri, page_index=index)
            for index in range(n_pages)
        ]

    def _rows(self, rng: np.random.Generator, n_rows: int) -> FloatArray:
        return normalise_rows(rng.standard_normal((n_rows, self.dim), dtype=np.float32))

    def _expected(self, query: FloatArray, points: Sequence[PagePoint]) -> dict[str, float]:
        return {point.page_id: maxsim(query, point.embedding.vectors) for point in points}

    def test_it_is_a_page_store(self, tmp_path: Path) -> None:
        """All members are there, the passport is the one it was made with, and it is empty."""
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            assert isinstance(store, PageStore)
            assert store.passport == self._passport
            assert (store.count(), list(store.scroll()), store.documents()) == (0, [], [])
            query = QueryPlan(vectors=np.eye(1, self.dim, dtype=np.float32), limit=5)
            assert store.query(query) == []

    def test_payloads_come_back_whole(self, tmp_path: Path) -> None:
        """Every field of a page record survives, whatever text it holds."""
        points = self._points(3)
        odd: dict[str, Any] = {
            "text": 'Größe "5"\n\u2028漢字 \x00',
            "label": "",
            "metadata": {"a": {"b": [1, 2.5, None, True]}, "é": "x"},
        }
        points.append(make_point(self._rows(np.random.default_rng(1), 4), page_index=7, **odd))
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            stored = {page.page_id: page for page in store.scroll()}
        assert {page_id: page_payload(page) for page_id, page in stored.items()} == {
            point.page_id: point.payload for point in points
        }

    def test_upsert_is_idempotent_and_replaces(self, tmp_path: Path) -> None:
        """Writing a page again leaves one page, with the last vectors and payload."""
        old, new = self._points(), self._points(seed=1)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(old)
            store.upsert(old)
            assert store.count() == len(old)
            store.embeddings(list(store.scroll()))  # whatever a store remembers must not outlive the replacement
            store.upsert(new[:1])
            assert store.count() == len(old)
            pages = sorted(store.scroll(), key=lambda page: page.page_index)
            self._assert_same(store.embeddings(pages[:2]), [new[0], old[1]])
            query = new[0].embedding.vectors
            best = store.query(QueryPlan(vectors=query, limit=1))[0]
            assert best.page.page_id == new[0].page_id

    def test_embeddings_come_back_in_order(self, tmp_path: Path) -> None:
        """Rows of unit length close to those written, with their regions and patch flags, for any order of pages."""
        points = self._points()
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            pages = {page.page_id: page for page in store.scroll()}
            asked = [points[index] for index in (5, 3, 20, 3)]
            self._assert_same(store.embeddings([pages[point.page_id] for point in asked]), asked)
            assert store.embeddings([]) == []
            with _raises(InvalidInput):
                store.embeddings([make_record(source_uri="memory:///elsewhere.pdf")])

    def _assert_same(self, embeddings: Sequence[PageEmbedding], points: Sequence[PagePoint]) -> None:
        assert len(embeddings) == len(points)
        for embedding, point in zip(embeddings, points, strict=True):
            assert embedding.vectors.dtype == np.float32
            assert embedding.vectors.shape == point.embedding.vectors.shape
            np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1, atol=1e-2)
            assert np.vecdot(embedding.vectors, point.embedding.vectors).min() >= 0.99
            np.testing.assert_allclose(embedding.regions, point.embedding.regions, atol=1e-4)
            np.testing.assert_array_equal(embedding.is_patch, point.embedding.is_patch)

    def test_query_equals_brute_force(self, tmp_path: Path) -> None:
        """Without a shortlist, every page gets its exact MaxSim within 1 %, best first; row lengths are weights."""
        points = self._points()
        query = self._rows(np.random.default_rng(2), 5) * np.array([[1], [2], [0.5], [1], [3]], dtype=np.float32)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            rows = store.query(QueryPlan(vectors=query, limit=10))
        expected = self._expected(query, points)
        self._assert_ranked(rows, expected)
        assert len(rows) == 10
        worst = rows[-1].score
        left_out = expected.keys() - {row.page.page_id for row in rows}
        assert all(expected[page_id] <= worst * 1.01 for page_id in left_out)

    def _assert_ranked(self, rows: Sequence[Any], expected: dict[str, float]) -> None:
        scores = [row.score for row in rows]
        assert scores == sorted(scores, reverse=True)
        np.testing.assert_allclose(scores, [expected[row.page.page_id] for row in rows], rtol=1e-2)

    def test_two_stages_rerank_a_shortlist(self, tmp_path: Path) -> None:
        """With a shortlist the scores are still MaxSim over full vectors, of at most that many pages."""
        points = self._points()
        query = points[4].embedding.vectors[:6]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            rows = store.query(QueryPlan(vectors=query, limit=5, shortlist=12))
            everything = store.query(QueryPlan(vectors=query, limit=100, shortlist=100))
            few = store.query(QueryPlan(vectors=query, limit=100, shortlist=3))
        self._assert_ranked(rows, self._expected(query, points))
        assert rows[0].page.page_id == points[4].page_id
        assert (len(rows), len(everything), len(few)) == (5, len(points), 3)

    def test_filters_hold_in_every_stage(self, tmp_path: Path) -> None:
        """A filter decides what is shortlisted, not what is left of a shortlist."""
        points = self._points() + self._points(4, source_uri="memory:///other.pdf", seed=3)
        other = {point.page_id for point in points[-4:]}
        condition = AnyOf("document_id", (make_document_id("memory:///other.pdf"),))
        query = points[4].embedding.vectors[:6]  # the best pages are all in the other document
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            for shortlist in (None, 4):
                rows = store.query(QueryPlan(vectors=query, limit=10, shortlist=shortlist, filter=condition))
                assert {row.page.page_id for row in rows} == other

    def test_every_filter_selects_as_plain_code_would(self, tmp_path: Path) -> None:
        """Counting and scrolling agree with a loop over the records."""
        points = self._points()
        two_ids = (points[3].page_id, points[8].page_id)
        cases: list[tuple[Filter | None, Any]] = [
            (None, lambda _: True),
            (AllOf(()), lambda _: True),
            (AnyOf("page_index", (3, 8, 99)), lambda page: page.page_index in {3, 8}),
            (AnyOf("page_index", ()), lambda _: False),
            (AnyOf("page_id", two_ids), lambda page: page.page_id in two_ids),
            (AnyOf("metadata.language", ("de", "fr", 5, True)), lambda page: page.metadata["language"] == "de"),
            (AnyOf("no_such_field", ("x",)), lambda _: False),
            (AtLeast("page_index", 20), lambda page: page.page_index >= 20),
            (
                AllOf((AtLeast("page_index", 4), AnyOf("metadata.language", ("en",)))),
                lambda page: page.page_index >= 4 and page.page_index % 2 == 1,
            ),
        ]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            everything = list(store.scroll())
            for condition, keeps in cases:
                expected = {page.page_id for page in everything if keeps(page)}
                assert {page.page_id for page in store.scroll(condition)} == expected, condition
                assert store.count(condition) == len(expected), condition
            wrong: Any = 1.5
            with _raises(InvalidFilter):
                store.count(AnyOf("dpi", (wrong,)))

    def test_delete_removes_what_meets_the_condition(self, tmp_path: Path) -> None:
        """The rest stays searchable; deleting again is no error; a deleted page can come back."""
        points = self._points()
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            gone = next(page for page in store.scroll() if page.page_index == 20)
            for _ in range(2):
                store.delete(AtLeast("page_index", 10))
                assert sorted(page.page_index for page in store.scroll()) == list(range(10))
            with _raises(InvalidInput):
                store.embeddings([gone])
            rows = store.query(QueryPlan(vectors=points[20].embedding.vectors, limit=100))
            assert {row.page.page_index for row in rows} == set(range(10))
            store.upsert(points[20:21])
            self._assert_same(store.embeddings([gone]), points[20:21])

    def test_update_payload_keeps_vectors(self, tmp_path: Path) -> None:
        """New payloads replace old ones, metadata whole; vectors stay; a missing page changes nothing."""
        points = self._points(4)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            n_vectors = len(points[0].embedding.vectors)
            moved = make_record(n_vectors=n_vectors, document_name="new name.pdf", metadata={"owner": "Ada"})
            missing = make_record(page_index=50)
            with _raises(InvalidInput):
                store.update_payload([moved, missing])
            assert store.count(AnyOf("document_name", ("new name.pdf",))) == 0
            store.update_payload([moved])
            assert list(store.scroll(AnyOf("document_name", ("new name.pdf",)))) == [moved]
            self._assert_same(store.embeddings([moved]), points[:1])

    def test_unhealthy_pages_are_refused_whole(self, tmp_path: Path) -> None:
        """NaN, zero rows, unnormalised rows, a wrong dim or no rows: an error, and nothing of the batch is written."""
        good = self._points(3)
        rows = good[0].embedding.vectors
        nan, zero = rows.copy(), rows.copy()
        nan[1, 1], zero[2] = np.nan, 0
        faults = [nan, zero, rows * 1.5, rows[:, :-1], rows[:0]]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            for fault in faults:
                embedding = PageEmbedding(
                    vectors=fault, regions=np.zeros((len(fault), 4), np.float32), is_patch=np.ones(len(fault), np.bool_)
                )
                payload = {**good[0].payload, "n_vectors": len(fault)}
                point = PagePoint(page_id=good[0].page_id, embedding=embedding, pooled=rows[:1], payload=payload)
                with _raises(UnhealthyEmbedding):
                    store.upsert([*good[1:], point])
                pooled = PagePoint(
                    page_id=good[0].page_id, embedding=good[0].embedding, pooled=fault, payload=good[0].payload
                )
                with _raises(UnhealthyEmbedding):
                    store.upsert([*good[1:], pooled])
            assert store.count() == 0

    def test_a_page_with_too_many_vectors_is_refused(self, tmp_path: Path) -> None:
        """A server would refuse it, so every store does; the message names document, page and cure."""
        rows = np.zeros((MAX_VALUES // self.dim, self.dim), dtype=np.float32)
        rows[:, 0] = 1
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            with _raises(InvalidInput) as caught:
                store.upsert([*self._points(2), make_point(rows, page_index=4)])
            assert store.count() == 0
        assert "manual.pdf" in str(caught.value)
        assert "page 5" in str(caught.value)

    def test_bad_queries_are_refused(self, tmp_path: Path) -> None:
        """A query of another dim, without rows, with NaN or with a negative limit is an error, not an odd answer."""
        rows = self._rows(np.random.default_rng(5), 3)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(self._points(3))
            with _raises(DimensionMismatch):
                store.query(QueryPlan(vectors=rows[:, :-1], limit=3))
            for vectors, limit in ((rows[:0], 3), (rows * np.nan, 3), (rows, -1)):
                with _raises(InvalidInput):
                    store.query(QueryPlan(vectors=vectors, limit=limit))

    def test_limits(self, tmp_path: Path) -> None:
        """Zero gives nothing, more than there are gives all, and nothing to write is no error."""
        query = self._rows(np.random.default_rng(5), 3)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert([])
            store.update_payload([])
            store.upsert(self._points(7))
            found = [len(store.query(QueryPlan(vectors=query, limit=limit))) for limit in (0, 1, 7, 10_000_000)]
            assert found == [0, 1, 7, 7]
            assert store.query(QueryPlan(vectors=query, limit=3, shortlist=0)) == []

    def test_equal_scores_are_ordered_by_page_id(self, tmp_path: Path) -> None:
        """The same search gives the same order each time, also among pages that are alike."""
        rows = self._rows(np.random.default_rng(5), 3)
        points = [make_point(rows, page_index=index) for index in range(9)]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            found = [row.page.page_id for row in store.query(QueryPlan(vectors=rows, limit=9))]
        assert found == sorted(point.page_id for point in points)

    def _ledger(self) -> list[DocumentRecord]:
        failure = PageFailure(page_number=3, reason="DamagedDocument", message="page 3 is broken; scan it again")
        whole = PageFailure(page_number=None, reason="EncryptedDocument", message="a password is needed")
        return [
            self._document("memory:///a.pdf", state=DocumentState.READY),
            self._document(
                "memory:///b.pdf", state=DocumentState.PARTIAL, failures=(failure,), warnings=("at 60 dpi",)
            ),
            self._document("memory:///c.pdf", state=DocumentState.FAILED, failures=(whole, failure)),
        ]

    def _document(self, source_uri: str, **fields: Any) -> DocumentRecord:
        document = Document(
            document_id=make_document_id(source_uri),
            source_uri=source_uri,
            name=source_uri.rpartition("/")[2],
            content_hash="ab" * 32,
            size_bytes=3_000_000_000,
        )
        return DocumentRecord(
            document=document, n_pages=5, n_ingested=4, updated_at="2026-11-22T06:00:00+00:00", **fields
        )

    def test_the_ledger_comes_back_sorted(self, tmp_path: Path) -> None:
        """Records survive whole, sorted by source; writing again replaces; removing twice is fine."""
        ledger = self._ledger()
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            for record in (ledger[2], ledger[0], ledger[1], ledger[0]):
                store.put_document(record)
            assert store.documents() == ledger
            changed = self._document("memory:///b.pdf", state=DocumentState.READY)
            store.put_document(changed)
            assert store.documents() == [ledger[0], changed, ledger[2]]
            for _ in range(2):
                store.delete_document(ledger[0].document.document_id)
            assert store.documents() == [changed, ledger[2]]

    def test_size_counts_everything(self, tmp_path: Path) -> None:
        """Pages, documents and vectors are counted, before and after maintenance."""
        points = self._points()
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            store.put_document(self._ledger()[0])
            for _ in range(2):
                size = store.size()
                assert (size.n_pages, size.n_documents) == (len(points), 1)
                assert size.n_vectors == sum(len(point.embedding.vectors) for point in points)
                assert size.size_bytes > 0
                store.maintain()

    def test_reopening_keeps_everything(self, tmp_path: Path) -> None:
        """Pages, vectors, ledger and passport survive closing, maintained or not; searches answer the same."""
        points, ledger = self._points(), self._ledger()
        plan = QueryPlan(vectors=points[4].embedding.vectors, limit=5, shortlist=20)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points[:20])
            store.maintain()
            store.upsert(points[20:])
            for record in ledger:
                store.put_document(record)
            before = store.query(plan)
        with closing(self.reopen(tmp_path / "index")) as store:
            assert store.passport == self._passport
            assert store.documents() == ledger
            assert store.count() == len(points)
            assert [row.page for row in store.query(plan)] == [row.page for row in before]
            pages = {page.page_id: page for page in store.scroll()}
            self._assert_same(store.embeddings([pages[point.page_id] for point in points]), points)
