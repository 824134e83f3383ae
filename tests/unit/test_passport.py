"""The passport keeps two kinds of vectors out of one index."""

import json
from dataclasses import replace

import pytest

from visual_rag.errors import PassportMismatch
from visual_rag.passport import SCHEMA_VERSION, IndexPassport
from visual_rag.records import ModelIdentity

MODEL = ModelIdentity(name="spotter", revision="1", weights_hash="ab" * 32, dim=128, backend="onnxruntime 1.31")
PASSPORT = IndexPassport(model=MODEL, dpi=120, renderer="pdfium 5.15", pooling="clusters64")


def test_it_survives_json() -> None:
    """As it lies in a store."""
    assert IndexPassport.from_dict(json.loads(json.dumps(PASSPORT.as_dict()))) == PASSPORT


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 1, None, "1"])
def test_another_schema_is_refused(version: object) -> None:
    """Whatever else it holds."""
    with pytest.raises(PassportMismatch, match=f"version {version}"):
        IndexPassport.from_dict({"schema_version": version, "unknown": 1})


def test_the_same_model_passes_whatever_runs_it() -> None:
    """The backend is recorded, not compared."""
    PASSPORT.check_model(replace(MODEL, backend="torch 2.11"), "clusters64", index="manuals")


@pytest.mark.parametrize(
    "change",
    [{"name": "colqwen"}, {"revision": "2"}, {"weights_hash": "cd" * 32}, {"dim": 64}],
    ids=lambda c: next(iter(c)),
)
def test_another_model_is_refused(change: dict[str, object]) -> None:
    """The message names the index, both models and the way out."""
    with pytest.raises(PassportMismatch) as caught:
        PASSPORT.check_model(replace(MODEL, **change), "clusters64", index="manuals")
    message = str(caught.value)
    assert "'manuals'" in message
    assert "spotter (revision 1, weights abababab, 128 dims, clusters64) at 120 dpi" in message
    assert str(next(iter(change.values())))[:8] in message
    cure = "Leave the model out" if "name" in change else "Install the release that has those weights"
    assert cure in message
    assert "into a new index" in message
    assert caught.value.collection == "manuals"


def test_another_pooling_is_refused() -> None:
    """The shortlist would compare two kinds of vectors."""
    with pytest.raises(PassportMismatch, match="rows32"):
        PASSPORT.check_model(MODEL, "rows32", index="manuals")


def test_what_was_not_asked_for_passes() -> None:
    """None goes on with what the index has."""
    PASSPORT.check_settings({"dpi": None, "renderer": "pdfium", "datatype": None}, index="manuals")


@pytest.mark.parametrize(
    "change",
    [
        {"dpi": 96},
        {"renderer": "poppler"},
        {"datatype": "float16"},
        {"text_language": "none"},
        {"keeps_rows": False},
    ],
    ids=str,
)
def test_other_settings_are_refused(change: dict[str, object]) -> None:
    """The message names the setting, both values and the way out."""
    settings = {"dpi": 120, "renderer": "pdfium", "datatype": "turbo8", **change}
    with pytest.raises(PassportMismatch, match=f"{next(iter(change))} .* Leave {next(iter(change))} out"):
        PASSPORT.check_settings(settings, index="manuals")


@pytest.mark.parametrize(
    "change",
    [{"template": "other"}, {"architecture": "ColQwen2"}, {"precision": "awq"}, {"max_visual_tokens": 256}],
    ids=lambda c: next(iter(c)),
)
def test_what_shapes_vectors_is_compared_and_named(change: dict[str, object]) -> None:
    """Weights alone do not make a vector."""
    with pytest.raises(PassportMismatch, match=f"differ in {next(iter(change))}"):
        PASSPORT.check_model(replace(MODEL, **change), "clusters64", index="manuals")


def test_a_model_may_lie_elsewhere() -> None:
    """A folder that was moved, or copied from the hub, holds the same weights."""
    PASSPORT.check_model(replace(MODEL, name="/elsewhere/model", revision="local"), "clusters64", index="manuals")


def test_other_libraries_must_embed_alike() -> None:
    """A question tells; while the libraries are the same it need not be asked."""
    passport = replace(PASSPORT, probe=(0.6, 0.8))
    newer = replace(MODEL, backend="onnxruntime 2.0")
    assert not passport.needs_probe(MODEL)
    assert passport.needs_probe(newer)
    assert passport.needs_probe(replace(MODEL, revision="served"))  # weights there may change under one name
    passport.check_probe((0.6002, 0.7998), newer, index="manuals")
    with pytest.raises(PassportMismatch, match=r"on onnxruntime 1\.31; on onnxruntime 2\.0 .*cosine 0\.96"):
        passport.check_probe((0.8, 0.6), newer, index="manuals")


def test_indexes_without_a_probe_are_read() -> None:
    """Those of the first release."""
    values = PASSPORT.as_dict()
    del values["probe"]
    assert not IndexPassport.from_dict(values).needs_probe(replace(MODEL, backend="other"))


def test_changed_files_of_a_model_are_told_as_such() -> None:
    """Nothing is to be installed or left out."""
    passport = replace(PASSPORT, model=replace(MODEL, name="/models/mine", revision="local"))
    for change in ({"weights_hash": "cd" * 32}, {"template": "other"}):
        with pytest.raises(PassportMismatch, match="files there have changed"):
            passport.check_model(replace(passport.model, **change), "clusters64", index="manuals")
