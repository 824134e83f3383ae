"""spotter, the bundled model: it reads by shape, so that a page can be found on any machine with no download.

Every word, number and code on a page becomes one vector where it stands; every word of a question becomes one vector.
It needs no text layer and no GPU. It does not understand language: see `weights/MODEL_CARD.md`.

    spotter = Spotter()
    [page_embedding] = spotter.embed_pages([page])
    [query_embedding] = spotter.embed_queries(["wiring diagram of the pump"])
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors
from PIL import Image

from visual_rag.embed.protocol import CorpusSample
from visual_rag.embed.soft_bm25 import (
    Gate,
    inverse_document_frequency,
    matched_counts,
    soft_bm25,
    soft_counts,
    weights_in,
)
from visual_rag.embed.spotter_words import content_words, encode_words
from visual_rag.errors import EmbeddingError, InvalidInput, ModelLoadError
from visual_rag.records import FloatArray, ModelIdentity, Page, PageEmbedding, QueryEmbedding, RowMatches
from visual_rag.scoring import normalise_rows, pool_clusters

log = logging.getLogger(__name__)

_PAGE_MODEL, _WORD_MODEL, _CARD = "spotter-page.onnx", "spotter-word.onnx", "spotter.json"
_CARD_KEYS = {"revision", "dim", "page_dpi", "gate_centre", "gate_softness"}
_ONNX_ERRORS = tuple(
    item for item in vars(onnx_errors).values() if isinstance(item, type) and issubclass(item, Exception)
)
_STRIDE_PX = 8
_SCALES = (1.0, 0.5, 0.25)  # headings and slides have type that is too large for the network at full size
_LEAST_TYPE_PX, _LARGEST_TYPE_PX = 6.0, 52.0  # box heights that the network was trained on, at its own scale
_LEAST_SIDE_PX = 64
_TILE_PX, _TILE_MARGIN_PX = 2048, 192
_LEAST_WORDNESS = 0.3
_SAME_WORD_OVERLAP = 0.45
_MAX_VECTORS = 8000  # a Qdrant server takes fewer than 8,192 rows of 128
_N_POOLED = 64
# Words of 20 PDFs (benchmarks' dev set), each against all words of other files: half of the pairs of one word are more
# alike than 0.97, one in 10,000 pairs of two words more than 0.95. The card's gate is for a typed word against a page.
_SEEN_GATE = Gate(centre=0.94, softness=0.02)
_QUESTIONS_KEPT = 64


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Words found on a picture: unit rows (n, dim), boxes (n, 4) in px of the picture, word-ness (n,) in 0..1."""

    vectors: FloatArray
    boxes: FloatArray
    wordness: FloatArray


class Spotter:
    """The bundled late-interaction model, run by onnxruntime. Passes `EmbedderContract`; reranks by soft BM25."""

    def __init__(self, folder: Path | None = None, *, n_threads: int = 0) -> None:
        """Load the model.

        Args:
            folder: Holds spotter-page.onnx, spotter-word.onnx and spotter.json; None takes the bundled ones.
            n_threads: Pages embedded at a time, each by one thread; 0 takes all cores.

        Raises:
            ModelLoadError: A file is missing or is no spotter model.
        """
        self._folder = folder or Path(str(resources.files("visual_rag") / "weights"))
        self._card = _read_card(self._folder)
        self._gate = Gate(self._card["gate_centre"], self._card["gate_softness"])
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = 1  # a thread a page is 11 % faster than two threads on one page
        self._options.log_severity_level = 3
        self._n_threads = n_threads or os.cpu_count() or 1
        self._weighed: dict[bytes, FloatArray] = {}  # by the words of a question
        self._weighed_in: CorpusSample | None = None
        self._weighing = Lock()

    @cached_property
    def identity(self) -> ModelIdentity:
        """Name, revision and the hash of both weight files."""
        digest = hashlib.sha256()
        for name in (_PAGE_MODEL, _WORD_MODEL, _CARD):
            digest.update(_read(self._folder / name))
        return ModelIdentity(
            name="spotter",
            revision=self._card["revision"],
            weights_hash=digest.hexdigest(),
            dim=self._card["dim"],
            backend=f"onnxruntime {onnxruntime.__version__}",
        )

    @property
    def page_dpi(self) -> int:
        """What the network was trained for: 10 pt type is 17 px high."""
        return int(self._card["page_dpi"])

    @property
    def pages_at_once(self) -> int:
        """Four pages a thread."""
        return 4 * self._n_threads

    @property
    def pooling(self) -> str:
        """Spherical k-means over a page's words."""
        return f"clusters{_N_POOLED}"

    @property
    def scored_by(self) -> str:
        """Name of the last stage."""
        return "soft_bm25"

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Find the words of each page. A page without any keeps one row, at its most word-like place."""
        _ = self._page_session  # loaded once, before the threads ask for it
        with ThreadPoolExecutor(self._n_threads) as threads:  # onnxruntime lets the interpreter go while it works
            return list(threads.map(lambda page: self._embed(page.image, name=f"page {page.page_index + 1}"), pages))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Embed the words of each question; words that only make it a question are left out.

        Raises:
            InvalidInput: A text has no word.
        """
        words = [content_words(text) for text in texts]
        for text, found in zip(texts, words, strict=True):
            if not found:
                raise InvalidInput(f"the query {text[:80]!r} holds no word to look for; type what the page should show")
        return [QueryEmbedding(vectors=self._embed_words(found), tokens=tuple(found)) for found in words]

    def embed_query_images(self, images: Sequence[Image.Image]) -> list[QueryEmbedding]:
        """Take the words seen in each picture as the question.

        Raises:
            InvalidInput: No word is seen in a picture: spotter knows things only by what is written on them.
        """
        queries = []
        for image in images:
            found = self._detect(image)
            if not len(found.vectors):
                raise InvalidInput(
                    "spotter reads words and sees none in this picture; ask in words, or use a ColPali model"
                )
            tokens = tuple(f"word {n}" for n in range(1, len(found.vectors) + 1))
            is_seen = np.ones(len(found.vectors), dtype=np.bool_)
            queries.append(QueryEmbedding(vectors=found.vectors, tokens=tokens, is_seen=is_seen))
        return queries

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Pool alike words: shape (at most 64, dim)."""
        return pool_clusters(embedding.vectors, _N_POOLED)

    def rerank(
        self, query: QueryEmbedding, pages: Sequence[FloatArray], sample: CorpusSample
    ) -> tuple[FloatArray, FloatArray]:
        """Score by soft BM25; similarity is the weighted mean of how surely each word stands on the page."""
        words, gate = normalise_rows(query.vectors), self._gates(query)
        weights = self._weights(query, sample)
        counts = soft_counts(words, pages, gate)
        mean_length = float(np.mean([len(page) for page in sample.pages]))
        similarity = np.asarray(weights @ counts.best / weights.sum(), dtype=np.float32)
        return soft_bm25(counts, weights, mean_length), np.clip(similarity, 0, 1)

    def score_matches(self, query: QueryEmbedding, matches: RowMatches) -> FloatArray:
        """Score listed pages by soft BM25 over the rows that were met; words are as rare as they are in the lists."""
        counts = matched_counts(len(query.vectors), matches, self._gates(query))
        mean_length = float(counts.lengths.mean()) if len(counts.lengths) else 1.0
        return soft_bm25(counts, inverse_document_frequency(counts) * _importance(query), mean_length)

    def _gates(self, query: QueryEmbedding) -> Gate:
        """A gate for each row of a query: a word and what shows it are less alike than two places that show it."""
        if query.is_seen is None:
            return self._gate
        centre, softness = (
            np.where(query.is_seen, seen, asked).astype(np.float32)
            for seen, asked in ((_SEEN_GATE.centre, self._gate.centre), (_SEEN_GATE.softness, self._gate.softness))
        )
        return Gate(centre, softness)

    def _weights(self, query: QueryEmbedding, sample: CorpusSample) -> FloatArray:
        """What each word counts: how rare it is in the index, and its length; once for a question with many pages."""
        seen = b"" if query.is_seen is None else query.is_seen.tobytes()
        key = query.vectors.tobytes() + seen
        with self._weighing:
            if self._weighed_in is not sample:
                self._weighed_in, self._weighed = sample, {}
            if key not in self._weighed:
                if len(self._weighed) >= _QUESTIONS_KEPT:
                    self._weighed.clear()
                rarity = weights_in(normalise_rows(query.vectors), sample, self._gates(query))
                self._weighed[key] = rarity * _importance(query)
            return self._weighed[key]

    @cached_property
    def _page_session(self) -> Any:
        return self._session(_PAGE_MODEL)

    @cached_property
    def _word_session(self) -> Any:
        return self._session(_WORD_MODEL)

    def _session(self, name: str) -> Any:
        weights = _read(self._folder / name)
        with _translating(f"{name} cannot be loaded; reinstall visual-rag", ModelLoadError):
            return onnxruntime.InferenceSession(weights, self._options, providers=["CPUExecutionProvider"])

    def _embed_words(self, words: Sequence[str]) -> FloatArray:
        symbols, lengths = encode_words(words)
        with _translating("the words of a query could not be embedded", EmbeddingError):
            [rows] = self._word_session.run(None, {"symbols": symbols, "lengths": lengths})
        return normalise_rows(rows)

    def _embed(self, image: Image.Image, *, name: str) -> PageEmbedding:
        found = self._detect(image)
        if not len(found.vectors):
            found = self._detect(image, least_wordness=0.0, keep=1)
        if len(found.vectors) > _MAX_VECTORS:
            log.warning("%s has %d words; the %d surest are kept", name, len(found.vectors), _MAX_VECTORS)
            found = _strongest(found, _MAX_VECTORS)
        scale = np.array([image.width, image.height] * 2, dtype=np.float32)
        return PageEmbedding(
            vectors=found.vectors,
            regions=np.clip(found.boxes / scale, 0, 1).astype(np.float32),
            is_patch=np.ones(len(found.vectors), dtype=np.bool_),
        )

    def _detect(self, image: Image.Image, *, least_wordness: float = _LEAST_WORDNESS, keep: int = 0) -> Detections:
        """Find words at all scales and keep the surest of each; `keep` limits their number and lifts the size rules."""
        found = []
        for scale in _SCALES:
            size = (round(image.width * scale), round(image.height * scale))
            if scale < 1 and min(size) < _LEAST_SIDE_PX:
                continue
            grey = image.convert("L")
            shown = grey if scale == 1 else grey.resize(size, Image.Resampling.BOX)
            ink = np.asarray(1 - np.asarray(shown) / np.float32(255), dtype=np.float32)
            for left, top, tile in _tiles(ink):
                found.append(_shift(self._detect_tile(tile, least_wordness, any_size=bool(keep)), left, top, scale))
            if keep:
                break
        joined = Detections(
            np.concatenate([part.vectors for part in found]),
            np.concatenate([part.boxes for part in found]),
            np.concatenate([part.wordness for part in found]),
        )
        return _strongest(joined, keep) if keep else _without_doubles(joined)

    def _detect_tile(self, ink: FloatArray, least_wordness: float, *, any_size: bool) -> Detections:
        height, width = (-(-side // _STRIDE_PX) * _STRIDE_PX for side in ink.shape)
        padded = np.zeros((1, 1, height, width), dtype=np.float32)
        padded[0, 0, : ink.shape[0], : ink.shape[1]] = ink
        with _translating(f"a picture of {ink.shape[1]} x {ink.shape[0]} pixels could not be embedded", EmbeddingError):
            embedding, wordness, box = self._page_session.run(None, {"ink": padded})
        likelihood = 1 / (1 + np.exp(-wordness[0]))
        rows, columns = _peaks(likelihood, least_wordness)
        reach = np.exp(np.clip(box[0][:, rows, columns].T, -6, 6))  # cells: left, top, right, bottom of the centre
        x, y = columns + 0.5, rows + 0.5
        boxes = np.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], 1) * _STRIDE_PX
        type_px = boxes[:, 3] - boxes[:, 1]
        fits = (type_px >= _LEAST_TYPE_PX) & (type_px <= _LARGEST_TYPE_PX) | any_size
        vectors = embedding[0][:, rows[fits], columns[fits]].T
        vectors = normalise_rows(vectors) if len(vectors) else vectors.astype(np.float32)
        return Detections(vectors, boxes[fits].astype(np.float32), likelihood[rows[fits], columns[fits]])


def _importance(query: QueryEmbedding) -> FloatArray:
    """The lengths of a query's rows, 1 on average."""
    lengths = np.linalg.norm(query.vectors, axis=1)
    return np.asarray(lengths / lengths.mean(), dtype=np.float32)


@contextmanager
def _translating(what: str, kind: type[EmbeddingError]) -> Iterator[None]:
    """Turn onnxruntime's errors into ours."""
    try:
        yield
    except _ONNX_ERRORS as error:
        raise kind(f"{what} ({type(error).__name__})", model="spotter") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"the spotter model misses {path.name}; reinstall visual-rag, or name a folder that has it", model="spotter"
        ) from error


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads(_read(folder / _CARD))
    except ValueError as error:
        raise ModelLoadError(f"{_CARD} is not JSON; reinstall visual-rag", model="spotter") from error
    if not isinstance(card, dict) or not card.keys() >= _CARD_KEYS:
        raise ModelLoadError(f"{_CARD} does not describe a spotter model; reinstall visual-rag", model="spotter")
    return card


def _tiles(ink: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
    """Cut a large picture into overlapping tiles: (left, top, tile). Doubles in the overlap are removed later."""
    step = _TILE_PX - _TILE_MARGIN_PX
    for top in range(0, max(1, ink.shape[0] - _TILE_MARGIN_PX), step):
        for left in range(0, max(1, ink.shape[1] - _TILE_MARGIN_PX), step):
            yield left, top, ink[top : top + _TILE_PX, left : left + _TILE_PX]


def _shift(found: Detections, left: int, top: int, scale: float) -> Detections:
    offset = np.array([left, top, left, top], dtype=np.float32)
    return Detections(found.vectors, (found.boxes + offset) / np.float32(scale), found.wordness)


def _peaks(likelihood: FloatArray, least: float) -> tuple[Any, Any]:
    """Find cells that are the largest of their 3 x 5 neighbourhood and above `least`."""
    height, width = likelihood.shape
    padded = np.pad(likelihood, ((1, 1), (2, 2)), constant_values=-1.0)
    neighbours = [padded[1 + dy : 1 + dy + height, 2 + dx : 2 + dx + width] for dy in (-1, 0, 1) for dx in range(-2, 3)]
    rows, columns = np.nonzero((likelihood >= np.maximum.reduce(neighbours)) & (likelihood > least))
    return rows, columns


def _strongest(found: Detections, n_kept: int) -> Detections:
    order = np.sort(np.argsort(-found.wordness, kind="stable")[:n_kept])
    return Detections(found.vectors[order], found.boxes[order], found.wordness[order])


def _without_doubles(found: Detections) -> Detections:
    """Keep the surest of detections that cover each other (non-maximum suppression on box overlap)."""
    order = np.argsort(-found.wordness, kind="stable")
    boxes = found.boxes[order]
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    alive = np.ones(len(order), dtype=np.bool_)
    for row in range(len(order)):
        if not alive[row]:
            continue
        wide = np.minimum(boxes[row, 2], boxes[:, 2]) - np.maximum(boxes[row, 0], boxes[:, 0])
        high = np.minimum(boxes[row, 3], boxes[:, 3]) - np.maximum(boxes[row, 1], boxes[:, 1])
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        covered = shared > _SAME_WORD_OVERLAP * np.minimum(areas, areas[row])
        covered[: row + 1] = False
        alive &= ~covered
    kept = np.sort(order[alive])
    return Detections(found.vectors[kept], found.boxes[kept], found.wordness[kept])
