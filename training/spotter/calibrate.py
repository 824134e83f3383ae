"""Fit the gate: how likely two vectors are the same word, given their dot product.

Measured on crops with fonts and words that training never saw. A query word meets about 500 words a page, of which few
are the same word; the fit weighs both kinds by that prior, so the gate is a posterior and not a guess.
"""

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from crops import draw_crop
from train import Spotter, make_targets, map_losses
from typefaces import split_families
from visual_rag.embed.spotter_words import encode_words
from vocabulary import draw_token, held_out_words, stem, words_of

MATCHES_PER_PAIR = 1 / 2000
_N_CROPS, _N_STRANGERS, _N_PAIRS = 60, 1500, 400_000


@dataclass(frozen=True)
class FittedGate:
    """A logistic curve over the dot product."""

    centre: float
    softness: float


@torch.inference_mode()
def similarities(spotter: Spotter, seed: int = 99) -> tuple[np.ndarray, np.ndarray]:
    """Dot products of page words with themselves typed, and with other words: (n_words,), (n_words * n_strangers,)."""
    randomness, (_, fonts) = random.Random(seed), split_families()
    rows, texts = [], []
    for _ in range(_N_CROPS):
        ink, words = draw_crop(randomness, fonts)
        if len(words) > 2:
            targets = make_targets([words])
            rows.append(map_losses(spotter, torch.from_numpy(ink.astype(np.float32))[None, None], targets)[0])
            texts += targets.texts
    others = words_of(draw_token(randomness) for _ in range(_N_STRANGERS)) + held_out_words()[:300]
    strangers = sorted({word for word in others if word})
    page_rows = torch.cat(rows)
    own = (page_rows * _embed(spotter, texts)).sum(1)
    cosine = page_rows @ _embed(spotter, strangers).T
    related = np.array([stem(text) for text in texts])[:, None] == np.array([stem(other) for other in strangers])[None]
    return own.numpy(), np.random.default_rng(seed).choice(cosine.numpy()[~related], _N_PAIRS)


def _embed(spotter: Spotter, words: list[str]) -> torch.Tensor:
    symbols, lengths = encode_words(words)
    return functional.normalize(spotter.word(torch.from_numpy(symbols), torch.from_numpy(lengths)), dim=1)


def fit_gate(spotter: Spotter, n_rounds: int = 400) -> FittedGate:
    """Fit centre and softness by weighted logistic regression."""
    own, strangers = similarities(spotter)
    cosine = torch.from_numpy(np.concatenate([own, strangers])).double()
    is_match = torch.cat([torch.ones(len(own)), torch.zeros(len(strangers))]).double()
    weight = torch.where(is_match > 0, MATCHES_PER_PAIR / len(own), (1 - MATCHES_PER_PAIR) / len(strangers))
    slope, centre = torch.tensor(3.0).double().requires_grad_(), torch.tensor(0.6).double().requires_grad_()
    optimizer = torch.optim.LBFGS([slope, centre], max_iter=n_rounds, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = slope.exp() * (cosine - centre)
        loss = (functional.binary_cross_entropy_with_logits(logits, is_match, reduction="none") * weight).sum()
        loss = loss / MATCHES_PER_PAIR
        loss.backward()
        return loss

    optimizer.step(closure)
    quantiles = np.quantile(own, [0.01, 0.05, 0.1, 0.5]), np.quantile(strangers, [0.5, 0.99, 0.999, 0.9999])
    print("own 1/5/10/50 %:", quantiles[0].round(3), "strangers 50/99/99.9/99.99 %:", quantiles[1].round(3))
    return FittedGate(centre.item(), 1 / slope.exp().item())
