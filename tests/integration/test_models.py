"""Any model by its folder: through the renderer, the pipeline, the store, the command line, and back."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints.build import Shelf

from visual_rag import VisualIndex
from visual_rag.embed.load import load_embedder
from visual_rag.errors import InvalidInput, ModelLoadError, PassportMismatch
from visual_rag.settings import ModelSettings
from visual_rag.store.protocol import QueryPlan
from visual_rag.testing import make_page

pytestmark = pytest.mark.filterwarnings(  # PaliGemma's processor in transformers 5.23 under numpy 2.4
    "ignore:__array__ implementation:DeprecationWarning"
)
FLOAT32 = ModelSettings(device="cpu", dtype="float32")
ALL_OF_THEM = 59


@pytest.fixture(scope="module", params=["ColPali", "ColQwen2_5"])
def ingested(
    request: pytest.FixtureRequest, shelf: Shelf, manuals: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An index of the sample manuals by a tiny model; the model lies beside it."""
    place = tmp_path_factory.mktemp(request.param)
    shutil.copytree(shelf.folder(request.param), place / "model")
    with VisualIndex.create(place / "index", model=str(place / "model"), model_settings=FLOAT32) as index:
        report = index.add(*sorted(manuals.glob("*.pdf")))
    assert (report.n_pages, report.failed) == (ALL_OF_THEM, [])
    return place


def test_a_page_is_found_by_its_own_vectors(ingested: Path) -> None:
    """At rank 1, through the store, with and without a shortlist."""
    with VisualIndex.open(ingested / "index") as index:
        pages = sorted(index.pages(), key=lambda page: page.page_id)[::12]
        for page, embedding in zip(pages, index._store.embeddings(pages), strict=True):
            for shortlist in (None, 20):
                plan = QueryPlan(vectors=embedding.vectors, limit=1, shortlist=shortlist)
                [best] = index._store.query(plan)
                assert best.page.page_id == page.page_id
                assert best.score == pytest.approx(len(embedding.vectors), rel=2e-2)


def test_searching_needs_no_model_argument(ingested: Path) -> None:
    """The index remembers; scores are MaxSim, similarities lie in [0, 1]."""
    with VisualIndex.open(ingested / "index", model_settings=FLOAT32) as index:
        hits = index.search("wiring diagram of the pump motor")
        assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
        assert {hit.scored_by for hit in hits} == {"maxsim"}
        assert all(0 <= hit.similarity <= 1 for hit in hits)
        node = index.as_retriever().retrieve("wiring diagram")[0]
        assert node.metadata["file_name"].endswith(".pdf")


def test_ingesting_again_embeds_nothing(ingested: Path, manuals: Path) -> None:
    """Not even the model is run."""
    with VisualIndex.open(ingested / "index") as index:
        assert index.add(manuals).n_pages_embedded == 0


def test_another_model_of_the_family_is_refused(ingested: Path, shelf: Shelf) -> None:
    """Same class, same dims, other weights."""
    with VisualIndex.open(ingested / "index") as index:
        architecture = index.info().passport.model.architecture
    with pytest.raises(PassportMismatch, match="differ in weights_hash"):
        VisualIndex.open(ingested / "index", model=str(shelf.folder(architecture, seed=1)))


def test_another_pooling_is_refused(ingested: Path) -> None:
    """An index never mixes two."""
    with (
        VisualIndex.open(ingested / "index", model_settings=ModelSettings(pool_factor=3)) as index,
        pytest.raises(PassportMismatch, match="differ in pooling"),
    ):
        index.search("pump")


def test_a_model_that_was_moved_is_named_anew(ingested: Path, tmp_path: Path) -> None:
    """Weights count, not where they lie; until it is named the error says what is missing."""
    shutil.copytree(ingested / "model", tmp_path / "moved")
    with VisualIndex.open(ingested / "index", model=str(tmp_path / "moved"), model_settings=FLOAT32) as index:
        assert index.search("pump")


def test_a_model_that_is_gone_is_asked_for(ingested: Path, tmp_path: Path) -> None:
    """The error says how to name it, in Python and on the command line."""
    shutil.copytree(ingested / "index", tmp_path / "index")
    shutil.move(ingested / "model", ingested / "aside")
    try:
        with VisualIndex.open(tmp_path / "index") as index, pytest.raises(ModelLoadError, match="--model FOLDER"):
            index.search("pump")
        printed = run("search", "pump", "--index", "index", "--model", ingested / "aside", folder=tmp_path)
        assert "similarity" in printed
    finally:
        shutil.move(ingested / "aside", ingested / "model")


@pytest.mark.parametrize(
    "setting", [{"pool_factor": 3}, {"max_visual_tokens": 64}, {"revision": "x"}, {"device": "mps"}]
)
def test_spotter_refuses_what_it_cannot_follow(tmp_path: Path, setting: dict[str, Any]) -> None:
    """What is silently ignored misleads."""
    with pytest.raises(InvalidInput, match="spotter cannot follow"):
        VisualIndex.create(tmp_path / "index", model_settings=ModelSettings(**setting))
    assert not (tmp_path / "index").exists()


def test_another_family_is_refused_before_it_is_loaded(ingested: Path, shelf: Shelf) -> None:
    """Whatever cap on patches the index has."""
    with VisualIndex.open(ingested / "index") as index:
        ours = index.info().passport.model.architecture
    other = "ColIdefics3" if ours != "ColIdefics3" else "ColPali"
    with pytest.raises(PassportMismatch, match="differ in weights_hash, architecture"):
        VisualIndex.open(ingested / "index", model=str(shelf.folder(other)))


def test_a_model_whose_prompts_changed_is_refused(ingested: Path, tmp_path: Path) -> None:
    """The same weights behind another image size or token give other vectors."""
    moved = tmp_path / "moved"
    shutil.copytree(ingested / "model", moved)
    config = json.loads((moved / "processor_config.json").read_text())
    config["image_processor"]["image_mean"] = [0.1, 0.1, 0.1]
    (moved / "processor_config.json").write_text(json.dumps(config))
    with pytest.raises(PassportMismatch, match="differ in template"):
        VisualIndex.open(ingested / "index", model=str(moved))


@pytest.mark.parametrize("factor", [2, 3])
def test_merged_rows_save_storage_and_find_pages_all_the_same(
    shelf: Shelf, manuals: Path, tmp_path: Path, factor: int
) -> None:
    """Rows shrink by the factor, regions still lie on the page, and a page is its own best answer."""
    folder = str(shelf.folder("ColQwen2_5"))
    settings = ModelSettings(device="cpu", dtype="float32", pool_factor=factor)
    with VisualIndex.create(tmp_path / "index", model=folder, model_settings=settings) as index:
        index.add(manuals / "weather.pdf")
        plain = VisualIndex.create(tmp_path / "plain", model=folder, model_settings=FLOAT32)
        plain.add(manuals / "weather.pdf")
        n_plain, n_merged = plain.info().size.n_vectors, index.info().size.n_vectors
        assert n_merged == pytest.approx(n_plain / factor, rel=0.1)
        pages = list(index.pages())
        for page, embedding in zip(pages, index._store.embeddings(pages), strict=True):
            assert ((embedding.regions >= 0) & (embedding.regions <= 1)).all()
            assert embedding.is_patch.any()
            [best] = index._store.query(QueryPlan(vectors=embedding.vectors, limit=1))
            assert best.page.page_id == page.page_id
    with VisualIndex.open(tmp_path / "index", model_settings=FLOAT32) as again:  # remembers the factor
        assert again.search("wind")


@pytest.mark.parametrize("lines", ["rows", "columns"])
def test_lines_of_patches_may_be_merged_for_good(shelf: Shelf, manuals: Path, tmp_path: Path, lines: str) -> None:
    """One row for each line, and every row of the prompt as it was; the index remembers."""
    folder = str(shelf.folder("ColQwen2_5"))
    settings = ModelSettings(device="cpu", dtype="float32", full_pooling=lines)  # type: ignore[arg-type]
    plain = load_embedder(folder, FLOAT32).embed_pages([make_page("pump")])[0]
    merged = load_embedder(folder, settings).embed_pages([make_page("pump")])[0]
    edges = np.unique(plain.regions[plain.is_patch][:, 1 if lines == "rows" else 0])
    assert merged.is_patch.sum() == len(edges)
    np.testing.assert_array_equal(merged.vectors[~merged.is_patch], plain.vectors[~plain.is_patch])
    first = plain.vectors[plain.is_patch & (plain.regions[:, 1 if lines == "rows" else 0] == edges[0])].mean(axis=0)
    np.testing.assert_allclose(merged.vectors[0], first / np.linalg.norm(first), atol=1e-5)
    with VisualIndex.create(tmp_path / "index", model=folder, model_settings=settings) as index:
        index.add(manuals / "weather.pdf")
    with VisualIndex.open(tmp_path / "index", model_settings=FLOAT32) as again:
        assert again.info().passport.pooling == f"{lines}+clusters64"
        assert again.search("wind")
    with pytest.raises(InvalidInput, match="pool_factor 3 is for full_pooling 'ward'"):
        ModelSettings(full_pooling=lines, pool_factor=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("pooling", ["rows", "columns", "ward64"])
def test_a_shortlist_may_be_made_of_lines_of_patches(shelf: Shelf, manuals: Path, tmp_path: Path, pooling: str) -> None:
    """One row for each line; a two-stage search goes through it."""
    settings = ModelSettings(device="cpu", dtype="float32", shortlist_pooling=pooling)  # type: ignore[arg-type]
    folder = str(shelf.folder("ColQwen2_5"))
    with VisualIndex.create(tmp_path / "index", model=folder, model_settings=settings) as index:
        index.add(manuals / "weather.pdf")
        pages = sorted(index.pages(), key=lambda page: page.page_id)
        page, [embedding] = pages[0], index._store.embeddings(pages[:1])
        edges = embedding.regions[embedding.is_patch][:, 1 if pooling == "rows" else 0]
        n_lines = len(embedding.vectors) if pooling == "ward64" else len(np.unique(edges.round(3)))
        assert len(index.embedder.pool(embedding)) == n_lines  # 64 groups hold all rows of a page this small
        plan = QueryPlan(vectors=embedding.vectors, limit=1, shortlist=len(pages))  # weights are random: all of them
        assert index._store.query(plan)[0].page == page


@pytest.mark.parametrize("architecture", ["BiQwen2_5", "BiModernVBert"])
def test_a_single_vector_model_is_an_index_of_its_own(
    shelf: Shelf, manuals: Path, tmp_path: Path, architecture: str
) -> None:
    """One row a page, the same search."""
    folder = str(shelf.folder(architecture))
    with VisualIndex.create(tmp_path / "index", model=folder, model_settings=FLOAT32) as index:
        index.add(manuals / "weather.pdf")
        size = index.info().size
        assert size.n_vectors == size.n_pages
        assert index.search("wind", k=2)[0].scored_by == "maxsim"


def run(*arguments: str | Path, folder: Path, code: int = 0) -> str:
    """Run the command line; give what it printed."""
    command = [sys.executable, "-m", "visual_rag", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_the_command_line_takes_a_model(shelf: Shelf, manuals: Path, tmp_path: Path) -> None:
    """Named once, at the first ingest; relative folders are kept as absolute ones."""
    shutil.copytree(shelf.folder("ColQwen2"), tmp_path / "model")
    shutil.copy(manuals / "weather.pdf", tmp_path)
    run("ingest", "weather.pdf", "--model", "./model", "--pool-factor", "2", "--dtype", "float32", folder=tmp_path)
    (tmp_path / "elsewhere").mkdir()
    found = json.loads(run("search", "wind", "--index", "../.visual_rag", "--json", folder=tmp_path / "elsewhere"))
    assert found["hits"][0]["scored_by"] == "maxsim"
    passport = json.loads(run("info", "--json", folder=tmp_path))["passport"]
    assert (passport["model"]["architecture"], passport["pooling"]) == ("ColQwen2", "ward2+clusters64")


def test_doctor_tries_a_model(shelf: Shelf, tmp_path: Path) -> None:
    """A sound one passes; what is no model is told in one line."""
    printed = run("doctor", "--model", shelf.folder("ColIdefics3"), "--dtype", "float32", folder=tmp_path)
    assert "FAILED" not in printed
    assert "a page alone is as among others" in printed
    (tmp_path / "nothing").mkdir()
    printed = run("doctor", "--model", "./nothing", folder=tmp_path, code=1)
    assert printed.startswith("error: './nothing' holds no config.json")


def test_models_lists_what_is_known_and_what_is_here(tmp_path: Path) -> None:
    """The same rows for people and programs."""
    printed = run("models", folder=tmp_path)
    table = json.loads(run("models", "--json", folder=tmp_path))
    assert all(row["name"] in printed for row in table)
    assert [row["name"] for row in table if row["is_here"]] == ["spotter"]
