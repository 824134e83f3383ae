"""Writes a tiny model to a folder, as its authors would have published it."""

from pathlib import Path
from typing import Any

import torch

from checkpoints.networks import NETWORKS

_SPREAD = 0.02


def build_checkpoint(architecture: str, folder: Path, *, seed: int = 0) -> None:
    """Save a network of random weights, and its processor.

    Args:
        architecture: A key of `NETWORKS`.
        folder: Where to; made if it is not there.
        seed: Of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, processor = NETWORKS[architecture]()
        _fill_zeros(network)
    network.eval().save_pretrained(folder)
    processor.save_pretrained(folder)


@torch.no_grad()
def _fill_zeros(network: Any) -> None:
    """Give tensors that start at zero some values.

    Zero biases beside the zero row of the padding token make 0/0 where a batch is padded, and Gemma 3's projection of
    images starts at zero: such a model is blind.
    """
    for name, values in network.named_parameters():
        if not values.any():
            values.normal_(0, _SPREAD)
        elif "embed" in name and values.dim() == 2:
            empty = ~values.any(dim=1)
            values[empty] = torch.randn_like(values[empty]) * _SPREAD


class Shelf:
    """Checkpoints of a test session, each built when it is first asked for.

    Args:
        root: Folder that holds them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, architecture: str, *, seed: int = 0) -> Path:
        """Give the folder of a checkpoint. Tests copy it before they change it."""
        folder = self._root / f"{architecture}-{seed}"
        if not folder.is_dir():
            build_checkpoint(architecture, folder, seed=seed)
        return folder
