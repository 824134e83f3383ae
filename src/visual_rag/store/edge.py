"""The embedded store: a folder on this machine, searched by Qdrant Edge in this process.

    with EdgeStore.create(folder, passport) as store:
        store.upsert(points)
        store.query(QueryPlan(vectors=query.vectors, limit=5))

The folder's parts are named in `edge_folder.py`. One process opens it at a time. Every call holds the interpreter's
lock while it works, so whatever serves requests keeps the store in a process of its own.
"""

import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import qdrant_edge as edge

from visual_rag.errors import InvalidInput, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord, PageEmbedding, PagePoint, PageRecord, ScoredPage, make_document_id
from visual_rag.store.checks import check_page_id, check_points, check_query
from visual_rag.store.edge_engine import check_storable, compile_filter, translating
from visual_rag.store.edge_folder import (
    DOCUMENTS,
    PAGES,
    ROWS,
    Shards,
    claim,
    close_shards,
    damaged,
    enter,
    finish_creation,
    load_shards,
)
from visual_rag.store.edge_points import WITHOUT_REGIONS, page_embedding, page_point, put, search_request
from visual_rag.store.files import size_on_disk
from visual_rag.store.filters import Filter
from visual_rag.store.lock import FolderLock
from visual_rag.store.protocol import QueryPlan, StoreSize
from visual_rag.store.rows import PageRows
from visual_rag.store.schema import (
    FULL,
    N_VECTORS,
    PAGE_HASH,
    REGIONS,
    ledger_payload,
    ledger_record,
    page_payload,
    page_record,
)
from visual_rag.store.space import WRITING_BYTES, check_room, has_room_to_rearrange

_PASSPORT_ID = make_document_id("visual_rag:passport")  # no source has such a URI
_FLUSH_BYTES = 64 * 2**20  # likewise; on disk the write-ahead log takes one and a half times that
_BATCH_BYTES = 8 * 2**20  # of float32 values; as Python lists, on their way into the engine, eight times that
_SCROLL_PAGES = 256
_REBUILD_PAGES = 32


class EdgeStore:
    """A `PageStore` in a local folder. Make one with `create` or `open`; it is a context manager."""

    def __init__(self, folder: Path, lock: FolderLock, shards: Shards, passport: IndexPassport) -> None:
        self._folder = folder
        self._lock = lock
        self._shards: Shards | None = shards
        self._passport = passport
        self._revision = 0
        self._is_swept = False
        self._unflushed_bytes = 0
        self._guard = threading.RLock()  # so that no thread meets the shards while `maintain` opens them again
        self._rows = PageRows(folder / ROWS, dim=passport.model.dim, datatype=passport.datatype)

    @classmethod
    def create(cls, folder: Path, passport: IndexPassport) -> Self:
        """Make an empty index in a folder that does not exist, is empty, or holds a creation that broke off.

        Raises:
            StoreError: The folder holds an index, or files that are none of ours; nothing is touched.
            StoreLocked: Somebody is creating or using an index there.
            StoreUnavailable: The disk is too full.
            InvalidInput: The passport asks for an unknown datatype.
        """
        folder = Path(folder).resolve()
        with translating(folder, "creating"), ExitStack() as undo:
            lock, shards = claim(folder, passport, undo)
            put(shards.documents, _PASSPORT_ID, passport.as_dict())
            finish_creation(folder, shards)
            undo.pop_all()
        return cls(folder, lock, shards, passport)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index in a folder.

        Raises:
            CollectionNotFound: There is none, or its creation broke off.
            StoreLocked: Somebody has it open; the message says who.
            PassportMismatch: A release with another schema wrote it.
            StoreUnavailable: The disk is too full.
            StoreError: The engine cannot read it, or may not write there: it does even to search.
        """
        folder = Path(folder).resolve()
        with translating(folder, "opening"), ExitStack() as undo:
            lock, shards = enter(folder, undo)
            stored = shards.documents.retrieve([_PASSPORT_ID], with_payload=True, with_vector=False)
            if not stored or not stored[0].payload:
                raise damaged(folder, "its passport is gone")
            passport = IndexPassport.from_dict(stored[0].payload)
            undo.pop_all()
        return cls(folder, lock, shards, passport)

    @property
    def passport(self) -> IndexPassport:
        """What the index was built with."""
        return self._passport

    @property
    def revision(self) -> int:
        """Grows with every write to the pages."""
        return self._revision

    def upsert(self, points: Sequence[PagePoint]) -> None:
        """Write pages, replacing those of the same id; see `PageStore.upsert`."""
        check_points(points, self._passport.model.dim)
        for point in points:
            check_storable(point.page_id, point.payload)
        for batch in _by_bytes(points):
            with self._writing_pages("writing pages into") as shards:
                self._write(shards.pages, batch)

    def _write(self, pages: edge.EdgeShard, batch: Sequence[PagePoint]) -> None:
        replaced = self._page_hashes([point.page_id for point in batch])
        written = {point.page_id: str(point.payload[PAGE_HASH]) for point in batch}
        with ExitStack() as undo:
            for point in batch:
                self._rows.write(point.page_id, written[point.page_id], point.embedding)
                undo.callback(self._rows.remove, point.page_id, written[point.page_id])
            pages.update(edge.UpdateOperation.upsert_points([page_point(point) for point in batch]))
            undo.pop_all()
        self._unflushed_bytes += sum(point.embedding.vectors.nbytes for point in batch)
        if self._unflushed_bytes >= _FLUSH_BYTES:  # the write-ahead log keeps all that was written since
            pages.flush()
            self._unflushed_bytes = 0
        self._remove_rows({page_id: old for page_id, old in replaced.items() if old != written[page_id]})

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition. Disk space comes back with `maintain`."""
        compiled = compile_filter(condition)
        with self._writing_pages("deleting pages from") as shards:
            rows = self._scroll("pages", compiled, with_payload=[PAGE_HASH])
            removed = {str(row.id): str(self._payload(row)[PAGE_HASH]) for row in rows}
            shards.pages.update(edge.UpdateOperation.delete_points(list(removed)))
            self._remove_rows(removed)

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages whose vectors and regions stay.

        Raises:
            InvalidInput: A page is not in the store; nothing is written.
        """
        payloads = {page.page_id: page_payload(page) for page in pages}
        for page_id, payload in payloads.items():
            check_storable(page_id, payload)
        with self._writing_pages("writing payload into") as shards:
            stored = self._page_hashes(list(payloads))
            self._check_present(list(payloads), stored)
            for page_id, payload in payloads.items():
                shards.pages.update(edge.UpdateOperation.set_payload([page_id], payload))
                if stored[page_id] != payload[PAGE_HASH]:
                    self._rows.remove(page_id, stored[page_id])

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        compiled = compile_filter(condition)
        with self._using("counting pages of") as shards:
            return shards.pages.count(edge.CountRequest(exact=True, filter=compiled))

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages, in no particular order."""
        for row in self._scroll("pages", compile_filter(condition), with_payload=WITHOUT_REGIONS):
            yield page_record(str(row.id), self._payload(row))

    def _scroll(
        self, part: Literal["pages", "documents"], condition: edge.Filter | None, *, with_payload: Any
    ) -> Iterator[edge.Record]:
        offset = None
        while True:
            request = edge.ScrollRequest(
                offset=offset, limit=_SCROLL_PAGES, filter=condition, with_payload=with_payload, with_vector=False
            )
            with self._using("reading") as shards:
                rows, offset = (shards.pages if part == "pages" else shards.documents).scroll(request)
            yield from rows
            if offset is None:
                return

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back full multi-vectors and regions, in order: from the row files, else from the engine.

        Raises:
            InvalidInput: A page is not in the store.
        """
        page_ids = [page.page_id for page in pages]
        for page_id in page_ids:
            check_page_id(page_id)
        with self._using("reading") as shards:
            rows = shards.pages.retrieve(list(page_ids), with_payload=False, with_vector=False)
        self._check_present(page_ids, {str(row.id) for row in rows})
        read = {page.page_id: self._rows.read(page.page_id, page.page_hash) for page in pages}
        found = {page_id: embedding for page_id, embedding in read.items() if embedding is not None}
        found.update(self._rebuild([page_id for page_id in read if page_id not in found]))
        self._check_present(page_ids, found)  # again: another thread may have deleted some
        return [found[page_id] for page_id in page_ids]

    def _rebuild(self, page_ids: Sequence[str]) -> Iterator[tuple[str, PageEmbedding]]:
        """Read pages from the engine, a few milliseconds each, and write their row files again."""
        for start in range(0, len(page_ids), _REBUILD_PAGES):
            some: list[edge.PointId] = list(page_ids[start : start + _REBUILD_PAGES])
            with self._using("reading") as shards:
                rows = shards.pages.retrieve(some, with_payload=[PAGE_HASH, REGIONS], with_vector=[FULL])
                found = {str(row.id): self._rebuilt(row) for row in rows}
            yield from found.items()

    def _rebuilt(self, row: edge.Record) -> PageEmbedding:
        payload = self._payload(row)
        embedding = page_embedding(row, payload)
        with suppress(OSError):  # a copy: reading works on a full disk too, only slower
            self._rows.write(str(row.id), payload[PAGE_HASH], embedding)
        return embedding

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Run one search, best page first and equal scores by page id; the score is MaxSim."""
        check_query(plan, self._passport.model.dim)
        request = search_request(plan, compile_filter(plan.filter))
        with self._using("searching") as shards:
            rows = [] if plan.shortlist == 0 else shards.pages.query(request)
        scored = [ScoredPage(page=page_record(str(row.id), self._payload(row)), score=float(row.score)) for row in rows]
        return sorted(scored, key=lambda row: (-row.score, row.page.page_id))

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record, replacing that of the same document."""
        with self._writing("writing the ledger of") as shards:
            put(shards.documents, record.document.document_id, ledger_payload(record))

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        rows = self._scroll("documents", None, with_payload=True)
        records = [ledger_record(self._payload(row)) for row in rows if str(row.id) != _PASSPORT_ID]
        return sorted(records, key=lambda record: record.document.source_uri)

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record, if it is there; its pages are removed by `delete`."""
        with self._writing("writing the ledger of") as shards:
            shards.documents.update(edge.UpdateOperation.delete_points([document_id]))

    def size(self) -> StoreSize:
        """Count pages, documents and vectors, and the bytes that the folder takes on disk."""
        n_vectors = [
            int(self._payload(row)[N_VECTORS]) for row in self._scroll("pages", None, with_payload=[N_VECTORS])
        ]
        with self._using("counting documents of") as shards:
            n_documents = shards.documents.count(edge.CountRequest(exact=True)) - 1  # the passport is no document
        return StoreSize(
            n_pages=len(n_vectors),
            n_documents=n_documents,
            n_vectors=sum(n_vectors),
            size_bytes=sum(size_on_disk(self._folder / part) for part in (PAGES, DOCUMENTS, ROWS)),
        )

    def maintain(self) -> None:
        """Merge what was written, give back the space of what was deleted, and bring everything to disk.

        Cheap when nothing changed. The engine frees space only when it is closed, so a shard that was rearranged is
        opened again; for that moment it takes twice its space. Where the disk has no room for that, it waits for the
        next time.
        """
        with self._writing("maintaining") as shards:
            self._sweep_once()
            held_bytes = sum(size_on_disk(self._folder / part) for part in (PAGES, DOCUMENTS))
            has_room = has_room_to_rearrange(self._folder, held_bytes)
            is_rearranged = [shard.optimize() for shard in shards] if has_room else []
            for shard in shards:
                shard.flush()
            if any(is_rearranged):
                self._shards = None
                close_shards(shards)
                self._shards = load_shards(self._folder)

    def _sweep_once(self) -> None:
        """Remove what killed processes left; this one leaves nothing, so once is enough."""
        if not self._is_swept:
            rows = self._scroll("pages", None, with_payload=[PAGE_HASH])
            self._rows.sweep({str(row.id): self._payload(row)[PAGE_HASH] for row in rows})
            self._is_swept = True

    def close(self) -> None:
        """Release the index; a closed store cannot be used again. A second call does nothing.

        Raises:
            StoreError: The last writes could not be brought to disk, such as when the folder was deleted meanwhile.
        """
        with self._guard, ExitStack() as always:
            always.callback(self._lock.release)
            shards, self._shards = self._shards, None
            if shards is not None:
                with translating(self._folder, "closing"):
                    self._close_shards(shards)

    def _close_shards(self, shards: Shards) -> None:
        try:
            close_shards(shards)
        except Exception:  # the engine has no class for it
            self._lock.check_in_place()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _using(self, doing: str) -> Iterator[Shards]:
        """Give the shards to one thread at a time: no loss, since the engine holds the interpreter's lock anyway."""
        with self._guard, translating(self._folder, doing):
            if self._shards is None:
                raise StoreError(
                    f"index '{self._folder.name}' is closed; open it again",
                    collection=self._folder.name,
                )
            yield self._shards

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Shards]:
        """Likewise, for what writes: into the folder that was opened, and only where the engine finds room."""
        with self._using(doing) as shards:
            self._lock.check_in_place()
            check_room(self._folder, WRITING_BYTES, doing)
            yield shards

    @contextmanager
    def _writing_pages(self, doing: str) -> Iterator[Shards]:
        """Likewise, for what changes pages."""
        with self._writing(doing) as shards:
            self._revision += 1
            yield shards

    def _payload(self, row: edge.Record | edge.ScoredPoint) -> dict[str, Any]:
        if not row.payload:
            raise damaged(self._folder, f"the record of page {row.id} is gone")
        return row.payload

    def _page_hashes(self, page_ids: Sequence[str]) -> dict[str, str]:
        """Page hashes by page id, of those pages that are in the store."""
        for page_id in page_ids:
            check_page_id(page_id)
        with self._using("reading") as shards:
            rows = shards.pages.retrieve(list(page_ids), with_payload=[PAGE_HASH], with_vector=False)
        return {str(row.id): str(self._payload(row)[PAGE_HASH]) for row in rows}

    def _check_present(self, page_ids: Sequence[str], present: Container[str]) -> None:
        missing = [page_id for page_id in page_ids if page_id not in present]
        if missing:
            raise InvalidInput(
                f"{len(missing)} of {len(page_ids)} pages are not in index '{self._folder.name}', the first is "
                f"{missing[0]}; they were removed or never ingested, search again"
            )

    def _remove_rows(self, page_hashes: Mapping[str, str]) -> None:
        for page_id, page_hash in page_hashes.items():
            self._rows.remove(page_id, page_hash)


def _by_bytes(points: Sequence[PagePoint]) -> Iterator[list[PagePoint]]:
    batch: list[PagePoint] = []
    size_bytes = 0
    for point in points:
        point_bytes = 4 * (point.embedding.vectors.size + point.pooled.size)
        if batch and size_bytes + point_bytes > _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
        batch.append(point)
        size_bytes += point_bytes
    if batch:
        yield batch
