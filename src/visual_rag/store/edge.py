"""The embedded store: a folder on this machine, searched by Qdrant Edge in this process.

    with EdgeStore.create(folder, passport) as store:
        store.upsert(points)
        store.query(QueryPlan(vectors=query.vectors, limit=5))

The folder's parts are named in `edge_folder.py`. One process opens it at a time. Every call holds the interpreter's
lock while it works, so whatever serves requests keeps the store in a process of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import qdrant_edge as edge

from visual_rag.errors import InvalidInput, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord, PageEmbedding, PagePoint, PageRecord, ScoredPage, make_document_id
from visual_rag.scoring import normalise_rows
from visual_rag.store.checks import check_page_id, check_points, check_query
from visual_rag.store.edge_engine import compile_filter, translating
from visual_rag.store.edge_folder import ROWS, Shards, claim, close_shards, enter, finish_creation, load_shards
from visual_rag.store.filters import Filter
from visual_rag.store.lock import FolderLock
from visual_rag.store.protocol import QueryPlan, StoreSize
from visual_rag.store.rows import PageRows, size_on_disk
from visual_rag.store.schema import (
    FULL,
    N_VECTORS,
    PAGE_HASH,
    POOLED,
    REGIONS,
    ledger_payload,
    ledger_record,
    page_payload,
    page_record,
    regions_from_payload,
    regions_payload,
)

_PASSPORT_ID = make_document_id("visual_rag:passport")  # no source has such a URI
_BATCH_BYTES = 8 * 2**20  # of float32 values; as Python lists, on their way into the engine, eight times that
_SCROLL_PAGES = 256
_REBUILD_PAGES = 32
_WITHOUT_REGIONS = edge.PayloadSelector.Exclude([REGIONS])


class EdgeStore:
    """A `PageStore` in a local folder. Make one with `create` or `open`; it is a context manager."""

    def __init__(self, folder: Path, lock: FolderLock, shards: Shards, passport: IndexPassport) -> None:
        self._folder = folder
        self._lock = lock
        self._shards: Shards | None = shards
        self._passport = passport
        self._rows = PageRows(folder / ROWS, dim=passport.model.dim, datatype=passport.datatype)

    @classmethod
    def create(cls, folder: Path, passport: IndexPassport) -> Self:
        """Make an empty index in a folder that does not exist, is empty, or holds a creation that broke off.

        Raises:
            StoreError: The folder holds an index, or files that are none of ours; nothing is touched.
            StoreLocked: Somebody is creating or using an index there.
            InvalidInput: The passport asks for an unknown datatype.
        """
        folder = Path(folder).resolve()
        with translating(folder, "creating"), ExitStack() as undo:
            lock, shards = claim(folder, passport, undo)
            _put(shards.documents, _PASSPORT_ID, passport.as_dict())
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
            StoreError: The engine cannot read it.
        """
        folder = Path(folder).resolve()
        with translating(folder, "opening"), ExitStack() as undo:
            lock, shards = enter(folder, undo)
            stored = shards.documents.retrieve([_PASSPORT_ID], with_payload=True, with_vector=False)
            if not stored:
                raise StoreError(
                    f"index '{folder.name}' has lost its passport; ingest the documents into a new index",
                    collection=folder.name,
                )
            passport = IndexPassport.from_dict(_payload(stored[0]))
            undo.pop_all()
        return cls(folder, lock, shards, passport)

    @property
    def passport(self) -> IndexPassport:
        """What the index was built with."""
        return self._passport

    def upsert(self, points: Sequence[PagePoint]) -> None:
        """Write pages, replacing those of the same id; see `PageStore.upsert`."""
        shards = self._open_shards()
        check_points(points, self._passport.model.dim)
        self._check_payloads({point.page_id: point.payload for point in points})
        for batch in _by_bytes(points):
            with self._translating("writing pages into"):
                self._write(shards.pages, batch)

    def _write(self, pages: edge.EdgeShard, batch: Sequence[PagePoint]) -> None:
        replaced = self._page_hashes([point.page_id for point in batch])
        written = {point.page_id: str(point.payload[PAGE_HASH]) for point in batch}
        with ExitStack() as undo:
            for point in batch:
                self._rows.write(point.page_id, written[point.page_id], point.embedding)
                undo.callback(self._rows.remove, point.page_id, written[point.page_id])
            pages.update(edge.UpdateOperation.upsert_points([_engine_point(point) for point in batch]))
            undo.pop_all()
        self._remove_rows({page_id: old for page_id, old in replaced.items() if old != written[page_id]})

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition. Disk space comes back with `maintain`."""
        pages = self._open_shards().pages
        compiled = compile_filter(condition)
        rows = self._scroll(pages, compiled, with_payload=[PAGE_HASH])
        removed = {str(row.id): str(_payload(row)[PAGE_HASH]) for row in rows}
        with self._translating("deleting pages from"):
            pages.update(edge.UpdateOperation.delete_points(list(removed)))
        self._remove_rows(removed)

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages whose vectors and regions stay.

        Raises:
            InvalidInput: A page is not in the store; nothing is written.
        """
        shard = self._open_shards().pages
        stored = self._page_hashes([page.page_id for page in pages])
        self._check_present([page.page_id for page in pages], stored.keys())
        payloads = {page.page_id: page_payload(page) for page in pages}
        self._check_payloads(payloads)
        for page in pages:
            with self._translating("writing payload into"):
                shard.update(edge.UpdateOperation.set_payload([page.page_id], payloads[page.page_id]))
            if stored[page.page_id] != page.page_hash:
                self._rows.remove(page.page_id, stored[page.page_id])

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        pages = self._open_shards().pages
        compiled = compile_filter(condition)
        with self._translating("counting pages of"):
            return pages.count(edge.CountRequest(exact=True, filter=compiled))

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages, in no particular order."""
        pages = self._open_shards().pages
        for row in self._scroll(pages, compile_filter(condition), with_payload=_WITHOUT_REGIONS):
            yield page_record(str(row.id), _payload(row))

    def _scroll(
        self, shard: edge.EdgeShard, condition: edge.Filter | None, *, with_payload: Any
    ) -> Iterator[edge.Record]:
        offset = None
        while True:
            request = edge.ScrollRequest(
                offset=offset, limit=_SCROLL_PAGES, filter=condition, with_payload=with_payload, with_vector=False
            )
            with self._translating("reading"):
                rows, offset = shard.scroll(request)
            yield from rows
            if offset is None:
                return

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back full multi-vectors and regions, in order: from the row files, else from the engine.

        Raises:
            InvalidInput: A page is not in the store.
        """
        shard = self._open_shards().pages
        page_ids = [page.page_id for page in pages]
        with self._translating("reading"):
            present = {str(row.id) for row in shard.retrieve(list(page_ids), with_payload=False, with_vector=False)}
        self._check_present(page_ids, present)
        found = {page.page_id: self._rows.read(page.page_id, page.page_hash) for page in pages}
        missing = [page_id for page_id, embedding in found.items() if embedding is None]
        found.update(self._rebuild(shard, missing))
        return [embedding for page_id in page_ids if (embedding := found[page_id]) is not None]

    def _rebuild(self, shard: edge.EdgeShard, page_ids: Sequence[str]) -> Iterator[tuple[str, PageEmbedding]]:
        """Read pages from the engine, a few milliseconds each, and write their row files again."""
        for start in range(0, len(page_ids), _REBUILD_PAGES):
            some: list[edge.PointId] = list(page_ids[start : start + _REBUILD_PAGES])
            with self._translating("reading"):
                rows = shard.retrieve(some, with_payload=[PAGE_HASH, REGIONS], with_vector=[FULL])
            for row in rows:
                payload, page_id = _payload(row), str(row.id)
                embedding = _embedding(row, payload)
                with suppress(OSError):  # a copy: reading works on a full disk too, only slower
                    self._rows.write(page_id, payload[PAGE_HASH], embedding)
                yield page_id, embedding

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Run one search, best page first and equal scores by page id; the score is MaxSim."""
        pages = self._open_shards().pages
        check_query(plan, self._passport.model.dim)
        if plan.limit == 0 or plan.shortlist == 0:
            return []
        condition = compile_filter(plan.filter)
        with self._translating("searching"):
            rows = pages.query(_request(plan, condition))
        scored = [ScoredPage(page=page_record(str(row.id), _payload(row)), score=float(row.score)) for row in rows]
        return sorted(scored, key=lambda row: (-row.score, row.page.page_id))

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record, replacing that of the same document."""
        documents = self._open_shards().documents
        with self._translating("writing the ledger of"):
            _put(documents, record.document.document_id, ledger_payload(record))

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        rows = self._scroll(self._open_shards().documents, None, with_payload=True)
        records = [ledger_record(_payload(row)) for row in rows if str(row.id) != _PASSPORT_ID]
        return sorted(records, key=lambda record: record.document.source_uri)

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record, if it is there; its pages are removed by `delete`."""
        documents = self._open_shards().documents
        with self._translating("writing the ledger of"):
            documents.update(edge.UpdateOperation.delete_points([document_id]))

    def size(self) -> StoreSize:
        """Count pages, documents and vectors, and the bytes that the folder takes on disk."""
        shards = self._open_shards()
        n_vectors = [
            int(_payload(row)[N_VECTORS]) for row in self._scroll(shards.pages, None, with_payload=[N_VECTORS])
        ]
        with self._translating("counting documents of"):
            n_documents = shards.documents.count(edge.CountRequest(exact=True)) - 1  # the passport is no document
        return StoreSize(
            n_pages=len(n_vectors),
            n_documents=n_documents,
            n_vectors=sum(n_vectors),
            size_bytes=size_on_disk(self._folder),
        )

    def maintain(self) -> None:
        """Merge what was written, give back the space of what was deleted, and bring everything to disk.

        Cheap when nothing changed. The engine frees space only when it is closed, so a shard that was rearranged is
        opened again; for that moment it takes twice its space.
        """
        shards = self._open_shards()
        with self._translating("maintaining"):
            is_rearranged = [shard.optimize() for shard in shards]
            for shard in shards:
                shard.flush()
            if any(is_rearranged):
                self._shards = None
                close_shards(shards)
                self._shards = load_shards(self._folder)

    def close(self) -> None:
        """Release the index; a closed store cannot be used again. A second call does nothing."""
        shards, self._shards = self._shards, None
        try:
            if shards is not None:
                with self._translating("closing"):
                    close_shards(shards)
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_shards(self) -> Shards:
        if self._shards is None:
            raise StoreError(
                f"index '{self._folder.name}' is closed; open it again with EdgeStore.open",
                collection=self._folder.name,
            )
        return self._shards

    def _translating(self, doing: str) -> AbstractContextManager[None]:
        return translating(self._folder, doing)

    def _page_hashes(self, page_ids: Sequence[str]) -> dict[str, str]:
        """Page hashes by page id, of those pages that are in the store."""
        for page_id in page_ids:
            check_page_id(page_id)
        with self._translating("reading"):
            rows = self._open_shards().pages.retrieve(list(page_ids), with_payload=[PAGE_HASH], with_vector=False)
        return {str(row.id): str(_payload(row)[PAGE_HASH]) for row in rows}

    def _check_payloads(self, payloads: Mapping[str, Mapping[str, Any]]) -> None:
        """Show the engine every payload before anything is written: only it knows what it takes."""
        for page_id, payload in payloads.items():
            with self._translating("writing pages into"):
                edge.Point(page_id, {}, dict(payload))

    def _check_present(self, page_ids: Sequence[str], present: Any) -> None:
        missing = [page_id for page_id in page_ids if page_id not in present]
        if missing:
            raise InvalidInput(
                f"{len(missing)} of {len(page_ids)} pages are not in index '{self._folder.name}', the first is "
                f"{missing[0]}; they were removed or never ingested, search again"
            )

    def _remove_rows(self, page_hashes: Mapping[str, str]) -> None:
        for page_id, page_hash in page_hashes.items():
            self._rows.remove(page_id, page_hash)


def _request(plan: QueryPlan, condition: edge.Filter | None) -> edge.QueryRequest:
    vectors = plan.vectors.tolist()
    prefetches = None
    if plan.shortlist is not None:
        nearest = edge.Query.Nearest(vectors, using=POOLED)
        prefetches = [edge.Prefetch(limit=plan.shortlist, query=nearest, filter=condition)]
    return edge.QueryRequest(
        limit=plan.limit,
        query=edge.Query.Nearest(vectors, using=FULL),
        prefetches=prefetches,
        filter=condition,
        with_payload=_WITHOUT_REGIONS,
        with_vector=False,
    )


def _engine_point(point: PagePoint) -> edge.Point:
    vectors = {FULL: point.embedding.vectors.tolist(), POOLED: point.pooled.tolist()}  # twice as fast as arrays
    return edge.Point(point.page_id, vectors, {**point.payload, REGIONS: regions_payload(point.embedding)})


def _embedding(row: edge.Record, payload: Mapping[str, Any]) -> PageEmbedding:
    vectors = row.vector[FULL] if isinstance(row.vector, dict) else None
    regions, is_patch = regions_from_payload(payload[REGIONS])
    return PageEmbedding(
        vectors=normalise_rows(np.asarray(vectors, dtype=np.float32)), regions=regions, is_patch=is_patch
    )


def _payload(row: edge.Record | edge.ScoredPoint) -> dict[str, Any]:
    return row.payload or {}


def _put(shard: edge.EdgeShard, point_id: str, payload: Mapping[str, Any]) -> None:
    shard.update(edge.UpdateOperation.upsert_points([edge.Point(point_id, {}, dict(payload))]))


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
