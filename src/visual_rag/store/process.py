"""The embedded store in a process of its own, for whatever must go on while it searches, such as a server.

    with ProcessStore.open(folder) as store:      # a `PageStore` that any number of threads may use
        store.query(QueryPlan(vectors=query.vectors, limit=5))

Qdrant Edge holds the interpreter's lock while it works; here that is the lock of another interpreter. Calls are served
one after the other, in the order they came; iterators are read in parts, so that others get in between.

When the search process dies, calls that wait for it raise `StoreUnavailable`, and the next call starts it again: what a
call had returned for is kept by the engine's log. A store must not be used across `os.fork` (so not by `fork` of
multiprocessing, nor by a server that loads the application before it forks): open it after the fork, in one process.
"""

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from visual_rag.errors import StoreError, StoreUnavailable
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
from visual_rag.store.checks import check_page_id, check_query
from visual_rag.store.edge_folder import ROWS
from visual_rag.store.filters import Filter, In
from visual_rag.store.process_channel import Opening, Part
from visual_rag.store.process_handle import ProcessEnded, SearchProcess
from visual_rag.store.protocol import FieldKind, PageStore, QueryPlan, StoreSize, TextPlan
from visual_rag.store.row_directory import RowListing
from visual_rag.store.row_search import RowKeeper, RowSearch
from visual_rag.store.rows import PageRows
from visual_rag.store.schema import PAGE_HASH, PAGE_ID

T = TypeVar("T")
_MOST_DEATHS = 3
_REBUILD_PAGES = 32
_MOST_TRIES = 3


class ProcessStore:
    """A `PageStore` and `RowMatcher` in a local folder, in a process of its own. Make one with `create` or `open`."""

    def __init__(self, folder: Path, process: SearchProcess) -> None:
        self._folder = folder
        self._passport = process.passport
        self._owner = os.getpid()
        self._guard = threading.Lock()
        self._is_closed = False
        self._deaths: list[str] = []  # how processes ended, since the last answer
        self._revision = 0
        self._rows_revision = 0
        self._rows = PageRows(
            folder / ROWS,
            dim=process.passport.model.dim,
            datatype=process.passport.datatype,
            keeps_rows=process.passport.keeps_rows,
        )
        self._row_search = RowSearch(self._rows)
        self._listed: tuple[int, RowListing | None] | None = None  # at which revision
        self._process: SearchProcess | None = process
        self._release_if_collected(process)

    @classmethod
    def create(cls, folder: Path, passport: IndexPassport) -> Self:
        """Make an empty index; see `EdgeStore.create`.

        Raises:
            StoreUnavailable: The search process ended.
            StoreError: As of `EdgeStore.create`.
            InvalidInput: The passport asks for an unknown datatype.
        """
        folder = Path(folder).resolve()
        return cls(folder, _started(folder, passport))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index in a folder; see `EdgeStore.open`.

        Raises:
            StoreUnavailable: The search process ended.
            StoreError: As of `EdgeStore.open`.
        """
        folder = Path(folder).resolve()
        return cls(folder, _started(folder, None))

    @property
    def passport(self) -> IndexPassport:
        """What the index was built with."""
        return self._passport

    @property
    def revision(self) -> int:
        """Grows with every write to the pages, when it is done."""
        return self._revision

    def upsert(self, points: Sequence[PagePoint]) -> None:
        """Write pages, replacing those of the same id; see `PageStore.upsert`."""
        with self._changing_pages():
            self._call(PageStore.upsert, list(points))

    def delete(self, condition: Filter) -> None:
        """Remove all pages that meet the condition. Disk space comes back with `maintain`."""
        with self._changing_pages():
            self._call(PageStore.delete, condition)

    def update_payload(self, pages: Sequence[PageRecord]) -> None:
        """Rewrite the payload of pages whose vectors and regions stay.

        Raises:
            InvalidInput: A page is not in the store; nothing is written.
        """
        with self._changing_pages():
            self._call(PageStore.update_payload, list(pages))

    def count(self, condition: Filter | None = None) -> int:
        """Count pages, exactly."""
        return self._call(PageStore.count, condition)

    def scroll(self, condition: Filter | None = None) -> Iterator[PageRecord]:
        """Go through pages, in no particular order."""
        return self._stream(PageStore.scroll, condition)

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Read back full multi-vectors and regions, in order: from the row files here, else by the search process.

        Raises:
            InvalidInput: A page is not in the store.
        """
        page_ids = {page.page_id for page in pages}
        for page_id in page_ids:
            check_page_id(page_id)
        hashes = dict(self.values(PAGE_HASH, In(PAGE_ID, tuple(page_ids)))) if page_ids else {}
        if len(hashes) < len(page_ids):
            return self._call(PageStore.embeddings, list(pages))  # says which are missing
        rows = self._current_rows()
        read = {page_id: rows.read(page_id, str(page_hash)) for page_id, page_hash in hashes.items()}
        found = {page_id: embedding for page_id, embedding in read.items() if embedding is not None}
        missing = list({page.page_id: page for page in pages if page.page_id not in found}.values())
        for start in range(0, len(missing), _REBUILD_PAGES):
            some = missing[start : start + _REBUILD_PAGES]
            rebuilt = self._call(PageStore.embeddings, some)
            found.update(zip((page.page_id for page in some), rebuilt, strict=True))
        return [found[page.page_id] for page in pages]

    def row_matches(self, vectors: FloatArray, *, n_rows: int) -> RowMatches | None:
        """Find rows of the index that lie near the rows of a query, here: only what counts is asked for."""
        check_query(QueryPlan(vectors=vectors, limit=0), self._passport.model.dim)
        for _ in range(_MOST_TRIES):  # maintenance may publish in between
            listing = self._listing()
            found = None if listing is None else self._row_search.matches(listing, vectors, n_rows=n_rows)
            if listing is None or found is not None:
                return found
            self._listed = None
        return None

    def _listing(self) -> RowListing | None:
        self._check_usable()
        listed, revision = self._listed, self._revision
        if listed is None or listed[0] != revision:
            self._listed = listed = revision, self._call(RowKeeper.row_listing)
        return listed[1]

    def query(self, plan: QueryPlan) -> list[ScoredPage]:
        """Run one search, best page first and equal scores by page id; the score is MaxSim."""
        return self._call(PageStore.query, plan)

    def query_batch(self, plans: Sequence[QueryPlan]) -> list[list[ScoredPage]]:
        """Run several searches, in order; nobody gets in between."""
        return self._call(PageStore.query_batch, list(plans))

    def query_text(self, plan: TextPlan) -> list[ScoredPage]:
        """Search the text layers, best page first and equal scores by page id; the score is BM25, above 0."""
        return self._call(PageStore.query_text, plan)

    def values(self, key: str, condition: Filter | None = None) -> Iterator[tuple[str, Any]]:
        """Read one payload field of all pages that have it: (page id, value), in no particular order."""
        return self._stream(PageStore.values, key, condition)

    def fields(self) -> Mapping[str, frozenset[FieldKind]]:
        """Name the metadata fields that were ever written, nested ones with dots, and what they held."""
        return self._call(PageStore.fields)

    def put_document(self, record: DocumentRecord) -> None:
        """Write one ledger record, replacing that of the same document."""
        self._call(PageStore.put_document, record)

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger, sorted by source URI."""
        return self._call(PageStore.documents)

    def delete_document(self, document_id: str) -> None:
        """Remove one ledger record, if it is there; its pages are removed by `delete`."""
        self._call(PageStore.delete_document, document_id)

    def size(self) -> StoreSize:
        """Count pages, documents and vectors, and the bytes that the folder takes on disk."""
        return self._call(PageStore.size)

    def maintain(self) -> None:
        """Merge what was written, give back the space of what was deleted, and bring everything to disk."""
        try:
            while self._call(RowKeeper.pack_some):
                pass  # others are served in between
            self._call(PageStore.maintain)
        finally:
            self._listed = None

    def close(self) -> None:
        """Let calls that wait be answered, then release the index. A second call does nothing.

        Raises:
            StoreError: The last writes could not be brought to disk, such as when the folder was deleted meanwhile.
        """
        if os.getpid() != self._owner:  # the other side of a fork has it still
            return
        with self._guard:
            process, self._process, self._is_closed = self._process, None, True
        if process is None:
            return
        try:
            process.call("close")
        except ProcessEnded:
            return  # and the index's lock with it
        finally:
            process.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: Callable[..., T], *arguments: Any) -> T:
        """Have the search process call this member of its store."""
        process = self._living_process()
        with self._telling_the_end():
            value: T = process.call(method.__name__, *arguments)
        return value

    def _stream(self, method: Callable[..., Iterator[T]], *arguments: Any) -> Iterator[T]:
        """Likewise, for what gives an iterator; a stream lives and dies with the process that began it."""
        process = self._living_process()
        with self._telling_the_end():
            part: Part = process.call(method.__name__, *arguments)
        stream = part.stream
        try:
            yield from part.items
            while stream is not None:
                self._check_usable()
                with self._telling_the_end():
                    part = process.more(stream)
                stream = part.stream
                yield from part.items
        finally:
            if stream is not None:
                process.forget(stream)

    @contextmanager
    def _telling_the_end(self) -> Iterator[None]:
        try:
            yield
        except ProcessEnded as ended:
            self._check_usable()  # closed by another thread meanwhile
            raise _died(self._folder.name, ended) from ended

    @contextmanager
    def _changing_pages(self) -> Iterator[None]:
        """Let the revision grow after a write, whatever came of it: a reader in between is then merely out of date."""
        try:
            yield
        finally:
            with self._guard:
                self._revision += 1

    def _current_rows(self) -> PageRows:
        """Give a reader of row files whose memory holds nothing older than the last write."""
        with self._guard:
            if self._rows_revision != self._revision:
                self._rows.forget()
                self._rows_revision = self._revision
            return self._rows

    def _living_process(self) -> SearchProcess:
        """Give the search process, after a death a fresh one."""
        self._check_usable()
        with self._guard:
            self._check_usable()  # again: another thread may have closed the store
            if self._process is not None and self._process.has_ended():
                self._note_death(self._process)
                self._process = None
            if self._process is None:
                self._process = self._started_again()
            return self._process

    def _note_death(self, process: SearchProcess) -> None:
        if process.has_answered:
            self._deaths.clear()
        self._deaths.append(process.how_it_ended)

    def _started_again(self) -> SearchProcess:
        name = self._folder.name
        if len(self._deaths) >= _MOST_DEATHS:
            raise StoreError(
                f"the search process of index '{name}' ended {len(self._deaths)} times in a row and answered nothing "
                f"in between, at last {self._deaths[-1]}. Open the index again; if that ends so as well, a file of it "
                "is damaged: restore its folder from a copy, or ingest the documents into a new index",
                collection=name,
            )
        try:
            process = SearchProcess(_opening(self._folder, None))
        except ProcessEnded as ended:
            self._deaths.append(str(ended))
            raise _died(name, ended) from ended
        self._release_if_collected(process)
        return process

    def _release_if_collected(self, process: SearchProcess) -> None:
        """Let the process end also where nobody calls `close`."""
        weakref.finalize(self, process.release)

    def _check_usable(self) -> None:
        name = self._folder.name
        if self._is_closed:
            raise StoreError(f"index '{name}' is closed; open it again", collection=name)
        if os.getpid() != self._owner:
            raise StoreError(
                f"index '{name}' was opened before this process was forked, and cannot be used on both sides; open it "
                "after the fork, in one process",
                collection=name,
            )


def _started(folder: Path, passport: IndexPassport | None) -> SearchProcess:
    try:
        return SearchProcess(_opening(folder, passport))
    except ProcessEnded as ended:
        raise _died(folder.name, ended) from ended


def _opening(folder: Path, passport: IndexPassport | None) -> Opening:
    return Opening(folder=folder, passport=passport, program=tuple(sys.argv))


def _died(name: str, ended: ProcessEnded) -> StoreUnavailable:
    return StoreUnavailable(
        f"the search process of index '{name}' ended {ended} before it had answered. What was written before is kept; "
        "try again, which starts it anew",
        collection=name,
    )
