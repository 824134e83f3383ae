"""The rows of an embedded index beside its engine: copies that Python reads fast, and lists of rows that are alike.

    with rows.replacing(points, old_hashes):
        pages.update(operation)
    rows.read(page_hashes)
    rows.matches(query.vectors, n_rows=100_000)

All of it can be lost and is made again from the engine. What is known of the pages is guarded by the session, so a
page is never half written for those who look.
"""

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

import qdrant_edge as edge

from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, PageEmbedding, PagePoint, RowMatches
from visual_rag.store.edge_folder import ROWS
from visual_rag.store.edge_points import page_embedding
from visual_rag.store.edge_session import EdgeSession
from visual_rag.store.files import size_on_disk
from visual_rag.store.row_codebook import LEAST_PAGES, assign
from visual_rag.store.row_directory import RowDirectory, RowListing
from visual_rag.store.row_packing import AssignedPage, Job, Packer, plan
from visual_rag.store.row_search import RowSearch
from visual_rag.store.row_segments import Manifest
from visual_rag.store.rows import PageRows, loose_name
from visual_rag.store.schema import FULL, PAGE_HASH, REGIONS
from visual_rag.store.space import has_room_to_rearrange

_REBUILD_PAGES = 32
_WORK_S = 0.25
_MOST_TRIES = 3


class EdgeRows:
    """Writes, reads, packs and searches copies of rows.

    Attributes:
        least_pages: With so many pages, maintenance makes lists.
    """

    def __init__(self, session: EdgeSession, passport: IndexPassport) -> None:
        self.least_pages = LEAST_PAGES
        self._session = session
        self._keeps_rows = passport.keeps_rows
        self._folder = session.folder / ROWS
        self._rows = PageRows(
            self._folder, dim=passport.model.dim, datatype=passport.datatype, keeps_rows=passport.keeps_rows
        )
        self._search = RowSearch(self._rows)
        self._packer = Packer(self._rows, self._from_engine, keeps_rows=passport.keeps_rows)
        self._directory: RowDirectory | None = None  # read when it is first needed
        self._assigned: dict[str, AssignedPage] = {}  # of pages without rows, until they are packed
        self._packing: Generator[None, None, None] | None = None
        self._one_packs = threading.Lock()
        self._is_swept = False

    def assigned(self, points: Sequence[PagePoint]) -> dict[str, AssignedPage]:
        """Find codes of pages whose rows are not kept: later they would have to be read from the engine."""
        packed = self._rows.packed()
        codebook, centroids = packed.manifest.codebook, packed.centroids
        if self._keeps_rows or codebook is None or centroids is None:
            return {}
        return {point.page_id: AssignedPage(codebook, assign(point.embedding.vectors, centroids)) for point in points}

    @contextmanager
    def replacing(self, points: Sequence[PagePoint], old: Mapping[str, str]) -> Iterator[None]:
        """Write copies of pages before the engine has them, and take them back where it fails.

        Args:
            points: What is written; the caller holds the session.
            old: Hashes of the pages that are replaced, by page id.
        """
        new = {point.page_id: str(point.payload[PAGE_HASH]) for point in points}
        with ExitStack() as undo:
            for point in points if self._keeps_rows else ():
                self._rows.write(point.page_id, new[point.page_id], point.embedding)
                undo.callback(self._rows.remove, point.page_id, new[point.page_id])
            yield
            undo.pop_all()
        for page_id, page_hash in new.items():
            if page_id in old and old[page_id] != page_hash:
                self._rows.remove(page_id, old[page_id])
            self._assigned.pop(page_id, None)
            if self._directory is not None:
                self._directory.wrote(page_id, page_hash)

    def keep_assigned(self, assigned: Mapping[str, AssignedPage]) -> None:
        """Keep codes of pages that were written, until they are packed."""
        self._assigned.update(assigned)

    def renamed(self, page_id: str, old: str, new: str) -> None:
        """Note that a page has another hash and the rows it had."""
        self._rows.remove(page_id, old)
        if self._directory is not None:
            self._directory.wrote(page_id, new)

    def remove(self, page_hashes: Mapping[str, str]) -> None:
        """Remove copies of pages that are gone; hashes by page id."""
        for page_id, page_hash in page_hashes.items():
            self._rows.remove(page_id, page_hash)
            self._assigned.pop(page_id, None)
            if self._directory is not None:
                self._directory.removed(page_id)

    def read(self, page_hashes: Mapping[str, str]) -> dict[str, PageEmbedding]:
        """Read pages as they are in the engine, from copies where there are any; those that are gone are left out.

        Args:
            page_hashes: By page id.
        """
        read = {page_id: self._rows.read(page_id, page_hash) for page_id, page_hash in page_hashes.items()}
        found = {page_id: embedding for page_id, embedding in read.items() if embedding is not None}
        missing = [page_id for page_id in read if page_id not in found]
        for start in range(0, len(missing), _REBUILD_PAGES):
            found.update(self._rebuilt(missing[start : start + _REBUILD_PAGES]))
        return found

    def _rebuilt(self, page_ids: Sequence[str]) -> dict[str, PageEmbedding]:
        """Read pages from the engine, a few milliseconds each, and write their copies again."""
        with self._session.using("reading"):
            found = self._with_hashes(page_ids)
            for page_id, (page_hash, embedding) in found.items() if self._keeps_rows else ():
                with suppress(OSError):  # a copy: reading works on a full disk too, only slower
                    self._rows.write(page_id, page_hash, embedding)
                    if self._directory is not None:
                        self._directory.wrote(page_id, page_hash)
        return {page_id: embedding for page_id, (_, embedding) in found.items()}

    def _from_engine(self, page_ids: Sequence[str]) -> dict[str, PageEmbedding]:
        return {page_id: embedding for page_id, (_, embedding) in self._with_hashes(page_ids).items()}

    def _with_hashes(self, page_ids: Sequence[str]) -> dict[str, tuple[str, PageEmbedding]]:
        if not page_ids:
            return {}
        ids: list[edge.PointId] = list(page_ids)
        with self._session.using("reading") as shards:
            rows = shards.pages.retrieve(ids, with_payload=[PAGE_HASH, REGIONS], with_vector=[FULL])
            payloads = {str(row.id): self._session.payload(row) for row in rows}
            return {
                str(row.id): (payloads[str(row.id)][PAGE_HASH], page_embedding(row, payloads[str(row.id)]))
                for row in rows
            }

    def listing(self) -> RowListing | None:
        """Tell what of the segments counts; None where there are no lists."""
        with self._session.using("searching"):
            if self._directory is None and self._rows.packed().centroids is None:
                return None
            return self._known().listing()

    def matches(self, vectors: FloatArray, *, n_rows: int) -> RowMatches | None:
        """Find rows near those of a query; None where there are no lists."""
        for _ in range(_MOST_TRIES):  # maintenance may publish in between
            listing = self.listing()
            found = None if listing is None else self._search.matches(listing, vectors, n_rows=n_rows)
            if listing is None or found is not None:
                return found
        return None

    def pack_some(self) -> bool:
        """Work on the segments for a moment; whether there is more to do. Others get in between two calls."""
        with self._one_packs:
            if self._packing is None:
                self._packing = self._steps()
            end = time.monotonic() + _WORK_S
            while time.monotonic() < end:
                try:
                    next(self._packing)
                except StopIteration:
                    self._packing = None
                    return False
                except BaseException:
                    self._packing = None
                    raise
            return True

    def close(self) -> None:
        """Leave nothing half written."""
        with self._one_packs:
            if self._packing is not None:
                self._packing.close()
                self._packing = None

    def _steps(self) -> Generator[None, None, None]:
        with self._session.using("maintaining"):
            job = self._planned()
            if job is None:
                return
            assigned = dict(self._assigned)
        with suppress(OSError):  # copies: what is on a full disk stays as it was
            manifest = yield from self._packer.carry_out(job, assigned)
            with self._session.using("maintaining"):
                self._publish(manifest, job)
        self._rows.segments.sweep()

    def _planned(self) -> Job | None:
        directory = self._known()
        if not self._is_swept:  # this process leaves nothing, so once is enough
            self._rows.sweep(directory.page_hashes)
            self._is_swept = True
        packed = self._rows.packed()
        job = plan(directory, packed, least_pages=self.least_pages, keeps_rows=self._keeps_rows)
        if job is None or not has_room_to_rearrange(self._session.folder, size_on_disk(self._folder)):
            return None
        directory.touched.clear()
        return job

    def _publish(self, manifest: Manifest, job: Job) -> None:
        """Let new segments count, but for pages that were written or removed while they were made."""
        old = self._known()
        self._rows.segments.publish(manifest)
        new = RowDirectory(self._rows.packed(), old.page_hashes, old.touched)
        self._directory = new
        for page_id, page_hash in job.page_hashes.items():
            if page_id in new.page_hashes and page_id not in new.unlisted:
                self._rows.remove(page_id, page_hash)
                self._assigned.pop(page_id, None)

    def _known(self) -> RowDirectory:
        """Compare segments with the engine, once; afterwards every write is followed. The caller holds the session."""
        if self._directory is None:
            points = self._session.scroll("pages", None, with_payload=[PAGE_HASH])
            page_hashes = {str(point.id): str(self._session.payload(point)[PAGE_HASH]) for point in points}
            loose = self._rows.loose()
            fresh = {page_id for page_id, page_hash in page_hashes.items() if loose_name(page_id, page_hash) in loose}
            self._directory = RowDirectory(self._rows.packed(), page_hashes, fresh | self._assigned.keys())
        return self._directory
