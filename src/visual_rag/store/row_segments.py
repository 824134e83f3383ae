"""Segments: the rows of many pages in one file, with the code of each, written once and memory-mapped.

In `rows/packed/`, all plain arrays one after the other:
- `<segment>.pages`: whose rows lie there, in order; `.rows`: the rows, where the index keeps any; `.codes`: the nearest
  centroid of each row, where there is a codebook. Without rows a page's codes are kept once each.
- `<codebook>.centroids`: 16 bits a value.
- `manifest.json`: the segments and the codebook that count, replaced last. What it does not name is nobody's.

Names are never used twice. Whatever is missing or damaged is not there: pages are read from the engine again.
"""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from visual_rag.records import FloatArray, IntArray
from visual_rag.scoring import normalise_rows
from visual_rag.store.files import UNFINISHED, whole_file
from visual_rag.store.row_codebook import Codes
from visual_rag.store.row_format import PackedRows, RowFormat

PACKED = "packed"
HASH_CHARACTERS = 16  # of a page hash: enough to tell two states of one page apart
_PAGES, _ROWS, _CODES, _CENTROIDS, _MANIFEST = ".pages", ".rows", ".codes", ".centroids", "manifest.json"
_OURS = frozenset({_PAGES, _ROWS, _CODES, _CENTROIDS, UNFINISHED})
_PAGE_DTYPE = np.dtype(
    [("page_id", "S36"), ("page_hash", f"S{HASH_CHARACTERS}"), ("n_rows", "<u4"), ("n_entries", "<u4")]
)
_LAYOUT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What counts of the files.

    Attributes:
        codebook: Name of it; None before one is learnt.
        n_pages_learnt: Pages of the index when it was.
        segments: Names, oldest first.
    """

    codebook: str | None = None
    n_pages_learnt: int = 0
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """One segment, open; an entry is what has a code: a row, or a page's distinct code where there are no rows.

    Attributes:
        name: Of its files.
        pages: Shape (n_pages,): page_id, page_hash, n_rows, n_entries.
        starts: Shape (n_pages + 1,): where each page's entries start.
        rows: Shape (n_entries,), in the file; None where the index keeps no rows.
        codes: Shape (n_entries,), in the file; None without a codebook.
    """

    name: str
    pages: NDArray[np.void]
    starts: IntArray
    rows: PackedRows | None
    codes: Codes | None

    def page_keys(self) -> list[tuple[str, str]]:
        """Page id and hash of each page."""
        ids, hashes = (self.pages[name].astype(str).tolist() for name in ("page_id", "page_hash"))
        return list(zip(ids, hashes, strict=True))

    def span(self, page: int) -> slice:
        """Where the entries of a page lie."""
        return slice(int(self.starts[page]), int(self.starts[page + 1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packed:
    """All that counts, open.

    Attributes:
        manifest: As it was read.
        centroids: Shape (n_centroids, dim), float32, rows of unit length; None without a codebook.
        segments: Those that are whole.
    """

    manifest: Manifest
    centroids: FloatArray | None
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackedPage:
    """One page on its way into a segment; `codes` are of the entries, see `Segment`."""

    page_id: str
    page_hash: str
    n_rows: int
    rows: PackedRows | None
    codes: Codes | None


class SegmentFolder:
    """Reads and writes the segments of one index."""

    def __init__(self, folder: Path, form: RowFormat, *, dim: int, keeps_rows: bool) -> None:
        self._folder = folder
        self._form = form
        self._dim = dim
        self._keeps_rows = keeps_rows

    def stamp(self) -> tuple[int, int, int] | None:
        """Tell one state of the manifest from another; None where there is none."""
        try:
            status = (self._folder / _MANIFEST).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def open(self, known: Packed) -> Packed:
        """Open what the manifest names; what is open already is taken from `known`."""
        manifest = self._manifest()
        centroids = known.centroids if manifest.codebook == known.manifest.codebook else None
        if centroids is None and manifest.codebook is not None:
            centroids = self.read_codebook(manifest.codebook)
        n_lists = None if centroids is None else len(centroids)
        opened = {segment.name: segment for segment in known.segments if (segment.codes is None) == (n_lists is None)}
        segments = [opened.get(name) or self._segment(name, n_lists) for name in manifest.segments]
        return Packed(
            manifest=manifest,
            centroids=centroids,
            segments=tuple(segment for segment in segments if segment is not None),
        )

    def write_codebook(self, centroids: FloatArray) -> str:
        """Write a codebook and give its name."""
        name = _new_name()
        with whole_file(self._path(name, _CENTROIDS)) as file:
            _write(file, centroids.astype("<f2"))
            _to_disk(file)
        return name

    def read_codebook(self, name: str) -> FloatArray | None:
        """Read a codebook, shape (n_centroids, dim), rows of unit length; None where it is missing or damaged."""
        try:
            centroids = np.fromfile(self._path(name, _CENTROIDS), dtype="<f2").astype(np.float32).reshape(-1, self._dim)
        except (OSError, ValueError):
            return None
        is_whole = len(centroids) > 0 and np.isfinite(centroids).all() and np.any(centroids, axis=1).all()
        return normalise_rows(centroids) if is_whole else None

    @contextmanager
    def writing_segment(self) -> Iterator["SegmentWriter"]:
        """Write a new segment, whole or not at all."""
        name, suffixes = _new_name(), [_ROWS] * self._keeps_rows + [_CODES]
        with ExitStack() as files:
            writer = SegmentWriter(
                name, {suffix: files.enter_context(whole_file(self._path(name, suffix))) for suffix in suffixes}
            )
            yield writer
            pages = files.enter_context(whole_file(self._path(name, _PAGES)))
            _write(pages, np.array(writer.pages, dtype=_PAGE_DTYPE))
            for file in (*writer.files.values(), pages):
                _to_disk(file)

    def publish(self, manifest: Manifest) -> None:
        """Let these count from now on, and no others."""
        values = {
            "layout": _LAYOUT,
            "codebook": manifest.codebook,
            "n_pages_learnt": manifest.n_pages_learnt,
            "segments": manifest.segments,
        }
        with whole_file(self._folder / _MANIFEST) as file:
            file.write(json.dumps(values).encode())
            _to_disk(file)

    def sweep(self) -> None:
        """Remove the files of segments and codebooks that do not count, such as killed processes left."""
        manifest = self._manifest()
        kept = {*manifest.segments, manifest.codebook}
        for path in self._folder.glob("*"):
            if path.suffix in _OURS and path.stem not in kept:
                with suppress(OSError):  # some systems keep what is mapped; then the next sweep removes it
                    path.unlink()

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}{suffix}"

    def _manifest(self) -> Manifest:
        try:
            values = json.loads((self._folder / _MANIFEST).read_bytes())
            if values["layout"] != _LAYOUT:
                return Manifest()
            return Manifest(
                codebook=values["codebook"],
                n_pages_learnt=int(values["n_pages_learnt"]),
                segments=tuple(str(name) for name in values["segments"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return Manifest()

    def _segment(self, name: str, n_lists: int | None) -> Segment | None:
        """Open a segment; None where anything of it is missing, damaged or of another layout."""
        try:
            pages = np.fromfile(self._path(name, _PAGES), dtype=_PAGE_DTYPE)
            starts = np.concatenate([[0], np.cumsum(pages["n_entries"], dtype=np.int64)])
            n_entries = int(starts[-1])
            rows = _mapped(self._path(name, _ROWS), self._form.dtype, n_entries) if self._keeps_rows else None
            codes = None if n_lists is None else _mapped(self._path(name, _CODES), np.dtype("<u2"), n_entries)
        except (OSError, ValueError):
            return None
        if codes is not None and int(codes.max()) >= (n_lists or 0):
            return None
        if rows is None and codes is None:
            return None
        return Segment(name=name, pages=pages, starts=starts, rows=rows, codes=codes)


class SegmentWriter:
    """Takes the pages of a new segment, one after the other."""

    def __init__(self, name: str, files: dict[str, IO[bytes]]) -> None:
        self.name = name
        self.files = files
        self.pages: list[tuple[bytes, bytes, int, int]] = []
        self.n_entries = 0

    def add(self, page: PackedPage) -> None:
        """Write one page."""
        n_entries = len(page.codes) if page.rows is None and page.codes is not None else page.n_rows
        for suffix, values in ((_ROWS, page.rows), (_CODES, page.codes)):
            if values is not None:
                _write(self.files[suffix], values)
        self.n_entries += n_entries
        short_hash = page.page_hash[:HASH_CHARACTERS]
        self.pages.append((page.page_id.encode(), short_hash.encode(), page.n_rows, n_entries))


def _mapped(path: Path, dtype: np.dtype[Any], length: int) -> NDArray[Any]:
    """Map a file that holds exactly so many values.

    Raises:
        ValueError: It holds more, or fewer, or none.
    """
    if path.stat().st_size != length * dtype.itemsize:
        raise ValueError(f"{path.name} holds {path.stat().st_size} bytes, not {length * dtype.itemsize}")
    return np.memmap(path, dtype=dtype, mode="r", shape=(length,)).view(np.ndarray)


def _write(file: IO[bytes], values: NDArray[Any]) -> None:
    file.write(np.ascontiguousarray(values).data)


def _to_disk(file: IO[bytes]) -> None:
    """Wait until a file is on the disk: what replaces other files must not be lost with the power."""
    file.flush()
    os.fsync(file.fileno())


def _new_name() -> str:
    return uuid.uuid4().hex
