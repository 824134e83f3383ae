"""The embedded store: a folder on this machine, searched by Qdrant Edge in this process.

    with EdgeStore.create(folder, passport) as store:
        store.upsert(points)
        store.query(QueryPlan(vectors=query.vectors, limit=5))

The folder's parts are named in `edge_folder.py`. One process opens it at a time. Every call holds the interpreter's
lock while it works, so whatever serves requests keeps the store in a process of its own.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import qdrant_edge as edge

from visual_rag.errors import InvalidInput
from visual_rag.passport import IndexPassport
from visual_rag.records import (
    DocumentRecord,
    FloatArray,
    PageEmbedding,
    PagePoint,
    PageRecord,
    RowMatches,
    ScoredPage,
)
from visual_rag.store.bm25 import TextAnalyser, check_language
from visual_rag.store.checks import check_page_id, check_points, check_query
from visual_rag.store.edge_documents import IS_DOCUMENT, PASSPORT_ID, get, grow_fields, put, read_fields
from visual_rag.store.edge_engine import check_storable, translating
from visual_rag.store.edge_filters import compile_filter
from visual_rag.store.edge_folder import DOCUMENTS, PAGES, ROWS, Shards, claim, damaged, enter, finish_creation
from visual_rag.store.edge_points import (
    WITHOUT_REGIONS,
    MakeRequest,
    best_pages,
    by_bytes,
    page_point,
    search_request,
    text_change,
    text_request,
)
from visual_rag.store.edge_rows import EdgeRows
from visual_rag.store.edge_session import EdgeSession
from visual_rag.store.field_kinds import Kinds, kinds_of, merge, path_keys
from visual_rag.store.files import size_on_disk
from visual_rag.store.filters import Filter
from visual_rag.store.lock import FolderLock
from visual_rag.store.protocol import FieldKind, QueryPlan, StoreSize, TextPlan
from visual_rag.store.row_directory import RowListing
from visual_rag.store.row_packing import AssignedPage
from visual_rag.store.schema import (
    METADATA,
    N_VECTORS,
    PAGE_HASH,
    PAGE_ID,
    TEXT_LAYER,
    ledger_payload,
    ledger_record,
    page_payload,
    page_record,
)

_FLUSH_BYTES = 64 * 2**20  # of float32 values; on disk the write-ahead log takes one and a half times that


class EdgeStore:
    """A `PageStore` and `RowMatcher` in a local folder. Make one with `create` or `open`; it is a context manager.

    Attributes:
        rows: Copies of the pages' rows beside the engine, and the lists of them.
    """

    def __init__(self, folder: Path, lock: FolderLock, shards: Shards, passport: IndexPassport) -> None:
        self._folder = folder
        self._session = EdgeSession(folder, lock, shards)
        self._passport = passport
        self._analyser = TextAnalyser(passport.text_language)
        self._fields: Kinds = read_fields(shards.documents)
        self._revision = 0
        self._unflushed_bytes = 0
        self.rows = EdgeRows(self._session, passport)

    @classmethod
    def create(cls, folder: Path, passport: IndexPassport) -> Self:
        """Make an empty index in a folder that does not exist, is empty, or holds a creation that broke off.

        Raises:
            StoreError: The folder holds an index, or files that are none of ours; nothing is touched.
            StoreLocked: Somebody is creating or using an index there.
            StoreUnavailable: The disk is too full.
            InvalidInput: The passport asks for an unknown datatype or text language.
        """
        check_language(passport.text_language)
        folder = Path(folder).resolve()
        with translating(folder, "creating"), ExitStack() as undo:
            lock, shards = claim(folder, passport, undo)
            put(shards.documents, PASSPORT_ID, passport.as_dict())
            finish_creation(folder, shards)
            store = cls(folder, lock, shards, passport)
            undo.pop_all()
        return store

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
            stored = get(shards.documents, PASSPORT_ID)
            if stored is None:
                raise damaged(folder, "its passport is gone")
            store = cls(folder, lock, shards, IndexPassport.from_dict(stored))
            undo.pop_all()
        return store

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
        for batch in by_bytes(points):
            assigned = self.rows.assigned(batch)  # before others are kept waiting
            with self._writing_pages("writing pages into") as shards:
                self._grow_fields(point.payload[METADATA] for point in batch)
                self._write(shards.pages, batch, assigned)

    def _write(self, pages: edge.EdgeShard, batch: Sequence[PagePoint], assigned: Mapping[str, AssignedPage]) -> None:
        with self.rows.replacing(batch, self._hashes([point.page_id for point in batch])):
            pages.update(edge.UpdateOperation.upsert_points([page_point(point, self._analyser) for point in batch]))
        self.rows.keep_assigned(assigned)
        self._unflushed_bytes += sum(point.embedding.vectors.nbytes for point in batch)
        if self._unflushed_bytes >= _FLUSH_BYTES:  # the write-ahead log keeps all that was written since
            pages.flush()
            self._unflushed_bytes = 0

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition. Disk space comes back with `maintain`."""
        compiled = compile_filter(condition)
        with self._writing_pages("deleting pages from") as shards:
            rows = self._session.scroll("pages", compiled, with_payload=[PAGE_HASH])
            removed = {str(row.id): str(self._session.payload(row)[PAGE_HASH]) for row in rows}
            shards.pages.update(edge.UpdateOperation.delete_points(list(removed)))
            self.rows.remove(removed)

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages whose vectors and regions stay.

        Raises:
            InvalidInput: A page is not in the store; nothing is written.
        """
        payloads = {page.page_id: page_payload(page) for page in pages}
        for page_id, payload in payloads.items():
            check_storable(page_id, payload)
        with self._writing_pages("writing payload into") as shards:
            stored = self._stored(list(payloads), [PAGE_HASH, TEXT_LAYER])
            self._check_present(list(payloads), stored)
            self._grow_fields(page.metadata for page in pages)
            for page_id, payload in payloads.items():
                self._rewrite(shards.pages, page_id, stored[page_id], payload)

    def _rewrite(self, pages: edge.EdgeShard, page_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Write the words first: if a kill comes in between, the text is still the old one and is seen to differ."""
        if old[TEXT_LAYER] != new[TEXT_LAYER]:
            pages.update(text_change(page_id, self._analyser.document(new[TEXT_LAYER])))
        pages.update(edge.UpdateOperation.set_payload([page_id], dict(new)))
        if old[PAGE_HASH] != new[PAGE_HASH]:
            self.rows.renamed(page_id, old[PAGE_HASH], new[PAGE_HASH])

    def _grow_fields(self, metadata: Iterable[Mapping[str, Any]]) -> None:
        seen: Kinds = {}
        for fields in metadata:
            seen = merge(seen, kinds_of(fields))
        with self._session.using("writing the fields of") as shards:
            grown = merge(self._fields, seen)
            if grown != self._fields:
                grow_fields(shards, known=self._fields, grown=grown)
                self._fields = grown

    def fields(self) -> Mapping[str, frozenset[FieldKind]]:
        """Name the metadata fields that were ever written, nested ones with dots, and what they held."""
        with self._session.using("reading"):
            return dict(self._fields)

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        compiled = compile_filter(condition)
        with self._session.using("counting pages of") as shards:
            return shards.pages.count(edge.CountRequest(exact=True, filter=compiled))

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages, in no particular order."""
        for row in self._session.scroll("pages", compile_filter(condition), with_payload=WITHOUT_REGIONS):
            yield page_record(str(row.id), self._session.payload(row))

    def values(self, key: str, condition: Filter | None = None) -> Iterator[tuple[str, Any]]:
        """Read one payload field of all pages that have it: (page id, value), in no particular order.

        Raises:
            InvalidInput: The key is `page_id`, which is no field, or cannot be read.
        """
        if key == PAGE_ID:
            raise InvalidInput(f"'{PAGE_ID}' is no field of a page's payload; go through the pages by `scroll`")
        rows = self._session.scroll("pages", compile_filter(condition), with_payload=[key])
        return ((str(row.id), value) for row in rows for value in _values_at(row.payload or {}, path_keys(key)))

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back full multi-vectors and regions, in order: from their copies, else from the engine.

        Raises:
            InvalidInput: A page is not in the store.
        """
        page_ids = [page.page_id for page in pages]
        hashes = self._hashes(page_ids)
        self._check_present(page_ids, hashes)
        found = self.rows.read(hashes)
        self._check_present(page_ids, found)  # again: another thread may have deleted some
        return [found[page_id] for page_id in page_ids]

    def row_matches(self, vectors: FloatArray, *, n_rows: int) -> RowMatches | None:
        """Find rows of the index that lie near the rows of a query; see `RowMatcher`."""
        check_query(QueryPlan(vectors=vectors, limit=0), self._passport.model.dim)
        return self.rows.matches(vectors, n_rows=n_rows)

    def row_listing(self) -> RowListing | None:
        """Tell what of the lists counts, for a parent process that reads them itself; see `RowKeeper`."""
        return self.rows.listing()

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Run one search, best page first and equal scores by page id; the score is MaxSim.

        A shortlist is the same each time; which of the pages that tie at its end are in it, the engine decides.
        """
        check_query(plan, self._passport.model.dim)
        limit = 0 if plan.shortlist == 0 else plan.limit
        return self._found(search_request(plan, compile_filter(plan.filter)), limit)

    def query_batch(self, plans: Sequence[QueryPlan]) -> list[list[ScoredPage]]:
        """Run several searches, in order, between two writes."""
        for plan in plans:
            check_query(plan, self._passport.model.dim)
        with self._session.using("searching"):
            return [self.query(plan) for plan in plans]

    def query_text(self, plan: TextPlan) -> list[ScoredPage]:
        """Search the text layers, best page first and equal scores by page id; the score is BM25, above 0.

        Raises:
            InvalidInput: The limit is negative.
        """
        if plan.limit < 0:
            raise InvalidInput(f"limit is {plan.limit}; it is a number of pages, 0 or more")
        condition, words = compile_filter(plan.filter), self._analyser.query(plan.text)
        return [] if words is None else self._found(text_request(words, condition), plan.limit)

    def _found(self, make_request: MakeRequest, limit: int) -> list[ScoredPage]:
        with self._session.using("searching") as shards:
            ranked = best_pages(shards.pages, make_request, limit)
            stored = self._stored([page_id for page_id, _ in ranked], WITHOUT_REGIONS)
        return [ScoredPage(page=page_record(page_id, stored[page_id]), score=score) for page_id, score in ranked]

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record, replacing that of the same document."""
        with self._session.writing("writing the ledger of") as shards:
            put(shards.documents, record.document.document_id, ledger_payload(record))

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        rows = self._session.scroll("documents", IS_DOCUMENT, with_payload=True)
        records = [ledger_record(self._session.payload(row)) for row in rows]
        return sorted(records, key=lambda record: record.document.source_uri)

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record, if it is there; its pages are removed by `delete`."""
        with self._session.writing("writing the ledger of") as shards:
            shards.documents.update(edge.UpdateOperation.delete_points([document_id]))

    def size(self) -> StoreSize:
        """Count pages, documents and vectors, and the bytes that the folder takes on disk."""
        rows = self._session.scroll("pages", None, with_payload=[N_VECTORS])
        n_vectors = [int(self._session.payload(row)[N_VECTORS]) for row in rows]
        with self._session.using("counting documents of") as shards:
            n_documents = shards.documents.count(edge.CountRequest(exact=True, filter=IS_DOCUMENT))
        return StoreSize(
            n_pages=len(n_vectors),
            n_documents=n_documents,
            n_vectors=sum(n_vectors),
            size_bytes=sum(size_on_disk(self._folder / part) for part in (PAGES, DOCUMENTS, ROWS)),
        )

    def maintain(self) -> None:
        """Merge what was written, give back the space of what was deleted, and bring everything to disk.

        Cheap when nothing changed.
        """
        while self.pack_some():
            pass
        with self._session.writing("maintaining") as shards:
            self._session.rearrange(shards)

    def pack_some(self) -> bool:
        """Do a part of `maintain` that others need not wait for; whether there is more of it."""
        with self._session.writing("maintaining"):
            pass  # refuses where nothing may be written
        return self.rows.pack_some()

    def close(self) -> None:
        """Release the index; a closed store cannot be used again. A second call does nothing.

        Raises:
            StoreError: The last writes could not be brought to disk, such as when the folder was deleted meanwhile.
        """
        self.rows.close()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _writing_pages(self, doing: str) -> Iterator[Shards]:
        with self._session.writing(doing) as shards:
            self._revision += 1
            yield shards

    def _stored(self, page_ids: Sequence[str], with_payload: Any) -> dict[str, dict[str, Any]]:
        """Read payloads by page id, of those pages that are in the store."""
        for page_id in page_ids:
            check_page_id(page_id)
        with self._session.using("reading") as shards:
            rows = shards.pages.retrieve(list(page_ids), with_payload=with_payload, with_vector=False)
            return {str(row.id): self._session.payload(row) for row in rows}

    def _hashes(self, page_ids: Sequence[str]) -> dict[str, str]:
        """Read page hashes by page id, of those pages that are in the store."""
        return {page_id: str(stored[PAGE_HASH]) for page_id, stored in self._stored(page_ids, [PAGE_HASH]).items()}

    def _check_present(self, page_ids: Sequence[str], present: Container[str]) -> None:
        missing = [page_id for page_id in page_ids if page_id not in present]
        if missing:
            raise InvalidInput(
                f"{len(missing)} of {len(page_ids)} pages are not in index '{self._folder.name}', the first is "
                f"{missing[0]}; they were removed or never ingested, search again"
            )


def _values_at(payload: Mapping[str, Any], keys: Sequence[str]) -> Iterator[Any]:
    """Give the one value that the keys lead to, or nothing."""
    value: Any = payload
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return
        value = value[key]
    yield value
