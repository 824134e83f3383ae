"""The two towers of spotter: a fully convolutional page side and a character-level query side.

Used in training only; `export.py` turns both into ONNX. Sizes: about 1.05 M (page) and 0.3 M (query) parameters.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from visual_rag.embed.spotter_words import MAX_CHARACTERS, N_SYMBOLS, PADDING_ID

DIM = 128
STRIDE_PX = 8


def _convolution(n_in: int, n_out: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()
    )


class Residual(nn.Module):
    """Two convolutions around a shortcut; the first one may be wide, to see a whole word."""

    def __init__(self, n_channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.wide = nn.Conv2d(n_channels, n_channels, kernel, padding=padding, bias=False)
        self.wide_norm = nn.BatchNorm2d(n_channels)
        self.square = nn.Conv2d(n_channels, n_channels, 3, padding=1, bias=False)
        self.square_norm = nn.BatchNorm2d(n_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Keep the shape."""
        hidden = functional.relu(self.wide_norm(self.wide(features)))
        return functional.relu(features + self.square_norm(self.square(hidden)))


class PageTower(nn.Module):
    """Ink (n, 1, height, width) in 0..1 -> maps at stride 8: embedding, word-ness, box; characters at stride (8, 4)."""

    def __init__(self, n_fine: int = 64, n_coarse: int = 96) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _convolution(1, 16, 2),
            _convolution(16, 32),
            _convolution(32, 48, 2),
            _convolution(48, 48),
            _convolution(48, n_fine, (2, 1)),
        )
        self.fine = nn.Sequential(Residual(n_fine, (3, 3)), Residual(n_fine, (3, 5)))
        self.down = _convolution(n_fine, n_coarse, (1, 2))
        self.coarse = nn.Sequential(Residual(n_coarse, (3, 5)), *(Residual(n_coarse, (1, 7)) for _ in range(3)))
        self.embedding = nn.Sequential(nn.Conv2d(n_coarse, 256, 1), nn.ReLU(), nn.Conv2d(256, DIM, 1))
        self.wordness = nn.Conv2d(n_coarse, 1, 1)
        self.box = nn.Conv2d(
            n_coarse, 4, 1
        )  # log of (left, top, right, bottom) distance from the cell centre, in cells
        self.character = nn.Conv2d(n_fine, N_SYMBOLS, 1)

    def forward(self, ink: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give the maps of embedding, word-ness, box and characters."""
        fine = self.fine(self.stem(ink))
        coarse = self.coarse(self.down(fine))
        return self.embedding(coarse), self.wordness(coarse)[:, 0], self.box(coarse), self.character(fine)


class WordTower(nn.Module):
    """Symbols (n, MAX_CHARACTERS) and lengths (n,) -> embeddings (n, DIM), not yet of unit length."""

    def __init__(self, n_symbol: int = 64) -> None:
        super().__init__()
        self.symbol = nn.Embedding(N_SYMBOLS, n_symbol, padding_idx=PADDING_ID)
        self.from_start = nn.Embedding(MAX_CHARACTERS, n_symbol)
        self.from_end = nn.Embedding(MAX_CHARACTERS + 1, n_symbol)
        self.first = nn.Conv1d(n_symbol, 128, 3, padding=1)
        self.second = nn.Conv1d(128, 256, 3, padding=1)
        self.out = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, DIM))

    def forward(self, symbols: Tensor, lengths: Tensor) -> Tensor:
        """Give one embedding a word."""
        mask = (symbols != PADDING_ID).float()[:, None]  # (n, 1, MAX_CHARACTERS)
        position = torch.arange(MAX_CHARACTERS)[None]
        to_end = (lengths[:, None] - position).clamp(0, MAX_CHARACTERS)
        hidden = (self.symbol(symbols) + self.from_start(position) + self.from_end(to_end)).transpose(1, 2) * mask
        hidden = functional.relu(self.first(hidden)) * mask
        hidden = functional.relu(self.second(hidden)) * mask
        strongest = hidden.max(-1).values
        mean = hidden.sum(-1) / lengths[:, None].clamp(min=1).float().sqrt()
        return self.out(torch.cat([strongest, mean], 1))
