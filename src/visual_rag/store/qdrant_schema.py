"""How an index lies on a Qdrant server: two collections, their payload indexes, and what must hold when one is opened.

`manuals` has the pages: multi-vectors `full` (no graph) and `pooled` (for the shortlist), and `text` (sparse, BM25).
`manuals.documents` has no vectors: the ledger, the passport, and what the metadata fields hold.
"""

import re
from collections.abc import Iterator
from typing import Any

from visual_rag.errors import InvalidInput, MissingDependency, PassportMismatch, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.records import make_document_id
from visual_rag.server_settings import ServerSettings
from visual_rag.store.field_kinds import field_path
from visual_rag.store.protocol import FieldKind
from visual_rag.store.qdrant_server import Server
from visual_rag.store.schema import FULL, INDEXED_INTEGERS, INDEXED_KEYWORDS, POOLED, TEXT

try:
    from qdrant_client import QdrantClient, models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error

PASSPORT_ID = make_document_id("visual_rag:passport")  # no source has such a URI
FIELD = "metadata_field"  # payload key of the records of what metadata fields hold; no ledger record has it
_DATATYPES = {
    "turbo8": models.Datatype.TURBO8,
    "float16": models.Datatype.FLOAT16,
    "turbo4": models.Datatype.TURBO4,
}
_POOLED_DATATYPE = models.Datatype.FLOAT16
_KIND_INDEXES: dict[FieldKind, models.PayloadSchemaType] = {
    "text": models.PayloadSchemaType.KEYWORD,
    "date": models.PayloadSchemaType.DATETIME,
    "number": models.PayloadSchemaType.FLOAT,
    "truth": models.PayloadSchemaType.BOOL,
}
_UNNAMEABLE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_MOST_LETTERS = 200


def documents_name(collection: str) -> str:
    """Name the collection of the ledger."""
    return f"{collection}.documents"


def check_name(name: str, what: str = "collection") -> None:
    """Refuse a name that no server takes.

    Raises:
        InvalidInput: It is empty, too long, or holds what no file's name may.
    """
    if not name or len(name) > _MOST_LETTERS or _UNNAMEABLE.search(name) or set(name) == {"."}:
        raise InvalidInput(
            f"{what} '{name}' cannot be named so: use 1 to {_MOST_LETTERS} letters, and none of < > : \" / \\ | ? *"
        )


def check_datatype(passport: IndexPassport) -> None:
    """Refuse a datatype that is no server's.

    Raises:
        InvalidInput: It is unknown.
    """
    if passport.datatype not in _DATATYPES:
        raise InvalidInput(f"datatype '{passport.datatype}' is unknown; use one of {', '.join(_DATATYPES)}")


def create_collections(server: Server, settings: ServerSettings, passport: IndexPassport) -> None:
    """Make both collections and their payload indexes; what a creation that broke off left is removed first.

    Raises:
        StoreError: There is a collection of that name, with an index in it or somebody else's.
    """
    pages, documents = server.collection, documents_name(server.collection)
    _clear_leftovers(server, pages, documents)
    # The ledger's comes first: a lone collection of pages is none of ours, so it is never taken for a leftover.
    server.ask("creating", lambda client: _create_documents(client, documents, settings), is_repeatable=False)
    server.ask("creating", lambda client: _create_pages(client, pages, settings, passport), is_repeatable=False)
    for key, schema in _page_indexes(settings):
        add_index(server, key, schema)


def _clear_leftovers(server: Server, pages: str, documents: str) -> None:
    taken = {name for name in (pages, documents) if server.ask("creating", _exists(name))}
    if not taken:
        return
    is_leftover = documents in taken and not read_passport(server, documents)
    if is_leftover and pages in taken:
        is_leftover = server.ask("creating", lambda client: client.count(pages)).count == 0
    if not is_leftover:
        raise StoreError(
            f"there already is {server.place}; open it, or choose another name", collection=server.collection
        )
    for name in taken:
        server.ask("creating", _delete(name))


def _exists(name: str) -> Any:
    return lambda client: client.collection_exists(name)


def _delete(name: str) -> Any:
    return lambda client: client.delete_collection(name)


def read_passport(server: Server, documents: str) -> dict[str, Any] | None:
    """Read the passport's payload, None where there is none."""
    rows = server.ask("opening", lambda client: client.retrieve(documents, [PASSPORT_ID], with_payload=True))
    return rows[0].payload if rows else None


def _create_documents(client: QdrantClient, name: str, settings: ServerSettings) -> None:
    client.create_collection(
        name,
        vectors_config={},
        shard_number=1,
        replication_factor=settings.replication_factor,
        write_consistency_factor=settings.write_consistency_factor,
    )
    client.create_payload_index(name, FIELD, models.PayloadSchemaType.KEYWORD, wait=True)


def _create_pages(client: QdrantClient, name: str, settings: ServerSettings, passport: IndexPassport) -> None:
    client.create_collection(
        name,
        vectors_config=_vectors(settings, passport),
        sparse_vectors_config={TEXT: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        shard_number=settings.shard_number,
        replication_factor=settings.replication_factor,
        write_consistency_factor=settings.write_consistency_factor,
        on_disk_payload=settings.on_disk,
    )


def _vectors(settings: ServerSettings, passport: IndexPassport) -> dict[str, models.VectorParams]:
    graph = models.HnswConfigDiff(m=settings.hnsw_m)
    if settings.tenant_field is not None:
        graph = models.HnswConfigDiff(m=0, payload_m=settings.hnsw_m)
    shared: dict[str, Any] = {
        "size": passport.model.dim,
        "distance": models.Distance.DOT,
        "multivector_config": models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
    }
    return {
        FULL: models.VectorParams(
            **shared,
            datatype=_DATATYPES[passport.datatype],
            on_disk=settings.on_disk,
            hnsw_config=models.HnswConfigDiff(
                m=0
            ),  # a graph over all rows takes tens of millions of comparisons a page
        ),
        POOLED: models.VectorParams(
            **shared,
            datatype=_POOLED_DATATYPE,
            on_disk=settings.on_disk and settings.quantization is not None,
            hnsw_config=graph,
            quantization_config=_quantization(settings),
        ),
    }


def _quantization(settings: ServerSettings) -> models.ScalarQuantization | models.BinaryQuantization | None:
    if settings.quantization == "scalar":
        config = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        return models.ScalarQuantization(scalar=config)
    if settings.quantization == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None


def _page_indexes(settings: ServerSettings) -> Iterator[tuple[str, models.PayloadSchemaType | Any]]:
    for keyword in (*INDEXED_KEYWORDS, "document_name"):
        yield keyword, models.PayloadSchemaType.KEYWORD
    for integer in INDEXED_INTEGERS:
        yield integer, models.PayloadSchemaType.INTEGER
    yield (
        TEXT,
        models.TextIndexParams(type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD, lowercase=True),
    )
    if settings.tenant_field is not None:
        yield (
            field_path(settings.tenant_field),
            models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
        )


def add_index(server: Server, key: str, schema: models.PayloadSchemaType | Any) -> None:
    """Make a payload index over the pages."""
    server.ask(
        f"indexing the field '{key}' of",
        lambda client: client.create_payload_index(server.collection, key, schema, wait=True),
    )


def index_field(server: Server, name: str, kinds: frozenset[FieldKind]) -> None:
    """Index a metadata field that holds one kind of values; of several kinds an index would know only some."""
    path = field_path(name)
    info = server.ask("reading the indexes of", lambda client: client.get_collection(server.collection))
    params = info.payload_schema[path].params if path in info.payload_schema else None
    if isinstance(params, models.KeywordIndexParams) and params.is_tenant:
        return
    if len(kinds) == 1:
        (kind,) = kinds
        add_index(server, path, _KIND_INDEXES[kind])
    else:
        server.ask(
            f"removing the index of '{path}' of",
            lambda client: client.delete_payload_index(server.collection, path, wait=True),
        )


def check_layout(info: models.CollectionInfo, passport: IndexPassport, collection: str) -> None:
    """Refuse a collection that is laid out otherwise than its passport says.

    Raises:
        PassportMismatch: Names what differs, and the way out.
    """
    faults = list(_layout_faults(info.config.params, passport))
    if faults:
        raise PassportMismatch(
            f"collection '{collection}' is not laid out as its passport says: {'; '.join(faults)}. Something else "
            "made or changed it: restore it from a snapshot, or ingest the documents into a new collection",
            collection=collection,
        )


def _layout_faults(params: models.CollectionParams, passport: IndexPassport) -> Iterator[str]:
    check_datatype(passport)
    vectors = params.vectors if isinstance(params.vectors, dict) else {}
    for name, datatype in ((FULL, _DATATYPES[passport.datatype]), (POOLED, _POOLED_DATATYPE)):
        if name not in vectors:
            yield f"vector '{name}' is missing"
            continue
        found, wanted = _described(vectors[name]), _wanted(passport.model.dim, datatype)
        yield from (f"{name} has {key} {found[key]}, not {wanted[key]}" for key in wanted if found[key] != wanted[key])
    sparse = (params.sparse_vectors or {}).get(TEXT)
    if sparse is None:
        yield f"sparse vector '{TEXT}' is missing"
    elif sparse.modifier is not models.Modifier.IDF:
        yield f"{TEXT} has modifier {sparse.modifier.value if sparse.modifier else None}, not idf"


def _described(vector: models.VectorParams) -> dict[str, Any]:
    multi = vector.multivector_config
    return {
        "size": vector.size,
        "distance": vector.distance.value,
        "comparator": multi.comparator.value if multi else None,
        "datatype": (vector.datatype or models.Datatype.FLOAT32).value,
    }


def _wanted(dim: int, datatype: models.Datatype) -> dict[str, Any]:
    return {
        "size": dim,
        "distance": models.Distance.DOT.value,
        "comparator": models.MultiVectorComparator.MAX_SIM.value,
        "datatype": datatype.value,
    }
