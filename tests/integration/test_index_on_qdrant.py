"""A whole index whose store is Qdrant's client, in its local mode: no server is to be had in the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from qdrant_client import QdrantClient

from visual_rag import Examples, Field, Grouping, SearchSettings, ServerSettings, VisualIndex
from visual_rag.passport import IndexPassport
from visual_rag.settings import RenderSettings
from visual_rag.store.qdrant import QdrantStore
from visual_rag.testing import FakeEmbedder

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[VisualIndex]:
    """Three pictures on it."""
    embedder = FakeEmbedder()
    passport = IndexPassport(model=embedder.identity, dpi=72, renderer="pdfium 5", pooling=embedder.pooling)
    store = QdrantStore.create(ServerSettings(), "manuals", passport, client=QdrantClient(":memory:"))
    folder = tmp_path / "index"
    with VisualIndex(store, lambda: embedder, folder, RenderSettings(), SearchSettings()) as opened:
        for number in range(3):
            Image.new("RGB", (80, 100), (80 * number, 40, 40)).save(tmp_path / f"{number}.png")
        opened.add(*(tmp_path / f"{number}.png" for number in range(3)))
        yield opened


def test_it_is_filled_searched_and_emptied(index: VisualIndex, tmp_path: Path) -> None:
    """What the facade promises, over another store: nothing twice, the right page first, filters, groups, removal."""
    assert index.add(tmp_path / "1.png").n_pages_embedded == 0
    picture = Image.open(tmp_path / "1.png").convert("RGB")
    assert index.search(picture, k=1)[0].page.document_name == "1.png"
    index.set_metadata({"year": 2020}, documents=["0.png", "2.png"])
    assert {hit.page.document_name for hit in index.search(picture, where=Field("year") == 2020)} == {"0.png", "2.png"}
    assert index.facet("year") == {2020: 2}
    groups = index.search_groups(picture, Grouping(n_groups=2))
    assert next(group.document.document.name for group in groups if group.document) == "1.png"
    assert index.recommend(Examples(positive=[index.page("1.png", 1)]))[0].page.document_name != "1.png"
    assert index.remove("1.png") == 1
    assert index.count() == 2
    assert index.n_missing_pages() == 0
