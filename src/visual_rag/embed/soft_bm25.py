"""BM25 over what a model sees: a word's frequency on a page is the soft count of page vectors that look like it.

MaxSim keeps only the best match of a word, and every page has some best match; here a word that is not there counts
nothing, one that stands there three times counts more, and rare words weigh more. It needs the full vectors.

    score(query, page) = sum over words of idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / mean_length))
    tf(word, page)     = sum over page vectors of gate(word . vector)

Source of the formula: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009; of the
gate: the likelihood that two vectors are the same word, fitted on pages drawn for validation (training/spotter).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visual_rag.embed.protocol import CorpusSample
from visual_rag.records import FloatArray, IntArray, RowMatches

K1 = 1.5
B = 0.5  # less than text's usual 0.75: a page of figures has few words, and is no better for it
_LEAST_COUNT = 0.3  # a gate below this is noise: hundreds of such would add up to a word that is not there
_EXPONENT_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Gate:
    """Likelihood that two unit vectors are the same word: a logistic curve over their dot product.

    Attributes:
        centre: Dot product at which it is a half; or shape (n_words,), one for each word of a question.
        softness: How wide the curve is; likewise.
    """

    centre: float | FloatArray
    softness: float | FloatArray

    def of(self, words: IntArray) -> "Gate":
        """The gates of words by their place in the question, one gate for each."""
        return Gate(
            *(values[words] if isinstance(values, np.ndarray) else values for values in (self.centre, self.softness))
        )

    def __call__(self, cosine: FloatArray) -> FloatArray:
        """Map dot products to [0, 1]."""
        exponent = np.clip((self.centre - cosine) / self.softness, -_EXPONENT_LIMIT, _EXPONENT_LIMIT)
        return np.asarray(1 / (1 + np.exp(exponent)), dtype=np.float32)

    def cosine_at(self, likelihood: float) -> float | FloatArray:
        """The dot product at which the curve has this height, in (0, 1)."""
        return self.centre - self.softness * math.log(1 / likelihood - 1)


@dataclass(frozen=True, slots=True, eq=False)
class SoftCounts:
    """What the words of one query find on some pages.

    Attributes:
        frequency: Shape (n_words, n_pages): soft counts.
        best: Shape (n_words, n_pages), in [0, 1]: the gate of the best match.
        lengths: Shape (n_pages,): vectors of each page.
    """

    frequency: FloatArray
    best: FloatArray
    lengths: FloatArray


def soft_counts(words: FloatArray, pages: Sequence[FloatArray], gate: Gate) -> SoftCounts:
    """Count each word on each page.

    Args:
        words: Shape (n_words, dim), rows of unit length.
        pages: Each (n_vectors, dim), rows of unit length, at least one row.
        gate: Turns dot products into likelihoods, one for all words or one for each.
    """
    lengths = np.array([len(page) for page in pages])
    starts = np.cumsum(lengths) - lengths
    cosine = words @ np.concatenate(pages).T  # (n_words, n_vectors of all pages)
    counted = np.zeros_like(cosine)
    word, place = np.nonzero(gate.cosine_at(_LEAST_COUNT) < cosine.T)[::-1]
    counted[word, place] = gate.of(word)(cosine[word, place])
    return SoftCounts(
        frequency=np.add.reduceat(counted, starts, axis=1),
        best=gate(np.maximum.reduceat(cosine, starts, axis=1).T).T,
        lengths=lengths.astype(np.float32),
    )


def matched_counts(n_words: int, matches: RowMatches, gate: Gate) -> SoftCounts:
    """Count words on all listed pages by the rows that were met: what is further away than those counts nothing."""
    n_pages = len(matches.page_ids)
    likelihood = gate.of(matches.query_row)(matches.cosine)
    heard = likelihood > _LEAST_COUNT
    cells, likelihood = matches.query_row[heard] * n_pages + matches.page[heard], likelihood[heard]
    frequency = np.bincount(cells, weights=likelihood, minlength=n_words * n_pages).reshape(n_words, n_pages)
    return SoftCounts(
        frequency=frequency.astype(np.float32),
        best=np.minimum(frequency, 1).astype(np.float32),
        lengths=matches.lengths.astype(np.float32),
    )


def inverse_document_frequency(counts: SoftCounts) -> FloatArray:
    """How rare each word is: shape (n_words,), above 0; the page count of a word is soft too."""
    n_pages = counts.frequency.shape[1]
    n_with_word = np.minimum(counts.frequency, 1).sum(axis=1)
    return np.asarray(np.log1p((n_pages - n_with_word + 0.5) / (n_with_word + 0.5)), dtype=np.float32)


def soft_bm25(counts: SoftCounts, weights: FloatArray, mean_length: float) -> FloatArray:
    """Score pages: shape (n_pages,), 0 or more, higher is more relevant; comparable within one query.

    Args:
        counts: Of the candidates.
        weights: Shape (n_words,): inverse document frequencies.
        mean_length: Vectors of an average page of the index.
    """
    norm = K1 * (1 - B + B * counts.lengths / max(mean_length, 1.0))  # (n_pages,)
    saturated = counts.frequency * (K1 + 1) / (counts.frequency + norm)
    return np.asarray(weights @ saturated, dtype=np.float32)


def weights_in(words: FloatArray, sample: CorpusSample, gate: Gate) -> FloatArray:
    """Inverse document frequencies of words over a sample of the index: shape (n_words,)."""
    return inverse_document_frequency(soft_counts(words, sample.pages, gate))
