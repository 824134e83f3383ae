"""Evidence from drawn vectors: every layout of patches, and what holds for any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visual_rag.embed.pooling import merged
from visual_rag.embed.regions import WHOLE_PAGE, grid_regions, tile_regions
from visual_rag.errors import DimensionMismatch, InvalidInput
from visual_rag.records import Evidence, FloatArray, PageEmbedding, QueryEmbedding, Region
from visual_rag.retrieve.evidence import find_evidence, stand_alone
from visual_rag.scoring import normalise_rows
from visual_rag.settings import ModelSettings
from visual_rag.store.schema import pack_regions, unpack_regions
from visual_rag.testing import FakeEmbedder, make_page, make_record

DIM = 16
TILES = [(row, column) for row in (1, 2, 3) for column in (1, 2)]
LAYOUTS = {
    "grid": grid_regions(32, 32),
    "dynamic grid": grid_regions(27, 19),
    "tiles": tile_regions(7 * 64, 8, TILES),
    "words": np.array([[x, y, x + 0.12, y + 0.01] for y in np.arange(0.1, 0.9, 0.02) for x in (0.1, 0.3, 0.5)]),
    "whole page": WHOLE_PAGE[None],
}


def embedded(regions: FloatArray, hot: FloatArray, *, floor: float = 0.4) -> tuple[QueryEmbedding, PageEmbedding]:
    """A one-word question and a page on which the patches in `hot` carry its vector over a high common floor."""
    random = np.random.default_rng(3)
    word, common = np.eye(DIM, dtype=np.float32)[:2]
    rows = floor * common + np.where(hot[:, None], word, 0) + random.normal(0, 0.02, (len(regions), DIM))
    page = PageEmbedding(
        vectors=normalise_rows(rows.astype(np.float32)),
        regions=regions.astype(np.float32),
        is_patch=np.ones(len(regions), dtype=np.bool_),
    )
    query = normalise_rows((word + floor * common)[None])
    return QueryEmbedding(vectors=query, tokens=("pump",)), page


def overlapping(regions: FloatArray, box: Region) -> FloatArray:
    """Which patches a box lies in, wholly or in part."""
    shared = np.minimum(regions[:, 2:], box[2:]) - np.maximum(regions[:, :2], box[:2])
    return (shared > 1e-6).all(axis=1)


@pytest.mark.parametrize("layout", ["grid", "dynamic grid", "tiles"])
def test_the_box_holds_the_word_on_grids_and_tiles(layout: str) -> None:
    """The patches that a word lies in carry its vector: the box holds it, and is no larger than they are."""
    regions, random = LAYOUTS[layout], np.random.default_rng(1)
    held = 0
    for _ in range(50):
        left, top = random.uniform(0, 0.8, 2)
        word = Region(left, top, left + random.uniform(0.02, 0.2), top + 0.015)
        hot = overlapping(regions, word)
        fine = hot & (np.prod(regions[:, 2:] - regions[:, :2], axis=1) < 1.5 * regions[0, 2] * regions[0, 3])
        box = find_evidence(*with_record(embedded(regions, fine))).tokens[0].box
        held += box.left <= word.left and box.top <= word.top and box.right >= word.right and box.bottom >= word.bottom
        assert box.right <= regions[fine, 2].max() + 1e-6
        assert box.top >= regions[fine, 1].min() - 1e-6
    assert held >= 45


def with_record(pair: tuple[QueryEmbedding, PageEmbedding]) -> tuple[QueryEmbedding, object, PageEmbedding]:
    """Put a page record between question and page."""
    return pair[0], make_record(), pair[1]


def test_a_second_place_is_not_joined_to_the_first() -> None:
    """Only patches that touch grow the box; the heat shows both places."""
    regions = LAYOUTS["grid"]
    hot = np.zeros(1024, dtype=np.bool_)
    hot[[33, 34, 65, 66, 900]] = True
    [found] = find_evidence(*with_record(embedded(regions, hot))).tokens
    places = [Region(1 / 32, 1 / 32, 3 / 32, 3 / 32), Region(*regions[900].tolist())]
    assert min(max(abs(a - b) for a, b in zip(found.box, place, strict=True)) for place in places) < 1e-6
    assert (found.heat[hot] > 0.8).all()
    assert (found.heat[~hot] < 0.4).all()


def test_the_high_floor_of_a_model_is_not_painted() -> None:
    """Every cosine is above 0.1, and still at least half of the page has no heat."""
    hot = np.arange(1024) == 500
    query, page = embedded(LAYOUTS["grid"], hot)
    assert (query.vectors @ page.vectors.T).min() > 0.1
    [found] = find_evidence(query, make_record(), page).tokens
    assert (found.heat < 1e-6).mean() >= 0.499
    assert found.heat[500] == 1


def test_a_whole_page_patch_that_matches_less_does_not_widen_the_box() -> None:
    """On tiles the small copy of the page covers each place again, more coarsely."""
    regions = LAYOUTS["tiles"]
    hot = overlapping(regions, Region(0.26, 0.3, 0.3, 0.32))
    query, page = embedded(regions, hot)
    page.vectors[384:][hot[384:]] = normalise_rows(page.vectors[384:][hot[384:]] + 0.1 * np.eye(DIM)[2])
    [found] = find_evidence(query, make_record(), page).tokens
    assert found.box.right - found.box.left == pytest.approx(1 / 16)


@pytest.mark.parametrize("full_pooling", ["ward", "rows"])
def test_merged_rows_keep_a_box_around_the_best_region(full_pooling: str) -> None:
    """A merged row's region spans its patches: the box holds it."""
    hot = overlapping(LAYOUTS["grid"], Region(0.4, 0.5, 0.5, 0.53))
    query, page = embedded(LAYOUTS["grid"], hot)
    factor = 3 if full_pooling == "ward" else 1
    settings = ModelSettings(full_pooling=full_pooling, pool_factor=factor)  # type: ignore[arg-type]
    evidence = find_evidence(query, make_record(), merged(page, settings))
    assert evidence.tokens[0].box.top <= 0.5
    assert evidence.tokens[0].box.bottom >= 0.53
    check_promises(query, evidence)


def test_a_word_has_its_own_box_with_a_tenth_of_its_height_around() -> None:
    """Also where its neighbours match as well."""
    regions = LAYOUTS["words"]
    query, page = embedded(regions, np.ones(len(regions), dtype=np.bool_))
    record = make_record(width_px=1000, height_px=2000)
    [found] = find_evidence(query, record, page).tokens
    margin = np.array(found.box) - np.array(found.region)
    np.testing.assert_allclose(margin * [1000, 2000, 1000, 2000], [-2, -2, 2, 2], atol=1e-3)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_words_are_told_from_cells(layout: str) -> None:
    """By whether patches share edges, also after the store's rounding."""
    regions = LAYOUTS[layout].astype(np.float32)
    stored, _ = unpack_regions(pack_regions(regions, np.ones(len(regions), dtype=np.bool_)))
    assert stand_alone(regions) == stand_alone(stored) == (layout in {"words", "whole page"})


def test_prompt_text_is_never_evidence() -> None:
    """A row that is no patch may match best; it has no place."""
    query, page = embedded(LAYOUTS["grid"], np.arange(1024) == 7)
    both = PageEmbedding(
        vectors=np.concatenate([query.vectors, page.vectors]),
        regions=np.concatenate([WHOLE_PAGE[None], page.regions]),
        is_patch=np.arange(1025) > 0,
    )
    [found] = find_evidence(query, make_record(), both).tokens
    assert found.region == Region(*page.regions[7].tolist())
    assert len(found.heat) == 1024


def test_a_page_without_patches_is_refused() -> None:
    """There is nowhere to point at; the message names the page."""
    query, page = embedded(LAYOUTS["whole page"], np.ones(1, dtype=np.bool_))
    blind = PageEmbedding(vectors=page.vectors, regions=page.regions, is_patch=np.zeros(1, dtype=np.bool_))
    with pytest.raises(InvalidInput, match=r"page 1 of 'manual.pdf' has no vector that stands for a place"):
        find_evidence(query, make_record(), blind)


def test_another_models_question_and_an_empty_one_are_refused() -> None:
    """Rows of another length, no rows, and rows of zeros."""
    _, page = embedded(LAYOUTS["grid"], np.arange(1024) == 7)
    with pytest.raises(DimensionMismatch, match="rows of 3 values"):
        find_evidence(QueryEmbedding(vectors=np.ones((1, 3), dtype=np.float32), tokens=("a",)), make_record(), page)
    for rows in (np.zeros((0, DIM), dtype=np.float32), np.zeros((1, DIM), dtype=np.float32)):
        with pytest.raises(InvalidInput, match="ask in words"):
            find_evidence(QueryEmbedding(vectors=rows, tokens=("a",) * len(rows)), make_record(), page)


def test_weight_is_the_share_of_the_rows_length() -> None:
    """A row three times as long weighs three times as much, and is found at the same strength."""
    query, page = embedded(LAYOUTS["grid"], np.arange(1024) == 7)
    both = QueryEmbedding(vectors=np.concatenate([query.vectors, 3 * query.vectors]), tokens=("once", "thrice"))
    once, thrice = find_evidence(both, make_record(), page).tokens
    assert (once.weight, thrice.weight) == pytest.approx((0.25, 0.75))
    assert once.strength == pytest.approx(thrice.strength, abs=1e-6)


def test_a_word_that_is_not_there_is_weak() -> None:
    """Heat is relative to the page, strength is not."""
    embedder = FakeEmbedder(dim=128)
    page = make_page("oil filter torque wiring diagram of the pump")
    [embedding] = embedder.embed_pages([page])
    [query] = embedder.embed_queries(["pump elephant"])
    there, absent = find_evidence(query, make_record(), embedding).tokens
    assert there.strength > 0.99
    assert absent.strength < 0.5


def check_promises(query: QueryEmbedding, evidence: Evidence) -> None:
    """What the records promise of any evidence."""
    assert [found.token for found in evidence.tokens] == list(query.tokens)
    assert sum(found.weight for found in evidence.tokens) == pytest.approx(1)
    for found in evidence.tokens:
        assert 0 <= found.strength <= 1
        assert 0 <= found.weight <= 1
        assert found.heat.shape == (len(evidence.regions),)
        assert found.heat.dtype == np.float32
        assert found.heat.min() >= 0
        assert found.heat.max() == 1
        assert found.region in [Region(*region) for region in evidence.regions.tolist()]
        left, top, right, bottom = found.box
        assert 0 <= left <= found.region.left
        assert 0 <= top <= found.region.top
        assert found.region.right <= right <= 1
        assert found.region.bottom <= bottom <= 1


ROWS = arrays(np.float32, st.tuples(st.integers(1, 6), st.just(4)), elements=st.floats(-1, 1, width=32))
EDGES = arrays(np.float32, st.tuples(st.integers(1, 40), st.just(4)), elements=st.floats(0, 1, width=32))


@given(rows=ROWS, edges=EDGES, layout=st.sampled_from(["drawn", "grid"]), seed=st.integers(0, 99))
def test_promises_hold_for_any_vectors_and_regions(rows: FloatArray, edges: FloatArray, layout: str, seed: int) -> None:
    """Ranges, counts, weights and boxes, whatever comes; twice the same."""
    random = np.random.default_rng(seed)
    rows[0] += 2  # at least one row that points somewhere
    drawn = np.concatenate([np.minimum(edges[:, :2], edges[:, 2:]), np.maximum(edges[:, :2], edges[:, 2:])], axis=1)
    regions = drawn if layout == "drawn" else grid_regions(len(edges), 3)
    vectors = normalise_rows(random.normal(size=(len(regions), 4)).round(seed % 3) + 1e-3)
    page = PageEmbedding(vectors=vectors, regions=regions, is_patch=np.ones(len(regions), dtype=np.bool_))
    query = QueryEmbedding(vectors=rows, tokens=tuple(f"word {number}" for number in range(len(rows))))
    evidence, again = find_evidence(query, make_record(), page), find_evidence(query, make_record(), page)
    check_promises(query, evidence)
    for one, other in zip(evidence.tokens, again.tokens, strict=True):
        assert (one.box, one.strength, one.weight) == (other.box, other.strength, other.weight)
        np.testing.assert_array_equal(one.heat, other.heat)
