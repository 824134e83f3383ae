"""What a store promises of text layers, payload values and metadata fields. See `contract.py`."""

# ruff: noqa: S101  a contract suite is made of assertions

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from visual_rag.errors import InvalidInput
from visual_rag.records import PagePoint
from visual_rag.store.contract_search import SearchContract, raises
from visual_rag.store.filters import In
from visual_rag.store.protocol import PageStore, TextPlan
from visual_rag.store.samples import make_point, make_record

_TEXTS = (
    "pump valve pump pump seal",
    "Pump, housing; filter",
    "valve valve torque E-4021",
    "filter housing gasket " * 20,
    "Der Größe naïve café 漢字 \ud800",
    "",
)


class TextContract(SearchContract):
    """The promises of the text channel and of single fields."""

    def _pages_of(self, texts: Sequence[str]) -> list[PagePoint]:
        rows = self._rows(np.random.default_rng(3), 3)
        return [make_point(rows, page_index=index, text=text) for index, text in enumerate(texts)]

    @staticmethod
    def _text_hits(store: PageStore, text: str, **fields: Any) -> list[int]:
        rows = store.query_text(TextPlan(text=text, **{"limit": 100, **fields}))
        assert all(row.score > 0 for row in rows)
        return [row.page.page_index for row in rows]

    def test_text_search_is_bm25(self, tmp_path: Path) -> None:
        """Scores and order are those of a plain loop over the words (k = 1.2, b = 0.75, mean length 256)."""
        texts = ["pump valve", "pump pump filter gasket", "pump", "filter gasket torque", "valve torque valve"]
        words, asked = [text.split() for text in texts], ["pump", "torque", "valve"]
        frequency = Counter(word for page in words for word in set(page))
        rarity = {w: math.log((len(texts) - n + 0.5) / (n + 0.5) + 1) for w, n in frequency.items()}
        expected = {
            index: sum(
                rarity[w] * page.count(w) * 2.2 / (page.count(w) + 1.2 * (0.25 + 0.75 * len(page) / 256)) for w in asked
            )
            for index, page in enumerate(words)
        }
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(self._pages_of(texts))
            rows = store.query_text(TextPlan(text=" ".join(asked), limit=10))
        ranking = sorted((index for index in expected if expected[index]), key=lambda index: -expected[index])
        assert [row.page.page_index for row in rows] == ranking
        np.testing.assert_allclose([row.score for row in rows], [expected[index] for index in ranking], rtol=1e-3)

    def test_text_search_finds_words_in_any_form(self, tmp_path: Path) -> None:
        """Rare words weigh more; case, endings and accents do no harm; a filter and a limit hold."""
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(self._pages_of(_TEXTS))
            assert self._text_hits(store, "the torque of a filter")[0] == 2
            assert self._text_hits(store, "PUMPS") == [0, 1]
            assert self._text_hits(store, "größe") == [4]
            assert self._text_hits(store, "e-4021") == [2]
            assert self._text_hits(store, "pump", filter=In("page_index", (1, 2, 4))) == [1]
            assert self._text_hits(store, "pump", limit=1) == [0]
            assert self._text_hits(store, "pump", limit=0) == []
            with raises(InvalidInput):
                self._text_hits(store, "pump", limit=-1)

    def test_text_without_a_word_finds_nothing(self, tmp_path: Path) -> None:
        """Nor does what stands on no page; neither is an error, whatever it is made of."""
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            assert self._text_hits(store, "pump") == []
            store.upsert(self._pages_of(_TEXTS))
            for text in ("", "  ", "?!", "the", "\ud800", "zebra", "x" * 10_000):
                assert self._text_hits(store, text) == [], text[:10]

    def test_text_follows_what_is_written(self, tmp_path: Path) -> None:
        """New payloads, replaced pages and deleted pages change what is found, and nothing else does."""
        points = self._pages_of(_TEXTS)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            store.update_payload([make_record(page_index=0, n_vectors=3, text="turbine")])
            assert (self._text_hits(store, "pump"), self._text_hits(store, "turbine")) == ([1], [0])
            store.update_payload([make_record(page_index=0, n_vectors=3, text="")])
            assert self._text_hits(store, "turbine") == []
            store.update_payload([make_record(page_index=5, n_vectors=3, text="turbine")])
            assert self._text_hits(store, "turbine") == [5]
            store.upsert(points[:1] + self._pages_of(["", ""])[1:])
            assert self._text_hits(store, "pump") == [0]
            store.delete(In("page_index", (0,)))
            assert self._text_hits(store, "pump") == []

    def test_equal_texts_are_ordered_by_page_id(self, tmp_path: Path) -> None:
        """A longer answer begins with the shorter one, as for pages that look alike."""
        points = self._pages_of(["pump station"] * 30)
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            plans = [TextPlan(text="pump", limit=limit) for limit in range(1, 31)]
            answers = [[row.page.page_id for row in store.query_text(plan)] for plan in plans]
        ordered = sorted(point.page_id for point in points)
        assert answers == [ordered[: plan.limit] for plan in plans]

    def test_values_reads_one_field(self, tmp_path: Path) -> None:
        """Of the pages that have it, null included, under a filter, nested ones by their path."""
        fields: list[dict[str, Any]] = [{"a": {"b": [1, "x"]}}, {"a": 5, "Serial No": "7"}, {"a": {"b": None}}, {}]
        points = [
            make_point(self._rows(np.random.default_rng(3), 2), page_index=index, metadata=metadata)
            for index, metadata in enumerate(fields)
        ]
        ids = [point.page_id for point in points]
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            store.upsert(points)
            assert dict(store.values("page_index")) == dict(zip(ids, range(4), strict=True))
            assert dict(store.values("metadata.a.b")) == {ids[0]: [1, "x"], ids[2]: None}
            assert dict(store.values('metadata."Serial No"')) == {ids[1]: "7"}
            assert dict(store.values("metadata.a", In("page_index", (1, 3)))) == {ids[1]: 5}
            assert list(store.values("no_such_field")) == []

    def test_fields_are_known_by_what_they_held(self, tmp_path: Path) -> None:
        """Names with dots and kinds, after every write and after reopening; what no filter can ask for is no error."""
        rows = self._rows(np.random.default_rng(3), 2)
        odd = {"boxes": [{"x": 1}], "grid": [[1]], "a.b": 1, "": 2, "none": None, "é è": True, 'q"': 1, "x[]": 1}
        first = make_point(rows, metadata={"year": 2023, "tags": ["a", "b"], "made": {"on": "2024-03-01"}})
        expected = {"year": {"number"}, "tags": {"text"}, "made.on": {"date"}}
        with closing(self.make_store(tmp_path / "index", self._passport)) as store:
            assert store.fields() == {}
            store.upsert([first, make_point(rows, page_index=1, metadata=odd)])
            assert {name: store.fields()[name] for name in expected} == expected
            assert store.fields()["é è"] == {"truth"}
            assert (store.documents(), store.size().n_documents) == ([], 0)
            store.update_payload([make_record(n_vectors=2, metadata={"year": "unknown", "price": 1.5})])
        with closing(self.reopen(tmp_path / "index")) as store:
            fields = store.fields()
            assert fields["year"] == {"number", "text"}
            assert fields["price"] == {"number"}
            assert store.count(In("metadata.year", ("unknown",))) == 1
