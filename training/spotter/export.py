"""Export a checkpoint for the package: `python training/spotter/export.py --checkpoint build/spotter/checkpoint.pt`.

Writes spotter-page.onnx, spotter-word.onnx and spotter.json (revision, dim, dpi, the gate fitted by `calibrate.py`).
"""

import argparse
import json
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from calibrate import fit_gate
from model import DIM, PageTower
from quantise import quantise
from train import AVERAGE_DECAY, Spotter

PAGE_DPI = 120
_OPSET = 18


class _PageOutputs(nn.Module):
    """The page tower without the character head, which only training needs."""

    def __init__(self, tower: PageTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        embedding, wordness, box, _ = self.tower(ink)
        return embedding, wordness, box


def load_averaged(checkpoint: Path) -> Spotter:
    """Load the averaged weights of a checkpoint, ready to run."""
    model = Spotter()
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True
    )
    average.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    spotter = average.module
    spotter.eval()
    return spotter


def strip(path: Path) -> None:
    """Take out what the exporter notes about the machine it ran on: source paths and stack traces."""
    model = onnx.load(path)
    for holder in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
        *model.functions,
    ):
        holder.doc_string = ""
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
    onnx.save(model, path)


def export(checkpoint: Path, folder: Path, revision: str) -> None:
    """Write the three files of the bundled model."""
    folder.mkdir(parents=True, exist_ok=True)
    spotter = load_averaged(checkpoint)
    wide = folder / "spotter-page-float.onnx"
    height, width = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("columns", min=1, max=4096)
    torch.onnx.export(
        _PageOutputs(spotter.page.to(memory_format=torch.contiguous_format)),
        (torch.zeros(1, 1, 256, 320),),
        wide,
        dynamo=True,
        opset_version=_OPSET,
        external_data=False,
        input_names=["ink"],
        output_names=["embedding", "wordness", "box"],
        dynamic_shapes=({2: 8 * height, 3: 8 * width},),
    )
    quantise(wide, folder / "spotter-page.onnx")
    wide.unlink()
    symbols, lengths = torch.ones(3, 24, dtype=torch.long), torch.full((3,), 24)
    words = torch.export.Dim("words", min=1, max=4096)
    torch.onnx.export(
        spotter.word,
        (symbols, lengths),
        folder / "spotter-word.onnx",
        dynamo=True,
        opset_version=_OPSET,
        external_data=False,
        input_names=["symbols", "lengths"],
        output_names=["rows"],
        dynamic_shapes=({0: words}, {0: words}),
    )
    for name in ("spotter-page.onnx", "spotter-word.onnx"):
        strip(folder / name)
    gate = fit_gate(spotter)
    card = {
        "name": "spotter",
        "revision": revision,
        "dim": DIM,
        "page_dpi": PAGE_DPI,
        "gate_centre": round(gate.centre, 4),
        "gate_softness": round(gate.softness, 4),
    }
    (folder / "spotter.json").write_text(json.dumps(card, indent=2) + "\n")
    print(card)


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/spotter/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=Path("src/visual_rag/weights"))
    parser.add_argument("--revision", default="1")
    arguments = parser.parse_args()
    export(arguments.checkpoint, arguments.out, arguments.revision)


if __name__ == "__main__":
    main()
