"""Pages as points of a Qdrant server, and back; requests cut to what a server takes. Searches: `qdrant_search.py`."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from visual_rag.errors import InvalidInput, MissingDependency
from visual_rag.records import PageEmbedding, PagePoint
from visual_rag.scoring import normalise_rows
from visual_rag.store.bm25 import SparseText, TextAnalyser
from visual_rag.store.schema import (
    FULL,
    PAGE_INDEX,
    POOLED,
    REGIONS,
    TEXT,
    regions_from_payload,
    regions_payload,
)

try:
    from qdrant_client import models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error

T = TypeVar("T")
WITHOUT_REGIONS = models.PayloadSelectorExclude(exclude=[REGIONS])
_REQUEST_BYTES = 24 * 2**20  # a server refuses REST requests over 32 MB unless told otherwise
VALUE_BYTES = 21  # of one float as JSON: 20.7 on average for rows of unit length; 4 as gRPC
_INTEGERS = range(-(2**63), 2**63)


def sparse_vector(words: SparseText) -> models.SparseVector:
    """Translate the words of a text."""
    return models.SparseVector(indices=words.indices, values=words.values)


def page_struct(point: PagePoint, analyser: TextAnalyser) -> models.PointStruct:
    """Translate a page; one without words that count has no vector for its text."""
    vector: dict[str, Any] = {FULL: point.embedding.vectors.tolist(), POOLED: point.pooled.tolist()}
    words = analyser.document(point.payload[TEXT])
    if words is not None:
        vector[TEXT] = sparse_vector(words)
    payload = {**point.payload, REGIONS: regions_payload(point.embedding)}
    return models.PointStruct(id=point.page_id, vector=vector, payload=payload)


def payload_updates(
    page_id: str, payload: Mapping[str, Any], words: SparseText | None
) -> list[models.SetPayloadOperation | models.UpdateVectorsOperation | models.DeleteVectorsOperation]:
    """Translate a new payload; the vector of the text follows it, the others and the regions stay."""
    setting = models.SetPayloadOperation(set_payload=models.SetPayload(payload=dict(payload), points=[page_id]))
    if words is None:
        without = models.DeleteVectors(points=[page_id], vector=[TEXT])
        return [setting, models.DeleteVectorsOperation(delete_vectors=without)]
    vectors = [models.PointVectors(id=page_id, vector={TEXT: sparse_vector(words)})]
    return [setting, models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=vectors))]


def page_embedding(row: models.Record) -> PageEmbedding:
    """Read back a page's multi-vector, rows of unit length, and its regions."""
    vectors = row.vector[FULL] if isinstance(row.vector, dict) else None
    regions, is_patch = regions_from_payload((row.payload or {})[REGIONS])
    return PageEmbedding(
        vectors=normalise_rows(np.asarray(vectors, dtype=np.float32)), regions=regions, is_patch=is_patch
    )


def n_rows(row: models.Record, name: str) -> int:
    """Count the rows of one of a page's multi-vectors that was read along."""
    vector = row.vector[name] if isinstance(row.vector, dict) else None
    return len(vector) if isinstance(vector, list) else 0


def point_bytes(point: PagePoint) -> int:
    """Estimate what a page takes in a request, as JSON, which is the larger."""
    n_values = point.embedding.vectors.size + point.pooled.size
    return VALUE_BYTES * n_values + 12 * len(point.embedding.vectors) + 4 * len(point.payload[TEXT])


def in_requests(items: Iterable[T], size_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Cut a sequence into parts that a server takes in one request; an item that is too large goes alone."""
    part: list[T] = []
    size_bytes = 0
    for item in items:
        item_bytes = size_of(item)
        if part and size_bytes + item_bytes > _REQUEST_BYTES:
            yield part
            part, size_bytes = [], 0
        part.append(item)
        size_bytes += item_bytes
    if part:
        yield part


def check_storable(payload: Mapping[str, Any]) -> None:
    """Refuse a payload that cannot be sent, before anything is: JSON has no other values.

    Raises:
        InvalidInput: A value, most likely in the user's metadata, is none of JSON's; names document and page.
    """
    waiting: list[object] = [payload]
    while waiting:  # no recursion: metadata may be nested deeper than Python calls
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [*value.keys(), *value.values()] if all(isinstance(key, str) for key in value) else [_NO_JSON]
        elif isinstance(value, list | tuple):
            waiting += value
        elif not _is_json(value):
            raise InvalidInput(
                f"'{payload.get('document_name')}' page {payload.get(PAGE_INDEX, 0) + 1} cannot be stored: a field "
                "holds a value that is neither text, finite number, truth value, list nor mapping of such; check its "
                "metadata"
            )


_NO_JSON = object()


def _is_json(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)  # lone surrogates
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, int) and value in _INTEGERS)  # a truth value is an int
