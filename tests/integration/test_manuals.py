"""The main job on the sample manuals, with the bundled model and by pixels alone."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import QueryBundle
from PIL import Image

from visual_rag import VisualIndex
from visual_rag.errors import PassportMismatch, StoreLocked
from visual_rag.settings import RenderSettings
from visual_rag.testing import FakeEmbedder

DEMO = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "demo.py"))


@pytest.fixture(scope="module")
def labelled(manuals: Path) -> list[dict[str, object]]:
    """Questions and the page that answers each."""
    return [json.loads(line) for line in (manuals / "queries.jsonl").read_text(encoding="utf8").splitlines()]


@pytest.fixture(scope="module")
def index(manuals: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VisualIndex]:
    """All sample manuals in one index."""
    with VisualIndex.create(tmp_path_factory.mktemp("manuals") / "index") as made:
        report = made.add(manuals)
        assert report.failed == []
        assert report.n_pages >= 40
        yield made


@pytest.mark.parametrize("question", DEMO["QUESTIONS"])
def test_each_question_of_the_demo_finds_its_page_at_rank_one(
    index: VisualIndex, labelled: list[dict[str, object]], question: str
) -> None:
    """The labels are those that ship with the manuals."""
    [label] = [label for label in labelled if label["query"] == question]
    best = index.search(question)[0]
    assert (best.page.document_name, best.page.page_index) == (label["pdf"], label["pages"][0])  # type: ignore[index]
    assert best.scored_by == "soft_bm25"
    assert 0.5 < best.similarity <= 1


def test_nearly_every_labelled_question_finds_its_page_among_five(
    index: VisualIndex, labelled: list[dict[str, object]]
) -> None:
    """Scanned pages included; at least nine in ten."""
    found = [
        (label["pdf"], label["pages"][0]) in {(hit.page.document_name, hit.page.page_index) for hit in hits}  # type: ignore[index]
        for label in labelled
        for hits in [index.search(str(label["query"]))]
    ]
    assert len(found) >= 25
    assert sum(found) >= 0.9 * len(found)


def test_the_scanned_manual_has_no_text_layer_and_is_found_all_the_same(index: VisualIndex) -> None:
    """By pixels alone means by pixels alone."""
    hits = index.search("exploded view of the headstock gearbox", k=1)
    assert hits[0].page.document_name == "lathe.pdf"
    assert all(not page.text for page in index.searcher.pages() if page.document_name == "lathe.pdf")


def test_a_search_may_be_limited_to_documents(index: VisualIndex) -> None:
    """By name."""
    hits = index.search("exploded view", k=20, documents=["press.pdf"])
    assert {hit.page.document_name for hit in hits} == {"press.pdf"}


def test_the_retriever_gives_image_nodes_in_the_same_order(index: VisualIndex) -> None:
    """Each with the page's picture and what a citation needs."""
    question = "what does error code E-21 mean"
    nodes = index.as_retriever(similarity_top_k=3).retrieve(QueryBundle(question))
    hits = index.search(question, k=3)
    assert [node.node.node_id for node in nodes] == [hit.page.page_id for hit in hits]
    assert nodes[0].metadata["file_name"] == "pump.pdf"
    with Image.open(nodes[0].node.resolve_image()) as picture:  # type: ignore[attr-defined]
        assert min(picture.size) > 500


def test_a_second_opener_is_told_who_holds_the_index(index: VisualIndex) -> None:
    """By process number."""
    import os

    with pytest.raises(StoreLocked, match=str(os.getpid())):
        VisualIndex.open(index.folder)


def test_another_model_or_dpi_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """At the door, before any vector is mixed."""
    VisualIndex.create(tmp_path / "index").close()
    with pytest.raises(PassportMismatch, match="model='spotter'"):
        VisualIndex.open(tmp_path / "index", model=FakeEmbedder())
    with pytest.raises(PassportMismatch, match="dpi 120"):
        VisualIndex.open(tmp_path / "index", render=RenderSettings(dpi=200))
    with VisualIndex.open(tmp_path / "index", render=RenderSettings(dpi=120)) as index:
        assert index.info().size.n_pages == 0


def test_an_index_of_ones_own_embedder_asks_for_it(tmp_path: Path, manuals: Path) -> None:
    """It goes by no name that could be loaded."""
    VisualIndex.create(tmp_path / "index", model=FakeEmbedder()).close()
    with VisualIndex.open(tmp_path / "index", model=FakeEmbedder()) as index:
        assert index.add(manuals / "report.pdf").n_pages > 0
