"""The suite that every `PageStore` passes; plug-in authors take it from `visual_rag.testing`.

It needs pytest when it runs, not when it is imported.
"""

# ruff: noqa: S101  a contract suite is made of assertions

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from visual_rag.errors import InvalidFilter, InvalidInput, UnhealthyEmbedding
from visual_rag.records import (
    Document,
    DocumentRecord,
    DocumentState,
    PageEmbedding,
    PageFailure,
    PagePoint,
    make_document_id,
)
from visual_rag.store.contract_search import SearchContract, raises
from visual_rag.store.contract_text import TextContract
from visual_rag.store.filters import And, Between, Filter, In, Not, Or
from visual_rag.store.protocol import PageStore, QueryPlan
from visual_rag.store.samples import make_point, make_record
from visual_rag.store.schema import MAX_VALUES, page_payload


class StoreContract(TextContract, SearchContract):
    """What every `PageStore` promises. Inherit in a class named `Test...` and give `make_store` and `reopen`."""

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
            with raises(InvalidInput):
                store.embeddings([make_record(source_uri="memory:///elsewhere.pdf")])

    def _assert_same(self, embeddings: Sequence[PageEmbedding], points: Sequence[PagePoint]) -> None:
        assert len(embeddings) == len(points)
        for embedding, point in zip(embeddings, points, strict=True):
            assert embedding.vectors.dtype == np.float32
            assert embedding.vectors.shape == point.embedding.vectors.shape
            np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1, atol=1e-2)
            assert np.vecdot(embedding.vectors, point.embedding.vectors).min() >= self.least_cosine
            np.testing.assert_allclose(embedding.regions, point.embedding.regions, atol=1e-4)
            np.testing.assert_array_equal(embedding.is_patch, point.embedding.is_patch)

    def test_every_filter_selects_as_plain_code_would(self, tmp_path: Path) -> None:
        """Counting and scrolling agree with a loop over the records."""
        points = self._points()
        two_ids = (points[3].page_id, points[8].page_id)
        cases: list[tuple[Filter | None, Any]] = [
            (None, lambda _: True),
            (And(()), lambda _: True),
            (In("page_index", (3, 8, 99)), lambda page: page.page_index in {3, 8}),
            (In("page_index", ()), lambda _: False),
            (In("page_id", two_ids), lambda page: page.page_id in two_ids),
            (In("metadata.language", ("de", "fr", 5, True)), lambda page: page.metadata["language"] == "de"),
            (In("no_such_field", ("x",)), lambda _: False),
            (Between("page_index", gte=20), lambda page: page.page_index >= 20),
            (Not(In("metadata.language", ("de",))), lambda page: page.metadata["language"] != "de"),
            (Or(()), lambda _: False),
            (
                Or((In("page_index", (1,)), Not(Or((In("metadata.language", ("de",)), Between("page_index", lt=9)))))),
                lambda page: page.page_index == 1 or (page.page_index >= 9 and page.page_index % 2 == 1),
            ),
            (
                And((Between("page_index", gte=4), In("metadata.language", ("en",)))),
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
            wrong: Any = None
            with raises(InvalidFilter):
                store.count(In("dpi", (wrong,)))

    def test_delete_removes_what_meets_the_condition(self, tmp_path: Path) -> None:
        """The rest stays searchable; deleting again is no error; a deleted page can come back."""
        points = self._points()
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            gone = next(page for page in store.scroll() if page.page_index == 20)
            for _ in range(2):
                store.delete(Between("page_index", gte=10))
                assert sorted(page.page_index for page in store.scroll()) == list(range(10))
            with raises(InvalidInput):
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
            with raises(InvalidInput):
                store.update_payload([moved, missing])
            assert store.count(In("document_name", ("new name.pdf",))) == 0
            store.update_payload([moved])
            assert list(store.scroll(In("document_name", ("new name.pdf",)))) == [moved]
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
                with raises(UnhealthyEmbedding):
                    store.upsert([*good[1:], point])
                pooled = PagePoint(
                    page_id=good[0].page_id, embedding=good[0].embedding, pooled=fault, payload=good[0].payload
                )
                with raises(UnhealthyEmbedding):
                    store.upsert([*good[1:], pooled])
            assert store.count() == 0

    def test_a_page_with_too_many_vectors_is_refused(self, tmp_path: Path) -> None:
        """A server would refuse it, so every store does; the message names document, page and cure."""
        rows = np.zeros((MAX_VALUES // self.dim, self.dim), dtype=np.float32)
        rows[:, 0] = 1
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            with raises(InvalidInput) as caught:
                store.upsert([*self._points(2), make_point(rows, page_index=4)])
            assert store.count() == 0
        assert "manual.pdf" in str(caught.value)
        assert "page 5" in str(caught.value)

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
