"""What a store promises of searches: exact MaxSim, shortlists, filters, order, limits, batches. See `contract.py`."""

# ruff: noqa: S101  a contract suite is made of assertions

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visual_rag.errors import DimensionMismatch, InvalidInput
from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, ModelIdentity, PagePoint, make_document_id
from visual_rag.scoring import maxsim, normalise_rows
from visual_rag.store.filters import In, Not
from visual_rag.store.protocol import EngineTuning, PageStore, QueryPlan, RowMatcher
from visual_rag.store.samples import make_point


def raises(error: type[Exception]) -> Any:
    """Expect an error; pytest is imported no earlier than here."""
    import pytest

    return pytest.raises(error)


class SearchContract:
    """The promises of a search, and what all promises of a store share.

    Attributes:
        datatype: Of the full vectors, in the passport.
        dim: Of all vectors.
    """

    datatype: Literal["turbo8", "float16", "turbo4"] = "turbo8"
    dim = 32

    def make_store(self, folder: Path, passport: IndexPassport) -> PageStore:
        """Make an empty store; `folder` is this test's own."""
        raise NotImplementedError

    def reopen(self, folder: Path) -> PageStore:
        """Open the store that `make_store` made for the same folder and that was closed since."""
        raise NotImplementedError

    @property
    def tolerance(self) -> float:
        """Of a score, as a share of it."""
        return 5e-2 if self.datatype == "turbo4" else 1e-2

    @property
    def least_cosine(self) -> float:
        """Between a row written and a row read; 4 bits a value were measured at 0.975 to 0.995."""
        return 0.96 if self.datatype == "turbo4" else 0.99

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

    def test_query_equals_brute_force(self, tmp_path: Path) -> None:
        """Without a shortlist, every page gets its MaxSim within the tolerance, best first; row lengths are weights."""
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
        assert all(expected[page_id] <= worst * (1 + self.tolerance) for page_id in left_out)

    def _assert_ranked(self, rows: Sequence[Any], expected: dict[str, float]) -> None:
        scores = [row.score for row in rows]
        assert scores == sorted(scores, reverse=True)
        np.testing.assert_allclose(scores, [expected[row.page.page_id] for row in rows], rtol=self.tolerance)

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

    def test_rows_that_a_query_meets_are_those_of_the_pages(self, tmp_path: Path) -> None:
        """With all lists read, the best match of each query row on each page is that of brute force.

        Only where a store offers lists for so few pages.
        """
        import pytest

        points = self._points()
        query = self._rows(np.random.default_rng(2), 5) * np.array([[1], [2], [0.5], [1], [3]], dtype=np.float32)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points[:20])
            store.maintain()
            store.upsert(points[20:])
            matches = store.row_matches(query, n_rows=10**6) if isinstance(store, RowMatcher) else None
        if matches is None:
            pytest.skip("the store has no row lists of so few pages")
        assert set(matches.page_ids) == {point.page_id for point in points[:20]}
        assert set(matches.unlisted) == {point.page_id for point in points[20:]}
        best = np.full((len(query), len(matches.page_ids)), -np.inf)
        np.maximum.at(best, (matches.query_row, matches.page), matches.cosine)
        scores = np.linalg.norm(query, axis=1) @ best
        expected = self._expected(query, points)
        np.testing.assert_allclose(scores, [expected[page_id] for page_id in matches.page_ids], rtol=2 * self.tolerance)

    def test_filters_hold_in_every_stage(self, tmp_path: Path) -> None:
        """A filter decides what is shortlisted, not what is left of a shortlist."""
        points = self._points() + self._points(4, source_uri="memory:///other.pdf", seed=3)
        other = {point.page_id for point in points[-4:]}
        condition = In("document_id", (make_document_id("memory:///other.pdf"),))
        query = points[4].embedding.vectors[:6]  # the best pages are all in the other document
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            for shortlist in (None, 4):
                rows = store.query(QueryPlan(vectors=query, limit=10, shortlist=shortlist, filter=condition))
                assert {row.page.page_id for row in rows} == other

    def test_bad_queries_are_refused(self, tmp_path: Path) -> None:
        """A query of another dim, without rows, with NaN or with a negative limit is an error, not an odd answer."""
        rows = self._rows(np.random.default_rng(5), 3)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(self._points(3))
            with raises(DimensionMismatch):
                store.query(QueryPlan(vectors=rows[:, :-1], limit=3))
            for vectors, limit in ((rows[:0], 3), (rows * np.nan, 3), (rows, -1)):
                with raises(InvalidInput):
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

    def test_a_longer_answer_begins_with_the_shorter_one(self, tmp_path: Path) -> None:
        """Also where the cut goes through pages that are alike: paging neither repeats nor skips any."""
        rows = self._rows(np.random.default_rng(5), 3)
        points = [make_point(rows, page_index=index) for index in range(30)]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points[:20])
            store.maintain()
            store.upsert(points[20:])
            for shortlist, most in ((None, 30), (30, 30), (12, 12)):
                plans = [QueryPlan(vectors=rows, limit=limit, shortlist=shortlist) for limit in range(1, most + 1)]
                answers = [self._ids(store, plan) for plan in plans]
                assert len(answers[-1]) == most
                assert answers == [answers[-1][: plan.limit] for plan in plans]

    @staticmethod
    def _ids(store: PageStore, plan: QueryPlan) -> list[str]:
        return [row.page.page_id for row in store.query(plan)]

    def test_a_batch_answers_as_single_searches_do(self, tmp_path: Path) -> None:
        """In order, each with its own limit, shortlist and filter; no searches give no answers."""
        points = self._points()
        english = Not(In("metadata.language", ("de",)))
        plans = [
            QueryPlan(vectors=points[3].embedding.vectors, limit=4),
            QueryPlan(vectors=points[4].embedding.vectors[:2], limit=9, shortlist=10, filter=english),
            QueryPlan(vectors=points[5].embedding.vectors[:1], limit=0),
            QueryPlan(vectors=points[3].embedding.vectors, limit=100, shortlist=7),
        ]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            assert store.query_batch(plans) == [store.query(plan) for plan in plans]
            assert store.query_batch([]) == []
            with raises(InvalidInput):
                store.query_batch([plans[0], QueryPlan(vectors=points[3].embedding.vectors, limit=-1)])

    def test_tuning_changes_no_small_index(self, tmp_path: Path) -> None:
        """Where everything is looked at anyway, no engine finds other pages by it."""
        points = self._points()
        tunings = [
            EngineTuning(hnsw_ef=16),
            EngineTuning(exact=True),
            EngineTuning(indexed_only=True),
            EngineTuning(rescore=True, oversampling=2.0),
            EngineTuning(rescore=False),
        ]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            store.maintain()
            for shortlist in (None, 10):
                plain = QueryPlan(vectors=points[4].embedding.vectors, limit=8, shortlist=shortlist)
                for tuning in tunings:
                    assert store.query(replace(plain, tuning=tuning)) == store.query(plain), tuning
