"""The store on a Qdrant server, cluster or cloud, through qdrant-client.

    with QdrantStore.create(ServerSettings(url="http://localhost:6333"), "manuals", passport) as store:
        store.upsert(points)
        store.query(QueryPlan(vectors=query.vectors, limit=5))

Its two collections are laid out in `qdrant_schema.py`. Threads may share a store, and several processes may open one
index. There is no second implementation for asyncio: call these methods in a thread.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from visual_rag.errors import InvalidInput, MissingDependency, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord, PageEmbedding, PagePoint, PageRecord, ScoredPage
from visual_rag.server_settings import ServerSettings
from visual_rag.store.bm25 import TextAnalyser
from visual_rag.store.checks import check_page_id, check_points, check_query
from visual_rag.store.field_kinds import path_keys
from visual_rag.store.filters import Filter
from visual_rag.store.protocol import FieldKind, QueryPlan, StoreSize, TextPlan
from visual_rag.store.qdrant_aliases import publish, resolver
from visual_rag.store.qdrant_fields import FieldNotes
from visual_rag.store.qdrant_filters import compile_filter
from visual_rag.store.qdrant_ledger import Ledger
from visual_rag.store.qdrant_points import (
    WITHOUT_REGIONS,
    check_storable,
    in_requests,
    n_rows,
    page_embedding,
    page_struct,
    payload_updates,
    point_bytes,
)
from visual_rag.store.qdrant_schema import (
    check_datatype,
    check_layout,
    check_name,
    create_collections,
    documents_name,
)
from visual_rag.store.qdrant_search import best_pages, plan_bytes, search_request, text_request
from visual_rag.store.qdrant_server import Server
from visual_rag.store.schema import (
    FULL,
    N_VECTORS,
    POOLED,
    REGIONS,
    TEXT,
    page_payload,
    page_record,
)

try:
    from qdrant_client import QdrantClient, models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error

_SCROLL_PAGES = 256
_READ_PAGES = 32  # with their vectors
_UPDATE_PAGES = 64
_FEW_HITS = 10_000  # up to here a server is asked for what the plan says, whatever there is
_REGION_BYTES = 12  # of one row, in the payload
_BYTES_OF = {"turbo8": 1.0, "float16": 2.0, "turbo4": 0.5}  # of one value


class QdrantStore:
    """A `PageStore` on a Qdrant server. Make one with `create` or `open`; it is a context manager."""

    def __init__(self, server: Server, passport: IndexPassport, *, is_read_only: bool) -> None:
        self._server = server
        self._pages = server.collection
        self._passport = passport
        self._is_read_only = is_read_only
        self._revision = 0
        self._guard = threading.Lock()
        self._notes = FieldNotes(server)
        self._ledger = Ledger(server)
        self._analyser = TextAnalyser(passport.text_language)

    @classmethod
    def create(
        cls,
        settings: ServerSettings,
        collection: str,
        passport: IndexPassport,
        *,
        client: QdrantClient | None = None,
    ) -> Self:
        """Make an empty index; what a creation that broke off left under its name is replaced.

        Args:
            settings: The server, and how the collections are laid out.
            collection: Name of the pages' collection; the ledger's is called `<name>.documents`.
            passport: What the index is built with.
            client: A client that is ready, instead of the one to `settings.url`; the store never closes it.

        Raises:
            StoreError: There is a collection of that name, or the server refuses the key or the request.
            StoreUnavailable: The server does not answer.
            InvalidInput: The name or the datatype is none, or the settings are read-only.
        """
        check_name(collection)
        check_datatype(passport)
        if settings.read_only:
            raise InvalidInput("an index cannot be created read-only; leave read_only out")
        with ExitStack() as undo:
            server = _server(settings, collection, client)
            undo.callback(server.close)
            create_collections(server, settings, passport)
            store = cls(server, passport, is_read_only=False)
            store._ledger.put_passport(passport)
            undo.pop_all()
        return store

    @classmethod
    def open(cls, settings: ServerSettings, collection: str, *, client: QdrantClient | None = None) -> Self:
        """Open an index by its name, or by an alias that `publish` set.

        An alias is followed once, here: an open store goes on with the collections it opened when the alias moves.

        Args:
            settings: The server. How the collections are laid out was settled at creation.
            collection: Name or alias.
            client: As in `create`.

        Raises:
            CollectionNotFound: There is none, or its creation broke off.
            PassportMismatch: A release with another schema wrote it, or its layout is not what its passport says.
            StoreError: The server refuses the key or the request.
            StoreUnavailable: The server does not answer.
            InvalidInput: The name is none.
        """
        check_name(collection)
        with ExitStack() as undo:
            server = _server(settings, collection, client)
            undo.callback(server.close)
            server.collection = server.ask("opening", resolver(collection))
            info = server.ask("opening", lambda client: client.get_collection(server.collection))
            passport = Ledger(server).passport()
            check_layout(info, passport, server.collection)
            undo.pop_all()
        return cls(server, passport, is_read_only=settings.read_only)

    @property
    def collection(self) -> str:
        """Name of the pages' collection; where the store was opened by an alias, what that stood for."""
        return self._pages

    @property
    def passport(self) -> IndexPassport:
        """What the index was built with."""
        return self._passport

    @property
    def revision(self) -> int:
        """Grows with every write to the pages through this object.

        Others may write to a server. That is noticed only where a page that was found is gone when its vectors are
        read, and counts as a write.
        """
        return self._revision

    def upsert(self, points: Sequence[PagePoint]) -> None:
        """Write pages, replacing those of the same id; see `PageStore.upsert`.

        Many pages go in several requests: where one fails, those before it are written.
        """
        check_points(points, self._passport.model.dim)
        for point in points:
            check_storable(point.payload)
        with self._changing_pages():
            self._notes.learn([point.payload["metadata"] for point in points])
            for part in in_requests(points, point_bytes):
                self._write(part)

    def _write(self, points: Sequence[PagePoint]) -> None:
        structs = [page_struct(point, self._analyser) for point in points]
        self._server.ask("writing pages into", lambda client: client.upsert(self._pages, structs, wait=True))

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition."""
        selector = models.FilterSelector(filter=compile_filter(condition) or models.Filter())
        with self._changing_pages():
            self._server.ask("deleting pages from", lambda client: client.delete(self._pages, selector, wait=True))

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages, and the vector of their text; the other vectors and the regions stay.

        Raises:
            InvalidInput: A page is not in the store; nothing is written.
        """
        payloads = {page.page_id: page_payload(page) for page in pages}
        for payload in payloads.values():
            check_storable(payload)
        with self._changing_pages():
            for part in _parts(list(payloads), _SCROLL_PAGES):
                self._check_present(part, self._read(part))
            self._notes.learn([payload["metadata"] for payload in payloads.values()])
            for part in _parts(list(payloads), _UPDATE_PAGES):
                self._update({page_id: payloads[page_id] for page_id in part})

    def _update(self, payloads: Mapping[str, Mapping[str, Any]]) -> None:
        operations: list[models.UpdateOperation] = []
        for page_id, payload in payloads.items():
            operations += payload_updates(page_id, payload, self._analyser.document(payload[TEXT]))
        self._server.ask(
            "writing payload into", lambda client: client.batch_update_points(self._pages, operations, wait=True)
        )

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        compiled = compile_filter(condition)
        return self._server.ask("counting", lambda client: client.count(self._pages, compiled, exact=True)).count

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages, in no particular order."""
        for row in self._server.scroll(self._pages, compile_filter(condition), with_payload=WITHOUT_REGIONS):
            yield page_record(str(row.id), row.payload or {})

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back full multi-vectors and regions, in order.

        Raises:
            InvalidInput: A page is not in the store.
        """
        page_ids = list(dict.fromkeys(page.page_id for page in pages))
        found: dict[str, PageEmbedding] = {}
        for part in _parts(page_ids, _READ_PAGES):
            rows = self._read(part, with_payload=[REGIONS], with_vectors=[FULL])
            self._check_present(part, rows)
            found.update({page_id: page_embedding(row) for page_id, row in rows.items()})
        return [found[page.page_id] for page in pages]

    def _read(self, page_ids: Sequence[str], **what: Any) -> dict[str, models.Record]:
        for page_id in page_ids:
            check_page_id(page_id)
        options = {"with_payload": False, **what}
        rows = self._server.ask("reading", lambda client: client.retrieve(self._pages, list(page_ids), **options))
        return {str(row.id): row for row in rows}

    def _check_present(self, page_ids: Sequence[str], present: Mapping[str, models.Record]) -> None:
        missing = [page_id for page_id in page_ids if page_id not in present]
        if missing:
            self._count_write()  # somebody else's, as far as can be told
            raise InvalidInput(
                f"{len(missing)} of {len(page_ids)} pages are not in collection '{self._pages}', the first is "
                f"{missing[0]}; they were removed or never ingested, search again"
            )

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Run one search, best page first and equal scores by page id; the score is MaxSim."""
        return self.query_batch([plan])[0]

    def query_batch(self, plans: Sequence[QueryPlan]) -> list[list[ScoredPage]]:
        """Run several searches, in order, with as few requests as a server takes."""
        for plan in plans:
            check_query(plan, self._passport.model.dim)
        most = max((max(plan.limit, plan.shortlist or 0) for plan in plans), default=0)
        n_pages = most if most <= _FEW_HITS else self.count()  # a server makes room for all that it is asked for
        found: list[list[ScoredPage]] = []
        for part in in_requests(plans, plan_bytes):
            requests = [search_request(plan, compile_filter(plan.filter), n_pages=n_pages) for plan in part]
            found += best_pages(self._server, requests, [0 if plan.shortlist == 0 else plan.limit for plan in part])
        return found

    def query_text(self, plan: TextPlan) -> list[ScoredPage]:
        """Search the text layers, best page first and equal scores by page id; the score is BM25, above 0."""
        if plan.limit < 0:
            raise InvalidInput(f"limit is {plan.limit}; it is a number of pages, 0 or more")
        condition, words = compile_filter(plan.filter), self._analyser.query(plan.text)
        limit = plan.limit if plan.limit <= _FEW_HITS else min(plan.limit, self.count())
        if words is None or not limit:
            return []
        [pages] = best_pages(self._server, [text_request(words, condition, limit=limit)], [limit])
        return [page for page in pages if page.score > 0]

    def values(self, key: str, condition: Filter | None = None) -> Iterator[tuple[str, Any]]:
        """Read one payload field of all pages that have it: (page id, value), in no particular order."""
        *outer, last = path_keys(key)
        for row in self._server.scroll(self._pages, compile_filter(condition), with_payload=[key]):
            fields: Any = row.payload or {}
            for name in outer:
                fields = fields.get(name) if isinstance(fields, dict) else None
            if isinstance(fields, dict) and last in fields:
                yield str(row.id), fields[last]

    def fields(self) -> Mapping[str, frozenset[FieldKind]]:
        """Name the metadata fields that were ever written, nested ones with dots, and what they held."""
        return self._notes.read()

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record, replacing that of the same document."""
        self._check_writable()
        self._ledger.put(record)

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        return self._ledger.records()

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record, if it is there; its pages are removed by `delete`."""
        self._check_writable()
        self._ledger.delete(document_id)

    def size(self) -> StoreSize:
        """Count pages, documents and vectors, and estimate the bytes that one copy of them takes.

        A server does not tell its bytes on disk: these are the vectors' (all pages taken to have as many pooled ones
        as one of them) and the regions'; text, metadata, indexes and the write-ahead log come on top.
        """
        rows = self._server.scroll(self._pages, None, with_payload=[N_VECTORS])
        n_vectors = [int((row.payload or {})[N_VECTORS]) for row in rows]
        one, _ = self._server.ask("reading", lambda client: client.scroll(self._pages, limit=1, with_vectors=[POOLED]))
        n_pooled = len(n_vectors) * (n_rows(one[0], POOLED) if one else 0)
        dim = self._passport.model.dim
        full_bytes = sum(n_vectors) * (dim * _BYTES_OF[self._passport.datatype] + _REGION_BYTES)
        return StoreSize(
            n_pages=len(n_vectors),
            n_documents=self._ledger.count(),
            n_vectors=sum(n_vectors),
            size_bytes=round(full_bytes + n_pooled * dim * _BYTES_OF["float16"]),
        )

    def maintain(self) -> None:
        """Do nothing: every write is waited for, and a server keeps its collections in order by itself."""

    def publish(self, alias: str) -> None:
        """Let an alias stand for this index from now on; whoever opens by it gets this one.

        Both collections switch in one step. Stores that are open go on with what they opened.

        Raises:
            InvalidInput: The name is none, or a collection's.
        """
        self._check_writable()
        publish(self._server, alias)

    def drop(self) -> None:
        """Remove the index from the server, with the aliases that stand for it, and close the store."""
        self._check_writable()
        for name in (
            self._pages,
            documents_name(self._pages),
        ):  # in this order, what is left by a break can be created again
            self._remove(name)
        self.close()

    def _remove(self, name: str) -> None:
        self._server.ask("dropping", lambda client: client.delete_collection(name))

    def close(self) -> None:
        """Let go of the connection; a closed store cannot be used again. A second call does nothing."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _changing_pages(self) -> Iterator[None]:
        """Count a write before and after: what is read meanwhile may be either."""
        self._check_writable()
        self._count_write()
        try:
            yield
        finally:
            self._count_write()

    def _count_write(self) -> None:
        with self._guard:
            self._revision += 1

    def _check_writable(self) -> None:
        if self._is_read_only:
            raise StoreError(
                f"{self._server.place} was opened read-only; open it without read_only to write",
                collection=self._pages,
            )


def _server(settings: ServerSettings, collection: str, client: QdrantClient | None) -> Server:
    if client is None:
        return Server.connect(settings, collection)
    return Server(client, settings, collection, is_own=False)


def _parts(page_ids: Sequence[str], n_pages: int) -> Iterator[Sequence[str]]:
    return (page_ids[start : start + n_pages] for start in range(0, len(page_ids), n_pages))
