"""The main job on the sample manuals, with the bundled model and by pixels alone."""

import html
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import QueryBundle
from PIL import Image

from visual_rag import VisualIndex
from visual_rag.errors import PassportMismatch, StoreLocked
from visual_rag.records import DocumentState
from visual_rag.settings import RenderSettings
from visual_rag.testing import FakeEmbedder

DEMO_FILE = Path(__file__).parents[2] / "examples" / "demo.py"
DEMO = runpy.run_path(str(DEMO_FILE))


@pytest.fixture(scope="module")
def labelled(manuals: Path) -> list[dict[str, object]]:
    """Questions and the page that answers each."""
    return [json.loads(line) for line in (manuals / "queries.jsonl").read_text(encoding="utf8").splitlines()]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo, run as `make demo` runs it: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(DEMO_FILE), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return folder, done.stdout


@pytest.fixture(scope="module")
def index(demo: tuple[Path, str]) -> Iterator[VisualIndex]:
    """The index that the demo made: all sample manuals."""
    with VisualIndex.open(demo[0] / "demo_index") as opened:
        yield opened


def test_the_demo_prints_ranked_pages_and_shows_them(demo: tuple[Path, str], index: VisualIndex) -> None:
    """Five questions; document, page and score; one picture, one web page; what to try next."""
    folder, printed = demo
    assert index.info().size.n_pages >= 40
    assert all(record.state is DocumentState.READY for record in index.documents())
    for question in DEMO["QUESTIONS"]:
        assert question.split()[0] in printed
    assert len(re.findall(r"^ *1 +\S+\.pdf +\d+ +\d+\.\d\d", printed, re.MULTILINE)) == len(DEMO["QUESTIONS"]) == 5
    assert printed.count("visual-rag") >= 3
    with Image.open(folder / "found.png") as picture:
        assert picture.width > 1000
    page = (folder / "found.html").read_text(encoding="utf8")
    assert all(html.escape(question) in page for question in DEMO["QUESTIONS"])
    assert not re.search(r"(?:src|href)=[\"']?https?:", page)


@pytest.mark.parametrize("question", DEMO["QUESTIONS"])
def test_each_question_of_the_demo_finds_its_page_at_rank_one(
    index: VisualIndex, labelled: list[dict[str, object]], question: str
) -> None:
    """The labels are those that ship with the manuals."""
    [label] = [label for label in labelled if label["query"] == question]
    best = index.search(question)[0]
    assert (best.page.document_name, best.page.page_index) == (label["pdf"], label["pages"][0])  # type: ignore[index]
    assert best.scored_by == "rrf(soft_bm25, bm25)"
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
    assert all(not page.text for page in index.pages() if page.document_name == "lathe.pdf")


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
    """Here it is the same process; another one is named by its number."""
    with pytest.raises(StoreLocked, match="this process itself"):
        VisualIndex.open(index.folder)


def test_another_model_or_dpi_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """At the door, before any vector is mixed."""
    VisualIndex.create(tmp_path / "index").close()
    with pytest.raises(PassportMismatch, match="go on with spotter"):
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
