"""Qdrant Edge as this package uses it: shard settings, conditions in its language, its errors in ours.

`edge.py` is the store; this module holds what would have to change with a new release of the engine. Measured traps
that shape it: HNSW on multi-vectors must be switched off by hand (`m=0`, else `optimize` takes seconds for tens of
pages), the write-ahead log is what survives a kill, every error is a bare `Exception`, and a bug in the engine is a
`PanicException` that no `except Exception` catches.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from visual_rag.errors import InvalidInput, StoreError, StoreLocked, StoreUnavailable, VisualRagError
from visual_rag.passport import IndexPassport
from visual_rag.store.lock import locked_message
from visual_rag.store.protocol import FieldKind
from visual_rag.store.schema import FULL, INDEXED_INTEGERS, INDEXED_KEYWORDS, PAGE_INDEX, POOLED, TEXT, TEXT_LAYER

REFUSALS: tuple[type[Exception], ...] = (TypeError, ValueError, OverflowError)  # a value that the engine cannot take
PANIC = "PanicException"  # PyO3's; derives from BaseException and cannot be imported
_FAULTS: tuple[tuple[tuple[str, ...], type[StoreError], str], ...] = (  # signs of the system's errors, class, cure
    (("No space left", "os error 28", "Not enough space"), StoreUnavailable, "Free disk space and try again"),
    (("Too many open files", "os error 24"), StoreUnavailable, "Free file handles (`ulimit -n`) and try again"),
    (
        ("Read-only file system", "os error 30", "Permission denied", "os error 13"),
        StoreError,
        "The engine writes even to search: make the index folder writable, or open a copy of it where you may write",
    ),
    (
        ("No such file", "os error 2)"),
        StoreError,
        "The index is damaged: restore its folder from a copy, or delete it and ingest the documents again",
    ),
)
_UNKNOWN_FAULT = (StoreError, "Open the index again; if it repeats, ingest the documents into a new index")
_DATATYPES = {
    "turbo8": edge.VectorStorageDatatype.Turbo8,
    "float16": edge.VectorStorageDatatype.Float16,
    "turbo4": edge.VectorStorageDatatype.Turbo4,  # type: ignore[attr-defined]  # only the stub lacks it
}
_INDEX_TYPES = {
    "text": edge.PayloadSchemaType.Keyword,
    "number": edge.PayloadSchemaType.Float,
    "truth": edge.PayloadSchemaType.Bool,
    "date": edge.PayloadSchemaType.Datetime,
}
_NO_HNSW = edge.HnswIndexConfig(m=0, ef_construct=16, full_scan_threshold=10)
# By default space is only reclaimed in segments of 1,000 points: an index of a few manuals would never shrink.
_OPTIMIZERS = edge.EdgeOptimizersConfig(deleted_threshold=0.1, vacuum_min_vector_number=100)


def create_pages(folder: Path, passport: IndexPassport) -> edge.EdgeShard:
    """Make an empty shard for pages: `full` and `pooled` multi-vectors, sparse `text`, and the payload indexes."""
    if passport.datatype not in _DATATYPES:
        raise InvalidInput(f"datatype '{passport.datatype}' is unknown; use one of {', '.join(_DATATYPES)}")
    config = edge.EdgeConfig(
        vectors={
            FULL: _multi_vector(passport.model.dim, _DATATYPES[passport.datatype]),
            POOLED: _multi_vector(passport.model.dim, edge.VectorStorageDatatype.Float16),
        },
        sparse_vectors={TEXT: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        hnsw_config=_NO_HNSW,
        optimizers=_OPTIMIZERS,
        wal_enabled=True,
    )
    shard = edge.EdgeShard.create(str(folder), config)
    for keyword in INDEXED_KEYWORDS:
        shard.update(edge.UpdateOperation.create_field_index(keyword, edge.PayloadSchemaType.Keyword))
    for integer in INDEXED_INTEGERS:
        shard.update(edge.UpdateOperation.create_field_index(integer, edge.PayloadSchemaType.Integer))
    words = edge.TextIndexParams(tokenizer=edge.TokenizerType.Word, lowercase=True)
    shard.update(edge.UpdateOperation.create_field_index(TEXT_LAYER, words))
    return shard


def index_field(shard: edge.EdgeShard, path: str, kinds: frozenset[FieldKind]) -> None:
    """Index a metadata field that holds one kind of values; of several kinds an index would know only some."""
    if len(kinds) == 1:
        (kind,) = kinds
        shard.update(edge.UpdateOperation.create_field_index(path, _INDEX_TYPES[kind]))
    else:
        shard.update(edge.UpdateOperation.delete_field_index(path))


def create_documents(folder: Path) -> edge.EdgeShard:
    """Make an empty shard for the ledger. The engine asks for one named vector; no point carries it."""
    unused = edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot, hnsw_config=_NO_HNSW)
    config = edge.EdgeConfig(vectors={"unused": unused}, hnsw_config=_NO_HNSW, wal_enabled=True)
    return edge.EdgeShard.create(str(folder), config)


def _multi_vector(dim: int, datatype: edge.VectorStorageDatatype) -> edge.EdgeVectorParams:
    return edge.EdgeVectorParams(
        size=dim,
        distance=edge.Distance.Dot,
        multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim),
        datatype=datatype,
        hnsw_config=_NO_HNSW,
        # Mapped from disk and read in at opening. Cold opens no faster, and its first search took 0.7 s for 600 pages.
        memory=edge.Memory.Cached,
    )


def check_storable(page_id: str, payload: Mapping[str, Any]) -> None:
    """Refuse a payload that the engine would refuse, before anything is written: only it knows what it takes.

    Raises:
        InvalidInput: A value, most likely in the user's metadata, is none of JSON's; names document and page.
    """
    try:
        edge.Point(page_id, {}, dict(payload))
    except REFUSALS as error:
        raise InvalidInput(
            f"'{payload.get('document_name')}' page {payload.get(PAGE_INDEX, 0) + 1} cannot be stored: a field holds a "
            "value that is neither text, finite number, truth value, list nor mapping of such; check its metadata"
        ) from error


@contextmanager
def translating(folder: Path, doing: str) -> Iterator[None]:
    """Turn the engine's errors into ours, cause kept. The one place that does.

    Args:
        folder: Of the index; its path is taken out of messages, its name stays.
        doing: What was tried, for the message, such as `searching`.
    """
    try:
        yield
    except VisualRagError:
        raise
    except REFUSALS as error:
        raise InvalidInput(f"{doing}: the store cannot take this value: {_tidy(error, folder)}") from error
    except Exception as error:
        raise _translated(error, folder, doing) from error
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise StoreError(
            f"the engine broke off while {doing} index '{folder.name}' ({_tidy(error, folder)}). Open the index again; "
            "if that ends so as well, a file of it is damaged: restore its folder from a copy, or ingest the documents "
            "into a new index",
            collection=folder.name,
        ) from error


def _translated(error: Exception, folder: Path, doing: str) -> StoreError:
    message = _tidy(error, folder)
    if "WouldBlock" in message:
        return StoreLocked(locked_message(folder.name, ""), collection=folder.name)
    kind, cure = next((fault[1:] for fault in _FAULTS if any(sign in message for sign in fault[0])), _UNKNOWN_FAULT)
    return kind(f"{doing} index '{folder.name}' failed: {message}. {cure}", collection=folder.name)


def _tidy(error: BaseException, folder: Path) -> str:
    """Drop the user's folders from a message: it may leave the process."""
    message = str(error).replace(str(folder), folder.name).replace("Service runtime error: ", "")
    return message.splitlines()[0] if message else type(error).__name__
