"""Payloads come back as the records they were made from."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from visual_rag.errors import StoreError
from visual_rag.records import Document, DocumentRecord, DocumentState, PageEmbedding, PageFailure
from visual_rag.store.filters import And, Between, In
from visual_rag.store.schema import (
    INDEXED_INTEGERS,
    INDEXED_KEYWORDS,
    PAGE_KEYS,
    REGIONS,
    ledger_payload,
    ledger_record,
    page_payload,
    page_record,
    regions_from_payload,
    regions_payload,
)
from visual_rag.testing import make_record

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=5)


@given(text=TEXT, label=TEXT, page_index=st.integers(0, 10**6), metadata=st.dictionaries(TEXT, JSON))
def test_a_page_record_survives_its_payload(
    text: str, label: str, page_index: int, metadata: dict[str, object]
) -> None:
    """Through JSON, too, and whatever keys a store adds of its own."""
    record = make_record(text=text, label=label, page_index=page_index, metadata=metadata)
    payload = json.loads(json.dumps(page_payload(record)))
    assert payload.keys() == PAGE_KEYS
    assert page_record(record.page_id, {**payload, REGIONS: "AAAA"}) == record


def test_indexed_fields_are_payload_fields() -> None:
    """An index over a misspelt field would be silently useless."""
    assert {*INDEXED_KEYWORDS, *INDEXED_INTEGERS} <= PAGE_KEYS


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.just(4)), elements=st.floats(0, 1, width=32)), st.data())
def test_regions_survive_their_payload(regions: np.ndarray, data: st.DataObject) -> None:
    """To 1/65535 of the page, with every flag."""
    is_patch = np.array(data.draw(st.lists(st.booleans(), min_size=len(regions), max_size=len(regions))))
    embedding = PageEmbedding(vectors=np.zeros((len(regions), 2), np.float32), regions=regions, is_patch=is_patch)
    read_regions, read_is_patch = regions_from_payload(regions_payload(embedding))
    np.testing.assert_allclose(read_regions, regions, atol=1e-5)
    assert read_regions.dtype == np.float32
    np.testing.assert_array_equal(read_is_patch, is_patch)


LEDGER = DocumentRecord(
    document=Document(document_id="d", source_uri="file:///a", name="a", content_hash="ab", size_bytes=3),
    state=DocumentState.PARTIAL,
    n_pages=3,
    n_ingested=1,
    failures=(PageFailure(page_number=2, reason="DamagedDocument", message="x"),),
    warnings=("page 3 at 60 dpi",),
    updated_at="2026-11-22T06:00:00+00:00",
)


def test_a_ledger_record_survives_its_payload() -> None:
    """Through JSON, with failures, warnings and state."""
    assert ledger_record(json.loads(json.dumps(ledger_payload(LEDGER)))) == LEDGER


@pytest.mark.parametrize("change", [{"state": "lost"}, {"failures": [{"page": 1}]}, {"failures": None}])
def test_a_ledger_record_that_cannot_be_read_is_told(change: dict[str, object]) -> None:
    """With what to do about it."""
    with pytest.raises(StoreError, match="ingest it again"):
        ledger_record({**ledger_payload(LEDGER), **change})
    with pytest.raises(StoreError, match="state"):
        ledger_record({key: value for key, value in ledger_payload(LEDGER).items() if key != "state"})


def test_conditions_are_values() -> None:
    """Equal conditions are equal and can be keys."""
    one = And((In("a", ("x",)), Between("b", gte=3)))
    assert {one: 1}[And((In("a", ("x",)), Between("b", gte=3)))] == 1
    assert one != And((Between("b", gte=3), In("a", ("x",))))
