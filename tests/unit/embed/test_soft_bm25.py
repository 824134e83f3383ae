"""Soft BM25 against the formula written out with loops."""

import math

import numpy as np
import pytest

from visual_rag.embed.protocol import CorpusSample
from visual_rag.embed.soft_bm25 import (
    K1,
    B,
    Gate,
    inverse_document_frequency,
    soft_bm25,
    soft_counts,
    weights_in,
)
from visual_rag.records import FloatArray

GATE = Gate(centre=0.6, softness=0.05)


def unit_rows(seed: int, n_rows: int, dim: int = 16) -> FloatArray:
    """Random directions."""
    rows = np.random.default_rng(seed).standard_normal((n_rows, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive_score(words: FloatArray, page: FloatArray, sample: list[FloatArray]) -> float:
    """The formula of the module's docstring, one number at a time."""

    def count(word: FloatArray, rows: FloatArray) -> float:
        gates = [1 / (1 + math.exp(-(float(word @ row) - 0.6) / 0.05)) for row in rows]
        return sum(gate for gate in gates if gate > 0.3)

    mean_length = sum(map(len, sample)) / len(sample)
    total = 0.0
    for word in words:
        n_with = sum(min(count(word, other), 1) for other in sample)
        idf = math.log(1 + (len(sample) - n_with + 0.5) / (n_with + 0.5))
        tf = count(word, page)
        total += idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(page) / mean_length))
    return total


def test_scores_equal_the_formula_written_with_loops() -> None:
    """For pages of different length, some of which hold a word of the query."""
    words = unit_rows(1, 3)
    pages = [np.concatenate([unit_rows(seed, 5 + seed), words[: seed % 4]]) for seed in range(2, 9)]
    counts = soft_counts(words, pages, GATE)
    weights = weights_in(words, CorpusSample(pages=pages), GATE)
    scores = soft_bm25(counts, weights, float(np.mean([len(page) for page in pages])))
    assert scores == pytest.approx([naive_score(words, page, pages) for page in pages], rel=1e-4)


def test_a_word_that_is_not_there_counts_nothing() -> None:
    """Unlike MaxSim, which always finds some best match."""
    word, page = np.eye(4, dtype=np.float32)[:1], np.eye(4, dtype=np.float32)[1:]
    counts = soft_counts(word, [page], GATE)
    assert counts.frequency[0, 0] == 0
    assert counts.best[0, 0] < 0.01


def test_a_word_that_stands_three_times_counts_three() -> None:
    """Frequency is the number of look-alikes."""
    word = np.eye(4, dtype=np.float32)[:1]
    counts = soft_counts(word, [np.repeat(word, 3, axis=0)], GATE)
    assert counts.frequency[0, 0] == pytest.approx(3, rel=1e-2)


def test_rare_words_weigh_more_and_no_weight_is_zero_or_less() -> None:
    """Even a word of every page keeps a little weight, so that a query never scores nothing at all."""
    words = np.eye(8, dtype=np.float32)[:2]
    pages = [np.eye(8, dtype=np.float32)[[0, 2]] for _ in range(9)] + [np.eye(8, dtype=np.float32)[:2]]
    everywhere, rare = inverse_document_frequency(soft_counts(words, pages, GATE))
    assert 0 < everywhere < rare


def test_the_gate_is_a_half_at_its_centre_and_survives_extremes() -> None:
    """No overflow, whatever the softness."""
    values = Gate(0.5, 1e-6)(np.array([-1.0, 0.5, 1.0], dtype=np.float32))
    assert values == pytest.approx([0, 0.5, 1], abs=1e-6)
