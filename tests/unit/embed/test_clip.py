"""CLIP, SigLIP and SigLIP2 on tiny random checkpoints in the true on-disk format, loaded and run by the real code."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visual_rag.errors import (
    InvalidInput,
    MissingDependency,
    ModelLoadError,
    OutOfDeviceMemory,
    UnhealthyEmbedding,
)
from visual_rag.records import Page
from visual_rag.settings import ModelSettings
from visual_rag.testing import EmbedderContract, make_page

torch = pytest.importorskip("torch", reason="needs torch: pip install 'visual-rag[colpali]'")
from visual_rag.embed.torch_runtime import ensure_torchvision  # noqa: E402

ensure_torchvision()
transformers = pytest.importorskip("transformers", reason="needs transformers: pip install 'visual-rag[colpali]'")

from safetensors.torch import load_file, save_file  # noqa: E402
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: E402

from visual_rag.embed.checkpoint import find_checkpoint  # noqa: E402
from visual_rag.embed.clip import ClipEmbedder, load_clip  # noqa: E402
from visual_rag.embed.transformers_runtime import loading  # noqa: E402

TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
FLOAT32 = ModelSettings(dtype="float32", device="cpu")
LETTERS = [chr(code) for code in range(33, 127)]


def save(model: Any, processor: Any, folder: Path) -> None:
    """Save both, with no weight left at zero, where initialisation puts biases, and pixels that matter."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not weight.any():
                weight.normal_(0, 0.02)
            if "vision" in name and weight.dim() > 1:
                weight.normal_(0, 0.2)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def clip(folder: Path) -> None:
    """CLIPModel, as openai/clip-vit-base-patch32 is laid out: resized by the shorter edge, cut to a square."""
    symbols = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = transformers.CLIPTokenizer(vocab={symbol: n for n, symbol in enumerate(symbols)}, merges=[])
    ends = {"bos_token_id": len(symbols) - 2, "eos_token_id": len(symbols) - 1, "pad_token_id": len(symbols) - 1}
    config = transformers.CLIPConfig(
        text_config=TOWER | ends | {"vocab_size": len(symbols)},
        vision_config=TOWER | {"image_size": 64, "patch_size": 16},
        projection_dim=24,
    )
    pixels = transformers.CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    save(transformers.CLIPModel(config), transformers.CLIPProcessor(pixels, tokenizer), folder)


def siglip(folder: Path) -> None:
    """SiglipModel with a unigram tokenizer that lowers case, as google/siglip-base-patch16-224 is laid out."""
    backend = Tokenizer(models.Unigram([(symbol, -1.0) for symbol in ["<pad>", "</s>", "<unk>", "▁", *LETTERS]], 2))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="</s>",
        pad_token="</s>",
        unk_token="<unk>",
        model_input_names=["input_ids"],
    )
    save(_siglip_model(len(tokenizer)), transformers.SiglipProcessor(_square_pixels(), tokenizer), folder)


def siglip2(folder: Path) -> None:
    """SiglipModel with Gemma's tokenizer, which keeps capitals: google/siglip2-base-patch16-224 is laid out so."""
    tokenizer = _gemma("GemmaTokenizer")
    save(_siglip_model(len(tokenizer)), transformers.SiglipProcessor(_square_pixels(), tokenizer), folder)


def naflex(folder: Path) -> None:
    """Siglip2Model, which keeps a page's shape, as google/siglip2-base-patch16-naflex is laid out."""
    tokenizer = _gemma("Siglip2Tokenizer")
    config = transformers.Siglip2Config(
        text_config=TOWER | _text(len(tokenizer)), vision_config=TOWER | {"num_patches": 16, "patch_size": 16}
    )
    pixels = transformers.Siglip2ImageProcessor(patch_size=16, max_num_patches=256)
    save(transformers.Siglip2Model(config), transformers.Siglip2Processor(pixels, tokenizer), folder)


def _gemma(name: str) -> Any:
    symbols = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{n:02X}>" for n in range(256)), "▁", *LETTERS]
    vocabulary = {symbol: n for n, symbol in enumerate(symbols)}
    return getattr(transformers, name)(
        vocab=vocabulary, merges=[], padding_side="right", add_bos_token=False, add_eos_token=True
    )


def _text(n_symbols: int) -> dict[str, Any]:
    ids = {"bos_token_id": None, "eos_token_id": 1, "pad_token_id": 1}
    return ids | {"vocab_size": n_symbols, "projection_size": 32}


def _siglip_model(n_symbols: int) -> Any:
    vision = TOWER | {"image_size": 64, "patch_size": 16}
    config = transformers.SiglipConfig(text_config=TOWER | _text(n_symbols), vision_config=vision)
    return transformers.SiglipModel(config)


def _square_pixels() -> Any:
    return transformers.SiglipImageProcessor(size={"height": 64, "width": 64})


BUILDERS: dict[str, Callable[[Path], None]] = {"clip": clip, "siglip": siglip, "siglip2": siglip2, "naflex": naflex}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One folder of each kind."""
    folders = {name: tmp_path_factory.mktemp(name) for name in BUILDERS}
    for name, build in BUILDERS.items():
        torch.manual_seed(0)
        build(folders[name])
    return folders


def load(folder: Path, settings: ModelSettings = FLOAT32) -> ClipEmbedder:
    """Load as a user does."""
    return load_clip(find_checkpoint(str(folder)), settings)


def copied(folder: Path, to: Path) -> Path:
    """Copy a checkpoint, to be spoilt."""
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


@pytest.mark.parametrize("kind", BUILDERS)
class TestClip(EmbedderContract):
    """See `EmbedderContract`."""

    tolerance = 1e-5

    @pytest.fixture(autouse=True)
    def _take(self, kind: str, checkpoints: dict[str, Path]) -> None:
        self._folder = checkpoints[kind]

    def make_embedder(self) -> ClipEmbedder:
        return load(self._folder)

    @property
    def _pages(self) -> list[Page]:
        """Full pages: CLIP cuts off the top and the bottom, and one line is faint when a page is 64 pixels high."""
        return [make_page(f"{page.text} " * 12, page.page_index) for page in super()._pages]


@pytest.mark.parametrize("kind", BUILDERS)
def test_rows_equal_those_of_transformers(kind: str, checkpoints: dict[str, Path]) -> None:
    """A page and a question embedded the way the model's card says give the same rows."""
    folder, page, text = checkpoints[kind], make_page("oil filter"), "oil filter"
    model = transformers.AutoModel.from_pretrained(folder)
    processor = transformers.AutoProcessor.from_pretrained(folder)
    padding = {"padding": True} if kind == "clip" else {"padding": "max_length", "max_length": 64}
    with torch.inference_mode():
        seen = model.get_image_features(**processor(images=page.image, return_tensors="pt"))
        tokens = processor(text=[text], truncation=True, return_tensors="pt", **padding)
        if kind != "clip":
            tokens = {"input_ids": tokens["input_ids"]}
        read = model.get_text_features(**tokens)
    embedder = load(folder)
    for ours, theirs in (
        (embedder.embed_pages([page])[0], seen),
        (embedder.embed_queries([text])[0], read),
    ):
        row = getattr(theirs, "pooler_output", theirs)[0]
        np.testing.assert_allclose(ours.vectors[0], (row / row.norm()).numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_page_has_one_row_that_is_its_own_shortlist(kind: str, checkpoints: dict[str, Path]) -> None:
    """Its region is the whole page; a question and a picture have one row too."""
    embedder = load(checkpoints[kind])
    page = make_page("pump")
    [embedding] = embedder.embed_pages([page])
    assert embedding.regions.tolist() == [[0, 0, 1, 1]]
    assert embedding.is_patch.tolist() == [True]
    assert embedder.pool(embedding) is embedding.vectors
    assert embedder.pooling == "none"
    assert embedder.embed_queries(["oil filter"])[0].tokens == ("oil filter",)
    np.testing.assert_array_equal(embedder.embed_query_images([page.image])[0].vectors, embedding.vectors)


@pytest.mark.parametrize("kind", BUILDERS)
def test_capitals_do_not_matter(kind: str, checkpoints: dict[str, Path]) -> None:
    """All were trained on lower case, also where the checkpoint names a tokenizer that keeps capitals."""
    first, second = load(checkpoints[kind]).embed_queries(["Wiring Diagram", "wiring diagram"])
    np.testing.assert_array_equal(first.vectors, second.vectors)


@pytest.mark.parametrize(("kind", "n_most"), [("clip", 77), ("siglip", 64), ("siglip2", 64), ("naflex", 64)])
def test_a_long_question_is_cut_with_a_warning(
    kind: str, n_most: int, checkpoints: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """The warning names the question and what is read of it; a short one gives none."""
    embedder = load(checkpoints[kind])
    with caplog.at_level(logging.WARNING):
        embedder.embed_queries(["short"])
        assert not caplog.records
        embedder.embed_queries(["short", "pump " * 90])
    [record] = caplog.records
    assert record.getMessage().endswith(f"tokens; {n_most} are read")
    assert "'pump pump" in record.getMessage()


def test_weights_that_are_missing_are_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """They would be drawn at random; the message names one."""
    folder = copied(checkpoints["clip"], tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelLoadError, match=r"lacks 1 weights of a CLIPModel, such as visual_projection\.weight"):
        load(folder)


@pytest.mark.parametrize("spoil", ["model.safetensors", "tokenizer.json", "shape"])
def test_damaged_files_are_refused(spoil: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """Whatever library stumbles, the error is ours and names the model."""
    folder = copied(checkpoints["siglip"], tmp_path)
    if spoil == "shape":
        config = json.loads((folder / "config.json").read_text())
        config["vision_config"]["intermediate_size"] = 48
        (folder / "config.json").write_text(json.dumps(config))
    else:
        (folder / spoil).write_bytes(b"not what it should be" * 100)
    with pytest.raises(ModelLoadError, match=r"cannot be loaded|damaged or cut off|other shapes") as caught:
        load(folder)
    assert caught.value.model == str(folder)


def test_a_tokenizer_that_needs_one_more_package_says_so() -> None:
    """As that of the first SigLIP does, where transformers raises this."""
    with (
        pytest.raises(MissingDependency, match=r"SiglipTokenizer requires the .*visual-rag\[colpali\]"),
        loading("siglip"),
    ):
        raise ImportError("SiglipTokenizer requires the SentencePiece library but it was not found. Checkout ...")


def test_values_that_are_not_finite_are_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """The message has the dtype."""
    folder = copied(checkpoints["clip"], tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["visual_projection.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnhealthyEmbedding, match="not finite in float32") as caught:
        load(folder).embed_pages([make_page("pump")])
    assert caught.value.model == str(folder)


class Hungry:
    """A model on a device that holds so many pages at a time."""

    def __init__(self, model: Any, n_most: int) -> None:
        self._model = model
        self._n_most = n_most
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def get_image_features(self, pixel_values: Any) -> Any:
        """Run out of memory as torch does."""
        self.sizes.append(len(pixel_values))
        if len(pixel_values) > self._n_most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self._model.get_image_features(pixel_values=pixel_values)


def hungry(folder: Path, n_most: int) -> tuple[ClipEmbedder, Hungry]:
    """Make an embedder on a small device."""
    checkpoint = find_checkpoint(str(folder))
    model = Hungry(transformers.CLIPModel.from_pretrained(folder).eval(), n_most)
    processor = transformers.CLIPProcessor.from_pretrained(folder)
    return ClipEmbedder(checkpoint, model, processor, ModelSettings(batch_size=4)), model


def test_batches_are_halved_when_memory_runs_out(
    checkpoints: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning, and the results in input order."""
    pages = [make_page(text) for text in ("oil", "pump", "seal", "valve", "warranty")]
    embedder, model = hungry(checkpoints["clip"], 1)
    with caplog.at_level(logging.WARNING):
        found = embedder.embed_pages(pages)
    assert model.sizes == [4, 2, 1, 1, 1, 1, 1]
    assert "4 items do not fit into the memory of cpu; going on with 2" in caplog.messages
    expected = load(checkpoints["clip"]).embed_pages(pages)
    np.testing.assert_allclose([e.vectors for e in found], [e.vectors for e in expected], atol=1e-5)


def test_a_page_that_does_not_fit_alone_is_refused(checkpoints: dict[str, Path]) -> None:
    """The message has its size and what to do."""
    embedder, _ = hungry(checkpoints["clip"], 0)
    with pytest.raises(OutOfDeviceMemory, match=r"240 x 320 px does not fit .* take a smaller model"):
        embedder.embed_pages([make_page("pump")])


def test_batches_have_the_size_that_was_asked_for(checkpoints: dict[str, Path]) -> None:
    """The last one holds the rest."""
    embedder, model = hungry(checkpoints["clip"], 100)
    embedder.embed_pages([make_page("pump")] * 6)
    assert model.sizes == [4, 2]


def test_the_identity_follows_what_shapes_the_vectors(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """A copy is the same model; another image size or tokenizer is not."""
    identity = load(checkpoints["clip"]).identity
    assert (identity.architecture, identity.dim, identity.revision) == ("CLIPModel", 24, "local")
    folder = copied(checkpoints["clip"], tmp_path)
    same = load(folder).identity
    assert (same.weights_hash, same.template) == (identity.weights_hash, identity.template)
    config = json.loads((folder / "processor_config.json").read_text())
    config["image_processor"]["image_mean"] = [0.5, 0.5, 0.5]
    (folder / "processor_config.json").write_text(json.dumps(config))
    assert load(folder).identity.template != identity.template


def test_patches_are_capped_where_pages_are_cut_by_size(checkpoints: dict[str, Path]) -> None:
    """NaFlex takes the cap, into its identity too; the others refuse it."""
    capped = ModelSettings(dtype="float32", max_visual_tokens=8)
    page = make_page("pump")
    full, small = load(checkpoints["naflex"]), load(checkpoints["naflex"], capped)
    assert not np.allclose(full.embed_pages([page])[0].vectors, small.embed_pages([page])[0].vectors, atol=1e-4)
    assert (full.identity.max_visual_tokens, small.identity.max_visual_tokens) == (None, 8)
    with pytest.raises(InvalidInput, match="leave max_visual_tokens out"):
        load(checkpoints["clip"], capped)


def test_a_model_of_another_family_is_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """ColPali checkpoints have a loader of their own."""
    folder = copied(checkpoints["clip"], tmp_path)
    (folder / "config.json").write_text(json.dumps({"model_type": "paligemma", "architectures": ["ColPali"]}))
    with pytest.raises(ModelLoadError, match="is a ColPali, no CLIP or SigLIP"):
        load(folder)


def test_an_adapter_is_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """Rather than run without it."""
    save_file({"lora": torch.ones(1)}, tmp_path / "adapter_model.safetensors")
    base = str(checkpoints["clip"])
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    with pytest.raises(ModelLoadError, match="is a LoRA adapter, which is not read for a CLIPModel"):
        load(tmp_path)


def test_a_picture_in_any_mode_is_taken(checkpoints: dict[str, Path]) -> None:
    """Grey and palette images become RGB."""
    embedder = load(checkpoints["clip"])
    grey = make_page("pump").image.convert("L")
    rows = [embedder.embed_query_images([image])[0].vectors for image in (grey, grey.convert("RGB"))]
    np.testing.assert_array_equal(*rows)
    assert embedder.embed_query_images([Image.new("P", (50, 80))])[0].vectors.shape == (1, 24)


def test_bfloat16_gives_float32_rows_of_unit_length(checkpoints: dict[str, Path]) -> None:
    """Its lengths drift; rows are normalised after the cast."""
    page = make_page("pump")
    [half] = load(checkpoints["siglip"], ModelSettings(dtype="bfloat16")).embed_pages([page])
    [full] = load(checkpoints["siglip"]).embed_pages([page])
    assert half.vectors.dtype == np.float32
    assert np.linalg.norm(half.vectors) == pytest.approx(1, abs=1e-6)
    assert float(half.vectors[0] @ full.vectors[0]) > 0.99
