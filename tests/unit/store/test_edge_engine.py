"""The engine's errors become ours, whatever they are, and its settings are those that were measured to be right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import qdrant_edge as edge
from store_samples import PASSPORT, random_rows

from visual_rag.errors import InvalidFilter, InvalidInput, StoreError, StoreLocked, StoreUnavailable
from visual_rag.store.edge import EdgeStore
from visual_rag.store.edge_engine import PANIC, REFUSALS, create_documents, create_pages, translating
from visual_rag.store.edge_filters import compile_filter
from visual_rag.store.filters import And, Between, In

POINT = "8db2dd68-aa14-414e-a74f-ec59ca1f35ad"
upsert, delete = edge.UpdateOperation.upsert_points, edge.UpdateOperation.delete_points

FAILURES: dict[str, Callable[[edge.EdgeShard, Path], Any]] = {
    "unknown id": lambda shard, folder: shard.update(edge.UpdateOperation.overwrite_payload([POINT], {"a": 1})),
    "id that is no UUID": lambda shard, folder: shard.retrieve(["hello"], with_payload=False, with_vector=False),
    "payload that is no JSON": lambda shard, folder: edge.Point(POINT, {}, {"a": object()}),
    "payload that is no number": lambda shard, folder: edge.Point(POINT, {}, {"a": float("nan")}),
    "payload that is no text": lambda shard, folder: edge.Point(POINT, {}, {"a": "\ud800"}),
    "wrong dim": lambda shard, folder: shard.update(upsert([edge.Point(POINT, {"full": [[1.0]]}, {})])),
    "empty": lambda shard, folder: shard.update(upsert([edge.Point(POINT, {"full": []}, {})])),
    "unknown vector": lambda shard, folder: shard.update(upsert([edge.Point(POINT, {"other": [1.0]}, {})])),
    "unknown vector in a query": lambda shard, folder: shard.query(
        edge.QueryRequest(limit=1, query=edge.Query.Nearest([1.0], using="other"))
    ),
    "negative limit": lambda shard, folder: edge.QueryRequest(limit=-1),
    "huge limit": lambda shard, folder: edge.QueryRequest(limit=2**70),
    "path of a field": lambda shard, folder: edge.FieldCondition("a[", match=edge.MatchValue(1)),
    "second opener": lambda shard, folder: edge.EdgeShard.load(str(folder / "shard")),
    "nothing there": lambda shard, folder: edge.EdgeShard.load(str(folder / "missing")),
    "a file there": lambda shard, folder: edge.EdgeShard.create(
        str(folder / "file"), edge.EdgeConfig(vectors={"a": edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)})
    ),
    "closed": lambda shard, folder: (shard.close(), shard.count(edge.CountRequest())),
}


@pytest.fixture
def shard(tmp_path: Path) -> edge.EdgeShard:
    """A shard with page vectors; `tmp_path / "file"` is a file."""
    (tmp_path / "file").touch()
    return create_pages(tmp_path / "shard", PASSPORT)


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_of_the_engine_becomes_ours(shard: edge.EdgeShard, tmp_path: Path, failure: str) -> None:
    """The class is known, the cause is kept, and no path of the user is in the message."""
    with pytest.raises((StoreError, InvalidInput)) as caught, translating(tmp_path, "trying"):
        FAILURES[failure](shard, tmp_path)
    cause = caught.value.__cause__
    assert type(cause) in {Exception, *REFUSALS}, f"the engine raises {type(cause)}, which nobody mapped"
    assert isinstance(caught.value, InvalidInput) == (type(cause) in REFUSALS)
    assert str(tmp_path) not in str(caught.value)


def test_the_engine_has_no_error_classes_of_its_own() -> None:
    """When a release brings some, this test names them, and `translating` should tell them apart."""
    classes = [getattr(edge, name) for name in dir(edge)]
    assert [kind for kind in classes if isinstance(kind, type) and issubclass(kind, BaseException)] == []


def test_the_engines_own_lock_counts_where_ours_cannot(tmp_path: Path) -> None:
    """Without `flock` a second opener still gets StoreLocked, though nobody can say who holds it."""
    shard = create_documents(tmp_path / "documents")
    with pytest.raises(StoreLocked, match="another process"), translating(tmp_path, "opening"):
        edge.EdgeShard.load(str(tmp_path / "documents"))
    shard.close()


def test_a_full_disk_may_be_tried_again(tmp_path: Path) -> None:
    """It is the one failure that passes by itself."""
    with pytest.raises(StoreUnavailable, match="Free disk space") as caught, translating(tmp_path, "writing"):
        raise OSError(28, "No space left on device")
    assert caught.value.retryable


def test_a_bug_in_the_engine_is_a_store_error(tmp_path: Path) -> None:
    """PyO3's PanicException derives from BaseException; what else does must pass through."""
    panic = type(PANIC, (BaseException,), {})
    with pytest.raises(StoreError, match="broke off"), translating(tmp_path, "searching"):
        raise panic("index out of bounds")
    with pytest.raises(KeyboardInterrupt), translating(tmp_path, "searching"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "condition", [In("a[", ("x",)), In("", ("x",)), In("page_id", ("7",)), Between("dpi", gte="soon"), "dpi > 3"]
)
def test_a_condition_that_means_nothing_is_refused(condition: Any) -> None:
    """Alone and inside another."""
    for wrong in (condition, And((condition,))):
        with pytest.raises(InvalidFilter):
            compile_filter(wrong)


def test_pages_are_kept_as_measured_best(tmp_path: Path) -> None:
    """HNSW off (left on, it takes seconds for tens of pages), write-ahead log on, MaxSim over dot products."""
    with EdgeStore.create(tmp_path / "index", PASSPORT):
        config = json.loads((tmp_path / "index" / "pages" / "edge_config.json").read_text())
    assert config["hnsw_config"]["m"] == 0
    assert config["wal_enabled"] is True
    for name, datatype in (("full", "turbo8"), ("pooled", "float16")):
        vector = config["vectors"][name]
        assert vector["hnsw_config"]["m"] == 0
        assert vector["datatype"] == datatype
        assert vector["distance"] == "Dot"
        assert vector["multivector_config"] == {"comparator": "max_sim"}
    assert random_rows(1).shape == (1, config["vectors"]["full"]["size"])
