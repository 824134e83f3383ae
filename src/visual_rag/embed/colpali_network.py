"""Loading a ColPali-family network with all its weights, through colpali-engine or transformers.

The two libraries disagree in places, mostly without a word. What is put right here, each with a test that fails
without it: ColPali's language head stays on the meta device and would cost a gigabyte a page; three single-vector
classes ask for a mapping that transformers 5 no longer has; weights that a checkpoint lacks are drawn at random; an
adapter whose names match nothing changes nothing; adapters stay unmerged.
"""

import importlib
import math
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from PIL import Image

from visual_rag.embed.checkpoint import EXTRA, Checkpoint, check_processor
from visual_rag.embed.families import Family, find_family
from visual_rag.embed.torch_runtime import pick_device, pick_dtype, torch
from visual_rag.embed.transformers_runtime import (
    TokenizerMarks,
    get_model_conversion_mapping,
    loading,
    preparation_hash,
    safetensors,
    transformers,
)
from visual_rag.errors import EmbeddingError, InvalidInput, MissingDependency, ModelLoadError
from visual_rag.settings import ModelSettings

_LANGUAGE_HEAD = "lm_head"
_TEMPLATE_PROBE = (1240, 1754)  # px: an A4 page at 150 dpi


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is ready to run, and its processor.

    Attributes:
        family: What it is.
        model: On its device, in evaluation mode, adapters merged.
        processor: Makes tensors of pages and questions.
        image_token_id: Stands for a patch among a page's tokens.
        dim: Length of a row.
        backend: Libraries and their versions.
    """

    family: Family
    model: Any
    processor: Any
    image_token_id: int
    dim: int
    backend: str

    @property
    def tile_side(self) -> int:
        """Patches along a tile, for the families that cut a page into tiles."""
        return math.isqrt(self.processor.image_seq_len)

    @property
    def merge_size(self) -> int:
        """Cells of `image_grid_thw` along a patch, for the families whose grid follows the page."""
        return int(self.processor.image_processor.merge_size)

    def pages_batch(self, images: list[Image.Image]) -> dict[str, Any]:
        """Turn page images into tensors.

        Raises:
            EmbeddingError: A page is of a shape that the processor refuses.
        """
        pictures = [image.convert("RGB") for image in images]
        try:
            return dict(self.processor.process_images(pictures))
        except ValueError as error:  # Qwen's: more than 200 times as long as wide
            sizes = ", ".join(f"{image.width} x {image.height}" for image in images)
            raise EmbeddingError(
                f"{self.family.architecture} takes no page of {sizes} px ({error}); crop it, or take another model"
            ) from error

    def queries_batch(self, texts: list[str]) -> dict[str, Any]:
        """Turn questions into tensors; the processor adds what the model was trained to see around them."""
        return dict(self.processor.process_queries([self._marks.as_plain_text(text) for text in texts]))

    @cached_property
    def _marks(self) -> TokenizerMarks:
        return TokenizerMarks(self.processor.tokenizer)


def load_network(checkpoint: Checkpoint, settings: ModelSettings) -> Network:
    """Load a checkpoint.

    Raises:
        ModelLoadError: The family is unknown, weights are missing, or an adapter does not fit its base.
        MissingDependency: colpali-engine is not installed.
        InvalidInput: The device is not here, or the family's pages have a fixed number of patches.
    """
    family = find_family(checkpoint.config, name=checkpoint.name)
    check_processor(checkpoint)
    device = pick_device(settings.device)
    with loading(checkpoint.name):
        model = _load_model(family, checkpoint, pick_dtype(device, settings.dtype)).to(device).eval()
        processor = getattr(_library(family.library), family.processor).from_pretrained(checkpoint.processor_folder)
    _cap_patches(family, processor, settings.max_visual_tokens)
    config = model.config
    is_native = family.library == "transformers"
    return Network(
        family=family,
        model=model,
        processor=processor,
        image_token_id=(config.vlm_config if is_native else config).image_token_id,
        dim=model.embedding_dim if is_native else getattr(model, "dim", None) or config.get_text_config().hidden_size,
        backend=_backend(family),
    )


def template_hash(network: Network) -> str:
    """Hash what a page and a question become before the network sees them: their tokens, and how pixels are prepared.

    It changes with prompts, augmentation tokens, image sizes, the mean of pixels and the cap on patches, whichever
    library or file changed them.
    """
    pages = network.pages_batch([Image.new("RGB", _TEMPLATE_PROBE, "white")])
    queries = network.queries_batch(["wiring diagram of the pump"])
    tokens = [pages["input_ids"].tolist(), queries["input_ids"].tolist()]
    return preparation_hash(network.processor.image_processor, tokens)


def _library(name: str) -> Any:
    if name == "transformers":
        return transformers
    try:
        return importlib.import_module("colpali_engine.models")
    except ImportError as error:
        raise MissingDependency(f"this model needs {error.name}; {EXTRA}") from error


def _load_model(family: Family, checkpoint: Checkpoint, dtype: torch.dtype) -> Any:
    architecture = getattr(_library(family.library), family.architecture)
    base = checkpoint.base or checkpoint
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": "sdpa", "output_loading_info": True}
    if family.lost_key_mapping:
        options["key_mapping"] = {}  # else from_pretrained reads a super() attribute that transformers 5 dropped
    model, info = architecture.from_pretrained(base.folder, **options)
    if family.has_language_head:
        model.model.lm_head = torch.nn.Identity()  # left on the meta device; not needed, and 1 TFLOP a page
    missing = {key for key in info["missing_keys"] if _LANGUAGE_HEAD not in key}
    if checkpoint.base is not None:
        missing -= _add_adapter(model, checkpoint)
    if missing:
        raise ModelLoadError(
            f"'{checkpoint.name}' lacks {len(missing)} weights of a {family.architecture}, such as {min(missing)}; "
            "it is rather a model that such retrievers are trained from: name the retriever",
            model=checkpoint.name,
        )
    return model


def _add_adapter(model: Any, checkpoint: Checkpoint) -> set[str]:
    """Load a LoRA adapter, check that all of it fits, and fold it in; give the weights that it brought whole."""
    mapping = get_model_conversion_mapping(  # load_adapter alone drops what transformers 4 called otherwise
        model, key_mapping=getattr(type(model), "_checkpoint_conversion_mapping", None)
    )
    info = model.load_adapter(str(checkpoint.folder), weight_mapping=mapping)
    unfit = {*info.missing_keys, *info.unexpected_keys}
    if unfit:
        raise ModelLoadError(
            f"{len(unfit)} weights of the adapter '{checkpoint.name}', such as {min(unfit)}, do not fit its base; "
            "pass base_model with the one that it was trained on",
            model=checkpoint.name,
        )
    _merge_adapter(model)
    return {key.removeprefix("base_model.model.") for key in _adapter_keys(checkpoint) if "lora_" not in key}


def _adapter_keys(checkpoint: Checkpoint) -> list[str]:
    keys: list[str] = []
    for path in sorted(checkpoint.folder.glob("adapter*.safetensors")):
        with safetensors.safe_open(path, framework="pt") as file:
            keys += file.keys()
    return keys


def _merge_adapter(model: Any) -> None:
    """Fold LoRA layers into the layers they wrap: the same vectors without their cost."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BaseTunerLayer):
                child.merge(safe_merge=True)
                setattr(parent, name, child.get_base_layer())


def _cap_patches(family: Family, processor: Any, max_visual_tokens: int | None) -> None:
    if max_visual_tokens is None:
        return
    images = processor.image_processor
    if hasattr(images, "merge_size"):  # Qwen's, whose grid follows the page
        pixels = max_visual_tokens * (images.patch_size * images.merge_size) ** 2
        images.size = {"shortest_edge": min(images.size["shortest_edge"], pixels), "longest_edge": pixels}
    elif hasattr(images, "max_image_size"):  # Idefics's, in tiles
        n_tiles = max_visual_tokens // processor.image_seq_len - 1
        if n_tiles < 1:
            least = 2 * processor.image_seq_len
            raise InvalidInput(f"max_visual_tokens is {max_visual_tokens}; this model needs at least {least}")
        capped = math.isqrt(n_tiles) * images.max_image_size["longest_edge"]
        images.size = {"longest_edge": min(capped, images.size["longest_edge"])}
    else:
        raise InvalidInput(f"{family.architecture} cuts every page alike; leave max_visual_tokens out")


def _backend(family: Family) -> str:
    names = [*([] if family.library == "transformers" else ["colpali-engine"]), "transformers", "torch"]
    return ", ".join(f"{name} {version(name)}" for name in names)
