"""The facade that a user holds: an index in a folder. It wires the rooms and holds no logic of its own.

with VisualIndex.open_or_create("manuals.index") as index:
    index.add("manuals/")
    for hit in index.search("wiring diagram of the pump"):
        print(hit.rank, hit.page.document_name, hit.page.page_number, hit.score)
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, RLock, get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from visual_rag.embed.health import probe_of
from visual_rag.embed.load import load_embedder, load_embedder_of, merging_rows
from visual_rag.embed.models import DEFAULT_MODEL
from visual_rag.embed.protocol import LateReranker, PageEmbedder
from visual_rag.errors import CollectionNotFound, InvalidInput
from visual_rag.ingest.ledger import count_missing_pages, find_documents
from visual_rag.ingest.metadata import find_page, write_metadata
from visual_rag.ingest.pipeline import Ingestor, PasswordFor
from visual_rag.ingest.progress import OnProgress
from visual_rag.ingest.removal import remove_documents
from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord, Evidence, Hit, IngestReport, PageRecord
from visual_rag.render import renderer_version
from visual_rag.retrieve.browse import PageBrowser
from visual_rag.retrieve.contact_sheet import write_contact_sheets
from visual_rag.retrieve.evidence_picture import write_evidence
from visual_rag.retrieve.filter_fields import legal_fields
from visual_rag.retrieve.search import PageSearcher
from visual_rag.searching import FolderLike, Searching
from visual_rag.settings import (
    DEFAULT_POLICY,
    STORAGE_POLICIES,
    ModelSettings,
    RenderSettings,
    SearchSettings,
    StoreSettings,
    default_index_folder,
)
from visual_rag.sources.local import expanded
from visual_rag.store.filters import Filter, In
from visual_rag.store.images import PageImages
from visual_rag.store.places import create_store, open_store
from visual_rag.store.protocol import FieldKind, PageStore, StoreSize
from visual_rag.store.schema import DOCUMENT_ID

if TYPE_CHECKING:
    from llama_index.core.vector_stores import MetadataFilters

    from visual_rag.llama_index import ImageSettings, VisualRetriever

Password = str | PasswordFor


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """What an index was built with and what it holds.

    Attributes:
        folder: Where it lies.
        passport: What shaped its vectors.
        size: Counts, and bytes of the vectors and the ledger.
        image_bytes: Bytes of the kept page images.
    """

    folder: Path
    passport: IndexPassport
    size: StoreSize
    image_bytes: int


class VisualIndex(Searching):
    """Pages of documents in one folder, found by what they show. Make one by `open`, `create` or `open_or_create`."""

    def __init__(
        self,
        store: PageStore,
        load: Callable[[], PageEmbedder],
        folder: Path,
        render: RenderSettings,
        search: SearchSettings,
    ) -> None:
        self.folder = folder
        self._store = store
        self._load = load
        self._loading = RLock()
        self._embedder: PageEmbedder | None = None
        self._searcher: PageSearcher | None = None
        self._render = render
        self._search = search
        self._images = PageImages(folder)
        self._writing = Lock()  # what one thread sweeps, another may be about to refer to
        self._writer: int | None = None  # the thread that holds it

    @classmethod
    def create(
        cls,
        folder: FolderLike | None = None,
        *,
        model: str | PageEmbedder = DEFAULT_MODEL,
        model_settings: ModelSettings | None = None,
        render: RenderSettings | None = None,
        store: StoreSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Self:
        """Make a new, empty index.

        Args:
            folder: A new or empty one; None takes `$VISUAL_RAG_INDEX`, else `.visual_rag` in the current folder.
            model: `spotter`, a folder, a name on the hub such as `vidore/colqwen2.5-v0.2`, the address of a served
                model, or an embedder of your own.
            model_settings: How a model that is named is loaded and run.
            render: How pages are rendered.
            store: How vectors are kept.
            search: How pages are looked for.

        Raises:
            StoreError: There is an index already, or something else lies in the folder.
            EmbeddingError: The model cannot be loaded.
            MissingDependency: The renderer is not installed.
        """
        path, render, store = _index_folder(folder), render or RenderSettings(), store or StoreSettings()
        policy = STORAGE_POLICIES[store.policy or DEFAULT_POLICY]
        if isinstance(model, str):
            embedder = load_embedder(model, merging_rows(model, model_settings, policy))
        else:
            embedder = model
        passport = IndexPassport(
            model=embedder.identity,
            dpi=render.dpi or embedder.page_dpi,
            renderer=renderer_version(render.renderer or "pdfium"),
            pooling=embedder.pooling,
            probe=probe_of(embedder),
            datatype=policy.datatype,
            text_language=store.text_language or "english",
            keeps_rows=isinstance(embedder, LateReranker),
        )
        return cls(create_store(path, passport, store), lambda: embedder, path, render, search or SearchSettings())

    @classmethod
    def open(
        cls,
        folder: FolderLike | None = None,
        *,
        model: str | PageEmbedder | None = None,
        model_settings: ModelSettings | None = None,
        render: RenderSettings | None = None,
        store: StoreSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Self:
        """Open an index that exists, with the model it was built with.

        Args:
            folder: Where; None takes `$VISUAL_RAG_INDEX`, else `.visual_rag` in the current folder.
            model: None takes the one the index was built with, loaded and checked when it is first needed.
            model_settings: Device and batch size, and whatever else may differ from when the index was built.
            render: Limits for further documents; dpi and renderer, where given, must be those of the index.
            store: Where given, must be what the index was built with.
            search: How pages are looked for.

        Raises:
            CollectionNotFound: There is no index in the folder.
            StoreLocked: Another process holds it.
            PassportMismatch: `model`, `render` or `store` is not what the index was built with.
        """
        path, render, store = _index_folder(folder), render or RenderSettings(), store or StoreSettings()
        asked = {
            "dpi": render.dpi,
            "renderer": render.renderer,
            "policy": store.policy,
            "text_language": store.text_language,
        }
        with ExitStack() as undo:
            opened = undo.enter_context(closing(open_store(path, store)))
            opened.passport.check_settings(asked, index=path.name)

            def load() -> PageEmbedder:
                return load_embedder_of(opened.passport, model_settings, model=model, index=path.name)

            index = cls(opened, load, path, render, search or SearchSettings())
            if model is not None:
                _ = index.embedder  # so that a wrong one is refused here and now
            undo.pop_all()
        return index

    @classmethod
    def open_or_create(
        cls,
        folder: FolderLike | None = None,
        *,
        model: str | PageEmbedder | None = None,
        model_settings: ModelSettings | None = None,
        render: RenderSettings | None = None,
        store: StoreSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Self:
        """Open the index in a folder, or make one there. Arguments and errors as for `open` and `create`."""
        try:
            return cls.open(
                folder, model=model, model_settings=model_settings, render=render, store=store, search=search
            )
        except CollectionNotFound:
            chosen = DEFAULT_MODEL if model is None else model
            return cls.create(
                folder, model=chosen, model_settings=model_settings, render=render, store=store, search=search
            )

    def add(
        self,
        *paths: FolderLike,
        password: Password | None = None,
        on_progress: OnProgress | None = None,
        strict: bool = False,
    ) -> IngestReport:
        """Bring files and folders into the index; what is in it unchanged costs nothing.

        Args:
            paths: PDF and image files, or folders of them.
            password: For documents that need one: the password, or a function from the document to it.
            on_progress: Called after every few pages.
            strict: Raise at the first document or page that fails, instead of noting it in the report.

        Raises:
            InvalidInput: No path was given.
            SourceError: A path does not exist.
            PassportMismatch: The installed model is not what the index was built with.
            DocumentError: With `strict`, what failed first.
        """
        if not paths:
            raise InvalidInput("no path was given; name files or folders to add")
        passport = self._store.passport
        render = replace(self._render, renderer=passport.renderer_name)
        ingestor = Ingestor(self._store, self.embedder, self._images, render, dpi=passport.dpi)
        with self._alone():
            return ingestor.add(
                [Path(path) for path in paths],
                password_for=_password_function(password),
                on_progress=on_progress,
                strict=strict,
            )

    def remove(self, *documents: FolderLike) -> int:
        """Take documents out of the index; the files themselves are left alone.

        Args:
            documents: File names, paths or source URIs; a folder means all documents in it.

        Returns:
            How many pages were removed.

        Raises:
            InvalidInput: Nothing in the index goes by one of the names, or a bare name means several documents.
        """
        with self._alone():
            return remove_documents(self._store, self._images, self._named(documents))

    def show(self, question: str, hits: Sequence[Hit], path: FolderLike) -> Path:
        """Write the contact sheet of one search; see `show_all`."""
        return self.show_all([(question, hits)], path)

    def show_all(self, searches: Sequence[tuple[str, Sequence[Hit]]], path: FolderLike) -> Path:
        """Write the contact sheet of several searches.

        Args:
            searches: Questions with their hits.
            path: Ends in `.png` (one picture) or `.html` (one self-contained page).

        Returns:
            The path that was written.

        Raises:
            InvalidInput: The suffix is neither.
        """
        return write_contact_sheets(searches, self.page_image, Path(path))

    def page_image(self, page: PageRecord) -> bytes:
        """Read the kept image of a page, as an image file (JPEG).

        Raises:
            StoreError: The image is missing.
        """
        return self._images.get(page.page_hash)

    def show_evidence(self, evidence: Evidence, path: FolderLike) -> Path:
        """Draw where each part of a question was found, over the kept image of the page.

        Args:
            evidence: Of `hit.evidence()` or `evidence(question, page)`.
            path: Of the picture; its suffix says what kind.

        Raises:
            InvalidInput: Pillow writes no pictures of that kind.
        """
        return write_evidence(evidence, self.page_image(evidence.page), Path(path))

    def page(self, document: FolderLike, page_number: int) -> PageRecord:
        """Find a page by its document, named as for `remove`, and its number, counted from 1.

        Raises:
            InvalidInput: There is no such document, it is several, or it has no such page in the index.
        """
        return find_page(self._store, self._named([document]), page_number)

    def fields(self) -> Mapping[str, frozenset[FieldKind]]:
        """The fields that a condition may name, and what they hold."""
        return legal_fields(self._store.fields())

    def set_metadata(self, metadata: Mapping[str, Any], *, documents: Sequence[FolderLike]) -> int:
        """Write fields of your own to all pages of some documents; nothing is embedded.

        Pages are written in parts: where the process is killed in between, some have the new values. Write them again.

        Args:
            metadata: Values by field: text, numbers, truth values, dates as ISO 8601 text, lists or mappings of such.
                Other fields stay; one that is None is taken away.
            documents: Names as for `remove`.

        Returns:
            How many pages were written.

        Raises:
            InvalidInput: A value is none of these, or a document is unknown.
        """
        with self._alone():
            return write_metadata(self._store, self._named(documents), metadata)

    def pages(self) -> Iterator[PageRecord]:
        """Go through all pages, in no particular order; `scroll` goes through those that meet a condition."""
        return self._store.scroll()

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger: every document that was tried, sorted by source URI."""
        return self._store.documents()

    def n_missing_pages(self) -> int:
        """Count pages that the ledger says are here and are not: files of the index were lost; ingesting heals it."""
        return count_missing_pages(self._store)

    def info(self) -> IndexInfo:
        """Say what the index was built with and what it holds."""
        return IndexInfo(
            folder=self.folder,
            passport=self._store.passport,
            size=self._store.size(),
            image_bytes=self._images.size_bytes(),
        )

    def as_retriever(
        self,
        *,
        similarity_top_k: int = 5,
        filters: "MetadataFilters | None" = None,
        images: "ImageSettings | None" = None,
        settings: SearchSettings | None = None,
    ) -> "VisualRetriever":
        """Make a LlamaIndex retriever over this index; its nodes carry page images for a vision LLM.

        Args:
            similarity_top_k: Most nodes to return.
            filters: LlamaIndex filters on any field of the pages, the user's metadata among them.
            images: Format and size in which the LLM gets the pages.
            settings: How to search, such as `SearchSettings(min_similarity=0.4)`; None takes the index's.

        Raises:
            InvalidFilter: `filters` cannot be honoured.
        """
        from visual_rag.llama_index import VisualRetriever

        return VisualRetriever(
            self.searcher,
            similarity_top_k=similarity_top_k,
            filters=filters,
            images=images,
            settings=settings,
        )

    @property
    def embedder(self) -> PageEmbedder:
        """The model, loaded at first use, by one of the threads that ask for it.

        Raises:
            PassportMismatch: The installed model is not what the index was built with.
            UnknownModel: The index was built with an embedder of your own: hand it to `open` as `model`.
        """
        with self._loading:
            if self._embedder is None:
                self._embedder = self._load()
            return self._embedder

    @property
    def searcher(self) -> PageSearcher:
        """The search side of this index."""
        with self._loading:
            if self._searcher is None:
                self._searcher = PageSearcher(self._store, self.embedder, self._images, self._search)
            return self._searcher

    @property
    def browser(self) -> PageBrowser:
        """The side of this index that needs no model."""
        return PageBrowser(self._store)

    def close(self) -> None:
        """Release the folder for other processes."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Write with no other thread writing."""
        if self._writer == get_ident():
            raise InvalidInput("this index is being added to; on_progress may search it but not add or remove")
        with self._writing:
            self._writer = get_ident()
            try:
                yield
            finally:
                self._writer = None

    def documents_condition(self, documents: Sequence[FolderLike] | None) -> Filter | None:
        """The condition that a page belongs to one of the documents: none of it for None, never met for no document."""
        if documents is None:
            return None
        return In(DOCUMENT_ID, tuple(record.document.document_id for record in self._named(documents)))

    def _named(self, documents: Sequence[FolderLike]) -> list[DocumentRecord]:
        if isinstance(documents, str | os.PathLike):
            raise InvalidInput(f"documents is {os.fspath(documents)!r}; give a list of names")
        if not isinstance(documents, Sequence) or not all(isinstance(name, str | os.PathLike) for name in documents):
            raise InvalidInput(f"documents is {documents!r}; give a list of names")
        ledger = self.documents()
        found = [record for name in documents for record in find_documents(ledger, os.fspath(name))]
        return list({record.document.document_id: record for record in found}.values())


def _index_folder(folder: FolderLike | None) -> Path:
    return expanded(Path(folder) if folder is not None else default_index_folder()).absolute()


def _password_function(password: Password | None) -> PasswordFor | None:
    if isinstance(password, str):
        return lambda _: password
    if password is not None and not callable(password):
        raise InvalidInput(
            f"password is a {type(password).__name__}; give a text, or a function from a document to one"
        )
    return password
