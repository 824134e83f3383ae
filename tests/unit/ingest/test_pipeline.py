"""What an ingest promises: nothing twice, nothing lost, one bad file costs only itself."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from visual_rag import VisualIndex
from visual_rag.errors import (
    DamagedDocument,
    InvalidInput,
    ModelLoadError,
    ModelUnavailable,
    SourceUnavailable,
    StoreError,
    UnhealthyEmbedding,
)
from visual_rag.ingest.removal import remove_documents
from visual_rag.records import DocumentState, IngestProgress, Page, PageEmbedding, PagePoint
from visual_rag.settings import RenderSettings
from visual_rag.store.filters import In
from visual_rag.testing import FakeEmbedder


def draw(path: Path, *texts: str) -> Path:
    """Write one picture, or a TIFF of several frames, each with its own words drawn on it."""
    frames = []
    for text in texts:
        frame = Image.new("RGB", (200, 80), "white")
        ImageDraw.Draw(frame).text((10, 30), text, fill="black")
        frames.append(frame)
    frames[0].save(path, save_all=len(frames) > 1, append_images=frames[1:]) if len(frames) > 1 else frames[0].save(
        path
    )
    return path


@pytest.fixture
def embedder() -> FakeEmbedder:
    """Counts what it embeds."""
    return FakeEmbedder()


@pytest.fixture
def index(tmp_path: Path, embedder: FakeEmbedder) -> VisualIndex:
    """An empty index."""
    return VisualIndex.create(tmp_path / "index", model=embedder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for documents."""
    made = tmp_path / "documents"
    made.mkdir()
    return made


def page_numbers(index: VisualIndex) -> dict[str, list[int]]:
    """Pages of the index by document name."""
    found: dict[str, list[int]] = {}
    for record in index.pages():
        found.setdefault(record.document_name, []).append(record.page_number)
    return {name: sorted(numbers) for name, numbers in found.items()}


def test_ingesting_twice_embeds_nothing_the_second_time(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder
) -> None:
    """Same bytes at the same place: nothing is read but the file itself."""
    draw(folder / "a.png", "one")
    index.add(folder)
    report = index.add(folder)
    assert (report.n_pages_embedded, list(report.unchanged), list(report.ingested)) == (0, ["a.png"], [])
    assert embedder.n_pages_embedded == 1


def test_a_changed_file_embeds_only_its_changed_pages(index: VisualIndex, folder: Path, embedder: FakeEmbedder) -> None:
    """Pages are recognised by their pixels."""
    draw(folder / "a.tif", "one", "two", "three")
    index.add(folder)
    draw(folder / "a.tif", "one", "changed", "three")
    report = index.add(folder)
    assert (report.n_pages_embedded, report.n_pages_reused) == (1, 2)
    assert embedder.n_pages_embedded == 4
    assert page_numbers(index) == {"a.tif": [1, 2, 3]}


def test_a_page_put_in_front_moves_the_others_without_embedding_them(index: VisualIndex, folder: Path) -> None:
    """Each page keeps its own vectors at its new place."""
    draw(folder / "a.tif", "one", "two")
    index.add(folder)
    vectors = {page.page_hash: index._store.embeddings([page])[0].vectors for page in index.pages()}
    draw(folder / "a.tif", "new", "one", "two")
    report = index.add(folder)
    assert (report.n_pages_embedded, report.n_pages_reused) == (1, 2)
    assert page_numbers(index) == {"a.tif": [1, 2, 3]}
    for page in index.pages():
        if page.page_hash in vectors:
            assert np.allclose(index._store.embeddings([page])[0].vectors, vectors[page.page_hash], atol=0.02)


def test_pages_that_a_shorter_version_no_longer_has_are_removed_with_their_images(
    index: VisualIndex, folder: Path
) -> None:
    """Nothing stale is left to be found; other documents keep what is theirs."""
    draw(folder / "a.tif", "one", "two", "three")
    draw(folder / "b.png", "three")
    index.add(folder)
    [last] = [page for page in index.pages() if page.document_name == "a.tif" and page.page_number == 3]
    draw(folder / "a.tif", "one", "other")
    index.add(folder)
    assert page_numbers(index) == {"a.tif": [1, 2], "b.png": [1]}
    assert index._images.hashes() == {page.page_hash for page in index.pages()}
    assert index.page_image(last)  # b.png shows the same


@pytest.mark.parametrize("n_new", [1, 8, 9])
def test_pages_put_in_front_of_a_long_document_are_all_that_is_embedded(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder, n_new: int
) -> None:
    """Although every batch overwrites the pages that the next one needs."""
    old = [f"old page {number}" for number in range(24)]
    draw(folder / "a.tif", *old)
    index.add(folder)
    draw(folder / "a.tif", *(f"new page {number}" for number in range(n_new)), *old)
    report = index.add(folder)
    assert (report.n_pages_embedded, report.n_pages_reused) == (n_new, 24)
    assert embedder.n_pages_embedded == 24 + n_new
    assert page_numbers(index) == {"a.tif": list(range(1, 25 + n_new))}


def test_pages_taken_out_in_front_embed_nothing(index: VisualIndex, folder: Path, embedder: FakeEmbedder) -> None:
    """The rest moves up."""
    pages = [f"page {number}" for number in range(20)]
    draw(folder / "a.tif", *pages)
    index.add(folder)
    draw(folder / "a.tif", *pages[5:])
    report = index.add(folder)
    assert (report.n_pages_embedded, report.n_pages_reused) == (0, 15)
    assert page_numbers(index) == {"a.tif": list(range(1, 16))}


def test_an_index_among_the_documents_does_not_ingest_its_own_images(folder: Path) -> None:
    """However often it is added."""
    draw(folder / "a.png", "one")
    with VisualIndex.create(folder / "manuals.index", model=FakeEmbedder()) as index:
        for _ in range(3):
            index.add(folder)
        assert [record.document.name for record in index.documents()] == ["a.png"]


def test_an_index_is_not_made_among_somebodys_files(folder: Path) -> None:
    """A folder of documents is not taken for a place to write to."""
    draw(folder / "a.png", "one")
    with pytest.raises(StoreError, match=r"a\.png"):
        VisualIndex.create(folder, model=FakeEmbedder())
    assert [path.name for path in folder.iterdir()] == ["a.png"]


def test_a_removal_that_was_cut_off_is_mended_by_the_next_ingest(index: VisualIndex, folder: Path) -> None:
    """Pages gone, ledger record still there: the document is not taken for whole."""
    draw(folder / "a.png", "one")
    index.add(folder)
    [record] = index.documents()

    class Cut(Exception):
        pass

    class Stopping:
        def __getattr__(self, name: str) -> object:
            if name == "delete_document":
                raise Cut
            return getattr(index._store, name)

    with pytest.raises(Cut):
        remove_documents(Stopping(), index._images, [record])  # type: ignore[arg-type]
    assert page_numbers(index) == {}
    index.add(folder)
    assert page_numbers(index) == {"a.png": [1]}


def test_images_left_by_a_killed_run_are_swept_by_the_next(index: VisualIndex, folder: Path) -> None:
    """Whatever no page refers to."""
    draw(folder / "a.png", "one")
    index.add(folder)
    index._images.put("ab" * 32, b"left over", "image/webp")
    draw(folder / "a.png", "changed")
    index.add(folder)
    assert index._images.hashes() == {page.page_hash for page in index.pages()}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda made: replace(made, regions=made.regions + 1.5), "UnhealthyEmbedding"),
        (lambda made: replace(made, vectors=np.full_like(made.vectors, np.nan)), "UnhealthyEmbedding"),
        (lambda made: replace(made, vectors=made.vectors[:, :5]), "UnhealthyEmbedding"),
    ],
)
def test_unusable_embeddings_cost_their_page_and_nothing_else(
    tmp_path: Path, folder: Path, fault: Callable[[PageEmbedding], PageEmbedding], reason: str
) -> None:
    """Regions outside the page, NaN, the wrong dim: each page of it is in the report."""

    class Faulty(FakeEmbedder):
        def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
            return [
                fault(made) if page.image.height > 100 else made
                for page, made in zip(pages, super().embed_pages(pages), strict=True)
            ]

    frames = [Image.new("L", (50, height), shade) for height, shade in ((60, 0), (140, 90), (140, 90), (60, 200))]
    frames[0].save(folder / "a.tif", save_all=True, append_images=frames[1:])
    index = VisualIndex.create(tmp_path / "index", model=Faulty())
    [record] = index.add(folder).ingested
    assert [(failure.page_number, failure.reason) for failure in record.failures] == [(2, reason), (3, reason)]
    assert page_numbers(index) == {"a.tif": [1, 4]}


def test_strict_without_a_failure_is_no_different(index: VisualIndex, folder: Path) -> None:
    """A shorter version loses its last pages all the same."""
    draw(folder / "a.tif", "one", "two", "three")
    index.add(folder, strict=True)
    draw(folder / "a.tif", "one", "two")
    index.add(folder, strict=True)
    assert page_numbers(index) == {"a.tif": [1, 2]}


def test_a_page_of_the_old_version_never_stays_in_the_new_one(tmp_path: Path, folder: Path) -> None:
    """Not even when the new version was cut off first, and one of its pages fails after that."""

    class Moody(FakeEmbedder):
        mood = "well"

        def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
            if self.mood == "interrupted":
                raise KeyboardInterrupt
            if self.mood == "sick" and any(page.page_index == 1 for page in pages):
                raise UnhealthyEmbedding("row 0 is not finite")
            return super().embed_pages(pages)

    embedder = Moody()
    index = VisualIndex.create(tmp_path / "index", model=embedder)
    draw(folder / "a.tif", "old one", "old two", "old three")
    index.add(folder)
    draw(folder / "a.tif", "new one", "new two", "new three")
    embedder.mood = "interrupted"
    with pytest.raises(KeyboardInterrupt):
        index.add(folder)
    embedder.mood = "sick"
    [record] = index.add(folder).ingested
    assert (record.state, record.n_ingested) == (DocumentState.PARTIAL, 2)
    assert page_numbers(index) == {"a.tif": [1, 3]}


def test_a_lost_page_image_is_made_anew_without_the_model(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder
) -> None:
    """The document is not taken for whole."""
    draw(folder / "a.png", "one")
    draw(folder / "b.png", "two")
    index.add(folder)
    lost = next(index.pages())
    index._images.delete([lost.page_hash])
    report = index.add(folder)
    assert len(report.unchanged) == 1
    assert index.page_image(lost)
    assert embedder.n_pages_embedded == 2


def test_foreign_files_among_the_images_are_let_be(index: VisualIndex, folder: Path) -> None:
    """File managers leave such things everywhere."""
    draw(folder / "a.png", "one")
    index.add(folder)
    (index.folder / "images" / ".DS_Store").write_bytes(b"x")
    index.remove("a.png")
    assert (index.folder / "images" / ".DS_Store").exists()


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path, folder: Path) -> None:
    """By its length."""
    draw(folder / "a.png", "one")
    index = VisualIndex.create(tmp_path / "index", model=FakeEmbedder(), render=RenderSettings(max_file_bytes=10))
    [record] = index.add(folder).failed
    assert record.failures[0].reason == "LimitExceeded"


def test_a_pipe_is_no_document(index: VisualIndex, folder: Path) -> None:
    """It would never end."""
    os.mkfifo(folder / "pipe.pdf")
    [record] = index.add(folder / "pipe.pdf").failed
    assert "regular file" in record.failures[0].message


def test_a_copy_under_another_name_is_stored_and_not_embedded(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder
) -> None:
    """Two files of the same name in two folders are two documents."""
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    draw(folder / "one" / "manual.png", "pump")
    draw(folder / "two" / "manual.png", "pump")
    report = index.add(folder)
    assert embedder.n_pages_embedded == 1
    assert report.n_pages == 2
    assert len(index.documents()) == 2


def test_a_page_with_the_same_pixels_twice_is_embedded_once(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder
) -> None:
    """Within one document, too."""
    draw(folder / "a.tif", "same", "same", "other")
    index.add(folder)
    assert embedder.n_pages_embedded == 2
    assert page_numbers(index) == {"a.tif": [1, 2, 3]}


def test_a_broken_file_costs_only_itself(index: VisualIndex, folder: Path) -> None:
    """It is in the report and the ledger, with a reason; the others are in the index."""
    draw(folder / "a.png", "one")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (folder / "empty.png").write_bytes(b"")
    draw(folder / "z.png", "two")
    report = index.add(folder)
    assert [record.document.name for record in report.failed] == ["broken.pdf", "empty.png"]
    assert all(record.failures[0].message for record in report.failed)
    states = {record.document.name: record.state for record in index.documents()}
    assert states["broken.pdf"] is states["empty.png"] is DocumentState.FAILED
    assert states["a.png"] is states["z.png"] is DocumentState.READY


def test_a_document_that_breaks_keeps_the_pages_it_had(index: VisualIndex, folder: Path) -> None:
    """A half-written file must not empty the index; the ledger says what happened."""
    draw(folder / "a.png", "one")
    index.add(folder)
    (folder / "a.png").write_bytes(b"half")
    report = index.add(folder)
    assert page_numbers(index) == {"a.png": [1]}
    assert report.failed[0].n_ingested == 1


def test_strict_raises_at_the_first_failure(index: VisualIndex, folder: Path) -> None:
    """In the class that says why, with the document's name; the ledger knows of it."""
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(DamagedDocument, match=r"broken\.pdf"):
        index.add(folder, strict=True)


def test_a_missing_path_is_named_and_no_path_is_refused(index: VisualIndex, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(SourceUnavailable, match="nowhere"):
        index.add(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no path"):
        index.add()


class _OnePageIsSick(FakeEmbedder):
    """Fails for whole batches that hold a tall page, as a model does that runs out of memory."""

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        if any(page.image.height > 100 for page in pages):
            raise UnhealthyEmbedding("row 0 is not finite")
        return super().embed_pages(pages)


def test_a_page_that_cannot_be_embedded_costs_only_itself(tmp_path: Path, folder: Path) -> None:
    """The rest of its batch is embedded one by one."""
    index = VisualIndex.create(tmp_path / "index", model=_OnePageIsSick())
    frames = [Image.new("L", (50, height), shade) for height, shade in ((60, 0), (140, 90), (60, 200))]
    frames[0].save(folder / "a.tif", save_all=True, append_images=frames[1:])
    report = index.add(folder)
    [record] = report.ingested
    assert record.state is DocumentState.PARTIAL
    assert [failure.page_number for failure in record.failures] == [2]
    assert "not finite" in record.failures[0].message
    assert page_numbers(index) == {"a.tif": [1, 3]}


def test_progress_counts_every_page_and_never_passes_its_estimate(index: VisualIndex, folder: Path) -> None:
    """The last report is complete."""
    draw(folder / "a.tif", "one", "two", "three")
    draw(folder / "b.png", "four")
    seen: list[IngestProgress] = []
    index.add(folder, on_progress=seen.append)
    assert seen[-1].n_pages_done == seen[-1].n_pages_expected == 4
    assert all(report.n_pages_done <= report.n_pages_expected for report in seen)
    assert seen[-1].n_documents == 2
    assert [report.finished.document.name for report in seen if report.finished] == ["a.tif", "b.png"]


def test_removing_takes_pages_images_and_ledger_and_leaves_the_file(index: VisualIndex, folder: Path) -> None:
    """And the others stay."""
    draw(folder / "a.png", "one")
    draw(folder / "b.png", "two")
    index.add(folder)
    [gone] = [page for page in index.pages() if page.document_name == "a.png"]
    assert index.remove("a.png") == 1
    assert page_numbers(index) == {"b.png": [1]}
    assert [record.document.name for record in index.documents()] == ["b.png"]
    assert not index._images.has(gone.page_hash)
    assert (folder / "a.png").exists()


def test_removing_one_of_two_copies_keeps_the_shared_image(index: VisualIndex, folder: Path) -> None:
    """Images are shared by page hash."""
    draw(folder / "a.png", "same")
    draw(folder / "b.png", "same")
    index.add(folder)
    index.remove("a.png")
    [page] = index.pages()
    assert index.page_image(page)


def test_removing_what_is_not_there_or_ambiguous_is_refused(index: VisualIndex, folder: Path) -> None:
    """The message says which names there are to choose from."""
    for name in ("one", "two"):
        (folder / name).mkdir()
        draw(folder / name / "manual.png", name)
    index.add(folder)
    with pytest.raises(InvalidInput, match="no document"):
        index.remove("other.png")
    with pytest.raises(InvalidInput, match="means 2 documents"):
        index.remove("manual.png")
    with pytest.raises(InvalidInput, match="empty"):
        index.remove("")
    with pytest.raises(InvalidInput, match="list of names"):
        index.search("pump", documents="manual.png")
    assert index.remove(folder) == 2


def test_rows_of_zero_never_reach_the_store(tmp_path: Path, folder: Path) -> None:
    """A model that returns zeros is told off page by page."""

    class Zeros(FakeEmbedder):
        def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
            return [
                PageEmbedding(vectors=np.zeros_like(made.vectors), regions=made.regions, is_patch=made.is_patch)
                for made in super().embed_pages(pages)
            ]

    index = VisualIndex.create(tmp_path / "index", model=Zeros())
    draw(folder / "a.png", "one")
    report = index.add(folder)
    assert report.failed[0].failures[0].reason == "UnhealthyEmbedding"
    assert index.info().size.n_pages == 0


def test_small_documents_share_a_batch(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of pictures is embedded as fast as one long document; the report keeps the order of the files."""
    for number in range(20):
        draw(folder / f"{number:02}.png", f"picture {number}")
    sizes: list[int] = []
    embed = embedder.embed_pages

    def counted(pages: Sequence[Page]) -> list[PageEmbedding]:
        sizes.append(len(pages))
        return embed(pages)

    monkeypatch.setattr(embedder, "embed_pages", counted)
    report = index.add(folder)
    assert sizes == [8, 8, 4]
    assert [record.document.name for record in report.ingested] == [f"{number:02}.png" for number in range(20)]
    assert {record.state for record in report.ingested} == {DocumentState.READY}


def test_a_batch_is_stored_while_the_next_is_embedded(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a model on an accelerator does not wait for the disk."""
    draw(folder / "a.tif", *(f"page {number}" for number in range(16)))
    second_began, waited = threading.Event(), []
    embed, upsert = embedder.embed_pages, index._store.upsert

    def embedding(pages: Sequence[Page]) -> list[PageEmbedding]:
        if pages[0].page_index == 8:
            second_began.set()
        return embed(pages)

    def storing(points: Sequence[PagePoint]) -> None:
        waited.append(second_began.wait(timeout=20))
        upsert(points)

    monkeypatch.setattr(embedder, "embed_pages", embedding)
    monkeypatch.setattr(index._store, "upsert", storing)
    index.add(folder)
    assert waited == [True, True]
    assert page_numbers(index) == {"a.tif": list(range(1, 17))}


def test_equal_pages_of_neighbouring_batches_are_embedded_once(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder
) -> None:
    """Also while the first of them is not stored yet."""
    draw(folder / "a.tif", *(f"page {number}" for number in range(8)), "page 7", "page 8")
    draw(folder / "b.png", "page 8")
    report = index.add(folder)
    assert (report.n_pages_embedded, report.n_pages_reused) == (9, 2)
    assert embedder.n_pages_embedded == 9


def test_strict_keeps_what_came_before_the_failure(index: VisualIndex, folder: Path) -> None:
    """Pages that wait for their batch are stored, and their document is ready."""
    draw(folder / "a.png", "one")
    (folder / "b.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    draw(folder / "c.png", "three")
    with pytest.raises(DamagedDocument):
        index.add(folder, strict=True)
    assert page_numbers(index) == {"a.png": [1]}
    states = {record.document.name: record.state for record in index.documents()}
    assert states == {"a.png": DocumentState.READY, "b.pdf": DocumentState.FAILED}


def test_a_store_that_fails_ends_the_run_and_a_second_one_finishes_it(
    index: VisualIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the storing thread is the error of `add`."""
    draw(folder / "a.tif", *(f"page {number}" for number in range(20)))
    with monkeypatch.context() as patch:
        patch.setattr(index._store, "upsert", lambda points: (_ for _ in ()).throw(StoreError("the disk is full")))
        with pytest.raises(StoreError, match="disk is full"):
            index.add(folder)
    assert [record.state for record in index.documents()] == [DocumentState.INGESTING]
    index.add(folder)
    assert page_numbers(index) == {"a.tif": list(range(1, 21))}


def test_strict_leaves_a_document_that_was_cut_off_to_be_finished(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batch held a bad page of the document before it: it is not ready, and the next run ingests the rest."""
    draw(folder / "a.png", "bad")
    draw(folder / "b.tif", *(f"page {number}" for number in range(20)))
    embed = embedder.embed_pages

    def refusing(pages: Sequence[Page]) -> list[PageEmbedding]:
        if any(page.page_index == 0 and len(pages) == 1 for page in pages) or len(pages) == 8:
            raise UnhealthyEmbedding("bad")
        return embed(pages)

    monkeypatch.setattr(embedder, "embed_pages", refusing)
    with pytest.raises(UnhealthyEmbedding):
        index.add(folder, strict=True)
    monkeypatch.undo()
    assert {record.document.name: record.state for record in index.documents()}["b.tif"] is DocumentState.INGESTING
    assert index.n_missing_pages() == 0  # what is not finished is not lost
    index.add(folder)
    assert page_numbers(index) == {"a.png": [1], "b.tif": list(range(1, 21))}


@pytest.mark.parametrize("error", [ModelUnavailable("away"), ModelLoadError("refuses the key")])
def test_a_model_that_is_away_is_no_fault_of_a_page(
    index: VisualIndex, folder: Path, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The run ends; the next one goes on from there."""
    draw(folder / "a.tif", "one", "two")

    def away(pages: Sequence[Page]) -> list[PageEmbedding]:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(embedder, "embed_pages", away)
        with pytest.raises(type(error)):
            index.add(folder)
    assert index.documents()[0].state is DocumentState.INGESTING
    index.add(folder)
    assert page_numbers(index) == {"a.tif": [1, 2]}


def test_a_callback_may_search_but_not_write(index: VisualIndex, folder: Path) -> None:
    """It would wait for itself for ever."""
    draw(folder / "a.png", "one")
    for write in (lambda: index.add(folder), lambda: index.remove("a.png")):
        with pytest.raises(InvalidInput, match="on_progress may search"):
            index.add(draw(folder / "b.png", "two"), on_progress=lambda _, write=write: write())  # type: ignore[misc]
    assert sorted(page_numbers(index)) == ["b.png"]


def test_pages_that_were_lost_are_counted_and_come_back(index: VisualIndex, folder: Path) -> None:
    """The ledger knows what should be there."""
    draw(folder / "a.tif", "one", "two", "three")
    index.add(folder)
    assert index.n_missing_pages() == 0
    index._store.delete(In("page_index", (1,)))
    assert index.n_missing_pages() == 1
    index.add(folder)
    assert index.n_missing_pages() == 0
    assert page_numbers(index) == {"a.tif": [1, 2, 3]}


def test_a_password_is_a_text_or_a_function(index: VisualIndex, folder: Path) -> None:
    """Anything else is told at once."""
    with pytest.raises(InvalidInput, match="password is a int"):
        index.add(folder, password=5)  # type: ignore[arg-type]
