"""Against the libraries themselves: colpali-engine's scores, vectors and pooling, and transformers' native classes."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints.bare import load_bare
from checkpoints.build import Shelf
from checkpoints.networks import NETWORKS, engine_class
from checkpoints.samples import FAMILIES, noise_page
from checkpoints.variants import copied, edit_weights
from safetensors.torch import load_file

from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.embed.colpali import ColPaliEmbedder, load_colpali
from visual_rag.records import FloatArray
from visual_rag.scoring import maxsim, normalise_rows, pool_groups, ward_labels
from visual_rag.settings import ModelSettings

pytestmark = pytest.mark.filterwarnings(
    # transformers hands torch tensors to np.array(copy=False) when it makes PaliGemma's labels
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

ATOL = 1e-5
QUESTIONS = ["pump", "when does the warranty of the hydraulic pump end?", "wiring diagram"]
PAGES = [noise_page(size, seed) for seed, size in enumerate([(240, 320), (320, 240), (448, 200)])]
IMAGES = [page.image for page in PAGES]


def load(folder: Path) -> ColPaliEmbedder:
    """Load as a user does; batches of three."""
    return load_colpali(find_checkpoint(str(folder)), ModelSettings(device="cpu", dtype="float32", batch_size=3))


def unit_rows(n_rows: int, seed: int, dim: int = 128) -> FloatArray:
    """Random directions."""
    return normalise_rows(np.random.default_rng(seed).standard_normal((n_rows, dim)).astype(np.float32))


def test_there_is_a_tiny_checkpoint_of_each_family() -> None:
    """A new row in the table of families without one fails here."""
    assert set(NETWORKS) == set(FAMILIES)


@pytest.mark.parametrize("architecture", sorted(FAMILIES))
def test_vectors_are_those_of_the_library_alone(shelf: Shelf, architecture: str) -> None:
    """Pages and questions one by one, through nothing but the library, give the rows of our batches."""
    folder, family = shelf.folder(architecture), FAMILIES[architecture]
    bare, embedder = load_bare(folder, family), load(folder)
    expected = [*bare.page_vectors(IMAGES), *bare.query_vectors(QUESTIONS)]
    found = [item.vectors for item in (*embedder.embed_pages(PAGES), *embedder.embed_queries(QUESTIONS))]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=ATOL)


@pytest.mark.parametrize("n_page_rows", [1, 7, 300])
def test_maxsim_is_that_of_colpali_engine(n_page_rows: int) -> None:
    """Pair by pair: in a batch theirs pads with zero rows, which win over negative similarities."""
    score = engine_class("ColPaliProcessor").score_multi_vector
    page = unit_rows(n_page_rows, seed=n_page_rows)
    for n_query_rows in (1, 5, 40):
        query = unit_rows(n_query_rows, seed=1000 + n_query_rows)
        theirs = score([torch.from_numpy(query)], [torch.from_numpy(page)], device="cpu")
        assert maxsim(query, page) == pytest.approx(float(theirs), abs=1e-4)


def test_maxsim_ranks_embedded_pages_as_colpali_engine_does(shelf: Shelf) -> None:
    """The whole way from questions and pages to scores."""
    embedder = load(shelf.folder("ColQwen2_5"))
    pages = [item.vectors for item in embedder.embed_pages(PAGES)]
    score = engine_class("ColQwen2_5_Processor").score_multi_vector
    for query in (item.vectors for item in embedder.embed_queries(QUESTIONS)):
        theirs = [float(score([torch.from_numpy(query)], [torch.from_numpy(page)], device="cpu")) for page in pages]
        np.testing.assert_allclose([maxsim(query, page) for page in pages], theirs, atol=1e-4)


@pytest.mark.parametrize("factor", [2, 3, 5, 1000])
@pytest.mark.parametrize("n_rows", [2, 60, 301])
def test_pooled_rows_are_those_of_the_hierarchical_pooler(n_rows: int, factor: int) -> None:
    """The same groups of rows, and the same rows made of them."""
    # rows around a few directions, as patches of one page are
    vectors = normalise_rows(np.repeat(unit_rows(12, seed=3), 26, axis=0)[:n_rows] + 0.6 * unit_rows(n_rows, seed=4))
    check_pooling(vectors, factor)


@pytest.mark.parametrize("architecture", ["ColPali", "ColQwen2", "ColIdefics3"])
def test_a_page_is_pooled_as_the_hierarchical_pooler_does(shelf: Shelf, architecture: str) -> None:
    """On a model's own rows, prompt and patches together."""
    for embedding in load(shelf.folder(architecture)).embed_pages(PAGES):
        check_pooling(embedding.vectors, factor=3)


def test_rows_without_rounding_are_pooled_without_a_warning() -> None:
    """Where the diagonal of their distances is exactly zero, scipy takes a square matrix for a mistake."""
    check_pooling(np.eye(6, 8, dtype=np.float32), factor=2)


def check_pooling(vectors: FloatArray, factor: int) -> None:
    """Compare groups and pooled rows; only the order of the groups is ours."""
    from colpali_engine.compression.token_pooling import HierarchicalTokenPooler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs hands scipy a square matrix, which looks to it like a mistake
        pooled = HierarchicalTokenPooler().pool_embeddings(
            [torch.from_numpy(vectors)], pool_factor=factor, return_dict=True
        )
    groups = [tuple(rows.tolist()) for (rows,) in pooled.cluster_id_to_indices[0].values() if len(rows)]
    theirs = dict(zip(groups, pooled.pooled_embeddings[0], strict=True))
    labels = ward_labels(vectors, factor)
    ours = pool_groups(vectors, labels)
    assert len(ours) == len(theirs)
    for label, row in enumerate(ours):
        np.testing.assert_allclose(row, theirs[tuple(np.flatnonzero(labels == label).tolist())], atol=ATOL)


NATIVE_NAMES = {
    "ColPali": {"custom_text_proj.": "embedding_proj_layer.", "model.": "vlm."},
    "ColModernVBert": {
        "base_model.model.custom_text_proj.": "embedding_proj_layer.",
        "base_model.model.model.": "vlm.",
        "model.": "vlm.",
    },
    "ColQwen2": {"custom_text_proj.": "embedding_proj_layer.", "": "vlm."},
}


def make_native(shelf: Shelf, architecture: str, folder: Path) -> Path:
    """Put the weights of a colpali-engine checkpoint into a native one."""
    copied(shelf.folder(f"{architecture}ForRetrieval"), folder)
    engine = load_file(shelf.folder(architecture) / "model.safetensors")
    renamed = {native_name(name, NATIVE_NAMES[architecture]): value for name, value in engine.items()}

    def replaced(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        assert {name: value.shape for name, value in tensors.items()} == {n: v.shape for n, v in renamed.items()}
        return renamed

    edit_weights(folder, replaced)
    return folder


def native_name(name: str, renames: dict[str, str]) -> str:
    """The first beginning that fits."""
    for old, new in renames.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def test_the_native_colmodernvbert_gives_the_vectors_of_colpali_engine(shelf: Shelf, tmp_path: Path) -> None:
    """The same weights, the same templates: pages and questions are equal, but an index does not mix the two."""
    native = load(make_native(shelf, "ColModernVBert", tmp_path / "native"))
    engine = load(shelf.folder("ColModernVBert"))
    for ours, theirs in zip(native.embed_pages(PAGES), engine.embed_pages(PAGES), strict=True):
        np.testing.assert_allclose(ours.vectors, theirs.vectors, atol=ATOL)
        np.testing.assert_array_equal(ours.regions, theirs.regions)
    for mine, theirs_query in zip(native.embed_queries(QUESTIONS), engine.embed_queries(QUESTIONS), strict=True):
        assert mine.tokens == theirs_query.tokens
        np.testing.assert_allclose(mine.vectors, theirs_query.vectors, atol=ATOL)
    assert native.identity.architecture != engine.identity.architecture


def test_the_native_colpali_gives_the_vectors_of_colpali_engine_on_its_own_template(
    shelf: Shelf, tmp_path: Path
) -> None:
    """Templates differ by a beginning and a prefix; on the same tokens the networks agree, and templates keep apart."""
    folder = make_native(shelf, "ColPali", tmp_path / "native")
    native, engine = load(folder), load(shelf.folder("ColPali"))
    bare = load_bare(shelf.folder("ColPali"), FAMILIES["ColPali"])
    processor = load_bare(folder, FAMILIES["ColPaliForRetrieval"]).processor
    batches = [processor.process_images(IMAGES), processor.process_queries(QUESTIONS)]
    expected = [rows for batch in batches for rows in bare.run(without_labels(batch))]
    found = [item.vectors for item in (*native.embed_pages(PAGES), *native.embed_queries(QUESTIONS))]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=ATOL)
    assert native.identity.template != engine.identity.template


def without_labels(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """With labels the network would work out a loss; with token types of zero it attends as it was trained to."""
    kept = {name: value for name, value in batch.items() if name != "labels"}
    return kept | {"token_type_ids": torch.zeros_like(kept["input_ids"])}


def test_the_native_colqwen2_gives_other_pages(shelf: Shelf, tmp_path: Path) -> None:
    """The caveat of its row in the table: patches have flat positions. Where this fails, the caveat can go."""
    folder = make_native(shelf, "ColQwen2", tmp_path / "native")
    native, bare = load(folder), load_bare(shelf.folder("ColQwen2"), FAMILIES["ColQwen2"])
    batch = load_bare(folder, FAMILIES["ColQwen2ForRetrieval"]).processor.process_images(IMAGES[:1])
    kinds = (batch["input_ids"] == bare.network.config.image_token_id).int()
    [expected] = bare.run({**batch, "mm_token_type_ids": kinds})
    [found] = native.embed_pages(PAGES[:1])
    assert found.vectors.shape == expected.shape
    assert np.abs(found.vectors - expected).max() > 10 * ATOL
