"""Page multi-vectors in files beside the engine, because engines hand vectors back as slow Python lists.

    rows = PageRows(folder / "rows", dim=128, datatype="turbo8")
    rows.write(page_id, page_hash, embedding)
    rows.read(page_id, page_hash)      # None where there is no readable copy

A copy, never the truth: every file may be removed at any time and is made again from the engine. A new page has a file
of its own, `<first two hex>/<page_id>-<page_hash[:16]>.npy`, an array of row, region and patch flag; maintenance packs
them into the segments of `row_segments.py`. A page's own file counts before a segment.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visual_rag.records import PageEmbedding
from visual_rag.store.files import UNFINISHED, whole_file
from visual_rag.store.row_format import PackedRows, RowFormat
from visual_rag.store.row_segments import HASH_CHARACTERS, PACKED, Manifest, Packed, Segment, SegmentFolder

_SUFFIX = ".npy"
_CACHE_BYTES = 256 * 2**20


class _Opened(NamedTuple):
    """Segments as one manifest names them, and where each page lies, by page id and hash."""

    stamp: tuple[int, int, int] | None
    packed: Packed
    places: dict[tuple[str, str], tuple[Segment, int]]


class PageRows:
    """Reads and writes the row files of one index, with the most recently read pages kept in memory.

    Attributes:
        form: How rows lie in files.
        segments: Where they are packed.
    """

    def __init__(
        self, folder: Path, *, dim: int, datatype: str, keeps_rows: bool = True, cache_bytes: int = _CACHE_BYTES
    ) -> None:
        self.form = RowFormat(dim=dim, datatype=datatype)
        self.segments = SegmentFolder(folder / PACKED, self.form, dim=dim, keeps_rows=keeps_rows)
        self._folder = folder
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[str, PageEmbedding] = OrderedDict()
        self._cached_bytes = 0
        self._n_forgotten = 0  # so that what was read before a write is not remembered after it
        self._guard = threading.Lock()
        self._opened = _Opened(None, Packed(manifest=Manifest(), centroids=None, segments=()), {})

    def write(self, page_id: str, page_hash: str, embedding: PageEmbedding) -> None:
        """Write one page's file, whole or not at all."""
        path = self._path(page_id, page_hash)
        with whole_file(path) as file:
            np.save(file, self.form.pack(embedding), allow_pickle=False)
        self._forget(path.name)

    def read(self, page_id: str, page_hash: str) -> PageEmbedding | None:
        """Read one page, rows of unit length; None where its copy is missing, damaged or of another layout."""
        name = _file_name(page_id, page_hash)
        with self._guard:
            cached = self._cached.get(name)
            if cached is not None:
                self._cached.move_to_end(name)
                return cached
            n_forgotten = self._n_forgotten
        packed = self.read_packed(page_id, page_hash)
        embedding = None if packed is None else self.form.unpack(packed)
        if embedding is not None:
            self._remember(name, embedding, n_forgotten)
        return embedding

    def read_packed(self, page_id: str, page_hash: str) -> PackedRows | None:
        """Read one page as it lies in its file, else in a segment; None where it is nowhere."""
        try:
            packed: PackedRows = np.load(self._path(page_id, page_hash), allow_pickle=False)
        except FileNotFoundError:
            return self._in_segment(page_id, page_hash)
        except (OSError, ValueError, EOFError):
            return None
        return packed if packed.dtype == self.form.dtype and packed.ndim == 1 and len(packed) else None

    def _in_segment(self, page_id: str, page_hash: str) -> PackedRows | None:
        place = self._open().places.get((page_id, page_hash[:HASH_CHARACTERS]))
        return None if place is None or place[0].rows is None else place[0].rows[place[0].span(place[1])]

    def packed(self) -> Packed:
        """Open the segments that count now."""
        return self._open().packed

    def _open(self) -> "_Opened":
        with self._guard:
            stamp = self.segments.stamp()
            if stamp != self._opened.stamp:
                packed = self.segments.open(self._opened.packed)
                places = {
                    key: (segment, page) for segment in packed.segments for page, key in enumerate(segment.page_keys())
                }
                self._opened = _Opened(stamp, packed, places)
            return self._opened

    def remove(self, page_id: str, page_hash: str) -> None:
        """Remove one page's file, if it is there; in a segment it merely counts no longer."""
        path = self._path(page_id, page_hash)
        path.unlink(missing_ok=True)
        self._forget(path.name)

    def loose(self) -> set[str]:
        """Name the pages that have files of their own, by `loose_name`."""
        return {path.stem for path in self._files() if path.suffix == _SUFFIX}

    def sweep(self, page_hashes: Mapping[str, str]) -> None:
        """Remove what killed processes left: half-written files, and those of pages that are not in the store.

        Args:
            page_hashes: By page id, of all pages in the store.
        """
        kept = {_file_name(page_id, page_hash) for page_id, page_hash in page_hashes.items()}
        for path in self._files():
            if path.suffix in {_SUFFIX, UNFINISHED} and path.name not in kept:
                path.unlink(missing_ok=True)
        self.segments.sweep()

    def forget(self) -> None:
        """Let go of all pages in memory: somebody else has written."""
        with self._guard:
            self._cached.clear()
            self._cached_bytes = 0
            self._n_forgotten += 1

    def _files(self) -> Iterator[Path]:
        return self._folder.glob("[0-9a-fA-F][0-9a-fA-F]/*")

    def _path(self, page_id: str, page_hash: str) -> Path:
        return self._folder / page_id[:2] / _file_name(page_id, page_hash)

    def _remember(self, name: str, embedding: PageEmbedding, n_forgotten: int) -> None:
        with self._guard:
            if name in self._cached or n_forgotten != self._n_forgotten:
                return
            self._cached[name] = embedding
            self._cached_bytes += _size_bytes(embedding)
            while self._cached_bytes > self._cache_bytes:
                _, oldest = self._cached.popitem(last=False)
                self._cached_bytes -= _size_bytes(oldest)

    def _forget(self, name: str) -> None:
        with self._guard:
            self._n_forgotten += 1
            cached = self._cached.pop(name, None)
            if cached is not None:
                self._cached_bytes -= _size_bytes(cached)


def loose_name(page_id: str, page_hash: str) -> str:
    """Name a page in one of its states."""
    return f"{page_id}-{page_hash[:HASH_CHARACTERS]}"


def _file_name(page_id: str, page_hash: str) -> str:
    return f"{loose_name(page_id, page_hash)}{_SUFFIX}"


def _size_bytes(embedding: PageEmbedding) -> int:
    return embedding.vectors.nbytes + embedding.regions.nbytes + embedding.is_patch.nbytes
