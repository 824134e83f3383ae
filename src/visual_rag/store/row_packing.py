"""What maintenance does to the segments: pages that lie loose go into new ones, worn ones are written anew.

    job = plan(directory, packed, least_pages=1000)
    manifest = yield from packer.carry_out(job)      # in steps; what counted before counts until it is published

With a page count that calls for it, the codebook is learnt first, and everything is written anew by it.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from visual_rag.records import BoolArray, FloatArray, PageEmbedding
from visual_rag.store.row_codebook import GROWTH, SAMPLE_ROWS, Codes, assign, learning, n_centroids
from visual_rag.store.row_directory import RowDirectory
from visual_rag.store.row_format import PackedRows
from visual_rag.store.row_segments import Manifest, Packed, PackedPage, Segment
from visual_rag.store.rows import PageRows

_MOST_DEAD, _MOST_SMALL = 0.2, 8
_FULL_ENTRIES = 2**20  # about; 3,400 pages of spotter
_PAGES_AT_ONCE = 16  # a few tenths of a second for their codes
_SAMPLE_PAGES, _SAMPLE_PAGES_OF_ENGINE = 2000, 400  # the engine takes 4 ms a page
ReadPages = Callable[[Sequence[str]], Mapping[str, PageEmbedding]]


class AssignedPage(NamedTuple):
    """Codes of a page that no segment holds yet, shape (n_rows,), and whose codebook they are of."""

    codebook: str
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """What is to be written.

    Attributes:
        page_hashes: Of the pages, by id, sorted.
        coded: Where pages lie that keep the codes they have: segment, page in it.
        kept: Names of the segments that stay.
        learns: Whether the codebook is learnt first.
    """

    page_hashes: Mapping[str, str]
    coded: Mapping[str, tuple[Segment, int]]
    kept: tuple[str, ...]
    learns: bool


def plan(directory: RowDirectory, packed: Packed, *, least_pages: int, keeps_rows: bool) -> Job | None:
    """Say what is to be written; None where all is in order, or no codebook is due and no rows are kept."""
    n_pages = len(directory.page_hashes)
    is_outgrown = packed.centroids is None or n_pages >= GROWTH * packed.manifest.n_pages_learnt
    learns = n_pages >= least_pages and is_outgrown
    if not learns and not keeps_rows and packed.centroids is None:
        return None
    segments = directory.segments()
    stale = [name for name, _ in segments] if learns else _stale(segments)
    coded = {
        key[0]: (segment, page)
        for segment, is_alive in segments
        if segment in stale
        for page, key in enumerate(segment.page_keys())
        if is_alive[page]
    }
    page_ids = directory.page_hashes if learns else directory.unlisted | coded.keys()
    if not page_ids and not stale:
        return None
    return Job(
        page_hashes={page_id: directory.page_hashes[page_id] for page_id in sorted(page_ids)},
        coded={} if learns else coded,
        kept=tuple(segment.name for segment, _ in segments if segment not in stale),
        learns=learns,
    )


def _stale(segments: Sequence[tuple[Segment, BoolArray]]) -> list[Segment]:
    """Segments with many dead pages, and small ones where there are many of them."""
    worn = [segment for segment, is_alive in segments if 1 - is_alive.mean() > _MOST_DEAD]
    small = [segment for segment, _ in segments if segment.starts[-1] < _FULL_ENTRIES / 2]
    return [*worn, *(segment for segment in small if len(small) > _MOST_SMALL and segment not in worn)]


class Packer:
    """Carries out jobs on the segments of one index."""

    def __init__(self, rows: PageRows, read_pages: ReadPages, *, keeps_rows: bool) -> None:
        """Take what it reads from.

        Args:
            rows: Copies of rows, and the segments.
            read_pages: Reads pages by id from the engine; those that are gone are left out.
            keeps_rows: Whether rows go into segments, or only their codes.
        """
        self._rows = rows
        self._read_pages = read_pages
        self._keeps_rows = keeps_rows

    def carry_out(self, job: Job, assigned: Mapping[str, AssignedPage]) -> Generator[None, None, Manifest]:
        """Write segments.

        Args:
            job: What is to be written.
            assigned: By page id, codes that are known already.

        Yields:
            Nothing, a few times a second, so that others get in between.

        Returns:
            What is to be published.
        """
        packed = self._rows.packed()
        codebook = None if packed.centroids is None else packed.manifest.codebook
        centroids, n_pages_learnt = packed.centroids, packed.manifest.n_pages_learnt
        if job.learns:
            codebook = yield from self._learn(job)
            centroids = None if codebook is None else self._rows.segments.read_codebook(codebook)
            n_pages_learnt = len(job.page_hashes)
        known = {page_id: page.codes for page_id, page in assigned.items() if page.codebook == codebook}
        written = yield from self._write(job, centroids, known)
        return Manifest(codebook=codebook, n_pages_learnt=n_pages_learnt, segments=(*job.kept, *written))

    def _learn(self, job: Job) -> Generator[None, None, str | None]:
        """Learn a codebook from a sample of the pages, write it and give its name; None where all pages are gone."""
        page_ids = list(job.page_hashes)
        most = _SAMPLE_PAGES if self._keeps_rows else _SAMPLE_PAGES_OF_ENGINE
        chosen = np.linspace(0, len(page_ids) - 1, min(len(page_ids), most)).astype(int)
        rng, sample, n_rows = np.random.default_rng(0), list[FloatArray](), 0
        for some in _parts([page_ids[number] for number in chosen]):
            for _, vectors in self._read(job, some).values():
                n_rows += len(vectors)
                sample.append(rng.permutation(vectors)[: -(-SAMPLE_ROWS // len(chosen))])
            yield
        if not sample:
            return None
        n_most = n_centroids(n_rows * len(page_ids) // len(sample))
        centroids = yield from learning(np.concatenate(sample), n_most)
        return self._rows.segments.write_codebook(centroids)

    def _write(
        self, job: Job, centroids: FloatArray | None, known: Mapping[str, Codes]
    ) -> Generator[None, None, list[str]]:
        names: list[str] = []
        parts = iter(_parts(list(job.page_hashes)))
        some = next(parts, None)
        while some is not None:
            with self._rows.segments.writing_segment() as writer:
                while some is not None and writer.n_entries < _FULL_ENTRIES:
                    for page in self._packed_pages(job, some, centroids, known):
                        writer.add(page)
                    some = next(parts, None)
                    yield
            if writer.pages:
                names.append(writer.name)
        return names

    def _packed_pages(
        self, job: Job, page_ids: Sequence[str], centroids: FloatArray | None, known: Mapping[str, Codes]
    ) -> list[PackedPage]:
        if centroids is None and not self._keeps_rows:
            return []
        moved = [self._moved(job, page_id, *job.coded[page_id]) for page_id in page_ids if page_id in job.coded]
        new = [page_id for page_id in page_ids if page_id not in job.coded]
        codes = {page_id: known[page_id] for page_id in new if page_id in known}
        read = self._read(job, [page_id for page_id in new if page_id not in codes])
        if centroids is not None:
            codes |= _assigned({page_id: vectors for page_id, (_, vectors) in read.items()}, centroids)
        rows = {page_id: packed for page_id, (packed, _) in read.items()}
        return moved + [
            self._new(page_id, job.page_hashes[page_id], rows.get(page_id), codes.get(page_id))
            for page_id in new
            if page_id in rows or page_id in codes
        ]

    def _new(self, page_id: str, page_hash: str, rows: PackedRows | None, codes: Codes | None) -> PackedPage:
        n_rows = next(len(values) for values in (rows, codes) if values is not None)
        if codes is not None and not self._keeps_rows:
            codes = np.unique(codes)
        return PackedPage(page_id=page_id, page_hash=page_hash, n_rows=n_rows, rows=rows, codes=codes)

    def _moved(self, job: Job, page_id: str, segment: Segment, page: int) -> PackedPage:
        """Take a page as it lies in another segment."""
        span = segment.span(page)
        return PackedPage(
            page_id=page_id,
            page_hash=job.page_hashes[page_id],
            n_rows=int(segment.pages["n_rows"][page]),
            rows=None if segment.rows is None else segment.rows[span],
            codes=None if segment.codes is None else segment.codes[span],
        )

    def _read(self, job: Job, page_ids: Sequence[str]) -> dict[str, tuple[PackedRows | None, FloatArray]]:
        """Read pages, from their copies or from the engine: packed rows, where any are kept, and unit vectors."""
        found: dict[str, tuple[PackedRows | None, FloatArray]] = {}
        for page_id in page_ids if self._keeps_rows else ():
            packed = self._rows.read_packed(page_id, job.page_hashes[page_id])
            vectors = None if packed is None else self._rows.form.unit_rows(packed["row"])
            if vectors is not None:
                found[page_id] = packed, vectors
        for page_id, embedding in self._read_pages([page_id for page_id in page_ids if page_id not in found]).items():
            found[page_id] = self._rows.form.pack(embedding) if self._keeps_rows else None, embedding.vectors
        return found


def _assigned(vectors: Mapping[str, FloatArray], centroids: FloatArray) -> dict[str, Codes]:
    """Find the codes of pages, together."""
    if not vectors:
        return {}
    codes = assign(np.concatenate(list(vectors.values())), centroids)
    ends = np.cumsum([len(rows) for rows in vectors.values()])
    return dict(zip(vectors, np.split(codes, ends[:-1]), strict=True))


def _parts(page_ids: Sequence[str]) -> list[list[str]]:
    ids = iter(page_ids)
    return list(iter(lambda: list(islice(ids, _PAGES_AT_ONCE)), []))
