"""Vector names and payload keys: the one place that says how a page and a ledger record lie in a store.

The regions of a page's vectors travel under one payload key of the store's own, `REGIONS`, which no `PageRecord` shows:
with it a store can be rebuilt, or moved, from its points alone.
"""

import base64
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_rag.errors import StoreError
from visual_rag.records import (
    BoolArray,
    Document,
    DocumentRecord,
    DocumentState,
    FloatArray,
    PageEmbedding,
    PageFailure,
    PageRecord,
)

FULL, POOLED, TEXT = "full", "pooled", "text"  # the vectors; the last is sparse

PAGE_ID = "page_id"  # no payload field: it is the point's id, and filters may name it all the same
DOCUMENT_ID = "document_id"
DOCUMENT_NAME = "document_name"
PAGE_INDEX = "page_index"
PAGE_HASH = "page_hash"
N_VECTORS = "n_vectors"
REGIONS = "regions"
METADATA = "metadata"
TEXT_LAYER = "text"  # what the sparse vector is made of
INDEXED_KEYWORDS = (DOCUMENT_ID, DOCUMENT_NAME, PAGE_HASH)
INDEXED_INTEGERS = (PAGE_INDEX,)
MAX_VALUES = 1_048_576  # a Qdrant server refuses a multi-vector of this many values (rows x dim)
PAGE_KEYS = frozenset(field.name for field in fields(PageRecord)) - {PAGE_ID}

REGION_DTYPE = np.dtype([("region", "<u2", (4,)), ("is_patch", "?")])  # 9 bytes a row; finer than any pixel grid
_REGION_STEPS = 65_535


def page_payload(record: PageRecord) -> dict[str, Any]:
    """Flatten a page record into payload fields; the user's own fields lie under `metadata`."""
    return {
        DOCUMENT_ID: record.document_id,
        DOCUMENT_NAME: record.document_name,
        "source_uri": record.source_uri,
        PAGE_INDEX: record.page_index,
        "n_pages": record.n_pages,
        "label": encodable(record.label),
        PAGE_HASH: record.page_hash,
        "width_px": record.width_px,
        "height_px": record.height_px,
        "dpi": record.dpi,
        N_VECTORS: record.n_vectors,
        TEXT_LAYER: encodable(record.text),
        METADATA: dict(record.metadata),
    }


def page_record(page_id: str, payload: Mapping[str, Any]) -> PageRecord:
    """Read back what `page_payload` wrote; keys of the store's own are left out."""
    return PageRecord(page_id=page_id, **{key: payload[key] for key in PAGE_KEYS})


def encodable(text: str) -> str:
    """Replace lone surrogates, which broken text layers hold and no store takes, by a question mark."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def pack_regions(regions: FloatArray, is_patch: BoolArray) -> NDArray[np.void]:
    """Pack regions and patch flags: shape (n_vectors,) of `REGION_DTYPE`, edges in 65535ths of the page."""
    packed = np.empty(len(regions), dtype=REGION_DTYPE)
    packed["region"] = np.rint(np.clip(regions, 0, 1) * _REGION_STEPS)
    packed["is_patch"] = is_patch
    return packed


def unpack_regions(packed: NDArray[np.void]) -> tuple[FloatArray, BoolArray]:
    """Read back what `pack_regions` packed: regions (n_vectors, 4) in 0..1 and is_patch (n_vectors,)."""
    return packed["region"].astype(np.float32) / np.float32(_REGION_STEPS), packed["is_patch"].astype(np.bool_)


def regions_payload(embedding: PageEmbedding) -> str:
    """Write a page's regions and patch flags as one text, for the payload."""
    return base64.b64encode(pack_regions(embedding.regions, embedding.is_patch).tobytes()).decode("ascii")


def regions_from_payload(text: str) -> tuple[FloatArray, BoolArray]:
    """Read back what `regions_payload` wrote."""
    return unpack_regions(np.frombuffer(base64.b64decode(text), dtype=REGION_DTYPE))


def document_payload(document: Document) -> dict[str, Any]:
    """Flatten a document into payload fields."""
    return {
        DOCUMENT_ID: document.document_id,
        "source_uri": document.source_uri,
        "name": document.name,
        "content_hash": document.content_hash,
        "size_bytes": document.size_bytes,
    }


def ledger_payload(record: DocumentRecord) -> dict[str, Any]:
    """Flatten a ledger record into payload fields: the document's beside the record's own."""
    return {
        **document_payload(record.document),
        "state": record.state.value,
        "n_pages": record.n_pages,
        "n_ingested": record.n_ingested,
        "failures": [{**asdict(failure), "message": encodable(failure.message)} for failure in record.failures],
        "warnings": [encodable(warning) for warning in record.warnings],
        "updated_at": record.updated_at,
    }


def ledger_record(payload: Mapping[str, Any]) -> DocumentRecord:
    """Read back what `ledger_payload` wrote.

    Raises:
        StoreError: The payload is none of ours.
    """
    try:
        return DocumentRecord(
            document=Document(**{field.name: payload[field.name] for field in fields(Document)}),
            state=DocumentState(payload["state"]),
            n_pages=payload["n_pages"],
            n_ingested=payload["n_ingested"],
            failures=tuple(PageFailure(**failure) for failure in payload["failures"]),
            warnings=tuple(payload["warnings"]),
            updated_at=payload["updated_at"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"a ledger record cannot be read ({error!r}); remove its document and ingest it again"
        ) from error
