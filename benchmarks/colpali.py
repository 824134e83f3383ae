"""Seconds a page and a question, ours against a bare loop: `python benchmarks/colpali.py FOLDER [--model MODEL]`.

Pages of the documents in FOLDER go one by one through the model's own library, as its readme shows it, and through
`load_embedder`, in turns; then the whole ingest runs. Needs `pip install '.[colpali]'`. Without `--model` a
ColModernVBert of the true size (252 M parameters) and random weights is built: its vectors mean nothing, its time does.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from pipeline import render_all, timed

from visual_rag import VisualIndex
from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.embed.families import find_family
from visual_rag.embed.load import load_embedder
from visual_rag.embed.torch_runtime import ensure_torchvision, pick_device, pick_dtype, torch
from visual_rag.records import FloatArray, Page
from visual_rag.settings import ModelSettings, RenderSettings

QUESTIONS = ["wiring diagram of the pump", "which page shows the torque of the oil filter", "warranty"] * 4


def build_model(folder: Path) -> None:
    """Write a ColModernVBert of the true size."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from checkpoints.networks import engine_class
    from checkpoints.tokenizer import idefics_tokenizer

    ensure_torchvision()
    import transformers

    tokenizer = idefics_tokenizer("<|begin_of_text|>")
    text = {"hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22, "num_attention_heads": 12}
    text |= {"vocab_size": 50_408, "max_position_embeddings": 8192, "pad_token_id": tokenizer.pad_token_id}
    text |= {"global_attn_every_n_layers": 3, "local_attention": 128, "model_type": "modernbert"}
    text |= {"cls_token_id": tokenizer.bos_token_id, "sep_token_id": tokenizer.eos_token_id}
    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    vision |= {"image_size": 512, "patch_size": 16, "vision_use_head": False, "model_type": "siglip_vision_model"}
    config = transformers.ModernVBertConfig(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pixel_shuffle_factor=4,
        vision_config=vision,
        text_config=text,
    )
    torch.manual_seed(0)
    engine_class("ColModernVBert")(config).save_pretrained(folder)
    images = transformers.Idefics3ImageProcessor(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
    engine_class("ColModernVBertProcessor")(
        image_processor=images, tokenizer=tokenizer, image_seq_len=64
    ).save_pretrained(folder)


class BareLoop:
    """The model as its library's readme runs it: no checks, no regions."""

    def __init__(self, name: str, settings: ModelSettings) -> None:
        checkpoint = find_checkpoint(name)
        family = find_family(checkpoint.config)
        library: Any = import_module("transformers" if family.library == "transformers" else "colpali_engine.models")
        device = pick_device(settings.device)
        self._dtype = pick_dtype(device, settings.dtype)
        self._model = getattr(library, family.architecture).from_pretrained(
            checkpoint.folder, dtype=self._dtype, attn_implementation="sdpa"
        )
        self._model = self._model.to(device).eval()
        self._processor = getattr(library, family.processor).from_pretrained(checkpoint.folder)

    def page(self, page: Page) -> FloatArray:
        """Embed one page."""
        return self._run(self._processor.process_images([page.image]))

    def question(self, text: str) -> FloatArray:
        """Embed one question."""
        return self._run(self._processor.process_queries([text]))

    def _run(self, batch: Any) -> FloatArray:
        inputs = {
            name: value.to(self._model.device, self._dtype if value.is_floating_point() else None)
            for name, value in batch.items()
        }
        with torch.inference_mode():
            rows: FloatArray = self._model(**inputs)[0].float().cpu().numpy()
        return rows


def in_turns(bare: Callable[[Any], Any], ours: Callable[[Any], Any], items: list[Any]) -> tuple[float, float, float]:
    """Median seconds of both and the median of their ratio, item by item."""
    bare(items[0])
    ours(items[0])
    pairs = [
        (timed(lambda item=item: bare(item)), timed(lambda item=item: ours(item)))  # type: ignore[misc]
        for item in items
    ]
    seconds_bare, seconds_ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    return seconds_bare, seconds_ours, statistics.median(ours / bare for bare, ours in pairs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="folder or hub name; without it a ColModernVBert of random weights")
    parser.add_argument("--pages", type=int, default=6)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    arguments = parser.parse_args()
    settings = ModelSettings(device=arguments.device, dtype=arguments.dtype)
    with tempfile.TemporaryDirectory() as scratch:
        if not arguments.model:
            build_model(Path(scratch) / "model")
        name = arguments.model or str(Path(scratch) / "model")
        bare, ours = BareLoop(name, settings), load_embedder(name, settings)
        print(f"{ours.identity.architecture}, {ours.identity.backend}")
        pages = render_all(arguments.folder, ours.page_dpi)[: arguments.pages]
        spread = float(np.abs(bare.page(pages[0]) - ours.embed_pages([pages[0]])[0].vectors).max())
        print(f"largest difference of a value on one page: {spread:.4f} (ours is normalised again)")
        print("{:10s} bare {:.3f} s, ours {:.3f} s, ratio {:.3f}".format(
            "a page", *in_turns(bare.page, lambda page: ours.embed_pages([page]), pages)
        ))  # fmt: skip
        print("{:10s} bare {:.3f} s, ours {:.3f} s, ratio {:.3f}".format(
            "a question", *in_turns(bare.question, lambda text: ours.embed_queries([text]), QUESTIONS)
        ))  # fmt: skip
        alone = timed(lambda: ours.embed_pages(pages))
        documents = Path(scratch) / "documents"
        documents.mkdir()
        for number, page in enumerate(pages):
            page.image.save(documents / f"{number:03}.png")
        with VisualIndex.create(Path(scratch) / "index", model=ours, render=RenderSettings()) as index:
            started = time.perf_counter()
            index.add(documents)
            whole = time.perf_counter() - started
        print(f"{len(pages)} pages: model alone {alone:.1f} s, whole ingest {whole:.1f} s: keeps {alone / whole:.1%}")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
