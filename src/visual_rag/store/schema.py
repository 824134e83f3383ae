"""Vector names and payload keys: the one place that says how a page lies in a store."""

from collections.abc import Mapping
from typing import Any

from visual_rag.records import Document, PageRecord

FULL, POOLED = "full", "pooled"

DOCUMENT_ID = "document_id"
PAGE_INDEX = "page_index"
PAGE_HASH = "page_hash"
INDEXED_KEYWORDS = (DOCUMENT_ID, PAGE_HASH)
INDEXED_INTEGERS = (PAGE_INDEX,)
MAX_VALUES = 1_048_576  # a Qdrant server refuses a multi-vector of this many values (rows x dim)


def page_payload(record: PageRecord) -> dict[str, Any]:
    """Flatten a page record into payload fields; the user's own fields lie under `metadata`."""
    return {
        DOCUMENT_ID: record.document_id,
        "document_name": record.document_name,
        "source_uri": record.source_uri,
        PAGE_INDEX: record.page_index,
        "n_pages": record.n_pages,
        "label": record.label,
        PAGE_HASH: record.page_hash,
        "width_px": record.width_px,
        "height_px": record.height_px,
        "dpi": record.dpi,
        "n_vectors": record.n_vectors,
        "text": record.text,
        "metadata": dict(record.metadata),
    }


def page_record(page_id: str, payload: Mapping[str, Any]) -> PageRecord:
    """Read back what `page_payload` wrote."""
    return PageRecord(page_id=page_id, **payload)


def document_payload(document: Document) -> dict[str, Any]:
    """Flatten a document into payload fields."""
    return {
        DOCUMENT_ID: document.document_id,
        "source_uri": document.source_uri,
        "name": document.name,
        "content_hash": document.content_hash,
        "size_bytes": document.size_bytes,
    }
