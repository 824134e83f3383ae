"""CLIP, SigLIP and SigLIP2: one vector a page, one a question. The baseline that late interaction is measured against.

    embedder = load_clip(find_checkpoint("openai/clip-vit-base-patch32"), ModelSettings())
    [page_embedding] = embedder.embed_pages([page])  # vectors (1, dim), region: the whole page

Pages and questions are prepared as the models were trained: CLIP cuts off what of a page is longer than square, the
others squash it (NaFlex keeps its shape); SigLIP reads lower case, padded to the full length, and no attention mask.

Source: Radford et al., CLIP, arXiv:2103.00020; Zhai et al., SigLIP, arXiv:2303.15343; Tschannen et al., SigLIP 2,
arXiv:2502.14786.
"""

import logging
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from visual_rag.embed.checkpoint import Checkpoint, check_processor
from visual_rag.embed.families import Family, find_family
from visual_rag.embed.protocol import check_questions
from visual_rag.embed.regions import WHOLE_PAGE
from visual_rag.embed.torch_batches import BatchRunner, healthy_rows, page_name
from visual_rag.embed.torch_runtime import pick_device, pick_dtype, torch
from visual_rag.embed.transformers_runtime import TokenizerMarks, loading, preparation_hash, transformers
from visual_rag.errors import InvalidInput, ModelLoadError
from visual_rag.records import FloatArray, ModelIdentity, Page, PageEmbedding, QueryEmbedding
from visual_rag.settings import ModelSettings, refuse_changed

log = logging.getLogger(__name__)

_PAGE_DPI = 144
_BATCH_SIZE = 8
_WITH_MASK = {"CLIPModel"}  # SigLIP was trained without: padding is part of what it reads
_CUTS_BY_SIZE = {"Siglip2Model"}
_TEMPLATE_PROBE = "Wiring diagram of the pump"


class ClipEmbedder:
    """A model with one vector a page, run by transformers. Passes `EmbedderContract`."""

    def __init__(self, checkpoint: Checkpoint, model: Any, processor: Any, settings: ModelSettings) -> None:
        """Take a loaded model; `load_clip` does the loading.

        Args:
            checkpoint: Where it comes from.
            model: A CLIPModel, SiglipModel or Siglip2Model on its device, in evaluation mode.
            processor: With `image_processor` and `tokenizer`.
            settings: For the size of batches, and what the identity holds.
        """
        self._checkpoint = checkpoint
        self._model = model
        self._processor = processor
        self._settings = settings
        self._family = find_family(checkpoint.config, name=checkpoint.name)
        self._batches = BatchRunner(settings.batch_size or _BATCH_SIZE, model=checkpoint.name, device=model.device)
        self._marks = TokenizerMarks(processor.tokenizer)
        self._tokenizing = Lock()  # a tokenizer keeps how it pads from one call to the next

    @cached_property
    def identity(self) -> ModelIdentity:
        """All that shapes the vectors."""
        config = self._model.config
        cuts_by_size = self._family.architecture in _CUTS_BY_SIZE
        return ModelIdentity(
            name=self._checkpoint.name,
            revision=self._checkpoint.revision,
            weights_hash=self._checkpoint.weights_hash,
            dim=getattr(config, "projection_dim", None) or config.vision_config.hidden_size,
            backend=f"transformers {transformers.__version__}, torch {torch.__version__}",
            architecture=self._family.architecture,
            template=self._template_hash(),
            max_visual_tokens=self._settings.max_visual_tokens if cuts_by_size else None,
        )

    @property
    def page_dpi(self) -> int:
        """144, as for the models this one is compared with; it sees 224 to 512 pixels of a page."""
        return _PAGE_DPI

    @property
    def pages_at_once(self) -> int:
        """One batch."""
        return self._batches.size

    @property
    def pooling(self) -> str:
        """A page has one row, which is its own shortlist."""
        return "none"

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Embed pages.

        Raises:
            OutOfDeviceMemory: A single page does not fit.
            UnhealthyEmbedding: The network gave values that are not finite.
        """
        rows = self._image_rows([page.image for page in pages])
        return [
            PageEmbedding(vectors=row[None], regions=WHOLE_PAGE[None], is_patch=np.ones(1, dtype=np.bool_))
            for row in rows
        ]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Embed questions; what is longer than the model reads is cut off, with a warning.

        Raises:
            InvalidInput: A text is empty.
        """
        check_questions(texts)
        rows = self._batches.run(texts, self._text_rows, key=len, describe=lambda text: f"the question {text[:80]!r}")
        return [QueryEmbedding(vectors=row[None], tokens=(text,)) for row, text in zip(rows, texts, strict=True)]

    def embed_query_images(self, images: Sequence[Image.Image]) -> list[QueryEmbedding]:
        """Embed pictures as pages are."""
        return [QueryEmbedding(vectors=row[None], tokens=("picture",)) for row in self._image_rows(images)]

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Give the page's one row: shape (1, dim)."""
        return embedding.vectors

    def _image_rows(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        return self._batches.run(images, self._image_features, key=_area, describe=page_name)

    def _image_features(self, images: list[Image.Image]) -> list[FloatArray]:
        pictures = [image.convert("RGB") for image in images]
        batch = self._on_device(self._processor.image_processor(images=pictures, return_tensors="pt"))
        with torch.inference_mode():
            return list(self._healthy(self._model.get_image_features(**batch)))

    def _text_rows(self, texts: list[str]) -> list[FloatArray]:
        batch = self._on_device(self._text_batch(texts))
        with torch.inference_mode():
            return list(self._healthy(self._model.get_text_features(**batch)))

    def _text_batch(self, texts: Sequence[str]) -> dict[str, Any]:
        """Turn questions into tensors: `input_ids`, and for CLIP `attention_mask`, each (n_texts, n_tokens)."""
        has_mask = self._family.architecture in _WITH_MASK
        # The tokenizer that SigLIP 2 checkpoints name keeps capitals, which the model never saw:
        # huggingface.co/google/siglip2-base-patch16-224/discussions/22
        plain = [self._marks.as_plain_text(text) for text in texts]
        prepared = plain if has_mask else [text.lower() for text in plain]
        n_most = self._model.config.text_config.max_position_embeddings
        padding = True if has_mask else "max_length"
        with self._tokenizing:
            all_tokens = self._processor.tokenizer(prepared, verbose=False)["input_ids"]
            batch = self._processor.tokenizer(
                prepared, padding=padding, truncation=True, max_length=n_most, return_tensors="pt"
            )
        for text, tokens in zip(texts, all_tokens, strict=True):
            if len(tokens) > n_most:
                log.warning("the question %r has %d tokens; %d are read", text[:80], len(tokens), n_most)
        return {name: batch[name] for name in ("input_ids", "attention_mask") if name == "input_ids" or has_mask}

    def _on_device(self, batch: Any) -> dict[str, Any]:
        dtype, device = self._model.dtype, self._model.device
        return {name: value.to(device, dtype if value.is_floating_point() else None) for name, value in batch.items()}

    def _healthy(self, features: Any) -> FloatArray:
        """Take the features, a tensor or an output that holds one, as float32 rows of length 1."""
        rows = features if torch.is_tensor(features) else features.pooler_output  # (n_items, dim)
        return healthy_rows(rows, model=self._checkpoint.name)

    def _template_hash(self) -> str:
        """Hash what is done to pages and questions before the network sees them: pixels, vocabulary, tokens."""
        vocabulary = sorted(self._processor.tokenizer.get_vocab().items())
        tokens = self._text_batch([_TEMPLATE_PROBE])["input_ids"].tolist()
        return preparation_hash(self._processor.image_processor, vocabulary, tokens)


def load_clip(checkpoint: Checkpoint, settings: ModelSettings) -> ClipEmbedder:
    """Load a CLIP, SigLIP or SigLIP2 checkpoint.

    Raises:
        ModelLoadError: It is of another family or an adapter, or weights are missing, or files cannot be read.
        MissingDependency: Its tokenizer needs sentencepiece, which is not installed.
        InvalidInput: The device is not on this machine, or `max_visual_tokens` is set for a model that cuts all pages
            alike.
    """
    family = find_family(checkpoint.config, name=checkpoint.name)
    if family.library != "transformers" or not family.is_single_vector:
        raise ModelLoadError(
            f"'{checkpoint.name}' is a {family.architecture}, no CLIP or SigLIP; load it with load_colpali",
            model=checkpoint.name,
        )
    if checkpoint.base is not None:
        raise ModelLoadError(
            f"'{checkpoint.name}' is a LoRA adapter, which is not read for a {family.architecture}; "
            "merge it into its model, save that, and name the folder",
            model=checkpoint.name,
        )
    check_processor(checkpoint)
    refuse_changed(settings, ("pool_factor", "full_pooling", "shortlist_pooling"), "a model with one vector a page")
    device = pick_device(settings.device)
    with loading(checkpoint.name):
        model = _load_model(family, checkpoint, pick_dtype(device, settings.dtype)).to(device).eval()
        processor = getattr(transformers, family.processor).from_pretrained(checkpoint.folder, local_files_only=True)
    _cap_patches(family, processor, settings.max_visual_tokens)
    return ClipEmbedder(checkpoint, model, processor, settings)


def _load_model(family: Family, checkpoint: Checkpoint, dtype: torch.dtype) -> Any:
    model, info = getattr(transformers, family.architecture).from_pretrained(
        checkpoint.folder, dtype=dtype, output_loading_info=True, local_files_only=True
    )
    if info["missing_keys"]:
        raise ModelLoadError(
            f"'{checkpoint.name}' lacks {len(info['missing_keys'])} weights of a {family.architecture}, such as "
            f"{min(info['missing_keys'])}; copy the whole model again",
            model=checkpoint.name,
        )
    return model


def _cap_patches(family: Family, processor: Any, max_visual_tokens: int | None) -> None:
    if max_visual_tokens is None:
        return
    if family.architecture not in _CUTS_BY_SIZE:
        raise InvalidInput(f"{family.architecture} cuts every page alike; leave max_visual_tokens out")
    processor.image_processor.max_num_patches = max_visual_tokens


def _area(image: Image.Image) -> float:
    return image.width * image.height
