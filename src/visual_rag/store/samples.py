"""Points and records with plausible values, for tests of stores; plug-in authors use `visual_rag.testing`."""

import hashlib
from typing import Any

import numpy as np

from visual_rag.records import FloatArray, PageEmbedding, PagePoint, PageRecord, make_document_id, make_page_id
from visual_rag.scoring import pool_runs
from visual_rag.store.schema import page_payload

_N_POOLED = 8


def make_point(
    vectors: FloatArray, *, source_uri: str = "memory:///manual.pdf", page_index: int = 0, **fields: Any
) -> PagePoint:
    """Make a point with the given rows, random regions, and a plausible payload.

    Args:
        vectors: Shape (n_vectors, dim), taken as they are.
        source_uri: Of its document.
        page_index: 0-based.
        fields: Other fields of its `PageRecord`.
    """
    record = make_record(source_uri=source_uri, page_index=page_index, n_vectors=len(vectors), **fields)
    rng = np.random.default_rng(page_index)
    corners = np.sort(rng.random((len(vectors), 2, 2), dtype=np.float32), axis=1)  # left <= right, top <= bottom
    is_patch = np.arange(len(vectors)) % 5 != 4
    embedding = PageEmbedding(vectors=vectors, regions=corners.reshape(-1, 4), is_patch=is_patch)
    pooled = pool_runs(vectors, _N_POOLED) if np.isfinite(vectors).all() else vectors
    return PagePoint(page_id=record.page_id, embedding=embedding, pooled=pooled, payload=page_payload(record))


def make_record(*, source_uri: str = "memory:///manual.pdf", page_index: int = 0, **fields: Any) -> PageRecord:
    """Make a page record with plausible values; `fields` replace them."""
    document_id = make_document_id(source_uri)
    values: dict[str, Any] = {
        "page_id": make_page_id(document_id, page_index),
        "document_id": document_id,
        "document_name": source_uri.rpartition("/")[2],
        "source_uri": source_uri,
        "page_index": page_index,
        "n_pages": 100,
        "label": str(page_index + 1),
        "page_hash": hashlib.sha256(f"{source_uri}:{page_index}".encode()).hexdigest(),
        "width_px": 800,
        "height_px": 1100,
        "dpi": 96.0,
        "n_vectors": 1,
        "text": f"page {page_index + 1}",
        "metadata": {"language": "en" if page_index % 2 else "de"},
    }
    return PageRecord(**{**values, **fields})
