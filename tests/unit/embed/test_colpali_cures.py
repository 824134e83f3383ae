"""What the libraries do wrong without a word, and that it is put right here.

Where it can be, a test shows the library's own behaviour first: once it is mended there, the cure may go.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints.bare import BareModel, load_bare
from checkpoints.build import Shelf
from checkpoints.networks import engine_class
from checkpoints.samples import FAMILIES, noise_page, page_of
from checkpoints.variants import (
    ADAPTER_WEIGHTS,
    WEIGHTS,
    copied,
    drop_weights,
    edit_json,
    make_adapter,
    rename_weights,
    spoil_weights,
)
from PIL import Image

from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.embed.colpali import ColPaliEmbedder, load_colpali
from visual_rag.embed.colpali_network import load_network
from visual_rag.embed.families import MULTI_VECTOR
from visual_rag.embed.torch_runtime import ensure_torchvision
from visual_rag.errors import InvalidInput, MissingDependency, ModelLoadError, OutOfDeviceMemory, UnhealthyEmbedding
from visual_rag.records import FloatArray
from visual_rag.scoring import maxsim
from visual_rag.settings import ModelDtype, ModelSettings
from visual_rag.testing import make_page

pytestmark = pytest.mark.filterwarnings(
    # transformers hands torch tensors to np.array(copy=False) when it makes PaliGemma's labels
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    # peft asks networks of transformers 5 for an attribute that has a new name
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",
)

ATOL = 1e-5
QUESTIONS = ("pump", "when does the warranty of the hydraulic pump end?")
PAGES = [noise_page((240, 320), seed=0), noise_page((448, 200), seed=1)]


def load(folder: Path, *, dtype: ModelDtype = "float32", base_model: str | None = None) -> ColPaliEmbedder:
    """Load a checkpoint as a user would; two pages at a time."""
    checkpoint = find_checkpoint(str(folder), base_model=base_model)
    return load_colpali(checkpoint, ModelSettings(device="cpu", dtype=dtype, batch_size=2, base_model=base_model))


def network_of(embedder: ColPaliEmbedder) -> Any:
    """The torch module inside."""
    return embedder._network.model


@pytest.mark.parametrize("model_type", ["paligemma", "colpali"])
def test_a_question_to_paligemma_does_not_depend_on_its_batch(shelf: Shelf, model_type: str) -> None:
    """Transformers attends both ways in a batch without padding and one way in a batch with it."""
    family = MULTI_VECTOR[model_type]
    folder = shelf.folder(family.architecture)
    bare, embedder = load_bare(folder, family), load(folder)
    [alone] = bare.query_vectors(QUESTIONS[:1])
    if model_type == "paligemma":  # the native processor gives the token types itself
        together = bare.run(bare.processor.process_queries(list(QUESTIONS)))
        assert np.abs(alone - together[0]).max() > 1e-3
    for texts in (QUESTIONS[:1], QUESTIONS):
        np.testing.assert_allclose(embedder.embed_queries(texts)[0].vectors, alone, atol=ATOL)


@pytest.mark.parametrize("architecture", ["ColPali", "BiPali"])
def test_the_language_head_of_colpali_is_gone(shelf: Shelf, architecture: str) -> None:
    """It is left without values, so the model cannot be moved; with values it would cost a gigabyte a page."""
    folder = shelf.folder(architecture)
    bare = engine_class(architecture).from_pretrained(folder)
    assert bare.model.lm_head.weight.is_meta
    with pytest.raises(NotImplementedError, match="meta tensor"):
        bare.to("cpu", torch.float64)
    network = network_of(load(folder))
    assert not any("lm_head" in name or value.is_meta for name, value in network.named_parameters())
    network.to("cpu", torch.float64)


@pytest.mark.parametrize("architecture", ["BiQwen2", "BiQwen2_5", "BiGemma3"])
def test_classes_that_ask_for_a_lost_mapping_are_loaded(shelf: Shelf, architecture: str) -> None:
    """Their `from_pretrained` reads an attribute that transformers 5 no longer has."""
    folder = shelf.folder(architecture)
    with pytest.raises(AttributeError, match="_checkpoint_conversion_mapping"):
        engine_class(architecture).from_pretrained(folder)
    assert len(load(folder).embed_queries(["pump"])) == 1


@pytest.mark.parametrize(
    ("architecture", "projection"),
    [
        ("ColPali", "custom_text_proj"),
        ("ColQwen2", "custom_text_proj"),
        ("ColQwen2_5", "custom_text_proj"),
        ("ColQwen3", "custom_text_proj"),
        ("ColQwen3_5", "custom_text_proj"),
        ("ColGemma3", "custom_text_proj"),
        ("ColModernVBert", "custom_text_proj"),
        ("ColIdefics3", "linear"),
        ("ColPaliForRetrieval", "embedding_proj_layer"),
    ],
)
def test_a_base_model_is_refused(shelf: Shelf, tmp_path: Path, architecture: str, projection: str) -> None:
    """Without its projection a model would be given a random one; the message names what is missing."""
    folder = copied(shelf.folder(architecture), tmp_path / "base")
    drop_weights(folder, projection + ".")
    with pytest.raises(ModelLoadError, match=rf"lacks 2 weights of a {architecture}.*{projection}"):
        load(folder)


@pytest.mark.parametrize("n_bytes", [0, 5, 100, 10_000])
def test_a_damaged_weight_file_is_refused(shelf: Shelf, tmp_path: Path, n_bytes: int) -> None:
    """Cut off, as an interrupted copy leaves it."""
    folder = copied(shelf.folder("ColQwen2"), tmp_path / "model")
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(n_bytes)
    with pytest.raises(ModelLoadError, match="damaged or cut off"):
        load(folder)


def test_a_damaged_adapter_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    """Likewise."""
    make_adapter(shelf.folder("ColQwen2"), tmp_path / "adapter", architecture="ColQwen2")
    with (tmp_path / "adapter" / ADAPTER_WEIGHTS).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelLoadError, match="damaged or cut off"):
        load(tmp_path / "adapter")


OLDER_NAMES = {
    "ColQwen2": {"language_model.": "model."},
    "ColQwen2_5": {"language_model.": "model."},
    "ColPali": {"model.vision_tower.": "model.vision_tower.vision_model."},
    "ColGemma3": {"vision_tower.": "vision_tower.vision_model."},
}


@pytest.mark.parametrize("architecture", sorted(OLDER_NAMES))
def test_a_checkpoint_of_transformers_4_is_loaded(shelf: Shelf, tmp_path: Path, architecture: str) -> None:
    """Its tensors have other names, and give the same vectors."""
    folder = copied(shelf.folder(architecture), tmp_path / "older")
    rename_weights(folder, OLDER_NAMES[architecture])
    for ours, expected in zip(all_vectors(load(folder)), all_vectors(load(shelf.folder(architecture))), strict=True):
        np.testing.assert_array_equal(ours, expected)


def all_vectors(embedder: ColPaliEmbedder) -> list[FloatArray]:
    """Of the pages and the questions."""
    return [item.vectors for item in (*embedder.embed_pages(PAGES), *embedder.embed_queries(QUESTIONS))]


@pytest.fixture(scope="module", params=["ColPali", "ColQwen2_5", "ColQwen3", "ColIdefics3", "ColGemma3"])
def adapted(request: pytest.FixtureRequest, shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An architecture, and the folder of a LoRA adapter of its tiny model."""
    folder = tmp_path_factory.mktemp("adapter")
    make_adapter(shelf.folder(request.param), folder, architecture=request.param)
    return request.param, folder


def test_an_adapter_is_merged(shelf: Shelf, adapted: tuple[str, Path]) -> None:
    """No LoRA layer is left, and vectors are those of peft's own forward, not those of the base."""
    architecture, folder = adapted
    embedder = load(folder)
    assert not any("lora" in name for name, _ in network_of(embedder).named_parameters())
    expected = unmerged(shelf.folder(architecture), architecture, folder)
    base = load(shelf.folder(architecture))
    vectors = [*expected.page_vectors([page.image for page in PAGES]), *expected.query_vectors(QUESTIONS)]
    for ours, theirs, before in zip(all_vectors(embedder), vectors, all_vectors(base), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=ATOL)
        assert np.abs(ours - before).max() > 1e-3
    assert embedder.identity.weights_hash != base.identity.weights_hash


def unmerged(base: Path, architecture: str, adapter: Path) -> BareModel:
    """The base with the adapter as peft runs it."""
    from peft import PeftModel

    bare = load_bare(base, FAMILIES[architecture])
    return BareModel(PeftModel.from_pretrained(bare.network, adapter).eval(), bare.processor)


@pytest.mark.parametrize("architecture", ["ColPali", "ColQwen2", "ColIdefics3"])
def test_a_projection_that_was_trained_whole_is_taken_from_the_adapter(
    shelf: Shelf, tmp_path: Path, architecture: str
) -> None:
    """The base may well lack it: that is how retrievers are trained from a plain model."""
    projection = "linear" if architecture == "ColIdefics3" else "custom_text_proj"
    make_adapter(shelf.folder(architecture), tmp_path / "adapter", architecture=architecture, saved_whole=projection)
    expected = unmerged(shelf.folder(architecture), architecture, tmp_path / "adapter").query_vectors(QUESTIONS)
    base = copied(shelf.folder(architecture), tmp_path / "base")
    drop_weights(base, projection + ".")
    queries = load(tmp_path / "adapter", base_model=str(base)).embed_queries(QUESTIONS)
    for ours, theirs in zip(queries, expected, strict=True):
        np.testing.assert_allclose(ours.vectors, theirs, atol=ATOL)


OLDER_ADAPTER_NAMES = {
    "ColQwen2": {"base_model.model.language_model.": "base_model.model.model."},
    "ColQwen2_5": {"base_model.model.language_model.": "base_model.model.model."},
    "ColQwen3": {"base_model.model.language_model.": "base_model.model.model.language_model."},
    "ColPali": {
        "base_model.model.model.model.language_model.": "base_model.model.model.language_model.model.",
        "base_model.model.model.model.vision_tower.": "base_model.model.model.vision_tower.vision_model.",
    },
    "ColGemma3": {"base_model.model.vision_tower.": "base_model.model.vision_tower.vision_model."},
}


@pytest.mark.parametrize("architecture", sorted(OLDER_ADAPTER_NAMES))
def test_an_adapter_of_transformers_4_is_loaded(shelf: Shelf, tmp_path: Path, architecture: str) -> None:
    """Those on the hub are of that time. Its projection fits under any name, and must not pass for the whole."""
    folder = tmp_path / "adapter"
    make_adapter(shelf.folder(architecture), folder, architecture=architecture)
    expected = all_vectors(load(folder))
    rename_weights(folder, OLDER_ADAPTER_NAMES[architecture], file=ADAPTER_WEIGHTS)
    for ours, theirs in zip(all_vectors(load(folder)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=ATOL)


# before an adapter is loaded its layers are zero, or random: whether values are there tells nothing
@pytest.mark.parametrize("initial", [True, False, "gaussian"])
def test_an_adapter_that_fits_nothing_is_refused(shelf: Shelf, tmp_path: Path, *, initial: bool | str) -> None:
    """Otherwise the base would answer in its place; the message asks for the right base."""
    make_adapter(shelf.folder("ColQwen2"), tmp_path / "adapter", architecture="ColQwen2")
    edit_json(tmp_path / "adapter" / "adapter_config.json", init_lora_weights=initial)
    rename_weights(tmp_path / "adapter", {"base_model.model.": "base_model.other."}, file=ADAPTER_WEIGHTS)
    with pytest.raises(ModelLoadError, match="base_model"):
        load(tmp_path / "adapter")


def test_an_adapter_that_fits_in_part_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    """Its vectors would be those of neither model."""
    make_adapter(shelf.folder("ColQwen2"), tmp_path / "adapter", architecture="ColQwen2")
    layer = "base_model.model.language_model.layers."
    rename_weights(tmp_path / "adapter", {f"{layer}0.": f"{layer}9."}, file=ADAPTER_WEIGHTS)
    with pytest.raises(ModelLoadError, match="base_model"):
        load(tmp_path / "adapter")


def test_an_adapter_whose_base_has_moved_is_loaded(shelf: Shelf, tmp_path: Path) -> None:
    """`base_model` says where to; the vectors are the same, and the passport keeps it."""
    make_adapter(shelf.folder("ColQwen2"), tmp_path / "adapter", architecture="ColQwen2")
    expected = all_vectors(load(tmp_path / "adapter"))
    moved = copied(shelf.folder("ColQwen2"), tmp_path / "moved")
    edit_json(tmp_path / "adapter" / "adapter_config.json", base_model_name_or_path="/gone")
    embedder = load(tmp_path / "adapter", base_model=str(moved))
    assert embedder.identity.base_model == str(moved)
    for ours, theirs in zip(all_vectors(embedder), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("model_type", ["qwen2_5_vl", "idefics3"])
def test_padding_is_dropped(shelf: Shelf, model_type: str) -> None:
    """A batch's padding comes out of the library as zero rows, and a zero row beats every negative similarity."""
    family = MULTI_VECTOR[model_type]
    folder = shelf.folder(family.architecture)
    bare = load_bare(folder, family)
    with torch.inference_mode():
        padded = bare.network(**bare.processor.process_images([page.image for page in PAGES])).numpy()
    [short] = [rows for rows in padded if not rows.any(axis=1).all()]
    embeddings = load(folder).embed_pages(PAGES)
    [ours] = [item.vectors for item in embeddings if len(item.vectors) < padded.shape[1]]
    assert np.linalg.norm(ours, axis=1).min() > 0.999
    against = np.linalg.lstsq(ours, np.full(len(ours), -1.0), rcond=None)[0][None]  # as unlike each row as can be
    assert maxsim(against, short) == 0
    assert maxsim(against, ours) < 0


@pytest.mark.parametrize("model_type", ["paligemma", "qwen2_vl", "modernvbert"])
def test_rows_of_bfloat16_are_normalised_again(shelf: Shelf, model_type: str) -> None:
    """Their lengths drift as they come; a store that multiplies them would rank by the drift."""
    family = MULTI_VECTOR[model_type]
    folder = shelf.folder(family.architecture)
    bare = load_bare(folder, family)
    bare.network.to(torch.bfloat16)
    batch = bare.processor.process_queries(list(QUESTIONS))
    with torch.inference_mode():
        raw = bare.network(**batch)[batch["attention_mask"].bool()].float().numpy()
    assert np.abs(np.linalg.norm(raw, axis=1) - 1).max() > 5e-4
    exact = load(folder)
    for item, expected in zip(all_vectors(load(folder, dtype="bfloat16")), all_vectors(exact), strict=True):
        assert item.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(item, axis=1), 1, atol=1e-6)
        assert (item * expected).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("architecture", ["ColQwen2", "BiIdefics3", "ColPaliForRetrieval"])
def test_values_that_are_no_numbers_are_refused(
    shelf: Shelf, tmp_path: Path, architecture: str, dtype: ModelDtype
) -> None:
    """Pages and questions alike; the message names the model and the dtype."""
    folder = copied(shelf.folder(architecture), tmp_path / "model")
    spoil_weights(folder, "norm.weight")
    embedder = load(folder, dtype=dtype)
    for embed in (lambda: embedder.embed_pages(PAGES), lambda: embedder.embed_queries(QUESTIONS)):
        with pytest.raises(UnhealthyEmbedding, match=dtype) as caught:
            embed()
        assert caught.value.model == str(folder)


@pytest.mark.parametrize(
    ("architecture", "cap", "n_patches"),
    [("ColQwen2", 8, 8), ("ColQwen2_5", 12, 12), ("ColQwen3", 8, 8), ("ColIdefics3", 20, 20)],
)
def test_patches_are_capped(shelf: Shelf, architecture: str, cap: int, n_patches: int) -> None:
    """No page of any shape has more, and none far fewer; the passport keeps the cap."""
    settings = ModelSettings(device="cpu", dtype="float32", max_visual_tokens=cap)
    embedder = load_colpali(find_checkpoint(str(shelf.folder(architecture))), settings)
    counts = [
        int(item.is_patch.sum()) for item in embedder.embed_pages([*PAGES, page_of(Image.new("RGB", (400, 400)))])
    ]
    assert max(counts) <= cap
    assert n_patches >= max(counts) >= n_patches // 2
    uncapped = load(shelf.folder(architecture)).identity
    assert embedder.identity.max_visual_tokens == cap
    assert embedder.identity.template != uncapped.template


def test_a_cap_that_cannot_hold_is_refused(shelf: Shelf) -> None:
    """Of a family that cuts every page alike, or below one tile and the whole page."""
    for architecture, cap in (("ColPali", 8), ("ColGemma3", 8), ("ColIdefics3", 7)):
        checkpoint = find_checkpoint(str(shelf.folder(architecture)))
        with pytest.raises(InvalidInput, match="max_visual_tokens"):
            load_colpali(checkpoint, ModelSettings(device="cpu", max_visual_tokens=cap))


BROKEN = """
import torch
if not hasattr(torch.ops.torchvision, "nms"):
    raise RuntimeError("operator torchvision::nms does not exist")
"""
SHIM = """
import sys, torch
from visual_rag.embed.torch_runtime import ensure_torchvision
assert ensure_torchvision() is None
assert ensure_torchvision() is None
print(sys.modules["torchvision"].__file__, hasattr(torch.ops.torchvision, "nms"))
"""


@pytest.mark.parametrize(
    ("source", "declared"), [("", "False"), (BROKEN, "True"), ("raise RuntimeError('of another kind')", None)]
)
def test_torchvision_is_mended_only_where_it_is_broken(tmp_path: Path, source: str, declared: str | None) -> None:
    """A sound one is left alone; one that lacks its compiled part is imported; any other failure is shown."""
    (tmp_path / "torchvision.py").write_text(source, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SHIM], capture_output=True, text=True, check=False, env=environment)
    if declared is None:
        assert "RuntimeError: of another kind" in done.stderr
    else:
        assert done.stdout.split() == [str(tmp_path / "torchvision.py"), declared], done.stderr


def test_without_torchvision_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with the extra."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingDependency, match=r"pip install 'visual-rag\[colpali\]'"):
        ensure_torchvision()


def test_the_native_colqwen2_warns(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """Its pages differ from those of colpali-engine; other families say nothing."""
    with caplog.at_level("WARNING", logger="visual_rag"):
        load(shelf.folder("ColQwen2"))
        assert not caplog.records
        load(shelf.folder("ColQwen2ForRetrieval"))
    assert "prefer the checkpoint without -hf" in caplog.text


def test_loading_writes_nothing_to_the_terminal(shelf: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    """No bar, no table: what matters is raised."""
    load(shelf.folder("ColPali")).embed_pages([make_page("oil filter")])
    assert capfd.readouterr() == ("", "")


class SmallDevice:
    """A network on a device that holds only so many items at a time."""

    def __init__(self, network: Any, most: int) -> None:
        self._network = network
        self._most = most
        self.sizes: list[int] = []

    def __call__(self, **batch: Any) -> Any:
        """Run, or have no memory left."""
        self.sizes.append(len(batch["input_ids"]))
        if self.sizes[-1] > self._most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._network(**batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


def on_small_device(folder: Path, most: int) -> tuple[ColPaliEmbedder, SmallDevice]:
    """An embedder that asks for four pages at a time of a device that holds fewer."""
    settings = ModelSettings(device="cpu", dtype="float32", batch_size=4)
    checkpoint = find_checkpoint(str(folder))
    network = load_network(checkpoint, settings)
    device = SmallDevice(network.model, most)
    return ColPaliEmbedder(checkpoint, replace(network, model=device), settings), device


def test_batches_are_halved_when_memory_runs_out(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning; the vectors are the same, in the order of the pages."""
    folder = shelf.folder("ColQwen2")
    pages = [noise_page((200, 280), seed) for seed in range(4)]
    embedder, device = on_small_device(folder, most=1)
    found = embedder.embed_pages(pages)
    assert device.sizes == [4, 2, 1, 1, 1, 1]  # it remembers what did not fit
    assert "do not fit into the memory" in caplog.text
    for ours, page in zip(found, pages, strict=True):
        np.testing.assert_allclose(ours.vectors, load(folder).embed_pages([page])[0].vectors, atol=1e-5)


def test_questions_are_halved_too(shelf: Shelf) -> None:
    """They come sixteen at a time."""
    embedder, device = on_small_device(shelf.folder("ColQwen2"), most=2)
    texts = ["oil filter", "pump", "torque", "warranty"]
    assert [query.tokens for query in embedder.embed_queries(texts)] == [
        query.tokens for query in load(shelf.folder("ColQwen2")).embed_queries(texts)
    ]
    assert device.sizes == [4, 2, 2]


def test_a_page_that_never_fits_is_told(shelf: Shelf) -> None:
    """The error names its size and what to lower."""
    embedder, _ = on_small_device(shelf.folder("ColQwen2"), most=0)
    with pytest.raises(OutOfDeviceMemory, match=r"200 x 280 px .* lower max_visual_tokens"):
        embedder.embed_pages([noise_page((200, 280), 1)])
