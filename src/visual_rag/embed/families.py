"""The families of visual retrieval models, and how one is told from its `config.json`. Data only: no torch.

>>> find_family({"model_type": "qwen2_5_vl", "architectures": ["ColQwen2_5"]}).architecture
'ColQwen2_5'
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from visual_rag.errors import ModelLoadError

PatchLayout = Literal["square", "thw", "tiles", "whole"]
Library = Literal["colpali_engine", "transformers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One class of networks.

    Attributes:
        architecture: Name of the class of the network.
        processor: Name of the class that prepares pages and questions for it.
        library: Where both are.
        layout: How a page is cut: `square` (squashed to a fixed grid), `thw` (a grid that follows the page's size),
            `tiles` (tiles, then the whole page small), `whole` (one vector a page).
        caveat: What a user should know, "" where all is well.
        has_language_head: Whether the network would also work out a word for every token.
        needs_token_types: Whether attention depends on the batch where tokens have no type.
        lost_key_mapping: Whether loading asks for a mapping of names that transformers 5 dropped.
    """

    architecture: str
    processor: str
    library: Library = "colpali_engine"
    layout: PatchLayout
    caveat: str = ""
    has_language_head: bool = False
    needs_token_types: bool = False
    lost_key_mapping: bool = False

    @property
    def is_single_vector(self) -> bool:
        """Whether a page has one vector."""
        return self.layout == "whole"


def _engine(architecture: str, processor: str, layout: PatchLayout) -> Family:
    return Family(architecture=architecture, processor=processor, layout=layout)


def _paligemma(architecture: str, layout: PatchLayout) -> Family:
    family = _engine(architecture, "ColPaliProcessor", layout)  # BiPaliProcessor loses its parts in transformers 5
    return replace(family, has_language_head=True, needs_token_types=True)


def _native(architecture: str, processor: str, layout: PatchLayout, caveat: str = "") -> Family:
    return Family(architecture=architecture, processor=processor, library="transformers", layout=layout, caveat=caveat)


_FLAT_POSITIONS = (
    "the -hf checkpoint of ColQwen2 gives its patches flat positions, so its page vectors differ from those of "
    "colpali-engine; prefer the checkpoint without -hf"
)

MULTI_VECTOR: Mapping[str, Family] = {
    "paligemma": _paligemma("ColPali", "square"),
    "qwen2_vl": _engine("ColQwen2", "ColQwen2Processor", "thw"),
    "qwen2_5_vl": _engine("ColQwen2_5", "ColQwen2_5_Processor", "thw"),
    "qwen3_vl": _engine("ColQwen3", "ColQwen3Processor", "thw"),
    "qwen3_5": _engine("ColQwen3_5", "ColQwen3_5Processor", "thw"),
    "idefics3": _engine("ColIdefics3", "ColIdefics3Processor", "tiles"),
    "modernvbert": _engine("ColModernVBert", "ColModernVBertProcessor", "tiles"),
    "gemma3": _engine("ColGemma3", "ColGemmaProcessor3", "square"),
    "colpali": replace(_native("ColPaliForRetrieval", "ColPaliProcessor", "square"), needs_token_types=True),
    "colqwen2": _native("ColQwen2ForRetrieval", "ColQwen2Processor", "thw", _FLAT_POSITIONS),
    "colmodernvbert": _native("ColModernVBertForRetrieval", "ColModernVBertProcessor", "tiles"),
}
"""By `model_type`. Those of transformers itself are the checkpoints whose names end in -hf."""

SINGLE_VECTOR: Mapping[str, Family] = {
    "paligemma": _paligemma("BiPali", "whole"),
    "qwen2_vl": replace(_engine("BiQwen2", "BiQwen2Processor", "whole"), lost_key_mapping=True),
    "qwen2_5_vl": replace(_engine("BiQwen2_5", "BiQwen2_5_Processor", "whole"), lost_key_mapping=True),
    "qwen3_vl": _engine("BiQwen3", "BiQwen3Processor", "whole"),
    "qwen3_5": _engine("BiQwen3_5", "BiQwen3_5Processor", "whole"),
    "idefics3": _engine("BiIdefics3", "BiIdefics3Processor", "whole"),
    "modernvbert": _engine("BiModernVBert", "BiModernVBertProcessor", "whole"),
    "gemma3": replace(_engine("BiGemma3", "BiGemmaProcessor3", "whole"), lost_key_mapping=True),
    "clip": _native("CLIPModel", "CLIPProcessor", "whole"),
    "siglip": _native("SiglipModel", "SiglipProcessor", "whole"),
    "siglip2": _native("Siglip2Model", "Siglip2Processor", "whole"),
}
"""Likewise; those of colpali-engine are told from the multi-vector ones by their class, which begins with Bi."""

_ARCHITECTURES = {family.architecture for table in (MULTI_VECTOR, SINGLE_VECTOR) for family in table.values()}
_BROKEN = {"qwen2_5_omni", "qwen2_5_omni_thinker"}


def find_family(config: Mapping[str, Any], *, name: str = "the model") -> Family:
    """Tell the family from a `config.json`, never from the model's name.

    Args:
        config: The file's content.
        name: For the message.

    Raises:
        ModelLoadError: It is none of those known; the message lists them.
    """
    model_type = str(config.get("model_type", ""))
    architectures = config.get("architectures")
    architecture = str(architectures[0]) if isinstance(architectures, list) and architectures else ""
    if model_type in _BROKEN:
        raise ModelLoadError(
            f"'{name}' is a ColQwen2.5-Omni, which colpali-engine 0.3 cannot build with transformers 5.21 or newer; "
            "choose another model: `visual-rag models`",
            model=name,
        )
    if "auto_map" in config and architecture not in _ARCHITECTURES:
        raise ModelLoadError(
            f"'{name}' is a {architecture or 'model'} that brings its own code, which is not run here; "
            "choose another model: `visual-rag models`",
            model=name,
        )
    table = SINGLE_VECTOR if architecture.startswith("Bi") or model_type not in MULTI_VECTOR else MULTI_VECTOR
    if model_type not in table:
        known = ", ".join(sorted({*MULTI_VECTOR, *SINGLE_VECTOR}))
        raise ModelLoadError(
            f"'{name}' has model_type '{model_type}', no known visual retriever ({known}); "
            "choose another model: `visual-rag models`",
            model=name,
        )
    family = table[model_type]
    if architecture in _ARCHITECTURES - {family.architecture}:
        raise ModelLoadError(
            f"'{name}' says in its config.json that it is a {architecture} and of model_type '{model_type}', which is "
            f"a {family.architecture}; copy the model again",
            model=name,
        )
    return family
