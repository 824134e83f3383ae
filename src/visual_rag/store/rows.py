"""Page multi-vectors as small files beside the engine, because engines hand vectors back as slow Python lists.

    rows = PageRows(folder / "rows", dim=128, datatype="turbo8")
    rows.write(page_id, page_hash, embedding)
    rows.read(page_id, page_hash)      # None where there is no readable file

A copy, never the truth: every file may be removed at any time and is made again from the engine. One file a page,
`<first two hex>/<page_id>-<page_hash[:16]>.npy`, a structured array of row, region and patch flag.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_rag.records import FloatArray, PageEmbedding
from visual_rag.store.files import UNFINISHED, whole_file
from visual_rag.store.schema import REGION_DTYPE, pack_regions, unpack_regions

_ROW_TYPES = {"turbo8": "i1", "float16": "<f2", "turbo4": "u1"}  # by datatype: as exact as the engine's own copy
_LARGEST_NIBBLE, _ZERO_NIBBLE = 7, 8
_SUFFIX = ".npy"
_CACHE_BYTES = 256 * 2**20


class PageRows:
    """Reads and writes the row files of one index, with the most recently read pages kept in memory."""

    def __init__(self, folder: Path, *, dim: int, datatype: str, cache_bytes: int = _CACHE_BYTES) -> None:
        self._folder = folder
        self._dim = dim
        self._datatype = datatype
        n_stored = -(-dim // 2) if datatype == "turbo4" else dim
        self._dtype = np.dtype([("row", _ROW_TYPES[datatype], (n_stored,)), *REGION_DTYPE.descr])
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[str, PageEmbedding] = OrderedDict()
        self._cached_bytes = 0
        self._guard = threading.Lock()

    def write(self, page_id: str, page_hash: str, embedding: PageEmbedding) -> None:
        """Write one page's file, whole or not at all."""
        path = self._path(page_id, page_hash)
        self._forget(path.name)
        with whole_file(path) as file:
            np.save(file, self._packed(embedding), allow_pickle=False)

    def read(self, page_id: str, page_hash: str) -> PageEmbedding | None:
        """Read one page, rows of unit length; None where its file is missing, damaged or of another layout."""
        path = self._path(page_id, page_hash)
        with self._guard:
            cached = self._cached.get(path.name)
            if cached is not None:
                self._cached.move_to_end(path.name)
                return cached
        try:
            packed = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if packed.dtype != self._dtype or packed.ndim != 1 or not len(packed):
            return None
        embedding = self._unpacked(packed)
        if embedding is not None:
            self._remember(path.name, embedding)
        return embedding

    def remove(self, page_id: str, page_hash: str) -> None:
        """Remove one page's file, if it is there."""
        path = self._path(page_id, page_hash)
        self._forget(path.name)
        path.unlink(missing_ok=True)

    def sweep(self, page_hashes: Mapping[str, str]) -> None:
        """Remove what killed processes left: half-written files, and those of pages that are not in the store.

        Args:
            page_hashes: By page id, of all pages in the store.
        """
        kept = {_file_name(page_id, page_hash) for page_id, page_hash in page_hashes.items()}
        for path in self._folder.glob("*/*"):
            if path.suffix in {_SUFFIX, UNFINISHED} and path.name not in kept:
                path.unlink(missing_ok=True)

    def _path(self, page_id: str, page_hash: str) -> Path:
        return self._folder / page_id[:2] / _file_name(page_id, page_hash)

    def _packed(self, embedding: PageEmbedding) -> NDArray[np.void]:
        packed = np.empty(len(embedding.vectors), dtype=self._dtype)
        packed["row"] = self._packed_rows(embedding.vectors)
        regions = pack_regions(embedding.regions, embedding.is_patch)
        for name in REGION_DTYPE.names or ():
            packed[name] = regions[name]
        return packed

    def _packed_rows(self, vectors: FloatArray) -> NDArray[Any]:
        if self._datatype == "float16":
            return vectors
        return _as_integers(vectors, 127) if self._datatype == "turbo8" else _as_nibbles(vectors)

    def _unpacked(self, packed: NDArray[np.void]) -> PageEmbedding | None:
        stored = packed["row"]
        rows = _from_nibbles(stored, self._dim) if self._datatype == "turbo4" else stored.astype(np.float32)
        lengths = np.sqrt(np.vecdot(rows, rows))
        if not lengths.all() or not np.isfinite(lengths).all():
            return None
        rows /= lengths[:, None]
        regions, is_patch = unpack_regions(packed)
        return PageEmbedding(vectors=rows, regions=regions, is_patch=is_patch)

    def _remember(self, name: str, embedding: PageEmbedding) -> None:
        with self._guard:
            if name in self._cached:
                return
            self._cached[name] = embedding
            self._cached_bytes += _size_bytes(embedding)
            while self._cached_bytes > self._cache_bytes:
                _, oldest = self._cached.popitem(last=False)
                self._cached_bytes -= _size_bytes(oldest)

    def _forget(self, name: str) -> None:
        with self._guard:
            cached = self._cached.pop(name, None)
            if cached is not None:
                self._cached_bytes -= _size_bytes(cached)


def _file_name(page_id: str, page_hash: str) -> str:
    return f"{page_id}-{page_hash[:16]}{_SUFFIX}"


def _as_integers(vectors: FloatArray, largest: int) -> NDArray[np.int8]:
    """Scale each row to that largest value; reading makes rows of unit length again, so no scale is kept."""
    scaled: FloatArray = vectors * (largest / np.abs(vectors).max(axis=1, keepdims=True))
    return np.rint(scaled).astype(np.int8)


def _as_nibbles(vectors: FloatArray) -> NDArray[np.uint8]:
    """Pack values of -7..7 two in a byte, 8 for zero: shape (n_vectors, half of dim, rounded up)."""
    values = (_as_integers(vectors, _LARGEST_NIBBLE) + _ZERO_NIBBLE).astype(np.uint8)
    even = np.pad(values, ((0, 0), (0, values.shape[1] % 2)))
    return (even[:, ::2] << 4 | even[:, 1::2]).astype(np.uint8)


def _from_nibbles(packed: NDArray[np.uint8], dim: int) -> FloatArray:
    values = np.stack([packed >> 4, packed & 15], axis=2).reshape(len(packed), -1)[:, :dim]
    return values.astype(np.float32) - np.float32(_ZERO_NIBBLE)


def _size_bytes(embedding: PageEmbedding) -> int:
    return embedding.vectors.nbytes + embedding.regions.nbytes + embedding.is_patch.nbytes
