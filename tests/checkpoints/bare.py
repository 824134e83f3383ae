"""The libraries' own loop over pages and questions, as their readmes show it: what our vectors are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL.Image import Image

from checkpoints.networks import engine_class
from visual_rag.embed.families import Family
from visual_rag.records import FloatArray

_WITHOUT_MAPPING = {"BiQwen2", "BiQwen2_5", "BiGemma3"}  # cannot be loaded with transformers 5 otherwise


@dataclass(frozen=True, slots=True)
class BareModel:
    """A network and a processor, loaded by nothing but their libraries, in float32 on the CPU."""

    network: Any
    processor: Any

    def page_vectors(self, images: Sequence[Image]) -> list[FloatArray]:
        """Embed pages one by one."""
        return [rows for image in images for rows in self.run(self.processor.process_images([image]))]

    def query_vectors(self, texts: Sequence[str]) -> list[FloatArray]:
        """Embed questions one by one: in a batch some networks look at the padding."""
        return [rows for text in texts for rows in self.run(self.processor.process_queries([text]))]

    @torch.inference_mode()
    def run(self, batch: Any) -> list[FloatArray]:
        """Give the rows of each item that are no padding; one row of a single-vector model."""
        # PaliGemma's processor gives labels, with which the network would work out a loss
        output = self.network(**{name: value for name, value in batch.items() if name != "labels"})
        output = getattr(output, "embeddings", output)
        if output.dim() == 2:
            return [row[None].numpy() for row in output]
        return [rows[kept].numpy() for rows, kept in zip(output, batch["attention_mask"].bool(), strict=True)]


def load_bare(folder: Path, family: Family, **options: Any) -> BareModel:
    """Load a checkpoint by its library alone."""
    find = engine_class if family.library == "colpali_engine" else lambda name: getattr(transformers, name)
    if family.architecture in _WITHOUT_MAPPING:
        options["key_mapping"] = {}
    network = find(family.architecture).from_pretrained(folder, dtype=torch.float32, **options).eval()
    if family.architecture in {"ColPali", "BiPali"}:
        network.model.lm_head = torch.nn.Identity()  # on the meta device, where nothing runs
    return BareModel(network, find(family.processor).from_pretrained(folder))
