"""Searches through the whole of retrieval against brute force over the same vectors."""

from pathlib import Path

import numpy as np
import pytest
from oracle.corpus import Reranking
from PIL import Image

from visual_rag.embed.protocol import CorpusSample
from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, PagePoint, PageRecord, make_document_id, make_page_id
from visual_rag.retrieve.search import PageSearcher
from visual_rag.scoring import maxsim
from visual_rag.settings import SearchSettings
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import In, Not
from visual_rag.store.images import PageImages
from visual_rag.store.schema import DOCUMENT_ID, PAGE_ID, page_payload
from visual_rag.testing import FakeEmbedder, make_page

WORDS = "pump seal wiring diagram torque bolt filter oil valve gear motor shaft error reset chart table".split()
QUESTIONS = ("pump seal", "torque of the bolt", "gear", "wiring diagram of the motor", "oil filter valve")
N_PAGES = 120


def fill(folder: Path, embedder: FakeEmbedder) -> tuple[EdgeStore, dict[str, FloatArray]]:
    """Store pages of random words, ten to a document; return the store and each page's vectors as embedded."""
    passport = IndexPassport(
        model=embedder.identity, dpi=72, renderer="pdfium", pooling=embedder.pooling, datatype="float16"
    )
    store, vectors, points = EdgeStore.create(folder, passport), {}, []
    random = np.random.default_rng(7)
    for number in range(N_PAGES):
        words = [*random.choice(WORDS, size=random.integers(3, 9)), f"page{number}"]
        [embedding] = embedder.embed_pages([make_page(" ".join(words), number)])
        document_id = make_document_id(f"file:///{number // 10}.pdf")
        record = PageRecord(
            page_id=make_page_id(document_id, number % 10), document_id=document_id,
            document_name=f"{number // 10}.pdf", source_uri=f"file:///{number // 10}.pdf", page_index=number % 10,
            n_pages=10, label=str(number % 10 + 1), page_hash=f"{number:064x}", width_px=10, height_px=10, dpi=72,
            n_vectors=len(embedding.vectors),
        )  # fmt: skip
        vectors[record.page_id] = embedding.vectors
        points.append(
            PagePoint(page_id=record.page_id, embedding=embedding, pooled=embedder.pool(embedding),
                      payload=page_payload(record))
        )  # fmt: skip
    store.upsert(points)
    return store, vectors


def searcher(store: EdgeStore, embedder: FakeEmbedder, folder: Path, **settings: object) -> PageSearcher:
    """A searcher with settings; no image is kept."""
    return PageSearcher(
        store, embedder, PageImages(str(folder / "images")), SearchSettings(**{"channels": "visual", **settings})
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_exact_search_equals_brute_force(tmp_path: Path, question: str) -> None:
    """Same pages in the same order, ties aside; scores within 1 %."""
    embedder = FakeEmbedder()
    store, vectors = fill(tmp_path / "vectors", embedder)
    query = embedder.embed_queries([question])[0].vectors
    expected = sorted((maxsim(query, rows) for rows in vectors.values()), reverse=True)[:10]
    hits = searcher(store, embedder, tmp_path).search(question, k=10)
    assert [hit.score for hit in hits] == pytest.approx(expected, rel=1e-2)
    for hit in hits:
        assert hit.score == pytest.approx(maxsim(query, vectors[hit.page.page_id]), rel=1e-2)
        assert hit.scored_by == "maxsim"
        assert hit.similarity == pytest.approx(hit.score / len(query), rel=1e-3)
    assert [hit.rank for hit in hits] == list(range(1, 11))


@pytest.mark.parametrize("question", QUESTIONS)
def test_two_stages_with_a_long_shortlist_equal_exact_search(tmp_path: Path, question: str) -> None:
    """The second stage is exact: only the shortlist can lose a page. Pages that tie may change places."""
    embedder = FakeEmbedder()
    store, _ = fill(tmp_path / "vectors", embedder)
    exact = searcher(store, embedder, tmp_path, mode="exact").search(question, k=5)
    staged = searcher(store, embedder, tmp_path, mode="two-stage", min_shortlist=N_PAGES).search(question, k=5)
    assert [hit.score for hit in staged] == [hit.score for hit in exact]
    clear = [hit.page.page_id for hit in exact if hit.score > exact[-1].score]
    assert sorted(clear) == sorted(hit.page.page_id for hit in staged if hit.score > exact[-1].score)


@pytest.mark.parametrize("question", QUESTIONS)
def test_rerank_equals_the_same_scoring_of_every_page(tmp_path: Path, question: str) -> None:
    """What comes back from the store scores as what went in, within 1 %."""
    embedder = Reranking()
    store, vectors = fill(tmp_path / "vectors", embedder)
    everything = CorpusSample(pages=list(vectors.values()))
    [query] = embedder.embed_queries([question])
    scores, similarities = embedder.rerank(query, list(vectors.values()), everything)
    by_page = dict(zip(vectors, zip(scores, similarities, strict=True), strict=True))
    hits = searcher(store, embedder, tmp_path).search(question, k=10)
    assert [hit.score for hit in hits] == pytest.approx(sorted(scores, reverse=True)[:10], rel=2e-2)
    for hit in hits:
        assert (hit.score, hit.similarity) == pytest.approx(by_page[hit.page.page_id], rel=2e-2, abs=1e-2)
        assert hit.scored_by == "soft_bm25"


@pytest.mark.parametrize("mode", ["exact", "two-stage"])
@pytest.mark.parametrize("kind", [FakeEmbedder, Reranking])
def test_a_condition_lets_no_other_page_through(tmp_path: Path, kind: type[FakeEmbedder], mode: str) -> None:
    """In any plan, and it finds all that meet it."""
    embedder = kind()
    store, vectors = fill(tmp_path / "vectors", embedder)
    document_id = make_document_id("file:///3.pdf")
    expected = {make_page_id(document_id, page_index) for page_index in range(10)}
    if isinstance(embedder, Reranking):  # soft BM25 leaves out the pages without the word
        [query], own = embedder.embed_queries(["pump"]), sorted(expected)
        scores, _ = embedder.rerank(query, [vectors[page] for page in own], CorpusSample(pages=list(vectors.values())))
        expected = {page for page, score in zip(own, scores, strict=True) if score > 0}
    found = searcher(store, embedder, tmp_path, mode=mode).search(
        "pump", k=N_PAGES, where=In(DOCUMENT_ID, (document_id,))
    )
    assert expected
    assert {hit.page.page_id for hit in found} == expected


@pytest.mark.parametrize("kind", [FakeEmbedder, Reranking])
def test_a_shortlist_from_row_lists_is_made_of_pages_that_pass(tmp_path: Path, kind: type[FakeEmbedder]) -> None:
    """A filter against the question costs no hit: what passes is chosen from, not what looks best anywhere."""
    embedder = kind()
    store, _ = fill(tmp_path / "vectors", embedder)
    store.rows.least_pages = 1
    store.maintain()
    assert store.row_matches(embedder.embed_queries(["pump"])[0].vectors, n_rows=10_000) is not None
    best = searcher(store, embedder, tmp_path, mode="exact").search("pump seal", k=20)
    others = Not(In(PAGE_ID, tuple(hit.page.page_id for hit in best)))
    exact = searcher(store, embedder, tmp_path, mode="exact").search("pump seal", k=5, where=others)
    staged = searcher(store, embedder, tmp_path, mode="two-stage", min_shortlist=60, shortlist_share=0.0)
    found = staged.search("pump seal", k=5, where=others)
    assert exact
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in exact], rel=2e-2)


def test_words_that_stand_nowhere_find_nothing(tmp_path: Path) -> None:
    """A page with a score of zero is no answer; MaxSim alone cannot tell, soft BM25 can."""
    embedder = Reranking()
    store, _ = fill(tmp_path / "vectors", embedder)
    assert searcher(store, embedder, tmp_path).search("xyzzy", k=5) == []


def test_a_threshold_leaves_out_weaker_hits_only(tmp_path: Path) -> None:
    """Ranks stay those of the whole search."""
    embedder = FakeEmbedder()
    store, _ = fill(tmp_path / "vectors", embedder)
    search = searcher(store, embedder, tmp_path).search
    every, some = search("pump seal", k=50), search("pump seal", k=50, settings=SearchSettings(min_similarity=0.9))
    assert 0 < len(some) < len(every)
    assert some == every[: len(some)]


def test_a_picture_finds_its_own_page(tmp_path: Path) -> None:
    """Image queries take the same way."""
    embedder = FakeEmbedder()
    store, _ = fill(tmp_path / "vectors", embedder)
    assert len(searcher(store, embedder, tmp_path).search(Image.new("RGB", (8, 8)), k=3)) == 3


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    """And does not fail."""
    embedder = FakeEmbedder()
    passport = IndexPassport(model=embedder.identity, dpi=72, renderer="pdfium", pooling=embedder.pooling)
    store = EdgeStore.create(tmp_path / "vectors", passport)
    assert searcher(store, embedder, tmp_path).search("pump") == []
