"""One small network and its processor for each family: the true classes, a few dozen numbers wide.

Widths, depths and page sizes shrink; patches, merging, tiling and prompts are those of the real models.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import transformers

from checkpoints.tokenizer import (
    GEMMA_TEMPLATE,
    QWEN_TEMPLATE,
    gemma3_tokenizer,
    idefics_tokenizer,
    paligemma_tokenizer,
    qwen_tokenizer,
)
from visual_rag.embed.torch_runtime import ensure_torchvision

ensure_torchvision()

_HIDDEN = 32
_BIGEMMA3_HIDDEN = 2560  # its forward accepts no less
_PATCH = 14
_SQUARE_SIDE, _GEMMA3_SIDE, _TILE, _LONGEST = 56, 112, 128, 512  # pixels
_MOST_PATCHES = 24  # of a Qwen page
_HALF = [0.5, 0.5, 0.5]
_SMALL = {"hidden_size": _HIDDEN, "intermediate_size": 2 * _HIDDEN, "num_attention_heads": 2}


class TinyModel(NamedTuple):
    """A network and what prepares its inputs; both have `save_pretrained`."""

    network: Any
    processor: Any


def engine_class(name: str) -> Any:
    """Look up a class of colpali-engine."""
    return getattr(importlib.import_module("colpali_engine.models"), name)


def _vision(image_side: int, patch_side: int) -> dict[str, Any]:
    shape = {"image_size": image_side, "patch_size": patch_side, "num_hidden_layers": 1, "vision_use_head": False}
    return {"model_type": "siglip_vision_model", **_SMALL, **shape}


def _special_ids(tokenizer: Any) -> dict[str, int]:
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}


def paligemma(architecture: str) -> TinyModel:
    """ColPali and BiPali."""
    tokenizer = paligemma_tokenizer()
    images = transformers.SiglipImageProcessor(
        size={"height": _SQUARE_SIDE, "width": _SQUARE_SIDE}, resample=3, image_mean=_HALF, image_std=_HALF
    )
    images.image_seq_length = (_SQUARE_SIDE // _PATCH) ** 2
    processor = engine_class("ColPaliProcessor")(image_processor=images, tokenizer=tokenizer)
    heads = {"num_hidden_layers": 1, "num_key_value_heads": 1, "head_dim": 16}
    special = _special_ids(tokenizer)
    config = transformers.PaliGemmaConfig(
        vision_config=_vision(_SQUARE_SIDE, _PATCH) | {"vocab_size": len(tokenizer)},
        text_config={"model_type": "gemma", **_SMALL, **heads, "vocab_size": len(tokenizer), **special},
        image_token_index=processor.image_token_id,
        vocab_size=len(tokenizer),
        projection_dim=_HIDDEN,
        hidden_size=_HIDDEN,
        **special,
    )
    return TinyModel(engine_class(architecture)(config), processor)


def _qwen_ids(tokenizer: Any) -> dict[str, int]:
    marks = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    return {name: tokenizer.convert_tokens_to_ids(mark) for name, mark in marks.items()}


def _qwen_images(patch_side: int, **options: Any) -> Any:
    pixels = (2 * patch_side) ** 2  # two by two patches become one
    size = {"shortest_edge": 4 * pixels, "longest_edge": _MOST_PATCHES * pixels}
    return transformers.Qwen2VLImageProcessor(size=size, patch_size=patch_side, **options)


def _qwen2_text(tokenizer: Any) -> dict[str, Any]:
    rope = {"type": "mrope", "rope_type": "default", "mrope_section": [2, 3, 3]}
    return {
        **_SMALL,
        "num_hidden_layers": 1,
        "num_key_value_heads": 1,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 4096,
        "bos_token_id": tokenizer.eos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "rope_scaling": rope,
        "rope_theta": 1e6,
    }


def qwen2(architecture: str, processor_name: str) -> TinyModel:
    """ColQwen2 and BiQwen2."""
    tokenizer = qwen_tokenizer()
    vision = {"depth": 1, "embed_dim": _HIDDEN, "hidden_size": _HIDDEN, "num_heads": 2, "mlp_ratio": 2}
    config = transformers.Qwen2VLConfig(
        text_config=_qwen2_text(tokenizer), vision_config=vision | {"patch_size": _PATCH}, **_qwen_ids(tokenizer)
    )
    processor = engine_class(processor_name)(
        image_processor=_qwen_images(_PATCH),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(),
        chat_template=QWEN_TEMPLATE,
    )
    return TinyModel(engine_class(architecture)(config), processor)


def qwen2_5(architecture: str, processor_name: str) -> TinyModel:
    """ColQwen2_5 and BiQwen2_5: a vision tower of windows, the last layer whole."""
    tokenizer = qwen_tokenizer()
    width = {"hidden_size": _HIDDEN, "intermediate_size": 2 * _HIDDEN, "num_heads": 2, "out_hidden_size": _HIDDEN}
    windows = {"depth": 2, "patch_size": _PATCH, "window_size": 112, "fullatt_block_indexes": [1]}
    config = transformers.Qwen2_5_VLConfig(
        text_config=_qwen2_text(tokenizer), vision_config=width | windows, **_qwen_ids(tokenizer)
    )
    processor = engine_class(processor_name)(
        image_processor=_qwen_images(_PATCH),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(),
        chat_template=QWEN_TEMPLATE,
    )
    return TinyModel(engine_class(architecture)(config), processor)


def _qwen3_text(tokenizer: Any, rope: dict[str, Any]) -> dict[str, Any]:
    return {
        **_SMALL,
        "num_hidden_layers": 1,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 4096,
        "eos_token_id": tokenizer.eos_token_id,
        "rope_parameters": {"rope_type": "default", "mrope_interleaved": True, "rope_theta": 5e6, **rope},
    }


def _qwen3_vision() -> dict[str, Any]:
    width = {"hidden_size": _HIDDEN, "intermediate_size": 2 * _HIDDEN, "num_heads": 2, "out_hidden_size": _HIDDEN}
    return {**width, "depth": 1, "patch_size": 16, "num_position_embeddings": 64}


def _qwen3_processor(processor_name: str, tokenizer: Any) -> Any:
    return engine_class(processor_name)(
        image_processor=_qwen_images(16, merge_size=2, image_mean=_HALF, image_std=_HALF),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen3VLVideoProcessor(),
        chat_template=QWEN_TEMPLATE,
    )


def qwen3(architecture: str, processor_name: str) -> TinyModel:
    """ColQwen3 and BiQwen3."""
    tokenizer = qwen_tokenizer()
    config = transformers.Qwen3VLConfig(
        text_config=_qwen3_text(tokenizer, {"mrope_section": [4, 2, 2]}),
        vision_config=_qwen3_vision() | {"deepstack_visual_indexes": [0]},
        **_qwen_ids(tokenizer),
    )
    return TinyModel(engine_class(architecture)(config), _qwen3_processor(processor_name, tokenizer))


def qwen3_5(architecture: str, processor_name: str) -> TinyModel:
    """ColQwen3_5 and BiQwen3_5: a layer of linear attention, then one of full attention."""
    tokenizer = qwen_tokenizer()
    text = _qwen3_text(tokenizer, {"mrope_section": [2, 1, 1], "partial_rotary_factor": 0.5})
    linear = {f"linear_{part}_head_dim": 16 for part in ("key", "value")}
    linear |= {f"linear_num_{part}_heads": 2 for part in ("key", "value")}
    layers = {"num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"]}
    config = transformers.Qwen3_5Config(
        text_config=text | linear | layers, vision_config=_qwen3_vision(), **_qwen_ids(tokenizer)
    )
    return TinyModel(engine_class(architecture)(config), _qwen3_processor(processor_name, tokenizer))


def _tiling_processor(processor_name: str, tokenizer: Any) -> Any:
    images = transformers.Idefics3ImageProcessor(
        size={"longest_edge": _LONGEST}, max_image_size={"longest_edge": _TILE}
    )
    n_patches = (_TILE // 16 // 4) ** 2
    return engine_class(processor_name)(image_processor=images, tokenizer=tokenizer, image_seq_len=n_patches)


def idefics3(architecture: str, processor_name: str) -> TinyModel:
    """ColIdefics3 (ColSmol) and BiIdefics3."""
    tokenizer = idefics_tokenizer("<|im_start|>")
    sizes = {"num_hidden_layers": 1, "num_key_value_heads": 1, "max_position_embeddings": 8192}
    config = transformers.Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=4,
        pad_token_id=tokenizer.pad_token_id,
        vision_config={**_SMALL, "num_hidden_layers": 1, "image_size": _TILE, "patch_size": 16},
        text_config={
            "model_type": "llama", **_SMALL, **sizes, "vocab_size": len(tokenizer), **_special_ids(tokenizer)
        },
    )  # fmt: skip
    return TinyModel(engine_class(architecture)(config), _tiling_processor(processor_name, tokenizer))


def modernvbert(architecture: str, processor_name: str) -> TinyModel:
    """ColModernVBert and BiModernVBert."""
    tokenizer = idefics_tokenizer("<|begin_of_text|>")
    sizes = {"num_hidden_layers": 2, "global_attn_every_n_layers": 2, "local_attention": 128}
    special = {"cls_token_id": tokenizer.bos_token_id, "sep_token_id": tokenizer.eos_token_id}
    config = transformers.ModernVBertConfig(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pixel_shuffle_factor=4,
        vision_config=_vision(_TILE, 16),
        text_config={
            "model_type": "modernbert", **_SMALL, **sizes, "vocab_size": len(tokenizer),
            "max_position_embeddings": 8192, **_special_ids(tokenizer), **special,
        },
    )  # fmt: skip
    return TinyModel(engine_class(architecture)(config), _tiling_processor(processor_name, tokenizer))


def gemma3(architecture: str, processor_name: str) -> TinyModel:
    """ColGemma3 and BiGemma3."""
    tokenizer = gemma3_tokenizer()
    n_patches = (_GEMMA3_SIDE // _PATCH // 2) ** 2
    images = transformers.Gemma3ImageProcessor(
        size={"height": _GEMMA3_SIDE, "width": _GEMMA3_SIDE}, image_mean=_HALF, image_std=_HALF, do_pan_and_scan=False
    )
    processor = engine_class(processor_name)(
        image_processor=images, tokenizer=tokenizer, chat_template=GEMMA_TEMPLATE, image_seq_length=n_patches
    )
    layers = {"num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 512}
    heads = {"num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 4096}
    hidden = _BIGEMMA3_HIDDEN if architecture == "BiGemma3" else _HIDDEN
    marks = {"boi": "<start_of_image>", "eoi": "<end_of_image>", "image": "<image_soft_token>"}
    config = transformers.Gemma3Config(
        text_config={**_SMALL, **layers, **heads, "hidden_size": hidden, "vocab_size": len(tokenizer)},
        vision_config=_vision(_GEMMA3_SIDE, _PATCH),
        mm_tokens_per_image=n_patches,
        **{f"{name}_token_index": tokenizer.convert_tokens_to_ids(mark) for name, mark in marks.items()},
    )
    return TinyModel(engine_class(architecture)(config), processor)


def native(name: str, backbone: Callable[[], TinyModel], **options: Any) -> TinyModel:
    """Transformers' own class around the same backbone: the checkpoints whose names end in -hf."""
    network, processor = backbone()
    config = getattr(transformers, f"{name}Config")(vlm_config=network.config.to_dict(), embedding_dim=128)
    parts = {"image_processor": processor.image_processor, "tokenizer": processor.tokenizer}
    return TinyModel(
        getattr(transformers, f"{name}ForRetrieval")(config),
        getattr(transformers, f"{name}Processor")(**parts, **options),
    )


NETWORKS: Mapping[str, Callable[[], TinyModel]] = {
    "ColPali": partial(paligemma, "ColPali"),
    "BiPali": partial(paligemma, "BiPali"),
    "ColQwen2": partial(qwen2, "ColQwen2", "ColQwen2Processor"),
    "BiQwen2": partial(qwen2, "BiQwen2", "BiQwen2Processor"),
    "ColQwen2_5": partial(qwen2_5, "ColQwen2_5", "ColQwen2_5_Processor"),
    "BiQwen2_5": partial(qwen2_5, "BiQwen2_5", "BiQwen2_5_Processor"),
    "ColQwen3": partial(qwen3, "ColQwen3", "ColQwen3Processor"),
    "BiQwen3": partial(qwen3, "BiQwen3", "BiQwen3Processor"),
    "ColQwen3_5": partial(qwen3_5, "ColQwen3_5", "ColQwen3_5Processor"),
    "BiQwen3_5": partial(qwen3_5, "BiQwen3_5", "BiQwen3_5Processor"),
    "ColIdefics3": partial(idefics3, "ColIdefics3", "ColIdefics3Processor"),
    "BiIdefics3": partial(idefics3, "BiIdefics3", "BiIdefics3Processor"),
    "ColModernVBert": partial(modernvbert, "ColModernVBert", "ColModernVBertProcessor"),
    "BiModernVBert": partial(modernvbert, "BiModernVBert", "BiModernVBertProcessor"),
    "ColGemma3": partial(gemma3, "ColGemma3", "ColGemmaProcessor3"),
    "BiGemma3": partial(gemma3, "BiGemma3", "BiGemmaProcessor3"),
    "ColPaliForRetrieval": partial(native, "ColPali", partial(paligemma, "ColPali")),
    "ColQwen2ForRetrieval": partial(native, "ColQwen2", partial(qwen2, "ColQwen2", "ColQwen2Processor")),
    "ColModernVBertForRetrieval": partial(
        native,
        "ColModernVBert",
        partial(modernvbert, "ColModernVBert", "ColModernVBertProcessor"),
        image_seq_len=(_TILE // 16 // 4) ** 2,
    ),
}
"""By the class of the network, as `Family.architecture` names it."""
