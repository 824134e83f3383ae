"""The shard beside the pages: one point per document, one for the passport, one for the metadata fields.

No point of it has vectors; what a point is, its id tells.
"""

from collections.abc import Mapping
from typing import Any

import qdrant_edge as edge

from visual_rag.records import make_document_id
from visual_rag.store.edge_engine import index_field
from visual_rag.store.edge_folder import Shards
from visual_rag.store.field_kinds import Kinds, as_payload, field_path, from_payload

PASSPORT_ID = make_document_id("visual_rag:passport")  # no source has such a URI
_FIELDS_ID = make_document_id("visual_rag:fields")
IS_DOCUMENT = edge.Filter(must_not=[edge.HasIdCondition({PASSPORT_ID, _FIELDS_ID})])
_MOST_INDEXED = 64  # metadata fields; an index of each costs a folder in every segment


def put(shard: edge.EdgeShard, point_id: str, payload: Mapping[str, Any]) -> None:
    """Write a point without vectors."""
    shard.update(edge.UpdateOperation.upsert_points([edge.Point(point_id, {}, dict(payload))]))


def get(shard: edge.EdgeShard, point_id: str) -> dict[str, Any] | None:
    """Read a point's payload; None where there is none."""
    stored = shard.retrieve([point_id], with_payload=True, with_vector=False)
    return stored[0].payload or None if stored else None


def read_fields(shard: edge.EdgeShard) -> dict[str, frozenset[Any]]:
    """Read the metadata fields that were ever written, and what they held."""
    stored = get(shard, _FIELDS_ID)
    return from_payload(stored) if stored else {}


def grow_fields(shards: Shards, *, known: Kinds, grown: Kinds) -> None:
    """Index the fields that are new, and write down all of them.

    In this order, and before the pages that brought them: whatever a kill leaves, no field of a page is unknown.
    """
    changed = {name: kinds for name, kinds in grown.items() if kinds and kinds != known.get(name)}
    for name, kinds in changed.items():
        if len(grown) <= _MOST_INDEXED or len(kinds) > 1:  # an index that knows only some values must go
            index_field(shards.pages, field_path(name), kinds)
    put(shards.documents, _FIELDS_ID, as_payload(grown))
