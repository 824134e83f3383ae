"""What the store on a Qdrant server adds to the protocol; in qdrant-client's local mode, in memory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from store_samples import DIM, PASSPORT, random_points, random_rows

from visual_rag.errors import CollectionNotFound, InvalidInput, PassportMismatch, StoreError
from visual_rag.records import DocumentState, make_document_id
from visual_rag.server_settings import ServerSettings
from visual_rag.store.filters import Between, In
from visual_rag.store.protocol import PageStore, QueryPlan, TextPlan
from visual_rag.store.qdrant import QdrantStore
from visual_rag.testing import make_point, make_record

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
SETTINGS = ServerSettings()


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    """A client without a server."""
    client = QdrantClient(":memory:")
    yield client
    client.close()


def _create(client: QdrantClient, name: str = "manuals") -> QdrantStore:
    return QdrantStore.create(SETTINGS, name, PASSPORT, client=client)


def _titles(store: PageStore) -> set[str]:
    return {page.document_name for page in store.scroll()}


def test_a_batch_answers_as_its_searches_do_one_by_one(client: QdrantClient) -> None:
    """In order, with and without shortlist and filter, limits of nothing included."""
    plans = [
        QueryPlan(vectors=random_rows(4, seed=1), limit=3),
        QueryPlan(vectors=random_rows(2, seed=2), limit=0),
        QueryPlan(vectors=random_rows(3, seed=3), limit=5, shortlist=4, filter=Between("page_index", gte=2)),
        QueryPlan(vectors=random_rows(3, seed=4), limit=5, shortlist=0),
    ]
    with _create(client) as store:
        store.upsert(random_points(8))
        singles = [store.query(plan) for plan in plans]
        assert store.query_batch(plans) == singles
        assert [len(rows) for rows in singles] == [3, 0, 4, 0]
        assert store.query_batch([]) == []


def test_text_is_found_by_its_words(client: QdrantClient) -> None:
    """BM25 finds pages with a word in any form, rarer words count more, filters hold, and no other page comes."""
    texts = ["The pumps are old", "A pump and a valve", "", "Nothing of the kind"]
    rows = random_rows(3)
    with _create(client) as store:
        store.upsert([make_point(rows, page_index=index, text=text) for index, text in enumerate(texts)])
        found = store.query_text(TextPlan(text="pump with valve", limit=10))
        assert [row.page.page_index for row in found] == [1, 0]
        assert found[0].score > found[1].score > 0
        some = store.query_text(TextPlan(text="pump", limit=10, filter=In("page_index", (0, 3))))
        assert [row.page.page_index for row in some] == [0]
        nothing = [TextPlan(text="the of", limit=5), TextPlan(text="zebra", limit=5), TextPlan(text="pump", limit=0)]
        assert [store.query_text(plan) for plan in nothing] == [[], [], []]
        with pytest.raises(InvalidInput, match="limit is -1"):
            store.query_text(TextPlan(text="pump", limit=-1))


def test_a_new_text_is_found_and_the_old_one_is_not(client: QdrantClient) -> None:
    """The vector of a page's text follows its payload, also to and from no words at all."""
    rows = random_rows(3)
    with _create(client) as store:
        store.upsert([make_point(rows, page_index=0, text="pump"), make_point(rows, page_index=1, text="")])
        new = {0: "", 1: "valve"}
        store.update_payload([make_record(page_index=index, n_vectors=3, text=text) for index, text in new.items()])
        assert store.query_text(TextPlan(text="pump", limit=5)) == []
        [row] = store.query_text(TextPlan(text="valve", limit=5))
        assert (row.page.page_index, row.page.text) == (1, "valve")


def test_fields_name_what_metadata_ever_held(client: QdrantClient) -> None:
    """All kinds, nested names, empty fields; another store of the same index sees them, a second writer adds."""
    rows = random_rows(3)
    first = {"year": 2023, "made": {"on": "2024-03-01"}, "nothing": None}
    with _create(client) as store, QdrantStore.open(SETTINGS, "manuals", client=client) as other:
        assert store.fields() == {}
        store.upsert([make_point(rows, page_index=0, metadata=first)])
        other.upsert([make_point(rows, page_index=1, metadata={"year": "unknown", "is_draft": True})])
        store.update_payload([make_record(page_index=0, n_vectors=3, metadata={})])
        expected = {
            "year": frozenset({"number", "text"}),
            "made.on": frozenset({"date"}),
            "nothing": frozenset(),
            "is_draft": frozenset({"truth"}),
        }
        assert store.fields() == other.fields() == expected
        assert (store.documents(), store.size().n_documents) == ([], 0)


def test_values_are_those_of_pages_that_have_the_field(client: QdrantClient) -> None:
    """Fields of the page and of metadata, nested and oddly named ones; with a condition, only of its pages."""
    rows = random_rows(3)
    metadata: list[dict[str, Any]] = [{"a": {"Serial No": 7}}, {"a": {"Serial No": [1, 2]}}, {"a": 5}, {}]
    with _create(client) as store:
        store.upsert([make_point(rows, page_index=index, metadata=some) for index, some in enumerate(metadata)])
        ids = {page.page_index: page.page_id for page in store.scroll()}
        assert dict(store.values('metadata.a."Serial No"')) == {ids[0]: 7, ids[1]: [1, 2]}
        assert dict(store.values("page_index", Between("page_index", gte=2))) == {ids[2]: 2, ids[3]: 3}
        assert list(store.values("metadata.none")) == []


def test_what_json_cannot_hold_is_refused_before_anything_is_written(client: QdrantClient) -> None:
    """The message names document and page; the pages before it are not written either."""
    good = make_point(random_rows(3), page_index=0)
    with _create(client) as store:
        for value in (float("nan"), {1, 2}, b"x", 2**63, {"a": [object()]}, {5: "key"}, "\ud800"):
            bad = make_point(random_rows(3), page_index=6, metadata={"odd": value})
            with pytest.raises(InvalidInput, match=r"'manual.pdf' page 7 cannot be stored"):
                store.upsert([good, bad])
        assert store.count() == 0


def test_an_alias_moves_to_the_rebuilt_index(client: QdrantClient) -> None:
    """Opening by the alias gives what was published last, ledger included; an open store goes on with its own."""
    with _create(client, "v1") as old, _create(client, "v2") as new:
        old.upsert([make_point(random_rows(3), source_uri="memory:///old.pdf")])
        new.upsert([make_point(random_rows(3), source_uri="memory:///new.pdf")])
        old.publish("live")
        with QdrantStore.open(SETTINGS, "live", client=client) as reader:
            assert (reader.collection, _titles(reader)) == ("v1", {"old.pdf"})
            new.publish("live")
            assert _titles(reader) == {"old.pdf"}
        with QdrantStore.open(SETTINGS, "live", client=client) as reader:
            assert (reader.collection, _titles(reader)) == ("v2", {"new.pdf"})
        targets = {alias.alias_name: alias.collection_name for alias in client.get_aliases().aliases}
        assert targets == {"live": "v2", "live.documents": "v2.documents"}


def test_an_alias_never_takes_the_name_of_a_collection(client: QdrantClient) -> None:
    """The message says so, and nothing is switched."""
    with _create(client, "v1"), _create(client, "v2") as store:
        with pytest.raises(InvalidInput, match="'v1' is a collection"):
            store.publish("v1")
        with pytest.raises(InvalidInput, match="alias 'a/b'"):
            store.publish("a/b")
    assert client.get_aliases().aliases == []


def test_a_read_only_store_reads_and_refuses_every_write(client: QdrantClient) -> None:
    """The error names the collection and the way out, and nothing changes."""
    with _create(client) as store:
        store.upsert(random_points(3))
    page = make_record(n_vectors=12, text="other")
    read_only = replace(SETTINGS, read_only=True)
    with QdrantStore.open(read_only, "manuals", client=client) as store:
        ledger = _ledger_record()
        before = sorted(store.scroll(), key=lambda page: page.page_index)
        writes: list[Any] = [
            lambda: store.upsert(random_points(4)),
            lambda: store.delete(In("page_index", (0,))),
            lambda: store.update_payload([page]),
            lambda: store.put_document(ledger),
            lambda: store.delete_document("x"),
            lambda: store.publish("live"),
            store.drop,
        ]
        for write in writes:
            with pytest.raises(StoreError, match=r"'manuals'.* read-only; open it without read_only"):
                write()
        assert sorted(store.scroll(), key=lambda page: page.page_index) == before
        assert len(store.query(QueryPlan(vectors=random_rows(2), limit=9))) == 3
    with pytest.raises(InvalidInput, match="read-only"):
        QdrantStore.create(read_only, "other", PASSPORT, client=client)


def _ledger_record() -> Any:
    from visual_rag.records import Document, DocumentRecord

    document = Document(
        document_id=make_document_id("memory:///a.pdf"),
        source_uri="memory:///a.pdf",
        name="a.pdf",
        content_hash="ab",
        size_bytes=1,
    )
    return DocumentRecord(document=document, state=DocumentState.READY, n_pages=1, n_ingested=1)


def test_a_collection_that_is_not_there_is_said_so(client: QdrantClient) -> None:
    """Opening names what is missing; a collection that somebody else made is not taken for an index."""
    with pytest.raises(CollectionNotFound, match="'manuals'"):
        QdrantStore.open(SETTINGS, "manuals", client=client)
    client.create_collection("alien", vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT))
    with pytest.raises(CollectionNotFound, match=r"'alien'"):
        QdrantStore.open(SETTINGS, "alien", client=client)
    with pytest.raises(StoreError, match="there already is collection 'alien'"):
        _create(client, "alien")
    assert client.collection_exists("alien")


def test_creating_twice_touches_nothing(client: QdrantClient) -> None:
    """The second is refused, whatever the first holds."""
    with _create(client) as store:
        store.upsert(random_points(2))
        with pytest.raises(StoreError, match="there already is"):
            _create(client)
        assert store.count() == 2


def test_a_creation_that_broke_off_can_be_repeated(client: QdrantClient) -> None:
    """Without its passport an index cannot be opened; creating it again works."""
    with _create(client) as store:
        store._ledger.delete_passport()
    with pytest.raises(CollectionNotFound, match="broke off"):
        QdrantStore.open(SETTINGS, "manuals", client=client)
    with _create(client) as store:
        assert store.count() == 0


def test_dropping_leaves_nothing(client: QdrantClient) -> None:
    """Both collections and the aliases go, and the store is closed."""
    store = _create(client)
    store.publish("live")
    store.drop()
    assert (client.get_collections().collections, client.get_aliases().aliases) == ([], [])
    with pytest.raises(StoreError, match="is closed"):
        store.count()


def _vector(**changes: Any) -> models.VectorParams:
    max_sim = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    plain: dict[str, Any] = {"size": DIM, "distance": models.Distance.DOT, "multivector_config": max_sim}
    return models.VectorParams(**{**plain, "datatype": models.Datatype.TURBO8, **changes})


POOLED = _vector(datatype=models.Datatype.FLOAT16)
TEXT = {"text": models.SparseVectorParams(modifier=models.Modifier.IDF)}


@pytest.mark.parametrize(
    ("vectors", "sparse", "fault"),
    [
        ({"full": _vector()}, TEXT, "vector 'pooled' is missing"),
        ({"full": _vector(size=64), "pooled": POOLED}, TEXT, f"full has size 64, not {DIM}"),
        ({"full": _vector(distance=models.Distance.COSINE), "pooled": POOLED}, TEXT, "distance Cosine, not Dot"),
        ({"full": _vector(multivector_config=None), "pooled": POOLED}, TEXT, "comparator None, not max_sim"),
        ({"full": _vector(datatype=None), "pooled": POOLED}, TEXT, "datatype float32, not turbo8"),
        ({"full": _vector(), "pooled": _vector()}, TEXT, "pooled has datatype turbo8, not float16"),
        ({"full": _vector(), "pooled": POOLED}, {}, "sparse vector 'text' is missing"),
        (
            {"full": _vector(), "pooled": POOLED},
            {"text": models.SparseVectorParams()},
            "text has modifier None, not idf",
        ),
    ],
)
def test_a_collection_laid_out_otherwise_is_refused(
    client: QdrantClient, vectors: Any, sparse: Any, fault: str
) -> None:
    """The message names what differs and the way out."""
    _create(client).close()
    client.delete_collection("manuals")
    client.create_collection("manuals", vectors_config=vectors, sparse_vectors_config=sparse)
    with pytest.raises(PassportMismatch, match=f"{fault}.*new collection"):
        QdrantStore.open(SETTINGS, "manuals", client=client)


def test_a_passport_of_another_release_is_refused(client: QdrantClient) -> None:
    """Its schema version decides."""
    with _create(client) as store:
        store._ledger.put_passport(replace(PASSPORT, schema_version=99))
    with pytest.raises(PassportMismatch, match="schema version 99"):
        QdrantStore.open(SETTINGS, "manuals", client=client)


def test_pages_that_somebody_else_removed_count_as_a_write(client: QdrantClient) -> None:
    """So that a search that found them is repeated, as it is after one's own writes."""
    with _create(client) as store, QdrantStore.open(SETTINGS, "manuals", client=client) as other:
        store.upsert(random_points(2))
        pages = list(store.scroll())
        revision = store.revision
        other.delete(In("page_index", (0,)))
        assert store.revision == revision
        with pytest.raises(InvalidInput, match="1 of 2 pages are not in collection 'manuals'"):
            store.embeddings(pages)
        assert store.revision > revision


def test_names_that_no_server_takes_are_refused(client: QdrantClient) -> None:
    """Before anything is sent."""
    for name in ("", "a/b", "a:b", "..", "x" * 201):
        with pytest.raises(InvalidInput, match="cannot be named so"):
            QdrantStore.create(SETTINGS, name, PASSPORT, client=client)
    with pytest.raises(InvalidInput, match="datatype 'int1' is unknown"):
        QdrantStore.create(SETTINGS, "manuals", replace(PASSPORT, datatype="int1"), client=client)


def test_more_hits_than_pages_are_not_asked_for(client: QdrantClient) -> None:
    """A server makes room for as many as it is asked for: ten million of nothing are none."""
    plan = QueryPlan(vectors=np.eye(1, DIM, dtype=np.float32), limit=10_000_000, shortlist=10_000_000)
    with _create(client) as store:
        assert store.query(plan) == []
        store.upsert(random_points(2))
        assert len(store.query(plan)) == 2
        assert len(store.query_text(TextPlan(text="page", limit=10_000_000))) == 2
