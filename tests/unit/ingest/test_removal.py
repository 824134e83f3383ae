"""What nothing refers to any more leaves the index, whatever left it there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from visual_rag.ingest.removal import sweep_images
from visual_rag.passport import IndexPassport
from visual_rag.store.edge import EdgeStore
from visual_rag.store.images import PageImages
from visual_rag.testing import FakeEmbedder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    """An empty index."""
    passport = IndexPassport(model=FakeEmbedder().identity, dpi=96, renderer="pdfium 5", pooling="runs8")
    with EdgeStore.create(tmp_path / "index", passport) as made:
        yield made


def test_images_that_a_kill_left_are_swept_half_written_ones_too(store: EdgeStore, tmp_path: Path) -> None:
    """No page has them, and no listing shows the half-written ones."""
    images = PageImages(tmp_path / "index")
    images.put("ab" * 32, b"image")
    (tmp_path / "index" / "images" / "ab" / "tmp12345.part").write_bytes(b"half an im")
    sweep_images(store, images)
    assert [path for path in (tmp_path / "index" / "images").rglob("*") if path.is_file()] == []
