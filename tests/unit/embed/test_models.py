"""The table of known models says nothing that contradicts itself or the families."""

import inspect
import re
from dataclasses import FrozenInstanceError

import pytest

from visual_rag.embed import models
from visual_rag.embed.families import MULTI_VECTOR, SINGLE_VECTOR
from visual_rag.embed.models import DEFAULT_MODEL, MODELS, ModelSpec, models_markdown, models_table

FAMILIES = {family.architecture: family for family in (*MULTI_VECTOR.values(), *SINGLE_VECTOR.values())}
A4_SHAPE = 1684 / 1190  # height by width in pixels at 144 dpi
QWEN_PROMPT, MOST_TAGS = 11, 58
BY_NAME = pytest.mark.parametrize("spec", MODELS.values(), ids=lambda spec: spec.name)
CUT = pytest.mark.parametrize(
    "spec",
    [spec for spec in MODELS.values() if spec.name != DEFAULT_MODEL and spec.n_vectors is not None],
    ids=lambda spec: spec.name,
)
FROM_HUB = pytest.mark.parametrize(
    "spec", [spec for spec in MODELS.values() if spec.name != DEFAULT_MODEL], ids=lambda spec: spec.name
)


def test_names_are_unique_and_the_default_is_first() -> None:
    """`MODELS` is a mapping, where a repeated name would vanish: the table has as many rows as the source has specs."""
    source = inspect.getsource(models)
    assert len(MODELS) == len(re.findall(r"^        ModelSpec\($", source, re.MULTILINE))
    assert next(iter(MODELS)) == DEFAULT_MODEL


@FROM_HUB
def test_a_model_is_of_a_family_that_is_loaded(spec: ModelSpec) -> None:
    """And is named as the hub names it."""
    assert spec.family in FAMILIES
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", spec.name)


@CUT
def test_the_vectors_of_a_page_agree_with_how_its_family_cuts_it(spec: ModelSpec) -> None:
    """An A4 page: 1024 squashed patches, a grid in the page's shape, twelve tiles and the whole, or one vector."""
    layout = FAMILIES[spec.family].layout
    assert spec.n_vectors is not None
    if layout == "whole":
        assert spec.n_vectors == 1
    elif layout == "square":
        assert 1024 < spec.n_vectors <= 1024 + 8
    elif layout == "tiles":
        assert 13 * 64 < spec.n_vectors <= 13 * 64 + MOST_TAGS
    else:
        n_patches = spec.n_vectors - QWEN_PROMPT
        shapes = [n_patches / n_columns**2 for n_columns in range(1, n_patches) if n_patches % n_columns == 0]
        assert min(abs(shape / A4_SHAPE - 1) for shape in shapes) < 0.03


@BY_NAME
def test_scores_are_percentages_and_have_a_source(spec: ModelSpec) -> None:
    """A source is named where there are scores, and nowhere else."""
    scores = [score for score in (spec.vidore_v1, spec.vidore_v2, spec.vidore_v3) if score is not None]
    assert all(1 < score < 100 for score in scores)
    assert bool(scores) == bool(spec.scores_from)


@BY_NAME
def test_bytes_are_dim_times_vectors(spec: ModelSpec) -> None:
    """One byte a value, and below what a server takes for a page; unknown where the vectors are."""
    if spec.n_vectors is None:
        assert spec.page_size_bytes is None
        assert "max_visual_tokens" in spec.note
    else:
        assert spec.page_size_bytes == spec.dim * spec.n_vectors < 1_048_576


@BY_NAME
def test_only_a_number_can_be_extrapolated(spec: ModelSpec) -> None:
    """Revisions are whole commits, seconds positive."""
    assert spec.cpu_s is None or spec.cpu_s > 0
    assert not (spec.is_extrapolated and spec.cpu_s is None)
    assert spec.revision is None or re.fullmatch("[0-9a-f]{40}", spec.revision)


def test_no_two_models_share_a_commit() -> None:
    """A commit copied from the row above would be a false claim."""
    revisions = [spec.revision for spec in MODELS.values() if spec.revision]
    assert len(revisions) == len(set(revisions))


def test_a_row_cannot_be_changed() -> None:
    """What listing, loading and documenting read is the same."""
    with pytest.raises(FrozenInstanceError):
        MODELS[DEFAULT_MODEL].dim = 1  # type: ignore[misc]


def test_the_table_tells_which_models_are_here() -> None:
    """The bundled one always is; the others where the caller found them."""
    rows = {row["model"]: row for row in models_table({"vidore/colpali-v1.3"})}
    assert list(rows) == list(MODELS)
    assert {name for name, row in rows.items() if row["here"] == "yes"} == {DEFAULT_MODEL, "vidore/colpali-v1.3"}


def test_what_nobody_measured_is_a_dash_and_what_was_computed_is_marked() -> None:
    """A reader can tell measured, extrapolated and unknown."""
    rows = {row["model"]: row for row in models_table(())}
    assert rows["vidore/colpali-v1.3"]["s/page CPU"] == "~17"
    assert rows["vidore/colSmol-256M"]["s/page CPU"] == "9.6"
    nomic = rows["nomic-ai/colnomic-embed-multimodal-7b"]
    assert [nomic[key] for key in ("vectors/page", "bytes/page", "s/page CPU")] == ["-", "-", "-"]
    assert [rows[DEFAULT_MODEL][generation] for generation in ("V1", "V2", "V3")] == ["-", "-", "-"]


def test_the_best_is_called_the_best() -> None:
    """By ViDoRe V3; a better row added later takes the note with it."""
    best = max(MODELS.values(), key=lambda spec: spec.vidore_v3 or 0)
    assert [spec.name for spec in MODELS.values() if spec.note == "the best of this table"] == [best.name]


def test_a_restricting_base_stands_beside_the_licence() -> None:
    """Where it does not restrict, nothing is added."""
    rows = {row["model"]: row["licence"] for row in models_table(())}
    assert rows["vidore/colqwen2.5-v0.2"] == "Apache-2.0; base: Qwen research licence"
    assert rows["vidore/colqwen2-v1.0"] == "MIT"


def test_the_written_table_is_whole_and_says_once_what_was_not_tried() -> None:
    """Every model, as many cells in each line, and the caveat."""
    text = models_markdown()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == len(MODELS) + 2
    assert len({line.count("|") for line in lines}) == 1
    assert all(f"| `{name}` |" in text for name in MODELS)
    assert text.count("Not tried here with real weights") == 1
