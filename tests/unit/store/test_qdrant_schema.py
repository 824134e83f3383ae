"""Settings become the configuration of collections, as a server is asked for them."""

from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from store_samples import PASSPORT

from visual_rag.server_settings import ServerSettings
from visual_rag.store.qdrant_schema import create_collections
from visual_rag.store.qdrant_server import Server


class RecordingClient(QdrantClient):
    """Local mode, which ignores most of a configuration, with what it was asked for."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.asked: dict[str, dict[str, Any]] = {}
        self.indexes: dict[str, Any] = {}

    def create_collection(self, collection_name: str, **options: Any) -> bool:  # type: ignore[override]
        self.asked[collection_name] = options
        return super().create_collection(collection_name, **options)

    def create_payload_index(  # type: ignore[override]
        self, collection_name: str, field_name: str, field_schema: Any = None, **options: Any
    ) -> Any:
        self.indexes[f"{collection_name}/{field_name}"] = field_schema


def _created(**settings: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    client = RecordingClient()
    values = ServerSettings(**settings)
    create_collections(Server(client, values, "m", is_own=False), values, PASSPORT)
    client.close()
    return client.asked, client.indexes


def test_the_plain_layout() -> None:
    """8 bits and no graph for full vectors, on disk; 16 bits in memory for pooled ones; what the server has else."""
    asked, indexes = _created()
    full, pooled = asked["m"]["vectors_config"]["full"], asked["m"]["vectors_config"]["pooled"]
    assert (full.datatype, full.on_disk, full.hnsw_config.m) == (models.Datatype.TURBO8, True, 0)
    assert (pooled.datatype, pooled.on_disk, pooled.hnsw_config.m) == (models.Datatype.FLOAT16, False, 0)
    assert pooled.quantization_config is full.quantization_config is None
    assert asked["m"]["on_disk_payload"] is True
    factors = ("shard_number", "replication_factor", "write_consistency_factor")
    assert [asked["m"][name] for name in factors] == [None, None, None]
    assert asked["m.documents"]["vectors_config"] == {}
    keyword = models.PayloadSchemaType.KEYWORD
    assert {name: indexes[f"m/{name}"] for name in ("document_id", "page_hash", "document_name")} == dict.fromkeys(
        ("document_id", "page_hash", "document_name"), keyword
    )
    assert indexes["m/page_index"] is models.PayloadSchemaType.INTEGER
    assert (indexes["m/text"].tokenizer, indexes["m/text"].lowercase) == (models.TokenizerType.WORD, True)


def test_a_cluster_spreads_the_pages_and_copies_both_collections() -> None:
    """The ledger is small and takes one shard."""
    asked, _ = _created(shard_number=6, replication_factor=2, write_consistency_factor=2, on_disk=False)
    assert {name: asked["m"][name] for name in ("shard_number", "replication_factor", "write_consistency_factor")} == {
        "shard_number": 6,
        "replication_factor": 2,
        "write_consistency_factor": 2,
    }
    assert (asked["m.documents"]["shard_number"], asked["m.documents"]["replication_factor"]) == (1, 2)
    assert asked["m"]["vectors_config"]["full"].on_disk is False


@pytest.mark.parametrize("kind", ["scalar", "binary"])
def test_quantization_is_of_the_pooled_vectors(kind: str) -> None:
    """Kept in memory, while the true ones go to disk; the last stage stays exact."""
    asked, _ = _created(quantization=kind)
    vectors = asked["m"]["vectors_config"]
    assert getattr(vectors["pooled"].quantization_config, kind).always_ram is True
    assert vectors["pooled"].on_disk is True
    assert vectors["full"].quantization_config is None


def test_tenants_have_graphs_of_their_own() -> None:
    """The field is indexed as a tenant's, and there is no graph over all."""
    asked, indexes = _created(hnsw_m=16, tenant_field="customer")
    graph = asked["m"]["vectors_config"]["pooled"].hnsw_config
    assert (graph.m, graph.payload_m) == (0, 16)
    assert indexes["m/metadata.customer"].is_tenant is True
    graph = _created(hnsw_m=16)[0]["m"]["vectors_config"]["pooled"].hnsw_config
    assert (graph.m, graph.payload_m) == (16, None)
