"""Models of the ColPali family: pages and questions in, multi-vectors out, whatever the family.

    embedder = load_colpali(find_checkpoint("vidore/colqwen2.5-v0.2"), ModelSettings(device="cuda"))
    [page_embedding] = embedder.embed_pages([page])

Rows are those that the network was given a token for: padding is told by the attention mask and dropped, since a zero
row would win MaxSim wherever all others are negative. They are float32 and of unit length whatever the dtype.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from visual_rag.embed.checkpoint import Checkpoint
from visual_rag.embed.colpali_network import Network, load_network, template_hash
from visual_rag.embed.families import find_family
from visual_rag.embed.pooling import merged, picture_query, pooling_name, shortlist_rows
from visual_rag.embed.protocol import check_questions
from visual_rag.embed.regions import WHOLE_PAGE, grid_regions, square_regions, tile_regions
from visual_rag.embed.torch_batches import BatchRunner, healthy_rows, page_name
from visual_rag.embed.torch_runtime import torch
from visual_rag.records import FloatArray, IntArray, ModelIdentity, Page, PageEmbedding, QueryEmbedding
from visual_rag.settings import ModelSettings, refuse_changed

log = logging.getLogger(__name__)

_PAGE_DPI = 144
_QUERIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What the network gave for one page or question: vectors (n, dim) and the token of each (n,)."""

    vectors: FloatArray
    tokens: IntArray


class ColPaliEmbedder:
    """A late-interaction or single-vector model of a known family. Passes `EmbedderContract`."""

    def __init__(self, checkpoint: Checkpoint, network: Network, settings: ModelSettings) -> None:
        self._checkpoint = checkpoint
        self._network = network
        self._settings = settings
        self._device = network.model.device
        size = settings.batch_size or (1 if self._device.type == "cpu" else 4)
        self._pages = BatchRunner(size, model=checkpoint.name, device=self._device)
        self._questions = BatchRunner(_QUERIES_AT_ONCE, model=checkpoint.name, device=self._device)
        if network.family.caveat:
            log.warning("%s: %s", checkpoint.name, network.family.caveat)

    @cached_property
    def identity(self) -> ModelIdentity:
        """All that shapes the vectors."""
        checkpoint, network = self._checkpoint, self._network
        quantised = checkpoint.config.get("quantization_config") or {}
        return ModelIdentity(
            name=checkpoint.name,
            revision=checkpoint.revision,
            weights_hash=checkpoint.weights_hash,
            dim=network.dim,
            backend=network.backend,
            architecture=network.family.architecture,
            template=template_hash(network),
            precision=str(quantised.get("quant_method", "float")),
            max_visual_tokens=self._settings.max_visual_tokens,
            base_model=checkpoint.base.name if checkpoint.base and self._settings.base_model else None,
        )

    @property
    def page_dpi(self) -> int:
        """144: 1,200 to 1,700 pixels along a page, which is what these models resize to."""
        return _PAGE_DPI

    @property
    def pages_at_once(self) -> int:
        """Two batches on an accelerator, so that pages of like shape can be put together."""
        return self._pages.size if self._device.type == "cpu" else 2 * self._pages.size

    @property
    def pooling(self) -> str:
        """What is done to a page's rows."""
        return "none" if self._network.family.is_single_vector else pooling_name(self._settings)

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Embed pages, those of like shape together.

        Raises:
            OutOfDeviceMemory: A single page does not fit.
            UnhealthyEmbedding: The network gave values that are not finite.
        """
        embeddings = self._embed_images([page.image for page in pages])
        return [merged(embedding, self._settings) for embedding in embeddings]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Embed questions, with the augmentation tokens that the model was trained with.

        Raises:
            InvalidInput: A text is empty.
            OutOfDeviceMemory: A single question does not fit.
        """
        check_questions(texts)
        rows = self._questions.run(
            texts, self._run_queries, key=len, describe=lambda text: f"the question {text[:80]!r}"
        )
        return [self._query_embedding(found, text) for found, text in zip(rows, texts, strict=True)]

    def embed_query_images(self, images: Sequence[Image.Image]) -> list[QueryEmbedding]:
        """Embed pictures as pages are, and keep at most 64 rows of each, the means of patches that are alike."""
        embeddings = self._embed_images(images)
        return [picture_query(embedding.vectors[embedding.is_patch]) for embedding in embeddings]

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Make the rows of the shortlist: shape (n_pooled, dim)."""
        return shortlist_rows(embedding, self._settings.shortlist_pooling)

    def _embed_images(self, images: Sequence[Image.Image]) -> list[PageEmbedding]:
        return self._pages.run(images, self._run_pages, key=_shape, describe=page_name)

    def _run_pages(self, images: list[Image.Image]) -> list[PageEmbedding]:
        batch = self._network.pages_batch(images)
        return [self._page_embedding(rows, batch, number) for number, rows in enumerate(self._forward(batch))]

    def _run_queries(self, texts: list[str]) -> list[_Rows]:
        return self._forward(self._network.queries_batch(texts))

    def _forward(self, batch: dict[str, Any]) -> list[_Rows]:
        """Run the network: vectors and tokens of each item, padding dropped."""
        tokens, mask = batch["input_ids"], batch["attention_mask"].bool()
        batch.pop("labels", None)  # would cost a loss over the vocabulary
        if self._network.family.needs_token_types:
            # Without it transformers makes attention causal or not by whether the batch happens to hold padding.
            batch["token_type_ids"] = torch.zeros_like(tokens)
        with torch.inference_mode():
            output = self._network.model(**{name: self._on_device(value) for name, value in batch.items()})
        vectors = getattr(output, "embeddings", output).cpu()  # (n_items, n_tokens, dim) or (n_items, dim)
        if self._network.family.is_single_vector:
            return [_Rows(self._healthy(row[None]), np.zeros(1, dtype=np.int64)) for row in vectors]
        return [
            _Rows(self._healthy(rows[kept]), item[kept].numpy())
            for rows, item, kept in zip(vectors, tokens, mask, strict=True)
        ]

    def _on_device(self, value: Any) -> Any:
        if not torch.is_tensor(value):
            return value
        dtype = self._network.model.dtype if value.is_floating_point() else None
        return value.to(self._device, dtype)

    def _healthy(self, rows: torch.Tensor) -> FloatArray:
        return healthy_rows(rows, model=self._checkpoint.name)

    def _page_embedding(self, rows: _Rows, batch: dict[str, Any], number: int) -> PageEmbedding:
        if self._network.family.is_single_vector:
            return PageEmbedding(vectors=rows.vectors, regions=WHOLE_PAGE[None], is_patch=np.ones(1, dtype=np.bool_))
        is_patch = rows.tokens == self._network.image_token_id
        regions = np.tile(WHOLE_PAGE, (len(rows.tokens), 1))
        regions[is_patch] = self._patch_regions(rows.tokens, int(is_patch.sum()), batch, number)
        return PageEmbedding(vectors=rows.vectors, regions=regions, is_patch=is_patch)

    def _patch_regions(self, tokens: IntArray, n_patches: int, batch: dict[str, Any], number: int) -> FloatArray:
        match self._network.family.layout:
            case "thw":
                _, height, width = batch["image_grid_thw"][number].tolist()
                return grid_regions(height // self._network.merge_size, width // self._network.merge_size)
            case "tiles":
                tiles = [place for token in tokens.tolist() if (place := self._tile_places.get(token))]
                return tile_regions(n_patches, self._network.tile_side, tiles)
            case _:
                return square_regions(n_patches)

    @cached_property
    def _tile_places(self) -> dict[int, tuple[int, int]]:
        """By token: (row, column) of the tile that a tag such as <row_1_col_2> announces."""
        vocabulary = self._network.processor.tokenizer.get_vocab()
        tags = {token: text.strip("<>").split("_") for text, token in vocabulary.items() if text.startswith("<row_")}
        return {token: (int(parts[1]), int(parts[3])) for token, parts in tags.items()}

    def _query_embedding(self, rows: _Rows, text: str) -> QueryEmbedding:
        if self._network.family.is_single_vector:
            return QueryEmbedding(vectors=rows.vectors, tokens=(text,))
        tokenizer = self._network.processor.tokenizer
        tokens = tuple(tokenizer.decode([token]) for token in rows.tokens.tolist())
        return QueryEmbedding(vectors=rows.vectors, tokens=tokens)


def load_colpali(checkpoint: Checkpoint, settings: ModelSettings) -> ColPaliEmbedder:
    """Load a model of the ColPali family.

    Raises:
        ModelLoadError: The family is unknown, or weights are missing.
        MissingDependency: colpali-engine is not installed.
        InvalidInput: The device is not on this machine, or a setting does not fit the family.
    """
    if find_family(checkpoint.config, name=checkpoint.name).is_single_vector:
        refuse_changed(settings, ("pool_factor", "full_pooling", "shortlist_pooling"), "a model with one vector a page")
    return ColPaliEmbedder(checkpoint, load_network(checkpoint, settings), settings)


def _shape(image: Image.Image) -> float:
    return image.width / image.height
