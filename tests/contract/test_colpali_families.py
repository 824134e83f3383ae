"""Every family of ColPali-like models keeps every promise, loaded from a tiny checkpoint in its true format."""

import numpy as np
import pytest
from checkpoints.build import Shelf
from checkpoints.samples import FAMILIES, noise_page, page_of

from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.embed.colpali import ColPaliEmbedder, load_colpali
from visual_rag.embed.families import Family
from visual_rag.records import FloatArray, Page, PageEmbedding
from visual_rag.settings import ModelSettings
from visual_rag.testing import EmbedderContract

pytestmark = pytest.mark.filterwarnings(
    # transformers hands torch tensors to np.array(copy=False) when it makes PaliGemma's labels
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SINGLE = sorted(name for name, family in FAMILIES.items() if family.is_single_vector)
PATCHED = sorted(set(FAMILIES) - set(SINGLE))
GRIDS = [name for name in PATCHED if FAMILIES[name].layout in {"square", "thw"}]
IN_BATCHES = ModelSettings(device="cpu", dtype="float32", batch_size=4)
MIXED_SIZES = ((240, 320), (320, 240), (256, 256), (448, 200))
MIXED_LENGTHS = ("pump", "when does the warranty of the hydraulic pump end, and who pays?", "wiring diagram")
AUGMENTATION = {"pali": "<pad>", "qwen": "<|endoftext|>", "idefics": "<end_of_utterance>", "bert": "<end_of_utterance>"}
ATOL = 1e-5
TILE_PATCHES = 4  # of a tiny checkpoint


def embedder_of(shelf: Shelf, architecture: str, *, seed: int = 0) -> ColPaliEmbedder:
    """Load a tiny checkpoint; four pages at a time, so that batches matter."""
    return load_colpali(find_checkpoint(str(shelf.folder(architecture, seed=seed))), IN_BATCHES)


def only(names: list[str]) -> pytest.MarkDecorator:
    """Run a test with these families alone."""
    return pytest.mark.parametrize("family", names, indirect=True, scope="module")


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    """Each family in turn; some tests take but a few."""
    return FAMILIES[request.param]


@pytest.fixture(scope="module")
def embedder(family: Family, shelf: Shelf) -> ColPaliEmbedder:
    """Its tiny model, loaded once."""
    return embedder_of(shelf, family.architecture)


@pytest.fixture(scope="module")
def mixed_pages() -> list[Page]:
    """Pages of four shapes."""
    return [noise_page(size, seed) for seed, size in enumerate(MIXED_SIZES)]


@pytest.fixture(scope="module")
def embeddings(embedder: ColPaliEmbedder, mixed_pages: list[Page]) -> list[PageEmbedding]:
    """Of the four, embedded together."""
    return embedder.embed_pages(mixed_pages)


class TestColPaliFamilies(EmbedderContract):
    """See `EmbedderContract`; one run a family."""

    tolerance = ATOL

    @pytest.fixture(autouse=True)
    def _take(self, embedder: ColPaliEmbedder) -> None:
        self._embedder = embedder

    def make_embedder(self) -> ColPaliEmbedder:
        return self._embedder


def test_a_batch_of_mixed_pages_changes_no_page(
    embedder: ColPaliEmbedder, mixed_pages: list[Page], embeddings: list[PageEmbedding]
) -> None:
    """Four shapes at once give, row by row, what each gives alone: no padding is kept and none is looked at."""
    for together, page in zip(embeddings, mixed_pages, strict=True):
        [alone] = embedder.embed_pages([page])
        np.testing.assert_allclose(together.vectors, alone.vectors, atol=ATOL)
        np.testing.assert_array_equal(together.regions, alone.regions)
        np.testing.assert_array_equal(together.is_patch, alone.is_patch)


def test_a_batch_of_mixed_questions_changes_no_question(embedder: ColPaliEmbedder) -> None:
    """Short and long questions at once give what each gives alone, in order."""
    for together, text in zip(embedder.embed_queries(MIXED_LENGTHS), MIXED_LENGTHS, strict=True):
        [alone] = embedder.embed_queries([text])
        assert together.tokens == alone.tokens
        np.testing.assert_allclose(together.vectors, alone.vectors, atol=ATOL)


def test_all_rows_are_of_unit_length(embedder: ColPaliEmbedder, embeddings: list[PageEmbedding]) -> None:
    """Rows of pages and questions alike, to float32's precision; a padding row would be zero."""
    for item in (*embeddings, *embedder.embed_queries(MIXED_LENGTHS)):
        np.testing.assert_allclose(np.linalg.norm(item.vectors, axis=1), 1, atol=1e-6)


def test_what_a_page_shows_matters(embedder: ColPaliEmbedder, embeddings: list[PageEmbedding]) -> None:
    """Another picture of the same size gives other rows, those of the patches above all."""
    [other] = embedder.embed_pages([noise_page(MIXED_SIZES[0], seed=99)])
    patches = embeddings[0].is_patch
    assert np.abs(other.vectors - embeddings[0].vectors)[patches].max() > 1e-3


def test_a_question_carries_what_the_model_was_trained_with(family: Family, embedder: ColPaliEmbedder) -> None:
    """Ten augmentation tokens; ColGemma3 has a written prefix instead, and a single vector stands for the question."""
    [query] = embedder.embed_queries(["oil filter"])
    if family.is_single_vector:
        assert query.tokens == ("oil filter",)
    elif family.architecture == "ColGemma3":
        assert "Query: oil filter" in "".join(query.tokens)
    else:
        [token] = [token for part, token in AUGMENTATION.items() if part in family.architecture.lower()]
        assert query.tokens.count(token) == 10
        assert "filter" in "".join(query.tokens)


@only(PATCHED)
def test_patches_have_a_place_and_prompt_rows_have_none(family: Family, embeddings: list[PageEmbedding]) -> None:
    """A patch's region is a part of the page; rows of prompt text have the whole page and are no patches."""
    for embedding in embeddings:
        is_whole = (embedding.regions == [0, 0, 1, 1]).all(axis=1)
        np.testing.assert_array_equal(is_whole, ~embedding.is_patch)
        assert is_whole.any()


@only(PATCHED)
def test_patches_tile_the_page(family: Family, embeddings: list[PageEmbedding]) -> None:
    """Each point of the page lies in one patch; where a page is cut into tiles, in one more of the whole page."""
    points = np.random.default_rng(0).random((500, 2))
    for embedding in embeddings:
        regions = embedding.regions[embedding.is_patch]
        if family.layout == "tiles":
            fine, coarse = regions[:-TILE_PATCHES], regions[-TILE_PATCHES:]
            assert (covering(coarse, points) == 1).all()
            assert areas(fine).max() < areas(coarse).min()
            regions = fine
        assert (covering(regions, points) == 1).all()


def covering(regions: FloatArray, points: FloatArray) -> FloatArray:
    """How many regions each point lies in."""
    inside = (regions[:, None, :2] <= points) & (points < regions[:, None, 2:])
    return inside.all(axis=2).sum(axis=0)


def areas(regions: FloatArray) -> FloatArray:
    """Shares of the page."""
    return (regions[:, 2] - regions[:, 0]) * (regions[:, 3] - regions[:, 1])


@only(GRIDS)
def test_patches_of_a_grid_are_in_reading_order(family: Family, embeddings: list[PageEmbedding]) -> None:
    """Line by line, left to right; where the grid follows the page, a wide page has more columns than rows."""
    for embedding, (width, height) in zip(embeddings, MIXED_SIZES, strict=True):
        left, top, *_ = embedding.regions[embedding.is_patch].T
        np.testing.assert_array_equal(np.lexsort((left, top)), np.arange(len(left)))
        n_columns, n_rows = len(np.unique(left)), len(np.unique(top))
        expected = np.sign(width - height) if family.layout == "thw" else 0
        assert np.sign(n_columns - n_rows) == expected


@only(PATCHED)
@pytest.mark.parametrize("corner", [(0.1, 0.1), (0.6, 0.1), (0.1, 0.7), (0.65, 0.65)])
def test_a_row_points_at_what_it_saw(family: Family, embedder: ColPaliEmbedder, corner: tuple[float, float]) -> None:
    """Where one place of the page changes, the row that changes most has a region that touches this place."""
    page = noise_page((240, 320), seed=5)
    image, side = page.image.copy(), 0.12
    left, top = int(corner[0] * image.width), int(corner[1] * image.height)
    image.paste((255, 0, 0), (left, top, left + int(side * image.width), top + int(side * image.height)))
    before, after = embedder.embed_pages([page, page_of(image)])
    change = np.linalg.norm(after.vectors - before.vectors, axis=1)
    region = before.regions[int(np.argmax(change * before.is_patch))]
    assert (region[:2] < np.array(corner) + side).all()
    assert (region[2:] > corner).all()


@only(SINGLE)
def test_a_single_vector_stands_for_the_whole_page(family: Family, embeddings: list[PageEmbedding]) -> None:
    """It is one row, counted as a patch, as is the question's."""
    for embedding in embeddings:
        assert len(embedding.vectors) == 1
        assert embedding.is_patch.tolist() == [True]
        assert embedding.regions.tolist() == [[0, 0, 1, 1]]


def test_loading_twice_gives_the_same_model(family: Family, shelf: Shelf, embedder: ColPaliEmbedder) -> None:
    """Equal identity, equal vectors to the last bit."""
    again = embedder_of(shelf, family.architecture)
    page = noise_page((240, 320), seed=1)
    assert again.identity == embedder.identity
    assert again.identity.architecture == family.architecture
    np.testing.assert_array_equal(again.embed_pages([page])[0].vectors, embedder.embed_pages([page])[0].vectors)
    np.testing.assert_array_equal(again.embed_queries(["x"])[0].vectors, embedder.embed_queries(["x"])[0].vectors)


def test_another_training_is_another_model(family: Family, shelf: Shelf, embedder: ColPaliEmbedder) -> None:
    """Other weights of the same shape have another identity, by the weights alone."""
    other = embedder_of(shelf, family.architecture, seed=1).identity
    assert other.weights_hash != embedder.identity.weights_hash
    assert (other.template, other.dim, other.backend) == (
        embedder.identity.template, embedder.identity.dim, embedder.identity.backend
    )  # fmt: skip
